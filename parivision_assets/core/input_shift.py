"""Has the distribution of the inputs moved? Published columns against what the champion was trained on, whole games.

Per column of `core.sentinels` that is an input, the population stability index over fixed bins,

    PSI = sum over bins of (q - r) * log(q / r),  q the share now, r the share in the reference,

less what it would be on average had nothing changed: shares vary from game to game, so a bin adds the variance of
q - r over their mean, clustered by game. A value never met before is a bin of its own. What remains is an effect size,
held against PSI_LIMIT and against three standard deviations of chance. History features are left out: they follow
outcomes. Over ten game days of synthetic seasons without a change (seeds 1000-1005) no column passes 0.0045.

Counts add up: a day's are kept, a window's are the sum of its days', so no row is read twice.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import polars as pl

from parivision_assets.core.drift import ColumnShift, InputAnswer
from parivision_assets.core.sentinels import group_expression, present, sentinels

PSI_LIMIT = 0.006
"""Four points more threes, from 0.38 to 0.42, have a PSI of 0.0067; six points have 0.015."""
CHANCE_DEVIATIONS = 3.0

Bin = tuple[int, int, int]
"""Rows in the bin, and sums over games of rows in the bin squared and of rows in the bin times the game's rows."""


@dataclass(frozen=True)
class Counts:
    """How often each value of each watched input occurred, with the sums that clustered variances need."""

    target: str
    games: int
    rows: dict[str, int]
    """Per column, the rows."""
    squares: dict[str, int]
    """Per column, the sum over games of rows squared."""
    bins: dict[str, dict[str, Bin]]

    def to_dict(self) -> dict[str, Any]:
        """Return the counts ready for JSON."""
        bins = {name: {value: list(sums) for value, sums in found.items()} for name, found in self.bins.items()}
        return {"target": self.target, "games": self.games, "rows": self.rows, "squares": self.squares, "bins": bins}

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Self:
        """Return the counts from `to_dict`'s output."""
        bins = {
            name: {value: (sums[0], sums[1], sums[2]) for value, sums in found.items()}
            for name, found in values["bins"].items()
        }
        return cls(**{**values, "bins": bins})


def count(target_name: str, rows: pl.DataFrame) -> Counts:
    """Return the counts of whole games, labelled or not: `game` and those of the watched inputs that exist.

    Raises ValueError for an unknown target or rows without `game`.
    """
    sentinels(target_name)
    if "game" not in rows.columns:
        raise ValueError(f"{target_name}: rows without column game; inputs are counted by game")
    games: dict[object, int] = {}
    game = np.array([games.setdefault(value, len(games)) for value in rows["game"].to_list()], dtype=np.int64)
    sizes = np.bincount(game, minlength=len(games))
    counts = Counts(target_name, len(games), {}, {}, {})
    watched = [sentinel for sentinel in present(target_name, rows.columns) if sentinel.is_input]
    groups = rows.select(group_expression(sentinel).alias(sentinel.name) for sentinel in watched)
    for name in groups.columns:
        place: dict[str, int] = {}
        codes = np.array([place.setdefault(value, len(place)) for value in groups[name].to_list()], dtype=np.int64)
        shape = (len(games), len(place))
        cells = np.bincount(game * len(place) + codes, minlength=len(games) * len(place)).reshape(shape)
        sums = zip(cells.sum(axis=0), (cells**2).sum(axis=0), sizes @ cells, strict=True)
        found = {value: (int(a), int(b), int(c)) for value, (a, b, c) in zip(place, sums, strict=True)}
        counts.rows[name], counts.squares[name] = rows.height, int((sizes**2).sum())
        counts.bins[name] = dict(sorted(found.items()))
    return counts


def add(target_name: str, parts: Iterable[Counts]) -> Counts:
    """Return the counts of several sets of games together; a game belongs to one of them."""
    total = Counts(target_name, 0, {}, {}, {})
    games = 0
    for part in parts:
        games += part.games
        for name, found in part.bins.items():
            total.rows[name] = total.rows.get(name, 0) + part.rows[name]
            total.squares[name] = total.squares.get(name, 0) + part.squares[name]
            into = total.bins.setdefault(name, {})
            for value, sums in found.items():
                old = into.get(value, (0, 0, 0))
                into[value] = (old[0] + sums[0], old[1] + sums[1], old[2] + sums[2])
    return Counts(target_name, games, total.rows, total.squares, total.bins)


def compare(reference: Counts | None, current: Counts) -> InputAnswer:
    """Return whether the inputs have moved from the reference, by column, the furthest first.

    No reference, or no games, is no verdict: nothing has moved, and the reason says so.
    """
    if reference is None:
        return InputAnswer(False, (), "the champion has no recorded reference: its inputs cannot be compared")
    if current.games < 2 or reference.games < 2:
        return InputAnswer(False, (), f"{current.games} game(s) in the window: too few to compare the inputs")
    names = [name for name in current.bins if name in reference.bins]
    columns = sorted((_shift(name, reference, current) for name in names), key=lambda c: (-c.psi, c.column))
    if not columns:
        return InputAnswer(False, (), f"no published input of {current.target} is watched in these rows")
    moved = [column for column in columns if column.moved]
    if not moved:
        return InputAnswer(False, tuple(columns), f"no input moved by a PSI of {PSI_LIMIT} or more")
    told = "; ".join(f"{column.column} ({column.detail})" for column in moved)
    return InputAnswer(True, tuple(columns), f"moved beyond chance and a PSI of {PSI_LIMIT}: {told}")


def _shift(name: str, reference: Counts, current: Counts) -> ColumnShift:
    values = sorted({*reference.bins[name], *current.bins[name]})
    psi, chance, variance = 0.0, 0.0, 0.0
    changes = {}
    for value in values:
        before, before_variance = _share(reference, name, value, len(values))
        now, now_variance = _share(current, name, value, len(values))
        psi += (now - before) * math.log(now / before)
        noise = 2 * (before_variance + now_variance) / (before + now)
        chance += noise
        variance += 2 * noise**2
        changes[value] = now - before
    excess = max(0.0, psi - chance)
    moved = excess >= max(PSI_LIMIT, CHANCE_DEVIATIONS * math.sqrt(variance))
    furthest = max(values, key=lambda value: (abs(changes[value]), value))
    told = f"share of {furthest} {changes[furthest]:+.1%}"
    if len(values) == 1:
        told = f"constant: always {furthest}"
    return ColumnShift(name, excess, PSI_LIMIT, moved, told)


def _share(counts: Counts, name: str, value: str, values: int) -> tuple[float, float]:
    """Return a bin's share, half a row added to each bin, and its variance clustered by game."""
    inside, squares, products = counts.bins[name].get(value, (0, 0, 0))
    rows, games = counts.rows[name], counts.games
    share = (inside + 0.5) / (rows + 0.5 * values)
    rate = inside / rows
    spread = squares - 2 * rate * products + rate**2 * counts.squares[name]
    return share, max(0.0, spread) * games / (games - 1) / rows**2
