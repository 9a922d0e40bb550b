"""What a bet is worth: decimal odds with a margin, payouts, closing-line value, and how much Kelly would stake.

Money is play money, in whole hundredths of a coin (`_cents`), and never a float; odds are decimal odds in whole
hundredths (`_hundredths`: 191 is 1.91, a stake of 10.00 returns 19.10). When a bet is taken, settled or refused is
`betting_rules`' matter, what a player allows himself `betting_limits`'.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from fractions import Fraction

LOWEST_PROBABILITY, HIGHEST_PROBABILITY = 0.01, 0.99
"""Odds are made of a probability clipped to these, as the promotion gate clips: nothing is certain before tip-off."""

LOWEST_ODDS_HUNDREDTHS = 101
"""A price of 1.00 would return the stake whatever happens."""

KELLY_SHARE = Fraction(1, 4)
"""A quarter of Kelly's stake: full Kelly assumes that the probability is known exactly."""


class Side(StrEnum):
    """On whom a bet is placed."""

    HOME = "home"
    AWAY = "away"

    def probability(self, home_probability: float) -> float:
        """Return this side's probability."""
        return home_probability if self is Side.HOME else 1.0 - home_probability


@dataclass(frozen=True, slots=True)
class Odds:
    """Decimal odds of both sides, in whole hundredths."""

    home_hundredths: int
    away_hundredths: int

    def of(self, side: Side) -> int:
        """Return one side's odds."""
        return self.home_hundredths if side is Side.HOME else self.away_hundredths

    @property
    def book_sum(self) -> Fraction:
        """Return the sum of the two implied probabilities: 1 + the margin that these odds carry."""
        return Fraction(100, self.home_hundredths) + Fraction(100, self.away_hundredths)

    @property
    def implied_home_probability(self) -> float:
        """Return the home side's implied probability with the margin taken off in proportion."""
        return float(Fraction(100, self.home_hundredths) / self.book_sum)


def offered_odds(home_probability: float, margin: float) -> Odds:
    """Return the odds offered for a probability: each side's implied probability is raised in proportion by `margin`.

    Odds are rounded down to whole hundredths, so the book's sum is never below 1 + margin, except where the shortest
    price ends at 1.01; it is never below 1, whatever the probability: no pair of bets wins for certain.

    Raises ValueError for a probability outside 0 … 1 or a negative margin.
    """
    if not 0.0 <= home_probability <= 1.0:
        raise ValueError(f"a probability lies within 0 … 1, not {home_probability}")
    if not 0.0 <= margin < 1.0:
        raise ValueError(f"a margin lies within 0 … 1, not {margin}")
    home = Fraction(held_within(home_probability))
    return Odds(_price(home, margin), _price(1 - home, margin))


def held_within(probability: float) -> float:
    """Return a probability held within the bounds of those that odds are made of."""
    return min(max(probability, LOWEST_PROBABILITY), HIGHEST_PROBABILITY)


def _price(probability: Fraction, margin: float) -> int:
    return max(LOWEST_ODDS_HUNDREDTHS, int(100 / (probability * (1 + Fraction(margin)))))


def payout_cents(stake_cents: int, odds_hundredths: int) -> int:
    """Return what a won bet pays, the stake included, rounded down to a whole cent."""
    return stake_cents * odds_hundredths // 100


def closing_line_value(odds_hundredths: int, closing_probability: float) -> float:
    """Return the bet's expected gain per coin staked if the closing line, its margin removed, is the truth.

    Positive: better odds were taken than those at which the market closed.
    """
    return odds_hundredths / 100 * closing_probability - 1.0


def kelly_fraction(probability: float, odds_hundredths: int) -> Fraction:
    """Return the share of the balance that maximises its expected logarithm (Kelly 1956), 0 without an edge.

    For decimal odds o and probability p it is (o p - 1) / (o - 1). J. L. Kelly, "A New Interpretation of Information
    Rate", Bell System Technical Journal 35 (4), 1956, pages 917-926.
    """
    odds = Fraction(odds_hundredths, 100)
    return max(Fraction(0), (odds * Fraction(probability) - 1) / (odds - 1))


def suggested_stake_cents(
    balance_cents: int, probability: float, odds_hundredths: int, most_cents: int, share: Fraction = KELLY_SHARE
) -> int:
    """Return a share of Kelly's stake, rounded down and at most `most_cents` (limits); 0 where there is no edge."""
    wanted = int(balance_cents * share * kelly_fraction(probability, odds_hundredths))
    return max(0, min(wanted, balance_cents, most_cents))
