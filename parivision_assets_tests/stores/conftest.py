import os
import shutil
import warnings
from collections.abc import Iterator
from pathlib import Path

import pytest

from parivision_assets.stores.database import migrate_database
from parivision_assets.stores.registry import LEDGER_HEAD_TAG
from parivision_assets_tests.model_platform import model_platform, retrain
from parivision_assets_tests.small_platform import SmallPlatform, import_foreign_libraries


@pytest.fixture(autouse=True)
def own_environment() -> Iterator[None]:
    before = dict(os.environ)
    yield
    os.environ.clear()
    os.environ.update(before)


@pytest.fixture(scope="session")
def trained(tmp_path_factory: pytest.TempPathFactory) -> SmallPlatform:
    """A platform whose challenger was made and not judged yet."""
    import_foreign_libraries()
    small = model_platform(tmp_path_factory.mktemp("trained"))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        made = retrain(small, part="challenger")
    assert made.succeeded, made.problems
    return small


@pytest.fixture
def undecided(trained: SmallPlatform) -> Iterator[SmallPlatform]:
    """The trained platform; its ledger, what follows it and the heads kept elsewhere are put aside afterwards."""
    yield trained
    home, client = trained.settings.home, trained.home.registry.client
    for name in ("ledger.db", "ledger.db-wal", "ledger.db-shm"):
        (home / name).unlink(missing_ok=True)
    shutil.rmtree(home / "bundles" / "champions", ignore_errors=True)
    experiments = [found.experiment_id for found in client.search_experiments()]
    for run in client.search_runs(experiments, f"tags.{LEDGER_HEAD_TAG} LIKE '%:%'"):
        client.delete_tag(run.info.run_id, LEDGER_HEAD_TAG)


@pytest.fixture(params=["sqlite", "postgresql"])
def where(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of an empty database of either kind, migrated."""
    if request.param == "sqlite":
        url = f"sqlite:///{tmp_path / 'home' / 'ledger.db'}"
    else:
        url = request.getfixturevalue("postgres").database()
    migrate_database(url)
    return url
