import dataclasses
import datetime as dt
import json
import signal
import subprocess
import sys

import pytest
import sqlalchemy as sa

from parivision_assets.stores.chain import Head, read_export, verify_records
from parivision_assets.stores.ledger import HeadMoved, Ledger, LedgerBrokenError
from parivision_assets_tests.stores.racers import decision


@pytest.fixture
def ledger(where):
    return Ledger.open(where)


def fill(ledger, count=5):
    for number in range(1, count + 1):
        ledger.append(decision(f"v{number}", f"v{number - 1}"), ledger.head())
    return ledger.head()


def test_entries_are_chained_and_read_back(ledger, where):
    first = ledger.append(decision("v1", "baseline"), Head())
    second = ledger.append(decision("v2", "v1"), first.head)
    assert ledger.head() == second.head == Head(2, second.digest)
    assert Ledger.open(where).records() == [first, second]
    assert second.previous_digest == first.digest
    assert second.content()["challenger"] == "v2"
    assert ledger.verify(first.head).intact
    assert ledger.champion("game").model == "v2"


def test_append_to_an_old_head_names_the_new_one(ledger):
    old = ledger.head()
    new = ledger.append(decision("v1", "baseline"), old)
    with pytest.raises(HeadMoved, match="from entry 0 to entry 1") as caught:
        ledger.append(decision("v2", "baseline"), old)
    assert caught.value.head == new.head
    assert len(ledger.records()) == 1


def test_append_to_a_head_that_never_was_is_refused(ledger):
    head = fill(ledger, 2)
    for wrong in (Head(2, "a" * 64), Head(7, "b" * 64), Head(1, head.digest)):
        with pytest.raises((HeadMoved, LedgerBrokenError)):
            ledger.append(decision("v9", "v2"), wrong)
    assert ledger.verify(head).intact
    assert ledger.head() == head


def test_the_clock_is_read_only_when_no_time_is_given(ledger):
    record = ledger.append(dataclasses.replace(decision("v1", "v0"), recorded_at=None), Head())
    assert abs(dt.datetime.now(dt.UTC) - dt.datetime.fromisoformat(record.recorded_at)) < dt.timedelta(hours=1)


REFUSED = {
    "sqlite": (
        "UPDATE ledger SET reason = 'x' WHERE sequence = 2",
        "DELETE FROM ledger WHERE sequence = 5",
        "INSERT OR REPLACE INTO ledger SELECT 3, 'p', 'd', 'r', kind, target, actor, reason, payload FROM ledger",
        # A number of its own, but another entry's predecessor: REPLACE would remove that entry.
        "REPLACE INTO ledger SELECT 6, previous_digest, 'd', 'r', kind, target, actor, reason, payload FROM ledger",
        "REPLACE INTO ledger SELECT 6, 'p', digest, 'r', kind, target, actor, reason, payload FROM ledger",
    ),
    "postgresql": (
        "UPDATE ledger SET reason = 'x' WHERE sequence = 2",
        "DELETE FROM ledger WHERE sequence = 5",
        "TRUNCATE ledger",
        "SET session_replication_role = replica; DELETE FROM ledger",
        "INSERT INTO ledger SELECT * FROM ledger ON CONFLICT (sequence) DO UPDATE SET reason = 'x'",
    ),
}


def test_the_database_itself_refuses_to_change_or_remove_entries(ledger, where):
    head = fill(ledger)
    engine = sa.create_engine(where, poolclass=sa.NullPool)
    for statement in REFUSED[engine.dialect.name]:
        with pytest.raises(sa.exc.IntegrityError, match="append-only"), engine.begin() as connection:
            connection.exec_driver_sql(statement)
    assert ledger.verify(head).intact


def test_export_is_enough_for_an_auditor(ledger):
    head = fill(ledger)
    lines = list(ledger.export())
    assert [json.loads(line)["sequence"] for line in lines] == [1, 2, 3, 4, 5]
    assert verify_records(read_export(lines), head).intact
    assert verify_records(read_export(lines[:-1]), head).first_bad == 5


def test_a_pair_keeps_its_number_within_a_season(ledger):
    assert ledger.comparison_number("game", 2021, "a", "base") == 1
    for challenger, champion, season in (
        ("a", "base", 2021),
        ("a", "base", 2021),
        ("b", "base", 2021),
        ("b", "base", 2020),
        ("b", "a", 2021),
    ):
        ledger.append(decision(challenger, champion, "keep", season), ledger.head())
    assert [ledger.comparison_number("game", 2021, *pair) for pair in (("a", "base"), ("b", "base"), ("b", "a"))] == [
        1,
        2,
        3,
    ]
    assert ledger.comparison_number("game", 2021, "c", "a") == 4
    assert ledger.comparison_number("game", 2022, "c", "a") == 1
    assert ledger.comparison_number("shot_post_event", 2021, "b", "a") == 1


def test_settle_may_decide_to_append_nothing(ledger):
    assert ledger.settle(lambda _: None) is None
    assert ledger.head() == Head()


def test_a_ledger_in_memory_is_refused():
    with pytest.raises(ValueError, match="needs a file"):
        Ledger.open("sqlite://")


KILLED_BEFORE_COMMIT = """
import os, signal, sys
import sqlalchemy as sa
from parivision_assets_tests.stores.racers import Ledger, decision
ledger = Ledger.open(sys.argv[1])
sa.event.listen(ledger._engine, "commit", lambda connection: os.kill(os.getpid(), signal.SIGKILL))
ledger.append(decision("v9", "v2"), ledger.head())
"""

KILLED_AT_ANY_TIME = """
import sys
from parivision_assets_tests.stores.racers import Ledger, decision
ledger = Ledger.open(sys.argv[1])
while True:
    print(ledger.append(decision("a", "b"), ledger.head()).head, flush=True)
"""


def test_a_kill_between_insert_and_commit_leaves_the_old_state(ledger, where):
    head = fill(ledger, 2)
    child = subprocess.run([sys.executable, "-c", KILLED_BEFORE_COMMIT, where], check=False, timeout=120)
    assert child.returncode == -signal.SIGKILL
    assert Ledger.open(where).head() == head
    assert ledger.verify(head).intact
    ledger.append(decision("v3", "v2"), head)


def test_a_kill_at_any_time_loses_nothing_that_was_confirmed(where):
    for confirmed in (3, 20):
        with subprocess.Popen([sys.executable, "-c", KILLED_AT_ANY_TIME, where], stdout=subprocess.PIPE) as child:
            lines = [child.stdout.readline() for _ in range(confirmed)]
            child.kill()
            lines += child.stdout.readlines()
        heads = [Head.parse(line.decode().strip()) for line in lines if line.endswith(b"\n")]
        ledger = Ledger.open(where)
        assert ledger.verify(heads).intact
        assert heads[-1].sequence <= ledger.head().sequence <= heads[-1].sequence + 1
