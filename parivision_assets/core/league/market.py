"""A bookmaker who knows the league well but not perfectly, and a forecaster who knows it a little less."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from parivision_assets.core.league.config import LeagueConfig
from parivision_assets.core.league.draws import Bools, Floats, Ints, Stream, ints
from parivision_assets.core.league.games import PUBLISHED_SD_PTS, SeasonGames, normal_cdf

ABSENCE_KNOWN_SHARE = 0.6
BOOK_NOISE_PTS, FORECAST_NOISE_PTS, TOTAL_NOISE_PTS = 1.3, 2.4, 3.5
MEAN_TOTAL_PTS = 215.0
OVERROUND = 0.045


@dataclass(frozen=True)
class Market:
    """Closing lines of a season's games, in the order of the games; moneylines (games, 2) home, away."""

    home_favoured: Bools
    spread: Floats
    total: Floats
    moneyline: Ints
    half_spread: Floats
    half_total: Floats
    forecast_home: Floats


def open_market(config: LeagueConfig, season: int, games: SeasonGames) -> Market:
    """Return the lines: noisy views of the expected margin that also know part of the unpublished absences."""
    stream = Stream(config.seed, "playoff market" if games.playoffs.any() else "market", season)
    count = len(games.game_id)
    view = games.mean_pts + ABSENCE_KNOWN_SHARE * games.absence_pts + BOOK_NOISE_PTS * stream.normal(count)
    spread = np.round(np.abs(view) * 2) / 2
    total = np.round((MEAN_TOTAL_PTS + TOTAL_NOISE_PTS * stream.normal(count)) * 2) / 2
    p_home = normal_cdf(view / PUBLISHED_SD_PTS)
    forecast = games.mean_pts + FORECAST_NOISE_PTS * stream.normal(count)
    return Market(
        home_favoured=view >= 0,
        spread=spread,
        total=total,
        moneyline=np.stack([moneyline(p_home), moneyline(1 - p_home)], axis=1),
        half_spread=np.round(spread) / 2,
        half_total=np.round(total) / 2,
        forecast_home=np.round(normal_cdf(forecast / PUBLISHED_SD_PTS), 6),
    )


def moneyline(probability: Floats) -> Ints:
    """Return American odds with the bookmaker's margin, rounded to five; implied probabilities sum to about 1.045."""
    implied = (probability * (1 + OVERROUND)).clip(0.005, 0.995)
    favourite = -100 * implied / (1 - implied)
    underdog = 100 * (1 - implied) / implied
    return ints(np.round(np.where(implied >= 0.5, favourite, underdog) / 5) * 5)
