"""Which published columns of an event are watched, as groups: bands of numbers, values of categories.

History features are left out: they follow outcomes, so they answer a changed relation themselves. So are columns that
outcomes feed within a game, such as the margin. How the relation is watched is `core.monitor`, how the inputs are,
`core.input_shift`.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field

import polars as pl

OVERALL = "overall"
MISSING = "missing"


@dataclass(frozen=True)
class Sentinel:
    """One watched column: `group` gives each row's group as text, from the columns in `needs`."""

    name: str
    needs: tuple[str, ...]
    group: pl.Expr = field(compare=False, repr=False)
    is_input: bool = True
    """Whether the column's own distribution is watched too, as an input of the target."""
    is_learnt: bool = False
    """Whether values that a champion never met in training leave it without a relation."""


def _band(name: str, width: float, last: int) -> pl.Expr:
    return (pl.col(name).abs() / width).floor().clip(0, last).cast(pl.Int32)


def _plain(name: str, *, is_input: bool = True) -> Sentinel:
    return Sentinel(name, (name,), pl.col(name), is_input)


def _whole(name: str, first: int, last: int) -> Sentinel:
    return Sentinel(name, (name,), pl.col(name).round().clip(first, last).cast(pl.Int32))


_CLOCK_BAND = (
    pl.when(pl.col("clock_s") <= 3).then(pl.lit("last 3 s")).when(pl.col("clock_s") <= 24).then(pl.lit("last 24 s"))
    .when(pl.col("clock_s") <= 180).then(pl.lit("last 3 min")).when(pl.col("clock_s") <= 420)
    .then(pl.lit("middle")).when(pl.col("clock_s").is_not_null()).then(pl.lit("first 5 min"))
)  # fmt: skip

# Where the line is drawn is what `points_value` means: twos from beyond it were never met before it moved.
_VALUE_AT = Sentinel(
    "points_by_distance",
    ("points_value", "spot_distance_ft"),
    pl.when(pl.col("spot_distance_ft").is_null())
    .then(pl.lit("at the rim"))
    .otherwise(
        pl.format(
            "{} points from {} ft",
            pl.col("points_value").round().cast(pl.Int32),
            pl.col("spot_distance_ft").floor().clip(20, 27).cast(pl.Int32),
        )
    ),
    is_input=False,
    is_learnt=True,
)
_OVERALL = Sentinel(OVERALL, (), pl.lit("all"), is_input=False)
# Overtime counts as the fourth quarter: which games need it is no change of the world.
_SHOT = (
    _OVERALL,
    _plain("zone", is_input=False),
    _plain("bucket"),
    _whole("points_value", 2, 3),
    _VALUE_AT,
    Sentinel("spot_distance_ft", ("spot_distance_ft",), _band("spot_distance_ft", 4.0, 8)),
    Sentinel("abs_angle_deg", ("abs_angle_deg",), _band("abs_angle_deg", 30.0, 4)),
    _whole("quarter", 1, 4),
    Sentinel("clock_s", ("clock_s",), _CLOCK_BAND),
    _whole("position", 0, 2),
    _whole("is_home", 0, 1),
)
_ACTION = Sentinel("action_type", ("action_type",), pl.col("action_type"), is_learnt=True)


def _strength_bands() -> pl.Expr:
    labels = ["(-inf, 0.25]", "(0.25, 0.4]", "(0.4, 0.6]", "(0.6, 0.75]", "(0.75, inf]"]
    bands = pl.col("probability").bin_intervals([0.25, 0.4, 0.6, 0.75], labels=labels, right_closed=True)
    return bands.cast(pl.String)


# A quarter, two fifths, three fifths and three quarters: what the model itself says of the home team.
_STRENGTH = Sentinel("probability", ("probability",), _strength_bands(), is_input=False)
# No input of games is watched: what is published before one is its schedule, which differs from week to week by design.
_GAME = (
    _OVERALL,
    _STRENGTH,
    Sentinel("is_playoffs", ("is_playoffs",), pl.col("is_playoffs").round().cast(pl.Int32), is_input=False),
    Sentinel("season_day", ("season_day",), pl.when(pl.col("season_day") < 30).then(0).otherwise(1), is_input=False),
)
_BY_TARGET: dict[str, tuple[Sentinel, ...]] = {
    "shot_pre_release": _SHOT,
    "shot_post_event": (*_SHOT, _ACTION),
    "game": _GAME,
}


def sentinels(target_name: str) -> tuple[Sentinel, ...]:
    """Return the watched columns of a target; raise ValueError naming the known targets for another."""
    if target_name not in _BY_TARGET:
        raise ValueError(f"no watched columns are declared for target {target_name}; known: {', '.join(_BY_TARGET)}")
    return _BY_TARGET[target_name]


def needed_columns(target_name: str) -> tuple[str, ...]:
    """Return the columns that the target's watched columns are made from, each once."""
    return tuple(dict.fromkeys(name for sentinel in sentinels(target_name) for name in sentinel.needs))


def present(target_name: str, columns: Collection[str]) -> tuple[Sentinel, ...]:
    """Return the watched columns that can be made from `columns`."""
    return tuple(sentinel for sentinel in sentinels(target_name) if set(sentinel.needs) <= set(columns))


def group_expression(sentinel: Sentinel) -> pl.Expr:
    """Return the sentinel's group as text under its name; a missing value is a group of its own."""
    return sentinel.group.cast(pl.String).fill_null(MISSING).alias(f"group:{sentinel.name}")
