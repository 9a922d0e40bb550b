"""The leak table: how much each column alone says about the outcome, by season, and the check that reads it."""

import dagster as dg
import polars as pl

from parivision_assets.core.contracts import SHOT_LEAKS
from parivision_assets.core.leaks import leak_summary, leak_table
from parivision_assets.defs.publishing import (
    Events,
    contract_spec,
    markdown_table,
    publish,
    publish_absent,
    table_options,
)
from parivision_assets.stores.home import Home


def leak_assets(partitions: dg.PartitionsDefinition[str]) -> list[dg.AssetsDefinition]:
    """Return the asset that measures each season's columns."""

    @dg.asset(
        **table_options(SHOT_LEAKS, "validated", set(), partitions),
        check_specs=[contract_spec(SHOT_LEAKS, partitions)],
    )
    def build_shot_leaks(
        context: dg.AssetExecutionContext, home: dg.ResourceParam[Home], validated_shots: pl.DataFrame | None
    ) -> Events:
        season = context.partition_key
        if validated_shots is None:
            yield from publish_absent(home, SHOT_LEAKS, season, f"no shots for {season}")
            return
        yield from publish(SHOT_LEAKS, leak_summary(validated_shots))

    return [build_shot_leaks]


def leak_checks() -> list[dg.AssetChecksDefinition]:
    """Return the check that compares each column with its neighbours in time, over all seasons there are."""

    @dg.asset_check(
        asset=SHOT_LEAKS.name,
        name="columns_say_the_same_every_season",
        description="A column that says much more about the outcome in some seasons was written down after the shot",
    )
    def columns_say_the_same_every_season(home: dg.ResourceParam[Home]) -> dg.AssetCheckResult:
        seasons = home.tables.partitions(SHOT_LEAKS.name)
        table = leak_table([home.tables.read(SHOT_LEAKS.name, season) for season in seasons])
        flagged = table.filter("is_leak")
        named = flagged.group_by("column", maintain_order=True).agg(pl.col("season").cast(pl.String))
        words = "; ".join(f"{column} in {', '.join(years)}" for column, years in named.iter_rows())
        return dg.AssetCheckResult(
            passed=flagged.is_empty(),
            severity=dg.AssetCheckSeverity.WARN,
            description=f"these columns carry the outcome: {words}" if words else "no column carries the outcome",
            metadata={
                "flagged": dg.MetadataValue.md(markdown_table(flagged)),
                "all_columns": dg.MetadataValue.md(markdown_table(table)),
            },
        )

    return [columns_say_the_same_every_season]
