import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from parivision_assets.core import ratings
from parivision_assets.core.ratings import MarginRatings, MarginSettings, Meeting

SETTINGS = MarginSettings()
MEETING = Meeting(0, 1, is_neutral=False, home_back_to_back=False, away_back_to_back=False)


def test_elo_follows_the_published_recipe() -> None:
    # Equal teams at home, a win by 10: 20 · 13^0.8 / (7.5 + 0.006 · 100) · (1 - 0.64006) points change hands.
    assert ratings.elo_probability(100.0) == pytest.approx(0.640065, abs=1e-6)
    assert ratings.elo_change(100.0, 10.0) == pytest.approx(20 * 13**0.8 / 8.1 * (1 - 0.640065), rel=1e-5)
    assert ratings.elo_new_season(np.array([1705.0])) == pytest.approx([1655.0])


@settings(deadline=None)
@given(edge=st.floats(-800, 800), margin=st.integers(-80, 80).filter(bool))
def test_elo_moves_towards_the_winner_and_more_for_a_surprise(edge: float, margin: int) -> None:
    change = ratings.elo_change(edge, float(margin))
    assert np.sign(change) == np.sign(margin)
    easier = ratings.elo_change(edge + 100 * np.sign(margin), float(margin))
    assert abs(easier) < abs(change)


@settings(deadline=None)
@given(edge=st.floats(-2000, 2000))
def test_elo_probabilities_of_both_teams_sum_to_one(edge: float) -> None:
    assert ratings.elo_probability(edge) + ratings.elo_probability(-edge) == pytest.approx(1.0)


def test_the_home_team_has_no_elo_edge_on_a_neutral_floor() -> None:
    elo = np.full(ratings.TEAM_COUNT, 1500.0)
    assert ratings.elo_edge(elo, 0, 1, is_neutral=True) == 0.0
    assert ratings.elo_edge(elo, 0, 1, is_neutral=False) == ratings.ELO_HOME


def play(margins: list[float], meeting: Meeting = MEETING) -> MarginRatings:
    known = ratings.advanced(MarginRatings.start(SETTINGS), SETTINGS, 2016, 0)
    for day, margin in enumerate(margins):
        known = ratings.advanced(known, SETTINGS, 2016, day)
        known = ratings.updated(known, SETTINGS, [meeting], np.array([margin]))
    return known


def test_a_single_game_moves_ratings_as_bayes_says() -> None:
    known = play([20.0])
    capped = 30.0 * np.tanh(20.0 / 30.0)
    prior = 25.0 + 25.0 + 1.0 + 0.5
    surprise = capped - 3.0
    assert known.mean[0] == pytest.approx(25.0 / (prior + 100.0) * surprise)
    assert known.mean[1] == pytest.approx(-known.mean[0])
    assert known.covariance[0, 0] == pytest.approx(25.0 - 25.0**2 / (prior + 100.0))


def test_known_strengths_are_found_again() -> None:
    rng = np.random.default_rng(1)
    truth = np.zeros(ratings.TEAM_COUNT)
    truth[:6] = [8, 4, 1, -2, -5, -6]
    known = MarginRatings.start(SETTINGS)
    for day in range(150):
        known = ratings.advanced(known, SETTINGS, 2016, day)
        order = rng.permutation(6)
        meetings = [Meeting(int(h), int(a), False, False, False) for h, a in zip(order[::2], order[1::2], strict=True)]
        margins = np.array([truth[m.home] - truth[m.away] + 3 + rng.normal(0, 8) for m in meetings])
        known = ratings.updated(known, SETTINGS, meetings, margins)
    found = known.mean[:6] - known.mean[:6].mean()
    assert np.abs(found - truth[:6]).max() < 2.5
    assert 55 < known.noise_variance < 100


def test_the_league_forgets_a_home_edge_that_is_gone() -> None:
    pairs = [(2 * pair, 2 * pair + 1) for pair in range(15)]
    known = MarginRatings.start(SETTINGS)
    for day in range(200):
        known = ratings.advanced(known, SETTINGS, 2016, day)
        sides = pairs if day % 2 else [(away, home) for home, away in pairs]
        meetings = [Meeting(home, away, False, False, False) for home, away in sides]
        known = ratings.updated(known, SETTINGS, meetings, np.zeros(len(meetings)))
    assert abs(known.mean[ratings.LEAGUE_HOME]) < 0.5


def test_a_summer_pulls_strengths_together_and_leaves_home_alone() -> None:
    before = play([20.0, 15.0, 18.0])
    after = ratings.advanced(before, SETTINGS, 2017, 300)
    centred = before.mean[:30] - before.mean[:30].mean()
    assert after.mean[:30] == pytest.approx(SETTINGS.season_carry * centred)
    assert after.mean[ratings.LEAGUE_HOME] == before.mean[ratings.LEAGUE_HOME]
    regressed = SETTINGS.season_carry**2 * before.covariance[0, 0]
    assert after.covariance[0, 0] == pytest.approx(regressed + SETTINGS.season_variance)


@settings(deadline=None)
@given(days=st.integers(0, 400))
def test_uncertainty_only_grows_while_nobody_plays_and_stops_growing(days: int) -> None:
    known = play([5.0])
    later = ratings.advanced(known, SETTINGS, 2016, days)
    limit = ratings.LONGEST_GAP_DAYS * SETTINGS.day_variance
    grown = later.covariance[0, 0] - known.covariance[0, 0]
    assert grown == pytest.approx(min(days * SETTINGS.day_variance, limit))


@settings(deadline=None)
@given(margins=st.lists(st.floats(-60, 60), min_size=1, max_size=30))
def test_covariance_stays_symmetric_and_positive(margins: list[float]) -> None:
    known = play(margins, Meeting(2, 5, False, True, False))
    assert np.array_equal(known.covariance, known.covariance.T)
    assert np.linalg.eigvalsh(known.covariance).min() > 0


def test_back_to_backs_cost_what_games_showed() -> None:
    tired = Meeting(0, 1, False, home_back_to_back=True, away_back_to_back=False)
    known = play([-20.0] * 5, tired)
    assert ratings.fatigue_edge_pts(known, tired) < 0
    assert ratings.fatigue_edge_pts(known, MEETING) == 0.0
    assert ratings.home_edge_pts(known, 0, is_neutral=True) == 0.0


def test_no_games_change_nothing() -> None:
    known = play([3.0])
    assert ratings.updated(known, SETTINGS, [], np.array([])) is known
