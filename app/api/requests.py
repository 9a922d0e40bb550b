"""What may be sent: the shape of requests, each field with its bounds. Bounds come from the tables' contracts.

Rules between fields (a three from under the basket, an event of another shot) are `serving.rules`'. An unknown player
or team breaks none: it is answered, and flagged.
"""

from __future__ import annotations

import datetime as dt
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, JsonValue

from parivision_assets.core import court
from parivision_assets.core.contracts import SHOTS
from parivision_assets.core.questions import GameQuestion, GameSoFar, ShotEvent, ShotQuestion
from parivision_assets.core.shot_rules import MAX_QUARTER, QUARTER_S
from parivision_assets.serving.rules import MAX_COUNT, MAX_LEAD_PTS, MAX_NUMBER, MAX_TEXT, QuestionError

MAX_BATCH = 1_000
SHOT_EXAMPLE: dict[str, JsonValue] = {
    "x_ft": -22.4,
    "y_ft": 3.5,
    "player_id": 201939,
    "team": "GSW",
    "opponent": "BOS",
    "is_home": True,
    "quarter": 4,
    "clock_s": 31,
    "fg_margin_pts": -2,
}
GAME_EXAMPLE: dict[str, JsonValue] = {"home_team": "BOS", "away_team": "GSW"}


def _bounded(name: str) -> Any:
    """Return an optional field described and bounded as the contract describes and bounds a column of shots."""
    column = SHOTS.column(name)
    words = f"{column.description}, in {column.unit}" if column.unit else column.description
    return Field(default=None, ge=column.minimum, le=column.maximum, description=words)


Number = Annotated[int, Field(ge=1, le=MAX_NUMBER)]
Code = Annotated[str, Field(pattern="^[A-Z]{3}$", description="Three capital letters; an unknown team is answered")]
Count = Annotated[int, Field(ge=0, le=MAX_COUNT)]
Language = Literal["en", "fr"]


class _Request(BaseModel):
    # Strict: what the OpenAPI document does not allow is refused rather than converted.
    model_config = ConfigDict(strict=True, extra="forbid", allow_inf_nan=False, frozen=True)


class GameSoFarRequest(_Request):
    """Field goals earlier in the game; each may be absent."""

    game_attempts: Count | None = Field(default=None, description="Both teams' earlier attempts")
    game_makes: Count | None = Field(default=None, description="Both teams' earlier makes")
    team_attempts: Count | None = Field(default=None, description="The shooting team's earlier attempts")
    team_makes: Count | None = Field(default=None, description="The shooting team's earlier makes")
    own_attempts: Count | None = Field(default=None, description="The shooter's earlier attempts")
    own_makes: Count | None = Field(default=None, description="The shooter's earlier makes")
    last_since_s: int | None = Field(
        default=None, ge=0, le=QUARTER_S, description="Seconds since the period's last shot"
    )
    last_same_team: bool | None = Field(default=None, description="Whether the shooter's team took the last shot")
    last_same_player: bool | None = Field(default=None, description="Whether the shooter took the last shot")
    last_made: bool | None = Field(default=None, description="Whether the last shot went in")
    last_distance_ft: float | None = Field(
        default=None, ge=0, le=court.MAX_DISTANCE_FT, description="Distance of the last shot, in ft"
    )
    own_last_made: bool | None = Field(default=None, description="Whether the shooter's last attempt went in")


class ShotEventRequest(_Request):
    """The shot of a real game that is about to be taken; a prediction with it is scored when its outcome is known."""

    game_id: Number = Field(description="Publisher's game number")
    game_date: dt.date = Field(description="Local date of the game")
    player_id: Number = Field(description="Publisher's player number")
    quarter: int = Field(ge=1, le=MAX_QUARTER, description="Period, overtime from 5")
    clock_s: int = Field(ge=0, le=QUARTER_S, description="Seconds left in the period")


class ShotRequest(_Request):
    """A shot. Only the spot is needed; whatever else is absent is withheld, and the probability says so much less."""

    model_config = ConfigDict(json_schema_extra={"examples": [SHOT_EXAMPLE, {"x_ft": 0, "y_ft": 15}]})

    x_ft: float = Field(
        ge=-court.HALF_WIDTH_FT,
        le=court.HALF_WIDTH_FT,
        description="Across the court from the hoop's centre, in ft, negative on the left as the shooter faces it",
    )
    y_ft: float = Field(
        ge=court.MIN_Y_FT, le=court.MAX_Y_FT, description="From the hoop's centre towards half-court, in ft"
    )
    player_id: Number | None = Field(default=None, description="The shooter; an unknown one is answered, and flagged")
    team: Code | None = Field(default=None, description="The shooter's team")
    opponent: Code | None = Field(default=None, description="The defending team")
    is_home: bool | None = Field(default=None, description="Whether the shooter's team plays at home")
    position_group: Literal["G", "F", "C"] | None = Field(default=None, description="Guard, forward or centre")
    quarter: int | None = _bounded("quarter")
    clock_s: int | None = _bounded("clock_s")
    fg_margin_pts: int | None = Field(
        default=None,
        ge=-MAX_LEAD_PTS,
        le=MAX_LEAD_PTS,
        description="Lead of the shooter's team, counting field goals only, in pts",
    )
    points_value: Literal[2, 3] | None = Field(
        default=None, description="Points if made; follows from the spot if absent"
    )
    action_type: str | None = Field(
        default=None,
        min_length=1,
        max_length=MAX_TEXT,
        description="The scorer's description, such as 'Driving Layup Shot'; with it the post-event model answers",
    )
    defender_distance_ft: float | None = _bounded("defender_distance_ft")
    shot_clock_s: float | None = _bounded("shot_clock_s")
    so_far: GameSoFarRequest | None = Field(default=None, description="What had happened earlier in the game")
    event: ShotEventRequest | None = Field(default=None, description="Names the shot, so that it is scored")
    explain: bool = Field(default=False, description="Whether to add each input's contribution")
    lang: Language = Field(default="en", description="Language of the explanation")

    def question(self) -> ShotQuestion:
        """Return what is asked."""
        so_far, event = self.so_far, self.event
        return ShotQuestion(
            x_ft=self.x_ft, y_ft=self.y_ft, player_id=self.player_id, team=self.team, opponent=self.opponent,
            is_home=self.is_home, position_group=self.position_group, quarter=self.quarter, clock_s=self.clock_s,
            fg_margin_pts=self.fg_margin_pts, points_value=self.points_value, action_type=self.action_type,
            defender_distance_ft=self.defender_distance_ft, shot_clock_s=self.shot_clock_s,
            so_far=None if so_far is None else GameSoFar(**dict(so_far)),
            event=None if event is None else ShotEvent(**dict(event)),
        )  # fmt: skip


class ShotBatch(_Request):
    """Up to 1,000 shots, answered in their order by one and the same state and champions."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"shots": [SHOT_EXAMPLE, {"x_ft": 0, "y_ft": 15}]}]})

    shots: list[ShotRequest] = Field(min_length=1, max_length=MAX_BATCH)


class GameRequest(_Request):
    """A game to come. `game_key` names a scheduled one, so that the prediction is scored."""

    model_config = ConfigDict(json_schema_extra={"examples": [GAME_EXAMPLE]})

    home_team: Code
    away_team: Code
    game_date: dt.date | None = Field(default=None, description="Local date; the state's own date if absent")
    is_playoffs: bool = Field(default=False, description="Whether it is a playoff game")
    game_key: str | None = Field(
        default=None,
        pattern=r"^[0-9]{4}-[0-9]{2}-[0-9]{2}_[A-Z]{3}_[A-Z]{3}$",
        description="date_AWAY_HOME, as GET /v1/games lists it",
    )
    explain: bool = Field(default=False, description="Whether to add each input's contribution")
    lang: Language = Field(default="en", description="Language of the explanation")

    def question(self) -> GameQuestion:
        """Return what is asked; a game's key says its date. Raises QuestionError where the two do not agree."""
        date = self.game_date
        if self.game_key is not None:
            day, away, home = self.game_key.split("_")
            said = day if date is None else date.isoformat()
            if (day, away, home) != (said, self.away_team, self.home_team):
                rule = "must agree with game_date, away_team and home_team"
                raise QuestionError("game_key", rule, "Send the key as GET /v1/games lists it, or leave it out.")
            try:
                date = dt.date.fromisoformat(day)
            except ValueError as error:
                raise QuestionError(
                    "game_key", "must begin with a date", "Send it as GET /v1/games lists it."
                ) from error
        return GameQuestion(self.home_team, self.away_team, date, self.is_playoffs, self.game_key)
