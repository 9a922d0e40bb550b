"""What VirtualBets sends: one season as feed records and as files by the day, or the feed's sample file as it is.

Records pass on what is published: labels that tell the outcome, rim coordinates, repeated rows. Only the publisher's
own conversions of locations are undone where that is proven (`core.feed_records`). Nothing is kept here, and which
days are published so far is the caller's to know.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from hashlib import sha256

import polars as pl

from parivision_assets.core import contracts
from parivision_assets.core.feed_plan import FeedPlan
from parivision_assets.core.feed_records import FEED_COLUMNS, in_feed_convention, to_feed_records
from parivision_assets.core.games import clean_games
from parivision_assets.core.league import generate
from parivision_assets.core.league.config import LeagueConfig
from parivision_assets.sources.archives import Dataset, SourceAbsentError, SourceFile, read, recognised_files
from parivision_assets.sources.day_by_day import DAILY, ArchiveDays, DaySource, LeagueDays
from parivision_assets.sources.live import published_csv
from parivision_assets.sources.published import DATE_OF_ROW, day_file_name

GAME_COLUMNS = ("game_key", "season", "game_date", "stage", "home_team", "away_team", "home_pts", "away_pts")
"""What is sent of a game; names and units of `contracts.GAMES`."""
_DAY = "_day"


@dataclass(frozen=True)
class DayFile:
    """One file of one game date, as the platform lands it."""

    name: str
    day: dt.date
    data: bytes

    @property
    def version(self) -> str:
        """Return the sha256 of the content."""
        return sha256(self.data).hexdigest()


@dataclass(frozen=True)
class Publication:
    """A feed's whole content in the order in which it is sent; `name` changes with what is sent.

    `shots`: FEED_COLUMNS; `games`: GAME_COLUMNS; both in the order of dates. `starts_after` is the newest day that was
    published before the feed started, None where everything was.
    """

    name: str
    shots: pl.DataFrame
    shot_days: pl.Series
    games: pl.DataFrame
    starts_after: dt.date | None
    season: int | None = None
    tables: Mapping[Dataset, pl.DataFrame] = field(default_factory=dict)
    """Published rows of games and odds, for the files by the day."""

    @cached_property
    def days(self) -> list[dt.date]:
        """Return the days that come one by one, oldest first."""
        if self.starts_after is None:
            return []
        return sorted(day for day in self.played if day > self.starts_after)

    @cached_property
    def played(self) -> frozenset[dt.date]:
        """Return the days with a shot or a game."""
        return frozenset({*self.shot_days.unique().to_list(), *self.games["game_date"].unique().to_list()})

    def shots_until(self, until: dt.date | None) -> int:
        """Return how many records are published when days are, up to and including `until`."""
        return self._count(self.shot_days, until)

    def games_until(self, until: dt.date | None) -> int:
        """Return how many games are published when days are, up to and including `until`."""
        return self._count(self.games["game_date"], until)

    def newest_day(self, before: dt.date) -> dt.date | None:
        """Return the newest day with a shot or a game before a date."""
        played = [days.filter(days < before).max() for days in (self.shot_days, self.games["game_date"])]
        return max((day for day in played if isinstance(day, dt.date)), default=None)

    def shots_of(self, day: dt.date) -> pl.DataFrame:
        """Return a day's feed records."""
        first, last = self.shot_days.search_sorted(day, "left"), self.shot_days.search_sorted(day, "right")
        return self.shots.slice(first, last - first)

    def files(self, day: dt.date) -> list[DayFile]:
        """Return a coming day's files: feed records as JSON, games and odds as their archives' csv."""
        found, records = [], self.shots_of(day)
        if records.height:
            found.append(DayFile(f"shots.{day}.json", day, records.write_json().encode()))
        for dataset, rows in self.tables.items():
            of_day = rows.filter(DATE_OF_ROW[dataset] == day)
            if of_day.height:
                name = day_file_name(dataset, self.season or day.year, day)
                found.append(DayFile(name, day, published_csv(of_day)))
        return found

    def _count(self, days: pl.Series, until: dt.date | None) -> int:
        if self.starts_after is None:
            return days.len()
        return int(days.search_sorted(max(until or self.starts_after, self.starts_after), "right"))


@dataclass(frozen=True)
class Place:
    """A place between two records that stays where it is when other days are corrected or added."""

    day: dt.date
    offset: int

    @classmethod
    def of(cls, days: pl.Series, index: int) -> Place:
        """Return the place before record `index`, given every record's day in order; after the last at the end."""
        if not days.len():
            return cls(dt.date.min, 0)
        day = days[min(index, days.len() - 1)]
        return cls(day, index - int(days.search_sorted(day, "left")))

    def index(self, days: pl.Series) -> int:
        """Return the record that comes next: this day's, or the next day's first where the day has no more."""
        start, stop = int(days.search_sorted(self.day, "left")), int(days.search_sorted(self.day, "right"))
        return min(start + self.offset, stop)


def open_publication(plan: FeedPlan) -> Publication:
    """Return what a plan sends. Raises SourceError in words where there is nothing to send."""
    if plan.league is not None:
        return _season(LeagueDays(generate(plan.league)), plan, _league_name(plan.league))
    sample = _sample_file(plan)
    if sample is not None:
        return _sample(read(sample))
    urls = _archives(plan)
    return _season(ArchiveDays(urls), plan, _archives_name(urls))


@dataclass(frozen=True)
class HeldBack:
    """A feed whose days after `starts_after` come one by one; `name` as in Publication."""

    name: str
    starts_after: dt.date


def held_back(plan: FeedPlan) -> HeldBack | None:
    """Return the feed of a plan that holds days back, None for one that sends everything from the start.

    No record is read. Raises SourceError as `open_publication` does where no files are named or found.
    """
    if plan.published_until is None:
        return None
    if plan.league is not None:
        name, seasons = _league_name(plan.league), plan.league.season_numbers
    elif _sample_file(plan) is not None:
        return None
    else:
        urls = _archives(plan)
        name, seasons = _archives_name(urls), ArchiveDays(urls).seasons
    return HeldBack(_season_name(name, _season_of(plan, seasons)), plan.published_until)


def _sample_file(plan: FeedPlan) -> SourceFile | None:
    """Return the file of feed records that a plan names, None where it names archives. Raises SourceAbsentError."""
    shots = plan.urls.get(Dataset.SHOTS)
    if shots is None:
        raise SourceAbsentError(
            "VirtualBets has no shots to send; set PARIVISION_BETS_FEED_URL to a file of feed records or to a folder "
            "of archives, or PARIVISION_SHOTS_URL"
        )
    kinds = {file.dataset: file for file in recognised_files(shots)}
    return kinds.get(Dataset.FEED) if Dataset.SHOTS not in kinds else None


def _archives(plan: FeedPlan) -> dict[Dataset, str | None]:
    return {dataset: plan.urls.get(dataset) for dataset in DAILY}


def _league_name(league: LeagueConfig) -> str:
    return f"league/{league.digest[:16]}"


def _archives_name(urls: Mapping[Dataset, str | None]) -> str:
    return f"archives/{sha256(repr(sorted(urls.items())).encode()).hexdigest()[:16]}"


def _season_name(name: str, season: int) -> str:
    return f"{name}/{season}"


def _season_of(plan: FeedPlan, seasons: Iterable[int]) -> int:
    return plan.season or max(seasons, default=0)


def _sample(records: pl.DataFrame) -> Publication:
    """Return a file of feed records in its own order; it is published as a whole."""
    shots = _small(records.select(FEED_COLUMNS))
    newest = records["Game Date"].str.to_date("%Y%m%d", strict=False).max() or dt.date.min
    days = pl.Series([newest], dtype=pl.Date).new_from_index(0, shots.height)
    name = f"file/{sha256(records.write_csv().encode()).hexdigest()[:16]}"
    return Publication(name, shots, days, _games({}), None)


def _season(source: DaySource, plan: FeedPlan, name: str) -> Publication:
    season = _season_of(plan, source.seasons)
    rows = {dataset: found for dataset in DAILY if (found := source.rows(dataset, season)) is not None}
    if Dataset.SHOTS not in rows:
        known = ", ".join(map(str, source.seasons)) or "none"
        raise SourceAbsentError(f"there are no shots of season {season} to send; PARIVISION_BETS_FEED_SEASON: {known}")
    shots = rows.pop(Dataset.SHOTS)
    dated = in_feed_convention(shots).with_columns(DATE_OF_ROW[Dataset.SHOTS].alias(_DAY))
    played = dated.filter(pl.col(_DAY).is_not_null()).sort(
        _DAY, "GAME_ID", "QUARTER", "MINS_LEFT", "SECS_LEFT",
        descending=[False, False, False, True, True], maintain_order=True,
    )  # fmt: skip
    records = _small(to_feed_records(played))
    return Publication(
        _season_name(name, season), records, played[_DAY], _games(rows), plan.published_until, season, tables=rows
    )


def _games(rows: Mapping[Dataset, pl.DataFrame]) -> pl.DataFrame:
    if not rows:
        return contracts.GAMES.schema.to_frame().select(GAME_COLUMNS)
    return clean_games(rows.get(Dataset.GAMES), rows.get(Dataset.ODDS)).valid.select(GAME_COLUMNS)


def _small(records: pl.DataFrame) -> pl.DataFrame:
    """Return records whose repeated texts are kept once: a season takes a tenth of the memory."""
    return records.cast(pl.Categorical)
