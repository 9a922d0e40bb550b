import os
import warnings
from collections.abc import Iterator

import pytest

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
