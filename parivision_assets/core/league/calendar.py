"""Who plays whom and when: a season's dates, 41 games at home of 82, back-to-backs, and a playoff bracket's order."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np

from parivision_assets.core.league.draws import Bools, Ints, Stream

DAYS_PER_GAME = 2.03
"""A real season spreads 82 games over about 166 playing days."""
_BREAK_AT = 0.67
_BREAK_DAYS = 6
_RESTED_FIRST, _DAY_SPREAD = 0.02, 0.25
"""Preference for rested teams against chance in who plays on a day: about 14 back-to-backs a team, as in life."""


@dataclass(frozen=True)
class Calendar:
    """A season's games in order of date: ordinal days, team indices, days since each side's last game (20: none)."""

    day: Ints
    home: Ints
    away: Ints
    rest_days: Ints  # (games, 2): home, away

    @property
    def back_to_back(self) -> Bools:
        """Return whether home and away played the day before, shape (games, 2)."""
        return np.equal(self.rest_days, 1)


def season_start(season: int) -> date:
    """Return the opening night: the first Tuesday on or after 18 October."""
    opening = date(season - 1, 10, 18)
    return opening + timedelta(days=(1 - opening.weekday()) % 7)


def pairings(teams: int, games_per_team: int) -> tuple[Ints, Ints]:
    """Return home and away team indices; every team plays half its games at home.

    Each step pairs team i at home with team i + offset. Once every offset was used (each pair has met twice), further
    steps use even offsets first: teams of one conference (equal parity) meet more often.
    """
    steps = games_per_team // 2
    every = list(range(1, teams))
    even = sorted((o for o in every if o % 2 == 0), key=lambda o: (min(o, teams - o), o))
    rest = even + [o for o in every if o % 2]
    offsets = (every * (steps // len(every)) + rest[: steps % len(every)])[:steps]
    home = np.tile(np.arange(teams), steps)
    away = (home + np.repeat(offsets, teams)) % teams
    return home, away


def regular_season(season: int, teams: int, games_per_team: int, seed: int) -> Calendar:
    """Return the regular season's calendar, the same for the same seed."""
    stream = Stream(seed, "calendar", season)
    home, away = pairings(teams, games_per_team)
    order = np.argsort(stream.uniform(len(home)), kind="stable")
    home, away = home[order], away[order]
    days = _playing_days(season, games_per_team)
    played_on = _assign_days(home, away, len(days), teams, stream)
    while len(days) <= played_on.max():
        days.append(days[-1] + 1)
    day = np.array(days)[played_on]
    order = np.lexsort((np.arange(len(day)), day))
    day, home, away = day[order], home[order], away[order]
    return Calendar(day, home, away, rest_days(day, home, away, teams))


def _playing_days(season: int, games_per_team: int) -> list[int]:
    start = season_start(season).toordinal()
    count = max(games_per_team + 4, round(games_per_team * DAYS_PER_GAME))
    pause = round(count * _BREAK_AT) if games_per_team >= 60 else count
    christmas_eve = date(season - 1, 12, 24).toordinal()
    days: list[int] = []
    current = start
    while len(days) < count:
        if len(days) == pause and current == days[-1] + 1:
            current += _BREAK_DAYS
        if current != christmas_eve:
            days.append(current)
        current += 1
    return days


def _assign_days(home: Ints, away: Ints, days: int, teams: int, stream: Stream) -> Ints:
    """Place every game on a day: no team twice a day, never three days running, those with most games left first."""
    played_on = np.full(len(home), -1)
    left = np.bincount(home, minlength=teams) + np.bincount(away, minlength=teams)
    last = np.full(teams, -9)
    before_last = np.full(teams, -9)
    day = 0
    while (played_on < 0).any():
        open_games = np.flatnonzero(played_on < 0)
        days_left = max(days - day, 1)
        target = max(1, round(len(open_games) / days_left * (0.75 + 0.5 * float(stream.uniform(1)[0]))))
        need = left / days_left + _RESTED_FIRST * (last < day - 1)
        scores = need[home[open_games]] + need[away[open_games]] + _DAY_SPREAD * stream.uniform(len(open_games))
        tired = (last == day - 1) & (before_last == day - 2)
        _fill_day(open_games[np.argsort(-scores, kind="stable")], home, away, tired, target, played_on, day)
        today = np.flatnonzero(played_on == day)
        for side in (home[today], away[today]):
            before_last[side], last[side] = last[side], day
            left[side] -= 1
        day += 1
    return played_on


def _fill_day(candidates: Ints, home: Ints, away: Ints, tired: Bools, target: int, played_on: Ints, day: int) -> None:
    """Mark up to `target` candidates as played on a day, each team once."""
    busy = tired.copy()
    placed = 0
    for game in candidates.tolist():
        if placed >= target:
            return
        if not (busy[home[game]] or busy[away[game]]):
            busy[home[game]] = busy[away[game]] = True
            played_on[game] = day
            placed += 1


def rest_days(day: Ints, home: Ints, away: Ints, teams: int) -> Ints:
    """Return days since each side's previous game, shape (games, 2), at most 20; games must be in order of date."""
    last = np.full(teams, -99)
    result = np.empty((len(day), 2), dtype=np.int64)
    for game, (today, host, guest) in enumerate(zip(day.tolist(), home.tolist(), away.tolist(), strict=True)):
        result[game] = (min(today - last[host], 20), min(today - last[guest], 20))
        last[host] = last[guest] = today
    return result


def playoff_field(teams: int) -> int:
    """Return how many teams reach the playoffs: 16 of 30, fewer in a small league."""
    return 16 if teams >= 20 else 4


def seeds(wins: Ints, point_difference: Ints, conference: Ints, field: int) -> Ints:
    """Return team indices, shape (2, field / 2): each conference's best by wins, then point difference."""
    order = np.lexsort((np.arange(len(wins)), -point_difference, -wins))
    return np.stack([order[conference[order] == side][: field // 2] for side in (0, 1)])
