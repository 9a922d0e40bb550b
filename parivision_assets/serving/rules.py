"""Which questions can be answered: the rule of each field, in words, and what to do next.

Limits come from the contracts and the court; only what no contract knows is declared here. Answers are elsewhere.
"""

from __future__ import annotations

import datetime as dt
import math

from parivision_assets.core import court, in_game
from parivision_assets.core.contracts import SHOTS
from parivision_assets.core.questions import GameQuestion, GameSoFar, ShotEvent, ShotQuestion
from parivision_assets.core.shot_rules import MAX_QUARTER, MAX_TWO_FT, MIN_THREE_FT

RECORDED_WITHIN_FT = 1.0
"""Spots and recorded distances may differ by this much (`coordinates`), so that limits of the record do by as much."""
MAX_LEAD_PTS = 200
MAX_COUNT = 1_000
"""More shots than any game has had, by far."""
MAX_NUMBER = 2**63 - 1
MAX_TEXT = 100
SCORABLE_WITHIN_DAYS = 400
"""A season and a summer: no schedule reaches further, and nobody waits for an outcome that never comes."""

_COUNTS = (*in_game.COUNTS, "last_since_s")
_LIMITS = {
    name: (float(SHOTS.column(name).minimum or 0), float(SHOTS.column(name).maximum or 0))
    for name in ("defender_distance_ft", "shot_clock_s")
}
_PAIRS = (
    ("game_makes", "game_attempts"), ("team_makes", "team_attempts"), ("own_makes", "own_attempts"),
    ("own_attempts", "team_attempts"), ("own_makes", "team_makes"), ("team_attempts", "game_attempts"),
    ("team_makes", "game_makes"),
)  # fmt: skip
"""Counts of which the first is part of the second."""


class QuestionError(ValueError):
    """A question that cannot be answered: the field, the rule it breaks, and what to do next."""

    def __init__(self, field: str, rule: str, advice: str) -> None:
        """Keep the three parts; `field` is a path such as `so_far.own_makes`."""
        super().__init__(f"{field}: {rule}. {advice}")
        self.field, self.rule, self.advice = field, rule, advice
        self.place = 0
        """Which of the questions that were asked together it is."""


def check_shot(question: ShotQuestion, as_of: dt.date | None = None) -> None:
    """Raise QuestionError for the first rule that a question about a shot breaks; `as_of` is the state's."""
    x, y = question.x_ft, question.y_ft
    spot = "Give feet from the centre of the hoop, x negative on the shooter's left, y towards half-court."
    _number("x_ft", x, -court.HALF_WIDTH_FT, court.HALF_WIDTH_FT, spot)
    _number("y_ft", y, court.MIN_Y_FT, court.MAX_Y_FT, spot)
    _whole("player_id", question.player_id, 1, MAX_NUMBER)
    _text("team", question.team)
    _text("opponent", question.opponent)
    if question.team is not None and question.team == question.opponent:
        raise QuestionError("opponent", "must not be the shooter's own team", "Name the defending team.")
    _flag("is_home", question.is_home)
    if question.position_group not in {None, "G", "F", "C"}:
        raise QuestionError("position_group", "must be G, F or C", "Leave it out where it is not known.")
    _check_clock(question.quarter, question.clock_s, "")
    _whole("fg_margin_pts", question.fg_margin_pts, -MAX_LEAD_PTS, MAX_LEAD_PTS)
    _check_value(question.points_value, math.hypot(x, y))
    _text("action_type", question.action_type)
    for name, limits in _LIMITS.items():
        value = getattr(question, name)
        if value is not None:
            _number(name, value, *limits, "Leave it out where it is not known.")
    if question.so_far is not None:
        _check_so_far(question.so_far)
    if question.event is not None:
        _check_event(question.event, question)
        _check_scorable("event.game_date", question.event.game_date, as_of)


def check_game(question: GameQuestion, as_of: dt.date | None = None) -> None:
    """Raise QuestionError for the first rule that a question about a game breaks; `as_of` is the state's."""
    _text("home_team", question.home_team)
    _text("away_team", question.away_team)
    if question.home_team is not None and question.home_team == question.away_team:
        raise QuestionError("away_team", "must not be the home team", "Name two different teams.")
    _flag("is_playoffs", question.is_playoffs)
    _date("game_date", question.game_date)
    if question.game_key is not None and question.game_date is not None:
        _check_scorable("game_date", question.game_date, as_of)


def _check_scorable(name: str, date: dt.date, as_of: dt.date | None) -> None:
    if as_of is not None and abs((date - as_of).days) > SCORABLE_WITHIN_DAYS:
        raise QuestionError(
            name, f"must be within {SCORABLE_WITHIN_DAYS} days of {as_of}, the date of the state",
            "Give the game's own date, or ask without naming the event: such a question is answered and not scored.",
        )  # fmt: skip


def _check_value(points_value: int | None, distance_ft: float) -> None:
    _whole("points_value", points_value, 2, 3)
    least, most = MIN_THREE_FT - RECORDED_WITHIN_FT, MAX_TWO_FT + RECORDED_WITHIN_FT
    if points_value == 3 and distance_ft < least:
        raise QuestionError(
            "points_value", f"a three must be from {least:g} ft or more, this spot is {distance_ft:.1f} ft away",
            "Correct the spot or the value, or leave the value out: it follows from the spot.",
        )  # fmt: skip
    if points_value == 2 and distance_ft >= most:
        raise QuestionError(
            "points_value", f"a two must be from under {most:g} ft, this spot is {distance_ft:.1f} ft away",
            "Correct the spot or the value, or leave the value out: it follows from the spot.",
        )  # fmt: skip


def _check_clock(quarter: int | None, clock_s: int | None, path: str) -> None:
    _whole("quarter", quarter, 1, MAX_QUARTER, path=path)
    overtime = quarter is not None and quarter > in_game.REGULATION_PERIODS
    length = in_game.OVERTIME_S if overtime else in_game.PERIOD_S
    _whole("clock_s", clock_s, 0, length, "Give the seconds left in the period; an overtime has 300.", path)


def _check_so_far(so_far: GameSoFar) -> None:
    for name in _COUNTS:
        _whole(
            name, getattr(so_far, name), 0, in_game.PERIOD_S if name == "last_since_s" else MAX_COUNT, path="so_far."
        )
    for name in in_game.FLAGS:
        _flag(name, getattr(so_far, name), "so_far.")
    if so_far.last_distance_ft is not None:
        _number("so_far.last_distance_ft", so_far.last_distance_ft, 0, court.MAX_DISTANCE_FT, "Give feet.")
    for part, whole in _PAIRS:
        some, there = getattr(so_far, part), getattr(so_far, whole)
        if some is not None and there is not None and some > there:
            raise QuestionError(f"so_far.{part}", f"must not exceed {whole}", "Count field goals before the shot.")


def _check_event(event: ShotEvent, question: ShotQuestion) -> None:
    _whole("event.game_id", event.game_id, 1, MAX_NUMBER)
    _whole("event.player_id", event.player_id, 1, MAX_NUMBER)
    _date("event.game_date", event.game_date)
    _check_clock(event.quarter, event.clock_s, "event.")
    for name in ("player_id", "quarter", "clock_s"):
        asked, named = getattr(question, name), getattr(event, name)
        if asked is not None and asked != named:
            raise QuestionError(f"event.{name}", f"must be the question's own {name}", "Ask about the event's shot.")


def _number(name: str, value: float, low: float, high: float, advice: str) -> None:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise QuestionError(name, "must be a finite number", advice)
    if not low <= value <= high:
        raise QuestionError(name, f"must lie between {low:g} and {high:g}", advice)


def _whole(
    name: str, value: int | None, low: int, high: int, advice: str = "Leave it out where unknown.", path: str = ""
) -> None:
    if value is None:
        return
    if isinstance(value, bool) or not isinstance(value, int):
        raise QuestionError(path + name, "must be a whole number", advice)
    if not low <= value <= high:
        raise QuestionError(path + name, f"must be {low} to {high}", advice)


def _flag(name: str, value: bool | None, path: str = "") -> None:
    if value is not None and not isinstance(value, bool):
        raise QuestionError(path + name, "must be true or false", "Leave it out where it is not known.")


def _text(name: str, value: str | None) -> None:
    if value is not None and not (isinstance(value, str) and value.strip() and len(value) <= MAX_TEXT):
        raise QuestionError(name, f"must be text of 1 to {MAX_TEXT} characters", "Leave it out where it is not known.")


def _date(name: str, value: dt.date | None) -> None:
    if value is not None and (not isinstance(value, dt.date) or isinstance(value, dt.datetime)):
        raise QuestionError(name, "must be a date", "Write YYYY-MM-DD.")
