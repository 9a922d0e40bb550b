"""Fixtures of several folders: homes that are filled once per session, and a private PostgreSQL."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from parivision_assets_tests.postgres import Cluster, cluster
from parivision_assets_tests.small_platform import (
    TO_FEATURES,
    SmallPlatform,
    import_foreign_libraries,
    platform,
    publish,
)


@pytest.fixture(scope="session")
def filled(tmp_path_factory: pytest.TempPathFactory) -> SmallPlatform:
    """A home filled from raw to features, once; tests that change anything take a copy of their own."""
    import_foreign_libraries()
    root = tmp_path_factory.mktemp("filled")
    small = platform(root / "home", publish(root / "published"))
    results = small.run(f"({TO_FEATURES}) and not key:serving_state")
    assert all(result.succeeded for result in results), [result.problems for result in results]
    return small


@pytest.fixture
def own(filled: SmallPlatform, tmp_path: Path) -> SmallPlatform:
    """A copy of the filled home and of its published files."""
    shutil.copytree(filled.published.folder, tmp_path / "published")
    shutil.copytree(filled.settings.home, tmp_path / "home")
    return platform(tmp_path / "home", type(filled.published)(tmp_path / "published"))


@pytest.fixture(scope="session")
def postgres() -> Iterator[Cluster]:
    """A private PostgreSQL of this test process; without its programs skip and say so, or fail where required."""
    with cluster() as running:
        yield running
