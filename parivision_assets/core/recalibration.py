"""Betting against a champion: corrections learnt from earlier days, what they gain, and the wealth that makes evidence.

The statistic is described in `core.monitor`, which decides; here is one column's day.
"""

from __future__ import annotations

import datetime as dt
import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from parivision_assets.core.evaluation import Codes, Floats
from parivision_assets.core.monitor_state import HALF_LIVES, ColumnState, DayGain, Monitor
from parivision_assets.core.sentinels import MISSING

STRENGTHS = (50.0, 500.0)
"""Shrinkage in units of V: about 200 and 2,000 rows without error."""
EXPERTS = tuple((half_life, strength) for half_life in HALF_LIVES for strength in STRENGTHS)
LATELY = 0.9
"""How much of an expert's record counts after a game day: about the last ten days choose among them."""
HAZARD = 200.0
"""Mean of the prior of the day of a change, in game days: about a season."""
UNLEARNT_LIMIT = 0.003
"""Share of the window's rows with values that the champion never met: three in a thousand. Years of the shots archive
without new labels stay below 0.0003, those with new ones are at 0.047 (2008) and 0.063 (2016)."""
STANDING_STRENGTH = 500.0
"""Shrinkage of the correction by the days before the window."""


@dataclass(frozen=True)
class Limits:
    """When a relation counts as moved: harm in nats per row over the last game days, and the chance of error."""

    harm_nats: float
    window_game_days: int
    error: float = 0.001

    @property
    def log_evidence(self) -> float:
        """Return the log e-value needed."""
        return -math.log(self.error)

    def standing(self, gain_nats: float) -> float:
        """Return what counts as the champion's standing errors, nats per row: at most twice the limit by its past."""
        return max(0.0, min(gain_nats, 2 * self.harm_nats))


LIMITS = {
    "shot_pre_release": Limits(0.0005, 10),
    "shot_post_event": Limits(0.0005, 10),
    "game": Limits(0.005, 60),
}
"""Effect sizes: an error of d in every probability costs d^2 / (2 * 0.24) nats, so 0.0005 is one and a half points on
every shot (or two and a half on two shots of five), 0.005 is five points on every game. A window of ten game days holds
some 13,000 shots, where that harm has a standard error of about 0.0003; sixty days hold some 400 games.

Chosen on synthetic seasons of seeds 1000-1011: without a change no column's harm and the evidence pass together."""


@dataclass(frozen=True, eq=False)
class Outcome:
    """A day's rows in their own order: chance and label (rows,), the games' codes and how many games."""

    day: dt.date
    chance: Floats
    label: Floats
    game: Codes
    games: int


def codes_of(values: list[Any], index: dict[Any, int]) -> Codes:
    """Return each value's place, new values appended to `index` in order of appearance."""
    return np.array([index.setdefault(value, len(index)) for value in values], dtype=np.int64)


def empty() -> ColumnState:
    """Return the state of a column not met before."""
    none, two = np.zeros((len(HALF_LIVES), 0)), np.zeros((2, 0))
    return ColumnState((), none, none, two, (), np.zeros(len(EXPERTS) + 1), None, 0.0, None, None, ())


def learn(name: str, state: ColumnState, groups: list[str], outcome: Outcome, monitor: Monitor) -> ColumnState:
    """Return the state after a day: first what its corrections gained, then what the day teaches."""
    index = {group: place for place, group in enumerate(state.groups)}
    codes = codes_of(groups, index)
    size, days = len(index), LIMITS[monitor.target].window_game_days
    residual, information, before = (_wider(a, size) for a in (state.residual, state.information, state.before))
    experts = corrections(residual, information)
    gains = [float(row_gain(correction, codes, outcome).sum()) for correction in experts]
    standing = row_gain(before[0] / (before[1] + STANDING_STRENGTH), codes, outcome)
    unlearnt = _rows_unlearnt(monitor.learnt.get(name), groups)
    today = _day_gain(row_gain(average(experts, state.record), codes, outcome), standing, unlearnt, outcome)
    missed = np.bincount(codes, outcome.label - outcome.chance, size)
    spread = np.bincount(codes, outcome.chance * (1 - outcome.chance), size)
    taught: Floats = np.stack([missed, spread]).astype(np.float64)
    window = (*state.window, taught)
    if len(window) > days:
        before, window = before + _wider(window[0], size), window[1:]
    decay = np.array([[0.5 ** (1 / half_life)] for half_life in HALF_LIVES])
    run, run_start = _run(state, today, monitor)
    recent = (*state.recent, today)[-days:]
    return ColumnState(
        tuple(index), decay * residual + taught[0], decay * information + taught[1], before, window,
        LATELY * (state.record + np.array(gains)), _bet(state.log_wealth, today, monitor), run, run_start,
        _unlearnt_since(state.unlearnt_since, recent), recent,
    )  # fmt: skip


def _wider(sums: Floats, size: int) -> Floats:
    """Return sums by group with zeros for groups not met before."""
    padded: Floats = np.pad(sums, [(0, 0), (0, size - sums.shape[1])])
    return padded


def _rows_unlearnt(learnt: tuple[str, ...] | None, groups: list[str]) -> int:
    if learnt is None:
        return 0
    known = {*learnt, MISSING}
    return sum(group not in known for group in groups)


def unlearnt_share(recent: tuple[DayGain, ...]) -> float:
    """Return the share of the window's rows with values that the champion never met."""
    return sum(day.unlearnt for day in recent) / sum(day.rows for day in recent)


def _unlearnt_since(known: dt.date | None, recent: tuple[DayGain, ...]) -> dt.date | None:
    """Return the first day on which unlearnt values were common, None while the window holds few of them."""
    if unlearnt_share(recent) < UNLEARNT_LIMIT:
        return None
    return known or next(day.day for day in recent if day.unlearnt >= UNLEARNT_LIMIT * day.rows)


def corrections(residual: Floats, information: Floats) -> Floats:
    """Return every expert's logit per group, (experts + 1, groups); the first corrects nothing."""
    rows = [np.zeros(residual.shape[1])]
    for place in range(len(HALF_LIVES)):
        rows.extend(residual[place] / (information[place] + strength) for strength in STRENGTHS)
    return np.stack(rows)


def average(experts: Floats, record: Floats) -> Floats:
    """Return the experts' mean correction, weighted by the likelihood of what they said lately."""
    weight = np.exp(record - record.max())
    mixed: Floats = (weight[:, None] * experts).sum(axis=0) / weight.sum()
    return mixed


def row_gain(correction: Floats, codes: Codes, outcome: Outcome) -> Floats:
    """Return each row's log likelihood under logit(p) + u less that under p."""
    gain: Floats = outcome.label * correction[codes] - np.log1p(outcome.chance * np.expm1(correction)[codes])
    return gain


def _day_gain(gain: Floats, standing: Floats, unlearnt: int, outcome: Outcome) -> DayGain:
    by_game = np.bincount(outcome.game, gain, outcome.games)
    rows: npt.NDArray[np.float64] = np.bincount(outcome.game, minlength=outcome.games).astype(np.float64)
    return DayGain(
        outcome.day, len(gain), outcome.games, float(by_game.sum()), float(standing.sum()), unlearnt,
        float((by_game**2).sum()), float((by_game * rows).sum()), float((rows**2).sum()),
    )  # fmt: skip


def _beyond(today: DayGain, monitor: Monitor, limit_share: float) -> float:
    """Return what a day's bets won beyond standing errors and a share of the limit of harm, nats."""
    limits = LIMITS[monitor.target]
    standing = limits.standing(today.standing / today.rows)
    return today.gain - today.rows * (standing + limit_share * limits.harm_nats)


def _bet(log_wealth: float | None, today: DayGain, monitor: Monitor) -> float:
    """Return log of the sum over start days of their prior times what was won since."""
    first = -math.log(HAZARD) + monitor.game_days * math.log1p(-1 / HAZARD)
    before = first if log_wealth is None else float(np.logaddexp(log_wealth, first))
    return before + _beyond(today, monitor, 0.5)


def _run(state: ColumnState, today: DayGain, monitor: Monitor) -> tuple[float, dt.date | None]:
    """Return what the best segment ending today won beyond the whole limit, and its first day (CUSUM, Page 1954)."""
    began = state.run_start if state.run > 0 else today.day
    return max(state.run, 0.0) + _beyond(today, monitor, 1.0), began


def log_e_value(monitor: Monitor) -> float:
    """Return the natural log of the wealth averaged over columns and start days: anytime-valid evidence."""
    rest = monitor.game_days * math.log1p(-1 / HAZARD)
    # by name: a sum's last bits depend on its order, and JSON may change that of columns
    logs = [monitor.columns[name].log_wealth for name in sorted(monitor.columns)]
    wealth = [rest if log is None else float(np.logaddexp(log, rest)) for log in logs]
    return float(np.logaddexp.reduce(np.array(wealth))) - math.log(len(wealth))
