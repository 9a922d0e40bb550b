"""Landing one day: find the day's files at a URL, check that they hold that day only, keep them for the raw assets."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

import polars as pl

from parivision_assets.defs.raw import SEASON_OF_ROW
from parivision_assets.sources.archives import (
    Dataset,
    SourceAbsentError,
    SourceFile,
    SourceFormatError,
    parse,
    read_bytes,
    recognised_files,
)
from parivision_assets.stores.home import Home

DATE_OF_ROW = {
    Dataset.SHOTS: pl.col("GAME_DATE").str.to_date("%m-%d-%Y", strict=False),
    Dataset.GAMES: pl.col("GAME_DATE_EST").str.to_date("%Y-%m-%d", strict=False),
    Dataset.ODDS: pl.col("dates").str.to_date("%m/%d/%Y", strict=False),
}
"""How each publisher writes a row's date."""
FIRST_MONTH = 9
"""A season is named by the year in which it ends and holds no game before September of the year before."""


@dataclass(frozen=True)
class LandedDay:
    """One day's file that landed: what it holds and for which season."""

    dataset: str
    season: int
    rows: int
    file: str


def land_day(home: Home, day: dt.date, source: str) -> list[LandedDay]:
    """Land the files of one date found at `source` (a file or a folder) and return them.

    Raises SourceAbsentError when nothing there is of that date, SourceFormatError naming the row that is of another.
    """
    landed = [_land(home, file, day) for file in recognised_files(source) if _is_of_day(file, day, source)]
    if not landed:
        season = day.year + (day.month >= FIRST_MONTH)
        raise SourceAbsentError(
            f"{source} holds no file of {day}; name day files like NBA_{season}_Shots.{day}.csv or give one file"
        )
    return landed


def _is_of_day(file: SourceFile, day: dt.date, source: str) -> bool:
    return file.dataset in DATE_OF_ROW and (file.day == day or (file.day is None and file.url == source))


def _land(home: Home, file: SourceFile, day: dt.date) -> LandedDay:
    data = read_bytes(file.url)
    frame = parse(file.dataset, data, file.name)
    other = frame.filter((DATE_OF_ROW[file.dataset] != day).fill_null(value=True))
    if other.height:
        raise SourceFormatError(
            file.name,
            f"every row of a day file must be of {day}; this row is not",
            "Remove it, or land it as its own day",
            row=int(other["source_row"][0]),
        )
    season = int(frame.select(SEASON_OF_ROW[file.dataset]).to_series()[0])
    if str(season) not in home.settings.season_keys:
        raise SourceFormatError(
            file.name, f"it is of season {season}, which is not configured", "Add it to PARIVISION_SEASONS"
        )
    home.landing.land(file.dataset, str(season), data, url=file.url, day=day)
    return LandedDay(file.dataset.value, season, frame.height, file.name)
