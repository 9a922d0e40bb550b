"""History assets: per-game totals, from which everything known before a date is summed."""

from collections.abc import Callable

import dagster as dg
import polars as pl

from parivision_assets.core import history
from parivision_assets.core.contracts import ACTION_TOTALS, PLAYER_GAME_TOTALS, TEAM_GAME_TOTALS, Table
from parivision_assets.defs.publishing import Events, contract_spec, publish, publish_absent, table_options
from parivision_assets.stores.home import Home

TOTALS: tuple[tuple[Table, Callable[[pl.DataFrame], pl.DataFrame]], ...] = (
    (PLAYER_GAME_TOTALS, history.player_game_totals),
    (TEAM_GAME_TOTALS, history.team_game_totals),
    (ACTION_TOTALS, history.action_totals),
)


def totals_asset(
    table: Table, totals: Callable[[pl.DataFrame], pl.DataFrame], partitions: dg.PartitionsDefinition[str]
) -> dg.AssetsDefinition:
    """Return the asset that sums a season's shots into one totals table."""

    @dg.asset(**table_options(table, "history", set(), partitions), check_specs=[contract_spec(table, partitions)])
    def season_totals(
        context: dg.AssetExecutionContext, home: dg.ResourceParam[Home], validated_shots: pl.DataFrame | None
    ) -> Events:
        season = context.partition_key
        if validated_shots is None:
            yield from publish_absent(home, table, season, f"no shots for {season}")
            return
        yield from publish(table, totals(validated_shots))

    return season_totals


def history_assets(partitions: dg.PartitionsDefinition[str]) -> list[dg.AssetsDefinition]:
    """Return the season assets of the history layer."""
    return [totals_asset(table, totals, partitions) for table, totals in TOTALS]
