"""The playoffs: a bracket of best-of-seven series whose games' shots are published nowhere."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from parivision_assets.core.league.calendar import Calendar, playoff_field, seeds
from parivision_assets.core.league.config import LeagueConfig
from parivision_assets.core.league.draws import Ints, Stream
from parivision_assets.core.league.games import (
    ABSENCE_SD_PTS,
    MARGIN_SD_PTS,
    SeasonGames,
    expected_margin,
)
from parivision_assets.core.league.people import SeasonCast

_WINS_NEEDED = 4
_HOME_PATTERN = (0, 0, 1, 1, 0, 1, 0)
"""Which side hosts each game of a series, 0 the better seed."""
_TOTAL_MEAN_PTS, _TOTAL_SD_PTS, _FEWEST_PTS = 212.0, 17.0, 75
_SEED_ORDER = {8: (0, 7, 3, 4, 2, 5, 1, 6), 2: (0, 1)}
_DAYS_BEFORE_START, _DAYS_BETWEEN_ROUNDS, _DAYS_BETWEEN_GAMES = 3, 2, 2


@dataclass(frozen=True)
class _Game:
    day: int
    home: int
    away: int
    game_id: int
    mean_pts: float
    absence_pts: float
    margin_pts: float


def play_playoffs(config: LeagueConfig, season: int, regular: SeasonGames, cast: SeasonCast) -> SeasonGames:
    """Return the playoffs' games in order of date."""
    standing = _standing(config, regular)
    field = playoff_field(config.teams)
    by_conference = seeds(standing[0], standing[1], np.arange(config.teams) % 2, field)
    bracket = [int(by_conference[side, seed]) for side in (0, 1) for seed in _SEED_ORDER[field // 2]]
    rank = np.lexsort((-standing[1], -standing[0])).argsort()
    opening = int(regular.calendar.day[0])
    day = int(regular.calendar.day[-1]) + _DAYS_BEFORE_START
    games: list[_Game] = []
    stage = 1
    while len(bracket) > 1:
        winners = []
        for number in range(len(bracket) // 2):
            pair = sorted(bracket[2 * number : 2 * number + 2], key=lambda team: int(rank[team]))
            first_id = 40_000_000 + (season - 1) % 100 * 100_000 + stage * 100 + number * 10
            series = _series(config, cast, pair, (opening, day + number % 2), first_id)
            games += series
            last = series[-1]
            winners.append(last.home if last.margin_pts > 0 else last.away)
        day = max(game.day for game in games) + _DAYS_BETWEEN_ROUNDS
        bracket, stage = winners, stage + 1
    return _as_season(config, season, sorted(games, key=lambda game: (game.day, game.game_id)))


def _standing(config: LeagueConfig, regular: SeasonGames) -> tuple[Ints, Ints]:
    """Return each team's wins and point difference."""
    difference = regular.score[:, 0] - regular.score[:, 1]
    home, away, size = regular.calendar.home, regular.calendar.away, config.teams
    wins = np.bincount(home[difference > 0], minlength=size) + np.bincount(away[difference < 0], minlength=size)
    total = np.zeros(size, dtype=np.int64)
    np.add.at(total, home, difference)
    np.subtract.at(total, away, difference)
    return wins, total


def _series(
    config: LeagueConfig, cast: SeasonCast, pair: list[int], days: tuple[int, int], first_id: int
) -> list[_Game]:
    """Return one series' games; `days`: the season's first day and the series' first day."""
    stream = Stream(config.seed, "series", first_id)
    opening, day = days
    wins = [0, 0]
    games: list[_Game] = []
    while max(wins) < _WINS_NEEDED:
        host = _HOME_PATTERN[len(games)]
        home, away = pair[host], pair[1 - host]
        rest = np.full((1, 2), _DAYS_BETWEEN_GAMES)
        one = Calendar(np.array([day]), np.array([home]), np.array([away]), rest)
        mean = float(expected_margin(one, cast, opening, playoffs=True)[0])
        draws = stream.normal(3)
        absence = round(ABSENCE_SD_PTS * float(draws[0] - draws[1]), 6)
        margin = round(mean + absence + MARGIN_SD_PTS * float(draws[2]), 6)
        games.append(_Game(day, home, away, first_id + len(games) + 1, mean, absence, margin))
        wins[host if margin > 0 else 1 - host] += 1
        day += _DAYS_BETWEEN_GAMES
    return games


def _as_season(config: LeagueConfig, season: int, games: list[_Game]) -> SeasonGames:
    stream = Stream(config.seed, "playoff scores", season)
    count = len(games)
    margin = np.array([game.margin_pts for game in games])
    whole = (np.sign(margin) * np.maximum(1, np.floor(np.abs(margin)))).astype(np.int64)
    total = np.round(_TOTAL_MEAN_PTS + _TOTAL_SD_PTS * stream.normal(count)).astype(np.int64)
    total = np.maximum(total, 2 * _FEWEST_PTS + np.abs(whole))
    total += (total + whole) % 2
    score = np.stack([(total + whole) // 2, (total - whole) // 2], axis=1)
    quarters = np.zeros((count, 2, 5), dtype=np.int64)
    shares = 0.8 + 0.4 * stream.uniform(count, 2, 4)
    edges = np.floor(np.cumsum(shares, axis=2) / shares.sum(axis=2, keepdims=True) * score[:, :, None] + 1e-9)
    quarters[:, :, :4] = np.diff(np.concatenate([np.zeros((count, 2, 1)), edges], axis=2), axis=2)
    quarters[:, :, 3] += score - quarters.sum(axis=2)
    home, away = np.array([g.home for g in games]), np.array([g.away for g in games])
    day = np.array([game.day for game in games])
    return SeasonGames(
        Calendar(day, home, away, np.full((count, 2), _DAYS_BETWEEN_GAMES)),
        np.array([game.game_id for game in games]),
        np.ones(count, dtype=np.bool_),
        np.array([game.mean_pts for game in games]),
        np.array([game.absence_pts for game in games]),
        quarters,
        np.round((0.42 + 0.0019 * (score - 106) + 0.03 * stream.normal(count, 2)).clip(0.3, 0.62), 3),
        np.round((0.355 + 0.07 * stream.normal(count, 2)).clip(0.1, 0.7), 3),
        np.round((0.77 + 0.09 * stream.normal(count, 2)).clip(0.4, 1.0), 3),
    )
