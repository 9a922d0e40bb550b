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

Real champions never hold exactly, and at 200,000 rows everything is significant. A champion that is a little wrong all
along is not a changed world: its *standing errors* are what a correction by the days before the window saves, up to
twice the limit. Bets pay only beyond them and half the limit of harm per row, and `moved` needs evidence AND harm (gain
per row over the window beyond standing errors; prequential, so without optimism) at or above that limit
(`recalibration.LIMITS`).

Where it is known what the champion was trained on, rows with a value that it never met are counted: it has no relation
for them, and what the column means has changed. A share of `recalibration.UNLEARNT_LIMIT` counts as moved, whatever
the harm so far.
"""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Collection, Mapping
from dataclasses import replace

import numpy as np
import polars as pl

from parivision_assets.core.drift import ColumnHarm, RelationAnswer
from parivision_assets.core.monitor_state import ColumnState, Monitor
from parivision_assets.core.recalibration import (
    LIMITS,
    Outcome,
    average,
    codes_of,
    corrections,
    empty,
    learn,
    log_e_value,
    unlearnt_share,
)
from parivision_assets.core.sentinels import group_expression, needed_columns, present, sentinels

__all__ = [
    "LIMITS",
    "Monitor",
    "learnt_values",
    "needed_columns",
    "observe",
    "relation",
    "start",
]

CLIP = 1e-6
"""Probabilities are kept this far from 0 and 1, so that one row cannot ruin a bettor or make him."""
LEARNT_ROWS = 50
"""A value met less often in training is as good as new; the encoder's own limit for categories."""


def start(
    target_name: str,
    champion: str,
    learnt: Mapping[str, Collection[str]] | None = None,
) -> Monitor:
    """Return a monitor that has seen nothing.

    `champion` is its digest, `learnt` per watched category the values that it was trained on (`learnt_values`; a
    column left out is not checked for others). Raises ValueError for an unknown target.
    """
    sentinels(target_name)
    known = {name: tuple(sorted(values)) for name, values in sorted((learnt or {}).items())}
    return Monitor(target_name, champion, known, None, 0, 0, {})


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
    games = codes_of(exact["game"].to_list(), {})
    outcome = Outcome(day, chance, label, games, int(games.max()) + 1)
    columns = dict(monitor.columns)
    for sentinel in watched:
        groups = exact[f"group:{sentinel.name}"].to_list()
        state = columns.get(sentinel.name) or empty()
        columns[sentinel.name] = learn(sentinel.name, state, groups, outcome, monitor)
    return replace(
        monitor, last_day=day, game_days=monitor.game_days + 1, rows=monitor.rows + len(chance), columns=columns
    )


def relation(monitor: Monitor) -> RelationAnswer:
    """Return whether the relation has moved, by how much, since when and in which columns, as of the last day."""
    limits = LIMITS[monitor.target]
    harms = {name: _harm(state, monitor) for name, state in monitor.columns.items()}
    if not harms:
        reason = "no labelled game day since the champion was trained: there is no verdict on the relation"
        return RelationAnswer(False, 0.0, None, 0.0, None, (), 0, 0, reason)
    evidence = log_e_value(monitor)
    unlearnt = {name for name, state in monitor.columns.items() if state.unlearnt_since is not None}
    ordered = sorted(harms, key=lambda name: (name not in unlearnt, -harms[name], name))
    best = ordered[0]
    state = monitor.columns[best]
    moved = best in unlearnt or (evidence >= limits.log_evidence and harms[best] >= limits.harm_nats)
    since = None
    if moved:
        since = state.unlearnt_since or state.run_start
    return RelationAnswer(
        moved, harms[best], _standard_error(state), evidence, since,
        tuple(ColumnHarm(name, harms[name]) for name in ordered),
        sum(day.rows for day in state.recent), len(state.recent),
        _reason(monitor, best, harms[best], evidence, since),
    )  # fmt: skip


def learnt_values(target_name: str, training: pl.DataFrame) -> dict[str, tuple[str, ...]]:
    """Return, per watched category, the values met in at least LEARNT_ROWS of a champion's training rows."""
    learnt = {}
    for sentinel in present(target_name, training.columns):
        if sentinel.is_learnt:
            counts = training.select(group_expression(sentinel).alias("value")).group_by("value").len()
            known = counts.filter(pl.col("len") >= LEARNT_ROWS)["value"].to_list()
            learnt[sentinel.name] = tuple(sorted(known))
    return learnt


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


def _harm(state: ColumnState, monitor: Monitor) -> float:
    """Return the gain per row over the window beyond the champion's standing errors, nats."""
    rows = sum(day.rows for day in state.recent)
    standing = sum(day.standing for day in state.recent) / rows
    return sum(day.gain for day in state.recent) / rows - LIMITS[monitor.target].standing(standing)


def _standard_error(state: ColumnState) -> float | None:
    """Return the standard error of the gain per row, clustered by game; None with one game."""
    rows, games = sum(day.rows for day in state.recent), sum(day.games for day in state.recent)
    if games < 2:
        return None
    mean = sum(day.gain for day in state.recent) / rows
    square = sum(d.gain_gain - 2 * mean * d.gain_rows + mean**2 * d.rows_rows for d in state.recent)
    return math.sqrt(max(0.0, square) * games / (games - 1)) / rows


def _reason(monitor: Monitor, best: str, harm: float, evidence: float, since: dt.date | None) -> str:
    limits, state = LIMITS[monitor.target], monitor.columns[best]
    measured = (
        f"re-learning {best} would have saved {harm:.4f} nats per row over the last {len(state.recent)} game day(s) "
        f"(limit {limits.harm_nats}), evidence {evidence:.1f} nats (needed {limits.log_evidence:.1f})"
    )
    if state.unlearnt_since is not None:
        share = f"{unlearnt_share(state.recent):.1%} of the last games' rows have a value of {best}"
        return f"since about {since} {share} that the champion never learnt, so it has no relation for them; {measured}"
    if since is None:
        return f"the relation holds: {measured}"
    return f"the relation has moved since about {since}: {measured}; most for {_furthest(state)}"


def _furthest(state: ColumnState) -> str:
    """Return the group whose correction matters most, and its direction, in words."""
    correction = average(corrections(state.residual, state.information), state.record)
    place = int(np.argmax(correction**2 * state.information[-1]))
    side = "more" if correction[place] > 0 else "less"
    return (
        f"{state.groups[place]}, where the outcome comes {side} often than predicted (logit {correction[place]:+.2f})"
    )
