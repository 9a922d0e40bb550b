"""Predictions of coming games as a table that keeps every version with the day on which it was made."""

from __future__ import annotations

import datetime as dt

import numpy as np
import numpy.typing as npt
import polars as pl

from parivision_assets.core.contracts import GAME_PREDICTIONS


def game_predictions(
    features: pl.DataFrame, probability: npt.NDArray[np.float64], as_of: dt.date, champion: str, state_version: str
) -> pl.DataFrame:
    """Return one row per coming game (GAME_PREDICTIONS): the schedule's columns and the champion's probability."""
    return GAME_PREDICTIONS.conform(
        features.with_columns(
            as_of_date=pl.lit(as_of),
            home_probability=pl.Series(probability, dtype=pl.Float64),
            champion=pl.lit(champion),
            state_version=pl.lit(state_version),
        )
    )


def with_new_versions(earlier: pl.DataFrame | None, predicted: pl.DataFrame) -> pl.DataFrame:
    """Return earlier versions and new ones; predicting again with the same champion on the same day changes nothing."""
    rows = predicted if earlier is None else pl.concat([earlier, predicted])
    newest = rows.unique(list(GAME_PREDICTIONS.key), keep="last", maintain_order=True)
    return newest.sort("as_of_date", "game_date", "game_key", "champion")
