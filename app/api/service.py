"""What one process of the API works with, and how it follows promotions: opened at its start, closed at its end."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import sqlalchemy as sa

from app.api.access import Access
from app.api.journal import Journal
from app.api.metrics import Metrics
from app.api.monitored import monitored_version, read_monitored
from app.problems import Problem
from parivision_assets.core.catalogue import TARGETS
from parivision_assets.core.contracts import GAMES, SHOTS
from parivision_assets.serving.predictor import NotReadyError, Predictor
from parivision_assets.serving.snapshot import ServedState
from parivision_assets.stores.atomic import StoreError
from parivision_assets.stores.home import Home
from parivision_assets.stores.platform_date import today

PROBLEMS = {
    "not-ready": "Nothing can be answered yet; `missing` says in words what is missing and how it comes about.",
    "store-failed": "A store could not be read. Wait for Retry-After seconds; whoever runs the service finds the cause "
    "in its own log.",
}
FIRST_LOOK_S = 10.0
STORE_ERRORS = (StoreError, sa.exc.OperationalError)
"""What a store raises that cannot be read, or whose database is away."""
_log = logging.getLogger("parivision.api")


@dataclass
class Service:
    """The stores, the predictor and everything that requests share."""

    home: Home
    metrics: Metrics
    predictor: Predictor
    access: Access
    is_synthetic: bool
    """Whether the league is the synthetic one, with invented players: said wherever predictions are shown."""
    journal: Journal | None = None
    """None until the prediction log could be opened."""
    state_age_days: int | None = None
    loaded_at_s: float | None = None
    """When the snapshot that serves was loaded, on the monotonic clock."""
    problems: dict[str, str] = field(default_factory=dict)
    """What does not work at the moment, by the part concerned, in words for anybody: causes name files and hosts."""
    _causes: dict[str, str] = field(default_factory=dict)
    """Why, as it was logged last."""
    _seen: dict[str, object] = field(default_factory=dict)

    @classmethod
    def of(cls, home: Home) -> Service:
        """Return a service over a home; nothing is opened or read before `running`."""
        settings = home.settings
        return cls(home, Metrics(settings.api.metrics_folder), Predictor(home), Access(home), settings.uses_league)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Open everything, follow what is promoted meanwhile, and close at the end."""
        looked = asyncio.Event()
        following = asyncio.create_task(self._follow(looked))
        try:
            # A database that is away is waited for by the look itself: probes are answered meanwhile.
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(looked.wait(), FIRST_LOOK_S)
            yield
        finally:
            following.cancel()
            await asyncio.gather(following, return_exceptions=True)
            await asyncio.to_thread(self._close)

    async def _follow(self, looked: asyncio.Event) -> None:
        while True:
            await asyncio.to_thread(self.look)
            looked.set()
            await asyncio.sleep(self.home.settings.api.refresh_s)

    def look(self) -> None:
        """Look at everything that may have changed; what fails is said in `problems` and tried again at the next look.

        Runs in a thread of its own, beside requests.
        """
        for part, step in (
            ("prediction log", self._open_journal),
            ("predictor", self._refresh),
            ("keys", self.access.refresh),
            ("state", self._measure_state),
            ("monitoring", self._read_monitored),
            ("metrics", self.metrics.forget_dead),
        ):
            try:
                step()
            except STORE_ERRORS as error:
                self._note(part, f"{part}: cannot be read at the moment; the service's log says why", str(error))
            # A defect in what is only shown must not end the task that follows promotions.
            except Exception as error:  # noqa: BLE001
                words = f"{part} could not be looked at; the service's log says why"
                self._note(part, words, repr(error), is_fault=True)
            else:
                unserved = self.predictor if part == "predictor" else None
                self._note(part, unserved and unserved.notice, unserved and unserved.problem)

    def missing(self) -> list[str]:
        """Return in words what is missing before anything can be answered; [] when ready."""
        words = []
        if self.journal is None:
            words.append(self.problems.get("prediction log", "the prediction log is not open yet"))
        snapshot = self.predictor.snapshot
        try:
            snapshot.known_state()
            for target in TARGETS:
                snapshot.champion(target)
        except NotReadyError as error:
            words.append(str(error))
            if self.predictor.notice is not None:
                words.append(self.predictor.notice)
        return words

    def opened_journal(self) -> Journal:
        """Return the journal; raise the Problem not-ready before the prediction log is open."""
        if self.journal is None:
            raise self.not_ready(self.missing())
        return self.journal

    def known_state(self) -> ServedState:
        """Return the state that serves; raise the Problem not-ready without one."""
        try:
            return self.predictor.snapshot.known_state()
        except NotReadyError as error:
            raise self.not_ready([str(error)]) from error

    def not_ready(self, missing: list[str]) -> Problem:
        """Return the answer while something is missing."""
        detail = f"{'; '.join(missing)}. Send it again in a while."
        title = "The service is not ready"
        return Problem(
            503, "not-ready", title, detail[:1].upper() + detail[1:], headers={"Retry-After": "5"}, missing=missing
        )

    def _open_journal(self) -> None:
        if self.journal is None:
            self.journal = Journal(self.home.prediction_log)
        log = self.home.prediction_log
        self.metrics.log(log.queue_depth, log.lost_records)

    def _refresh(self) -> None:
        if self.predictor.refresh() or self.loaded_at_s is None:
            self.loaded_at_s = time.monotonic()
            self.metrics.snapshot(self.predictor.snapshot, time.time())

    def _measure_state(self) -> None:
        as_of = self.predictor.snapshot.as_of
        tables = self.home.tables
        newest = [
            tables.version(name, tables.partitions(name)[-1]).digest
            for name in (GAMES.name, SHOTS.name)
            if tables.partitions(name)
        ]
        if as_of is not None and self._changed("state", (as_of, *newest)):
            date = today(self.home)
            # A state knows everything before its date: it is of today when that is tomorrow.
            self.state_age_days = None if date is None else max((date - as_of).days + 1, 0)
            if self.state_age_days is not None:
                self.metrics.state_age(self.state_age_days)
            self._seen["state"] = (as_of, *newest)

    def _read_monitored(self) -> None:
        version = monitored_version(self.home)
        if self._changed("monitoring", version):
            self.metrics.monitored(read_monitored(self.home))
            self._seen["monitoring"] = version

    def _changed(self, part: str, version: object) -> bool:
        return self._seen.get(part) != version

    def _note(self, part: str, words: str | None, cause: str | None = None, *, is_fault: bool = False) -> None:
        if words is None or cause is None:
            if self.problems.pop(part, None):
                del self._causes[part]
                _log.warning("%s: works again", part)
        elif self._causes.get(part) != cause:
            _log.error("%s: %s", part, cause, exc_info=is_fault)
            self.problems[part], self._causes[part] = words, cause

    def _close(self) -> None:
        if self.journal is not None:
            self.home.prediction_log.close()
        self.metrics.close()


def store_failed(error: Exception) -> Problem:
    """Return the answer where a store could not be read, and log why: a cause may name hosts and files."""
    _log.error("a store could not be read: %s", error)
    detail = "What was asked for could not be read. Send the request again in a while."
    return Problem(503, "store-failed", "A store could not be read", detail, headers={"Retry-After": "5"})
