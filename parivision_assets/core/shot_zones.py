"""Where a shot is taken, by geometry alone: the scorers' own zones are known only after the event."""

from __future__ import annotations

import polars as pl

from parivision_assets.core import court

BUCKETS = ("rim", "short", "mid", "long_two", "corner_three", "arc_three", "deep_three")
"""Rim and short mid-range by distance, long twos and threes by value."""

CELLS = (*(f"rim_{ring}" for ring in range(4)), "rim_unknown", *BUCKETS[1:])
"""Buckets, with the rim told apart by ring."""

SHORT_FT, MID_FT, DEEP_THREE_FT = 10.0, 16.0, 26.5

DECLARED_RATES = {
    "rim": 0.62, "short": 0.41, "mid": 0.41, "long_two": 0.40, "corner_three": 0.39, "arc_three": 0.36,
    "deep_three": 0.31,
}  # fmt: skip
"""Make rates assumed where no earlier season is at hand: round figures of the modern league."""


def bucket() -> pl.Expr:
    """Return the bucket of a row with `is_at_rim`, `spot_y_ft`, `spot_distance_ft` and `points_value`."""
    distance = pl.col("spot_distance_ft")
    is_three = pl.col("points_value") == 3
    corner = pl.col("spot_y_ft") < court.CORNER_BREAK_Y_FT
    return (
        pl.when(is_three & (distance >= DEEP_THREE_FT))
        .then(pl.lit("deep_three"))
        .when(is_three & corner)
        .then(pl.lit("corner_three"))
        .when(is_three)
        .then(pl.lit("arc_three"))
        .when(pl.col("is_at_rim"))
        .then(pl.lit("rim"))
        .when(distance < SHORT_FT)
        .then(pl.lit("short"))
        .when(distance < MID_FT)
        .then(pl.lit("mid"))
        .otherwise(pl.lit("long_two"))
    )


def cell() -> pl.Expr:
    """Return the cell: the bucket, and at the rim the ring in whole feet, or that the spot is not known.

    Scorers place shots at the rim differently from season to season, so rings have rates of their own.
    """
    ring = pl.format("rim_{}", pl.col("spot_distance_ft").floor().cast(pl.Int8).clip(0, 3))
    return pl.when(pl.col("is_at_rim")).then(ring.fill_null(pl.lit("rim_unknown"))).otherwise(bucket())


def bucket_points() -> pl.Expr:
    """Return the points a make is worth in the row's `bucket`."""
    return pl.when(pl.col("bucket").str.ends_with("three")).then(pl.lit(3.0)).otherwise(pl.lit(2.0))
