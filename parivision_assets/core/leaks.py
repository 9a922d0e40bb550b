"""How much each column alone says about a shot's outcome, season by season, so that the next leaking column is found.

Honest columns say little once the place of the shot is known, and about the same every season. A column that says
much more in some seasons than in others was written down with the outcome in view. Seasons are summarised one by one
(`leak_summary`) and compared from the summaries (`leak_table`); what to do about a leak is decided elsewhere.
"""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from parivision_assets.core import court

SMOOTHING_ROWS = 20.0
"""A value's make rate in a cell starts as this many rows of the cell's own."""
MIN_GAP_NATS = 0.003
"""Less than this above the reference does no harm (archives' clean columns stay within 0.0015)."""
MIN_RATIO = 1.5
"""And the gain must be this many times the reference (action types until 2017: 1.9 or more; from 2018: 1.2)."""
MIN_Z = 4.0
MAX_HONEST_NATS = 0.05
"""Above this a column is a leak whatever its neighbours say (action types, honest ones, reach 0.02)."""
COMPARABLE_SIZE = 0.5
"""Seasons with fewer than this share of a season's rows are no reference: rare values cost them more than they tell."""

_SUMMARY: dict[str, type[pl.DataType]] = {
    "season": pl.Int16,
    "column": pl.String,
    "rows": pl.Int64,
    "values": pl.Int64,
    "gain_nats": pl.Float64,
    "se_nats": pl.Float64,
}
_COMPARED: dict[str, type[pl.DataType]] = {
    "before_nats": pl.Float64,
    "after_nats": pl.Float64,
    "reference_nats": pl.Float64,
    "is_leak": pl.Boolean,
    "reason": pl.String,
}
SUMMARY_SCHEMA = pl.Schema(_SUMMARY)
TABLE_SCHEMA = pl.Schema(_SUMMARY | _COMPARED)


def leak_summary(shots: pl.DataFrame) -> pl.DataFrame:
    """Return SUMMARY_SCHEMA: per season and probed column, the outcome's log loss that the column saves.

    `shots` are canonical. The gain is in nats per shot over the shot's place alone, cross-fitted on two halves of the
    games, so a column without information gains nothing or loses a little; the standard error takes shots as
    independent. An empty frame gives an empty summary.
    """
    parts = [SUMMARY_SCHEMA.to_frame()]
    for (season,), of_season in shots.group_by("season", maintain_order=True):
        rows = of_season.select(
            cell=_place(), half=(pl.col("game_id") % 2).cast(pl.Int8), is_made="is_made", **_probes(of_season)
        )
        measured = [_gain(rows, name) for name in _probes(of_season)]
        summary = pl.DataFrame(measured).with_columns(season=pl.lit(season))
        parts.append(summary.select(*_SUMMARY).cast(SUMMARY_SCHEMA))
    return pl.concat(parts)


def leak_table(summaries: Sequence[pl.DataFrame]) -> pl.DataFrame:
    """Return TABLE_SCHEMA: every season's summary beside its neighbours', with `is_leak` and the reason in words.

    A column leaks in a season when it gains far more than in the comparable season where it gains least, or more
    than an honest column can. One season alone has no reference: only the second rule applies.
    """
    rows = pl.concat([SUMMARY_SCHEMA.to_frame(), *summaries]).sort("column", "season")
    others = rows.filter(pl.col("values") > 1).select(
        "column", other_season="season", other_rows="rows", other_gain="gain_nats", other_se="se_nats"
    )
    reference = (
        rows.join(others, on="column")
        .filter(
            (pl.col("other_season") != pl.col("season")) & (pl.col("other_rows") >= COMPARABLE_SIZE * pl.col("rows"))
        )
        .sort("column", "season", "other_gain")
        .group_by("column", "season", maintain_order=True)
        .agg(reference_nats=pl.col("other_gain").first(), reference_se=pl.col("other_se").first())
    )
    gap = pl.col("gain_nats") - pl.col("reference_nats")
    error = (pl.col("se_nats") ** 2 + pl.col("reference_se") ** 2).sqrt()
    stands_out = (
        (gap >= MIN_GAP_NATS) & (pl.col("gain_nats") >= MIN_RATIO * pl.col("reference_nats")) & (gap >= MIN_Z * error)
    ).fill_null(value=False)
    too_much = pl.col("gain_nats") >= MAX_HONEST_NATS
    reason = (
        pl.when(too_much)
        .then(pl.lit(f"says more than {MAX_HONEST_NATS:g} nats about the outcome"))
        .when(stands_out)
        .then(pl.lit("says far more about the outcome than in its cleanest season"))
    )
    return (
        rows.join(reference, on=["column", "season"], how="left", maintain_order="left")
        .with_columns(
            before_nats=pl.col("gain_nats").shift(1).over("column"),
            after_nats=pl.col("gain_nats").shift(-1).over("column"),
            is_leak=too_much | stands_out,
            reason=reason,
        )
        .select(*_SUMMARY, *_COMPARED)
        .cast(TABLE_SCHEMA)
    )


def _place() -> pl.Expr:
    """Return a coarse cell: the rim as one, then two feet by a quarter turn by value; blind to exact spots."""
    ring = (pl.col("distance_ft") / 2).floor().cast(pl.Int32)
    turn = (pl.col("angle_deg").abs() / 45).floor().cast(pl.Int32)
    fine = ring * 100 + turn * 10 + pl.col("points_value").cast(pl.Int32)
    at_rim: pl.Expr = pl.col("distance_ft") < court.RESTRICTED_AREA_RADIUS_FT
    return pl.when(at_rim).then(-1).otherwise(fine)


def _probes(shots: pl.DataFrame) -> dict[str, pl.Expr]:
    at_rim = pl.col("distance_ft") < court.RESTRICTED_AREA_RADIUS_FT
    tenths = {axis: (pl.col(f"{axis}_ft") * 10).round().cast(pl.Int32) for axis in ("x", "y", "spot_x", "spot_y")}
    plain = ("action_type", "zone", "side", "range_band", "quarter", "is_home", "position_group", "coordinate_repair")
    return {
        **{name: pl.col(name) for name in plain},
        "rim_spot": _on_commonest(shots, tenths["x"], tenths["y"], at_rim),
        "rim_spot_known": _on_commonest(shots, tenths["spot_x"], tenths["spot_y"], at_rim),
        "x_decimal": tenths["x"].abs() % 10,
        "y_decimal": tenths["y"].abs() % 10,
        "spot_x_decimal": tenths["spot_x"].abs() % 10,
        "spot_y_decimal": tenths["spot_y"].abs() % 10,
        "recorded_distance_ft": pl.when(~at_rim).then(pl.col("recorded_distance_ft")),
        "clock_half_minute": pl.col("clock_s") // 30,
        "has_tracking": pl.col("dribbles").is_not_null(),
    }


def _on_commonest(shots: pl.DataFrame, x: pl.Expr, y: pl.Expr, at_rim: pl.Expr) -> pl.Expr:
    spots = shots.filter(at_rim).select(spot=x * 10_000 + y).drop_nulls()
    if spots.is_empty():
        return pl.lit(value=False)
    commonest = spots.group_by("spot").len().sort("len", "spot", descending=[True, False])["spot"][0]
    on_spot: pl.Expr = at_rim & (x * 10_000 + y == commonest)
    return on_spot.fill_null(value=False)


def _gain(rows: pl.DataFrame, column: str) -> dict[str, str | int | float]:
    counts = rows.group_by("cell", "half", value=pl.col(column)).agg(
        n=pl.len().cast(pl.Float64), made=pl.col("is_made").sum().cast(pl.Float64)
    )
    # Each half is judged by rates of the other half.
    swapped = counts.with_columns(half=1 - pl.col("half"))
    cells = swapped.group_by("cell", "half").agg(cell_n=pl.col("n").sum(), cell_made=pl.col("made").sum())
    league = swapped.group_by("half").agg(rate=pl.col("made").sum() / pl.col("n").sum())
    joined = (
        counts.join(league, on="half", how="left")
        .join(cells, on=["cell", "half"], how="left")
        .join(swapped, on=["cell", "half", "value"], how="left", nulls_equal=True, suffix="_other")
        .with_columns(pl.col("cell_n", "cell_made", "n_other", "made_other").fill_null(0.0))
        .with_columns(pl.col("rate").fill_null(0.5).clip(0.01, 0.99))
    )
    by_place = (pl.col("cell_made") + pl.col("rate")) / (pl.col("cell_n") + 1)
    by_value = (pl.col("made_other") + SMOOTHING_ROWS * by_place) / (pl.col("n_other") + SMOOTHING_ROWS)
    if_made, if_missed = (by_value / by_place).log(), ((1 - by_value) / (1 - by_place)).log()
    missed = pl.col("n") - pl.col("made")
    sums = joined.sort("cell", "half", "value").select(
        rows=pl.col("n").sum(),
        values=pl.col("value").n_unique(),
        total=(pl.col("made") * if_made + missed * if_missed).sum(),
        squares=(pl.col("made") * if_made**2 + missed * if_missed**2).sum(),
    )
    n, values, total, squares = sums.row(0)
    mean = total / n
    variance = max(squares / n - mean**2, 0.0)
    return {
        "column": column, "rows": int(n), "values": values, "gain_nats": mean, "se_nats": (variance / n) ** 0.5,
    }  # fmt: skip
