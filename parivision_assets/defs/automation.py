"""What runs by itself: conditions that carry raw data to features, jobs with launchpad config, the daily schedule.

Sources are pulled by jobs; from there each layer follows the one above it when its content changed and its blocking
checks passed. A season that an optional source lacks is no reason to wait.
"""

from collections.abc import Iterable
from typing import Any

import dagster as dg
from dagster._core.storage.asset_check_execution_record import AssetCheckExecutionResolvedStatus

from parivision_assets.core.catalogue import TARGETS
from parivision_assets.settings import Settings

FOLLOWING_GROUPS = frozenset({"validated", "history", "features"})


class OwnSeasonRefused(dg.AutomationCondition[dg.AssetKey]):
    """True for the seasons in which an input's blocking check failed for that same season.

    Features read several seasons: an earlier one that is refused stays as it was published, and is no reason to wait.
    Dagster's own conditions map a failed check to every season that reads it.
    """

    async def evaluate(  # type: ignore[override]  # Dagster awaits the coroutine
        self, context: dg.AutomationContext[dg.AssetKey]
    ) -> dg.AutomationResult[dg.AssetKey]:
        """Return the candidate seasons that are refused; an unpartitioned asset never is."""
        graph, view = context.asset_graph, context.asset_graph_view
        seasons = graph.get(context.key).partitions_def
        if seasons is None:
            return dg.AutomationResult(context, context.get_empty_subset())
        refused: set[str] = set()
        for parent in graph.get(context.key).parent_keys:
            for check in graph.get(parent).check_keys:
                if graph.get(check).blocking and graph.get(check).partitions_def == seasons:
                    failed = await view.compute_subset_with_status(
                        check, AssetCheckExecutionResolvedStatus.FAILED, view.get_full_subset(key=check)
                    )
                    refused |= failed.expensively_compute_partition_keys()
        subset = view.get_subset_from_partition_keys(context.key, seasons, refused)
        return dg.AutomationResult(context, subset.compute_intersection(context.candidate_subset))


def follows_content() -> dg.AutomationCondition[Any]:
    """Return the condition of a table that follows its inputs: content changed, no check failed, nothing under way.

    `eager()` fires on every materialization and waits until every input exists; this one fires on new data versions
    only and tolerates inputs that were never published. `all_deps_blocking_checks_passed()` would wait for checks of
    partitions that never ran, so failed checks are asked for instead.
    """
    condition = dg.AutomationCondition
    return (
        condition.any_deps_match(condition.data_version_changed()).since_last_handled()
        & ~OwnSeasonRefused()
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


def sensors(settings: Settings) -> list[dg.AutomationConditionSensorDefinition]:
    """Return the sensor that evaluates the conditions; it runs by default in the embedded environment."""
    running = settings.environment == "embedded"
    return [
        dg.AutomationConditionSensorDefinition(
            "raw_to_features",
            target=dg.AssetSelection.groups(*FOLLOWING_GROUPS),
            default_status=dg.DefaultSensorStatus.RUNNING if running else dg.DefaultSensorStatus.STOPPED,
            minimum_interval_seconds=30,
            # A condition of our own is evaluated where our code is.
            use_user_code_server=True,
            description="Carries new content from raw to features, season by season",
        )
    ]


def schedules(environment: str) -> list[dg.ScheduleDefinition]:
    """Return the schedules; they run by default in the embedded environment."""
    return []
