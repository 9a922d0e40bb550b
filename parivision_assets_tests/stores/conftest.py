import os
import warnings
from collections.abc import Iterator
from pathlib import Path

import pytest

from parivision_assets.stores.database import migrate_database
from parivision_assets_tests.model_platform import model_platform, retrain
from parivision_assets_tests.postgres import Cluster, cluster
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


@pytest.fixture(scope="session")
def postgres() -> Iterator[Cluster]:
    """A private PostgreSQL of this test process."""
    with cluster() as running:
        yield running


@pytest.fixture(params=["sqlite", "postgresql"])
def where(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of an empty database of either kind, migrated."""
    if request.param == "sqlite":
        url = f"sqlite:///{tmp_path / 'home' / 'ledger.db'}"
    else:
        url = request.getfixturevalue("postgres").database()
    migrate_database(url)
    return url
