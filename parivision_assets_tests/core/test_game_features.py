import datetime as dt
import json

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from parivision_assets.core import game_state
from parivision_assets.core.contracts import SCHEDULE
from parivision_assets.core.game_features import (
    GAME_FEATURE_TABLE,
    GAME_FEATURES,
    ShotTotals,
    build_game_features,
    replay,
    schedule_features,
)
from parivision_assets.core.game_state import GameState
from parivision_assets_tests.core.game_frames import league, shot_totals

NAMES = [feature.name for feature in GAME_FEATURES]


@pytest.fixture(scope="module")
def games() -> pl.DataFrame:
    return league(rounds=24)


@pytest.fixture(scope="module")
def shots(games: pl.DataFrame) -> ShotTotals:
    return ShotTotals(*shot_totals(games))


@pytest.fixture(scope="module")
def table(games: pl.DataFrame, shots: ShotTotals) -> pl.DataFrame:
    return build_game_features(games, shots)[0]


def test_the_table_keeps_its_contract(table: pl.DataFrame, games: pl.DataFrame) -> None:
    assert table.schema == GAME_FEATURE_TABLE.schema
    assert table.height == games.height
    broken = [name for name, rule in GAME_FEATURE_TABLE.broken_rules().items() if table.select(rule.any()).item()]
    assert broken == []


def test_nothing_of_the_market_is_a_feature() -> None:
    mentioned = {column for feature in GAME_FEATURES for column in feature.expr.meta.root_names()}
    assert not [name for name in (*mentioned, *NAMES) if "closing" in name or "spread" in name or "total" in name]


@settings(max_examples=15, deadline=None)
@given(cut=st.integers(1, 40), seed=st.integers(0, 9))
def test_poison_from_a_date_on_leaves_features_up_to_it_byte_identical(cut: int, seed: int) -> None:
    games = league(rounds=14)
    shots = ShotTotals(*shot_totals(games))
    date = games["game_date"].unique().sort()[cut]
    rng = np.random.default_rng(seed)
    late = pl.col("game_date") >= date
    garbage = pl.Series(rng.integers(30, 250, games.height), dtype=pl.Int16)
    poisoned = games.with_columns(
        home_pts=pl.when(late).then(garbage).otherwise("home_pts"),
        away_pts=pl.when(late).then(garbage.reverse() + 1).otherwise("away_pts"),
        is_home_win=pl.when(late).then(~pl.col("is_home_win")).otherwise("is_home_win"),
        closing_home_probability=pl.lit(0.99),
    )
    spoilt = ShotTotals(
        shots.players.with_columns(pl.when(late).then(999).otherwise("points").alias("points")),
        shots.teams.with_columns(pl.when(late).then(-999).otherwise("points").alias("points")),
    )
    clean = build_game_features(games, shots)[0].filter(pl.col("game_date") <= date)
    dirty = build_game_features(poisoned, spoilt)[0].filter(pl.col("game_date") <= date)
    assert dirty.select(NAMES).equals(clean.select(NAMES))


def test_results_do_change_later_features(games: pl.DataFrame, table: pl.DataFrame) -> None:
    first = games["game_date"].min()
    changed = games.with_columns(
        pl.when(pl.col("game_date") == first).then(200).otherwise("home_pts").alias("home_pts")
    )
    other = build_game_features(changed.cast({"home_pts": pl.Int16}))[0]
    without = build_game_features(games)[0]
    moved = (other["margin_z"] != without["margin_z"]).to_numpy()
    assert not moved[(games["game_date"] == first).to_numpy()].any()
    assert moved[(games["game_date"] > first).to_numpy()].mean() > 0.9


def test_serving_gives_the_training_row_bit_for_bit(
    games: pl.DataFrame, shots: ShotTotals, table: pl.DataFrame
) -> None:
    for date in games["game_date"].unique().sort()[1::7]:
        _, state = replay(games.filter(pl.col("game_date") < date), shots)
        stored = GameState.from_dict(json.loads(json.dumps(state.to_dict())))
        today = games.filter(pl.col("game_date") == date)
        for game in range(today.height):
            served = schedule_features(SCHEDULE.conform(today[game]), stored)
            trained = table.filter(game_key=today["game_key"][game])
            assert served.select(NAMES).equals(trained.select(NAMES))


def test_a_replay_in_two_parts_is_one_replay(games: pl.DataFrame, shots: ShotTotals, table: pl.DataFrame) -> None:
    cut = dt.date(2010, 11, 20)
    _, state = replay(games.filter(pl.col("game_date") < cut), shots)
    before = json.dumps(state.to_dict())
    later, _ = build_game_features(games.filter(pl.col("game_date") >= cut), shots, state)
    assert later.equals(table.filter(pl.col("game_date") >= cut))
    assert json.dumps(state.to_dict()) == before


def test_a_state_refuses_to_describe_what_it_already_knows(games: pl.DataFrame) -> None:
    _, state = replay(games)
    with pytest.raises(ValueError, match="is not after"):
        schedule_features(SCHEDULE.conform(games.tail(1)), state)
    with pytest.raises(ValueError, match="start from an older state"):
        replay(games.tail(1), None, state)


def test_without_shots_only_what_comes_from_shots_is_missing(games: pl.DataFrame, table: pl.DataFrame) -> None:
    bare = build_game_features(games)[0]
    missing = [name for name in NAMES if bare[name].null_count() == bare.height]
    assert missing == ["shot_edge", "roster_1_edge_pts", "roster_3_edge_pts"]
    others = [name for name in NAMES if name not in missing]
    assert bare.select(others).equals(table.select(others))
    assert table["roster_1_edge_pts"].n_unique() > 20


def test_an_unknown_team_leaves_the_venue(games: pl.DataFrame) -> None:
    _, state = replay(games)
    schedule = SCHEDULE.conform(games.tail(1)).with_columns(
        game_date=pl.lit(dt.date(2013, 1, 1)), season=pl.lit(2013, pl.Int16), away_team=pl.lit(None, pl.String)
    )
    row = schedule_features(schedule, state).row(0, named=True)
    known = {name for name in NAMES if row[name] is not None}
    assert {"league_home_edge_pts", "is_playoffs", "season_day"} <= known
    assert not {"margin_z", "elo_edge", "fatigue_edge", "rest_edge_days", "roster_1_edge_pts"} & known


def fixture(date: dt.date, home: str = "BOS", away: str = "DEN", *, is_playoffs: bool = False) -> game_state.Fixture:
    return game_state.Fixture(2021 if date.month > 11 else 2020, date, home, away, is_playoffs)


def played(*fixtures: game_state.Fixture) -> GameState:
    state = GameState()
    for one in fixtures:
        game_state.turn_to(state, one.season, game_state.day_number(one.game_date))
        game_state.absorb(state, [game_state.Result(one, 10.0)])
    return state


def test_rest_travel_and_altitude_follow_the_schedule() -> None:
    state = played(fixture(dt.date(2020, 1, 5)), fixture(dt.date(2020, 1, 7), "DEN", "BOS"))
    values = game_state.describe(
        game_state.morning(state, 2020, dt.date(2020, 1, 8)), fixture(dt.date(2020, 1, 8), "MIA", "BOS")
    )
    assert values["away_rest_days"] == 1
    assert values["home_rest_days"] is None
    assert values["away_games_in_four_nights"] == 3
    assert values["away_travel_km"] == pytest.approx(2770, abs=30)
    assert values["altitude_gain_m"] == -3.0
    assert values["fatigue_edge_pts"] == pytest.approx(state.margins["season"].mean[-1])


def test_the_bubble_has_no_home() -> None:
    state = played(fixture(dt.date(2020, 1, 5)))
    values = game_state.describe(
        game_state.morning(state, 2020, dt.date(2020, 8, 1)), fixture(dt.date(2020, 8, 1), "UTA", "MIA")
    )
    assert (values["league_home_edge_pts"], values["altitude_gain_m"], values["away_travel_km"]) == (0.0, 0.0, 0.0)
    assert values["elo_edge"] == 0.0
    assert values["is_neutral"]


def test_a_series_is_counted_from_the_home_team_s_side() -> None:
    days = [dt.date(2020, 5, day) for day in (1, 3, 5)]
    state = played(*[fixture(day, is_playoffs=True) for day in days[:2]])
    seen = game_state.morning(state, 2020, days[2])
    values = game_state.describe(seen, fixture(days[2], "DEN", "BOS", is_playoffs=True))
    assert (values["series_games"], values["series_wins_edge"], values["series_margin_pts"]) == (2.0, -2.0, -10.0)
    fresh = game_state.morning(state, 2021, dt.date(2020, 12, 25))
    assert fresh.series == {}
    assert fresh.teams["BOS"].days == []
    assert state.series != {}
