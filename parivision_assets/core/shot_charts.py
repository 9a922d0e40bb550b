"""Shot charts: attempts, makes and expected value per player, team and defence, by where shots were taken."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import polars as pl

from parivision_assets.core.contracts import SHOT_CHARTS

SUBJECTS = {"player": "player_id", "team": "team", "defence": "opponent"}
"""Whose chart a row belongs to, and the column of a shot that names them."""


def shot_charts(features: pl.DataFrame, probability: npt.NDArray[np.float64]) -> pl.DataFrame:
    """Return one row per subject and bucket (SHOT_CHARTS) of one season.

    Args:
        features: the season's feature rows with the columns season, player_id, team, opponent, bucket,
            points_value and is_made.
        probability: the champion's probability of each row.
    """
    shots = features.with_columns(pl.Series("probability", probability))
    charts = [
        shots.group_by("season", pl.col(column).cast(pl.String).alias("subject"), "bucket")
        .agg(
            pl.len().alias("attempts"),
            pl.col("is_made").sum().alias("makes"),
            pl.col("probability").sum().alias("expected_makes"),
            (pl.col("is_made") * pl.col("points_value")).sum().alias("points"),
            (pl.col("probability") * pl.col("points_value")).sum().alias("expected_points"),
        )
        .with_columns(pl.lit(kind).alias("kind"))
        for kind, column in SUBJECTS.items()
    ]
    return SHOT_CHARTS.conform(pl.concat(charts).sort("kind", "subject", "bucket"))
