"""A home with games to bet on, put together without running the platform."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import polars as pl

from parivision_assets.core.contracts import GAME_PREDICTIONS, GAMES, SCHEDULE
from parivision_assets.settings import BetsSettings, LeagueSettings, Settings
from parivision_assets.stores.home import Home

TODAY = dt.date(2024, 1, 9)
TOMORROW = TODAY + dt.timedelta(days=1)
TEAMS = (("NYK", "BOS"), ("DEN", "LAL"), ("MIA", "ATL"))
CHAMPION = "c" * 64


def key(number: int, date: dt.date = TOMORROW) -> str:
    home, away = TEAMS[number]
    return f"{date}_{away}_{home}"


def coming(date: dt.date = TOMORROW) -> pl.DataFrame:
    rows = [
        {"season": 2024, "game_date": date, "game_key": key(number, date), "stage": "regular", "home_team": home,
         "away_team": away}
        for number, (home, away) in enumerate(TEAMS)
    ]  # fmt: skip
    return SCHEDULE.conform(pl.DataFrame(rows))


def predicted(probabilities: list[float | None], as_of: dt.date = TODAY) -> pl.DataFrame:
    frame = coming().with_columns(
        as_of_date=pl.lit(as_of),
        home_probability=pl.Series(probabilities, dtype=pl.Float64),
        champion=pl.lit(CHAMPION),
        state_version=pl.lit("s" * 64),
    )
    return GAME_PREDICTIONS.conform(frame.filter(pl.col("home_probability").is_not_null()))


def played(results: dict[int, bool], date: dt.date = TOMORROW) -> pl.DataFrame:
    """Games of a date that ended; without any, one of the day before that makes the platform's date."""
    rows = [
        {"season": 2024, "game_date": date, "game_key": key(number, date), "game_id": None, "stage": "regular",
         "home_team": TEAMS[number][0], "away_team": TEAMS[number][1], "home_pts": 110 if won else 100,
         "away_pts": 105, "is_home_win": won, "closing_spread_home_pts": None, "closing_total_pts": None,
         "closing_home_probability": 0.58, "sources": "odds"}
        for number, won in results.items()
    ]  # fmt: skip
    return GAMES.conform(pl.DataFrame(rows))


def open_house(folder: Path, **bets: object) -> Home:
    """Return a home whose date is `TODAY`, with two games on offer and a third that nobody predicted."""
    chosen = {"refresh_s": 0.001, "sign_limit": "100000/minute", **bets}
    league = LeagueSettings(published_until=TODAY)
    home = Home(Settings(home=folder, league=league, bets=BetsSettings.model_validate(chosen)))
    home.tables.write(GAMES.name, "2024", played({2: True}, TODAY))
    home.tables.write(SCHEDULE.name, "2024", coming())
    home.tables.write(GAME_PREDICTIONS.name, "2024", predicted([0.6, 0.5, None]))
    return home
