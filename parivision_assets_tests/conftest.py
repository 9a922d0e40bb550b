from pathlib import Path

import pytest

REAL_DATA = Path(__file__).resolve().parents[2] / "shared" / "data"


@pytest.fixture(scope="session")
def real_data() -> Path:
    """Return the folder of the publishers' files, or skip and say what is missing."""
    if not (REAL_DATA / "shots").is_dir():
        pytest.skip("needs the publishers' real files in ../shared/data (see README, 'Real files')")
    return REAL_DATA
