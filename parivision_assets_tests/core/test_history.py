import datetime as dt

import polars as pl
import pytest

from parivision_assets.core import history
from parivision_assets.core.contracts import ACTION_TOTALS, PLAYER_GAME_TOTALS, TEAM_GAME_TOTALS
from parivision_assets.core.shot_zones import BUCKETS, DECLARED_RATES, bucket
from parivision_assets_tests.core.canonical_shots import season_shots

SEASONS = (2014, 2015)


@pytest.fixture(scope="module")
def shots() -> dict[int, pl.DataFrame]:
    return {season: season_shots(season) for season in SEASONS}


@pytest.fixture(scope="module")
def totals(shots: dict[int, pl.DataFrame]) -> history.Totals:
    return history.concat_totals([history.season_totals(shots[season]) for season in SEASONS])


def test_totals_keep_their_contracts(totals: history.Totals) -> None:
    for table, frame in (
        (PLAYER_GAME_TOTALS, totals.players), (TEAM_GAME_TOTALS, totals.teams), (ACTION_TOTALS, totals.actions),
    ):  # fmt: skip
        assert frame.schema == table.schema
        assert not any(frame.select(broken.any()).item() for broken in table.broken_rules().values())
        assert frame.select(table.key).is_unique().all()


def test_totals_add_up_to_the_shots(shots: dict[int, pl.DataFrame], totals: history.Totals) -> None:
    everything = pl.concat(shots.values())
    points = everything.filter("is_made")["points_value"].cast(pl.Int64).sum()
    for frame in (totals.players, totals.teams, totals.actions):
        assert frame["attempts"].sum() == len(everything)
        assert frame["makes"].sum() == everything["is_made"].sum()
        assert frame["points"].sum() == points


def test_what_one_team_allows_is_what_the_other_makes(totals: history.Totals) -> None:
    teams = totals.teams
    mirrored = teams.join(
        teams, left_on=["game_id", "team", "bucket"], right_on=["game_id", "opponent", "bucket"], suffix="_other"
    )
    assert len(mirrored) == len(teams)
    for name in ("attempts", "makes", "points", "expected_points"):
        assert mirrored[f"{name}_against"].equals(mirrored[f"{name}_other"], check_names=False)


def test_every_bucket_has_a_declared_rate_and_every_shot_a_bucket(shots: dict[int, pl.DataFrame]) -> None:
    assert set(DECLARED_RATES) == set(BUCKETS)
    found = shots[2015].select(bucket=bucket(), points="points_value", rim="is_at_rim")
    assert found["bucket"].is_in(BUCKETS).all()
    assert found.filter(pl.col("bucket").str.ends_with("three"))["points"].unique().to_list() == [3]
    assert found.filter("rim")["bucket"].unique().to_list() == ["rim"]


def test_a_memory_is_the_faded_sum_of_days_before(totals: history.Totals) -> None:
    as_of = dt.date(2014, 11, 6)
    known = history.state(totals, as_of, 2015)
    past = totals.players.filter((pl.col("game_date") < as_of) & (pl.col("player_id") == 103))
    half_life = history.SHOOTER.half_life_game_days["long"]
    played = history.GameDays.of(totals)
    ages = [played.before(as_of) - played.before(day) for day in past["game_date"]]
    weights = [0.5 ** (age / half_life) for age in ages]
    attempts = sum(w * n for w, n in zip(weights, past["attempts"], strict=True))
    excess = sum(
        w * (made - n * known.priors[name])
        for w, made, n, name in zip(weights, past["makes"], past["attempts"], past["bucket"], strict=True)
    )
    row = known.frames["shooter"].row(by_predicate=pl.col("player_id") == 103, named=True)
    assert row["shooter_attempts_long"] == pytest.approx(attempts)
    assert row["shooter_excess_long"] == pytest.approx(excess)
    assert row["shooter_last_date"] == max(past["game_date"])


def test_the_day_itself_is_not_remembered(totals: history.Totals) -> None:
    first = totals.players["game_date"].min()
    assert isinstance(first, dt.date)
    assert all(frame.is_empty() for frame in history.state(totals, first, 2014).frames.values())
    assert not history.state(totals, first + dt.timedelta(days=1), 2014).frames["shooter"].is_empty()


@pytest.mark.parametrize("day", [0, 1, 5])
def test_serving_remembers_what_training_joined(
    shots: dict[int, pl.DataFrame], totals: history.Totals, day: int
) -> None:
    joined = history.join_history(shots[2015], totals, 2015)
    date = shots[2015]["game_date"].unique().sort()[day]
    known = history.state(totals, date, 2015)
    served = history.join_state(shots[2015].filter(pl.col("game_date") == date), known)
    trained = joined.filter(pl.col("game_date") == date)
    assert served.equals(trained.select(served.columns))


def test_later_days_change_nothing(shots: dict[int, pl.DataFrame], totals: history.Totals) -> None:
    date = shots[2015]["game_date"].unique().sort()[4]
    early = history.season_totals(shots[2015].filter(pl.col("game_date") < date))
    past = history.concat_totals([history.season_totals(shots[2014]), early])
    before, after = history.state(past, date, 2015), history.state(totals, date, 2015)
    for name, frame in before.frames.items():
        assert frame.equals(after.frames[name])


def test_the_order_of_totals_does_not_move_a_bit(totals: history.Totals) -> None:
    shuffled = history.Totals(
        *(frame.sample(fraction=1.0, shuffle=True, seed=5) for frame in (totals.players, totals.teams, totals.actions))
    )
    date = dt.date(2014, 11, 9)
    expected = history.state(totals, date, 2015)
    found = history.state(shuffled, date, 2015)
    assert all(frame.equals(expected.frames[name]) for name, frame in found.frames.items())


def test_priors_come_from_the_season_before(shots: dict[int, pl.DataFrame], totals: history.Totals) -> None:
    priors = history.prior_rates(totals, 2015)
    rim = shots[2014].filter("is_at_rim")["is_made"]
    assert priors["rim"] == pytest.approx(rim.mean(), abs=1e-6)
    assert history.prior_rates(totals, 2014) == pytest.approx(DECLARED_RATES, abs=1e-6)


def test_a_player_never_seen_is_remembered_as_nothing(totals: history.Totals) -> None:
    request = season_shots(2015, games=1).head(2)
    request = request.with_columns(player_id=pl.Series([999_999, None], dtype=pl.Int64))
    joined = history.join_state(request, history.state(totals, dt.date(2014, 11, 9), 2015))
    assert joined["shooter_attempts_long"].to_list() == [0.0, None]
    assert joined["offence_attempts_long"].null_count() == 0


def test_needed_seasons_skip_the_absent_one() -> None:
    assert history.needed_seasons(2021, [2016, 2017, 2018, 2020, 2021, 2022]) == [2018, 2020, 2021]
