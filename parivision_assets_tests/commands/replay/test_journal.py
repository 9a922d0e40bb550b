"""The journal of a replay: each event done once, a cut line done again, another question refused."""

import json
from pathlib import Path

import pytest

from parivision_assets.commands.replay.journal import Event, Journal
from parivision_assets.errors import CommandError

QUESTION: Event = {"question": {"lived": [2023]}, "engine": "core"}


def test_an_event_is_done_once(tmp_path: Path) -> None:
    path, done = tmp_path / "journal.jsonl", list[str]()

    def do() -> Event:
        done.append("once")
        return {"verdict": "keep"}

    first = Journal(path, QUESTION).done("a", do)
    again = Journal(path, QUESTION).done("a", do)
    assert first == again == {"verdict": "keep", "key": "a"}
    assert done == ["once"]


@pytest.mark.parametrize("cut", [1, 5, 20])
def test_a_cut_last_line_is_done_again_and_nothing_else(tmp_path: Path, cut: int) -> None:
    path = tmp_path / "journal.jsonl"
    journal = Journal(path, QUESTION)
    journal.done("a", lambda: {"n": 1})
    journal.done("b", lambda: {"n": 2})
    whole = path.read_bytes()
    path.write_bytes(whole[:-cut])
    resumed = Journal(path, QUESTION)
    assert list(resumed.events) == (["question", "a", "b"] if cut == 1 else ["question", "a"])
    resumed.done("b", lambda: {"n": 2})
    assert path.read_bytes() == whole
    assert [json.loads(line)["key"] for line in path.read_text().splitlines()] == ["question", "a", "b"]


def test_another_question_is_refused_in_words(tmp_path: Path) -> None:
    Journal(tmp_path / "journal.jsonl", QUESTION)
    with pytest.raises(CommandError, match="another question; choose another --folder"):
        Journal(tmp_path / "journal.jsonl", {**QUESTION, "engine": "dagster"})


def test_without_a_path_nothing_is_kept() -> None:
    journal = Journal(None, QUESTION)
    assert journal.done("a", lambda: {"n": 1}) == journal.done("a", lambda: {"n": 2})
