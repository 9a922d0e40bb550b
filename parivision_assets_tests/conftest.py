import os
from pathlib import Path

import pytest

from parivision_assets_tests.fixtures import filled, own, postgres

__all__ = ["filled", "own", "postgres"]

REAL_DATA = Path(__file__).resolve().parents[2] / "shared" / "data"


@pytest.fixture(scope="session")
def real_data() -> Path:
    """Return the folder of the publishers' files; without them skip and say so, or fail where they are required."""
    if not (REAL_DATA / "shots").is_dir():
        missing = "needs the publishers' real files in ../shared/data (see README, 'Real files')"
        if os.environ.get("PARIVISION_REQUIRE_REAL_DATA") == "1":
            pytest.fail(missing)
        pytest.skip(missing)
    return REAL_DATA
