"""Prediction assets: what the champions say of coming games and of every shot taken."""

import datetime as dt
from collections.abc import Iterator

import dagster as dg
import polars as pl

from parivision_assets import pictures
from parivision_assets.core.contracts import GAME_PREDICTIONS, SHOT_CHARTS, TEAM_STATES
from parivision_assets.core.game_features import schedule_features
from parivision_assets.core.game_predictions import game_predictions, with_new_versions
from parivision_assets.core.shot_charts import shot_charts
from parivision_assets.core.targets import SHOT_PRE_RELEASE
from parivision_assets.defs.io_managers import StoredBundle
from parivision_assets.defs.publishing import (
    OWNERS,
    Events,
    contract_spec,
    image,
    publish,
    publish_absent,
    table_options,
)
from parivision_assets.stores.bundled_models import bundle_model
from parivision_assets.stores.home import Home
from parivision_assets.stores.platform_date import today
from parivision_assets.stores.provenance import Provenance, landed_numbers, record_provenance
from parivision_assets.stores.serving_state import SERVING_STATE, collect_state, write_state
from parivision_assets.stores.team_states import read_state

PICTURED_SHOTS = 40_000


def prediction_assets(partitions: dg.PartitionsDefinition[str]) -> list[dg.AssetsDefinition]:
    """Return the assets of the predictions layer."""

    @dg.asset(
        **table_options(SHOT_CHARTS, "predictions", set(), partitions),
        ins={"champion": dg.AssetIn(f"{SHOT_PRE_RELEASE.name}_champion")},
        deps=["validated_shots"],
        check_specs=[contract_spec(SHOT_CHARTS, partitions)],
    )
    def build_shot_charts(
        context: dg.AssetExecutionContext,
        home: dg.ResourceParam[Home],
        champion: StoredBundle | None,
        shot_features: pl.DataFrame | None,
    ) -> Events:
        season = context.partition_key
        if shot_features is None or champion is None:
            yield from publish_absent(home, SHOT_CHARTS, season, f"no shots, or no champion, for {season}")
            return
        probability = bundle_model(home.bundles.read_bundle(champion.digest)).predict(shot_features)
        charts = shot_charts(shot_features, probability)
        sample = (
            shot_features.select(
                pl.col("spot_x_ft").alias("x_ft"),
                pl.col("spot_y_ft").alias("y_ft"),
                (pl.Series(probability) * pl.col("points_value")).alias("expected_points"),
            )
            .drop_nulls()
            .head(PICTURED_SHOTS)
        )
        chart = pictures.shot_chart_png(sample, f"Expected points away from the rim, season {season}")
        yield from publish(SHOT_CHARTS, charts, metadata={"league_shot_chart": image(chart)})

    @dg.asset(
        **table_options(GAME_PREDICTIONS, "predictions", set(), partitions),
        ins={"champion": dg.AssetIn("game_champion")},
        check_specs=[contract_spec(GAME_PREDICTIONS, partitions)],
    )
    def build_game_predictions(
        context: dg.AssetExecutionContext,
        home: dg.ResourceParam[Home],
        champion: StoredBundle | None,
        game_schedule: pl.DataFrame | None,
        team_states: pl.DataFrame | None,
    ) -> Events:
        season = context.partition_key
        as_of = today(home)
        if game_schedule is None or team_states is None or champion is None or as_of is None:
            yield from publish_absent(home, GAME_PREDICTIONS, season, f"no coming games, or no champion, for {season}")
            return
        features = schedule_features(game_schedule.filter(pl.col("game_date") > as_of), read_state(team_states))
        model = bundle_model(home.bundles.read_bundle(champion.digest))
        version = home.tables.version(TEAM_STATES.name, season).digest
        predicted = game_predictions(features, model.predict(features), as_of, champion.digest, version)
        earlier = (
            home.tables.read(GAME_PREDICTIONS.name, season) if home.tables.has(GAME_PREDICTIONS.name, season) else None
        )
        yield from publish(GAME_PREDICTIONS, with_new_versions(earlier, predicted))

    @dg.asset(
        name=SERVING_STATE,
        group_name="history",
        description="Players and teams as of the platform's date: what the predictor reads beside a champion.",
        owners=list(OWNERS),
        kinds={"polars"},
        code_version="1",
        io_manager_key="bundles",
        output_required=False,
        deps=[
            dg.AssetDep(name, partition_mapping=dg.AllPartitionMapping())
            for name in ("player_game_totals", "team_game_totals", "action_totals", "team_states", "validated_shots")
        ],
    )
    def build_serving_state(
        context: dg.AssetExecutionContext, home: dg.ResourceParam[Home]
    ) -> Iterator[dg.MaterializeResult[StoredBundle]]:
        newest = today(home)
        if newest is None:
            return
        found = collect_state(home, newest + dt.timedelta(days=1))
        ref = write_state(home, found)
        record_provenance(home, ref.digest, Provenance(context.run.run_id, None, landed_numbers(home, newest.year + 1)))
        yield dg.MaterializeResult(
            value=StoredBundle(ref.digest),
            data_version=dg.DataVersion(ref.digest),
            metadata={"as_of": found.as_of.isoformat(), "digest": ref.digest, "players": found.players.height},
        )

    return [build_shot_charts, build_game_predictions, build_serving_state]
