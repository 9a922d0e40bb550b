"""A platform whose season is to be lived: part of a league is landed, VirtualBets has all of it, both services run."""

import datetime as dt
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from fastapi import FastAPI

from app.bets.feed import PROBLEMS, feed_router
from app.bets.published import Published
from app.problems import install
from parivision_assets.settings import BetsSettings
from parivision_assets.stores.home import Home
from parivision_assets_tests.http_service import serving
from parivision_assets_tests.served_home import make_served
from parivision_assets_tests.small_platform import (
    CONFIG,
    TO_FEATURES,
    SmallPlatform,
    import_foreign_libraries,
    platform,
    publish,
)

STARTS_AFTER = dt.date(2022, 10, 26)
"""Within the second season of `small_platform.CONFIG`: half of it is to come."""


def feed_service(home: Home) -> FastAPI:
    """Return VirtualBets' feed alone."""
    app = FastAPI()
    app.include_router(feed_router(Published(home)))
    install(app, 1_000, PROBLEMS)
    return app


def held_back(root: Path) -> SmallPlatform:
    """Return a platform with champions that has landed its league until STARTS_AFTER; the feed has the whole league."""
    import_foreign_libraries()
    everything = publish(root / "everything")
    feed = root / "feed"
    for source in (everything.shots, everything.games, everything.odds):
        shutil.copytree(source, feed, dirs_exist_ok=True)
    landed = publish(root / "published", replace(CONFIG, published_until=STARTS_AFTER))
    bets = BetsSettings(feed_url=str(feed), feed_published_until=STARTS_AFTER)
    small = platform(root / "home", landed, bets=bets)
    results = small.run(TO_FEATURES)
    assert all(result.succeeded for result in results), [result.problems for result in results]
    make_served(small.home)
    return small


@dataclass(frozen=True)
class Addresses:
    """Where the services answer."""

    api: str
    bets: str


@contextmanager
def both(small: SmallPlatform) -> Iterator[Addresses]:
    """Run the API and VirtualBets' feed over one home, on real sockets."""
    from app.api import create_app

    with serving(create_app(small.settings)) as api, serving(feed_service(small.home)) as bets:
        yield Addresses(api, bets)
