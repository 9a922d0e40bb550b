"""Canonical shots drawn from a known probability, for the tests of history, features and training."""

import datetime as dt

import numpy as np
import polars as pl

from parivision_assets.core import court
from parivision_assets.core.contracts import SHOTS

TEAMS = ("ATL", "BOS", "CHI", "DEN")
PLAYERS_PER_TEAM = 6
ACTIONS = ("Jump Shot", "Pullup Jump shot", "Layup Shot", "Dunk Shot")
SKILL = 0.25


def season_shots(season: int, games: int = 20, shots_per_game: int = 160, seed: int = 1) -> pl.DataFrame:
    """Return a season of canonical shots; `truth` is each shot's probability of going in."""
    rng = np.random.default_rng([seed, season])
    rows = games * shots_per_game
    game = np.repeat(np.arange(games), shots_per_game)
    home, away = game % 4, (game + 1 + game // 4 % 3) % 4
    is_home = rng.random(rows) < 0.5
    team = np.where(is_home, home, away)
    player = team * PLAYERS_PER_TEAM + rng.integers(0, PLAYERS_PER_TEAM, rows)
    quarter = rng.integers(1, 5, rows)
    distance = np.where(rng.random(rows) < 0.35, rng.random(rows) * 4, 4 + rng.random(rows) * 23)
    angle = np.radians(rng.random(rows) * 160 - 80)
    x, y = np.round(distance * np.sin(angle), 1), np.round(distance * np.cos(angle), 1)
    jump = np.where(rng.random(rows) < 0.5, 0, 1)
    action = np.where(distance < 4, 2 + (rng.random(rows) < 0.3), jump)
    logit = 1.2 - 0.08 * distance + 0.5 * (action == 3) + SKILL * (player % 5 - 2) + 0.1 * is_home
    truth = 1 / (1 + np.exp(-logit))
    days = game // 2
    frame = pl.DataFrame(
        {
            "season": np.full(rows, season),
            "game_date": [dt.date(season - 1, 11, 1) + dt.timedelta(days=int(day)) for day in days],
            "game_id": season * 100_000 + game + 1,
            "team": [TEAMS[index] for index in team],
            "opponent": [TEAMS[index] for index in np.where(is_home, away, home)],
            "is_home": is_home,
            "player_id": player + 100,
            "player_name": [f"Player {index}" for index in player],
            "position_group": [("G", "F", "C", None)[index % 4] for index in player],
            "quarter": quarter,
            "clock_s": rng.integers(0, 721, rows),
            "x_ft": x.astype(np.float32),
            "y_ft": y.astype(np.float32),
            "action_type": [ACTIONS[index] for index in action],
            "is_made": rng.random(rows) < truth,
            "truth": truth,
        }
    )
    return canonical(frame)


def canonical(frame: pl.DataFrame) -> pl.DataFrame:
    """Return the frame with the columns of SHOTS that follow from others, in the contract's order."""
    distance = court.distance_ft(pl.col("x_ft"), pl.col("y_ft"))
    frame = frame.sort("game_date", "game_id", "quarter", "clock_s", descending=[False, False, False, True])
    spots = {"x_ft": "spot_x_ft", "y_ft": "spot_y_ft", "distance_ft": "spot_distance_ft", "angle_deg": "spot_angle_deg"}
    frame = frame.with_columns(
        shot_number=pl.int_range(1, pl.len() + 1).over("game_id"),
        distance_ft=distance,
        angle_deg=court.angle_deg(pl.col("x_ft"), pl.col("y_ft")),
        points_value=pl.when(court.is_beyond_arc(pl.col("x_ft"), pl.col("y_ft"))).then(3).otherwise(2),
        recorded_distance_ft=distance.floor(),
        zone=pl.when(distance < 4).then(pl.lit("Restricted Area")).otherwise(pl.lit("Mid-Range")),
        side=pl.lit("Center"),
        range_band=pl.lit("8-16 ft."),
        coordinate_repair=pl.lit("none"),
        is_at_rim=distance < court.RESTRICTED_AREA_RADIUS_FT,
        rim_rule=pl.lit("kept"),
    ).with_columns(pl.col(source).alias(name) for source, name in spots.items())
    missing = [name for name in SHOTS.names() if name not in frame.columns]
    frame = frame.with_columns(pl.lit(None).alias(name) for name in missing)
    truth = [pl.col("truth")] if "truth" in frame.columns else []
    return frame.select([pl.col(column.name).cast(column.dtype) for column in SHOTS.columns] + truth)
