"""Odds, payouts and stakes: what holds for every probability, margin and amount."""

import math
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from parivision_assets.core.betting import (
    HIGHEST_PROBABILITY,
    LOWEST_ODDS_HUNDREDTHS,
    Odds,
    Side,
    closing_line_value,
    kelly_fraction,
    offered_odds,
    payout_cents,
    suggested_stake_cents,
)

PROBABILITIES = st.floats(0, 1)
MARGINS = st.floats(0, 0.2)
PRICES = st.integers(LOWEST_ODDS_HUNDREDTHS, 20_000)
AMOUNTS = st.integers(0, 10**12)


def test_an_even_game_is_offered_below_even_money() -> None:
    assert offered_odds(0.5, 0.0) == Odds(200, 200)
    assert offered_odds(0.5, 0.045) == Odds(191, 191)
    assert offered_odds(0.6, 0.045) == Odds(159, 239)


@given(PROBABILITIES, MARGINS)
def test_the_book_keeps_its_margin_and_never_loses_for_certain(probability: float, margin: float) -> None:
    odds = offered_odds(probability, margin)
    assert odds.book_sum >= 1
    if LOWEST_ODDS_HUNDREDTHS not in {odds.home_hundredths, odds.away_hundredths}:
        assert odds.book_sum >= 1 + Fraction(margin)
    assert min(odds.home_hundredths, odds.away_hundredths) >= LOWEST_ODDS_HUNDREDTHS


@given(st.floats(0.2, 0.8), MARGINS)
def test_taking_the_margin_off_gives_the_probability_back(probability: float, margin: float) -> None:
    # Rounding to a hundredth moves a price of at most 5.00 by at most 1 %.
    assert offered_odds(probability, margin).implied_home_probability == pytest.approx(probability, abs=0.01)


@given(PROBABILITIES, PROBABILITIES, MARGINS)
def test_the_likelier_winner_pays_less(one: float, other: float, margin: float) -> None:
    low, high = sorted((one, other))
    assert offered_odds(high, margin).home_hundredths <= offered_odds(low, margin).home_hundredths


@pytest.mark.parametrize(("probability", "margin"), [(math.nan, 0.0), (1.1, 0.0), (-0.1, 0.0), (0.5, -0.1), (0.5, 1)])
def test_impossible_figures_are_refused(probability: float, margin: float) -> None:
    with pytest.raises(ValueError, match=r"lies within 0 … 1"):
        offered_odds(probability, margin)


@given(AMOUNTS, PRICES)
def test_a_payout_is_stake_times_odds_rounded_down(stake_cents: int, odds: int) -> None:
    paid = payout_cents(stake_cents, odds)
    assert paid * 100 <= stake_cents * odds < (paid + 1) * 100
    assert paid >= stake_cents


def test_the_closing_line_value_is_the_gain_that_the_close_expects() -> None:
    assert closing_line_value(210, 0.5) == pytest.approx(0.05)
    assert closing_line_value(191, 0.5) == pytest.approx(-0.045)


@given(st.floats(0.01, HIGHEST_PROBABILITY), st.integers(105, 1_000))
def test_kelly_stakes_where_its_expected_logarithm_is_largest(probability: float, odds: int) -> None:
    best = float(kelly_fraction(probability, odds))

    def growth(share: float) -> float:
        return probability * math.log1p(share * (odds / 100 - 1)) + (1 - probability) * math.log1p(-share)

    for other in (best - 0.01, best + 0.01):
        if 0 <= other < 1:
            assert growth(best) >= growth(other) - 1e-12


def test_the_offerers_own_probability_never_suggests_a_stake() -> None:
    odds = offered_odds(0.6, 0.045)
    assert suggested_stake_cents(100_000, 0.6, odds.of(Side.HOME), 100_000) == 0
    assert suggested_stake_cents(100_000, 0.4, odds.of(Side.AWAY), 100_000) == 0


def test_a_quarter_of_kelly_is_suggested_up_to_the_limits() -> None:
    # 2.00 at 0.6: Kelly stakes a fifth, a quarter of it a twentieth.
    assert suggested_stake_cents(100_000, 0.6, 200, 100_000) in {4_999, 5_000}
    assert suggested_stake_cents(100_000, 0.6, 200, 3_000) == 3_000


@given(AMOUNTS, PROBABILITIES, PRICES, AMOUNTS, st.fractions(0, 1))
def test_a_suggestion_never_exceeds_balance_and_limits(balance, probability, odds, most, share) -> None:
    assert 0 <= suggested_stake_cents(balance, probability, odds, most, share) <= min(balance, most)
