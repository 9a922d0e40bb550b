"""Feature assets: one row per shot and per game, built from what was known before it."""

from collections.abc import Sequence

import dagster as dg
import polars as pl

from parivision_assets.core.contracts import GAMES, TEAM_STATES
from parivision_assets.core.features import Feature
from parivision_assets.core.game_features import GAME_FEATURE_TABLE, GAME_FEATURES, build_game_features
from parivision_assets.core.history import Totals
from parivision_assets.core.shot_features import FEATURES as SHOT_FEATURE_LIST
from parivision_assets.core.shot_features import SHOT_FEATURES, shot_features
from parivision_assets.defs.partitions import needed_history, this_and_earlier
from parivision_assets.defs.publishing import (
    Events,
    contract_spec,
    markdown_table,
    multi_table_options,
    publish,
    publish_absent,
    table_options,
)
from parivision_assets.stores.home import Home
from parivision_assets.stores.team_states import lineages, season_shots, state_before, state_row


def lineage_metadata(features: Sequence[Feature]) -> dict[str, dg.MarkdownMetadataValue]:
    """Return, per feature, what it is made from and when it is known: open-source Dagster draws no column lineage."""
    rows = [
        {
            "feature": feature.name,
            "context": feature.context,
            "known": feature.known_at.value.replace("_", " "),
            "made from": ", ".join(sorted(set(feature.expr.meta.root_names()))),
        }
        for feature in features
    ]
    return {"column_lineage": dg.MetadataValue.md(markdown_table(pl.DataFrame(rows)))}


def feature_assets(partitions: dg.PartitionsDefinition[str], season_keys: Sequence[str]) -> list[dg.AssetsDefinition]:
    """Return the assets of the features layer."""
    past = dg.AssetIn(partition_mapping=needed_history(season_keys))

    @dg.asset(
        **table_options(SHOT_FEATURES, "features", set(), partitions),
        ins={"player_game_totals": past, "team_game_totals": past, "action_totals": past},
        check_specs=[contract_spec(SHOT_FEATURES, partitions)],
    )
    def build_shot_features(
        context: dg.AssetExecutionContext,
        home: dg.ResourceParam[Home],
        validated_shots: pl.DataFrame | None,
        player_game_totals: pl.DataFrame | None,
        team_game_totals: pl.DataFrame | None,
        action_totals: pl.DataFrame | None,
    ) -> Events:
        season = context.partition_key
        if validated_shots is None or player_game_totals is None or team_game_totals is None or action_totals is None:
            yield from publish_absent(home, SHOT_FEATURES, season, f"no shots for {season}")
            return
        totals = Totals(player_game_totals, team_game_totals, action_totals)
        frame = shot_features(validated_shots, totals, int(season))
        yield from publish(SHOT_FEATURES, frame, metadata=lineage_metadata(SHOT_FEATURE_LIST))

    @dg.multi_asset(
        name="build_game_features",
        **multi_table_options([GAME_FEATURE_TABLE, TEAM_STATES], "features", set()),
        partitions_def=partitions,
        deps=[
            dg.AssetDep("validated_games", partition_mapping=this_and_earlier(season_keys)),
            dg.AssetDep("player_game_totals", partition_mapping=this_and_earlier(season_keys)),
            dg.AssetDep("team_game_totals", partition_mapping=this_and_earlier(season_keys)),
        ],
        check_specs=[
            contract_spec(GAME_FEATURE_TABLE, partitions),
            contract_spec(TEAM_STATES, partitions),
        ],
    )
    def build_game_features_asset(context: dg.AssetExecutionContext, home: dg.ResourceParam[Home]) -> Events:
        season = context.partition_key
        if not home.tables.has(GAMES.name, season):
            for table in (GAME_FEATURE_TABLE, TEAM_STATES):
                yield from publish_absent(home, table, season, f"no games for {season}")
            return
        before = state_before(home.tables, season, season_keys)
        games, shots = home.tables.read(GAMES.name, season), season_shots(home.tables, season)
        frame, state = build_game_features(games, shots, before)
        row = state_row(
            season, lineages(home.tables, [key for key in season_keys if int(key) <= int(season)])[season], state
        )
        yield from publish(GAME_FEATURE_TABLE, frame, metadata=lineage_metadata(GAME_FEATURES))
        yield from publish(TEAM_STATES, row)

    return [build_shot_features, build_game_features_asset]
