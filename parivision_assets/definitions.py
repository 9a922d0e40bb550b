"""Assembly: settings in, Dagster definitions out. Tests, the demo, the UI and production all come through here."""

from collections.abc import Mapping

import dagster as dg

from parivision_assets.settings import Settings


def build_definitions(
    settings: Settings,
    resource_overrides: Mapping[str, object] | None = None,
    loggers: Mapping[str, dg.LoggerDefinition] | None = None,
) -> dg.Definitions:
    """Return the platform for these settings; tests and commands may replace resources and loggers by key."""
    from parivision_assets.defs import automation, champions, features, history, models, predictions, raw, validated
    from parivision_assets.defs.partitions import season_partitions
    from parivision_assets.defs.resources import resources

    keys = settings.season_keys
    seasons = season_partitions(keys)
    assets = [
        *raw.raw_assets(seasons),
        *validated.validated_assets(seasons),
        *history.history_assets(seasons),
        *features.feature_assets(seasons, keys),
        *models.model_assets(),
        *champions.champion_assets(),
        *predictions.prediction_assets(seasons),
    ]
    return dg.Definitions(
        assets=automation.with_conditions(assets),
        jobs=automation.jobs(seasons),
        sensors=automation.sensors(),
        schedules=automation.schedules(),
        resources={**resources(settings), **(resource_overrides or {})},
        executor=dg.in_process_executor,
        loggers=dict(loggers) if loggers else None,
    )


@dg.definitions
def defs() -> dg.Definitions:
    """Return the platform as the environment configures it, for `workspace.yaml`."""
    return build_definitions(Settings())
