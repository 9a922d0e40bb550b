"""The publishers' formats, declared once as data: which columns a file has and what each holds.

Reading bytes and parsing them belong to `parsing` and `archives`; judging values belongs to the core.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field
from enum import StrEnum

import polars as pl

Dtype = type[pl.DataType]


class Dataset(StrEnum):
    """What a published file is about."""

    SHOTS = "shots"
    GAMES = "games"
    ODDS = "odds"
    TRACKING = "tracking"
    FORECASTS = "forecasts"
    FEED = "feed"
    SCHEDULE = "schedule"


class SourceError(Exception):
    """A source could not be used; the message says what to do next."""


class SourceUnavailableError(SourceError):
    """A source did not answer (network, permission, missing extra): nothing is known about its content."""


class SourceAbsentError(SourceError):
    """The file or folder is not there: a normal state, unlike an empty answer."""


class SourceFormatError(SourceError):
    """A file is there and is not what its publisher's format says.

    `row` counts data rows from 1 (None: the file as a whole); `column` is None where no column is at fault.
    """

    def __init__(
        self, file: str, rule: str, next_step: str, *, row: int | None = None, column: str | None = None
    ) -> None:
        """Keep the parts and compose one line from them."""
        self.file, self.row, self.column, self.rule, self.next_step = file, row, column, rule, next_step
        where = file + (f", row {row}" if row is not None else "") + (f", column {column}" if column else "")
        super().__init__(f"{where}: {rule}. {next_step}")


@dataclass(frozen=True)
class Format:
    """One publisher's file: columns in published order with their types, and those that a file may lack."""

    dataset: Dataset
    publisher: str
    columns: dict[str, Dtype]
    optional: frozenset[str] = field(default_factory=frozenset)

    @property
    def required(self) -> tuple[str, ...]:
        """Return the columns that every file of this format has."""
        return tuple(name for name in self.columns if name not in self.optional)

    @property
    def schema(self) -> pl.Schema:
        """Return the schema of a parsed file: published columns, then `source_file` and `source_row`."""
        columns: dict[str, Dtype] = {**self.columns, "source_file": pl.String, "source_row": pl.Int64}
        return pl.Schema(columns)


def _typed(**columns: str) -> dict[str, Dtype]:
    """Return published columns by type; columns of one type are given as one space-separated string."""
    kinds: dict[str, Dtype] = {"text": pl.String, "whole": pl.Int64, "number": pl.Float64, "flag": pl.Boolean}
    return {name: kinds[kind] for kind, names in columns.items() for name in names.split()}


def _ordered(header: str, columns: dict[str, Dtype]) -> dict[str, Dtype]:
    """Return `columns` in the order of a published header line; a column left out of either is a KeyError."""
    names = header.split(",")
    if set(names) != set(columns):
        raise KeyError(f"declared and published columns differ: {sorted(set(names) ^ set(columns))}")
    return {name: columns[name] for name in names}


SHOTS = Format(
    Dataset.SHOTS,
    "NBA Shots 2004-2024 (DomSamangy/NBA_Shots_04_24 on GitHub)",
    _ordered(
        "SEASON_1,SEASON_2,TEAM_ID,TEAM_NAME,PLAYER_ID,PLAYER_NAME,POSITION_GROUP,POSITION,GAME_DATE,GAME_ID,"
        "HOME_TEAM,AWAY_TEAM,EVENT_TYPE,SHOT_MADE,ACTION_TYPE,SHOT_TYPE,BASIC_ZONE,ZONE_NAME,ZONE_ABB,ZONE_RANGE,"
        "LOC_X,LOC_Y,SHOT_DISTANCE,QUARTER,MINS_LEFT,SECS_LEFT",
        _typed(
            text="SEASON_2 TEAM_NAME PLAYER_NAME POSITION_GROUP POSITION GAME_DATE HOME_TEAM AWAY_TEAM "
            "EVENT_TYPE ACTION_TYPE SHOT_TYPE BASIC_ZONE ZONE_NAME ZONE_ABB ZONE_RANGE",
            whole="SEASON_1 TEAM_ID PLAYER_ID GAME_ID SHOT_DISTANCE QUARTER MINS_LEFT SECS_LEFT",
            number="LOC_X LOC_Y",
            flag="SHOT_MADE",
        ),
    ),
    optional=frozenset({"POSITION_GROUP", "POSITION"}),
)

GAMES = Format(
    Dataset.GAMES,
    "NBA games data (nathanlauga/nba-games on Kaggle)",
    _ordered(
        "GAME_DATE_EST,GAME_ID,GAME_STATUS_TEXT,HOME_TEAM_ID,VISITOR_TEAM_ID,SEASON,TEAM_ID_home,PTS_home,"
        "FG_PCT_home,FT_PCT_home,FG3_PCT_home,AST_home,REB_home,TEAM_ID_away,PTS_away,FG_PCT_away,FT_PCT_away,"
        "FG3_PCT_away,AST_away,REB_away,HOME_TEAM_WINS",
        _typed(
            text="GAME_DATE_EST GAME_STATUS_TEXT",
            whole="GAME_ID HOME_TEAM_ID VISITOR_TEAM_ID SEASON TEAM_ID_home TEAM_ID_away HOME_TEAM_WINS",
            number="PTS_home FG_PCT_home FT_PCT_home FG3_PCT_home AST_home REB_home "
            "PTS_away FG_PCT_away FT_PCT_away FG3_PCT_away AST_away REB_away",
        ),
    ),
)

ODDS = Format(
    Dataset.ODDS,
    "NBA betting data (cviaxmiwnptr/nba-betting-data-october-2007-to-june-2024 on Kaggle)",
    _ordered(
        "season,dates,regular,playoffs,away,home,score_away,score_home,q1_away,q2_away,q3_away,q4_away,ot_away,"
        "q1_home,q2_home,q3_home,q4_home,ot_home,whos_favored,spread,total,moneyline_away,moneyline_home,h2_spread,"
        "h2_total,id_spread,id_total",
        _typed(
            text="dates away home whos_favored",
            flag="regular playoffs",
            whole="season score_away score_home q1_away q2_away q3_away q4_away ot_away q1_home q2_home "
            "q3_home q4_home ot_home moneyline_away moneyline_home id_spread id_total",
            number="spread total h2_spread h2_total",
        ),
    ),
)

TRACKING = Format(
    Dataset.TRACKING,
    "NBA shot logs (dansbecker/nba-shot-logs on Kaggle)",
    _ordered(
        "GAME_ID,MATCHUP,LOCATION,W,FINAL_MARGIN,SHOT_NUMBER,PERIOD,GAME_CLOCK,SHOT_CLOCK,DRIBBLES,TOUCH_TIME,"
        "SHOT_DIST,PTS_TYPE,SHOT_RESULT,CLOSEST_DEFENDER,CLOSEST_DEFENDER_PLAYER_ID,CLOSE_DEF_DIST,FGM,PTS,"
        "player_name,player_id",
        _typed(
            text="MATCHUP LOCATION W GAME_CLOCK SHOT_RESULT CLOSEST_DEFENDER player_name",
            whole="GAME_ID FINAL_MARGIN SHOT_NUMBER PERIOD DRIBBLES PTS_TYPE CLOSEST_DEFENDER_PLAYER_ID FGM "
            "PTS player_id",
            number="SHOT_CLOCK TOUCH_TIME SHOT_DIST CLOSE_DEF_DIST",
        ),
    ),
)

FORECASTS = Format(
    Dataset.FORECASTS,
    "FiveThirtyEight's checking-our-work data (fivethirtyeight/checking-our-work-data on GitHub)",
    _ordered(
        "season,date,team1,team2,prob1,prob1_outcome,prob2,prob2_outcome",
        _typed(text="date team1 team2", whole="season prob1_outcome prob2_outcome", number="prob1 prob2"),
    ),
)

_FEED_HEADER = (
    "Game ID,Game Event ID,Player ID,Player Name,Team ID,Team Name,Period,Minutes Remaining,Seconds Remaining,"
    "Action Type,Shot Type,Shot Zone Basic,Shot Zone Area,Shot Zone Range,Shot Distance,X Location,Y Location,"
    "Shot Made Flag,Game Date,Home Team,Away Team,Season Type"
)

FEED = Format(
    Dataset.FEED,
    "VirtualBets shot feed",
    dict.fromkeys(_FEED_HEADER.split(","), pl.String),
)

SCHEDULE = Format(
    Dataset.SCHEDULE,
    "the synthetic league's games to come (no result)",
    _ordered(
        "season,game_date,game_id,away_team,home_team",
        _typed(text="game_date away_team home_team", whole="season game_id"),
    ),
)

FORMATS: dict[Dataset, Format] = {
    published.dataset: published for published in (SHOTS, GAMES, ODDS, TRACKING, FORECASTS, FEED, SCHEDULE)
}

SEASON_OF_ROW: dict[Dataset, pl.Expr] = {
    Dataset.SHOTS: pl.col("SEASON_1"),
    Dataset.GAMES: pl.col("SEASON") + 1,
    Dataset.ODDS: pl.col("season"),
    # The third and fourth digit of a game number are the year in which the season starts.
    Dataset.TRACKING: pl.col("GAME_ID") // 100_000 % 100 + 2001,
}
"""The season (year in which it ends) of a published row."""

DATE_OF_ROW: dict[Dataset, pl.Expr] = {
    Dataset.SHOTS: pl.col("GAME_DATE").str.to_date("%m-%d-%Y", strict=False),
    Dataset.GAMES: pl.col("GAME_DATE_EST").str.to_date("%Y-%m-%d", strict=False),
    Dataset.ODDS: pl.col("dates").str.to_date("%m/%d/%Y", strict=False),
}
"""How each publisher writes a row's date."""


def day_file_name(dataset: Dataset, season: int, day: dt.date) -> str:
    """Return the name of a day file, which holds one date's rows of shots, games or odds."""
    stem = {Dataset.SHOTS: f"NBA_{season}_Shots", Dataset.GAMES: "games", Dataset.ODDS: "nba"}[dataset]
    return f"{stem}.{day}.csv"
