"""The promises of the e-process, checked against worlds that are built to break them."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binom

from parivision_assets.core import eprocess

ALPHA = 0.05
SEASONS = 200
CHALLENGERS = 5
GAMES = 600


def _allowed(runs: int, level: float = ALPHA) -> int:
    """Return a count that `runs` runs at the stated level exceed once in a thousand tests."""
    return int(binom.ppf(0.999, runs, level))


def _two_point(rng, shape, rms):
    """Games of one row in which challenger and champion expect the same loss: the exact null."""
    champion = rng.normal(0.4, 0.9, shape)
    challenger = champion + rng.normal(0, rms, shape)
    win = np.log1p(np.exp(-champion)) - np.log1p(np.exp(-challenger))
    lose = np.log1p(np.exp(champion)) - np.log1p(np.exp(challenger))
    chance = -lose / (win - lose)
    gain = np.where(rng.random(shape) < chance, win, lose)
    return gain, np.maximum(-win, -lose)


def _shots(rng, shape, mean=0.0, sd=0.0072):
    """Games of 175 shots of models that disagree by 0.2 logits; means and spreads may differ per game."""
    gain = mean + sd * rng.standard_normal(shape)
    return gain, np.broadcast_to(eprocess.tail_scale(np.array(0.105), np.array(175)), shape)


def _left_skewed(rng, shape):
    """Games whose 175 shots fail in seven blocks, each losing 0.1 nats rarely and gaining little mostly."""
    fails = rng.binomial(7, 0.08, shape)
    gain = (7 - fails) * 0.08 / 0.92 * 0.1 - fails * 0.1
    return gain / 7, np.broadcast_to(eprocess.tail_scale(np.array(0.1), np.array(175)), shape)


def _worlds():
    even = np.arange(GAMES) % 2 == 0
    spread = np.where(even, 0.02, 0.0002)
    return {
        "games, near models": lambda rng, shape: _two_point(rng, shape, 0.2),
        "games, far models": lambda rng, shape: _two_point(rng, shape, 1.0),
        "shots": _shots,
        "variances a hundredfold apart": lambda rng, shape: _shots(rng, shape, sd=spread),
        "means that offset": lambda rng, shape: _shots(rng, shape, np.where(even, -0.0016, 0.0016), spread),
        "worse first, then as much better": lambda rng, shape: _shots(
            rng, shape, np.where(np.arange(GAMES) < GAMES / 2, -0.003, 0.003)
        ),
        "skewed to the left": _left_skewed,
    }


@pytest.mark.parametrize("world", _worlds())
def test_nightly_looks_with_several_challengers_keep_the_stated_level(world):
    rng = np.random.default_rng(11)
    fooled = np.zeros(SEASONS, dtype=bool)
    for number in range(1, CHALLENGERS + 1):
        gain, tail = _worlds()[world](rng, (SEASONS, GAMES))
        needed = -math.log(eprocess.season_level(ALPHA, number))
        fooled |= eprocess.log_e_values(gain, tail).max(axis=-1) >= needed
    assert fooled.sum() <= _allowed(SEASONS)


@pytest.mark.parametrize("world", _worlds())
def test_the_expected_e_value_of_no_improvement_is_at_most_one(world):
    gain, tail = _worlds()[world](np.random.default_rng(12), (400, GAMES))
    final = np.exp(eprocess.log_e_values(gain, tail)[:, -1])
    assert final.mean() - 3 * final.std() / math.sqrt(len(final)) <= 1


def test_hot_games_do_not_fool_it():
    """Shots of a game share a hot or cold night; the challenger is always 0.2 logits higher, no better."""
    rng = np.random.default_rng(13)
    games, shots = 120, 175
    fooled = 0
    for _ in range(60):
        champion = rng.normal(-0.15, 0.55, (games, shots))
        win = np.log1p(np.exp(-champion)) - np.log1p(np.exp(-champion - 0.2))
        lose = np.log1p(np.exp(champion)) - np.log1p(np.exp(champion + 0.2))
        even = -lose / (win - lose)
        night = rng.normal(0, 0.3, (games, 1))
        made = rng.random((games, shots)) < 1 / (1 + np.exp(-np.log(even / (1 - even)) - night))
        gain = np.where(made, win, lose).mean(axis=1)
        tail = eprocess.tail_scale(np.maximum(-win, -lose).mean(axis=1), np.full(games, shots))
        fooled += eprocess.log_e_values(gain, tail).max() >= -math.log(ALPHA)
    assert fooled <= _allowed(60)


def test_five_thousandths_of_a_nat_are_found_within_a_tenth_of_a_season():
    """Power at 0.005 nats: the size of rule change that the platform must recover from within weeks."""
    gain, tail = _shots(np.random.default_rng(14), (200, 1_200), mean=0.005)
    found = eprocess.log_e_values(gain, tail) >= -math.log(eprocess.season_level(ALPHA, 3))
    assert found.any(axis=1).all()
    assert np.median(found.argmax(axis=1)) < 123


def test_power_and_games_needed_agree_with_simulation():
    level = eprocess.season_level(ALPHA, 2)
    tail = float(eprocess.tail_scale(np.array(0.105), np.array(175)))
    games = eprocess.games_for_power(0.9, 0.002, 0.0072, tail, level)
    assert games is not None
    assert (
        eprocess.power(games, 0.002, 0.0072, tail, level) >= 0.9 > eprocess.power(games - 2, 0.002, 0.0072, tail, level)
    )
    gain, tails = _shots(np.random.default_rng(15), (500, games), mean=0.002)
    shown = np.mean(eprocess.log_e_values(gain, tails)[:, -1] >= -math.log(level))
    assert 0.87 <= shown <= 0.99


def test_no_number_of_games_is_named_where_the_spread_hides_the_effect():
    assert eprocess.games_for_power(0.9, 1e-4, 3.0, 4.0, 0.05) is None
    assert eprocess.power(0, 0.01, 0.1, 0.1, 0.05) == 0


def test_levels_of_a_season_sum_to_alpha():
    total = sum(eprocess.season_level(ALPHA, number) for number in range(1, 20_000))
    assert ALPHA * 0.999 < total < ALPHA
    with pytest.raises(ValueError, match="counted from 1"):
        eprocess.season_level(ALPHA, 0)


def test_one_row_of_a_game_is_bounded_exactly_and_many_by_their_shares():
    found = eprocess.tail_scale(np.array([0.4, 0.4, 0.4]), np.array([1, 25, 100]))
    assert found.tolist() == pytest.approx([0.4, 0.4, 0.1])


@given(st.floats(-1, 3), st.floats(1e-6, 1), st.sampled_from(eprocess.STAKES.tolist()))
@settings(max_examples=500, deadline=None)
def test_the_inequality_behind_the_exact_case_holds(gain, tail, stake):
    """Fan et al.'s lemma, point by point: it is all that the exact case rests on."""
    gain = max(gain, -tail)
    if stake * tail <= eprocess.STAKE_LIMIT:
        factor = stake * gain - float(eprocess._penalty(stake, np.array(tail))) * gain**2
        assert math.exp(factor) <= (1 + stake * gain) * (1 + 1e-9) + 1e-12


@given(st.lists(st.floats(-0.1, 0.1), min_size=2, max_size=30), st.integers(1, 29))
@settings(max_examples=50, deadline=None)
def test_the_past_is_never_rewritten(gains, cut):
    gain = np.array(gains)
    tail = np.full(len(gain), 0.1)
    cut = min(cut, len(gain))
    whole, part = eprocess.log_e_values(gain, tail), eprocess.log_e_values(gain[:cut], tail[:cut])
    assert whole[:cut] == pytest.approx(part)


def test_what_cannot_be_weighed_is_refused():
    with pytest.raises(ValueError, match="same games"):
        eprocess.log_e_values(np.zeros(2), np.zeros(3))
    with pytest.raises(ValueError, match="finite"):
        eprocess.log_e_values(np.array([math.nan]), np.array([0.1]))


def test_a_stake_that_was_too_large_for_one_game_never_comes_back():
    """After a game that could cost 4 nats only stakes of at most 0.85 / 4 may still grow."""
    tail = np.array([0.01, 4.0] + [0.01] * 50)
    path = eprocess.log_e_values(np.full(52, 0.005), tail)
    assert 0 < path[-1] - path[1] <= 50 * 0.005 * eprocess.STAKE_LIMIT / 4
