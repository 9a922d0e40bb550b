"""A home with three boosted champions and the newest state, filled once; tests that change it take a copy."""

import shutil
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from parivision_assets.core import in_game
from parivision_assets.core.catalogue import TARGETS
from parivision_assets.core.questions import GameSoFar, ShotQuestion
from parivision_assets.core.training import TrainingConfig
from parivision_assets.stores.home import Home
from parivision_assets_tests.served_home import make_served, promote
from parivision_assets_tests.small_platform import SmallPlatform

BOOSTED = TrainingConfig("xgboost", {"rounds": 25, "eta": 0.2, "max_depth": 4}, n_jobs=1)


@pytest.fixture(scope="session")
def served(filled: SmallPlatform, tmp_path_factory: pytest.TempPathFactory) -> Home:
    """A home that is served from; nothing may change it."""
    folder = tmp_path_factory.mktemp("served") / "home"
    shutil.copytree(filled.settings.home, folder)
    home = Home(filled.settings.model_copy(update={"home": folder}))
    make_served(home)
    for target in TARGETS:
        promote(home, target, BOOSTED)
    return home


@pytest.fixture
def own_home(served: Home, tmp_path: Path) -> Home:
    """A copy of the served home."""
    shutil.copytree(served.root, tmp_path / "home")
    return Home(served.settings.model_copy(update={"home": tmp_path / "home"}))


@pytest.fixture(scope="session")
def shots(served: Home) -> pl.DataFrame:
    """Shots of the newest season with the game so far, those whose spot is known."""
    rows = in_game.with_earlier_events(served.tables.read("validated_shots", ["2023"]))
    return rows.filter(pl.col("spot_x_ft").is_not_null())


def asked(row: dict[str, Any], **changes: Any) -> ShotQuestion:
    """Return a question with everything that a shot's row says."""
    so_far = GameSoFar(**{name: row[name] for name in GameSoFar.__slots__})
    given = {
        name: row[name]
        for name in ("player_id", "team", "opponent", "is_home", "position_group", "quarter", "clock_s",
                     "fg_margin_pts", "points_value", "action_type", "defender_distance_ft", "shot_clock_s")
    }  # fmt: skip
    return ShotQuestion(**{"x_ft": row["spot_x_ft"], "y_ft": row["spot_y_ft"], "so_far": so_far, **given, **changes})


@pytest.fixture(scope="session")
def questions(shots: pl.DataFrame) -> list[ShotQuestion]:
    """Questions with every subset of contexts, two hundred of them."""
    found = []
    rows = shots.sample(200, seed=4, with_replacement=True)
    for number, row in enumerate(rows.iter_rows(named=True)):
        withheld: dict[str, Any] = {}
        if number & 1:
            withheld |= {"so_far": None}
        if number & 2:
            withheld |= {"player_id": None, "position_group": None}
        if number & 4:
            withheld |= {"team": None, "opponent": None, "is_home": None}
        if number & 8:
            withheld |= {"action_type": None}
        if number & 16:
            withheld |= {"quarter": None, "clock_s": None, "fg_margin_pts": None}
        if number & 32:
            withheld |= {"defender_distance_ft": float(number % 20), "shot_clock_s": float(number % 24)}
        found.append(asked(row, **withheld))
    return found
