"""When the loop reports, retrains and looks: one policy, pure, for sensors and replay alike.

What a report says is `core.drift`; whether a challenger replaces the champion is `core.promotion`.
"""

from __future__ import annotations

import datetime as dt
from bisect import bisect_left, bisect_right
from dataclasses import dataclass, fields
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
    """No training that a report asks for sooner than this after the newest challenger's last game day."""
    settle_game_days: int = 6
    """Game days after the estimated change before the first training that answers it."""
    patience_game_days: int = 30
    """How long a challenger that learnt a change may prove itself in shadow before another takes its place."""
    follow_up_until_game_days: int = 60
    """A changed relation is learnt again each time the game days since the change have doubled, up to this many."""

    def __post_init__(self) -> None:
        """Refuse a pace without a new game day between two steps."""
        for number in fields(self):
            if getattr(self, number.name) < 1:
                raise ValueError(f"{number.name} must be 1 or more; without a new game day there is no new evidence")


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
    """A trained model: what it learnt until when and why; `is_champion` once it was promoted."""

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
    last scheduled game is landed), None where none is. `challenger` is the newest, promoted or not. `verdict_now` is
    the daily monitoring's. `champion_header` says what the champion learnt, None for one that does not say.
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
    champion_header: ChallengerHeader | None = None

    @property
    def today(self) -> dt.date:
        """Return the newest game day; there must be one."""
        return self.game_days[-1]

    def days_after(self, day: dt.date) -> int:
        """Return how many game days are later than `day`."""
        return len(self.game_days) - bisect_right(self.game_days, day)

    def days_from(self, day: dt.date, until: dt.date | None = None) -> int:
        """Return how many game days there are from `day` to `until` (the newest by default), both included."""
        end = len(self.game_days) if until is None else bisect_right(self.game_days, until)
        return max(0, end - bisect_left(self.game_days, day))


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
    """Return why a drift report is due today, or None; never two for one last game day."""
    if situation.champion is None or not _unreported_days(situation):
        return None
    return _verdict_moved(situation, policy) or _season_unreported(situation) or _long_unreported(situation, policy)


def _unreported_days(situation: Situation) -> int:
    """Return the game days that the champion has neither learnt nor been reported on."""
    report, learnt = situation.report, situation.champion_header
    reported = report.last_date if report else dt.date.min
    return situation.days_after(max(reported, learnt.trained_until) if learnt else reported)


def _verdict_moved(situation: Situation, policy: LoopPolicy) -> str | None:
    """What moved is reported at once; a relation that moved back, or anything in broken data, after the cool-down.

    Inputs that moved back wait for the next report: they harm nobody.
    """
    reported, now = situation.report.verdict if situation.report else "none", situation.verdict_now
    newly = any(kind in now and kind not in reported for kind in ("concept", "input"))
    came_back = "concept" in reported and "concept" not in now
    if not newly and not came_back:
        return None
    at_once = newly and reported != "data broken"
    if not at_once and _unreported_days(situation) < policy.cool_down_game_days:
        return None
    return f"the daily monitoring says {now}, the newest report says {reported}"


def _season_unreported(situation: Situation) -> str | None:
    """A season that is over is reported once, to its last game."""
    end, report, learnt = situation.last_game_of_ended_season, situation.report, situation.champion_header
    if end is None or (report and report.last_date >= end) or (learnt and learnt.trained_until >= end):
        return None
    return f"season {situation.season_ended} is over and not reported to its last game on {end}"


def _long_unreported(situation: Situation, policy: LoopPolicy) -> str | None:
    """Nothing goes unreported for longer than the policy says."""
    passed = _unreported_days(situation)
    return f"{passed} game days are not reported on" if passed >= policy.report_every_game_days else None


def retraining_due(situation: Situation, policy: LoopPolicy) -> Retraining | None:
    """Return the retraining that is due today, or None.

    What is due stays due, with the same key, until it is done: a day without a look misses nothing.
    """
    if not situation.game_days:
        return None
    planned = _first(situation) or _season_over(situation)
    return planned or _concept(situation, policy) or _follow_up(situation, policy)


def _first(situation: Situation) -> Retraining | None:
    """A target without any model gets one."""
    if situation.champion is not None or situation.challenger is not None:
        return None
    return _training(situation, Cause.FIRST, None, None, "there is no champion and no challenger")


def _season_over(situation: Situation) -> Retraining | None:
    """A season that is over is learnt to its last game, once, with the change that is known by then."""
    end, challenger = situation.last_game_of_ended_season, situation.challenger
    if end is None or (challenger is not None and challenger.trained_until >= end):
        return None
    reason = f"season {situation.season_ended} is over and no model has learnt it to its last game on {end}"
    return _training(situation, Cause.SEASON_OVER, str(situation.season_ended), _known_change(situation), reason)


def _concept(situation: Situation, policy: LoopPolicy) -> Retraining | None:
    """A report that says retrain is answered once, when the change has settled and there are new games to learn."""
    report = _open_report(situation)
    if report is None or _acknowledged(situation):
        return None
    if report.since is not None and situation.days_from(report.since) < policy.settle_game_days:
        return None
    challenger = situation.challenger
    if challenger is not None and situation.days_after(challenger.trained_until) < policy.cool_down_game_days:
        return None
    if _proves_itself(situation, policy):
        return None
    reason = f"the report on games until {report.last_date} says that the relation moved" + (
        f" on about {report.since}" if report.since else ""
    )
    return _training(situation, Cause.CONCEPT, report.digest, (report.since, report.digest), reason)


def _follow_up(situation: Situation, policy: LoopPolicy) -> Retraining | None:
    """A change is learnt again when the game days since then have doubled, as long as it stands."""
    challenger = situation.challenger
    if challenger is None or challenger.change_date is None:
        return None
    if _open_report(situation) or _acknowledged(situation) or not _change_stands(situation):
        return None
    if _proves_itself(situation, policy):
        return None
    learnt = situation.days_from(challenger.change_date, challenger.trained_until)
    doubled = 2 * max(learnt, policy.settle_game_days)
    if doubled > min(situation.days_from(challenger.change_date), policy.follow_up_until_game_days):
        return None
    reason = f"{doubled} game days have passed since the change on about {challenger.change_date}, {learnt} were learnt"
    change = (challenger.change_date, challenger.report)
    return _training(situation, Cause.FOLLOW_UP, challenger.digest, change, reason)


def _proves_itself(situation: Situation, policy: LoopPolicy) -> bool:
    """Return whether a challenger that learnt a change is in shadow and not out of patience: evidence takes games."""
    challenger = situation.challenger
    if challenger is None or challenger.is_champion or challenger.change_date is None:
        return False
    return situation.days_after(challenger.trained_until) < policy.patience_game_days


def _open_report(situation: Situation) -> ReportHeader | None:
    """Return the newest report if it says retrain and no model was trained for it, or after it."""
    report, challenger = situation.report, situation.challenger
    if report is None or not report.retrain:
        return None
    if challenger is not None and (challenger.report == report.digest or challenger.trained_until > report.last_date):
        return None
    return report


def _change_stands(situation: Situation) -> bool:
    """Return whether the challenger's change is real: the champion owes its place to it, or it is still reported."""
    challenger, champion = situation.challenger, situation.champion_header
    learnt = champion is not None and challenger is not None and champion.change_date == challenger.change_date
    proven = learnt or (challenger is not None and challenger.is_champion)
    return proven or (situation.report is not None and situation.report.retrain)


def _known_change(situation: Situation) -> tuple[dt.date | None, str | None] | None:
    """Return the change and report that a training for another cause learns as well, None where there is none."""
    report, challenger = _open_report(situation), situation.challenger
    if _acknowledged(situation):
        return None
    if report is not None:
        return report.since, report.digest
    if challenger is not None and _change_stands(situation):
        return challenger.change_date, challenger.report
    return None


def _acknowledged(situation: Situation) -> bool:
    """Return whether a person has said that the change is known and to be left alone, until a date that is to come."""
    return situation.acknowledged_until is not None and situation.today <= situation.acknowledged_until


def _training(
    situation: Situation,
    cause: Cause,
    causer: str | None,
    change: tuple[dt.date | None, str | None] | None,
    reason: str,
) -> Retraining:
    """Return a training on everything to date; its key says what caused it and nothing else."""
    change_date, report = change or (None, None)
    return Retraining(
        target=situation.target,
        until=situation.today,
        change_date=change_date,
        cause=cause,
        report=report,
        key="/".join(filter(None, (situation.target, cause, causer))),
        reason=reason,
    )
