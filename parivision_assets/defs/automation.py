"""What runs by itself: conditions that carry raw data to features, jobs with launchpad config, the daily schedule.

Sources are pulled by jobs; from there each layer follows the one above it when its content changed and its blocking
checks passed. A season that an optional source lacks is no reason to wait.
"""

from collections.abc import Iterable
from typing import Any

import dagster as dg

from parivision_assets.core.catalogue import TARGETS

FOLLOWING_GROUPS = frozenset({"validated", "history", "features"})


def follows_content() -> dg.AutomationCondition[Any]:
    """Return the condition of a table that follows its inputs: content changed, no check failed, nothing under way.

    `eager()` fires on every materialization and waits until every input exists; this one fires on new data versions
    only and tolerates inputs that were never published. `all_deps_blocking_checks_passed()` would wait for checks of
    partitions that never ran, so failed checks are asked for instead.
    """
    condition = dg.AutomationCondition
    failed = condition.any_deps_match(condition.any_checks_match(condition.check_failed(), blocking_only=True))
    return (
        condition.any_deps_match(condition.data_version_changed()).since_last_handled()
        & ~failed
        & ~condition.any_deps_in_progress()
        & ~condition.in_progress()
    ).with_label("follows content")


def with_conditions(assets: Iterable[dg.AssetsDefinition]) -> list[dg.AssetsDefinition]:
    """Return the assets, those of the following layers with their condition."""
    return [
        asset.map_asset_specs(
            lambda spec: (
                spec.replace_attributes(automation_condition=follows_content())
                if spec.group_name in FOLLOWING_GROUPS
                else spec
            )
        )
        for asset in assets
    ]


def jobs() -> list[Any]:
    """Return the jobs that people launch from the UI, with typed config."""
    daily = dg.define_asset_job(
        "daily",
        selection=dg.AssetSelection.groups("raw", "validated", "history", "features"),
        description="Fetch a season's newest files and carry them to features",
    )
    retrain = [
        dg.define_asset_job(
            f"retrain_{name}",
            selection=dg.AssetSelection.assets(f"{name}_challenger", f"{name}_champion"),
            description=f"Make a new challenger for {name} and let the gate decide",
        )
        for name in TARGETS
    ]
    return [daily, *retrain]


def sensors(environment: str) -> list[dg.AutomationConditionSensorDefinition]:
    """Return the sensor that evaluates the conditions; it runs by default in the embedded environment."""
    running = environment == "embedded"
    return [
        dg.AutomationConditionSensorDefinition(
            "raw_to_features",
            target=dg.AssetSelection.groups(*FOLLOWING_GROUPS),
            default_status=dg.DefaultSensorStatus.RUNNING if running else dg.DefaultSensorStatus.STOPPED,
            minimum_interval_seconds=30,
            description="Carries new content from raw to features, season by season",
        )
    ]
