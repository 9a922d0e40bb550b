"""What may be asked of a champion and what it answers: questions about shots and games, and answers.

How a question becomes features is in `shot_features` and `game_features`; who answers is `serving`.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class GameSoFar:
    """What had happened in the game before the shot; the names and units of `in_game.COLUMNS`."""

    game_attempts: int | None = None
    game_makes: int | None = None
    team_attempts: int | None = None
    team_makes: int | None = None
    own_attempts: int | None = None
    own_makes: int | None = None
    last_since_s: int | None = None
    last_same_team: bool | None = None
    last_same_player: bool | None = None
    last_made: bool | None = None
    last_distance_ft: float | None = None
    own_last_made: bool | None = None


@dataclass(frozen=True, slots=True)
class ShotEvent:
    """A shot of a real game that is about to be taken: only such a question is scored when its outcome is known."""

    game_id: int
    game_date: dt.date
    player_id: int
    quarter: int
    clock_s: int

    @property
    def key(self) -> str:
        """Return the event as text, the way the prediction log and its outcomes name it."""
        return f"{self.game_id}/{self.player_id}/{self.quarter}/{self.clock_s}"


@dataclass(frozen=True, slots=True)
class ShotQuestion:
    """Will this shot go in? Only the spot is needed, in feet from the hoop's centre (x negative on the left).

    Whatever else is None is withheld. With an action type the post-event champion answers, otherwise the pre-release.
    """

    x_ft: float
    y_ft: float
    player_id: int | None = None
    team: str | None = None
    opponent: str | None = None
    is_home: bool | None = None
    position_group: str | None = None
    quarter: int | None = None
    clock_s: int | None = None
    fg_margin_pts: int | None = None
    points_value: int | None = None
    action_type: str | None = None
    defender_distance_ft: float | None = None
    shot_clock_s: float | None = None
    so_far: GameSoFar | None = None
    event: ShotEvent | None = None


@dataclass(frozen=True, slots=True)
class GameQuestion:
    """Will the home team win? Any two teams on any date that the state does not know yet."""

    home_team: str | None
    away_team: str | None
    game_date: dt.date | None = None
    is_playoffs: bool = False
    game_key: str | None = None
    """Names a scheduled game: the question is then scored when its result is known."""


@dataclass(frozen=True, slots=True)
class Answer:
    """A probability and everything needed to check it later."""

    target: str
    probability: float
    low: float
    high: float
    """Ends of the 90 % interval for the true probability."""
    points_value: int | None
    """Points if made; None for a game."""
    is_known: bool | None
    """Whether the shooter (or both teams) has a memory in the state; None when nobody was named."""
    flags: tuple[str, ...]
    """What a reader should know: `unknown_player`, `unknown_team`, `unseen_action`, `stale_state`, …"""
    model: str
    """Digest of the champion's bundle."""
    decision: int
    """Number of the ledger's entry by which that bundle is champion."""
    state: str
    """Digest of the serving state."""
    as_of: dt.date
    """Newest date whose outcomes the answer may know."""
    features: bytes
    """The model's row as little-endian float32 in the order of its encoder's names, NaN where withheld."""

    @property
    def expected_points(self) -> float | None:
        """Return points times probability; None for a game."""
        return None if self.points_value is None else self.points_value * self.probability
