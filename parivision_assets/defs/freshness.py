"""Freshness of the current season: in production only, and silent off season."""

import datetime as dt

import dagster as dg

from parivision_assets.core.contracts import GAMES
from parivision_assets.stores.home import Home
from parivision_assets.stores.platform_date import today

STALE_AFTER_DAYS = 2
OFF_SEASON_MONTHS = frozenset({7, 8, 9})
"""No game is played from July to September."""


def freshness_checks(environment: str) -> list[dg.AssetChecksDefinition]:
    """Return the check that the newest game is of the last days; none outside production."""
    return [_current_season_is_fresh()] if environment == "production" else []


def _current_season_is_fresh() -> dg.AssetChecksDefinition:
    @dg.asset_check(asset=GAMES.name, description="The newest game is at most two days old, off season excepted")
    def current_season_is_fresh(home: dg.ResourceParam[Home]) -> dg.AssetCheckResult:
        return freshness(today(home), dt.datetime.now(dt.UTC).date())

    return current_season_is_fresh


def freshness(newest: dt.date | None, now: dt.date) -> dg.AssetCheckResult:
    """Return whether the newest landed game is recent enough on a date of the calendar."""
    age_days = None if newest is None else (now - newest).days
    off_season = now.month in OFF_SEASON_MONTHS
    passed = off_season or (age_days is not None and age_days <= STALE_AFTER_DAYS)
    seen = "no game has landed" if newest is None else f"the newest game is of {newest}, {age_days} day(s) ago"
    return dg.AssetCheckResult(
        passed=passed,
        severity=dg.AssetCheckSeverity.WARN,
        description=f"{seen}{'; off season' if off_season else ''}",
        metadata={"newest_game_date": str(newest)},
    )
