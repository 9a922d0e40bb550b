"""Small raw archives in the published formats, and canonical games, for the tests of games."""

import datetime as dt
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from parivision_assets.core import contracts
from parivision_assets.core.team_codes import BETTING_CODES, NBA_TEAM_IDS

IDS = {code: number for number, code in NBA_TEAM_IDS.items()}
BETTING = {code: own for own, code in BETTING_CODES.items()}


def games_row(**changes: Any) -> dict[str, Any]:
    row = {
        "GAME_DATE_EST": "2016-10-25", "GAME_ID": 21600001, "GAME_STATUS_TEXT": "Final",
        "HOME_TEAM_ID": IDS["CLE"], "VISITOR_TEAM_ID": IDS["NYK"], "SEASON": 2016, "TEAM_ID_home": IDS["CLE"],
        "PTS_home": 117.0, "TEAM_ID_away": IDS["NYK"], "PTS_away": 88.0, "HOME_TEAM_WINS": 1,
    }  # fmt: skip
    return {**row, **changes}


def odds_row(**changes: Any) -> dict[str, Any]:
    row = {
        "season": 2017, "dates": "10/25/2016", "regular": True, "playoffs": False, "away": "ny", "home": "cle",
        "score_away": 88, "score_home": 117, "whos_favored": "home", "spread": 9.5, "total": 204.0,
        "moneyline_away": 440, "moneyline_home": -550,
    }  # fmt: skip
    return {**row, **changes}


def archive(rows: list[dict[str, Any]], name: str = "games.csv") -> pl.DataFrame:
    frame = pl.DataFrame(rows, infer_schema_length=None)
    return frame.with_columns(
        pl.lit(name).alias("source_file"), (pl.int_range(pl.len()) + 1).cast(pl.Int64).alias("source_row")
    )


def read_published(path: Path) -> pl.DataFrame:
    """Read a published CSV as `sources.archives` does, without importing it."""
    frame = pl.read_csv(path, infer_schema_length=None)
    return frame.with_columns(
        pl.lit(path.name).alias("source_file"), (pl.int_range(pl.len()) + 1).cast(pl.Int64).alias("source_row")
    )


def league(seasons: int = 3, rounds: int = 12, teams: int = 8, seed: int = 5) -> pl.DataFrame:
    """Return canonical games of a small league with known strengths; the market knows the true probability."""
    rng = np.random.default_rng(seed)
    names = contracts.TEAMS[:teams]
    strength = dict(zip(names, rng.normal(0, 6, teams), strict=True))
    rows: list[Mapping[str, Any]] = []
    for season in range(2010, 2010 + seasons):
        for step in range(rounds):
            date = dt.date(season - 1, 11, 1) + dt.timedelta(days=2 * step + (step % 3 == 0))
            order = rng.permutation(teams)
            for home, away in zip(order[::2], order[1::2], strict=True):
                rows.append(_played(rng, season, date, names[home], names[away], strength, step, rounds))
    return contracts.GAMES.conform(pl.DataFrame(rows)).sort("game_date", "game_key")


def _played(
    rng: np.random.Generator,
    season: int,
    date: dt.date,
    home: str,
    away: str,
    strength: Mapping[str, float],
    step: int,
    rounds: int,
) -> dict[str, Any]:
    margin = round(strength[home] - strength[away] + 3 + rng.normal(0, 12)) or 1
    return {
        "season": season, "game_date": date, "game_key": f"{date}_{away}_{home}", "game_id": None,
        "stage": "playoffs" if rounds - step <= 2 else "regular", "home_team": home, "away_team": away,
        "home_pts": 100 + margin, "away_pts": 100, "is_home_win": margin > 0, "closing_spread_home_pts": -3.0,
        "closing_total_pts": 200.0, "closing_home_probability": 0.6, "sources": "both",
    }  # fmt: skip


def shot_totals(games: pl.DataFrame, seed: int = 3) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return (player totals, team totals) with the columns that game features read, for every game."""
    rng = np.random.default_rng(seed)
    players, teams = [], []
    for date, home, away in games.select("game_date", "home_team", "away_team").iter_rows():
        for team in (home, away):
            first = 100 * contracts.TEAMS.index(team) + 1
            shooters = (first + rng.choice(10, size=8, replace=False)).tolist()
            players.extend((date, team, number, int(rng.integers(0, 25))) for number in shooters)
            teams.append((date, team, "arc_three", int(rng.integers(15, 50)), 30.0))
            teams.append((date, team, "rim", int(rng.integers(15, 50)), 30.0))
    return (
        pl.DataFrame(players, schema=["game_date", "team", "player_id", "points"], orient="row"),
        pl.DataFrame(teams, schema=["game_date", "team", "bucket", "points", "expected_points"], orient="row"),
    )
