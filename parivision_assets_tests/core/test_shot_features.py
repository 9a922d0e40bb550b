import datetime as dt

import numpy as np
import polars as pl
import pytest

from parivision_assets.core import history, in_game, shot_features
from parivision_assets.core.contracts import SHOTS, KnownAt
from parivision_assets.core.shot_features import FEATURES, SHOT_FEATURES
from parivision_assets.core.targets import SHOT_POST_EVENT, SHOT_PRE_RELEASE
from parivision_assets_tests.core.canonical_shots import season_shots

ORDER = (KnownAt.PRE_GAME, KnownAt.PRE_RELEASE, KnownAt.POST_EVENT)
HISTORY = {name for memory in history.MEMORIES for name in (*memory.columns(), memory.last_date)} | {
    "prior_rate",
    "season_day",
}


@pytest.fixture(scope="module")
def shots() -> pl.DataFrame:
    return season_shots(2015)


@pytest.fixture(scope="module")
def totals(shots: pl.DataFrame) -> history.Totals:
    return history.concat_totals([history.season_totals(season_shots(2014)), history.season_totals(shots)])


@pytest.fixture(scope="module")
def features(shots: pl.DataFrame, totals: history.Totals) -> pl.DataFrame:
    return shot_features.shot_features(shots, totals, 2015)


def test_the_table_keeps_its_contract(features: pl.DataFrame, shots: pl.DataFrame) -> None:
    assert features.schema == SHOT_FEATURES.schema
    assert len(features) == len(shots)
    for name, broken in SHOT_FEATURES.broken_rules().items():
        assert not features.select(broken.any()).item(), name


def test_names_are_unique_and_described() -> None:
    names = [feature.name for feature in FEATURES]
    assert len(set(names)) == len(names)
    assert all(feature.description and feature.context for feature in FEATURES)


@pytest.mark.parametrize("feature", FEATURES, ids=lambda feature: feature.name)
def test_a_feature_reads_nothing_known_later_than_it_says(feature: shot_features.Feature) -> None:
    declared = {column.name: column.known_at for column in SHOTS.columns}
    declared |= dict.fromkeys(in_game.COLUMNS, KnownAt.PRE_RELEASE)
    declared |= dict.fromkeys(HISTORY, KnownAt.PRE_GAME)
    action = {name for name in HISTORY if name.startswith("action")}
    declared |= dict.fromkeys(action, KnownAt.POST_EVENT)
    for name in feature.expr.meta.root_names():
        assert ORDER.index(declared[name]) <= max(1, ORDER.index(feature.known_at)), name
        assert declared[name] is not KnownAt.LABEL


def test_before_release_no_feature_is_known_after_the_event() -> None:
    assert all(feature.known_at is not KnownAt.POST_EVENT for feature in SHOT_PRE_RELEASE.features)
    assert {feature.name for feature in SHOT_POST_EVENT.features} > {f.name for f in SHOT_PRE_RELEASE.features}


def test_scorers_coordinates_and_labels_do_not_reach_the_features_before_release(
    shots: pl.DataFrame, totals: history.Totals, features: pl.DataFrame
) -> None:
    recorded = [name for name in SHOTS.names([KnownAt.POST_EVENT]) if SHOTS.column(name).dtype.is_numeric()]
    garbage = shots.with_columns(*(pl.lit(0).alias(name) for name in recorded), action_type=pl.lit("Garbage"))
    found = shot_features.shot_features(garbage, totals, 2015)
    names = [feature.name for feature in SHOT_PRE_RELEASE.features]
    assert found.select(names).equals(features.select(names))
    assert not found["action_rate"].equals(features["action_rate"])


def test_where_a_spot_is_no_observation_only_the_rim_is_known(shots: pl.DataFrame, totals: history.Totals) -> None:
    spots = [name for name in shots.columns if name.startswith("spot_")]
    hidden = shots.with_columns(pl.when(~pl.col("is_at_rim")).then(pl.col(name)).alias(name) for name in spots)
    rim = shot_features.shot_features(hidden, totals, 2015).filter(pl.col("is_at_rim") == 1)
    assert rim["spot_distance_ft"].null_count() == len(rim) > 0
    assert rim["bucket"].unique().to_list() == ["rim"]


def test_a_request_gets_the_features_of_the_training_row(
    shots: pl.DataFrame, totals: history.Totals, features: pl.DataFrame
) -> None:
    date = shots["game_date"].unique().sort()[3]
    day = in_game.with_earlier_events(shots.filter(pl.col("game_date") == date))
    asked = day.select(*shot_features.REQUEST_SCHEMA)
    served = shot_features.features_from_state(asked, history.state(totals, date, 2015))
    trained = features.filter(pl.col("game_date") == date).select(served.columns)
    assert len(served) > 100
    assert served.equals(trained)


def test_a_request_may_say_where_and_nothing_else(totals: history.Totals) -> None:
    asked = pl.DataFrame({"spot_x_ft": [0.0, 23.0, 1.0], "spot_y_ft": [25.0, 0.0, 1.0]})
    served = shot_features.features_from_state(asked, history.state(totals, dt.date(2014, 12, 1), 2015))
    assert served["points_value"].to_list() == [3, 3, 2]
    assert served["is_at_rim"].to_list() == [0, 0, 1]
    assert served["spot_distance_ft"].to_list() == pytest.approx([25, 23, np.sqrt(2)])
    withheld = [feature.name for feature in FEATURES if feature.context != shot_features.LOCATION]
    assert served.select(pl.col(withheld).null_count().sum()).row(0) == (3,) * len(withheld)


def test_a_feature_is_missing_rather_than_infinite() -> None:
    feature = shot_features.Feature("f", "f", "", KnownAt.PRE_GAME, "c", 1 / pl.col("a"))
    found = shot_features.select_features(pl.DataFrame({"a": [0.0, 2.0, None]}), [feature], [])
    assert found["f"].to_list() == [None, 0.5, None]
