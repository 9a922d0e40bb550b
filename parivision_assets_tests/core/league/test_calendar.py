"""Schedules look like real ones, in every size."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from parivision_assets.core.league import League
from parivision_assets.core.league.calendar import Calendar, pairings, playoff_field, regular_season, season_start


@pytest.fixture(scope="module")
def full() -> Calendar:
    return regular_season(2023, 30, 82, seed=20)


@given(half=st.integers(2, 15), steps=st.integers(1, 60))
def test_everybody_plays_half_of_the_games_at_home_against_others(half: int, steps: int) -> None:
    teams = 2 * half
    home, away = pairings(teams, 2 * steps)
    assert (np.bincount(home, minlength=teams) == steps).all()
    assert (np.bincount(away, minlength=teams) == steps).all()
    assert (home != away).all()


def test_a_full_season_meets_conference_rivals_more_often() -> None:
    home, away = pairings(30, 82)
    meetings = np.zeros((30, 30), dtype=int)
    np.add.at(meetings, (home, away), 1)
    both = meetings + meetings.T
    same = (np.arange(30)[:, None] - np.arange(30)[None, :]) % 2 == 0
    others = ~np.eye(30, dtype=bool)
    assert (both[~same] == 2).all()
    assert set(np.unique(both[same & others])) <= {2, 4}
    assert both[same & others].mean() > 3.5


@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 10_000), half=st.integers(2, 6), steps=st.integers(1, 15))
def test_no_team_plays_twice_a_day_or_three_days_running(seed: int, half: int, steps: int) -> None:
    calendar = regular_season(2022, 2 * half, 2 * steps, seed)
    assert len(calendar.day) == 2 * half * steps
    assert (np.diff(calendar.day) >= 0).all()
    for team in range(2 * half):
        days = calendar.day[(calendar.home == team) | (calendar.away == team)]
        assert len(days) == 2 * steps
        gaps = np.diff(days)
        assert (gaps >= 1).all()
        assert not ((gaps[1:] == 1) & (gaps[:-1] == 1)).any()


def test_a_full_season_takes_half_a_year_with_real_back_to_backs(full: Calendar) -> None:
    assert full.day[0] == season_start(2023).toordinal()
    assert 160 <= full.day[-1] - full.day[0] <= 190
    assert 10 <= full.back_to_back.sum() / 30 <= 22
    assert np.diff(np.unique(full.day)).max() >= 5
    assert np.bincount(full.day - full.day[0]).max() <= 15


def test_rest_is_counted_from_the_previous_game(full: Calendar) -> None:
    team = 7
    rows = np.flatnonzero((full.home == team) | (full.away == team))
    rest = np.where(full.home[rows] == team, full.rest_days[rows, 0], full.rest_days[rows, 1])
    assert rest[0] == 20
    assert (rest[1:] == np.minimum(np.diff(full.day[rows]), 20)).all()


def test_playoffs_are_best_of_seven_among_the_best(small_league: League, one_season: League) -> None:
    for league in (small_league, one_season):
        season = league.config.season_numbers[0]
        games = league.games[season]
        late = games.filter(games["GAME_ID"] // 10_000_000 == 4)
        field = playoff_field(league.config.teams)
        assert late["HOME_TEAM_ID"].n_unique() == field
        series = (late["GAME_ID"] // 10).value_counts()
        assert series.height == field - 1
        assert series["count"].is_between(4, 7).all()
        assert late["GAME_DATE_EST"].min() > games.filter(games["GAME_ID"] < 30_000_000)["GAME_DATE_EST"].max()  # type: ignore[operator]


def test_the_schedule_lists_every_regular_game_and_next_season_without_results(small_league: League) -> None:
    schedule = small_league.schedule
    assert schedule.columns == ["season", "game_date", "game_id", "away_team", "home_team"]
    assert schedule["season"].unique().sort().to_list() == [2022, 2023, 2024, 2025]
    played = small_league.games[2023].filter(small_league.games[2023]["GAME_ID"] < 30_000_000)
    listed = schedule.filter(schedule["season"] == 2023)
    pairs = set(zip(played["GAME_ID"], played["GAME_DATE_EST"], strict=True))
    assert pairs == set(zip(listed["game_id"], listed["game_date"], strict=True))
