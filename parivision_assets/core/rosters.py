"""Who has been shooting for a team lately, against who usually does: injuries, trades and rest, from the shots alone.

No line-up is published before a game; those who took a shot in the last games are the next best thing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

VALUE_MEMORY = 0.985
ROSTER_MEMORY = 0.97
NEW_PLAYER_PTS = 1.0
"""Weight of the past per game in a player's scoring and in a team's usual roster, and where a player's scoring starts;
tuned on 2008-2015."""

WINDOWS = (1, 3)
"""Games over which the players who took part are counted."""

WARM_UP_GAMES = 10
"""Games after which a team's usual roster means something, at first and after a season without shots."""

SMALLEST_SHARE = 0.01
GAP_DAYS = 300
PLAYER_GAP_DAYS = 800


@dataclass
class Player:
    """A shooter's usual field-goal points per game, and the day last seen."""

    points: float
    day: int


@dataclass
class Roster:
    """One team's shooters: the last games' line-ups, the share of games each usually takes part in, and the change.

    `change_pts` holds, per window, how much more of the usual scoring took part in the last games than usually does.
    """

    lineups: list[list[int]] = field(default_factory=list)
    day: int | None = None
    season: int | None = None
    games: int = 0
    shares: dict[int, float] = field(default_factory=dict)
    change_pts: list[float] = field(default_factory=list)

    def is_known(self, season: int | None) -> bool:
        """Return whether shots of this season are there and the usual roster rests on enough games."""
        return self.season == season and self.games >= WARM_UP_GAMES

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Roster:
        """Return the roster that `dataclasses.asdict` and JSON wrote."""
        return cls(**{**values, "shares": {int(number): share for number, share in values["shares"].items()}})


def remember(
    roster: Roster, players: dict[int, Player], scored: Mapping[int, float], season: int | None, day: int
) -> None:
    """Let a team's roster and its players learn one game, in place; `scored` is field-goal points per shooter."""
    if not scored:
        return
    if roster.day is not None and day - roster.day > GAP_DAYS:
        roster.lineups, roster.shares, roster.games = [], {}, 0
    for number, points in sorted(scored.items()):
        usual = players[number].points if number in players else NEW_PLAYER_PTS
        players[number] = Player(VALUE_MEMORY * usual + (1.0 - VALUE_MEMORY) * points, day)
    roster.games += 1
    # The first games weigh equally, until the long memory takes over.
    gain = max(1.0 / roster.games, 1.0 - ROSTER_MEMORY)
    numbers = sorted({*roster.shares, *scored})
    shares = {n: (1.0 - gain) * roster.shares.get(n, 0.0) + gain * float(n in scored) for n in numbers}
    roster.shares = {number: share for number, share in shares.items() if share >= SMALLEST_SHARE}
    roster.lineups = [*roster.lineups, sorted(scored)][-max(WINDOWS) :]
    roster.day, roster.season = day, season
    usual_pts = sum(share * _points(players, number) for number, share in roster.shares.items())
    roster.change_pts = [_mean_points(players, roster.lineups[-window:]) - usual_pts for window in WINDOWS]


def forget(players: Mapping[int, Player], day: int) -> dict[int, Player]:
    """Return the players seen within PLAYER_GAP_DAYS."""
    return {number: player for number, player in players.items() if day - player.day <= PLAYER_GAP_DAYS}


def _points(players: Mapping[int, Player], number: int) -> float:
    return players[number].points if number in players else NEW_PLAYER_PTS


def _mean_points(players: Mapping[int, Player], lineups: Sequence[Sequence[int]]) -> float:
    return sum(_points(players, number) for lineup in lineups for number in lineup) / len(lineups)
