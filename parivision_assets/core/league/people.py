"""Teams and players: names that belong to nobody, latent strengths and skills, and how they change over the years."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from parivision_assets.core.contracts import TEAMS
from parivision_assets.core.league import marginals
from parivision_assets.core.league.config import LeagueConfig
from parivision_assets.core.league.draws import Floats, Ints, Stream, floats

ROSTER_POSITIONS = (0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 2, 2, 2)
"""Positions of a roster's 13 places: five guards, five forwards, three centres, in order of use."""
_ROSTER_USE = np.array([1.7, 1.35, 1.0, 0.65, 0.35, 1.4, 1.1, 0.8, 0.5, 0.3, 0.9, 0.5, 0.25])
POSITION_WORDS = ("Guard", "Forward", "Center")
_SUBPOSITIONS = (("PG", "SG"), ("SF", "PF"), ("C", "C"))
FIRST_PLAYER_ID = 1_900_001

STRENGTH_SD_PTS = 4.0
"""Spread of team strength, points per game, exactly so in the first season whatever the seed."""
CARRY_OVER_SD_PTS = 0.30
IN_SEASON_SD_PTS = 0.20
DEPARTURE_SHARE = 0.09
TRADE_SHARE = 0.04

OVERALL_SD, FAMILY_SD = 0.09, np.array([0.17, 0.10, 0.09, 0.09])
"""Individual spread in logits: overall, and for rim, paint, mid-range and three."""
POSITION_SKILL = np.array([[-0.10, -0.02, 0.04, 0.03], [0.02, -0.02, -0.03, -0.01], [0.22, 0.10, 0.02, -0.06]])
YEARLY_SKILL_SD = 0.03
MIX_SD = 0.35

CONFERENCES = (
    ("ATL", "BOS", "BKN", "CHA", "CHI", "CLE", "DET", "IND", "MIA", "MIL", "NYK", "ORL", "PHI", "TOR", "WAS"),
    ("DAL", "DEN", "GSW", "HOU", "LAC", "LAL", "MEM", "MIN", "NOP", "OKC", "PHX", "POR", "SAC", "SAS", "UTA"),
)  # fmt: skip


def team_codes(teams: int) -> tuple[str, ...]:
    """Return the league's teams, east and west by turns, so that equal parity means one conference."""
    both = [code for pair in zip(*CONFERENCES, strict=True) for code in pair]
    if sorted(both) != list(TEAMS):
        raise ValueError("conferences and contracts.TEAMS disagree")
    return tuple(both[:teams])


@dataclass(frozen=True)
class Players:
    """Everybody who ever plays: arrays over players, one row per person."""

    names: tuple[str, ...]
    position: Ints
    subposition: tuple[str, ...]

    @property
    def ids(self) -> Ints:
        """Return the published numbers."""
        return FIRST_PLAYER_ID + np.arange(len(self.names))


@dataclass(frozen=True)
class SeasonCast:
    """One season's rosters, skills and team strengths.

    `roster` (teams, places): player index. `usage` (teams, places): share of the team's shots when all play.
    `mix` (players, zones): shares of each player's shots, levelled so that no team's taste for a zone looks like
    strength. `skill` (players, 4 families): logits, centred so that a team's usage-weighted mean is that of average
    players of its positions.
    `offence`, `defence` (teams, days): points per game relative to the league, one column per day of the season.
    """

    roster: Ints
    usage: Floats
    mix: Floats
    skill: Floats
    offence: Floats
    defence: Floats


class _Registry:
    """Names and positions of players as they join."""

    def __init__(self, codes: tuple[str, ...]) -> None:
        self.codes = codes
        self.names: list[str] = []
        self.position: list[int] = []
        self._numbers: dict[tuple[int, int], int] = {}

    def join(self, team: int, position: int) -> int:
        number = self._numbers.get((team, position), 0) + 1
        self._numbers[team, position] = number
        self.names.append(f"{self.codes[team]} {POSITION_WORDS[position]} {number:02d}")
        self.position.append(position)
        return len(self.names) - 1


def cast_league(config: LeagueConfig, season_days: int) -> tuple[Players, dict[int, SeasonCast]]:
    """Return all players, and per season its cast; `season_days` columns of daily team strength."""
    registry = _Registry(team_codes(config.teams))
    rosters = _rosters(config, registry)
    position = np.array(registry.position)
    count = len(position)
    # One row of draws per player, so that a longer league begins with the same people.
    traits = Stream(config.seed, "players").normal(count, 12)
    skill = OVERALL_SD * traits[:, :1] + FAMILY_SD * traits[:, 1:5] + POSITION_SKILL[position]
    mix = np.array(marginals.ZONE_MIX_BY_POSITION)[position] * np.exp(MIX_SD * traits[:, 5:])
    mix = np.round(mix / mix.sum(axis=1, keepdims=True), 9)
    sub = Stream(config.seed, "subpositions").uniform(count) < 0.5
    subposition = tuple(_SUBPOSITIONS[p][int(s)] for p, s in zip(position.tolist(), sub.tolist(), strict=True))
    players = Players(tuple(registry.names), position, subposition)
    strengths = _strengths(config, season_days)
    casts = {}
    for season in config.season_numbers:
        skill = skill + YEARLY_SKILL_SD * Stream(config.seed, "aging", season).normal(count, 4)
        usage = _usage(config, season)
        roster = rosters[season]
        levelled = _levelled(mix, roster, usage)
        casts[season] = SeasonCast(
            roster, usage, levelled, _centred(skill, levelled, roster, usage), *strengths[season]
        )
    return players, casts


def _rosters(config: LeagueConfig, registry: _Registry) -> dict[int, Ints]:
    """Return per season the players in each place; some leave and are replaced by rookies, some are traded."""
    teams, places = config.teams, len(ROSTER_POSITIONS)
    current = np.array([[registry.join(t, p) for p in ROSTER_POSITIONS] for t in range(teams)])
    rosters = {config.first_season: current.copy()}
    for season in config.season_numbers[1:]:
        stream = Stream(config.seed, "moves", season)
        leaves = stream.uniform(teams, places) < DEPARTURE_SHARE
        for team, place in np.argwhere(leaves).tolist():
            current[team, place] = registry.join(team, ROSTER_POSITIONS[place])
        traded = np.argwhere(stream.uniform(teams, places) < TRADE_SHARE)
        partners = (stream.uniform(len(traded)) * teams).astype(np.int64)
        for (team, place), other in zip(traded.tolist(), partners.tolist(), strict=True):
            current[team, place], current[other, place] = current[other, place], current[team, place]
        rosters[season] = current.copy()
    return rosters


def _usage(config: LeagueConfig, season: int) -> Floats:
    spread = 0.85 + 0.3 * Stream(config.seed, "usage", season).uniform(config.teams, len(ROSTER_POSITIONS))
    weights = _ROSTER_USE * spread
    return floats(np.round(weights / weights.sum(axis=1, keepdims=True), 9))


def _levelled(mix: Floats, roster: Ints, usage: Floats) -> Floats:
    """Return tastes raked, team by team, to the mix of a roster of average players: three rounds come close enough."""
    average = np.array(marginals.ZONE_MIX_BY_POSITION)[np.array(ROSTER_POSITIONS)]
    result = mix.copy()
    for team, members in enumerate(roster):
        target = usage[team] @ average
        for _ in range(3):
            raked = result[members] * target / (usage[team] @ result[members])
            result[members] = raked / raked.sum(axis=1, keepdims=True)
    return np.round(result, 9)


def _centred(skill: Floats, mix: Floats, roster: Ints, usage: Floats) -> Floats:
    """Return skills shifted by one constant per team and family: strength belongs to the team, not to its sum."""
    family_share = np.stack([mix[:, 0], mix[:, 1], mix[:, 2], mix[:, 3] + mix[:, 4] + mix[:, 5] + mix[:, 6]], axis=1)
    position_mean = POSITION_SKILL[np.array(ROSTER_POSITIONS)]
    result = skill.copy()
    for team in range(len(roster)):
        members = roster[team]
        weights = usage[team][:, None] * family_share[members]
        mean = ((skill[members] - position_mean) * weights).sum(axis=0) / weights.sum(axis=0)
        result[members] = np.round(skill[members] - mean, 6)
    return result


def _strengths(config: LeagueConfig, days: int) -> dict[int, tuple[Floats, Floats]]:
    """Return per season the offence and defence of each team by day: carried over, drifting slowly."""
    stream = Stream(config.seed, "strength")
    level = stream.normal(2, config.teams)
    level = level - level.mean(axis=1, keepdims=True)
    level = level * STRENGTH_SD_PTS / level.sum(axis=0).std()
    result = {}
    for season in config.season_numbers:
        walk = Stream(config.seed, "form", season).normal(2, config.teams, days)
        path = np.round(level[:, :, None] + IN_SEASON_SD_PTS / days**0.5 * np.cumsum(walk, axis=2), 6)
        result[season] = (path[0], path[1])
        change = Stream(config.seed, "summer", season).normal(2, config.teams)
        level = 0.985 * path[:, :, -1] + CARRY_OVER_SD_PTS * change
    return result
