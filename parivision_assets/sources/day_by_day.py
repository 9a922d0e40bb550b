"""Seasons as they were published, day by day: what a replay lands each morning, and what it scores before that.

A source gives whole seasons as typed published rows; the rows of one date become that date's files. From what day
on a date's outcomes are known is the source's to say (labels may come late). Whose turn it is belongs to the replay.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Protocol

import polars as pl

from parivision_assets.core.league import League, ScenarioKind
from parivision_assets.sources.archives import (
    Dataset,
    find_files,
    find_shots,
    parse,
    read,
    seasons_available,
)
from parivision_assets.sources.live import published_csv
from parivision_assets.sources.published import DATE_OF_ROW, SEASON_OF_ROW, day_file_name
from parivision_assets.sources.synthetic import published_csvs

DAILY = (Dataset.SHOTS, Dataset.GAMES, Dataset.ODDS)
"""What is published day by day; tracking logs and forecasts come as whole files."""


class DaySource(Protocol):
    """Seasons that can be published day by day."""

    @property
    def seasons(self) -> tuple[int, ...]:
        """Return the seasons that it has, oldest first."""

    def rows(self, dataset: Dataset, season: int) -> pl.DataFrame | None:
        """Return a season's published rows, typed; None where nobody publishes them."""

    def known_on(self, day: dt.date) -> dt.date:
        """Return when the outcomes of a date's games are published."""


@dataclass(frozen=True)
class LeagueDays:
    """A synthetic league as a source."""

    league: League

    @property
    def seasons(self) -> tuple[int, ...]:
        """See DaySource."""
        return self.league.config.season_numbers

    def rows(self, dataset: Dataset, season: int) -> pl.DataFrame | None:
        """See DaySource."""
        return parse(dataset, published_csvs(self.league, season)[dataset], f"NBA_{season}_Shots.csv")

    def known_on(self, day: dt.date) -> dt.date:
        """See DaySource."""
        scenario = self.league.config.scenario
        if scenario is None or scenario.kind is not ScenarioKind.LABEL_DELAY or day < scenario.start:
            return day
        return day + dt.timedelta(days=scenario.delay_days)


@dataclass(frozen=True)
class ArchiveDays:
    """Published archives at their URLs as a source; `urls` by dataset, absent ones None."""

    urls: dict[Dataset, str | None]
    chosen: tuple[int, ...] = ()
    _parsed: dict[Dataset, pl.DataFrame] = field(default_factory=dict, compare=False, repr=False)

    @cached_property
    def seasons(self) -> tuple[int, ...]:
        """See DaySource; those chosen, or all for which there is a file of shots."""
        url = self.urls.get(Dataset.SHOTS)
        return self.chosen or tuple(seasons_available(url) if url else ())

    def rows(self, dataset: Dataset, season: int) -> pl.DataFrame | None:
        """See DaySource."""
        url = self.urls.get(dataset)
        if url is None:
            return None
        if dataset is Dataset.SHOTS:
            file = find_shots(url, season)
            return None if file is None else read(file)
        if dataset not in self._parsed:
            files = [file for file in find_files(url, dataset) if file.day is None]
            if not files:
                return None
            self._parsed[dataset] = pl.concat([read(file) for file in files])
        found = self._parsed[dataset].filter(SEASON_OF_ROW[dataset] == season)
        return found if found.height else None

    def known_on(self, day: dt.date) -> dt.date:
        """See DaySource."""
        return day


def publish_season(source: DaySource, season: int, folder: Path) -> list[Path]:
    """Write a season's whole files below `folder`, one folder per dataset; return their paths."""
    names = {
        Dataset.SHOTS: f"NBA_{season}_Shots.csv",
        Dataset.GAMES: f"games_{season}.csv",
        Dataset.ODDS: f"nba_{season}.csv",
    }
    return [
        _write(folder / dataset.value / names[dataset], rows)
        for dataset in DAILY
        if (rows := source.rows(dataset, season)) is not None
    ]


def publish_day(source_rows: dict[Dataset, pl.DataFrame], season: int, day: dt.date, folder: Path) -> list[Path]:
    """Write one game date's files into `folder` and return their paths; a date without games writes nothing."""
    return [
        _write(folder / day_file_name(dataset, season, day), of_day)
        for dataset, rows in source_rows.items()
        if (of_day := rows.filter(DATE_OF_ROW[dataset] == day)).height
    ]


def _write(path: Path, rows: pl.DataFrame) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(published_csv(rows))
    return path
