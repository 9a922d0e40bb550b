"""What runs by itself: conditions that carry raw data to features and scores, jobs, sensors and the daily schedule.

Sources are pulled by jobs; from there each layer follows the one above it when its content changed and its blocking
checks passed. A season that an optional source lacks is no reason to wait. Models are made by the loop (`defs.loop`).
"""

from collections.abc import Iterable
from typing import Any

import dagster as dg
from dagster._core.storage.asset_check_execution_record import AssetCheckExecutionResolvedStatus

from parivision_assets.core.catalogue import TARGETS
from parivision_assets.defs.feed import feed_sensor
from parivision_assets.defs.loop import loop_sensors
from parivision_assets.settings import Settings
from parivision_assets.sources.feed import Feed
from parivision_assets.stores.home import Home

FOLLOWING_GROUPS = frozenset({"validated", "history", "features"})
FOLLOWING_FEATURES = frozenset(
    {
        "served_predictions",
        "logged_predictions",
        "prediction_outcomes",
        "live_performance",
        "scoreboard",
        "bet_settlements",
    }
)
"""What is monitored and settled each day. A new model serves from the next day on: by itself it starts nothing here."""
MODELS = dg.AssetSelection.from_string('group:"models" or group:"champions"')


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
        condition.any_deps_match(condition.data_version_changed()).ignore(MODELS).since_last_handled()
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
                if spec.group_name in FOLLOWING_GROUPS or spec.key.to_user_string() in FOLLOWING_FEATURES
                else spec
            )
        )
        for asset in assets
    ]


def jobs() -> list[Any]:
    """Return the jobs that people launch from the UI, with typed config."""
    daily = dg.define_asset_job(
        "daily",
        selection=dg.AssetSelection.groups("raw", "validated", "history", "features")
        | dg.AssetSelection.assets("bet_settlements"),
        description="Fetch a season's newest files, carry them to features, settle the bets on games that were played",
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


def sensors(settings: Settings, feed: Feed | None = None) -> list[dg.SensorDefinition]:
    """Return the sensors; they run by default in the embedded environment. `feed` replaces the settings' folder."""
    running = settings.environment == "embedded"
    status = dg.DefaultSensorStatus.RUNNING if running else dg.DefaultSensorStatus.STOPPED
    following = dg.AutomationConditionSensorDefinition(
        "following_sensor",
        target=dg.AssetSelection.all(),
        default_status=status,
        minimum_interval_seconds=30,
        # A condition of our own is evaluated where our code is.
        use_user_code_server=True,
        description="Carries new content from raw to features and scores, season by season",
    )
    return [feed_sensor(feed, status), following, *loop_sensors(status)]


def schedules(environment: str) -> list[dg.ScheduleDefinition]:
    """Return the schedules; they run by default in the embedded environment."""
    running = environment == "embedded"

    @dg.schedule(
        name="daily_schedule",
        job_name="daily",
        cron_schedule="0 5 * * *",
        execution_timezone="UTC",
        default_status=dg.DefaultScheduleStatus.RUNNING if running else dg.DefaultScheduleStatus.STOPPED,
        description="Fetches the current season's newest files every morning and carries them to features",
    )
    def daily_schedule(
        context: dg.ScheduleEvaluationContext, home: dg.ResourceParam[Home]
    ) -> list[dg.RunRequest] | dg.SkipReason:
        del context
        current = current_seasons(home)
        if not current:
            return dg.SkipReason("no season has landed; run `parivision run` or the job daily once")
        return [dg.RunRequest(run_key=None, partition_key=season) for season in current]

    return [daily_schedule]


def current_seasons(home: Home) -> list[str]:
    """Return the newest season that has landed and the configured ones after it, any of which may have begun."""
    landed = [season for name in ("raw_games", "raw_odds", "raw_shots") for season in home.tables.partitions(name)]
    return [season for season in home.settings.season_keys if landed and season >= max(landed)]
