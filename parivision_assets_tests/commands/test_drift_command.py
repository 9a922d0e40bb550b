"""`parivision drift` and `parivision reports`: what they print, and what they say when there is nothing to report."""

import json
import os
import warnings
from collections.abc import Iterator
from importlib import import_module
from typing import Any

import pytest
import uvicorn
from typer.testing import CliRunner

from parivision_assets.cli import app
from parivision_assets.errors import CommandError
from parivision_assets_tests.defs.test_drift import SEASONS, TARGET, with_champion
from parivision_assets_tests.small_platform import SmallPlatform, import_foreign_libraries


@pytest.fixture(scope="module")
def champion(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SmallPlatform]:
    before = dict(os.environ)
    import_foreign_libraries()
    yield with_champion(tmp_path_factory.mktemp("command"))
    os.environ.clear()
    os.environ.update(before)


@pytest.fixture
def at_home(champion: SmallPlatform, monkeypatch: pytest.MonkeyPatch) -> SmallPlatform:
    monkeypatch.setenv("PARIVISION_HOME", str(champion.settings.home))
    monkeypatch.setenv("PARIVISION_SHOTS_URL", str(champion.settings.shots_url))
    monkeypatch.setenv("PARIVISION_SEASONS", ",".join(map(str, SEASONS)))
    monkeypatch.setenv("PARIVISION_TODAY", "2022-06-01")
    return champion


def call(*words: str) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return CliRunner().invoke(app, list(words), env={"COLUMNS": "200"})


def test_a_window_prints_three_answers_the_attribution_and_where_the_pages_are(at_home: SmallPlatform) -> None:
    made = call("drift", "--target", TARGET, "--from", "2021-11-20", "--to", "2021-11-30")
    assert made.exit_code == 0, made.output
    for words in ("2021-11-20 to 2021-11-30", "input moved?", "relation moved?", "data broken?", "covariate mix"):
        assert words in made.output
    newest = at_home.home.reports.newest(TARGET)
    assert newest is not None
    assert newest.digest in made.output.replace("\n", "")


def test_json_is_the_summary(at_home: SmallPlatform) -> None:
    made = call("drift", "--target", TARGET, "--json")
    assert made.exit_code == 0, made.output
    found = json.loads(made.output)
    assert (found["verdict"], found["target"]) == ("none", TARGET)
    assert set(found) >= {"input", "relation", "quality", "attribution", "digest", "folder"}


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--target", "dunks"), "there is no target 'dunks'"),
        (("--target", TARGET, "--from", "2022-01-05", "--to", "2022-01-01"), "before it begins"),
        (("--target", TARGET, "--to", "1999-01-01"), "no season of shot_features has begun by 1999-01-01"),
        (("--target", TARGET, "--from", "2022-04-01", "--to", "2022-04-05"), "no game from 2022-04-01 to 2022-04-05"),
        (("--target", "game"), "no season of game_features has begun yet"),
    ],
)
def test_what_cannot_be_reported_is_said_in_one_line(at_home: SmallPlatform, words: Any, said: str) -> None:
    made = call("drift", *words)
    assert isinstance(made.exception, CommandError)
    assert said in str(made.exception)


def test_reports_are_served_on_this_machine_only_unless_said(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: dict[str, Any] = {}
    monkeypatch.setattr(uvicorn, "run", lambda name, **options: asked.update(options, name=name))
    assert call("reports", "--port", "8123").exit_code == 0
    assert (asked["host"], asked["port"], asked["factory"]) == ("127.0.0.1", 8123, True)
    module, _, factory = asked["name"].partition(":")
    assert callable(getattr(import_module(module), factory))
