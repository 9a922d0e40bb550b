import math

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from parivision_assets.core import court

X, Y = pl.col("x"), pl.col("y")


def at(x: float, y: float, expression: pl.Expr):
    return pl.DataFrame({"x": [x], "y": [y]}, schema={"x": pl.Float64, "y": pl.Float64}).select(expression).item()


@pytest.mark.parametrize(
    ("x", "y", "degrees"), [(0, 10, 0), (-10, 0, -90), (10, 0, 90), (-5, 5, -45), (0, -3, 180), (0, 0, 0)]
)
def test_angles_are_straight_on_at_zero_and_negative_on_the_left(x, y, degrees):
    assert at(x, y, court.angle_deg(X, Y)) == pytest.approx(degrees)


@pytest.mark.parametrize(
    ("x", "y", "beyond"),
    [
        (0, 23.7, False), (0, 23.8, True), (-21.9, 0, False), (-22.1, 0, True), (22.1, -5, True),
        (22.1, court.CORNER_BREAK_Y_FT - 0.01, True), (21.9, court.CORNER_BREAK_Y_FT + 0.05, False), (16, 18, True),
    ],
)  # fmt: skip
def test_the_arc_is_straight_in_the_corners(x, y, beyond):
    assert at(x, y, court.is_beyond_arc(X, Y)) is beyond


def test_corner_line_meets_the_arc():
    assert math.hypot(court.CORNER_THREE_FT, court.CORNER_BREAK_Y_FT) == pytest.approx(court.ARC_RADIUS_FT)
    assert court.MAX_Y_FT - court.MIN_Y_FT == court.COURT_LENGTH_FT


@given(st.floats(-25, 25), st.floats(court.MIN_Y_FT, court.MAX_Y_FT))
def test_polar_and_cartesian_agree_and_mirror(x, y):
    distance = at(x, y, court.distance_ft(X, Y))
    angle = math.radians(at(x, y, court.angle_deg(X, Y)))
    assert 0 <= distance <= court.MAX_DISTANCE_FT
    assert distance * math.sin(angle) == pytest.approx(x, abs=1e-9)
    assert distance * math.cos(angle) == pytest.approx(y, abs=1e-9)
    assert at(-x, y, court.is_beyond_arc(X, Y)) is at(x, y, court.is_beyond_arc(X, Y))
