"""Who has been shooting for a team lately, against who usually does: injuries, trades and rest, from the shots alone.

No line-up is published before a game; those who took a shot in the last games are the next best thing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

VALUE_MEMORY = 0.985
ROSTER_MEMORY = 0.97
NEW_PLAYER_PTS = 1.0
"""Weight of the past per game in a player's scoring and in a team's usual roster, and where a player's scoring starts;
tuned on 2008-2015."""

WINDOWS = (1, 3)
"""Games over which the players who took part are counted."""

WARM_UP_GAMES = 10
"""Games after which a team's usual roster means something, at first and after a season without shots."""

GAP_DAYS = 300
PLAYER_GAP_DAYS = 800


@dataclass
class Player:
    """A shooter's usual field-goal points per game, and the day last seen."""

    points: float
    day: int


@dataclass
class Roster:
    """One team's shooters: the last games' line-ups, and the points they usually score, now and over the long run."""

    lineups: list[list[int]] = field(default_factory=list)
    day: int | None = None
    season: int | None = None
    games: int = 0
    now_pts: list[float] = field(default_factory=list)
    usual_pts: list[float] = field(default_factory=list)

    def change_pts(self) -> list[float]:
        """Return, per window, how much more usual scoring takes part now than over the long run."""
        return [now - usual for now, usual in zip(self.now_pts, self.usual_pts, strict=True)]

    def is_known(self, season: int | None) -> bool:
        """Return whether shots of this season are there and the usual roster rests on enough games."""
        return self.season == season and self.games >= WARM_UP_GAMES


def remember(
    roster: Roster, players: dict[int, Player], scored: Mapping[int, float], season: int | None, day: int
) -> None:
    """Let a team's roster and its players learn one game, in place; `scored` is field-goal points per shooter."""
    if not scored:
        return
    if roster.day is not None and day - roster.day > GAP_DAYS:
        roster.lineups, roster.usual_pts, roster.games = [], [], 0
    for number, points in sorted(scored.items()):
        usual = players[number].points if number in players else NEW_PLAYER_PTS
        players[number] = Player(VALUE_MEMORY * usual + (1.0 - VALUE_MEMORY) * points, day)
    roster.lineups = [*roster.lineups, sorted(scored)][-max(WINDOWS) :]
    roster.day, roster.season, roster.games = day, season, roster.games + 1
    roster.now_pts = [_mean_points(players, roster.lineups[-window:]) for window in WINDOWS]
    before = roster.usual_pts or roster.now_pts
    roster.usual_pts = [
        ROSTER_MEMORY * was + (1.0 - ROSTER_MEMORY) * now for was, now in zip(before, roster.now_pts, strict=True)
    ]


def forget(players: Mapping[int, Player], day: int) -> dict[int, Player]:
    """Return the players seen within PLAYER_GAP_DAYS."""
    return {number: player for number, player in players.items() if day - player.day <= PLAYER_GAP_DAYS}


def _mean_points(players: Mapping[int, Player], lineups: Sequence[Sequence[int]]) -> float:
    totals = [sum(players[number].points for number in lineup if number in players) for lineup in lineups]
    return sum(totals) / len(totals)
