"""Read the published games archive and betting archive row by row into one shape; merging them is `games`' business.

Both readers return entries: one row per game of one archive, typed, in today's codes, beside what they quarantined and
what they noticed. Every rule that a published row can break is declared here.
"""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from parivision_assets.core import betting_lines, contracts, team_codes
from parivision_assets.core.row_rules import (
    RowRule,
    merge_quarantines,
    nest_raw,
    published,
    require_columns,
    split_by_rules,
)

GAMES_COLUMNS = (
    "GAME_DATE_EST", "GAME_ID", "HOME_TEAM_ID", "VISITOR_TEAM_ID", "SEASON", "PTS_home", "PTS_away",
    "HOME_TEAM_WINS",
)  # fmt: skip
ODDS_COLUMNS = (
    "season", "dates", "regular", "playoffs", "away", "home", "score_away", "score_home", "whos_favored", "spread",
    "total", "moneyline_away", "moneyline_home",
)  # fmt: skip
"""The published columns that are read; quarter scores and box-score shares are kept in the raw tables only."""

GAME_KINDS = {1: "preseason", 2: "regular", 3: "all_star", 4: "playoffs", 5: "play_in"}
"""The first digit of an eight-digit NBA game number (NBA.com: 0012300001 is preseason, 002… regular, 004… playoffs)."""

LOWEST_PTS = 30
HIGHEST_PTS = 250

FINDINGS_SCHEMA = pl.Schema(
    {
        "rule": pl.String,
        "action": pl.String,
        "source_file": pl.String,
        "source_row": pl.Int64,
        "season": pl.Int16,
        "message": pl.String,
    }
)
"""One row per defect that was handled without quarantine; action is excluded, dropped, repaired or noted."""

_LINE_LIMITS = {
    name: (contracts.GAMES.column(name).minimum, contracts.GAMES.column(name).maximum)
    for name in ("closing_spread_home_pts", "closing_total_pts")
}


@dataclass(frozen=True)
class Entries:
    """One archive, read: `valid` entries, quarantined rows and findings."""

    valid: pl.DataFrame
    quarantined: pl.DataFrame
    findings: pl.DataFrame


def finding(rows: pl.DataFrame, rule: str, action: str, text: pl.Expr) -> pl.DataFrame:
    """Return one finding per row of entries; `text` says what was found and what was done about it."""
    message = pl.format("{} row {}: {}", "source_file", "source_row", text)
    shaped = rows.select(
        pl.lit(rule).alias("rule"),
        pl.lit(action).alias("action"),
        "source_file",
        "source_row",
        "season",
        message.alias("message"),
    )
    return shaped.cast(FINDINGS_SCHEMA)


def read_games_archive(raw: pl.DataFrame) -> Entries:
    """Return the games archive's regular-season, play-in and playoff games; preseason and all-star games are excluded.

    Raises ValueError if a column that is read is missing.
    """
    require_columns(raw, GAMES_COLUMNS, "games archive")
    kept, broken = split_by_rules(_parse_games(raw), _games_rules(), "games")
    wanted = kept.filter(pl.col("stage").is_in(contracts.STAGES))
    others = kept.filter(~pl.col("stage").is_in(contracts.STAGES))
    excluded = finding(
        others,
        "exhibition_game",
        "excluded",
        pl.format("{} game, not part of the season", "stage"),
    )
    unique, conflicts, repeats = _one_row_per_game(wanted, "games", ("GAME_ID", "PTS_home"))
    return Entries(unique, merge_quarantines([broken, conflicts]), pl.concat([excluded, repeats]))


def read_betting_archive(raw: pl.DataFrame) -> Entries:
    """Return the betting archive's games with the closing market where its prices are possible.

    A tied score stays in (the other archive may know better); raises ValueError if a column that is read is missing.
    """
    require_columns(raw, ODDS_COLUMNS, "betting archive")
    kept, broken = split_by_rules(_parse_odds(raw), _odds_rules(), "odds")
    unique, conflicts, repeats = _one_row_per_game(kept, "odds", ("dates", "score_home"))
    priced, findings = _with_market(unique)
    return Entries(priced, merge_quarantines([broken, conflicts]), pl.concat([repeats, findings]))


def _parse_games(raw: pl.DataFrame) -> pl.DataFrame:
    kind = published("GAME_ID").cast(pl.Int64) // 10_000_000
    return nest_raw(raw).with_columns(
        (published("SEASON") + 1).cast(pl.Int16).alias("season"),
        published("GAME_DATE_EST").cast(pl.String).str.to_date("%Y-%m-%d", strict=False).alias("game_date"),
        kind.replace_strict(GAME_KINDS, default=None, return_dtype=pl.String).alias("stage"),
        team_codes.from_nba_id(published("HOME_TEAM_ID")).alias("home_team"),
        team_codes.from_nba_id(published("VISITOR_TEAM_ID")).alias("away_team"),
        published("PTS_home").cast(pl.Float64).fill_nan(None).alias("home_pts"),
        published("PTS_away").cast(pl.Float64).fill_nan(None).alias("away_pts"),
        published("GAME_ID").cast(pl.Int64).alias("game_id"),
        published("HOME_TEAM_WINS").cast(pl.Int64).alias("home_flag"),
    )


def _parse_odds(raw: pl.DataFrame) -> pl.DataFrame:
    is_playoffs, is_regular = published("playoffs"), published("regular")
    return nest_raw(raw).with_columns(
        published("season").cast(pl.Int16).alias("season"),
        published("dates").cast(pl.String).str.to_date("%m/%d/%Y", strict=False).alias("game_date"),
        # The archive marks the 2020 play-in game as neither regular season nor playoffs.
        pl.when(is_playoffs)
        .then(pl.lit("playoffs"))
        .when(is_regular)
        .then(pl.lit("regular"))
        .otherwise(pl.lit("play_in"))
        .alias("stage"),
        team_codes.from_betting_code(published("home")).alias("home_team"),
        team_codes.from_betting_code(published("away")).alias("away_team"),
        published("score_home").cast(pl.Float64).fill_nan(None).alias("home_pts"),
        published("score_away").cast(pl.Float64).fill_nan(None).alias("away_pts"),
        pl.lit(None, pl.Int64).alias("game_id"),
    )


def _shared_rules(date: str, home: str, away: str, home_pts: str, away_pts: str, date_style: str) -> list[RowRule]:
    """Return the rules that both archives share, under each archive's published column names."""
    lookup = "add the code to core/team_codes.py if it is a franchise, else correct the row"
    correct = "correct the row and land the file again"
    no_date = RowRule(f"a date as {date_style}", date, pl.col("game_date").is_null(), correct)
    out_of_season = RowRule("a date within its season", date, ~_within_season(), correct)
    teams = [
        RowRule("a known franchise", home, pl.col("home_team").is_null(), lookup),
        RowRule("a known franchise", away, pl.col("away_team").is_null(), lookup),
        RowRule("two different teams", away, pl.col("home_team") == pl.col("away_team"), correct),
    ]
    scores = [_score_rule(home_pts, "home_pts"), _score_rule(away_pts, "away_pts")]
    return [no_date, out_of_season, *teams, *scores]


def _score_rule(column: str, parsed: str) -> RowRule:
    points = pl.col(parsed)
    broken = points.is_null() | ~points.is_between(LOWEST_PTS, HIGHEST_PTS) | (points != points.round())
    return RowRule(
        f"a final score of whole points within {LOWEST_PTS} … {HIGHEST_PTS}",
        column,
        broken,
        "land the row again once the game has been played and its score is known",
    )


def _within_season() -> pl.Expr:
    """A season runs from September of the year before to October of its own (2020 ended on 11 October)."""
    first = pl.date(pl.col("season").cast(pl.Int32) - 1, 9, 1)
    last = pl.date(pl.col("season").cast(pl.Int32), 10, 31)
    return pl.col("game_date").is_between(first, last)


def _games_rules() -> list[RowRule]:
    correct = "correct the row and land the file again"
    shared = _shared_rules("GAME_DATE_EST", "HOME_TEAM_ID", "VISITOR_TEAM_ID", "PTS_home", "PTS_away", "YYYY-MM-DD")
    exhibition = pl.col("stage").is_in(["preseason", "all_star"])
    kind = RowRule(
        "a game number whose first digit says which kind of game it is (1 to 5)",
        "GAME_ID",
        pl.col("stage").is_null(),
        correct,
    )
    # Exhibitions are excluded anyway: their foreign guests and missing scores are no defects.
    judged = [
        RowRule(rule.name, rule.column, rule.broken & ~exhibition.fill_null(value=False), rule.next_step)
        for rule in shared
    ]
    home_won = (pl.col("home_pts") > pl.col("away_pts")).cast(pl.Int64)
    tie = RowRule("no ties", "PTS_home", ~exhibition & (pl.col("home_pts") == pl.col("away_pts")), correct)
    flag = RowRule(
        "the winner's flag agrees with the score",
        "HOME_TEAM_WINS",
        ~exhibition & (pl.col("home_flag") != home_won),
        correct,
    )
    return [kind, *judged, tie, flag]


def _odds_rules() -> list[RowRule]:
    return _shared_rules("dates", "home", "away", "score_home", "score_away", "M/D/YYYY")


def _one_row_per_game(
    rows: pl.DataFrame, archive: str, columns: tuple[str, str]
) -> tuple[pl.DataFrame, pl.DataFrame, pl.DataFrame]:
    """Return (one entry per game, quarantined contradictions, findings for harmless repeats).

    `columns` are the published columns to look at when two rows claim one game number, or give one game two scores.
    """
    claims = pl.struct("game_date", "home_team", "away_team", "home_pts", "away_pts")
    number_clash = pl.col("game_id").is_not_null() & (claims.n_unique().over("game_id") > 1)
    meeting = ["game_date", "home_team", "away_team"]
    score_clash = pl.struct("home_pts", "away_pts").n_unique().over(meeting) > 1
    marked = rows.with_columns(number_clash.alias("number_clash"), score_clash.alias("score_clash"))
    advice = "find out which row is right, remove the others and land the file again"
    numbers = RowRule("one game per game number", columns[0], pl.col("number_clash"), advice)
    scores = RowRule(
        "one score per game: the same game with a different score", columns[1], pl.col("score_clash"), advice
    )
    kept, conflicts = split_by_rules(marked, [scores, numbers], archive)
    kept = kept.drop("number_clash", "score_clash").sort("source_file", "source_row")
    is_repeat = pl.int_range(pl.len()).over(meeting) > 0
    repeats = finding(
        kept.filter(is_repeat), "repeated_game", "dropped", pl.lit("the game is there already, with the same score")
    )
    return kept.filter(~is_repeat), conflicts, repeats


def _with_market(rows: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return entries with closing spread, total and home probability, and findings for prices that were dropped."""
    home, away = published("moneyline_home"), published("moneyline_away")
    priced = rows.with_columns(
        betting_lines.home_spread_pts(published("spread"), published("whos_favored")).alias("closing_spread_home_pts"),
        published("total").cast(pl.Float64).alias("closing_total_pts"),
        betting_lines.home_probability(home, away).alias("closing_home_probability"),
        betting_lines.is_possible(home, away).alias("possible"),
    )
    findings = [_impossible_prices(priced), _absent_prices(priced), _favourite_disagreements(priced)]
    for name, (low, high) in _LINE_LIMITS.items():
        outside = priced.filter(~pl.col(name).is_between(low, high))
        text = pl.format("{} {} is outside {} … {}; dropped", pl.lit(name), name, pl.lit(low), pl.lit(high))
        findings.append(finding(outside, "impossible_line", "dropped", text))
        priced = priced.with_columns(pl.when(pl.col(name).is_between(low, high)).then(pl.col(name)).alias(name))
    return priced.drop("possible"), pl.concat(findings)


def _impossible_prices(priced: pl.DataFrame) -> pl.DataFrame:
    home, away = published("moneyline_home"), published("moneyline_away")
    text = pl.format(
        "moneylines {} (away) and {} (home) imply {} %, outside {} … {} %; market probability dropped, game kept",
        away,
        home,
        (100 * betting_lines.book_sum(home, away)).round(1),
        pl.lit(round(100 * betting_lines.MINIMUM_BOOK)),
        pl.lit(round(100 * betting_lines.MAXIMUM_BOOK)),
    )
    return finding(priced.filter(~pl.col("possible")), "impossible_moneylines", "dropped", text)


def _absent_prices(priced: pl.DataFrame) -> pl.DataFrame:
    absent = priced.filter(pl.col("possible").is_null())
    return finding(absent, "absent_moneylines", "noted", pl.lit("no moneyline for one team or both; game kept"))


def _favourite_disagreements(priced: pl.DataFrame) -> pl.DataFrame:
    spread_side = pl.when(published("whos_favored") == "home").then(1.0).otherwise(-1.0)
    money_side = (pl.col("closing_home_probability") - 0.5).sign()
    disagree = priced.filter((spread_side * money_side) <= 0)
    text = pl.format(
        "the spread favours {} and the moneylines do not (home {}); harmless near pick'em, kept",
        published("whos_favored"),
        pl.col("closing_home_probability").round(3),
    )
    return finding(disagree, "favourites_disagree", "noted", text)
