"""A home whose feature tables are drawn outright, so that models can be trained and judged within seconds.

A shot goes in by its distance, a game by its rating edge: enough signal to beat the baselines, too little for alarm.
"""

import datetime as dt
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from parivision_assets.commands.run import RunResult
from parivision_assets.core.contracts import GAMES, TEAMS, Table
from parivision_assets.core.game_features import GAME_FEATURE_TABLE
from parivision_assets.core.shot_features import SHOT_FEATURES
from parivision_assets.settings import Settings
from parivision_assets.stores.home import Home
from parivision_assets_tests.small_platform import SmallPlatform

SEASONS = (2021, 2022)
GAMES_A_SEASON = 160
SHOTS_A_GAME = 50
TARGET = "shot_pre_release"
UNTRACKED = ("defender_distance_ft", "shot_clock_s")
FAST: dict[str, Any] = {f"{TARGET}_challenger": {"config": {"families": ["logistic_regression"]}}}


def filled_out(table: Table, columns: dict[str, Any], rows: int) -> pl.DataFrame:
    """Return a table with the given columns, and harmless values in all others."""
    harmless: dict[Any, Any] = {pl.String: "x", pl.Boolean: False, pl.Date: dt.date(2021, 1, 1)}
    frame = pl.DataFrame({"_row": range(rows), **columns})
    absent = [c for c in table.columns if c.name not in columns]
    values = [pl.lit(None if c.name in UNTRACKED else harmless.get(c.dtype, 1), c.dtype).alias(c.name) for c in absent]
    return table.conform(frame.with_columns(values))


def shots(season: int) -> pl.DataFrame:
    """Return a season of shots whose make rate falls with distance, and by zone only roughly."""
    rng = np.random.default_rng(season + 99)
    rows = GAMES_A_SEASON * SHOTS_A_GAME
    distance = rng.uniform(0, 28, rows)
    made = rng.random(rows) < 1 / (1 + np.exp(0.07 * (distance - 13)))
    game = np.repeat(np.arange(GAMES_A_SEASON), SHOTS_A_GAME)
    columns = {
        "season": season,
        "game_date": [dt.date(season - 1, 11, 1) + dt.timedelta(days=int(g) // 4) for g in game],
        "game_id": season * 1000 + game,
        "shot_number": np.tile(np.arange(1, SHOTS_A_GAME + 1), GAMES_A_SEASON),
        "team": "ATL",
        "opponent": "BOS",
        "player_id": rng.integers(1, 30, rows),
        "zone": np.where(distance < 6, "Restricted Area", "Mid-Range"),
        "is_made": made,
        "spot_distance_ft": distance,
        "points_value": 2,
        "bucket": "rim",
    }
    return filled_out(SHOT_FEATURES, columns, rows)


def games(season: int) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return a season's game features, and the games without a closing line."""
    rng = np.random.default_rng(season + 99)
    rows = 400
    edge = rng.normal(0, 1, rows)
    days = [dt.date(season - 1, 11, 1) + dt.timedelta(days=n // 4) for n in range(rows)]
    home, away = rng.choice(TEAMS[:15], rows), rng.choice(TEAMS[15:], rows)
    columns = {
        "season": season,
        "game_date": days,
        "game_key": [f"{day}_{a}_{h}_{n}" for n, (day, a, h) in enumerate(zip(days, away, home, strict=True))],
        "home_team": home,
        "away_team": away,
        "is_home_win": rng.random(rows) < 1 / (1 + np.exp(-edge)),
        "margin_z": edge,
    }
    return filled_out(GAME_FEATURE_TABLE, columns, rows), filled_out(GAMES, columns, rows)


def model_platform(root: Path) -> SmallPlatform:
    """Return a platform with two seasons of features and nothing else."""
    settings = Settings(home=root / "home", shots_url=str(root / "none"), seasons=SEASONS, threads=1)
    tables = Home(settings).tables
    for season in SEASONS:
        tables.write(SHOT_FEATURES.name, season, shots(season))
    return SmallPlatform(settings, None)  # type: ignore[arg-type]


def retrain(small: SmallPlatform, config: dict[str, Any] | None = None, part: str = "challenger champion") -> RunResult:
    """Make a challenger, or let the gate decide, or both."""
    select = " or ".join(f"key:{TARGET}_{role}" for role in part.split())
    (result,) = small.run(select, [], FAST if config is None else config)
    return result
