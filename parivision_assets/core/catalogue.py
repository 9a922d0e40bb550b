"""The three targets, and the pinned training settings of each: what every factory and command iterates over."""

from __future__ import annotations

from collections.abc import Sequence

from parivision_assets.core.game_target import GAME, GAME_CONFIGS
from parivision_assets.core.shot_settings import SHOT_CONFIGS
from parivision_assets.core.targets import SHOT_POST_EVENT, SHOT_PRE_RELEASE, Target
from parivision_assets.core.training import TrainingConfig

TARGETS = {target.name: target for target in (SHOT_PRE_RELEASE, SHOT_POST_EVENT, GAME)}
FEATURE_TABLES = sorted({target.table.name for target in TARGETS.values()})


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
