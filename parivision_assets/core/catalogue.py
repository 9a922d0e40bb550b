"""The three targets, and per target and family the training settings that a bounded, seeded search left pinned.

The search is `benchmarks/search_shots.py`; seasons on which anything was chosen are recorded in every config.
"""

from __future__ import annotations

from collections.abc import Sequence

from parivision_assets.core.game_target import GAME, GAME_CONFIGS
from parivision_assets.core.targets import SHOT_POST_EVENT, SHOT_PRE_RELEASE, Target
from parivision_assets.core.training import TrainingConfig

TARGETS = {target.name: target for target in (SHOT_PRE_RELEASE, SHOT_POST_EVENT, GAME)}

SHOTS_TUNED_ON = (2014, 2015, 2016, 2017, 2018, 2020)

SHOT_CONFIGS = (
    TrainingConfig(
        "logistic_regression", {"c": 0.1, "hinges": 3, "max_rows": 100_000}, tuned_on_seasons=SHOTS_TUNED_ON
    ),
    TrainingConfig(
        "random_forest",
        {"n_estimators": 40, "max_depth": 10, "min_samples_leaf": 50, "max_rows": 60_000},
        tuned_on_seasons=SHOTS_TUNED_ON,
    ),
    TrainingConfig(
        "xgboost",
        {
            "rounds": 100, "eta": 0.1, "max_depth": 5, "min_child_weight": 60, "max_bin": 64, "colsample_bytree": 0.5,
            "subsample": 0.7, "reg_lambda": 5,
        },
        tuned_on_seasons=SHOTS_TUNED_ON,
    ),
)  # fmt: skip


def training_configs(target: Target, families: Sequence[str]) -> list[TrainingConfig]:
    """Return the pinned configs of the chosen families for a target, in the order of `families`.

    Raises ValueError for a family without a pinned config, naming those there are.
    """
    pinned = GAME_CONFIGS if target.name == GAME.name else SHOT_CONFIGS
    known = {config.family: config for config in pinned}
    missing = [family for family in families if family not in known]
    if missing:
        raise ValueError(f"{target.name}: no settings for {', '.join(missing)}; there are {', '.join(known)}")
    return [known[family] for family in families]
