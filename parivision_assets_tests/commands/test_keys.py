"""`parivision keys` and `parivision receipt`: what they print, and one plain line when they cannot."""

import json
from contextlib import closing
from pathlib import Path

import pytest
from typer.testing import CliRunner

from parivision_assets.cli import app
from parivision_assets.settings import Settings
from parivision_assets.stores.home import Home
from parivision_assets.stores.receipts import PredictionAbsentError

ASKED = ["--actor", "ann", "--reason", "the arena's score board"]


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    monkeypatch.setenv("PARIVISION_HOME", str(tmp_path))
    return Home(Settings())


def run(*arguments: str) -> str:
    done = CliRunner().invoke(app, arguments, catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return done.output


def test_a_key_is_shown_once_and_works_until_it_is_revoked(home: Home) -> None:
    shown = run("keys", "create", "score-board", *ASKED, "--expires", "2999-12-31")
    text = shown.splitlines()[0]
    assert "valid until the end of 2999-12-31" in shown
    home.api_keys.refresh()
    assert home.api_keys.verify(text).name == "score-board"
    secret = text.split("_", 2)[2]
    listed = run("keys", "list", "--json")
    assert secret not in listed
    assert [(key["name"], key["state"]) for key in json.loads(listed)] == [("score-board", "active")]
    assert "score-board" in run("keys", "list")
    assert "is revoked" in run("keys", "revoke", "score-board", *ASKED)
    assert json.loads(run("keys", "list", "--json"))[0]["state"] == "revoked"


def test_programs_get_json(home: Home) -> None:
    made = json.loads(run("keys", "create", "app", *ASKED, "--json"))
    assert made["key"].startswith(f"pv_{made['key_id']}_")
    assert made["expires"] is None
    assert json.loads(run("keys", "revoke", made["key_id"], *ASKED, "--json"))["name"] == "app"


def test_a_change_of_keys_needs_an_actor_and_a_reason(home: Home) -> None:
    for command in (["keys", "create", "app"], ["keys", "revoke", "app"]):
        assert CliRunner().invoke(app, command).exit_code == 2


def test_an_unknown_prediction_has_no_receipt(home: Home) -> None:
    with closing(home.prediction_log), pytest.raises(PredictionAbsentError, match="the log holds no prediction"):
        CliRunner().invoke(app, ["receipt", "0" * 32], catch_exceptions=False)
