"""Feature assets: one row per shot and per game, built from what was known before it."""

from collections.abc import Sequence

import dagster as dg
import polars as pl

from parivision_assets.core.history import Totals, needed_seasons
from parivision_assets.core.shot_features import SHOT_FEATURES, shot_features
from parivision_assets.defs.partitions import needed_history
from parivision_assets.defs.publishing import Events, publish, publish_absent, suite_spec, table_options
from parivision_assets.stores.home import Home


def feature_assets(partitions: dg.PartitionsDefinition[str], season_keys: Sequence[str]) -> list[dg.AssetsDefinition]:
    """Return the assets of the features layer."""
    past = dg.AssetIn(partition_mapping=needed_history(season_keys))

    @dg.asset(
        **table_options(SHOT_FEATURES, "features", set(), partitions),
        ins={"player_game_totals": past, "team_game_totals": past, "action_totals": past},
        check_specs=[suite_spec(SHOT_FEATURES, "contract", partitions)],
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
        yield from publish(home, SHOT_FEATURES, frame, season)

    return [build_shot_features]
