"""When the loop reports, retrains and looks: one policy, pure, for sensors and replay alike.

What a report says is `core.drift`; whether a challenger replaces the champion is `core.promotion`.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from enum import StrEnum


class Cause(StrEnum):
    """Why a challenger is trained."""

    FIRST = "first"
    SEASON_OVER = "season_over"
    CONCEPT = "concept"
    FOLLOW_UP = "follow_up"


@dataclass(frozen=True)
class LoopPolicy:
    """The loop's pace, in game days (days on which games were played)."""

    report_every_game_days: int = 60
    cool_down_game_days: int = 10
    """No second training for a target sooner than this after the one before."""
    settle_game_days: int = 6
    """Game days after the estimated change before the first training that answers it."""
    follow_up_until_game_days: int = 60
    """A changed relation is learnt again each time the game days since the change have doubled, up to this many."""


@dataclass(frozen=True)
class ReportHeader:
    """What the policy needs of a target's newest report."""

    digest: str
    season: int
    last_date: dt.date
    verdict: str
    retrain: bool
    since: dt.date | None


@dataclass(frozen=True)
class ChallengerHeader:
    """The newest challenger: what it learnt until when and why; `is_champion` once it was promoted."""

    digest: str
    trained_until: dt.date
    cause: Cause
    change_date: dt.date | None
    report: str | None
    is_champion: bool


@dataclass(frozen=True)
class Situation:
    """One target as the stores have it today.

    `game_days`: dates with landed outcomes, oldest first. `season_ended`: the newest season that is complete (its
    last scheduled game is landed), None where none is. `verdict_now` and `retrain_now` are the daily monitoring's.
    """

    target: str
    game_days: tuple[dt.date, ...]
    season_ended: int | None
    last_game_of_ended_season: dt.date | None
    champion: str | None
    challenger: ChallengerHeader | None
    report: ReportHeader | None
    verdict_now: str
    acknowledged_until: dt.date | None


@dataclass(frozen=True)
class Retraining:
    """A retraining that is due: until which game date, since which change, why, and the key that makes it unique."""

    target: str
    until: dt.date
    change_date: dt.date | None
    cause: Cause
    report: str | None
    key: str
    reason: str


def report_due(situation: Situation, policy: LoopPolicy) -> str | None:
    """Return why a drift report is due today, or None."""
    raise NotImplementedError


def retraining_due(situation: Situation, policy: LoopPolicy) -> Retraining | None:
    """Return the retraining that is due today, or None."""
    raise NotImplementedError
