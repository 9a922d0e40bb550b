"""The service's schedule answer turned into a table of games. Pure; what a schedule proves belongs to `source`."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping
from typing import Any

import polars as pl

from parivision_assets.core import contracts, team_codes
from parivision_assets.core.games import game_key
from parivision_assets.sources.live.convert import SCHEDULE_ENDPOINT, UPDATE, season_of_game
from parivision_assets.sources.live.errors import LiveFormatError

LEAGUE_SCHEMA = pl.Schema(
    [
        ("game_date", pl.Date),
        ("home_team", pl.String),
        ("away_team", pl.String),
        ("number", pl.String),
        ("home_team_id", pl.Int64),
        ("tip_off_utc", pl.Datetime("us", "UTC")),
        ("is_over", pl.Boolean),
        ("is_postponed", pl.Boolean),
        ("is_if_necessary", pl.Boolean),
    ]
)
"""A season's schedule as the service tells it; `number` is the game id's ten digits."""

STAGES = {"002": "regular", "004": "playoffs", "005": "playoffs", "006": "regular"}
"""Stage by the first three digits of the game id: 005 are the play-in games, 006 the cup final."""

_GAME_OVER = 3
_NO_TIME_BEFORE_YEAR = 1950


def to_schedule(payload: Mapping[str, Any]) -> pl.DataFrame:
    """Return a season's games (LEAGUE_SCHEMA), by date and game; games whose teams are not known yet are dropped.

    The package's own parser is not used: it reads values by position under the first game's keys, so a game with one
    key more or less would shift every column after it.

    Raises:
        LiveFormatError: a part is missing or of another type; the message names game and key.
    """
    rows = [row for row in map(_row, _games(payload)) if row is not None]
    return pl.DataFrame(rows, schema=LEAGUE_SCHEMA, orient="row").sort("game_date", "number")


def to_coming_games(league: pl.DataFrame) -> pl.DataFrame:
    """Return games (LEAGUE_SCHEMA) as `contracts.SCHEDULE` plus game_id and tip_off_utc (null while not fixed).

    Preseason games are left out: the contract has no such stage.
    """
    staged = league.with_columns(
        season=season_of_game(pl.col("number")),
        stage=pl.col("number").str.slice(0, 3).replace_strict(STAGES, default=None, return_dtype=pl.String),
        game_id=pl.col("number").cast(pl.Int64),
    ).filter(pl.col("stage").is_not_null())
    keyed = staged.with_columns(game_key())
    return pl.concat([contracts.SCHEDULE.conform(keyed), keyed.select("game_id", "tip_off_utc")], how="horizontal")


def _games(payload: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    league = payload.get("leagueSchedule")
    dates = league.get("gameDates") if isinstance(league, dict) else None
    if not isinstance(dates, list):
        raise LiveFormatError(SCHEDULE_ENDPOINT, "no leagueSchedule.gameDates in the answer", UPDATE)
    for number, date in enumerate(dates, start=1):
        games = date.get("games") if isinstance(date, dict) else None
        if not isinstance(games, list):
            raise LiveFormatError(SCHEDULE_ENDPOINT, f"gameDates, entry {number}: no list of games", UPDATE)
        yield from games


def _row(game: Mapping[str, Any]) -> tuple[object, ...] | None:
    try:
        home_id, away_id = int(game["homeTeam"]["teamId"]), int(game["awayTeam"]["teamId"])
        number = f"{int(game['gameId']):010d}"
        date = dt.date.fromisoformat(str(game["gameDateEst"])[:10])
        status, text = int(game["gameStatus"]), str(game["gameStatusText"] or "").strip()
        tip_off = dt.datetime.fromisoformat(str(game["gameDateTimeUTC"]))
        utc = tip_off.replace(tzinfo=dt.UTC) if tip_off.tzinfo is None else tip_off.astimezone(dt.UTC)
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        label = game.get("gameId", "without gameId") if isinstance(game, dict) else repr(game)[:40]
        problem = f"game {label}: {type(error).__name__} {error}"
        raise LiveFormatError(SCHEDULE_ENDPOINT, problem, UPDATE) from error
    home, away = team_codes.NBA_TEAM_IDS.get(home_id), team_codes.NBA_TEAM_IDS.get(away_id)
    if home is None or away is None:
        return None
    has_time = tip_off.year >= _NO_TIME_BEFORE_YEAR and text != "TBD"
    is_postponed = str(game.get("postponedStatus", "")) in {"P", "Y"} or text == "PPD"
    is_if_necessary = str(game.get("ifNecessary", "")).lower() == "true"
    return (date, home, away, number, home_id, utc if has_time else None, status == _GAME_OVER, is_postponed,
            is_if_necessary)  # fmt: skip
