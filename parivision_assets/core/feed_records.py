"""The VirtualBets shot feed's records from the shots archive's columns and back, so that one cleaner handles both.

The feed sends 22 columns, all strings: dates YYYYMMDD, locations in tenths of feet from the hoop, negative on the
left. What they mean is judged by `shots`; here only their form is.
"""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from parivision_assets.core import coordinates, court
from parivision_assets.core.row_rules import RowRule, merge_quarantines, nest_raw, quarantine, require_columns
from parivision_assets.core.shots import ARCHIVE as SHOTS_ARCHIVE
from parivision_assets.core.shots import COLUMNS, OPTIONAL_COLUMNS

ARCHIVE = "feed"
FEED_COLUMNS = (
    "Game ID", "Game Event ID", "Player ID", "Player Name", "Team ID", "Team Name", "Period", "Minutes Remaining",
    "Seconds Remaining", "Action Type", "Shot Type", "Shot Zone Basic", "Shot Zone Area", "Shot Zone Range",
    "Shot Distance", "X Location", "Y Location", "Shot Made Flag", "Game Date", "Home Team", "Away Team",
    "Season Type",
)  # fmt: skip
"""The feed's columns in its order."""
WHOLE_NUMBERS = (
    "Game ID", "Game Event ID", "Player ID", "Team ID", "Period", "Minutes Remaining", "Seconds Remaining",
    "Shot Distance", "X Location", "Y Location",
)  # fmt: skip

SEASON_TYPES = {1: "Pre Season", 2: "Regular Season", 3: "All Star", 4: "Playoffs"}
"""The feed's words by the first digit of NBA game numbers of eight digits; the sample has the second and the fourth."""

_CORRECT = "Ask the feed for the record again, or release it from quarantine."
_AREA = r"^(.+)\(([A-Z]+)\)$"


@dataclass(frozen=True)
class ConvertedFeed:
    """The archive's columns with source_file and source_row, and records whose form is wrong (QUARANTINE_SCHEMA)."""

    rows: pl.DataFrame
    quarantined: pl.DataFrame


def convert_feed(records: pl.DataFrame) -> ConvertedFeed:
    """Return feed records as archive rows, in order; records with a malformed value are quarantined with its name.

    `records` holds FEED_COLUMNS as strings plus source_file and source_row; raises ValueError naming every missing
    column.
    """
    require_columns(records, FEED_COLUMNS, ARCHIVE)
    text = records.select(
        pl.col(*FEED_COLUMNS).cast(pl.String).str.strip_chars(), "source_file", pl.col("source_row").cast(pl.Int64)
    )
    rules = _form_rules()
    broken = [rule.broken.fill_null(value=True).alias(str(index)) for index, rule in enumerate(rules)]
    refusals = text.select(broken)
    taken = refusals.select(pl.any_horizontal(pl.all())).to_series()
    parts = []
    before = pl.Series([False]).new_from_index(0, text.height)
    for index, rule in enumerate(rules):
        this = refusals[str(index)] & ~before
        before = before | this
        if this.any():
            parts.append(quarantine(nest_raw(text.filter(this)), rule, ARCHIVE))
    return ConvertedFeed(_archive_rows(text.filter(~taken)), merge_quarantines(parts))


def to_feed_records(rows: pl.DataFrame) -> pl.DataFrame:
    """Return archive rows as feed records (FEED_COLUMNS, all strings), in the order of the rows.

    `rows` holds the archive's columns in the archive's own convention (LOC_X positive on the left; see
    `in_feed_convention`); raises ValueError naming every missing column. What the archive does not know is filled in:
    the event is the shot's place in its game, the season type is told by the game's number. Null becomes "".
    """
    require_columns(rows, [name for name in COLUMNS if name not in OPTIONAL_COLUMNS], SHOTS_ARCHIVE)
    played = ["QUARTER", -pl.col("MINS_LEFT"), -pl.col("SECS_LEFT")]
    event = pl.struct(played).rank("ordinal").over("GAME_ID")
    kind = (pl.col("GAME_ID") // 10_000_000).replace_strict(SEASON_TYPES, default=None, return_dtype=pl.String)
    text = {
        "Game ID": pl.col("GAME_ID"),
        "Game Event ID": event,
        "Player ID": pl.col("PLAYER_ID"),
        "Player Name": pl.col("PLAYER_NAME"),
        "Team ID": pl.col("TEAM_ID"),
        "Team Name": pl.col("TEAM_NAME"),
        "Period": pl.col("QUARTER"),
        "Minutes Remaining": pl.col("MINS_LEFT"),
        "Seconds Remaining": pl.col("SECS_LEFT"),
        "Action Type": pl.col("ACTION_TYPE"),
        "Shot Type": pl.col("SHOT_TYPE"),
        "Shot Zone Basic": pl.col("BASIC_ZONE"),
        "Shot Zone Area": pl.format("{}({})", "ZONE_NAME", "ZONE_ABB"),
        "Shot Zone Range": pl.col("ZONE_RANGE"),
        "Shot Distance": pl.col("SHOT_DISTANCE"),
        "X Location": _tenths(-pl.col("LOC_X")),
        "Y Location": _tenths(pl.col("LOC_Y") - court.HOOP_FROM_BASELINE_FT),
        "Shot Made Flag": pl.col("SHOT_MADE").cast(pl.Int8),
        "Game Date": pl.col("GAME_DATE").str.to_date("%m-%d-%Y", strict=False).dt.strftime("%Y%m%d"),
        "Home Team": pl.col("HOME_TEAM"),
        "Away Team": pl.col("AWAY_TEAM"),
        "Season Type": kind,
    }
    return rows.select(value.cast(pl.String).fill_null("").alias(name) for name, value in text.items())


def in_feed_convention(rows: pl.DataFrame) -> pl.DataFrame:
    """Return archive rows whose coordinates, where a repair is proven, are those that the feed recorded.

    Two of the archives' defects are the publisher's own conversion of the feed's locations: doing it twice, and the
    sign of the left. Whole tenths of feet cannot carry the first, and the feed's sign is the same in every season, so
    both are undone; a game whose repair is unproven stays as published. `rows` needs source_file as well.
    """
    chosen = coordinates.choose_repairs(rows)
    repair = rows.select("source_file", "GAME_ID").join(
        chosen, on=["source_file", "GAME_ID"], how="left", maintain_order="left", nulls_equal=True
    )["repair"]
    x_ft, y_ft = coordinates.repaired(pl.col("_repair"))
    is_proven = pl.col("_repair") != coordinates.UNPROVEN
    return (
        rows.with_columns(_repair=repair)
        .with_columns(
            LOC_X=pl.when(is_proven).then(-x_ft).otherwise("LOC_X"),
            LOC_Y=pl.when(is_proven).then(y_ft + court.HOOP_FROM_BASELINE_FT).otherwise("LOC_Y"),
        )
        .drop("_repair")
    )


def season_of_game(game_id: pl.Expr) -> pl.Expr:
    """Return the year in which a game's season ends: digits two and three of NBA game numbers are its first year."""
    first = game_id // 100_000 % 100
    return pl.when(first >= 46).then(first + 1901).otherwise(first + 2001)


def _tenths(feet: pl.Expr) -> pl.Expr:
    return (feet * 10).round().cast(pl.Int64)


def _form_rules() -> list[RowRule]:
    numbers = [
        RowRule(f"{name} must be a whole number", name, _whole(name).is_null(), _CORRECT) for name in WHOLE_NUMBERS
    ]
    flag, area = pl.col("Shot Made Flag"), pl.col("Shot Zone Area")
    return [
        *numbers,
        RowRule("made flag must be 0 or 1", "Shot Made Flag", ~flag.is_in(["0", "1"]), _CORRECT),
        RowRule("date must be YYYYMMDD", "Game Date", _date().is_null(), _CORRECT),
        RowRule("area must be a name with its letters, like Center(C)", "Shot Zone Area", ~area.str.contains(_AREA),
                _CORRECT),
    ]  # fmt: skip


def _whole(name: str) -> pl.Expr:
    value = pl.col(name)
    return pl.when(value.str.contains(r"^-?[0-9]{1,10}$")).then(value).cast(pl.Int64, strict=False)


def _date() -> pl.Expr:
    value = pl.col("Game Date")
    return pl.when(value.str.contains(r"^[0-9]{8}$")).then(value).str.to_date("%Y%m%d", strict=False)


def _archive_rows(text: pl.DataFrame) -> pl.DataFrame:
    season = season_of_game(_whole("Game ID"))
    made = pl.col("Shot Made Flag") == "1"
    area = pl.col("Shot Zone Area")
    rows = text.select(
        SEASON_1=season,
        SEASON_2=pl.format("{}-{}", season - 1, (season % 100).cast(pl.String).str.zfill(2)),
        TEAM_ID=_whole("Team ID"),
        TEAM_NAME=pl.col("Team Name"),
        PLAYER_ID=_whole("Player ID"),
        PLAYER_NAME=pl.col("Player Name"),
        POSITION_GROUP=pl.lit(None, pl.String),
        POSITION=pl.lit(None, pl.String),
        GAME_DATE=_date().dt.strftime("%m-%d-%Y"),
        GAME_ID=_whole("Game ID"),
        HOME_TEAM=pl.col("Home Team"),
        AWAY_TEAM=pl.col("Away Team"),
        EVENT_TYPE=pl.when(made).then(pl.lit("Made Shot")).otherwise(pl.lit("Missed Shot")),
        SHOT_MADE=made,
        ACTION_TYPE=pl.col("Action Type"),
        SHOT_TYPE=pl.col("Shot Type"),
        BASIC_ZONE=pl.col("Shot Zone Basic"),
        ZONE_NAME=area.str.extract(_AREA, 1),
        ZONE_ABB=area.str.extract(_AREA, 2),
        ZONE_RANGE=pl.col("Shot Zone Range"),
        # The archive's own conversion, so that a feed day agrees with the season file beside it.
        LOC_X=-_whole("X Location") / 10,
        LOC_Y=_whole("Y Location") / 10 + court.HOOP_FROM_BASELINE_FT,
        SHOT_DISTANCE=_whole("Shot Distance"),
        QUARTER=_whole("Period"),
        MINS_LEFT=_whole("Minutes Remaining"),
        SECS_LEFT=_whole("Seconds Remaining"),
        source_file=pl.col("source_file"),
        source_row=pl.col("source_row"),
    )
    return rows.select(*COLUMNS, "source_file", "source_row")
