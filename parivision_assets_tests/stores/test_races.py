"""64 equal challengers race for one ledger, in threads and in processes, on SQLite and on PostgreSQL."""

import json
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from parivision_assets.stores.chain import champions
from parivision_assets.stores.ledger import Ledger
from parivision_assets_tests.stores import racers

RACERS = 64

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]


def in_threads(racer, where):
    barrier = threading.Barrier(RACERS)
    with ThreadPoolExecutor(RACERS) as pool:
        return list(pool.map(lambda number: racer(where, f"c{number}", barrier), range(RACERS)))


def in_processes(racer, where):
    command = [sys.executable, "-m", racers.__name__, where, racer.__name__, str(RACERS)]
    done = subprocess.run(command, check=True, capture_output=True, timeout=850)
    return json.loads(done.stdout)


@pytest.mark.parametrize("race", [in_threads, in_processes])
def test_of_64_racers_on_one_head_exactly_one_gets_in(where, race):
    assert sum(race(racers.append_once, where)) == 1
    assert len(Ledger.open(where).records()) == 1


@pytest.mark.parametrize("race", [in_threads, in_processes])
def test_of_64_equal_challengers_one_is_promoted_and_the_others_decide_again(where, race):
    asked = race(racers.judge_myself, where)
    ledger = Ledger.open(where)
    records = ledger.records()
    assert ledger.verify().intact
    assert len({record.previous_digest for record in records}) == len(records) == RACERS
    assert {record.content()["challenger"] for record in records} == {f"c{number}" for number in range(RACERS)}
    # All of them read the empty ledger's head first, so every one but the winner decided again.
    assert sorted(asked)[:2] >= [1, 2], asked
    assert [record.content()["verdict"] for record in records] == ["promote"] + ["keep"] * (RACERS - 1)
    (champion,) = champions(records, "game")
    assert champion.model == records[0].content()["challenger"]
    assert {record.content()["champion"] for record in records[1:]} == {champion.model}
    print(f"{sum(asked)} decisions for {len(records)} entries")
