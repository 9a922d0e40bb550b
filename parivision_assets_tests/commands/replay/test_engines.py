"""Replays by the core: killed ones end as whole ones, and what is kept, told and refused."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from typer.testing import CliRunner

from parivision_assets.cli import app
from parivision_assets.commands.replay.command import Question, live_by_core, replay, replay_settings
from parivision_assets.commands.replay.losses import CONTESTANTS
from parivision_assets.commands.replay.results import print_results, summary
from parivision_assets.errors import CommandError
from parivision_assets_tests.commands.replay.leagues import LEARNT, LIVED, TARGET, Silent, league, question

KILLED = """
import os, signal, sys
from parivision_assets.commands.replay import journal
from parivision_assets.commands.replay.command import live_by_core
from parivision_assets_tests.commands.replay.leagues import Silent, league, question
from pathlib import Path

real, left = journal.Journal.done, int(sys.argv[2])

def done(self, key, do):
    global left
    known = key in self.events
    if not known and left == 0:
        do()  # The event happens; its line is never written.
        os.kill(os.getpid(), signal.SIGKILL)
    found = real(self, key, do)
    left -= not known
    return found

journal.Journal.done = done
live_by_core(league(), question(), Path(sys.argv[1]), Silent())
"""


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    """An uninterrupted quick replay: its folder and what it found."""
    folder = tmp_path_factory.mktemp("whole")
    loop = live_by_core(league(), question(), folder, Silent())
    return folder, summary(loop.losses.table, loop.events, 0.0)


def test_a_champion_is_found_changed_and_learnt_again(whole: tuple[Path, dict[str, Any]]) -> None:
    found = whole[1]
    kinds = [event["event"] for event in found["events"]]
    assert kinds[0] == "training"
    assert kinds.index("promote") < kinds.index("report") < len(kinds) - 1 - kinds[::-1].index("training")
    assert found["trainings"] == {TARGET: kinds.count("training")}
    assert found["promotions"] == {TARGET: kinds.count("promote")}
    (season,) = found["seasons"]
    assert season["season"] == LIVED
    assert all(0.4 < season[name] < 0.8 for name in CONTESTANTS)


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_killed_after_each_event_it_ends_as_if_it_had_not_been(
    whole: tuple[Path, dict[str, Any]], tmp_path: Path
) -> None:
    """kill -9 once an event is done and before it is written down, one event later each time, in one folder."""
    folder, found = whole
    events = (folder / "journal.jsonl").read_text().splitlines()
    # At the first training, and at the last events: a look or promotion, then the report or the last training.
    steps = [1, len(events) - 4, 1]
    for step in steps:
        died = subprocess.run(
            [sys.executable, "-c", KILLED, str(tmp_path), str(step)], check=False, env={**os.environ}, timeout=300
        )
        assert died.returncode == -signal.SIGKILL
    resumed = live_by_core(league(), question(), tmp_path, Silent())
    assert summary(resumed.losses.table, resumed.events, 0.0) == found
    assert (tmp_path / "journal.jsonl").read_bytes() == (folder / "journal.jsonl").read_bytes()


def test_the_table_and_the_picture(whole: tuple[Path, dict[str, Any]], tmp_path: Path) -> None:
    """Resumed from a whole journal nothing is done again; table, JSON and picture are written."""
    folder = whole[0]
    journal = (folder / "journal.jsonl").read_bytes()
    lived = replay(league(), question(), folder, is_quick=True)
    assert (folder / "journal.jsonl").read_bytes() == journal
    with Image.open(folder / "replay.png") as picture:
        picture.load()
        assert picture.width > picture.height > 200
        assert len(picture.convert("RGB").getcolors(1 << 24) or []) > 50
    told = json.loads((folder / "replay.json").read_text())
    assert told["trainings"] == whole[1]["trainings"]
    print_results(lived.losses, lived.events, lived.seconds)


def test_the_command_tells_and_keeps_what_it_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PARIVISION_HOME", str(tmp_path / "home"))
    folder = tmp_path / "replay"
    asked = ["--quick", "--teams", "4", "--games", "8", "--targets", "game", "--budget", "0.05"]
    found = CliRunner().invoke(app, ["replay", "--folder", str(folder), *asked], env={"COLUMNS": "200"})
    assert found.exit_code == 0, found.output
    assert "Log loss in nats per event" in found.output
    assert "training" in found.output
    assert {"replay.png", "replay.json", "journal.jsonl"} <= {path.name for path in folder.iterdir()}
    assert [row["season"] for row in json.loads((folder / "replay.json").read_text())["seasons"]] == [2024]
    other = CliRunner().invoke(app, ["replay", "--folder", str(folder), *asked, "--seed", "23"])
    assert other.exit_code != 0
    assert "another question" in str(other.output) + str(other.exception)


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ({"targets": ("shot",)}, "no target 'shot'; there are shot_pre_release"),
        ({"lived": (LEARNT,), "learnt": (LIVED,)}, "at least one season before those it lives"),
        ({"learnt": ()}, "at least one season before those it lives"),
        ({"lived": ()}, "at least one season before those it lives"),
    ],
)
def test_what_cannot_be_lived_is_refused_in_words(asked: dict[str, Any], words: str) -> None:
    with pytest.raises(CommandError, match=words):
        Question(**{"lived": (LIVED,), "learnt": (LEARNT,), **asked})


def test_an_unknown_scenario_is_refused_in_words(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PARIVISION_HOME", str(tmp_path / "home"))
    found = CliRunner().invoke(app, ["replay", "--quick", "--folder", str(tmp_path), "--scenario", "earthquake"])
    assert found.exit_code != 0
    said = str(found.output) + str(found.exception)
    assert "earthquake" in said
    assert "rule_change" in said


def test_a_replays_home_is_its_own(tmp_path: Path) -> None:
    settings = replay_settings(question(), tmp_path)
    urls = [settings.shots_url, settings.games_url, settings.odds_url]
    assert all(str(url).startswith(str(tmp_path)) for url in [settings.home, *urls])
    assert settings.seasons == (LEARNT, LIVED)
