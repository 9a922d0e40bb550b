"""The API on a real socket over a small home with champions."""

import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import httpx
import pytest

from parivision_assets.settings import ApiSettings, Settings
from parivision_assets.stores.home import Home
from parivision_assets_tests.app.api.server import Server, serving
from parivision_assets_tests.served_home import make_served
from parivision_assets_tests.small_platform import SmallPlatform

Start = Callable[..., Server]


@pytest.fixture(scope="session")
def champions(filled: SmallPlatform, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """Settings of a home with champions that nobody changes; take a copy to change anything."""
    home = tmp_path_factory.mktemp("champions") / "home"
    shutil.copytree(filled.settings.home, home)
    settings = filled.settings.model_copy(update={"home": home})
    make_served(Home(settings))
    return settings


@pytest.fixture
def own_champions(champions: Settings, tmp_path: Path) -> Settings:
    """Settings of a home of the test's own."""
    shutil.copytree(champions.home, tmp_path / "home")
    return champions.model_copy(update={"home": tmp_path / "home"})


@pytest.fixture(scope="session")
def server(champions: Settings) -> Iterator[Server]:
    """One server for all tests that change nothing but the prediction log."""
    with serving(champions) as running:
        yield running


@pytest.fixture(scope="session")
def client(server: Server) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=server.url) as found:
        yield found


@pytest.fixture
def start(own_champions: Settings) -> Iterator[Start]:
    """Start a server over the test's own home, with other settings of the API."""
    with ExitStack() as stack:

        def begin(**api: object) -> Server:
            settings = own_champions.model_copy(update={"api": ApiSettings(**api)})
            return stack.enter_context(serving(settings))

        yield begin
