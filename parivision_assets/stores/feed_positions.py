"""How far a feed is published, and how far each of its consumers has read: two small objects, swapped whole.

What is published on which day is the source's to say; what a consumer is told is the app's.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import threading
from pathlib import Path
from typing import Any

from parivision_assets.stores.pointers import LocalPointers, to_json

MAX_CONSUMERS = 1_000
"""Readers that are remembered; beyond that the one that was away longest starts from the beginning."""
_PUBLISHED, _READ = "published", "consumers"


class FeedPositions:
    """The positions of one feed after another under one local root; safe for many threads and processes.

    A feed is named by what it sends (`feed`): positions of another feed count for nothing.
    """

    def __init__(self, root: Path | str) -> None:
        """Use `root`, which need not exist yet."""
        scratch = Path(root) / "scratch"
        self._pointers = LocalPointers(Path(root) / "positions", scratch)
        # The file lock is polled; threads of one process wait for each other without polling.
        self._threads = threading.Lock()

    def published_until(self, feed: str) -> dt.date | None:
        """Return the newest day that was published by hand, None where none was."""
        found = self._read(_PUBLISHED, feed)
        return dt.date.fromisoformat(found["until"]) if found else None

    def publish(self, feed: str, day: dt.date) -> bool:
        """Publish everything up to and including a day; return whether that moved anything. Nothing is taken back."""
        with self._threads, self._pointers.exclusive():
            known = self.published_until(feed)
            if known is not None and known >= day:
                return False
            self._write(_PUBLISHED, {"feed": feed, "until": day.isoformat()})
            return True

    def take(self, feed: str, consumer: str, count: int, available: int) -> range:
        """Return which of the feed's `available` records a consumer receives when it asks for `count` of them.

        Where fewer are left, those; and at the end its cursor is back at the beginning. No two calls for a consumer
        return the same record of one round, and what is returned is on the disk.
        """
        with self._threads, self._pointers.exclusive():
            cursors = self._cursors(feed)
            start = min(cursors.pop(_hidden(consumer), 0), available)
            stop = min(start + count, available)
            self._remember(feed, cursors, consumer, 0 if stop == available else stop)
            return range(start, stop)

    def reset(self, feed: str, consumer: str) -> None:
        """Put a consumer's cursor back at the beginning."""
        with self._threads, self._pointers.exclusive():
            cursors = self._cursors(feed)
            if cursors.pop(_hidden(consumer), 0):
                self._remember(feed, cursors, consumer, 0)

    def _cursors(self, feed: str) -> dict[str, int]:
        found = self._read(_READ, feed)
        return dict(found["next"]) if found else {}

    def _remember(self, feed: str, cursors: dict[str, int], consumer: str, cursor: int) -> None:
        newest_last = list(cursors.items())[-(MAX_CONSUMERS - 1) :]
        self._write(_READ, {"feed": feed, "next": [*newest_last, (_hidden(consumer), cursor)]})

    def _read(self, name: str, feed: str) -> dict[str, Any] | None:
        found = self._pointers.get(name)
        content: dict[str, Any] | None = None if found is None else json.loads(found[0])
        return content if content and content["feed"] == feed else None

    def _write(self, name: str, content: dict[str, Any]) -> None:
        found = self._pointers.get(name)
        self._pointers.swap(name, to_json(content), None if found is None else found[1])


def _hidden(consumer: str) -> str:
    """Return what a consumer is remembered by: its name may be a person's address."""
    return hashlib.sha256(consumer.encode()).hexdigest()[:32]
