"""Bets and settlements by many at once, and kill -9 at any moment."""

import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from parivision_assets.stores.bets import BetRefusedError
from parivision_assets.stores.database import migrate_database
from parivision_assets_tests.stores.bettors import HOUSE, World, game
from parivision_assets_tests.stores.crash import kill_at_every_step

KEY = game().game_key
STRESS = Path(__file__).resolve().parents[2] / "benchmarks" / "bets_stress.py"


@pytest.fixture
def world(where: str) -> Iterator[World]:
    made = World(where)
    yield made
    made.bets.close()


def test_one_key_by_many_at_once_is_one_bet(world: World) -> None:
    order = world.order(world.join().player.player_id)
    with ThreadPoolExecutor(8) as pool:
        placed = list(pool.map(lambda _: world.bets.place(order, HOUSE, world.today), range(24)))
    assert len({bet.bet_id for bet in placed}) == 1
    books = world.bets.audit()
    assert (books.bets, books.holds) == (1, True)


def test_a_balance_is_not_staked_twice(world: World) -> None:
    ann = world.join("Ann", 1_000)

    def place(_: int) -> bool:
        try:
            world.place(ann.player.player_id, 300)
        except BetRefusedError:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        taken = list(pool.map(place, range(16)))
    assert (sum(taken), world.balance(ann)) == (3, 100)
    assert world.bets.audit().holds


def test_a_nickname_is_given_to_one_of_many(world: World) -> None:
    from parivision_assets.stores.bet_players import NicknameTakenError

    def join(_: int) -> bool:
        try:
            world.join("Ann")
        except NicknameTakenError:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(join, range(8))) == 1
    assert world.bets.audit().holds


def test_several_who_settle_and_others_who_bet_meanwhile_settle_once(world: World) -> None:
    others = [World(world.where) for _ in range(3)]
    players = [world.join(welcome_cents=10_000_000).player.player_id for _ in range(4)]
    for number in range(60):
        world.place(players[number % 4], 100 + number)
    done = []

    def settle(own: World) -> None:
        done.append(own.settle({KEY: True}))

    def bet(player_id: int) -> None:
        for _ in range(10):
            try:
                world.place(player_id, 100)
            except BetRefusedError:
                return

    threads = [threading.Thread(target=settle, args=(own,)) for own in others]
    threads += [threading.Thread(target=bet, args=(player_id,)) for player_id in players]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    world.settle({KEY: True})
    for own in others:
        own.bets.close()
    books = world.bets.audit()
    assert books.holds, books.message
    assert books.settlements == books.bets == books.settled_bets
    assert len([found for found in done if found.games]) == 1


IMPORTS = """
import sqlalchemy as sa
from parivision_assets.stores import bet_settling
from parivision_assets_tests.stores.bettors import HOUSE, World, game
bet_settling.BATCH_BETS = 2
for name in ("exec_driver_sql", "execute", "commit"):
    crash.around(sa.Connection, name)
"""
ACTION = """
world = World(f"sqlite:///{root / 'bets.db'}")
player_id = 1
world.now = world.now.replace(minute=5)
order = world.order(player_id, 700, idempotency_key="once", game=game(1))
world.bets.place(order, HOUSE, world.today)
world.settle({game().game_key: False})
"""


@pytest.mark.slow
def test_a_kill_at_any_step_leaves_books_that_balance_and_can_be_gone_on_with(tmp_path: Path) -> None:
    template = tmp_path / "template"
    template.mkdir()
    world = World(f"sqlite:///{template / 'bets.db'}")
    ann = world.join("Ann")
    for number in range(3):
        world.place(ann.player.player_id, 100 + number)
    world.settle({KEY: True})
    world.bets.close()
    balances = set()
    for left in kill_at_every_step(IMPORTS, ACTION, template, tmp_path / "left", timeout_s=280):
        found = World(f"sqlite:///{left / 'bets.db'}")
        assert found.bets.audit().holds, left
        balances.add(found.balance(ann))
        order = found.order(1, 700, idempotency_key="once", game=game(1))
        found.bets.place(order, HOUSE, found.today)
        found.settle({KEY: False})
        assert found.balance(ann) == 100_000 - 303 - 700
        assert (found.bets.audit().bets, found.bets.audit().holds) == (4, True)
        found.bets.close()
    # Old, bet on, and corrected in part and whole.
    assert len(balances) > 3


@pytest.mark.slow
@pytest.mark.parametrize(("form", "kind"), [("http", "sqlite"), ("store", "sqlite"), ("store", "postgresql")])
def test_many_clients_with_duplicates_retries_and_kills(form: str, kind: str, request, tmp_path: Path) -> None:
    command = [sys.executable, str(STRESS), "--bets", "600", "--clients", "8", "--processes", "2", "--kills", "2",
               "--form", form, "--results", str(tmp_path / "results.json")]  # fmt: skip
    if kind == "postgresql":
        url = request.getfixturevalue("postgres").database()
        migrate_database(url)
        command += ["--database", url]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=280)
    assert done.returncode == 0, done.stdout + done.stderr
    (found,) = json.loads((tmp_path / "results.json").read_text()).values()
    assert found["problems"] == []
    assert sum(found["killed"].values()) >= 2
    assert found["bets"] + found["refused_since_the_game_had_ended"] == 600
