"""A platform small enough for tests: a league of four teams as published files, and homes that were filled from it."""

import importlib
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import dagster as dg

from parivision_assets.commands.materialise import run_selection
from parivision_assets.commands.run import RunResult
from parivision_assets.core.league import League, LeagueConfig
from parivision_assets.settings import Settings
from parivision_assets.sources.synthetic import LeaguePaths, write_league
from parivision_assets.stores.home import Home

CONFIG = LeagueConfig(seed=5, first_season=2022, seasons=2, teams=4, games_per_team=6, shots_per_game=40)
SEASONS = ("2022", "2023")
TO_FEATURES = "group:raw or group:validated or group:history or group:features"
SHOTS_FILE = "NBA_{season}_Shots.csv.zip"


@dataclass(frozen=True)
class SmallPlatform:
    """One home and the published files that it reads."""

    settings: Settings
    published: LeaguePaths

    @property
    def home(self) -> Home:
        return Home(self.settings)

    def run(
        self, select: str, seasons: Sequence[str] = SEASONS, config: Mapping[str, Any] | None = None
    ) -> list[RunResult]:
        """Materialise in the persistent instance, as the command line does."""
        return run_selection(self.settings, select, seasons, config)

    def digests(self) -> dict[str, str]:
        """Return the current version of every table partition."""
        tables = self.home.tables
        return {
            f"{table}/{partition}": tables.version(table, partition).digest
            for table in tables.tables()
            for partition in tables.partitions(table)
        }


def publish(folder: Path, config: LeagueConfig = CONFIG, league: League | None = None) -> LeaguePaths:
    """Write a league's files."""
    return write_league(config, folder, league)


def platform(home: Path, published: LeaguePaths, **overrides: Any) -> SmallPlatform:
    """Return a platform whose sources are these published files."""
    chosen = {
        "home": home,
        "shots_url": str(published.shots),
        "games_url": str(published.games),
        "odds_url": str(published.odds),
        "tracking_url": str(published.tracking),
        "seasons": tuple(int(season) for season in SEASONS),
        **overrides,
    }
    return SmallPlatform(Settings(**chosen), published)


def environment(small: SmallPlatform) -> dict[str, str]:
    """Return the variables by which a command of its own finds this platform."""
    settings = small.settings
    return {
        "PARIVISION_HOME": str(settings.home),
        "PARIVISION_SHOTS_URL": str(settings.shots_url),
        "PARIVISION_GAMES_URL": str(settings.games_url),
        "PARIVISION_ODDS_URL": str(settings.odds_url),
        "PARIVISION_TRACKING_URL": str(settings.tracking_url),
        "PARIVISION_SEASONS": ",".join(map(str, settings.seasons)),
        "PARIVISION_QUARANTINE_LIMIT": str(settings.quarantine_limit),
    }


def check_of(results: Sequence[dg.AssetCheckEvaluation], asset: str, name: str = "contract") -> dg.AssetCheckEvaluation:
    """Return one check's evaluation."""
    return next(r for r in results if r.asset_key.to_user_string() == asset and r.check_name == name)


def import_foreign_libraries() -> None:
    """Import what warns while it is imported, so that the tests' own warnings stay errors."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for name in (
            "great_expectations.expectations",
            "great_expectations.render.renderer",
            "mlflow",
            "dagster_mlflow",
        ):
            importlib.import_module(name)
