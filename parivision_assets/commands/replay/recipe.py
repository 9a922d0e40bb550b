"""What a replay trains: one family per target, on the newest seasons, within a budget; the same for all contestants."""

from __future__ import annotations

import datetime as dt
import os
from dataclasses import replace

import polars as pl

from parivision_assets.core.catalogue import training_configs
from parivision_assets.core.targets import Target
from parivision_assets.core.training import TrainingConfig

FAMILY = {"game": "logistic_regression"}
"""The family that wins on real seasons: comparing all three each time would cost three times as much."""


def family_of(target_name: str) -> str:
    """Return the family that a replay trains for a target."""
    return FAMILY.get(target_name, "xgboost")


def replay_config(target: Target, budget: float, change_date: dt.date | None, threads: int = 0) -> TrainingConfig:
    """Return the pinned settings within the budget; `threads` 0 means one per core."""
    (pinned,) = training_configs(target, [family_of(target.name)])
    config = replace(pinned, n_jobs=threads or os.cpu_count() or 1, change_date=change_date)
    return config.lighter(budget) if budget < 1 else config


def newest_seasons(target: Target, rows: pl.DataFrame) -> pl.DataFrame:
    """Return the rows of as many of the newest seasons as the target trains on, the one under way counted."""
    seasons = rows["season"].unique().sort()
    return rows.filter(pl.col("season").is_in(seasons[-(target.newest_seasons or len(seasons)) :].implode()))
