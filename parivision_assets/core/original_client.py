"""The original API's request for a prediction, in our terms; how it is answered is the API's.

Its seven numbers say the spot three times over: by coordinates, distance and zone. The coordinates are believed, within
what a scorer's record is off by; what contradicts them by more is refused, since one of them must be a mistake.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

from parivision_assets.core import court
from parivision_assets.core.in_game import PERIOD_S
from parivision_assets.core.questions import ShotQuestion
from parivision_assets.core.shot_rules import MAX_TWO_FT, MIN_THREE_FT

FIELDS = (
    "Player_ID", "X_Location", "Y_Location", "Total_Seconds_Remaining", "Shot_Type_Encoded", "Shot_Distance_Meters",
    "Shot_Zone_Combined",
)  # fmt: skip
"""Locations in tenths of feet from the hoop, x negative on the shooter's left as in ours; seconds of the period."""

UNITS_PER_FOOT = 10.0
METRES_PER_FOOT = 0.3048
DISTANCE_TOLERANCE_M = 0.5
"""The original's distances are whole feet cut off, then metres: up to 0.3 m short; the rest is for rounding."""
RECORDED_WITHIN_FT = 1.0
ZONE_TOLERANCE_FT = 2.0
"""Zones are the scorer's: near a line either side is believed."""

MAX_NUMBER = 2**63 - 1

POINTS_BY_TYPE = {0: None, 2: 2, 3: 3}
ZONE_NAMES = {
    0: "other", 1: "restricted area", 2: "paint", 3: "mid-range, left or left-centre", 4: "other mid-range",
    5: "above the break", 6: "corner", 7: "backcourt",
}  # fmt: skip
LANE_HALF_WIDTH_FT = 8.0
LANE_END_Y_FT = 19.0 - court.HOOP_FROM_BASELINE_FT
"""The lane is 16 ft wide and ends at the free-throw line, 19 ft from the baseline (NBA Rule Book, rule 1)."""
HALF_COURT_Y_FT = court.HALF_COURT_LENGTH_FT - court.HOOP_FROM_BASELINE_FT


class OriginalRequestError(ValueError):
    """A request that contradicts itself or the court: the field, the rule it breaks, and what to do next."""

    def __init__(self, field: str, rule: str, advice: str) -> None:
        """Keep the three parts; `field` is one of FIELDS."""
        super().__init__(f"{field}: {rule}. {advice}")
        self.field, self.rule, self.advice = field, rule, advice


def to_question(values: Mapping[str, float]) -> ShotQuestion:
    """Return the question that an original client's numbers ask; raise OriginalRequestError for the first broken rule.

    A player number of 0 names nobody. The type decides what the shot is worth (0: the spot does). Seconds are cut to
    whole ones, as clocks are recorded.
    """
    x_ft = _number(values, "X_Location", -court.HALF_WIDTH_FT, court.HALF_WIDTH_FT, UNITS_PER_FOOT)
    y_ft = _number(values, "Y_Location", court.MIN_Y_FT, court.MAX_Y_FT, UNITS_PER_FOOT)
    player = _whole(values, "Player_ID", MAX_NUMBER)
    clock_s = math.floor(_number(values, "Total_Seconds_Remaining", 0, PERIOD_S, 1.0))
    kind, zone = _code(values, "Shot_Type_Encoded", POINTS_BY_TYPE), _code(values, "Shot_Zone_Combined", ZONE_NAMES)
    distance_ft = math.hypot(x_ft, y_ft)
    _check_distance(values, distance_ft)
    _check_type(kind, distance_ft)
    _check_zone(zone, x_ft, y_ft)
    return ShotQuestion(x_ft, y_ft, player_id=player or None, clock_s=clock_s, points_value=POINTS_BY_TYPE[kind])


def _check_distance(values: Mapping[str, float], distance_ft: float) -> None:
    said_m = _number(values, "Shot_Distance_Meters", 0, court.MAX_DISTANCE_FT * METRES_PER_FOOT, 1.0)
    distance_m = distance_ft * METRES_PER_FOOT
    if abs(said_m - distance_m) > DISTANCE_TOLERANCE_M:
        raise OriginalRequestError(
            "Shot_Distance_Meters",
            f"{said_m:.2f} m, but X_Location and Y_Location are {distance_m:.2f} m from the hoop "
            f"(at most {DISTANCE_TOLERANCE_M} m apart)",
            "Give locations in tenths of feet and the distance in metres.",
        )


def _check_type(kind: int, distance_ft: float) -> None:
    least, most = MIN_THREE_FT - RECORDED_WITHIN_FT, MAX_TWO_FT + RECORDED_WITHIN_FT
    advice = "Correct the locations or the type, or send type 0: the value then follows from the spot."
    if kind == 3 and distance_ft < least:
        raise OriginalRequestError(
            "Shot_Type_Encoded", f"a three is taken from {least:g} ft or more, this spot is {distance_ft:.1f} ft away",
            advice,
        )  # fmt: skip
    if kind == 2 and distance_ft >= most:
        raise OriginalRequestError(
            "Shot_Type_Encoded",
            f"a two is taken from under {most:g} ft, this spot is {distance_ft:.1f} ft away",
            advice,
        )


def _check_zone(zone: int, x_ft: float, y_ft: float) -> None:
    distance_ft, near = math.hypot(x_ft, y_ft), ZONE_TOLERANCE_FT
    possible = {
        0: True,
        1: distance_ft <= court.RESTRICTED_AREA_RADIUS_FT + near,
        2: abs(x_ft) <= LANE_HALF_WIDTH_FT + near and y_ft <= LANE_END_Y_FT + near,
        3: x_ft <= near and distance_ft <= court.ARC_RADIUS_FT + near,
        4: distance_ft <= court.ARC_RADIUS_FT + near,
        5: distance_ft >= court.ARC_RADIUS_FT - near,
        6: abs(x_ft) >= court.CORNER_THREE_FT - near and y_ft <= court.CORNER_BREAK_Y_FT + near,
        7: y_ft >= HALF_COURT_Y_FT - near,
    }
    if not possible[zone]:
        raise OriginalRequestError(
            "Shot_Zone_Combined",
            f"{zone} ({ZONE_NAMES[zone]}), but the spot is {x_ft:.1f} ft across and {y_ft:.1f} ft out from the hoop",
            "Correct the locations (x is negative on the shooter's left) or the zone, or send zone 0.",
        )


def _number(values: Mapping[str, float], name: str, low: float, high: float, per_unit: float) -> float:
    """Return a value in our unit; limits are in it, messages in the client's."""
    value = _given(values, name)
    if not low * per_unit <= value <= high * per_unit:
        raise OriginalRequestError(
            name, f"must lie between {low * per_unit:g} and {high * per_unit:g}, not {value:g}", "Correct the value."
        )
    return value / per_unit


def _whole(values: Mapping[str, float], name: str, most: int) -> int:
    value = _given(values, name)
    if value != int(value) or not 0 <= value <= most:
        raise OriginalRequestError(name, f"must be a whole number from 0, not {value:g}", "Send 0 where unknown.")
    return int(value)


def _code(values: Mapping[str, float], name: str, known: Mapping[int, object]) -> int:
    value = _given(values, name)
    if value not in known:
        codes = ", ".join(map(str, known))
        raise OriginalRequestError(name, f"must be one of {codes}, not {value:g}", "Send 0 where none of them fits.")
    return int(value)


def _given(values: Mapping[str, float], name: str) -> float:
    value = values.get(name)
    # A comparison holds for whole numbers of any length, and for no infinity or not-a-number.
    if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) <= MAX_NUMBER:
        raise OriginalRequestError(name, "must be a finite number", f"Send all of {', '.join(FIELDS)}.")
    return value
