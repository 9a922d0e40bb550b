"""One target on its way through a replay: who serves, who waits in shadow, what monitoring and the gate have seen."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import polars as pl

from parivision_assets.commands.replay.engine import Engine
from parivision_assets.commands.replay.season import PlayedSeason
from parivision_assets.core.adaptation import ChallengerHeader, ReportHeader, Situation
from parivision_assets.core.daily_watch import DailyWatch
from parivision_assets.core.evidence import GamePair
from parivision_assets.core.monitor import needed_columns
from parivision_assets.core.reference import Reference
from parivision_assets.core.targets import Target

Vector = npt.NDArray[np.float64]


@dataclass
class Track:
    """A target's state, the same that the stores hold; `first` and `yearly` are contestants that only compare."""

    target: Target
    champion: ChallengerHeader | None = None
    challenger: ChallengerHeader | None = None
    first: str | None = None
    yearly: str | None = None
    report: ReportHeader | None = None
    verdict_now: str = "none"
    acknowledged_until: dt.date | None = None
    season_ended: int | None = None
    last_game_of_ended_season: dt.date | None = None
    game_days: list[dt.date] = field(default_factory=list)
    watches: dict[str, DailyWatch] = field(default_factory=dict)
    pairs: list[GamePair] = field(default_factory=list)
    """The shadow's games so far, for the nightly glance."""
    shadow_number: int = 1
    shadow_verdict: str = ""
    """The shadow's number among the season's comparisons, and the last recorded verdict on it."""
    comparisons: dict[int, list[tuple[str, str]]] = field(default_factory=dict)
    """By season, who was held against whom, in order, as the ledger counts them."""
    shadow_season: int | None = None
    """The season of the shadow's last recorded look."""
    next_yearly: str | None = None
    """Who is contestant (c) from the next season on."""
    unserved: list[tuple[dt.date, slice]] = field(default_factory=list)
    """The season's days before there was a champion, and where their events lie."""
    pending: int = 0

    @property
    def name(self) -> str:
        """Return the target's name."""
        return self.target.name

    @property
    def shadow(self) -> ChallengerHeader | None:
        """Return the challenger that waits for a verdict, if there is one."""
        found = self.challenger
        return None if found is None or found.is_champion else found

    @property
    def serving(self) -> ChallengerHeader | None:
        """Return who answers: the champion, and before the first one the challenger."""
        return self.champion or self.challenger

    def situation(self) -> Situation:
        """Return what the policy decides on."""
        return Situation(
            target=self.name,
            game_days=tuple(self.game_days),
            season_ended=self.season_ended,
            last_game_of_ended_season=self.last_game_of_ended_season,
            champion=self.champion.digest if self.champion else None,
            challenger=self.challenger,
            report=self.report,
            verdict_now=self.verdict_now,
            acknowledged_until=self.acknowledged_until,
            champion_header=self.champion,
        )

    def compare(self, season: int, challenger: str) -> int:
        """Return a challenger's number among the season's comparisons, with the champion or a baseline for rival."""
        rival = self.champion.digest if self.champion else self.target.baselines[-1].name
        pairs = self.comparisons.setdefault(season, [])
        if (challenger, rival) not in pairs:
            pairs.append((challenger, rival))
        return pairs.index((challenger, rival)) + 1

    def models(self) -> list[ChallengerHeader]:
        """Return champion and challenger, once where they are one, none where there is none."""
        return list({item.digest: item for item in (self.champion, self.challenger) if item is not None}.values())

    def watch_of(self, header: ChallengerHeader, reference: Reference | None) -> DailyWatch:
        """Return what has been seen of a model so far."""
        return self.watches.get(header.digest) or DailyWatch.begin(self.name, header.digest, reference)

    def met(self, rows: pl.DataFrame) -> pl.DataFrame:
        """Return a day's events as the monitoring reads them."""
        columns = [name for name in needed_columns(self.name) if name in rows.columns]
        return rows.select(
            *columns,
            pl.col(self.target.label).cast(pl.Int8).alias("label"),
            pl.col(self.target.group).cast(pl.String).alias("game"),
        )


@dataclass
class Chances:
    """Each model's probabilities on a season's events, computed once per model and season."""

    engine: Engine
    played: PlayedSeason
    _known: dict[tuple[str, str], Vector] = field(default_factory=dict)

    def of(self, target: Target, digest: str) -> Vector:
        """Return a model's probability of every event of the season, in the features' order."""
        key = (target.name, digest)
        if key not in self._known:
            self._known[key] = self.engine.model(digest).predict(self.played.features[target.table.name])
        return self._known[key]
