"""The prediction log as the event loop sees it: what requests of one turn of the loop answer is handed over at once.

An answer may be sent once `keep` has returned; how entries become durable is `stores.prediction_log`'s.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence

from app.problems import Problem
from parivision_assets.stores.log_writer import LogFullError, LogUnavailableError
from parivision_assets.stores.prediction_log import LogEntry, PredictionLog

PROBLEMS = {
    "log-full": "Predictions arrive faster than they can be recorded. Wait for Retry-After seconds and send again.",
    "log-unavailable": "Predictions cannot be recorded, so none is answered. It goes on by itself once the log's disk "
    "or database is back; whoever runs the service finds the cause in its own log.",
}
_log = logging.getLogger("parivision.api")
Waiting = tuple[Sequence[LogEntry], "asyncio.Future[None]"]


class Journal:
    """Keep entries without blocking the event loop; for use in that loop only."""

    def __init__(self, log: PredictionLog) -> None:
        """Use a log, whose writer is a thread of its own."""
        self._log = log
        self._waiting: list[Waiting] = []
        self._is_failing = False

    async def keep(self, entries: Sequence[LogEntry]) -> None:
        """Return once the entries are committed; raise the Problem log-full or log-unavailable otherwise."""
        loop = asyncio.get_running_loop()
        if not self._waiting:
            loop.call_soon(self._hand_over, loop)
        done: asyncio.Future[None] = loop.create_future()
        self._waiting.append((entries, done))
        await done

    def _hand_over(self, loop: asyncio.AbstractEventLoop) -> None:
        waiting, self._waiting = self._waiting, []
        full = self._taken(waiting, loop)
        if full is None:
            return
        # A batch that does not fit must not refuse what was asked beside it.
        for one in waiting:
            refused = full if len(waiting) == 1 else self._taken([one], loop)
            if refused is not None:
                self._settle([one], refused)

    def _taken(self, waiting: Sequence[Waiting], loop: asyncio.AbstractEventLoop) -> LogFullError | None:
        """Hand entries over; return why none of them was taken where they do not fit together."""
        try:
            kept = self._log.append([entry for entries, _ in waiting for entry in entries])
        except LogFullError as error:
            return error
        # Whatever it was, those who wait have to hear of it.
        except Exception as error:  # noqa: BLE001
            self._settle(waiting, error)
            return None
        kept.add_done_callback(lambda future: loop.call_soon_threadsafe(self._settle, waiting, future.exception()))
        return None

    def _settle(self, waiting: Sequence[Waiting], error: BaseException | None) -> None:
        if error is not None and not self._is_failing:
            _log.error("predictions are not answered: %s", error)
        self._is_failing = error is not None
        for _, done in waiting:
            # A request that was cancelled meanwhile waits no more; its entries are kept all the same.
            if done.done():
                continue
            if error is None:
                done.set_result(None)
            else:
                done.set_exception(_problem(error))


def _problem(error: BaseException) -> BaseException:
    """Return the answer for what the log raised; a cause may name hosts and files, so clients do not get it."""
    if isinstance(error, LogFullError):
        return Problem(
            503,
            "log-full",
            "The prediction log is full",
            "Predictions arrive faster than they can be recorded, so this one is not answered. Send it again in a "
            "second, or fewer at once.",
            headers={"Retry-After": "1"},
        )
    if isinstance(error, LogUnavailableError):
        return Problem(
            503,
            "log-unavailable",
            "The prediction log is unavailable",
            "Predictions cannot be recorded, so none is answered. Send it again in a while; whoever runs the service "
            "finds the cause in its log.",
            headers={"Retry-After": "5"},
        )
    return error
