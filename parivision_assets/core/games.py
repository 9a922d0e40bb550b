"""Merge the published archives into canonical games, and mask the days to come. Reading rows is `game_archives`' work.

Rules of the merge, each counted in the report:

- two entries are one game when date, home and away team agree, or when the teams and both scores agree and the dates
  lie one day apart (the archives date late games differently); the games archive's date wins;
- where the scores disagree the games archive wins: it is the league's own box score, and the betting archive's quarter
  scores cannot arbitrate, since they are filled so as to sum to its total in every row;
- a tie that the games archive does not resolve is quarantined: there are no ties.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

import polars as pl

from parivision_assets.core import contracts
from parivision_assets.core.game_archives import (
    FINDINGS_SCHEMA,
    GAMES_COLUMNS,
    ODDS_COLUMNS,
    Entries,
    finding,
    read_betting_archive,
    read_games_archive,
)
from parivision_assets.core.row_rules import (
    QUARANTINE_SCHEMA,
    RowRule,
    merge_quarantines,
    quarantine,
)

_MEETING = ["game_date", "home_team", "away_team"]
_SCORE = ["home_pts", "away_pts"]
_MARKET = ["closing_spread_home_pts", "closing_total_pts", "closing_home_probability"]
_FILES = ["source_file", "source_row", "raw"]
_ENTRY = [*_FILES, "season", *_MEETING, "stage", *_SCORE, "game_id"]


@dataclass(frozen=True)
class GamesReport:
    """What happened to every published row: counts of rows and merges, and one finding per defect handled.

    `findings` has the columns of `game_archives.FINDINGS_SCHEMA`, ordered by rule, file and row.
    """

    games_rows: int
    odds_rows: int
    valid: int
    quarantined: int
    joined_same_date: int
    joined_day_apart: int
    games_only: int
    odds_only: int
    findings: pl.DataFrame

    def counts(self) -> dict[str, int]:
        """Return the number of findings per rule, rules in alphabetical order."""
        table = self.findings.group_by("rule").len().sort("rule")
        return dict(table.iter_rows())

    def counts_by_season(self) -> pl.DataFrame:
        """Return columns season, rule, action, rows: what was handled in each season."""
        return self.findings.group_by("season", "rule", "action").agg(pl.len().alias("rows")).sort("season", "rule")


@dataclass(frozen=True)
class CleanedGames:
    """Canonical games (`contracts.GAMES`), quarantined rows (`row_rules.QUARANTINE_SCHEMA`) and the report."""

    valid: pl.DataFrame
    quarantined: pl.DataFrame
    report: GamesReport


def clean_games(games_raw: pl.DataFrame | None, odds_raw: pl.DataFrame | None) -> CleanedGames:
    """Return canonical games from the published archives, either of which may be absent; any number of seasons.

    The frames hold the published columns plus source_file and source_row (1-based data row). Games are ordered by date
    and key. Raises ValueError if both archives are absent or a column that is read is missing.
    """
    if games_raw is None and odds_raw is None:
        raise ValueError("no games: give the games archive, the betting archive or both")
    box = read_games_archive(games_raw if games_raw is not None else _empty(GAMES_COLUMNS, _GAMES_TYPES))
    odds = read_betting_archive(odds_raw if odds_raw is not None else _empty(ODDS_COLUMNS, _ODDS_TYPES))
    same, day_apart, box_only, odds_only = _match(box.valid, odds.valid)
    merged_findings = [_score_disagreements(same), _date_disagreements(day_apart)]
    unresolved = odds_only.filter(pl.col("home_pts") == pl.col("away_pts"))
    odds_only = odds_only.filter(pl.col("home_pts") != pl.col("away_pts"))
    pieces = [
        (pl.concat([same, day_apart]), "both"),
        (box_only.with_columns([pl.lit(None, pl.Float64).alias(name) for name in _MARKET]), "games"),
        (odds_only, "odds"),
    ]
    valid = pl.concat([_canonical(rows, sources) for rows, sources in pieces]).sort("game_date", "game_key")
    quarantined = merge_quarantines([box.quarantined, odds.quarantined, quarantine(unresolved, _NO_TIES, "odds")])
    findings = pl.concat([box.findings, odds.findings, *merged_findings])
    report = GamesReport(
        games_rows=0 if games_raw is None else games_raw.height,
        odds_rows=0 if odds_raw is None else odds_raw.height,
        valid=valid.height,
        quarantined=quarantined.height,
        joined_same_date=same.height,
        joined_day_apart=day_apart.height,
        games_only=box_only.height,
        odds_only=odds_only.height,
        findings=findings.sort("rule", "source_file", "source_row"),
    )
    return CleanedGames(valid, quarantined, report)


def newest_rows(landed: Sequence[pl.DataFrame]) -> pl.DataFrame:
    """Return one archive's raw rows from files in landing order, oldest first: a game's newest file supplies its rows.

    All frames are of one archive (games or betting). A game is the game number in the games archive, date and both
    teams in the betting archive, as published. Raises ValueError for no frames or an unknown archive.
    """
    if not landed:
        raise ValueError("no landed file: the partition is absent, not empty")
    key = _published_key(landed[0])
    stacked = pl.concat(
        [frame.with_columns(pl.lit(order).alias("landing_order")) for order, frame in enumerate(landed)],
        how="diagonal_relaxed",
    )
    newest = pl.col("landing_order") == pl.col("landing_order").max().over(key)
    return stacked.filter(newest).drop("landing_order")


def mask_schedule(games: pl.DataFrame, as_of: date, days: int = 7) -> pl.DataFrame:
    """Return the games dated as_of … as_of + days - 1 as a schedule (`contracts.SCHEDULE`): no result, no market.

    `as_of` is the first day not yet played. Raises ValueError unless days is positive.
    """
    if days < 1:
        raise ValueError(f"a schedule needs at least one day, not {days}")
    ahead = pl.col("game_date").is_between(as_of, as_of + timedelta(days=days - 1))
    return contracts.SCHEDULE.conform(games.filter(ahead)).sort("game_date", "game_key")


def game_key() -> pl.Expr:
    """Return date_AWAY_HOME from the columns game_date, away_team and home_team."""
    return pl.format("{}_{}_{}", pl.col("game_date").dt.strftime("%Y-%m-%d"), "away_team", "home_team").alias(
        "game_key"
    )


_NO_TIES = RowRule(
    "no ties",
    "score_home",
    pl.lit(value=True),
    "land the games archive of that season, whose score decides, or correct the row",
)

_GAMES_TYPES: Mapping[str, type[pl.DataType]] = {
    "GAME_DATE_EST": pl.String, "PTS_home": pl.Float64, "PTS_away": pl.Float64,
}  # fmt: skip
_ODDS_TYPES: Mapping[str, type[pl.DataType]] = {
    "dates": pl.String, "regular": pl.Boolean, "playoffs": pl.Boolean, "away": pl.String, "home": pl.String,
    "whos_favored": pl.String, "spread": pl.Float64, "total": pl.Float64,
}  # fmt: skip


def _empty(columns: Sequence[str], types: Mapping[str, type[pl.DataType]]) -> pl.DataFrame:
    schema: dict[str, type[pl.DataType]] = {name: types.get(name, pl.Int64) for name in columns}
    return pl.DataFrame(schema={**schema, "source_file": pl.String, "source_row": pl.Int64})


def _published_key(frame: pl.DataFrame) -> list[str]:
    if "GAME_ID" in frame.columns:
        return ["GAME_ID"]
    if "dates" in frame.columns:
        return ["dates", "away", "home"]
    raise ValueError("neither a games archive (GAME_ID) nor a betting archive (dates, away, home)")


def _match(box: pl.DataFrame, odds: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame, pl.DataFrame, pl.DataFrame]:
    """Return (same date, a day apart, games archive only, betting archive only); pairs keep both sides' columns."""
    theirs = odds.select([*_ENTRY, *_MARKET]).rename({"game_date": "odds_date"})
    renamed = theirs.rename({name: f"odds_{name}" for name in [*_FILES, "season", "stage", *_SCORE, "game_id"]})
    teams = ["home_team", "away_team"]
    same = box.select(_ENTRY).join(
        renamed.with_columns(game_date=pl.col("odds_date")), on=_MEETING, how="inner", maintain_order="left"
    )
    box_left = box.select(_ENTRY).join(same.select(_MEETING), on=_MEETING, how="anti", maintain_order="left")
    seen = same.select(pl.col("game_date").alias("odds_date"), *teams)
    odds_left = renamed.join(seen, on=["odds_date", *teams], how="anti", maintain_order="left")
    near = box_left.join(odds_left, on=teams, how="inner", maintain_order="left").filter(
        ((pl.col("game_date") - pl.col("odds_date")).dt.total_days().abs() == 1)
        & (pl.col("home_pts") == pl.col("odds_home_pts"))
        & (pl.col("away_pts") == pl.col("odds_away_pts"))
    )
    # Two candidates for one row would be a guess: such rows stay unmatched.
    alone = (pl.len().over(_MEETING) == 1) & (pl.len().over("odds_date", *teams) == 1)
    near = near.filter(alone).select(same.columns)
    box_only = box_left.join(near.select(_MEETING), on=_MEETING, how="anti", maintain_order="left")
    matched = near.select("odds_date", *teams)
    left_over = odds_left.join(matched, on=["odds_date", *teams], how="anti", maintain_order="left")
    back = {name: name.removeprefix("odds_") for name in renamed.columns if name.startswith("odds_")}
    odds_only = left_over.rename({**back, "odds_date": "game_date"}).select([*_ENTRY, *_MARKET])
    return same, near, box_only, odds_only


def _canonical(rows: pl.DataFrame, sources: str) -> pl.DataFrame:
    shaped = rows.with_columns(
        game_key(),
        (pl.col("home_pts") > pl.col("away_pts")).alias("is_home_win"),
        pl.lit(sources).alias("sources"),
    )
    return contracts.GAMES.conform(shaped)


def _score_disagreements(same: pl.DataFrame) -> pl.DataFrame:
    differ = same.filter(
        (pl.col("home_pts") != pl.col("odds_home_pts")) | (pl.col("away_pts") != pl.col("odds_away_pts"))
    )
    tied = pl.col("odds_home_pts") == pl.col("odds_away_pts")
    text = pl.format(
        "{} at {} on {}: {}-{} in the games archive (used), {}-{} in the betting archive, {} row {}",
        "away_team", "home_team", "game_date", pl.col("away_pts").cast(pl.Int64), pl.col("home_pts").cast(pl.Int64),
        pl.col("odds_away_pts").cast(pl.Int64), pl.col("odds_home_pts").cast(pl.Int64),
        "odds_source_file", "odds_source_row",
    )  # fmt: skip
    return pl.concat(
        [
            finding(differ.filter(~tied), "scores_disagree", "repaired", text),
            finding(differ.filter(tied), "tie_resolved", "repaired", text),
        ]
    )


def _date_disagreements(day_apart: pl.DataFrame) -> pl.DataFrame:
    text = pl.format(
        "{} at {}: dated {} in the games archive (used), {} in the betting archive, {} row {}",
        "away_team", "home_team", "game_date", "odds_date", "odds_source_file", "odds_source_row",
    )  # fmt: skip
    return finding(day_apart, "dated_a_day_apart", "repaired", text)


__all__ = [
    "FINDINGS_SCHEMA",
    "QUARANTINE_SCHEMA",
    "CleanedGames",
    "Entries",
    "GamesReport",
    "clean_games",
    "game_key",
    "mask_schedule",
    "newest_rows",
]
