"""What one row of the shots archive may not be: each rule with the column to look at and what to do next.

Rules read the published columns and the parsed ones that `shots` puts beside them (names beginning with `_`).
"""

from __future__ import annotations

from collections.abc import Collection

import polars as pl

from parivision_assets.core import contracts, coordinates, court
from parivision_assets.core.row_rules import RowRule

QUARTER_S = 720
OVERTIME_S = 300
MAX_QUARTER = 14
MIN_THREE_FT = 21.0
"""A three is taken from 22 ft or more; a recorded spot may be a foot short (archives' real threes: 99.99 %)."""
MAX_TWO_FT = 25.0
"""A two ends at 23.75 ft; a recorded spot may be a foot and a bit too far."""

_CORRECT = "Correct the row in the publisher's file and land it again, or release it from quarantine."
_TEAM = "Add the team to core/shot_teams.py or correct the row and land it again."
_UNPROVEN = "No declared repair explains this game's coordinates: ask the publisher, then land the game again."


def _absent(*columns: str) -> list[RowRule]:
    return [RowRule(f"{c} must be present", c, pl.col(c).is_null(), _CORRECT) for c in columns]


def _outside(column: str, allowed: tuple[str, ...]) -> RowRule:
    broken = pl.col(column).is_null() | ~pl.col(column).is_in(list(allowed))
    return RowRule(f"{column} must be one of the declared labels", column, broken, _CORRECT)


def _identity_rules() -> list[RowRule]:
    number, season = pl.col("GAME_ID"), pl.col("SEASON_1")
    # A year that no calendar holds would end the whole file; its own rule refuses the row.
    year = season.clip(1947, 2100)
    first, last = pl.date(year - 1, 9, 1), pl.date(year, 10, 31)
    in_season = pl.col("_date").is_between(first, last)
    return [
        RowRule("season must be a year", "SEASON_1", ~season.is_between(1947, 2100).fill_null(value=False), _CORRECT),
        RowRule("date must be MM-DD-YYYY", "GAME_DATE", pl.col("_date").is_null(), _CORRECT),
        RowRule("date must lie in the row's season", "GAME_DATE", ~in_season, _CORRECT),
        RowRule("game number must be positive", "GAME_ID", ~(number > 0).fill_null(value=False), _CORRECT),
        RowRule(
            "player number must be positive", "PLAYER_ID", ~(pl.col("PLAYER_ID") > 0).fill_null(value=False), _CORRECT
        ),
        *_absent("PLAYER_NAME", "ACTION_TYPE"),
    ]


def _team_rules() -> list[RowRule]:
    team, name = pl.col("_team"), pl.col("_named_team")
    home, away = pl.col("_home"), pl.col("_away")
    return [
        RowRule("team must be known", "TEAM_NAME", team.is_null(), _TEAM),
        RowRule("team number and name must agree", "TEAM_NAME", name.is_not_null() & (name != team), _CORRECT),
        RowRule("home team must be known", "HOME_TEAM", home.is_null(), _TEAM),
        RowRule("away team must be known", "AWAY_TEAM", away.is_null() | (home == away), _TEAM),
        RowRule("row must share its game's date and teams", "GAME_ID", pl.col("_is_stray"), _CORRECT),
        RowRule("shooting team must play in the game", "TEAM_NAME", (team != home) & (team != away), _CORRECT),
    ]


def _clock_rules() -> list[RowRule]:
    quarter, minutes, seconds = pl.col("QUARTER"), pl.col("MINS_LEFT"), pl.col("SECS_LEFT")
    length = pl.when(quarter > 4).then(OVERTIME_S).otherwise(QUARTER_S)

    def between(value: pl.Expr, low: int, high: int) -> pl.Expr:
        return ~value.is_between(low, high).fill_null(value=False)

    return [
        RowRule(f"period must be 1 to {MAX_QUARTER}", "QUARTER", between(quarter, 1, MAX_QUARTER), _CORRECT),
        RowRule("minutes left must be 0 to 12", "MINS_LEFT", between(minutes, 0, 12), _CORRECT),
        RowRule("seconds left must be 0 to 59", "SECS_LEFT", between(seconds, 0, 59), _CORRECT),
        RowRule("clock must fit in the period", "MINS_LEFT", minutes * 60 + seconds > length, _CORRECT),
    ]


def _label_rules() -> list[RowRule]:
    made, event = pl.col("SHOT_MADE"), pl.col("EVENT_TYPE")
    says_made = pl.when(event == "Made Shot").then(statement=True).when(event == "Missed Shot").then(statement=False)
    kinds = ("2PT Field Goal", "3PT Field Goal")
    is_three, distance = pl.col("SHOT_TYPE") == kinds[1], pl.col("SHOT_DISTANCE")
    return [
        *_absent("SHOT_MADE"),
        RowRule("event must be Made Shot or Missed Shot", "EVENT_TYPE", says_made.is_null(), _CORRECT),
        RowRule("event type must agree with SHOT_MADE", "EVENT_TYPE", says_made != made, _CORRECT),
        _outside("SHOT_TYPE", kinds),
        _outside("BASIC_ZONE", contracts.ZONES),
        _outside("ZONE_NAME", contracts.SIDES),
        _outside("ZONE_RANGE", contracts.RANGES),
        RowRule(
            "distance must be 0 to 95 ft", "SHOT_DISTANCE", ~distance.is_between(0, 95).fill_null(value=False), _CORRECT
        ),
        RowRule(
            f"a three must be from {MIN_THREE_FT:g} ft or more",
            "SHOT_TYPE",
            is_three & (distance < MIN_THREE_FT),
            _CORRECT,
        ),
        RowRule(
            f"a two must be from under {MAX_TWO_FT:g} ft", "SHOT_TYPE", ~is_three & (distance >= MAX_TWO_FT), _CORRECT
        ),
    ]


def _coordinate_rules() -> list[RowRule]:
    x, y = pl.col("_x_ft"), pl.col("_y_ft")
    off_x = ~x.is_between(-court.HALF_WIDTH_FT, court.HALF_WIDTH_FT).fill_null(value=False)
    off_y = ~y.is_between(court.MIN_Y_FT, court.MAX_Y_FT).fill_null(value=False)
    near = coordinates.agrees_with_distance(x, y, pl.col("SHOT_DISTANCE")).fill_null(value=False)
    return [
        RowRule("spot must lie on the court (x)", "LOC_X", off_x, _CORRECT),
        RowRule("spot must lie on the court (y)", "LOC_Y", off_y, _CORRECT),
        RowRule(UNPROVEN_RULE, "LOC_X", pl.col("_repair") == coordinates.UNPROVEN, _UNPROVEN),
        RowRule("coordinates must agree with SHOT_DISTANCE within 1 ft", "SHOT_DISTANCE", ~near, _CORRECT),
        RowRule(
            "coordinates must lie on the labelled side",
            "ZONE_NAME",
            ~coordinates.agrees_with_side(x, pl.col("ZONE_NAME")),
            _CORRECT,
        ),
    ]


UNPROVEN_RULE = "game's coordinates must be proven by distance and side"

SHOT_RULES: tuple[RowRule, ...] = (
    *_identity_rules(),
    *_team_rules(),
    *_clock_rules(),
    *_label_rules(),
    *_coordinate_rules(),
)
"""In the order in which a row is judged: the first rule that it breaks is the one it is quarantined for."""

RELEASABLE = frozenset(
    {
        "team number and name must agree",
        f"a three must be from {MIN_THREE_FT:g} ft or more",
        f"a two must be from under {MAX_TWO_FT:g} ft",
        "coordinates must agree with SHOT_DISTANCE within 1 ft",
        "coordinates must lie on the labelled side",
    }
)
"""Rules whose rows still keep the contract; what breaks another rule has no place among canonical shots."""


def rules_without(released: Collection[str]) -> tuple[RowRule, ...]:
    """Return the rules but the released ones; raise ValueError naming a rule that is unknown or not releasable."""
    unknown = sorted(set(released) - RELEASABLE)
    if unknown:
        raise ValueError(
            f"shots: cannot release {', '.join(unknown)}; rules that can be released: {', '.join(sorted(RELEASABLE))}"
        )
    return tuple(rule for rule in SHOT_RULES if rule.name not in released)
