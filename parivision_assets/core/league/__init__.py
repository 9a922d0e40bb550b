"""A synthetic league in the publishers' own formats, drawn shot by shot and game by game from known probabilities.

`generate` is pure: a configuration in, tables out. Writing files is `sources.synthetic`. The truth comes in tables of
its own, which no feature reads; it joins the published rows by their keys.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import polars as pl

from parivision_assets.core.league import calendar as dates
from parivision_assets.core.league import games, market, people, playoffs, publish, shots, tracking, truth
from parivision_assets.core.league.config import (
    EXPECTED_VERDICTS,
    LeagueConfig,
    Scenario,
    ScenarioKind,
    SensorFault,
    Verdict,
)

__all__ = [
    "EXPECTED_VERDICTS",
    "League",
    "LeagueConfig",
    "Scenario",
    "ScenarioKind",
    "SensorFault",
    "Verdict",
    "generate",
]

_SEASON_DAYS = 260
_TRACKING_ENDS = (3, 4)
"""The real tracking logs stop on 4 March."""


@dataclass(frozen=True)
class League:
    """A league's tables, complete whatever `config.published_until` says; dates decide what is published when.

    Published formats: `shots`, `games`, `odds`, `forecasts` by season, `tracking` for the newest season but one, and
    `schedule` (all regular-season games with their dates, the season after the newest one included). Truth, apart:
    `shot_truth` and `game_truth` by season.
    """

    config: LeagueConfig
    shots: dict[int, pl.DataFrame]
    games: dict[int, pl.DataFrame]
    odds: dict[int, pl.DataFrame]
    forecasts: dict[int, pl.DataFrame]
    tracking: dict[int, pl.DataFrame]
    schedule: pl.DataFrame
    shot_truth: dict[int, pl.DataFrame]
    game_truth: dict[int, pl.DataFrame]


def generate(config: LeagueConfig) -> League:
    """Return the league that a configuration describes; the same configuration gives the same tables anywhere."""
    players, casts = people.cast_league(config, _SEASON_DAYS)
    codes = people.team_codes(config.teams)
    league = League(config, {}, {}, {}, {}, {}, pl.DataFrame(), {}, {})
    coming = []
    tracked = config.season_numbers[-2:][0]
    for number in config.season_numbers:
        calendar = dates.regular_season(number, config.teams, config.games_per_team, config.seed)
        drawn = shots.draw_season(config, number, calendar, players, casts[number])
        regular, drawn = games.play_regular_season(config, number, calendar, casts[number], drawn)
        after = playoffs.play_playoffs(config, number, regular, casts[number])
        season = publish.Season(number, codes, players, regular, after, drawn)
        markets = (market.open_market(config, number, regular), market.open_market(config, number, after))
        league.shots[number] = publish.shots_frame(config, season)
        league.games[number] = publish.games_frame(season)
        league.odds[number] = publish.odds_frame(season, markets)
        league.forecasts[number] = publish.forecasts_frame(season, markets)
        league.shot_truth[number] = truth.shot_truth(season)
        league.game_truth[number] = truth.game_truth(season)
        if number == tracked:
            last_day = date(number, *_TRACKING_ENDS).toordinal()
            league.tracking[number] = tracking.tracking_frame(config, season, last_day)
        coming.append(publish.schedule_frame(number, codes, calendar))
    following = config.season_numbers[-1] + 1
    calendar = dates.regular_season(following, config.teams, config.games_per_team, config.seed)
    coming.append(publish.schedule_frame(following, codes, calendar))
    return League(**{**vars(league), "schedule": pl.concat(coming)})
