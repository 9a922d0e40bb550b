from datetime import date

import polars as pl
import pytest

from parivision_assets.core.league import League, LeagueConfig, Scenario, ScenarioKind, generate

CHANGE = date(2022, 1, 1)
SEASON = 2022
_HALF_SIZE = {"teams": 8, "games_per_team": 82, "seasons": 1}


def published_with_truth(league: League) -> pl.DataFrame:
    """Return every season's published shots beside their truth, row by row."""
    return pl.concat(
        [pl.concat([league.shots[s], league.shot_truth[s]], how="horizontal") for s in league.config.season_numbers]
    )


def changed(kind: ScenarioKind) -> League:
    """Return a league of eight teams over a full season, changed on New Year's Day."""
    return generate(LeagueConfig(**_HALF_SIZE, scenario=Scenario(kind, CHANGE)))


@pytest.fixture(scope="session")
def small_league() -> League:
    return generate(LeagueConfig.small())


@pytest.fixture(scope="session")
def unchanged() -> League:
    return generate(LeagueConfig(**_HALF_SIZE))


@pytest.fixture(scope="session")
def one_season() -> League:
    """The default league's first season: 30 teams, 82 games each."""
    return generate(LeagueConfig(seasons=1))
