"""Assembly: settings in, Dagster definitions out. Tests, the demo, the UI and production all come through here."""

import warnings
from collections.abc import Mapping

import dagster as dg

from parivision_assets.settings import Settings
from parivision_assets.stores.home import Home


def build_definitions(
    settings: Settings,
    resource_overrides: Mapping[str, object] | None = None,
    loggers: Mapping[str, dg.LoggerDefinition] | None = None,
) -> dg.Definitions:
    """Return the platform for these settings; tests and commands may replace resources and loggers by key."""
    # Partitioned checks are in preview and data versions in beta: the versions are pinned and tests cover both.
    warnings.filterwarnings("ignore", category=dg.PreviewWarning)
    warnings.filterwarnings("ignore", category=dg.BetaWarning)
    from parivision_assets.defs import (
        alerts,
        automation,
        bets,
        champions,
        drift,
        features,
        freshness,
        history,
        interventions,
        leaks,
        models,
        performance,
        predictions,
        raw,
        schedule,
        validated,
    )
    from parivision_assets.defs.partitions import season_partitions
    from parivision_assets.defs.resources import resources

    keys = settings.season_keys
    seasons = season_partitions(keys)
    assets = [
        *raw.raw_assets(seasons),
        *validated.validated_assets(seasons),
        *schedule.schedule_assets(seasons),
        *history.history_assets(seasons),
        *leaks.leak_assets(seasons),
        *features.feature_assets(seasons, keys),
        *models.model_assets(),
        *champions.champion_assets(),
        *predictions.prediction_assets(seasons),
        *performance.performance_assets(seasons),
        *drift.drift_assets(seasons),
        *bets.bet_assets(seasons),
    ]
    return dg.Definitions(
        assets=automation.with_conditions(assets),
        asset_checks=[*leaks.leak_checks(), *freshness.freshness_checks(settings.environment)],
        sensors=[*automation.sensors(settings), *alerts.alert_sensors(settings.environment)],
        schedules=automation.schedules(settings.environment),
        jobs=[*automation.jobs(), *interventions.jobs()],
        resources={**resources(Home(settings)), **(resource_overrides or {})},
        executor=dg.in_process_executor,
        loggers=dict(loggers) if loggers else None,
    )


@dg.definitions
def defs() -> dg.Definitions:
    """Return the platform as the environment configures it, for `workspace.yaml`."""
    return build_definitions(Settings())
