"""Rim coordinates that are not observations: a scorer's default spot, and seasons in which it carries the outcome.

Most archives pile part of the shots at the rim on one exact spot (a default, not a place). Until 2010 and from 2018
that pile is made as often as its neighbours; in 2015-2017 it is made 91 % of the time against 55 %: there the
coordinates of a shot at the rim say whether it went in. The declared rules, found from the data alone:

- `default_spot_excluded`: a shot on such a spot has no known spot (spot_* are null), whatever its outcome;
- `leaking_rim_excluded`: where the pile's make rate differs from its neighbours', no shot at the rim has one.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass

import polars as pl

from parivision_assets.core import court

RIM_RADIUS_FT = court.RESTRICTED_AREA_RADIUS_FT
MIN_DEFAULT_SHARE = 0.03
"""A spot holding this share of the shots at the rim is a default (archives: at least 0.08; others under 0.014)."""
MIN_DEFAULT_ROWS = 30
LEAK_RATE_GAP = 0.10
"""A make rate this far from the neighbours' is a leak (archives: 0.36 in 2015-2017, at most 0.03 elsewhere)."""
LEAK_Z = 5.0
"""And this many standard errors, so that a few games do not decide."""

KEPT, DEFAULT_SPOT, LEAKING_RIM = "kept", "default_spot_excluded", "leaking_rim_excluded"


@dataclass(frozen=True)
class DefaultSpot:
    """One spot at the rim on which a season's archive piles shots: where (ft), rows, share at the rim, make rates."""

    season: int
    x_ft: float
    y_ft: float
    rows: int
    share_at_rim: float
    make_rate: float
    neighbours_make_rate: float
    leaks: bool

    def to_dict(self) -> dict[str, int | float | bool]:
        """Return the fields as plain values."""
        return asdict(self)


def default_spots(shots: pl.DataFrame) -> list[DefaultSpot]:
    """Return the default spots of each season in canonical shots (season, x_ft, y_ft, distance_ft, is_made)."""
    rim = _on_grid(shots.filter(pl.col("distance_ft") < RIM_RADIUS_FT))
    season = pl.col("season")
    spots = (
        rim.group_by("season", "grid_x", "grid_y")
        .agg(rows=pl.len(), made=pl.col("is_made").sum())
        .join(rim.group_by("season").agg(rim_rows=pl.len(), rim_made=pl.col("is_made").sum()), on="season")
        .with_columns(share_at_rim=pl.col("rows") / pl.col("rim_rows"))
        .filter((pl.col("rows") >= MIN_DEFAULT_ROWS) & (pl.col("share_at_rim") >= MIN_DEFAULT_SHARE))
        # Neighbours are all shots at the rim on no default spot.
        .with_columns(
            other_rows=pl.col("rim_rows") - pl.col("rows").sum().over(season),
            other_made=pl.col("rim_made") - pl.col("made").sum().over(season),
        )
        .sort("season", "rows", "grid_x", "grid_y", descending=[False, True, False, False])
    )
    return [_default_spot(row) for row in spots.iter_rows(named=True)]


def with_known_spots(shots: pl.DataFrame, defaults: list[DefaultSpot]) -> pl.DataFrame:
    """Return canonical shots with is_at_rim, rim_rule and spot_x_ft, spot_y_ft, spot_distance_ft, spot_angle_deg.

    The spot_* columns equal x_ft … where a rule excludes nothing and are null elsewhere.
    """
    at_rim = pl.col("distance_ft") < RIM_RADIUS_FT
    leaking = sorted({spot.season for spot in defaults if spot.leaks})
    on_default = pl.lit(value=False)
    grid_x, grid_y = _grid("x_ft"), _grid("y_ft")
    for spot in defaults:
        x, y = round(spot.x_ft * 10), round(spot.y_ft * 10)
        on_default = on_default | ((pl.col("season") == spot.season) & (grid_x == x) & (grid_y == y))
    rule = (
        pl.when(at_rim & pl.col("season").is_in(leaking))
        .then(pl.lit(LEAKING_RIM))
        .when(on_default)
        .then(pl.lit(DEFAULT_SPOT))
        .otherwise(pl.lit(KEPT))
    )
    known = pl.col("rim_rule") == KEPT
    names = ("x_ft", "y_ft", "distance_ft", "angle_deg")
    return shots.with_columns(is_at_rim=at_rim, rim_rule=rule).with_columns(
        pl.when(known).then(pl.col(name)).alias(f"spot_{name}") for name in names
    )


def _on_grid(shots: pl.DataFrame) -> pl.DataFrame:
    return shots.select("season", "is_made", grid_x=_grid("x_ft"), grid_y=_grid("y_ft"))


def _grid(column: str) -> pl.Expr:
    # Publishers record tenths of feet.
    return (pl.col(column) * 10).round().cast(pl.Int32)


def _default_spot(row: dict[str, int | float]) -> DefaultSpot:
    rows, others = row["rows"], row["other_rows"]
    rate = row["made"] / rows
    other_rate = row["other_made"] / others if others else rate
    gap = abs(rate - other_rate)
    overall = row["rim_made"] / row["rim_rows"]
    error = (overall * (1 - overall) * (1 / rows + 1 / max(others, 1))) ** 0.5
    return DefaultSpot(
        season=int(row["season"]),
        x_ft=row["grid_x"] / 10,
        y_ft=row["grid_y"] / 10,
        rows=int(rows),
        share_at_rim=row["share_at_rim"],
        make_rate=rate,
        neighbours_make_rate=other_rate,
        leaks=gap >= LEAK_RATE_GAP and gap >= LEAK_Z * error,
    )
