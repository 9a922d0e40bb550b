"""What a replay has done so far, one line per event, so that a killed one goes on where it was.

A resumed replay lives the days again from the start, which is quick, and takes each event's outcome from here
instead of doing it again. An event that was done but not yet written down is done again, which changes nothing.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from parivision_assets.errors import CommandError

Event = dict[str, Any]


class Journal:
    """An append-only file of events, each with a key that says what it is."""

    def __init__(self, path: Path | None, question: Event) -> None:
        """Open the journal of one question (what is replayed, and how); raise CommandError for another's.

        Without a path nothing is kept.
        """
        self.path = path
        self.events: dict[str, Event] = {}
        if path is None:
            return
        path.parent.mkdir(parents=True, exist_ok=True)
        lines = path.read_text().splitlines() if path.exists() else []
        for line in lines:
            try:
                event = json.loads(line)
            except ValueError:
                # The last line of a killed replay may be cut; its event is done again.
                break
            self.events[event["key"]] = event
        if path.exists():
            _cut(path, [json.dumps(event) for event in self.events.values()])
        asked = self.done("question", lambda: question)
        if {name: asked[name] for name in question} != json.loads(json.dumps(question, default=str)):
            raise CommandError(
                f"{path.parent} holds a replay of another question; choose another --folder, or remove that one"
            )

    def done(self, key: str, do: Callable[[], Event]) -> Event:
        """Return the event of that key, doing it first if it was never done."""
        if key not in self.events:
            event = json.loads(json.dumps({**do(), "key": key}, default=str))
            if self.path is not None:
                with self.path.open("a") as file:
                    file.write(json.dumps(event) + "\n")
                    file.flush()
                    os.fsync(file.fileno())
            self.events[key] = event
        return self.events[key]


def _cut(path: Path, whole: list[str]) -> None:
    """Leave only the whole lines."""
    text = "".join(f"{line}\n" for line in whole)
    if path.read_text() != text:
        rewritten = path.with_suffix(".tmp")
        rewritten.write_text(text)
        rewritten.replace(path)
