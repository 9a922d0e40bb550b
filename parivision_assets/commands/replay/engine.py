"""What is an event in a replay, done as the platform does it: Dagster runs of reports, trainings and judgements.

Between events the loop calls the same core and store functions as the assets; before one, the season's tables are
brought up to the day, from what has landed until then.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from types import TracebackType
from typing import TYPE_CHECKING, Any, Protocol, Self

import dagster as dg
import polars as pl

from parivision_assets.commands.replay.recipe import family_of, newest_seasons, replay_config
from parivision_assets.commands.run import RunResult, materialise, phases
from parivision_assets.core.adaptation import Cause, ReportHeader, Retraining
from parivision_assets.core.catalogue import TARGETS
from parivision_assets.core.model_files import to_files
from parivision_assets.core.reference import Reference
from parivision_assets.core.training import TrainedModel, fit
from parivision_assets.definitions import build_definitions
from parivision_assets.defs.instance import open_instance
from parivision_assets.defs.resources import resources
from parivision_assets.errors import CommandError
from parivision_assets.stores.bundled_models import bundle_model
from parivision_assets.stores.chain import Kind
from parivision_assets.stores.champions import bundle_files, bundle_reference
from parivision_assets.stores.home import Home

if TYPE_CHECKING:
    from parivision_assets.commands.replay.track import Chances

TO_FEATURES = "(group:raw or group:validated or group:history or group:features) and not key:serving_state"
"""What serves answers is not made: nobody asks a replay's home."""
SERVED = "key:served_predictions or key:prediction_outcomes"


@dataclass(frozen=True)
class Trained:
    """A challenger, the gate's first look at it, and the plain model for contestant (c), where that differs."""

    digest: str
    verdict: str
    number: int
    yearly: str


@dataclass(frozen=True)
class Judged:
    """What a look of the gate left behind: its verdict, why, who serves now, and its number in the season."""

    verdict: str
    reason: str
    champion: str | None
    number: int


class Engine(Protocol):
    """Whoever does the events of a replay, each on what is known until today."""

    def enter(self, chances: Chances) -> None:
        """Take note of the season that comes next, and of where its probabilities are."""

    def train(self, due: Retraining, season: int) -> Trained:
        """Train and have the gate look once."""

    def judge(self, target: str, season: int) -> Judged:
        """Have the gate look at the newest challenger."""

    def report(self, target: str, season: int) -> ReportHeader:
        """Make the drift report on what the champion has met."""

    def model(self, digest: str) -> TrainedModel:
        """Return a bundle's model."""

    def reference(self, digest: str) -> Reference | None:
        """Return what a model's days are compared with."""


@dataclass
class DagsterEngine(AbstractContextManager["DagsterEngine"]):
    """Events as Dagster runs in the replay's own home."""

    home: Home
    budget: float
    say: Callable[[str], None]
    _state: dict[str, Any] = field(default_factory=dict)

    def __enter__(self) -> Self:
        """Open the instance and assemble the platform once."""
        self._state["definitions"] = build_definitions(self.home.settings, resources(self.home))
        self._state["context"] = open_instance(self.home)
        self._state["instance"] = self._state["context"].__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the instance."""
        self._state["context"].__exit__(kind, error, trace)

    def enter(self, chances: Chances) -> None:
        """See Engine: nothing to note, what is known is in the home."""

    def prepare(self, seasons: list[int]) -> list[int]:
        """Carry the seasons before the first day that is lived from raw to features, whole; return them."""
        for season in seasons:
            self.run(TO_FEATURES, season)
        return seasons

    def train(self, due: Retraining, season: int) -> Trained:
        """See Engine."""
        self.run(TO_FEATURES, season)
        config = {
            "until": due.until.isoformat(),
            "change_date": due.change_date.isoformat() if due.change_date else None,
            "cause": due.cause.value,
            "report": due.report,
            "families": [family_of(due.target)],
            "budget": self.budget,
        }
        challenger = f"{due.target}_challenger"
        chosen = {name: value for name, value in config.items() if value is not None}
        self.run(f"key:{challenger}", None, {challenger: {"config": chosen}})
        self.run(f"key:{due.target}_champion", None)
        look = self._newest_decision(due.target)
        digest = str(look["challenger"])
        compares = due.cause is Cause.SEASON_OVER and due.change_date is not None
        plain = self._plain(due) if compares else digest
        return Trained(digest, str(look["verdict"]), int(look["number"]), plain)

    def judge(self, target: str, season: int) -> Judged:
        """See Engine."""
        self.run(TO_FEATURES, season)
        self.run(f"key:{target}_champion", None)
        look, champion = self._newest_decision(target), self.home.ledger.champion(target)
        serving = champion.model if champion else None
        return Judged(str(look["verdict"]), str(look["reason"]), serving, int(look["number"]))

    def report(self, target: str, season: int) -> ReportHeader:
        """See Engine."""
        self.run(TO_FEATURES, season)
        self.run(SERVED, season)
        self.run(f"key:{target}_drift_report", season)
        newest = self.home.reports.newest(target)
        if newest is None:
            raise CommandError(f"{target}: no drift report was kept; see the run in `parivision dev`")
        return newest.header

    def _newest_decision(self, target: str) -> dict[str, Any]:
        records = [record for record in self.home.ledger.records(target) if record.kind == Kind.DECISION]
        return records[-1].content()

    def _plain(self, due: Retraining) -> str:
        """Train what contestant (c) would have: the same games without any knowledge of a change; kept unjudged."""
        target = TARGETS[due.target]
        seasons = self.home.tables.partitions(target.table.name)
        rows = self.home.tables.read(target.table.name, seasons).filter(pl.col("game_date") <= due.until)
        model = fit(target, newest_seasons(target, rows), replay_config(target, self.budget, None))
        metadata = {"kind": "comparison", "target": due.target, "trained_until": due.until.isoformat()}
        return self.home.bundles.write_bundle(bundle_files(to_files(model), []), metadata).digest

    def model(self, digest: str) -> TrainedModel:
        """See Engine."""
        return bundle_model(self.home.bundles.read_bundle(digest))

    def reference(self, digest: str) -> Reference | None:
        """See Engine."""
        if digest not in self._state:
            self._state[digest] = bundle_reference(self.home.bundles.read_bundle(digest))
        found: Reference | None = self._state[digest]
        return found

    def run(self, select: str, season: int | None, config: Mapping[str, Any] | None = None) -> list[RunResult]:
        """Run a selection and return its runs; raise CommandError in the run's words when one failed."""
        definitions: dg.Definitions = self._state["definitions"]
        planned = phases(definitions, select, [] if season is None else [str(season)])
        results = [materialise(definitions, self._state["instance"], phase, self.say, config) for phase in planned]
        self.home.tables.prune(self.home.settings.retained_versions)
        for result in results:
            if not result.succeeded:
                raise CommandError(f"{result.name}: {'; '.join(result.problems)}")
        return results
