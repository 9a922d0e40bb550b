"""Landing one day: find the day's files at a URL, check that they hold that day only, keep them for the raw assets.

Commands, sensors and replays land through here; what is made of landed files is the raw assets'.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass

from parivision_assets.core.feed_records import convert_feed
from parivision_assets.sources.archives import (
    Dataset,
    SourceAbsentError,
    SourceFormatError,
    parse,
    read_bytes,
    recognise,
    recognised_files,
)
from parivision_assets.sources.live import Absent, LiveSource, published_csv
from parivision_assets.sources.published import DATE_OF_ROW, SEASON_OF_ROW
from parivision_assets.stores.home import Home

FIRST_MONTH = 9
"""A season is named by the year in which it ends and holds no game before September of the year before."""


LIVE = "live"
"""The source that means the statistics service itself, by the optional extra of that name."""


@dataclass(frozen=True)
class LandedDay:
    """One day's file that landed: what it holds and for which season."""

    dataset: str
    season: int
    rows: int
    file: str


@dataclass(frozen=True)
class _DayFile:
    dataset: Dataset
    name: str
    url: str
    data: bytes


def land_day(home: Home, day: dt.date, source: str, live: LiveSource | None = None) -> list[LandedDay]:
    """Land the files of one date found at `source` (a file, a folder, or `live`) and return them.

    Feed records become a day file of shots. `live` stands in for the service's own address. Raises SourceAbsentError
    when nothing there is of that date, SourceFormatError naming the row that is of another.
    """
    files = _live_files(day, live or LiveSource()) if source == LIVE else _published_files(source, day)
    landed = [_land(home, file, day) for file in files]
    if not landed:
        example = f"NBA_{_season_of(day)}_Shots.{day}.csv"
        raise SourceAbsentError(f"{source} holds no file of {day}; name day files like {example} or give one file")
    return landed


def land_file(home: Home, day: dt.date, name: str, url: str, data: bytes) -> LandedDay:
    """Land one file of one date, its kind told by its header; raise SourceFormatError in words when it is none."""
    dataset = recognise(data, name)
    if dataset is Dataset.FEED:
        return _land(home, _from_feed(name, url, data, day), day)
    if dataset not in DATE_OF_ROW:
        known = ", ".join(sorted({*DATE_OF_ROW, Dataset.FEED}))
        raise SourceFormatError(name, f"{dataset} do not come by the day", f"Land a day's {known}")
    return _land(home, _DayFile(dataset, name, url, data), day)


def _season_of(day: dt.date) -> int:
    return day.year + (day.month >= FIRST_MONTH)


def _published_files(source: str, day: dt.date) -> Iterator[_DayFile]:
    for file in recognised_files(source):
        if file.day != day and not (file.day is None and file.url == source):
            continue
        if file.dataset is Dataset.FEED:
            yield _from_feed(file.name, file.url, read_bytes(file.url), day)
        elif file.dataset in DATE_OF_ROW:
            yield _DayFile(file.dataset, file.name, file.url, read_bytes(file.url))


def _from_feed(name: str, url: str, data: bytes, day: dt.date) -> _DayFile:
    converted = convert_feed(parse(Dataset.FEED, data, name))
    for message in converted.quarantined["message"]:
        raise SourceFormatError(name, str(message), "Correct the record and land the day again")
    shots = f"NBA_{_season_of(day)}_Shots.{day}.csv"
    return _DayFile(Dataset.SHOTS, shots, url, published_csv(converted.rows))


def _live_files(day: dt.date, live: LiveSource) -> Iterator[_DayFile]:
    harvest = live.day(day)
    answers = {Dataset.GAMES: harvest.games, Dataset.SHOTS: harvest.shots}
    absent = [answer for answer in answers.values() if isinstance(answer, Absent)]
    if len(absent) == len(answers):
        raise SourceAbsentError(f"{absent[0].reason}. {absent[0].next_step}")
    for dataset, answer in answers.items():
        if not isinstance(answer, Absent):
            yield _DayFile(dataset, f"{dataset}.{day}.csv", f"{LIVE}:{dataset}.{day}", published_csv(answer.frame))


def _land(home: Home, file: _DayFile, day: dt.date) -> LandedDay:
    frame = parse(file.dataset, file.data, file.name)
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
    home.landing.land(file.dataset, str(season), file.data, url=file.url, day=day)
    return LandedDay(file.dataset.value, season, frame.height, file.name)
