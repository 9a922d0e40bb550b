import dataclasses
import datetime as dt
import json
import signal
import sqlite3
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
import sqlalchemy as sa

from parivision_assets.stores.chain import Head, read_export, verify_records
from parivision_assets.stores.ledger import HeadMoved, Ledger, LedgerBrokenError
from parivision_assets_tests.stores import racers
from parivision_assets_tests.stores.racers import decision

RACERS = 64


@pytest.fixture
def path(tmp_path):
    return tmp_path / "home" / "ledger.sqlite"


@pytest.fixture
def ledger(path):
    return Ledger.open(path)


def fill(ledger, count=5):
    for number in range(1, count + 1):
        ledger.append(decision(f"v{number}", f"v{number - 1}"), ledger.head())
    return ledger.head()


def test_entries_are_chained_and_read_back(ledger, path):
    first = ledger.append(decision("v1", "baseline"), Head())
    second = ledger.append(decision("v2", "v1"), first.head)
    assert ledger.head() == second.head == Head(2, second.digest)
    assert Ledger.open(f"sqlite:///{path}").records() == [first, second]
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


def test_sqlite_itself_refuses_to_change_or_remove_entries(ledger, path):
    head = fill(ledger)
    with sqlite3.connect(path) as raw:
        for statement in (
            "UPDATE ledger SET reason = 'x' WHERE sequence = 2",
            "DELETE FROM ledger WHERE sequence = 5",
            "INSERT OR REPLACE INTO ledger SELECT 3, 'p', 'd', 'r', kind, target, actor, reason, payload FROM ledger",
        ):
            with pytest.raises(sqlite3.IntegrityError, match="append-only"):
                raw.execute(statement)
    raw.close()
    assert ledger.verify(head).intact


@pytest.mark.parametrize(
    ("statements", "bad"),
    [
        (["UPDATE ledger SET payload = replace(payload, 'v3', 'v8') WHERE sequence = 3"], 3),
        (["UPDATE ledger SET payload = payload || ' ' WHERE sequence = 2"], 2),
        (["UPDATE ledger SET recorded_at = '2021-01-03T00:00:00.000000+00:00' WHERE sequence = 1"], 1),
        (["DELETE FROM ledger WHERE sequence = 5"], 5),
        (["DELETE FROM ledger WHERE sequence = 3"], 3),
        (
            [
                "UPDATE ledger SET sequence = 99 WHERE sequence = 2",
                "UPDATE ledger SET sequence = 2 WHERE sequence = 3",
                "UPDATE ledger SET sequence = 3 WHERE sequence = 99",
            ],
            2,
        ),
    ],
)
def test_what_was_done_behind_the_triggers_is_found(ledger, path, statements, bad):
    head = fill(ledger)
    with sqlite3.connect(path) as raw:
        for name in ("update", "delete", "replace"):
            raw.execute(f"DROP TRIGGER ledger_refuses_{name}")
        for statement in statements:
            raw.execute(statement)
    raw.close()
    found = ledger.verify(head)
    assert (found.intact, found.first_bad) == (False, bad)
    assert f"entry {bad}" in found.message


def test_a_rewritten_ledger_is_found_by_the_head_kept_elsewhere(ledger, tmp_path):
    head = fill(ledger)
    forged = Ledger.open(tmp_path / "forged.sqlite")
    for number in range(1, 6):
        forged.append(decision(f"x{number}", f"x{number - 1}"), forged.head())
    assert forged.verify().intact
    assert forged.verify(head).first_bad == 5


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


def in_threads(racer, path):
    barrier = threading.Barrier(RACERS)
    with ThreadPoolExecutor(RACERS) as pool:
        return list(pool.map(lambda number: racer(path, f"c{number}", barrier), range(RACERS)))


def in_processes(racer, path):
    command = [sys.executable, "-m", racers.__name__, str(path), racer.__name__, str(RACERS)]
    done = subprocess.run(command, check=True, capture_output=True, timeout=250)
    return json.loads(done.stdout)


@pytest.mark.parametrize("race", [in_threads, in_processes])
def test_of_64_racers_on_one_head_exactly_one_gets_in(path, race):
    Ledger.open(path)
    won = race(racers.append_once, path)
    assert sum(won) == 1
    assert len(Ledger.open(path).records()) == 1


@pytest.mark.parametrize("race", [in_threads, in_processes])
def test_the_others_decide_again_against_the_new_champion(path, race):
    asked = race(racers.promote_myself, path)
    ledger = Ledger.open(path)
    records = ledger.records()
    assert ledger.verify().intact
    assert len(records) == RACERS
    assert len({record.content()["challenger"] for record in records}) == RACERS
    previous = "baseline"
    for record in records:
        assert record.content()["champion"] == previous
        previous = record.content()["challenger"]
    assert sum(asked) > RACERS


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


def test_a_kill_between_insert_and_commit_leaves_the_old_state(ledger, path):
    head = fill(ledger, 2)
    child = subprocess.run([sys.executable, "-c", KILLED_BEFORE_COMMIT, str(path)], check=False, timeout=120)
    assert child.returncode == -signal.SIGKILL
    assert Ledger.open(path).head() == head
    assert ledger.verify(head).intact
    ledger.append(decision("v3", "v2"), head)


def test_a_kill_at_any_time_loses_nothing_that_was_confirmed(path):
    for confirmed in (3, 20):
        with subprocess.Popen([sys.executable, "-c", KILLED_AT_ANY_TIME, str(path)], stdout=subprocess.PIPE) as child:
            lines = [child.stdout.readline() for _ in range(confirmed)]
            child.kill()
            lines += child.stdout.readlines()
        heads = [Head.parse(line.decode().strip()) for line in lines if line.endswith(b"\n")]
        ledger = Ledger.open(path)
        assert ledger.verify(heads).intact
        assert heads[-1].sequence <= ledger.head().sequence <= heads[-1].sequence + 1


def test_the_table_has_no_column_type_that_postgresql_lacks():
    from sqlalchemy.dialects import postgresql

    from parivision_assets.stores.chain import seal
    from parivision_assets.stores.ledger import _insert_after, ledger_table

    ddl = str(sa.schema.CreateTable(ledger_table).compile(dialect=postgresql.dialect()))
    assert "UNIQUE (previous_digest)" in ddl
    insert = _insert_after(seal(decision("a", "b"), Head()), Head()).compile(dialect=postgresql.dialect())
    assert "INSERT INTO ledger" in str(insert)
    assert "LIMIT" in str(insert)
