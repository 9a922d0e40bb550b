"""The prediction log as an asset: what the API answered about real events, read again whenever a season's games move.

What became of the answers is `prediction_outcomes`; writing the log belongs to the API.
"""

import dagster as dg

from parivision_assets.core.catalogue import FEATURE_TABLES
from parivision_assets.core.monitoring_tables import LOGGED_PREDICTIONS
from parivision_assets.defs.publishing import Events, contract_spec, publish, publish_absent, table_options
from parivision_assets.stores.home import Home
from parivision_assets.stores.serving_record import season_span


def logged_predictions_asset(partitions: dg.PartitionsDefinition[str]) -> dg.AssetsDefinition:
    """Return the table of answers about a season's events; questions without an event are only counted."""

    @dg.asset(
        **table_options(LOGGED_PREDICTIONS, "predictions", set(), partitions),
        deps=FEATURE_TABLES,
        check_specs=[contract_spec(LOGGED_PREDICTIONS, partitions)],
    )
    def build_logged_predictions(context: dg.AssetExecutionContext, home: dg.ResourceParam[Home]) -> Events:
        season = context.partition_key
        span = season_span(home, season)
        answers = None if span is None else LOGGED_PREDICTIONS.conform(home.prediction_log.events(*span))
        hypothetical = {} if span is None else home.prediction_log.hypothetical(*span)
        if answers is None or answers.is_empty():
            reason = f"nobody asked about an event of {season}; {sum(hypothetical.values()):,} hypothetical question(s)"
            yield from publish_absent(home, LOGGED_PREDICTIONS, season, reason)
            return
        metadata = {"hypothetical": sum(hypothetical.values()), "hypothetical_by_target": hypothetical}
        yield from publish(LOGGED_PREDICTIONS, answers, metadata=metadata)

    return build_logged_predictions
