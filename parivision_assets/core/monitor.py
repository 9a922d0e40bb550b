"""Does the champion's relation between inputs and outcome still hold? Watched every day, by betting against it.

Per watched column (`core.sentinels`) the champion is corrected by a logit per group, learnt from earlier days only:

    u = S / (V + strength),  S = discounted sum of y - p,  V = discounted sum of p (1 - p)

one Newton step towards what is observed, shrunk to zero as if `strength` / 0.24 rows had shown no error. A few memories
and strengths, and no correction at all, are averaged by how well each did lately. A day's *gain* is the exact log
likelihood of its outcomes under logit(p) + u less that under p, taken before the day is learnt from. If every p is the
chance of its row given what came before, exp(gain) has mean one: it is a fair bet, and what a bettor won is evidence.

Anytime-valid: wealth is spread over columns, and within a column over the days on which betting may have started
(geometric, mean HAZARD game days), so that a long quiet time costs nothing. That average is a nonnegative martingale
from 1, hence by Ville's inequality reaches 1/alpha with chance <= alpha while the champion holds (Shafer 2021, "Testing
by betting"; mixtures over start days: Shin, Ramdas & Rinaldo 2022, "E-detectors", with weights that sum to one).

Real champions never hold exactly, and at 200,000 rows everything is significant. Hence `moved` needs evidence AND harm:
what re-learning would have saved per row on the last games, prequential and so without optimism, beyond what it would
have saved on the champion's own holdout, at or above a declared limit (LIMITS).
"""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np
import numpy.typing as npt
import polars as pl

from parivision_assets.core.drift import ColumnHarm, RelationAnswer
from parivision_assets.core.evaluation import Codes, Floats
from parivision_assets.core.sentinels import group_expression, needed_columns, present, sentinels

__all__ = ["LIMITS", "Limits", "Monitor", "needed_columns", "observe", "reference_harm", "relation", "start"]

HALF_LIVES = (6.0, 30.0)
"""Memories of the corrections, in game days."""
STRENGTHS = (50.0, 500.0)
"""Shrinkage in units of V: about 200 and 2,000 rows without error."""
EXPERTS = tuple((half_life, strength) for half_life in HALF_LIVES for strength in STRENGTHS)
LATELY = 0.9
"""How much of an expert's record counts after a game day: about the last ten days choose among them."""
HAZARD = 200.0
"""Mean of the prior of the day of a change, in game days: about a season."""
CLIP = 1e-6
"""Probabilities are kept this far from 0 and 1, so that one row cannot ruin a bettor or make him."""


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


LIMITS = {
    "shot_pre_release": Limits(0.001, 10),
    "shot_post_event": Limits(0.001, 10),
    "game": Limits(0.005, 60),
}
"""Effect sizes: 0.001 nats is a constant error of two points of probability (d^2 / (2 * 0.24)) on every shot, 0.005
nats one of five points on every game. A window of ten game days holds some 13,000 shots, sixty hold some 400 games."""


@dataclass(frozen=True)
class DayGain:
    """One column's day: rows, games, the gain in nats, and sums over games of gain^2, gain * rows and rows^2."""

    day: dt.date
    rows: int
    games: int
    gain: float
    gain_gain: float
    gain_rows: float
    rows_rows: float


@dataclass(frozen=True, eq=False)
class ColumnState:
    """What is remembered of one column; arrays are never changed in place.

    `residual` and `information` are S and V, shape (half-lives, groups); `record` the experts' discounted gains, the
    first is no correction; `log_wealth` sums over start days so far, None before the first; `run` is the gain beyond
    tolerance of the best segment ending today, which began on `run_start`.
    """

    groups: tuple[str, ...]
    residual: Floats
    information: Floats
    record: Floats
    log_wealth: float | None
    run: float
    run_start: dt.date | None
    recent: tuple[DayGain, ...]

    def to_dict(self) -> dict[str, Any]:
        """Return the state ready for JSON, floats in full."""
        return {
            "groups": list(self.groups), "residual": self.residual.tolist(), "information": self.information.tolist(),
            "record": self.record.tolist(), "log_wealth": self.log_wealth, "run": self.run,
            "run_start": None if self.run_start is None else self.run_start.isoformat(),
            "recent": [[day.day.isoformat(), *list(vars(day).values())[1:]] for day in self.recent],
        }  # fmt: skip

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Self:
        """Return the state from `to_dict`'s output."""
        shape = (len(HALF_LIVES), len(values["groups"]))
        return cls(
            tuple(values["groups"]),
            np.array(values["residual"], dtype=np.float64).reshape(shape),
            np.array(values["information"], dtype=np.float64).reshape(shape),
            np.array(values["record"], dtype=np.float64),
            values["log_wealth"], values["run"],
            None if values["run_start"] is None else dt.date.fromisoformat(values["run_start"]),
            tuple(DayGain(dt.date.fromisoformat(day), *rest) for day, *rest in values["recent"]),
        )  # fmt: skip


@dataclass(frozen=True, eq=False)
class Monitor:
    """What is remembered of one target's champion: everything that later days and answers need."""

    target: str
    champion: str
    reference_harm: float
    last_day: dt.date | None
    game_days: int
    rows: int
    columns: dict[str, ColumnState]

    def to_dict(self) -> dict[str, Any]:
        """Return the monitor ready for JSON; `from_dict` gives the same bits back."""
        return {
            "target": self.target, "champion": self.champion, "reference_harm": self.reference_harm,
            "last_day": None if self.last_day is None else self.last_day.isoformat(),
            "game_days": self.game_days, "rows": self.rows,
            "columns": {name: state.to_dict() for name, state in self.columns.items()},
        }  # fmt: skip

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Self:
        """Return the monitor from `to_dict`'s output."""
        day = values["last_day"]
        columns = {name: ColumnState.from_dict(state) for name, state in values["columns"].items()}
        last_day = None if day is None else dt.date.fromisoformat(day)
        return cls(**{**values, "last_day": last_day, "columns": columns})


def start(target_name: str, champion: str, reference_harm: float = 0.0) -> Monitor:
    """Return a monitor that has seen nothing.

    `champion` is its digest, `reference_harm` in nats per row what re-learning would have saved on its own holdout
    (`reference_harm`; 0 where no reference is recorded). Raises ValueError for an unknown target or a negative harm.
    """
    sentinels(target_name)
    if not (math.isfinite(reference_harm) and reference_harm >= 0):
        raise ValueError(f"{target_name}: the reference harm must be a number from 0, not {reference_harm}")
    return Monitor(target_name, champion, reference_harm, None, 0, 0, {})


def observe(monitor: Monitor, day: dt.date, rows: pl.DataFrame) -> Monitor:
    """Return the monitor after one game day's labelled rows, in any order.

    `rows`: `probability` (the champion's, made before the day), `label` (0, 1 or boolean), `game`, and those of
    `needed_columns` that exist. Days are given oldest first and once, complete; rows whose label is null are pending
    and left out, and without a labelled row the monitor is returned as it was. Raises ValueError for a day not after
    the last one, a missing column, a probability outside 0 to 1, or a label that is neither 0 nor 1.
    """
    known = _labelled(monitor.target, day, rows)
    if known.is_empty():
        return monitor
    if monitor.last_day is not None and day <= monitor.last_day:
        raise ValueError(
            f"{monitor.target}: {day} comes after {monitor.last_day} was observed; give days oldest first and once, "
            "or start a new monitor and observe all days again"
        )
    watched = present(monitor.target, known.columns)
    exact = known.sort("game", "probability", "label", *(f"group:{sentinel.name}" for sentinel in watched))
    chance = exact["probability"].to_numpy().clip(CLIP, 1 - CLIP)
    label = exact["label"].to_numpy()
    games = _codes(exact["game"].to_list(), {})
    outcome = _Outcome(day, chance, label, games, int(games.max()) + 1)
    columns = dict(monitor.columns)
    for sentinel in watched:
        groups = exact[f"group:{sentinel.name}"].to_list()
        state = columns.get(sentinel.name) or _empty()
        columns[sentinel.name] = _learn(state, groups, outcome, monitor)
    return replace(
        monitor, last_day=day, game_days=monitor.game_days + 1, rows=monitor.rows + len(chance), columns=columns
    )


def relation(monitor: Monitor) -> RelationAnswer:
    """Return whether the relation has moved, by how much, since when and in which columns, as of the last day."""
    limits = LIMITS[monitor.target]
    harms = {name: _harm(state) for name, state in monitor.columns.items()}
    if not harms:
        reason = "no labelled game day since the champion was trained: there is no verdict on the relation"
        return RelationAnswer(False, 0.0, None, 0.0, None, (), 0, 0, reason)
    ordered = sorted(harms, key=lambda name: (-harms[name][0], name))
    best = ordered[0]
    harm, error = harms[best][0] - monitor.reference_harm, harms[best][1]
    log_e_value = _log_e_value(monitor)
    moved = log_e_value >= limits.log_evidence and harm >= limits.harm_nats
    recent = monitor.columns[best].recent
    return RelationAnswer(
        moved, harm, error, log_e_value,
        monitor.columns[best].run_start if moved else None,
        tuple(ColumnHarm(name, harms[name][0]) for name in ordered),
        sum(day.rows for day in recent), len(recent),
        _reason(monitor, best, harm, log_e_value, moved),
    )  # fmt: skip


def reference_harm(target_name: str, days: Iterable[tuple[dt.date, pl.DataFrame]]) -> float:
    """Return what re-learning would have saved per row on a holdout, nats: the best column's mean gain, at least 0.

    `days` are as for `observe`, oldest first. Holdout means rows that the champion's model has not seen.
    """
    monitor, gains = start(target_name, "holdout"), dict[str, float]()
    for day, rows in days:
        seen = monitor.game_days
        monitor = observe(monitor, day, rows)
        if monitor.game_days > seen:
            for name, state in monitor.columns.items():
                gains[name] = gains.get(name, 0.0) + state.recent[-1].gain
    return max(0.0, *gains.values()) / monitor.rows if gains else 0.0


@dataclass(frozen=True, eq=False)
class _Outcome:
    """A day's rows in their own order: chance and label (rows,), the games' codes and how many games."""

    day: dt.date
    chance: Floats
    label: Floats
    game: Codes
    games: int


def _labelled(target: str, day: dt.date, rows: pl.DataFrame) -> pl.DataFrame:
    """Return the labelled rows with their groups; refuse what is no probability or no label."""
    missing = [name for name in ("probability", "label", "game") if name not in rows.columns]
    if missing:
        raise ValueError(f"{target}, {day}: rows without column(s) {', '.join(missing)}")
    known = rows.filter(pl.col("label").is_not_null()).with_columns(
        pl.col("probability").cast(pl.Float64), pl.col("label").cast(pl.Float64)
    )
    bad = known.filter(
        ~pl.col("probability").is_between(0.0, 1.0).fill_null(value=False) | ~pl.col("label").is_in([0.0, 1.0])
    )
    if bad.height:
        game, chance, label = bad.select("game", "probability", "label").row(0)
        raise ValueError(
            f"{target}, {day}, game {game}: probability {chance}, label {label}; a labelled row needs a probability "
            "from 0 to 1 and a label of 0 or 1"
        )
    groups = [group_expression(sentinel) for sentinel in present(target, rows.columns)]
    return known.with_columns(groups)


def _codes(values: list[Any], index: dict[Any, int]) -> Codes:
    """Return each value's place, new values appended to `index` in order of appearance."""
    return np.array([index.setdefault(value, len(index)) for value in values], dtype=np.int64)


def _empty() -> ColumnState:
    none = np.zeros((len(HALF_LIVES), 0))
    return ColumnState((), none, none, np.zeros(len(EXPERTS) + 1), None, 0.0, None, ())


def _learn(state: ColumnState, groups: list[str], outcome: _Outcome, monitor: Monitor) -> ColumnState:
    """Return the state after a day: first what its corrections gained, then what the day teaches."""
    index = {name: place for place, name in enumerate(state.groups)}
    codes = _codes(groups, index)
    wider = [(0, 0), (0, len(index) - len(state.groups))]
    residual, information = np.pad(state.residual, wider), np.pad(state.information, wider)
    experts = _corrections(residual, information)
    gain = _gain(_average(experts, state.record) if len(codes) else experts[0], codes, outcome)
    record = LATELY * (state.record + np.array([float(_gain(u, codes, outcome).sum()) for u in experts]))
    size = len(index)
    decay = np.array([[0.5 ** (1 / half_life)] for half_life in HALF_LIVES])
    missed = np.bincount(codes, outcome.label - outcome.chance, size)
    spread = np.bincount(codes, outcome.chance * (1 - outcome.chance), size)
    today = _day_gain(gain, outcome)
    run, run_start = _run(state, today, monitor)
    return ColumnState(
        tuple(index), decay * residual + missed, decay * information + spread, record,
        _bet(state.log_wealth, today, monitor), run, run_start,
        (*state.recent, today)[-LIMITS[monitor.target].window_game_days:],
    )  # fmt: skip


def _corrections(residual: Floats, information: Floats) -> Floats:
    """Return every expert's logit per group, (experts + 1, groups); the first corrects nothing."""
    rows = [np.zeros(residual.shape[1])]
    for place in range(len(HALF_LIVES)):
        rows.extend(residual[place] / (information[place] + strength) for strength in STRENGTHS)
    return np.stack(rows)


def _average(experts: Floats, record: Floats) -> Floats:
    """Return the experts' mean correction, weighted by the likelihood of what they said lately."""
    weight = np.exp(record - record.max())
    mixed: Floats = (weight[:, None] * experts).sum(axis=0) / weight.sum()
    return mixed


def _gain(correction: Floats, codes: Codes, outcome: _Outcome) -> Floats:
    """Return each row's log likelihood under logit(p) + u less that under p."""
    gain: Floats = outcome.label * correction[codes] - np.log1p(outcome.chance * np.expm1(correction)[codes])
    return gain


def _day_gain(gain: Floats, outcome: _Outcome) -> DayGain:
    by_game = np.bincount(outcome.game, gain, outcome.games)
    rows: npt.NDArray[np.float64] = np.bincount(outcome.game, minlength=outcome.games).astype(np.float64)
    return DayGain(
        outcome.day, len(gain), outcome.games, float(by_game.sum()),
        float((by_game**2).sum()), float((by_game * rows).sum()), float((rows**2).sum()),
    )  # fmt: skip


def _bet(log_wealth: float | None, today: DayGain, monitor: Monitor) -> float:
    """Return log of sum over start days of their prior times what was won since; the reference harm wins nothing."""
    first = -math.log(HAZARD) + monitor.game_days * math.log1p(-1 / HAZARD)
    before = first if log_wealth is None else float(np.logaddexp(log_wealth, first))
    return before + today.gain - today.rows * monitor.reference_harm


def _run(state: ColumnState, today: DayGain, monitor: Monitor) -> tuple[float, dt.date | None]:
    """Return the best segment's gain beyond half the limit and its first day (CUSUM, Page 1954)."""
    tolerated = monitor.reference_harm + LIMITS[monitor.target].harm_nats / 2
    began = state.run_start if state.run > 0 else today.day
    return max(state.run, 0.0) + today.gain - today.rows * tolerated, began


def _log_e_value(monitor: Monitor) -> float:
    rest = monitor.game_days * math.log1p(-1 / HAZARD)
    logs = [state.log_wealth for state in monitor.columns.values()]
    wealth = [rest if log is None else float(np.logaddexp(log, rest)) for log in logs]
    return float(np.logaddexp.reduce(np.array(wealth))) - math.log(len(wealth))


def _harm(state: ColumnState) -> tuple[float, float | None]:
    """Return the gain per row over the remembered days and its standard error, games being independent given u."""
    rows = sum(day.rows for day in state.recent)
    games = sum(day.games for day in state.recent)
    harm = sum(day.gain for day in state.recent) / rows
    if games < 2:
        return harm, None
    square = sum(d.gain_gain - 2 * harm * d.gain_rows + harm**2 * d.rows_rows for d in state.recent)
    return harm, math.sqrt(max(0.0, square) * games / (games - 1)) / rows


def _reason(monitor: Monitor, best: str, harm: float, log_e_value: float, moved: bool) -> str:
    limits = LIMITS[monitor.target]
    state = monitor.columns[best]
    measured = (
        f"re-learning {best} would have saved {harm:.4f} nats per row over the last {len(state.recent)} game day(s) "
        f"(limit {limits.harm_nats}), evidence {log_e_value:.1f} nats (needed {limits.log_evidence:.1f})"
    )
    if not moved:
        return f"the relation holds: {measured}"
    return f"the relation has moved since about {state.run_start}: {measured}; most for {_furthest(state)}"


def _furthest(state: ColumnState) -> str:
    """Return the group whose correction matters most, and its direction, in words."""
    correction = _average(_corrections(state.residual, state.information), state.record)
    place = int(np.argmax(correction**2 * state.information[-1]))
    side = "more" if correction[place] > 0 else "less"
    return f"{state.groups[place]}, which goes in {side} often than predicted (logit {correction[place]:+.2f})"
