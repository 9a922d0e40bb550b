"""One season as a replay meets it: which days were played, what was refused, and every event's features.

Features use earlier dates only, so a whole season's are computed at once: row by row they are what each morning's
run would have given (the poison and parity tests hold them to it). Days that the checks refuse are left out first,
each judged by what came before it.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, replace

import polars as pl

from parivision_assets.core.game_features import ShotTotals, build_game_features
from parivision_assets.core.game_state import GameState
from parivision_assets.core.games import clean_games
from parivision_assets.core.history import Totals, concat_totals, needed_seasons, season_totals
from parivision_assets.core.shot_features import shot_features
from parivision_assets.core.shots import clean_shots
from parivision_assets.sources.archives import Dataset
from parivision_assets.sources.day_by_day import DAILY, DaySource
from parivision_assets.sources.published import DATE_OF_ROW

RECENT_DAYS = 5
"""Accepted game days beside which a new day's coordinates are judged: enough to know the publisher's convention."""
REFUSED_SHARE = 0.5
"""A day of which more is quarantined is broken as a whole; single broken games stay in quarantine by themselves."""


@dataclass(frozen=True)
class PlayedSeason:
    """A season's published rows by dataset, its game days, the feature tables, and the days that were refused."""

    season: int
    rows: Mapping[Dataset, pl.DataFrame]
    days: tuple[dt.date, ...]
    features: Mapping[str, pl.DataFrame]
    refused: Mapping[dt.date, str]


@dataclass(frozen=True)
class Past:
    """What later seasons need of earlier ones: totals by season, and the teams' state."""

    totals: Mapping[int, Totals]
    teams: GameState


def play(source: DaySource, season: int, past: Past) -> tuple[PlayedSeason, Past]:
    """Return a season as it will be met, and the past that the next one has."""
    rows = {dataset: found for dataset in DAILY if (found := source.rows(dataset, season)) is not None}
    days = sorted({day for dataset, found in rows.items() for day in found.select(DATE_OF_ROW[dataset]).to_series()})
    shots, refused = _accepted(rows.get(Dataset.SHOTS))
    totals = dict(past.totals)
    features: dict[str, pl.DataFrame] = {}
    if shots is not None:
        valid = clean_shots(shots).valid
        totals[season] = _as_known(season_totals(valid), source)
        needed = concat_totals([totals[year] for year in needed_seasons(season, totals)])
        features["shot_features"] = shot_features(valid, needed, season)
    teams = past.teams
    if Dataset.GAMES in rows or Dataset.ODDS in rows:
        games = clean_games(rows.get(Dataset.GAMES), rows.get(Dataset.ODDS)).valid
        seen = ShotTotals(totals[season].players, totals[season].teams) if season in totals else None
        features["game_features"], teams = build_game_features(games, seen, past.teams)
    ordered = {name: frame.sort("game_date", maintain_order=True) for name, frame in features.items()}
    return PlayedSeason(season, rows, tuple(days), ordered, refused), Past(totals, teams)


def _accepted(shots: pl.DataFrame | None) -> tuple[pl.DataFrame | None, dict[dt.date, str]]:
    """Return the rows of the days that the checks let through, and why the others were refused."""
    if shots is None:
        return None, {}
    days = shots.with_columns(DATE_OF_ROW[Dataset.SHOTS].alias("_day")).partition_by("_day", maintain_order=True)
    accepted: list[pl.DataFrame] = []
    refused: dict[dt.date, str] = {}
    for rows in sorted(days, key=lambda frame: frame["_day"][0]):
        day, of_day = rows["_day"][0], rows.drop("_day")
        reason = _refusal(pl.concat([*accepted[-RECENT_DAYS:], of_day]), day)
        if reason is None:
            accepted.append(of_day)
        else:
            refused[day] = reason
    return pl.concat(accepted) if accepted else None, refused


def _refusal(recent: pl.DataFrame, day: dt.date) -> str | None:
    """Return why a day is refused when judged beside the days before it, or None."""
    cleaned = clean_shots(recent)
    kept = cleaned.valid.filter(pl.col("game_date") == day).height
    total = recent.filter(DATE_OF_ROW[Dataset.SHOTS] == day).height
    share = 1 - kept / total
    if share <= REFUSED_SHARE:
        return None
    rule = cleaned.quarantined["rule"].mode().sort()[0]
    return f"{share:.0%} of {total:,} shots of {day} break a rule, most often '{rule}'"


def _as_known(totals: Totals, source: DaySource) -> Totals:
    """Return totals dated by the day on which they became known, so that late outcomes teach nothing early."""

    def known(frame: pl.DataFrame) -> pl.DataFrame:
        days = {day: source.known_on(day) for day in frame["game_date"].unique()}
        if all(day == later for day, later in days.items()):
            return frame
        return frame.with_columns(pl.col("game_date").replace_strict(days, return_dtype=pl.Date))

    return replace(totals, players=known(totals.players), teams=known(totals.teams), actions=known(totals.actions))
