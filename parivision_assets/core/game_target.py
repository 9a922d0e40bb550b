"""The target `game`: what its model reads, how it is judged and how it is trained. Features are in `game_features`."""

from __future__ import annotations

import polars as pl

from parivision_assets.core.game_features import GAME_FEATURE_TABLE, GAME_FEATURES, VENUE
from parivision_assets.core.targets import Baseline, Slice, Target
from parivision_assets.core.training import TrainingConfig

MODEL_FEATURES = (
    "league_home_edge_pts", "is_playoffs", "margin_z", "elo_edge", "recent_edge_pts", "fatigue_edge",
    "week_games_edge", "series_wins_edge", "shot_edge", "roster_1_edge_pts", "roster_3_edge_pts",
)  # fmt: skip
"""The features that carry information beyond the others on 2008-2015; the rest of the table is for people and drift."""

TUNED_ON = tuple(range(2005, 2021))
"""Seasons whose outcomes chose the ratings' constants, the features and the settings below.

They were tuned on 2005-2015; scores of 2016-2020 were seen and prompted two changes, so those count too.
"""

GAME = Target(
    name="game",
    description="Probability that the home team wins, from what is known before the game's date",
    table=GAME_FEATURE_TABLE,
    label="is_home_win",
    group="game_key",
    features=tuple(feature for feature in GAME_FEATURES if feature.name in MODEL_FEATURES),
    always=VENUE,
    baselines=(Baseline("constant"),),
    slices=(
        Slice("playoffs", "Play-in and playoff games", pl.col("is_playoffs") == 1.0),
        Slice("opening_month", "The season's first thirty days", pl.col("season_day") < 30),
        Slice("close_games", "Expected margin within half a standard deviation", pl.col("margin_z").abs() < 0.5),
    ),
)

# A calibrator fitted on one season of 1,230 games costs more than it mends: logistic regression needs none.
GAME_LOGISTIC = TrainingConfig(
    "logistic_regression", {"c": 0.01}, season_decay=0.95, withheld_share=0.3, folds=1, tuned_on_seasons=TUNED_ON
)
GAME_XGBOOST = TrainingConfig(
    "xgboost",
    {"rounds": 150, "eta": 0.03, "max_depth": 2, "min_child_weight": 40, "subsample": 0.7, "lambda": 10.0},
    season_decay=0.95,
    withheld_share=0.3,
    folds=2,
    tuned_on_seasons=TUNED_ON,
)
GAME_FOREST = TrainingConfig(
    "random_forest",
    {"n_estimators": 200, "min_samples_leaf": 60, "max_features": 0.5},
    season_decay=0.95,
    withheld_share=0.3,
    folds=2,
    tuned_on_seasons=TUNED_ON,
)
GAME_CONFIGS = (GAME_LOGISTIC, GAME_XGBOOST, GAME_FOREST)
"""One per family; the best on the selection split becomes the challenger."""
