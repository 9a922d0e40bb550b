"""The settings that shot models are trained with: pinned, with the seasons on which anything was chosen."""

from __future__ import annotations

from parivision_assets.core.training import TrainingConfig

SHOTS_TUNED_ON = (2014, 2015, 2016, 2017, 2018, 2020, 2021)
"""Features and settings were chosen on 2020 after training on 2014-2018; the rule for
default spots at the rim (decision 5) was chosen among alternatives on 2021, so that season counts too."""

SHOT_XGBOOST = TrainingConfig(
    "xgboost",
    {
        "rounds": 160, "eta": 0.09, "max_depth": 5, "min_child_weight": 120, "max_bin": 128, "subsample": 0.7,
        "colsample_bytree": 0.5, "reg_lambda": 5.0,
    },
    season_decay=0.8, withheld_share=0.3, tuned_on_seasons=SHOTS_TUNED_ON,
)  # fmt: skip
SHOT_LOGISTIC = TrainingConfig(
    "logistic_regression", {"c": 0.05, "hinges": 3, "max_rows": 120_000},
    season_decay=0.8, withheld_share=0.3, tuned_on_seasons=SHOTS_TUNED_ON,
)  # fmt: skip
SHOT_FOREST = TrainingConfig(
    "random_forest",
    {"n_estimators": 40, "max_depth": 10, "min_samples_leaf": 50, "max_features": 0.4, "max_rows": 60_000},
    season_decay=0.8, withheld_share=0.3, tuned_on_seasons=SHOTS_TUNED_ON,
)  # fmt: skip
SHOT_CONFIGS = (SHOT_LOGISTIC, SHOT_FOREST, SHOT_XGBOOST)
"""One per family; the best on the selection split becomes the challenger."""
