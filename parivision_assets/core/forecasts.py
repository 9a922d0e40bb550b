"""Read the published pre-game forecasts: one home-win probability per game. A benchmark, never an input of a model."""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from parivision_assets.core import team_codes
from parivision_assets.core.row_rules import (
    RowRule,
    merge_quarantines,
    nest_raw,
    published,
    require_columns,
    split_by_rules,
)

COLUMNS = ("season", "date", "team1", "team2", "prob1", "prob2")
SCHEMA = pl.Schema(
    {
        "season": pl.Int16,
        "game_date": pl.Date,
        "home_team": pl.String,
        "away_team": pl.String,
        "published_home_probability": pl.Float64,
    }
)


@dataclass(frozen=True)
class CleanedForecasts:
    """Forecasts in `SCHEMA`, one row per game, ordered by date and teams; and the quarantined rows."""

    valid: pl.DataFrame
    quarantined: pl.DataFrame


def clean_forecasts(raw: pl.DataFrame) -> CleanedForecasts:
    """Return the published home probability per game; `raw` holds the published columns, source_file and source_row.

    `team1` is the home team. Raises ValueError if a column that is read is missing.
    """
    require_columns(raw, COLUMNS, "forecasts")
    kept, broken = split_by_rules(_parse(raw), _rules(), "forecasts")
    meeting = ["game_date", "home_team", "away_team"]
    contradicts = pl.col("published_home_probability").n_unique().over(meeting) > 1
    rule = RowRule("one forecast per game", "prob1", contradicts, "remove the superseded row and land the file again")
    kept, twice = split_by_rules(kept, [rule], "forecasts")
    valid = kept.unique(meeting, keep="first", maintain_order=True).sort(meeting)
    return CleanedForecasts(valid.select(list(SCHEMA)).cast(SCHEMA), merge_quarantines([broken, twice]))


def join_forecasts(games: pl.DataFrame, forecasts: pl.DataFrame) -> pl.DataFrame:
    """Return the games with `published_home_probability`, null where nobody published one; order and rows unchanged."""
    meeting = ["game_date", "home_team", "away_team"]
    columns = forecasts.select([*meeting, "published_home_probability"])
    return games.join(columns, on=meeting, how="left", maintain_order="left", validate="m:1")


def _parse(raw: pl.DataFrame) -> pl.DataFrame:
    return nest_raw(raw).with_columns(
        published("season").cast(pl.Int16).alias("season"),
        published("date").cast(pl.String).str.to_date("%Y-%m-%d", strict=False).alias("game_date"),
        team_codes.from_nickname(published("team1")).alias("home_team"),
        team_codes.from_nickname(published("team2")).alias("away_team"),
        published("prob1").cast(pl.Float64).alias("published_home_probability"),
    )


def _rules() -> list[RowRule]:
    correct = "correct the row and land the file again"
    lookup = "add the nickname to core/team_codes.py if it is a franchise, else correct the row"
    home, away = published("prob1").cast(pl.Float64), published("prob2").cast(pl.Float64)
    sums_to_one = ((home + away) - 1.0).abs() < 1e-6
    inside = (home > 0.0) & (home < 1.0)
    return [
        RowRule("a date as YYYY-MM-DD", "date", pl.col("game_date").is_null(), correct),
        RowRule("a known franchise", "team1", pl.col("home_team").is_null(), lookup),
        RowRule("a known franchise", "team2", pl.col("away_team").is_null(), lookup),
        RowRule("a probability between 0 and 1", "prob1", ~inside.fill_null(value=False), correct),
        RowRule("the two probabilities sum to 1", "prob2", ~sums_to_one.fill_null(value=False), correct),
    ]
