"""One target's situation, collected from the stores: what the loop's policy (`core.adaptation`) decides on."""

from __future__ import annotations

import datetime as dt
from functools import lru_cache
from pathlib import Path

import polars as pl

from parivision_assets.core.adaptation import ChallengerHeader, Situation
from parivision_assets.core.catalogue import TARGETS
from parivision_assets.core.contracts import SCHEDULE
from parivision_assets.core.targets import Target
from parivision_assets.stores.acknowledgements import acknowledged_until
from parivision_assets.stores.champions import header_of, newest_challenger
from parivision_assets.stores.home import Home
from parivision_assets.stores.monitoring import fold_watch


def situation(home: Home, target_name: str) -> Situation:
    """Return one target as the stores have it now; reading it changes nothing."""
    target = TARGETS[target_name]
    seasons = game_days_by_season(home, target)
    days = tuple(sorted({day for found in seasons.values() for day in found}))
    ended = season_ended(home, seasons)
    champion = home.ledger.champion(target_name)
    digest = None if champion is None else champion.model
    report = home.reports.newest(target_name)
    return Situation(
        target=target_name,
        game_days=days,
        season_ended=None if ended is None else int(ended),
        last_game_of_ended_season=None if ended is None else seasons[ended][-1],
        champion=digest,
        challenger=newest_challenger(home, target_name),
        report=None if report is None else report.header,
        verdict_now="none" if digest is None else fold_watch(home, target, digest).verdict(),
        acknowledged_until=acknowledged_until(home.ledger, target_name, days[-1]) if days else None,
        champion_header=None if digest is None else champion_header(home, digest),
    )


def game_days_by_season(home: Home, target: Target) -> dict[str, tuple[dt.date, ...]]:
    """Return the dates with known outcomes per season that has any, both oldest first."""
    found = {
        season: _labelled_days(home.tables.version(target.table.name, season).path, target.label)
        for season in home.tables.partitions(target.table.name)
    }
    return {season: days for season, days in found.items() if days}


@lru_cache(maxsize=256)
def _labelled_days(path: Path, label: str) -> tuple[dt.date, ...]:
    # A version's file never changes, so what was read of it once holds.
    labelled = pl.scan_parquet(path).filter(pl.col(label).is_not_null())
    return tuple(labelled.select(pl.col("game_date").unique().sort()).collect()["game_date"])


def season_ended(home: Home, seasons: dict[str, tuple[dt.date, ...]]) -> str | None:
    """Return the newest season that is complete: a later one has begun, or its schedule holds no game to come.

    Without any schedule nobody can tell that a season is over before the next one begins.
    """
    order = sorted(seasons)
    if not order:
        return None
    newest = order[-1]
    if home.tables.has(SCHEDULE.name, newest):
        coming = home.tables.read(SCHEDULE.name, newest, ["game_date"])["game_date"]
        if not (coming > seasons[newest][-1]).any():
            return newest
    return order[-2] if len(order) > 1 else None


def champion_header(home: Home, digest: str) -> ChallengerHeader | None:
    """Return what the champion learnt until when and why, None for a bundle of older versions that does not say."""
    bundle = home.bundles.read_bundle(digest)
    if not {"trained_until", "cause"} <= bundle.metadata.keys():
        return None
    return header_of(bundle, is_champion=True)
