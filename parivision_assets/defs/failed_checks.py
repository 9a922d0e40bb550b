"""Which blocking checks of a season's tables failed last: the data that a drift report must not be trusted on."""

from collections.abc import Sequence
from dataclasses import replace

import dagster as dg
from dagster._core.event_api import PartitionKeyFilter  # the only way to ask for one season's latest result
from dagster._core.storage.asset_check_execution_record import AssetCheckExecutionRecordStatus

from parivision_assets.core.drift import QualityAnswer
from parivision_assets.core.targets import Target
from parivision_assets.defs.publishing import SUITE_CHECK

SOURCES = {
    "shot_features": ("raw_shots", "validated_shots", "shot_features"),
    "game_features": ("raw_games", "raw_odds", "validated_games", "game_features"),
}
"""By feature table, the tables that it is made from; each carries the blocking check `contract`."""


def with_failed_checks(
    instance: dg.DagsterInstance, target: Target, season: str, quality: QualityAnswer
) -> QualityAnswer:
    """Return the quality answer, broken when a blocking check of the season's tables failed the last time it ran."""
    failed = failed_checks(instance, SOURCES[target.table.name], season)
    if not failed:
        return quality
    reason = f"{len(failed)} blocking check(s) failed, so what landed last is not in the tables; {quality.reason}"
    return replace(quality, broken=True, problems=(*failed, *quality.problems), reason=reason)


def failed_checks(instance: dg.DagsterInstance, tables: Sequence[str], season: str) -> tuple[str, ...]:
    """Return in words the tables whose contract was broken when it was last checked for that season."""
    keys = [dg.AssetCheckKey(dg.AssetKey(table), SUITE_CHECK) for table in tables]
    latest = instance.event_log_storage.get_latest_asset_check_execution_by_key(keys, PartitionKeyFilter(key=season))
    found = []
    for key in keys:
        record = latest.get(key)
        if record is None or record.status is not AssetCheckExecutionRecordStatus.FAILED:
            continue
        evaluation = None if record.event is None else record.event.asset_check_evaluation
        words = "its check failed" if evaluation is None else evaluation.description
        found.append(f"{key.asset_key.to_user_string()}, season {season}: {words}")
    return tuple(found)
