"""One thread that commits what many threads append, in groups: everything that waits, at most so many rows.

What is written, and how, belongs to whoever gives `commit`; the prediction log is `stores.prediction_log`.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from queue import Empty, SimpleQueue
from typing import Generic, TypeVar

from parivision_assets.stores.atomic import StoreError

Row = TypeVar("Row")
Waiting = tuple[Sequence[Row], Future[None]]


class LogFullError(StoreError):
    """More rows wait than the log's queue may hold; nothing of what was given was taken."""


class LogUnavailableError(StoreError):
    """The log could not commit these rows, or is closed; the message says why."""


class GroupWriter(Generic[Row]):
    """A bounded queue and the thread that commits from it; safe for many threads of one process."""

    def __init__(
        self, commit: Callable[[list[Row]], None], release: Callable[[], None], capacity: int, group: int
    ) -> None:
        """Commit through `commit` (raises LogUnavailableError) at most `group` rows at once, `capacity` may wait.

        `commit` and `release` (at the end) are called in the writer's thread only. What one call appended is never
        divided: a group may be that much larger.
        """
        self._commit, self._release = commit, release
        self._capacity, self._group = capacity, group
        self._lock = threading.Lock()
        self._queue: SimpleQueue[Waiting[Row] | None] = SimpleQueue()
        self._thread: threading.Thread | None = None
        self._closed = False
        self._depth = 0
        self.lost = 0

    @property
    def depth(self) -> int:
        """Return how many rows wait or are being committed in this process."""
        return self._depth

    def append(self, rows: Sequence[Row]) -> Future[None]:
        """Take rows and return a future that is done once all of them are committed, or none is.

        Raises LogFullError at once where they do not fit, LogUnavailableError after `close`.
        """
        done: Future[None] = Future()
        if not rows:
            done.set_result(None)
            return done
        with self._lock:
            if self._closed:
                raise LogUnavailableError("the log is closed; nothing is taken any more")
            if self._depth + len(rows) > self._capacity:
                raise LogFullError(
                    f"{self._depth:,} of at most {self._capacity:,} rows wait to be written, {len(rows):,} more do not "
                    "fit; ask again in a moment, or less at once"
                )
            self._depth += len(rows)
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="log writer", daemon=True)
                self._thread.start()
            # From here on nobody can cancel it: whether the rows are kept is no longer theirs to say.
            done.set_running_or_notify_cancel()
            self._queue.put((rows, done))
        return done

    def close(self) -> None:
        """Take nothing more, and return once what was taken is committed or has failed."""
        with self._lock:
            self._closed = True
            thread = self._thread
        if thread is not None and thread.is_alive():
            self._queue.put(None)
            thread.join()

    def _run(self) -> None:
        try:
            while (first := self._queue.get()) is not None:
                waiting, is_last = self._group_with(first)
                self._settle(waiting)
                if is_last:
                    break
        finally:
            self._release()

    def _group_with(self, first: Waiting[Row]) -> tuple[list[Waiting[Row]], bool]:
        """Return what waits now, at most a group; and whether the end of all was among it."""
        waiting, count = [first], len(first[0])
        while count < self._group:
            try:
                following = self._queue.get_nowait()
            except Empty:
                break
            if following is None:
                return waiting, True
            waiting.append(following)
            count += len(following[0])
        return waiting, False

    def _settle(self, waiting: list[Waiting[Row]]) -> None:
        rows = [row for part, _ in waiting for row in part]
        problem: BaseException | None = None
        try:
            self._commit(rows)
        # Whatever went wrong belongs to those who wait for it; the thread lives on.
        except BaseException as error:  # noqa: BLE001
            problem = error
        with self._lock:
            self._depth -= len(rows)
            if problem is not None:
                self.lost += len(rows)
        for _, done in waiting:
            if problem is None:
                done.set_result(None)
            else:
                done.set_exception(problem)
