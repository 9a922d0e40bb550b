"""The loop by Dagster alone, day by day: every table every day, and what the loop's sensors would launch."""

import datetime as dt
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import dagster as dg

from parivision_assets.commands.replay.command import Question, SimulatedClock, replay_settings
from parivision_assets.commands.replay.engine import TO_FEATURES
from parivision_assets.commands.replay.recipe import family_of
from parivision_assets.commands.run import Phase, materialise, phases
from parivision_assets.core.adaptation import retraining_due
from parivision_assets.definitions import build_definitions
from parivision_assets.defs.days import land_day
from parivision_assets.defs.instance import open_instance
from parivision_assets.defs.loop import look_request, report_request, retraining_request
from parivision_assets.defs.resources import resources
from parivision_assets.settings import LoopSettings
from parivision_assets.sources.day_by_day import DAILY, DaySource, publish_day, publish_season
from parivision_assets.sources.published import DATE_OF_ROW
from parivision_assets.stores.home import Home
from parivision_assets.stores.situation import situation

EVERY_DAY = f"{TO_FEATURES} or key:served_predictions or key:prediction_outcomes or key:live_performance"


class DagsterAlone:
    """One home whose days land one by one, each followed by every run that the platform makes of it."""

    def __init__(self, source: DaySource, question: Question, folder: Path, instance: dg.DagsterInstance) -> None:
        self.clock = SimulatedClock()
        self.home = home_of(question, folder, self.clock)
        self.source, self.question, self.folder, self.instance = source, question, folder, instance
        self.definitions = build_definitions(self.home.settings, resources(self.home))
        self.did: list[tuple[dt.date, str, str]] = []

    def live(self) -> None:
        """Learn the first seasons whole, then live the others' days until the question's last."""
        for season in self.question.learnt:
            publish_season(self.source, season, self.folder / "published")
            self.clock.day = max(self._days(season))
            self._run(TO_FEATURES, season)
        self._retrain()
        for season in self.question.lived:
            rows = {data: found for data in DAILY if (found := self.source.rows(data, season)) is not None}
            for day in self._days(season):
                if day > (self.question.until or dt.date.max):
                    return
                self.clock.day = day
                where = self.folder / "days" / day.isoformat()
                publish_day(rows, season, day, where)
                land_day(self.home, day, str(where))
                self._run(EVERY_DAY, season)
                self._adapt()

    def _days(self, season: int) -> list[dt.date]:
        found = {data: self.source.rows(data, season) for data in DAILY}
        dates = [rows.select(DATE_OF_ROW[data]).to_series() for data, rows in found.items() if rows is not None]
        return sorted({day for column in dates for day in column})

    def _adapt(self) -> None:
        """Do what the sensors of reports, retrainings and looks ask for, once each."""
        for target in self.question.targets:
            report = report_request(self.instance, self.home, target)
            if report is not None and report.asset_selection:
                self.did.append((self.clock.day, target, "report"))
                self._materialise(list(report.asset_selection), report.partition_key)
        for target in set(self.question.targets) - self._retrain():
            look = look_request(self.instance, self.home, target)
            if look is not None and look.asset_selection:
                self._materialise(list(look.asset_selection), None)

    def _retrain(self) -> set[str]:
        """Make the challengers that are due as their job does, with a replay's family and budget; return the targets.

        A new challenger takes the place of one in shadow before anybody looks again.
        """
        trained = set()
        for target in self.question.targets:
            due = retraining_due(situation(self.home, target), self.home.settings.loop.policy)
            if due is None:
                continue
            asked = retraining_request(self.instance, due).run_config["ops"]
            recipe = {"families": [family_of(target)], "budget": self.question.budget}
            ops = {name: {"config": {**chosen["config"], **recipe}} for name, chosen in asked.items()}
            self.did.append((self.clock.day, target, f"training {due.cause}"))
            self._materialise([dg.AssetKey(f"{target}_challenger"), dg.AssetKey(f"{target}_champion")], None, ops)
            trained.add(target)
        return trained

    def _run(self, select: str, season: int) -> None:
        for phase in phases(self.definitions, select, [str(season)]):
            self._materialise(list(phase.keys), phase.season)

    def _materialise(self, keys: list[dg.AssetKey], season: str | None, ops: Mapping[str, Any] | None = None) -> None:
        phase = Phase(f"{self.clock.day}", tuple(keys), season)
        result = materialise(self.definitions, self.instance, phase, lambda _text: None, ops)
        assert result.succeeded, (self.clock.day, keys, result.problems)


def home_of(question: Question, folder: Path, clock: SimulatedClock) -> Home:
    """Return the home of a question, whose sensors keep the question's pace."""
    pace = LoopSettings(**vars(question.policy))
    return Home(replay_settings(question, folder).model_copy(update={"loop": pace}), clock)


def live_by_dagster_alone(source: DaySource, question: Question, folder: Path) -> DagsterAlone:
    """Return the platform after its last day."""
    with open_instance(home_of(question, folder, SimulatedClock())) as instance:
        alone = DagsterAlone(source, question, folder, instance)
        alone.live()
    return alone
