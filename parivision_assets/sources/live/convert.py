"""The service's answers turned into the publishers' archive formats. Pure: payloads and tables in, tables out.

The service gives locations in tenths of feet from the hoop, x negative on the shooter's left; the shots archive (until
2018 and from 2023) gives feet from the baseline with x positive on the left. Repair and cleaning belong to the core.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import Any

import polars as pl

from parivision_assets.core import court, team_codes
from parivision_assets.sources.live.answers import LeftOut
from parivision_assets.sources.live.errors import LiveFormatError

UPDATE = "update nba_api (`pip install -U nba_api`); if that does not help, report the endpoint's new format"
SHOTS_ENDPOINT = "shotchartdetail"
GAMES_ENDPOINT = "leaguegamefinder"
SCHEDULE_ENDPOINT = "scheduleleaguev2"

SHOT_COLUMNS: dict[str, type[pl.DataType]] = {
    "GAME_ID": pl.String, "PLAYER_ID": pl.Int64, "PLAYER_NAME": pl.String, "TEAM_ID": pl.Int64,
    "TEAM_NAME": pl.String, "PERIOD": pl.Int64, "MINUTES_REMAINING": pl.Int64, "SECONDS_REMAINING": pl.Int64,
    "EVENT_TYPE": pl.String, "ACTION_TYPE": pl.String, "SHOT_TYPE": pl.String, "SHOT_ZONE_BASIC": pl.String,
    "SHOT_ZONE_AREA": pl.String, "SHOT_ZONE_RANGE": pl.String, "SHOT_DISTANCE": pl.Int64, "LOC_X": pl.Float64,
    "LOC_Y": pl.Float64, "SHOT_MADE_FLAG": pl.Int64, "GAME_DATE": pl.String, "HTM": pl.String, "VTM": pl.String,
}  # fmt: skip
"""What is needed of the result set Shot_Chart_Detail."""

TEAM_GAME_COLUMNS: dict[str, type[pl.DataType]] = {
    "SEASON_ID": pl.String, "TEAM_ID": pl.Int64, "GAME_ID": pl.String, "GAME_DATE": pl.String, "MATCHUP": pl.String,
    "WL": pl.String, "PTS": pl.Float64, "FGA": pl.Int64, "FG_PCT": pl.Float64, "FT_PCT": pl.Float64,
    "FG3_PCT": pl.Float64, "AST": pl.Float64, "REB": pl.Float64,
}  # fmt: skip
"""What is needed of the result set LeagueGameFinderResults: one row per team and game."""

MIN_SHOT_SHARE = 0.95
"""Share of a team's box-score attempts that its shot rows must reach. The shots archive itself lacks single shots in
some games, a game that is still being charted lacks far more."""

_IDS = frozenset({"GAME_ID", "PLAYER_ID", "TEAM_ID", "SEASON_ID"})
_DIGITS = {"GAME_ID": 10, "SEASON_ID": 5}
_MAX_EXACT = 2**53
"""Beyond it a number is no longer exact as a float; no column of the service comes near. NaN fails the comparison."""


def result_set(
    payload: Mapping[str, Any], endpoint: str, name: str, columns: Mapping[str, type[pl.DataType]]
) -> pl.DataFrame:
    """Return one result set's needed columns, typed, in the service's order of rows (none is a legal number).

    Raises:
        LiveFormatError: no such result set, a missing header, a row of another length, or a value of another type;
            the message names row (1-based) and column.
    """
    found = _find_set(payload, endpoint, name)
    headers, rows = found.get("headers"), found.get("rowSet")
    if not isinstance(headers, list) or not isinstance(rows, list):
        raise LiveFormatError(endpoint, f"result set {name} has no headers or no rowSet", UPDATE)
    missing = [column for column in columns if column not in headers]
    if missing:
        raise LiveFormatError(endpoint, f"result set {name} lacks column(s) {', '.join(missing)}", UPDATE)
    for number, row in enumerate(rows, start=1):
        if not isinstance(row, list) or len(row) != len(headers):
            width = len(row) if isinstance(row, list) else "no list of"
            problem = f"result set {name}, row {number}: {width} values for {len(headers)} headers"
            raise LiveFormatError(endpoint, problem, UPDATE)
    positions = {column: headers.index(column) for column in columns}
    return pl.DataFrame([
        _typed(endpoint, column, [row[positions[column]] for row in rows], dtype)
        for column, dtype in columns.items()
    ])  # fmt: skip


def _find_set(payload: Mapping[str, Any], endpoint: str, name: str) -> dict[str, Any]:
    sets = payload.get("resultSets", payload.get("resultSet"))
    candidates = [sets] if isinstance(sets, dict) else sets
    if not isinstance(candidates, list):
        keys = ", ".join(sorted(payload)[:8]) or "nothing"
        raise LiveFormatError(endpoint, f"no resultSets in the answer, but {keys}", UPDATE)
    for candidate in candidates:
        if isinstance(candidate, dict) and candidate.get("name") == name:
            return candidate
    names = [str(candidate.get("name")) for candidate in candidates if isinstance(candidate, dict)]
    raise LiveFormatError(endpoint, f"no result set {name}, but {', '.join(names) or 'none'}", UPDATE)


def _typed(endpoint: str, column: str, values: list[object], dtype: type[pl.DataType]) -> pl.Series:
    for number, value in enumerate(values, start=1):
        if not _fits(column, value, dtype):
            problem = f"row {number}, column {column}: {value!r} is no {dtype.__name__}"
            raise LiveFormatError(endpoint, problem, UPDATE)
    return pl.Series(column, values, dtype=dtype, strict=False)


def _fits(column: str, value: object, dtype: type[pl.DataType]) -> bool:
    if value is None:
        return column not in _IDS
    if column in _DIGITS:
        return isinstance(value, str) and len(value) == _DIGITS[column] and value.isascii() and value.isdecimal()
    if dtype is pl.String:
        return isinstance(value, str) and _is_storable(value)
    if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) <= _MAX_EXACT:
        return False
    return dtype is pl.Float64 or float(value).is_integer()


def _is_storable(text: str) -> bool:
    """Return whether the text has no half of a surrogate pair: JSON may escape one, UTF-8 cannot hold it."""
    return text.isascii() or not any("\ud800" <= character <= "\udfff" for character in text)


def season_of_game(game_id: pl.Expr) -> pl.Expr:
    """Return the year in which a game's season ends; of the ten digits, those at 3 and 4 are the starting year."""
    start = game_id.str.slice(3, 2).cast(pl.Int64)
    return start + pl.when(start >= 46).then(1901).otherwise(2001)


def season_name(season: int) -> str:
    """Return the service's name of a season: 2021 is 2020-21."""
    return f"{season - 1}-{season % 100:02d}"


def season_on(date: dt.date) -> int:
    """Return the season whose games a date may hold; it turns on 1 October, in 2020 (the bubble) on 1 December."""
    turn = dt.date(date.year, 12 if date.year == 2020 else 10, 1)
    return date.year + 1 if date >= turn else date.year


def to_archive_shots(rows: pl.DataFrame, source_file: str = "live") -> pl.DataFrame:
    """Return shots in the shots archive's columns, plus `source_file` and `source_row` (1-based).

    `rows` holds SHOT_COLUMNS. POSITION and POSITION_GROUP are null: later archives lack them, too.
    """
    area = pl.col("SHOT_ZONE_AREA")
    labelled = r"^(.+)\(([A-Z]+)\)$"
    season = season_of_game(pl.col("GAME_ID"))
    date = pl.col("GAME_DATE")
    return rows.select(
        SEASON_1=season,
        SEASON_2=pl.format("{}-{}", season - 1, (season % 100).cast(pl.String).str.zfill(2)),
        TEAM_ID=pl.col("TEAM_ID"),
        TEAM_NAME=pl.col("TEAM_NAME"),
        PLAYER_ID=pl.col("PLAYER_ID"),
        PLAYER_NAME=pl.col("PLAYER_NAME"),
        POSITION_GROUP=pl.lit(None, pl.String),
        POSITION=pl.lit(None, pl.String),
        GAME_DATE=pl.when(date.str.contains(r"^\d{8}$"))
        .then(pl.format("{}-{}-{}", date.str.slice(4, 2), date.str.slice(6, 2), date.str.slice(0, 4)))
        .otherwise(date),
        GAME_ID=pl.col("GAME_ID").cast(pl.Int64),
        HOME_TEAM=pl.col("HTM"),
        AWAY_TEAM=pl.col("VTM"),
        EVENT_TYPE=pl.col("EVENT_TYPE"),
        SHOT_MADE=pl.col("SHOT_MADE_FLAG") == 1,
        ACTION_TYPE=pl.col("ACTION_TYPE"),
        SHOT_TYPE=pl.col("SHOT_TYPE"),
        BASIC_ZONE=pl.col("SHOT_ZONE_BASIC"),
        ZONE_NAME=area.str.extract(labelled, 1).fill_null(area),
        ZONE_ABB=area.str.extract(labelled, 2),
        ZONE_RANGE=pl.col("SHOT_ZONE_RANGE"),
        # Adding zero turns the -0.0 of a shot from straight on into 0.0.
        LOC_X=(-pl.col("LOC_X") / 10).round(2) + 0.0,
        LOC_Y=(pl.col("LOC_Y") / 10 + court.HOOP_FROM_BASELINE_FT).round(2),
        SHOT_DISTANCE=pl.col("SHOT_DISTANCE"),
        QUARTER=pl.col("PERIOD"),
        MINS_LEFT=pl.col("MINUTES_REMAINING"),
        SECS_LEFT=pl.col("SECONDS_REMAINING"),
        source_file=pl.lit(source_file),
        source_row=pl.int_range(1, pl.len() + 1, dtype=pl.Int64),
    )


def to_archive_games(
    rows: pl.DataFrame, home_team_ids: Mapping[int, int] | None = None, source_file: str = "live"
) -> tuple[pl.DataFrame, tuple[LeftOut, ...]]:
    """Return finished games in the games archive's columns, newest first, and the games left out with the reason.

    `rows` holds TEAM_GAME_COLUMNS, one row per team and game. `home_team_ids` (game id to home team id, from the
    schedule) decides who is at home where it knows the game; otherwise MATCHUP does ("vs." at home, "@" away). Games
    of teams that are no franchise (all-star games, exhibitions) are no league games and dropped.
    """
    home_by_game = home_team_ids or {}
    marked = rows.with_columns(
        number=pl.col("GAME_ID").cast(pl.Int64),
        is_franchise=pl.col("TEAM_ID").is_in(list(team_codes.NBA_TEAM_IDS)),
    ).with_columns(scheduled=pl.col("number").replace_strict(home_by_game, default=None, return_dtype=pl.Int64))
    marked = marked.filter(pl.col("is_franchise").all().over("number")).with_columns(
        is_home=pl.coalesce(
            pl.col("scheduled") == pl.col("TEAM_ID"), pl.col("MATCHUP").str.contains(" vs. ", literal=True)
        )
    )
    left_out = _unusable_games(marked)
    usable = marked.filter(~pl.col("number").is_in([game.game_id for game in left_out]))
    return _paired(usable, source_file), left_out


def _unusable_games(marked: pl.DataFrame) -> tuple[LeftOut, ...]:
    summary = marked.group_by("number").agg(
        teams=pl.len(),
        homes=pl.col("is_home").sum(),
        is_final=(pl.col("WL").is_in(["W", "L"]).fill_null(False) & pl.col("PTS").is_not_null()).all(),
    )
    left_out = []
    for number, teams, homes, is_final in summary.sort("number").iter_rows():
        if teams != 2:
            left_out.append(LeftOut(number, f"{teams} team row(s) instead of 2"))
        elif not is_final:
            left_out.append(LeftOut(number, "not final"))
        elif homes != 1:
            left_out.append(LeftOut(number, "neither the schedule nor MATCHUP says who is at home"))
    return tuple(left_out)


def _paired(usable: pl.DataFrame, source_file: str) -> pl.DataFrame:
    measures = ["PTS", "FG_PCT", "FT_PCT", "FG3_PCT", "AST", "REB"]

    def side(is_home: bool, suffix: str) -> pl.DataFrame:
        columns = [pl.col(name).alias(f"{name}_{suffix}") for name in ("TEAM_ID", *measures)]
        return usable.filter(pl.col("is_home") == is_home).select("number", *columns)

    games = usable.filter(pl.col("is_home")).select(
        "number", GAME_DATE_EST=pl.col("GAME_DATE"), SEASON=pl.col("SEASON_ID").str.slice(1).cast(pl.Int64)
    )
    joined = games.join(side(True, "home"), on="number").join(side(False, "away"), on="number")
    return joined.sort("GAME_DATE_EST", "number", descending=[True, False]).select(
        "GAME_DATE_EST",
        GAME_ID=pl.col("number"),
        GAME_STATUS_TEXT=pl.lit("Final"),
        HOME_TEAM_ID=pl.col("TEAM_ID_home"),
        VISITOR_TEAM_ID=pl.col("TEAM_ID_away"),
        SEASON=pl.col("SEASON"),
        **{f"{name}_home": pl.col(f"{name}_home") for name in ("TEAM_ID", *measures)},
        **{f"{name}_away": pl.col(f"{name}_away") for name in ("TEAM_ID", *measures)},
        HOME_TEAM_WINS=(pl.col("PTS_home") > pl.col("PTS_away")).cast(pl.Int64),
        source_file=pl.lit(source_file),
        source_row=pl.int_range(1, pl.len() + 1, dtype=pl.Int64),
    )


def incompletely_charted(team_games: pl.DataFrame, shots: pl.DataFrame) -> tuple[LeftOut, ...]:
    """Return the games whose shot rows are too few to be whole, by the box score's attempts (TEAM_GAME_COLUMNS).

    `shots` holds SHOT_COLUMNS. Whole games only may be landed, because a landed game replaces the game before it.
    """
    counted = shots.group_by("GAME_ID", "TEAM_ID").agg(rows=pl.len())
    joined = team_games.join(counted, on=["GAME_ID", "TEAM_ID"], how="left").with_columns(pl.col("rows").fill_null(0))
    attempts = pl.col("FGA").fill_null(1)
    short = joined.filter((pl.col("rows") == 0) | (pl.col("rows") < MIN_SHOT_SHARE * attempts))
    worst = short.sort("GAME_ID", "rows", "TEAM_ID").unique("GAME_ID", keep="first", maintain_order=True)
    return tuple(
        LeftOut(int(game), f"{rows} shots of team {team} where the box score counts {fga}")
        for game, team, rows, fga in worst.select("GAME_ID", "TEAM_ID", "rows", "FGA").iter_rows()
    )


def published_csv(frame: pl.DataFrame) -> bytes:
    """Return a frame of archive shots or games as the publisher's CSV, without the two source columns."""
    published = frame.drop("source_file", "source_row", strict=False)
    logical = [name for name, dtype in published.schema.items() if dtype == pl.Boolean]
    upper = [pl.col(name).cast(pl.String).str.to_uppercase() for name in logical]
    return published.with_columns(upper).write_csv().encode()
