import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from parivision_assets.core import betting_lines

PRICES = st.one_of(st.integers(-5000, -100), st.integers(100, 5000))


def evaluate(expr: pl.Expr, **columns: object) -> object:
    return pl.DataFrame({name: [value] for name, value in columns.items()}).select(expr.alias("x")).item()


@pytest.mark.parametrize(("price", "implied"), [(-100, 0.5), (100, 0.5), (-550, 550 / 650), (440, 100 / 540)])
def test_an_american_price_breaks_even_at_its_implied_probability(price: int, implied: float) -> None:
    assert evaluate(betting_lines.implied_probability(pl.col("p")), p=price) == pytest.approx(implied)


def test_the_vig_is_removed_by_normalising() -> None:
    home, away = 550 / 650, 100 / 540
    probability = evaluate(betting_lines.home_probability(pl.col("h"), pl.col("a")), h=-550, a=440)
    assert probability == pytest.approx(home / (home + away))


@settings(deadline=None)
@given(home=PRICES, away=PRICES)
def test_a_market_probability_lies_inside_its_two_prices_or_is_dropped(home: int, away: int) -> None:
    probability = evaluate(betting_lines.home_probability(pl.col("h"), pl.col("a")), h=home, a=away)
    mirrored = evaluate(betting_lines.home_probability(pl.col("a"), pl.col("h")), h=home, a=away)
    book = evaluate(betting_lines.book_sum(pl.col("h"), pl.col("a")), h=home, a=away)
    if 1.0 <= float(str(book)) <= 1.15:
        assert probability is not None
        assert float(str(probability)) + float(str(mirrored)) == pytest.approx(1.0)
        assert float(str(probability)) <= float(
            str(evaluate(betting_lines.implied_probability(pl.col("h")), h=home))
        ) * (1 + 1e-12)
    else:
        assert probability is None


@pytest.mark.parametrize(("home", "away"), [(-650, -650), (240, -200), (-300, 8)])
def test_prices_that_no_bookmaker_offers_give_no_probability(home: int, away: int) -> None:
    assert evaluate(betting_lines.home_probability(pl.col("h"), pl.col("a")), h=home, a=away) is None


def test_a_missing_price_is_unknown_rather_than_impossible() -> None:
    frame = pl.DataFrame({"h": [None], "a": [150]}, schema={"h": pl.Int64, "a": pl.Int64})
    assert frame.select(betting_lines.is_possible(pl.col("h"), pl.col("a"))).item() is None


@pytest.mark.parametrize(("favourite", "spread"), [("home", -4.5), ("away", 4.5), ("nobody", None)])
def test_the_spread_is_negative_when_home_is_favoured(favourite: str, spread: float | None) -> None:
    assert evaluate(betting_lines.home_spread_pts(pl.col("s"), pl.col("f")), s=4.5, f=favourite) == spread
