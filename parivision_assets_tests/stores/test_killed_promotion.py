"""kill -9 at every step of a promotion, then a restart: ledger, bundle pointer, alias and kept head agree."""

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from parivision_assets.stores.chain import Head
from parivision_assets.stores.database import migrate_database
from parivision_assets.stores.following import repair_champions
from parivision_assets.stores.home import Home
from parivision_assets_tests.postgres import Cluster
from parivision_assets_tests.small_platform import import_foreign_libraries
from parivision_assets_tests.stores.crash import kill_at_every_step
from parivision_assets_tests.stores.small_champions import TARGET, home_at, in_place, model, promote

import_foreign_libraries()

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(900),
    pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning"),
]

IMPORTS = """
import sqlalchemy as sa
import mlflow.store.tracking.sqlalchemy_store
from mlflow import MlflowClient
from parivision_assets.stores.bundles import BundleStore
from parivision_assets.stores.ledger import Ledger
from parivision_assets.stores.registry import ModelRegistry
from parivision_assets_tests.stores.small_champions import home_at, promote
"""

ACTION = """
for owner, name in ((Ledger, "append"), (BundleStore, "set_champion"), (ModelRegistry, "point_alias"),
                    (ModelRegistry, "keep_head")):
    crash.around(owner, name)
home = home_at(root)
home.registry.client
# Between a change and its commit, in the ledger and in MLflow.
sa.event.listen(sa.Engine, "commit", lambda connection: crash.step())
promote(home, {digest!r})
"""


def with_a_champion(home: Home) -> tuple[str, str]:
    """Make one champion and one challenger; return their digests."""
    first, second = model(home, "a"), model(home, "b")
    promote(home, first)
    return first, second


def assert_whole(home: Home, allowed: set[str]) -> str:
    """Assert that all agree on one of the allowed champions after a restart's repair, and return it."""
    assert repair_champions(home) == []
    ledger, pointer, alias = in_place(home)
    assert ledger == pointer == alias
    assert ledger in allowed
    champion = home.ledger.champion(TARGET)
    assert home.bundles.champion(TARGET).decision == champion.entry.sequence
    heads = home.registry.kept_heads()
    assert str(home.ledger.head()) in heads
    assert home.ledger.verify([Head.parse(head) for head in heads]).intact
    return ledger


def test_a_promotion_killed_at_any_step_is_the_old_champion_or_the_new_one(tmp_path: Path) -> None:
    template = tmp_path / "template"
    first, second = with_a_champion(home_at(template))
    left = kill_at_every_step(IMPORTS, ACTION.format(digest=second), template, tmp_path / "steps", timeout_s=850)
    mixed = [folder for folder in left if len(set(in_place(home_at(folder)))) > 1]
    assert mixed, "no kill came between the ledger and what follows it"
    found = [assert_whole(home_at(folder), {first, second}) for folder in left]
    assert found[0] == first
    assert found[-1] == second
    # From the append on it is the new one.
    assert found == sorted(found, key=[first, second].index)


KILLED = """
import os, signal, sys
import sqlalchemy as sa
from parivision_assets.stores.bundles import BundleStore
from parivision_assets.stores.ledger import Ledger
from parivision_assets.stores.registry import ModelRegistry
from parivision_assets_tests.stores.small_champions import home_at, promote
root, url, digest, moment = sys.argv[1:]
home = home_at(root, database_url=url)
die = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
def after(real):
    def method(*arguments, **named):
        real(*arguments, **named)
        die()
    return method
if moment == "before the append":
    Ledger.append = die
elif moment == "before the commit":
    sa.event.listen(home.ledger._engine, "commit", die)
elif moment == "after the append":
    Ledger.append = after(Ledger.append)
elif moment == "after the pointer":
    BundleStore.set_champion = after(BundleStore.set_champion)
else:
    ModelRegistry.point_alias = after(ModelRegistry.point_alias)
promote(home, digest)
"""


@pytest.mark.parametrize(
    ("moment", "is_new"),
    [
        ("before the append", False),
        ("before the commit", False),
        ("after the append", True),
        ("after the pointer", True),
        ("after the alias", True),
    ],
)
def test_a_promotion_on_postgresql_killed_in_between(
    tmp_path: Path, postgres: Cluster, moment: str, is_new: bool
) -> None:
    url = postgres.database()
    migrate_database(url)
    home = home_at(tmp_path, database_url=url)
    first, second = with_a_champion(home)
    arguments = [str(tmp_path), url, second, moment]
    killed = subprocess.run(
        [sys.executable, "-c", KILLED, *arguments], capture_output=True, text=True, check=False, timeout=280
    )
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    assert assert_whole(home, {first, second}) == (second if is_new else first)
