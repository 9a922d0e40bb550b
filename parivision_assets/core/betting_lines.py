"""What a closing line says: American odds to probabilities, the vig removed. A benchmark for models, never an input."""

from __future__ import annotations

import polars as pl

MINIMUM_BOOK = 1.00
MAXIMUM_BOOK = 1.15
"""The two implied probabilities of a real market sum to a little over one; outside these limits a price is a typo."""

SMALLEST_MONEYLINE = 100
"""American odds never lie strictly between -100 and 100."""


def implied_probability(moneyline: pl.Expr) -> pl.Expr:
    """Return the probability at which an American price breaks even, in (0, 1); the vig is still inside.

    A favourite's price -a stakes a to win 100: a / (a + 100). An underdog's price b wins b on 100: 100 / (b + 100).
    """
    price = moneyline.cast(pl.Float64)
    return pl.when(price < 0).then(-price / (100.0 - price)).otherwise(100.0 / (100.0 + price))


def book_sum(moneyline_home: pl.Expr, moneyline_away: pl.Expr) -> pl.Expr:
    """Return the sum of the two implied probabilities: 1 + the bookmaker's margin."""
    return implied_probability(moneyline_home) + implied_probability(moneyline_away)


def is_possible(moneyline_home: pl.Expr, moneyline_away: pl.Expr) -> pl.Expr:
    """Return whether two prices can belong to one market; null where a price is missing."""
    book = book_sum(moneyline_home, moneyline_away)
    smallest = pl.min_horizontal(moneyline_home.cast(pl.Float64).abs(), moneyline_away.cast(pl.Float64).abs())
    known = moneyline_home.is_not_null() & moneyline_away.is_not_null()
    possible = book.is_between(MINIMUM_BOOK, MAXIMUM_BOOK) & (smallest >= SMALLEST_MONEYLINE)
    return pl.when(known).then(possible)


def home_probability(moneyline_home: pl.Expr, moneyline_away: pl.Expr) -> pl.Expr:
    """Return the market's home-win probability, the vig removed by normalising; null when the prices are impossible."""
    share = implied_probability(moneyline_home) / book_sum(moneyline_home, moneyline_away)
    return pl.when(is_possible(moneyline_home, moneyline_away)).then(share)


def home_spread_pts(spread: pl.Expr, favourite: pl.Expr) -> pl.Expr:
    """Return the closing spread in points, negative when home is favoured; null when the favourite is unknown."""
    sign = pl.when(favourite == "home").then(-1.0).when(favourite == "away").then(1.0)
    points = spread.cast(pl.Float64)
    # Adding zero turns the pick'em's -0.0 into 0.0, so that equal tables have equal bytes.
    return sign * points + 0.0
