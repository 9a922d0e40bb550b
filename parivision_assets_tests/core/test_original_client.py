import math
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from parivision_assets.core import court
from parivision_assets.core.original_client import FIELDS, ZONE_NAMES, OriginalRequestError, to_question

METRES = 0.3048
SHOT = {
    "Player_ID": 2544, "X_Location": -107, "Y_Location": 212, "Total_Seconds_Remaining": 333, "Shot_Type_Encoded": 3,
    "Shot_Distance_Meters": 23 * METRES, "Shot_Zone_Combined": 3,
}  # fmt: skip
"""A real one: recorded on the line, labelled mid-range, and worth three."""

xs = st.floats(-250, 250)
ys = st.floats(-52.5, 887.5)


def asked(x: float, y: float, **changes: Any) -> dict[str, Any]:
    """Return a request that says where it is, and nothing that could contradict it."""
    distance = math.hypot(x, y) / 10 * METRES
    return SHOT | {
        "X_Location": x, "Y_Location": y, "Shot_Type_Encoded": 0, "Shot_Distance_Meters": distance,
        "Shot_Zone_Combined": 0,
    } | changes  # fmt: skip


def refused(request: dict[str, Any]) -> OriginalRequestError:
    with pytest.raises(OriginalRequestError) as caught:
        to_question(request)
    return caught.value


def test_a_request_becomes_a_question() -> None:
    question = to_question(SHOT)
    assert (question.x_ft, question.y_ft) == (-10.7, 21.2)
    assert (question.player_id, question.clock_s, question.points_value) == (2544, 333, 3)
    assert question.quarter is None
    assert question.event is None


@settings(deadline=None)
@given(xs, ys, st.floats(0, 720), st.integers(0, 2**40))
def test_every_spot_of_the_court_can_be_asked_about(x: float, y: float, seconds: float, player: int) -> None:
    question = to_question(asked(x, y, Total_Seconds_Remaining=seconds, Player_ID=player))
    assert question.x_ft * 10 == pytest.approx(x)
    assert question.y_ft * 10 == pytest.approx(y)
    assert question.clock_s == math.floor(seconds)
    assert question.player_id == (player or None)
    assert question.points_value is None


@settings(deadline=None)
@given(xs, ys, st.floats(0.51, 20), st.sampled_from([-1, 1]))
def test_a_distance_that_is_not_the_spots_is_refused(x: float, y: float, off: float, sign: int) -> None:
    request = asked(x, y)
    request["Shot_Distance_Meters"] += sign * off
    assert refused(request).field == "Shot_Distance_Meters"


@settings(deadline=None)
@given(xs, ys)
def test_distances_in_whole_feet_cut_off_are_the_spots(x: float, y: float) -> None:
    whole_feet = math.floor(math.hypot(x, y) / 10)
    to_question(asked(x, y, Shot_Distance_Meters=whole_feet * METRES))


@settings(deadline=None)
@given(xs, ys, st.sampled_from([2, 3]))
def test_what_a_shot_is_worth_agrees_with_its_spot(x: float, y: float, kind: int) -> None:
    distance_ft, request = math.hypot(x, y) / 10, asked(x, y, Shot_Type_Encoded=kind)
    if (kind == 3 and distance_ft < 20) or (kind == 2 and distance_ft >= 26):
        assert refused(request).field == "Shot_Type_Encoded"
    else:
        assert to_question(request).points_value == kind


@settings(deadline=None)
@given(st.dictionaries(st.sampled_from(FIELDS), st.floats() | st.none() | st.text() | st.booleans()))
def test_anything_else_is_answered_or_refused_in_words(some: dict[str, Any]) -> None:
    try:
        to_question(SHOT | some)
        found = None
    except OriginalRequestError as error:
        found = error
    assert found is None or (found.field in FIELDS and found.rule and found.advice.endswith("."))


@pytest.mark.parametrize(
    ("zone", "x", "y"),
    [(1, 0, 70), (2, 120, 50), (3, 100, 150), (4, 0, 270), (5, 0, 200), (6, 150, 20), (6, 230, 130), (7, 0, 300)],
)
def test_zones_that_lie_elsewhere_are_refused(zone: int, x: float, y: float) -> None:
    error = refused(asked(x, y, Shot_Zone_Combined=zone))
    assert error.field == "Shot_Zone_Combined"
    assert ZONE_NAMES[zone] in error.rule


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"X_Location": 251}, "between -250 and 250"),
        ({"Y_Location": float("nan")}, "finite number"),
        ({"Total_Seconds_Remaining": -1}, "between 0 and 720"),
        ({"Shot_Type_Encoded": 4}, "one of 0, 2, 3, not 4"),
        ({"Shot_Zone_Combined": 8}, "one of 0, 1, 2"),
        ({"Shot_Zone_Combined": 2.5}, "not 2.5"),
        ({"Player_ID": -3}, "whole number from 0"),
        ({"Player_ID": 1.5}, "whole number from 0"),
        ({"Player_ID": 10**400}, "finite number"),
        ({"Shot_Distance_Meters": None}, "finite number"),
        ({"Shot_Type_Encoded": True}, "finite number"),
    ],
)
def test_impossible_values_are_named(change: dict[str, Any], words: str) -> None:
    error = refused(SHOT | change)
    assert error.field == next(iter(change))
    assert words in error.rule


def test_a_missing_field_is_named() -> None:
    error = refused({name: value for name, value in SHOT.items() if name != "Player_ID"})
    assert (error.field, "Player_ID" in error.advice) == ("Player_ID", True)


def zone_code(basic: str, area: str) -> int:
    """Return the original's code of a published zone."""
    if basic == "Mid-Range":
        return 3 if area.startswith("Left") else 4
    codes = {"Restricted Area": 1, "In The Paint (Non-RA)": 2, "Above the Break 3": 5, "Backcourt": 7}
    return 6 if "Corner" in basic else codes[basic]


def test_every_real_shot_of_the_feed_can_be_asked_about(real_data: Path) -> None:
    records = pl.read_csv(real_data / "feed" / "nba_shot_locations_sample.csv", infer_schema_length=0)
    for record in records.iter_rows(named=True):
        question = to_question(
            {
                "Player_ID": int(record["Player ID"]),
                "X_Location": int(record["X Location"]),
                "Y_Location": int(record["Y Location"]),
                "Total_Seconds_Remaining": 60 * int(record["Minutes Remaining"]) + int(record["Seconds Remaining"]),
                "Shot_Type_Encoded": int(record["Shot Type"][0]),
                "Shot_Distance_Meters": int(record["Shot Distance"]) * METRES,
                "Shot_Zone_Combined": zone_code(record["Shot Zone Basic"], record["Shot Zone Area"]),
            }
        )
        assert question.points_value == int(record["Shot Type"][0])
        if record["Shot Zone Area"].startswith("Left"):
            assert question.x_ft < 0
        assert abs(question.x_ft) <= court.HALF_WIDTH_FT
