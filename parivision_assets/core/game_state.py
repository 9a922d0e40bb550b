"""Everything the platform remembers about teams as of a day, and what it says about any two teams on any later date.

Training and serving run the same two steps over the same state: `describe` a day's games from what was known the day
before, then `absorb` their results. So a served row equals the training row, and a game never sees its own date.
Which of the described values a model uses is declared in `game_features`.
"""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Mapping, Sequence
from copy import deepcopy
from dataclasses import asdict, dataclass, field
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt

from parivision_assets.core import ratings, rosters
from parivision_assets.core.ratings import MarginRatings, Meeting
from parivision_assets.core.rosters import Player, Roster
from parivision_assets.core.team_codes import ARENAS

Vector = npt.NDArray[np.float64]
Values = dict[str, Any]

EPOCH = dt.date(1970, 1, 1)
EARTH_RADIUS_KM = 6371.0

NEUTRAL_PERIODS = ((dt.date(2020, 7, 1), dt.date(2020, 10, 31)),)
"""Seasons played on one neutral floor: the 2020 restart in Orlando. The schedule said so beforehand."""

FORM_MEMORY = 0.9
"""Weight of the past per game in a team's form."""

DATES_KEPT = 8
SHOT_LUCK_SHARE = 0.3
"""Share of the points made from three beyond expectation that is taken out of a margin as luck; tuned on 2008-2015."""

RATINGS = {
    "season": ratings.SEASON_RATINGS,
    "recent": ratings.RECENT_RATINGS,
    "shot": ratings.SEASON_RATINGS,
}


@dataclass(frozen=True)
class Fixture:
    """A game to come: what the schedule says."""

    season: int
    game_date: dt.date
    home_team: str | None
    away_team: str | None
    is_playoffs: bool = False


@dataclass(frozen=True)
class Result:
    """A game played: its fixture, the home margin, and what its shots add where they are known.

    `shot_luck_pts` is home minus away points from threes beyond expectation; `scorers` holds, for home and away, each
    shooter's field-goal points.
    """

    fixture: Fixture
    home_margin_pts: float
    shot_luck_pts: float | None = None
    scorers: tuple[Mapping[int, float], Mapping[int, float]] | None = None


@dataclass
class TeamMemory:
    """What one team has done: this season's dates and results, and who shot for it lately."""

    days: list[int] = field(default_factory=list)
    place: str | None = None
    games: int = 0
    wins: int = 0
    form: float = 0.0
    roster: Roster = field(default_factory=Roster)


@dataclass
class GameState:
    """All memories as of the last absorbed day; compact, and written by `to_dict` in plain JSON values."""

    season: int | None = None
    day: int | None = None
    season_start: int | None = None
    elo: Vector = field(default_factory=lambda: np.full(ratings.TEAM_COUNT, ratings.ELO_START))
    margins: dict[str, MarginRatings] = field(
        default_factory=lambda: {name: MarginRatings.start(settings) for name, settings in RATINGS.items()}
    )
    teams: dict[str, TeamMemory] = field(default_factory=lambda: {team: TeamMemory() for team in ARENAS})
    series: dict[str, list[float]] = field(default_factory=dict)
    players: dict[int, Player] = field(default_factory=dict)

    def copy(self) -> GameState:
        """Return a state that can move on without changing this one."""
        return deepcopy(self)

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON values; floats survive the round trip bit for bit."""
        margins = {
            name: {**vars(one), "mean": one.mean.tolist(), "covariance": one.covariance.tolist()}
            for name, one in self.margins.items()
        }
        return {
            "season": self.season,
            "day": self.day,
            "season_start": self.season_start,
            "elo": self.elo.tolist(),
            "margins": margins,
            "teams": {team: asdict(memory) for team, memory in self.teams.items()},
            "series": self.series,
            "players": {str(number): asdict(player) for number, player in self.players.items()},
        }

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> GameState:
        """Return the state that `to_dict` wrote."""
        margins = {
            name: MarginRatings(
                np.array(one["mean"]), np.array(one["covariance"]), one["noise_variance"], one["season"], one["day"]
            )
            for name, one in values["margins"].items()
        }
        return cls(
            season=values["season"],
            day=values["day"],
            season_start=values["season_start"],
            elo=np.array(values["elo"]),
            margins=margins,
            teams={
                team: TeamMemory(**{**memory, "roster": Roster.from_dict(memory["roster"])})
                for team, memory in values["teams"].items()
            },
            series={key: list(one) for key, one in values["series"].items()},
            players={int(number): Player(**player) for number, player in values["players"].items()},
        )


def day_number(date: dt.date) -> int:
    """Return days since 1970-01-01."""
    return (date - EPOCH).days


def is_neutral(date: dt.date) -> bool:
    """Return whether games of a date are played on a neutral floor."""
    return any(first <= date <= last for first, last in NEUTRAL_PERIODS)


def morning(state: GameState, season: int, date: dt.date) -> GameState:
    """Return the state on the morning of a date: a new season regresses ratings and forgets its schedule.

    Raises ValueError if the date is not after every absorbed game: a game may not be described after the fact.
    """
    day = day_number(date)
    if state.day is not None and day <= state.day:
        newest = EPOCH + dt.timedelta(days=state.day)
        raise ValueError(f"{date} is not after {newest}, the newest game this state knows; use an older state")
    fresh = state.copy()
    turn_to(fresh, season, day)
    return fresh


def describe(state: GameState, fixture: Fixture) -> Values:
    """Return what a `morning` state says about one fixture, by name; None where it says nothing.

    An unknown team (None) leaves every value that needs it None.
    """
    date, day = fixture.game_date, day_number(fixture.game_date)
    neutral = is_neutral(date)
    started = day if state.season_start is None else state.season_start
    values: Values = {
        "league_home_edge_pts": ratings.home_edge_pts(state.margins["season"], None, neutral),
        "is_neutral": neutral,
        "is_playoffs": fixture.is_playoffs,
        "season_day": day - started,
    }
    home, away = fixture.home_team, fixture.away_team
    if home is None or away is None:
        return values
    values |= _strength(state, home, away, neutral)
    values |= _schedule(state.teams[home], home, home, day, neutral, "home")
    values |= _schedule(state.teams[away], away, home, day, neutral, "away")
    values["fatigue_edge_pts"] = ratings.fatigue_edge_pts(state.margins["season"], _meeting(state, fixture))
    values["altitude_gain_m"] = 0.0 if neutral else ARENAS[home].altitude_m - ARENAS[away].altitude_m
    if fixture.is_playoffs:
        values |= _series(state, home, away)
    values |= _roster_edges(state, home, away, fixture.is_playoffs)
    return values


def absorb(state: GameState, results: Sequence[Result]) -> None:
    """Let a `morning` state learn one day's results, all of one season and date, in place."""
    meetings, margins, adjusted = [], [], []
    for result in results:
        home, away = str(result.fixture.home_team), str(result.fixture.away_team)
        meetings.append(_meeting(state, result.fixture))
        margins.append(result.home_margin_pts)
        adjusted.append(result.home_margin_pts - SHOT_LUCK_SHARE * (result.shot_luck_pts or 0.0))
        _learn_result(state, result, home, away)
    for name, settings in RATINGS.items():
        seen = np.array(adjusted if name == "shot" else margins)
        state.margins[name] = ratings.updated(state.margins[name], settings, meetings, seen)
    for result in results:
        _remember_date(state, result)
    if results:
        state.day = day_number(results[0].fixture.game_date)


def turn_to(state: GameState, season: int, day: int) -> None:
    """Move a state in place to the morning of a later day; `morning` does the same to a copy, and checks the date."""
    if state.season != season:
        if state.season is not None:
            state.elo = ratings.elo_new_season(state.elo)
        state.season, state.season_start, state.series = season, day, {}
        for memory in state.teams.values():
            memory.days, memory.place, memory.games, memory.wins, memory.form = [], None, 0, 0, 0.0
        state.players = rosters.forget(state.players, day)
    for name, settings in RATINGS.items():
        state.margins[name] = ratings.advanced(state.margins[name], settings, season, day)


def _strength(state: GameState, home: str, away: str, neutral: bool) -> Values:
    one, other = ratings.TEAM_INDEX[home], ratings.TEAM_INDEX[away]
    host, guest = state.teams[home], state.teams[away]
    values: Values = {
        "elo_edge": ratings.elo_edge(state.elo, one, other, neutral),
        "win_form_edge": host.form - guest.form,
        "win_share_edge": _win_share(host) - _win_share(guest),
    }
    for name, margin in state.margins.items():
        if name == "shot" and not (host.roster.season == guest.roster.season == state.season):
            continue
        edge = ratings.strength_edge_pts(margin, one, other)
        variance = ratings.strength_variance(margin, one, other)
        values[f"{name}_edge_pts"] = edge
        values[f"{name}_expected_pts"] = edge + ratings.home_edge_pts(margin, one, neutral)
        values[f"{name}_sd_pts"] = math.sqrt(variance + margin.noise_variance)
    return values


def _win_share(memory: TeamMemory) -> float:
    """Return the season's win share with ten even games added, so that opening week says little."""
    return (memory.wins + 5.0) / (memory.games + 10.0)


def _schedule(memory: TeamMemory, team: str, place: str, day: int, neutral: bool, side: str) -> Values:
    since = day - memory.days[-1] if memory.days else None
    start = memory.place or team
    return {
        f"{side}_rest_days": since,
        f"{side}_games_in_four_nights": 1 + sum(day - played <= 3 for played in memory.days),
        f"{side}_games_in_week": 1 + sum(day - played <= 6 for played in memory.days),
        f"{side}_travel_km": 0.0 if neutral else distance_km(start, place),
    }


@cache
def distance_km(one: str, other: str) -> float:
    """Return the great-circle distance between two teams' arenas (haversine formula)."""
    here, there = ARENAS[one], ARENAS[other]
    north = math.radians(there.latitude_deg - here.latitude_deg) / 2.0
    east = math.radians(there.longitude_deg - here.longitude_deg) / 2.0
    scale = math.cos(math.radians(here.latitude_deg)) * math.cos(math.radians(there.latitude_deg))
    chord = math.sin(north) ** 2 + scale * math.sin(east) ** 2
    return 2.0 * EARTH_RADIUS_KM * math.asin(math.sqrt(chord))


def _series_key(home: str, away: str) -> tuple[str, float]:
    """Return the pair's key and +1 where home is its first team, else -1."""
    first, second = sorted((home, away))
    return f"{first}|{second}", 1.0 if home == first else -1.0


def _series(state: GameState, home: str, away: str) -> Values:
    key, sign = _series_key(home, away)
    games, wins, margin = state.series.get(key, [0.0, 0.0, 0.0])
    mean = margin / games if games else 0.0
    return {"series_games": games, "series_wins_edge": sign * wins, "series_margin_pts": sign * mean}


def _roster_edges(state: GameState, home: str, away: str, is_playoffs: bool) -> Values:
    """Return, per window, how much more scoring than usual took part lately, home minus away.

    In the playoffs it is nil: the shots archive ends with the regular season, whose last games rest the best players.
    """
    host, guest = state.teams[home].roster, state.teams[away].roster
    if not (host.is_known(state.season) and guest.is_known(state.season)):
        return {}
    pairs = zip(rosters.WINDOWS, host.change_pts, guest.change_pts, strict=True)
    return {f"roster_{window}_edge_pts": 0.0 if is_playoffs else one - other for window, one, other in pairs}


def _meeting(state: GameState, fixture: Fixture) -> Meeting:
    home, away = str(fixture.home_team), str(fixture.away_team)
    yesterday = day_number(fixture.game_date) - 1
    return Meeting(
        ratings.TEAM_INDEX[home],
        ratings.TEAM_INDEX[away],
        is_neutral(fixture.game_date),
        state.teams[home].days[-1:] == [yesterday],
        state.teams[away].days[-1:] == [yesterday],
    )


def _learn_result(state: GameState, result: Result, home: str, away: str) -> None:
    one, other = ratings.TEAM_INDEX[home], ratings.TEAM_INDEX[away]
    home_won = result.home_margin_pts > 0
    edge = ratings.elo_edge(state.elo, one, other, is_neutral(result.fixture.game_date))
    change = ratings.elo_change(edge, result.home_margin_pts)
    state.elo[one] += change
    state.elo[other] -= change
    surprise = float(home_won) - ratings.elo_probability(edge)
    for team, sign in ((home, 1.0), (away, -1.0)):
        memory = state.teams[team]
        memory.games += 1
        memory.wins += int(home_won == (sign > 0))
        memory.form = FORM_MEMORY * memory.form + (1.0 - FORM_MEMORY) * sign * surprise
    if result.fixture.is_playoffs:
        key, sign = _series_key(home, away)
        games, wins, margin = state.series.get(key, [0.0, 0.0, 0.0])
        won = 1.0 if home_won else -1.0
        state.series[key] = [games + 1.0, wins + sign * won, margin + sign * result.home_margin_pts]


def _remember_date(state: GameState, result: Result) -> None:
    fixture = result.fixture
    day = day_number(fixture.game_date)
    for team in (str(fixture.home_team), str(fixture.away_team)):
        memory = state.teams[team]
        memory.days = [*memory.days, day][-DATES_KEPT:]
        memory.place = fixture.home_team
    if result.scorers is not None:
        for side, scored in zip((fixture.home_team, fixture.away_team), result.scorers, strict=True):
            rosters.remember(state.teams[str(side)].roster, state.players, scored, state.season, day)
