"""The prediction log: what was acknowledged is there, what cannot be kept is said, and it goes on by itself."""

import datetime as dt
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
import sqlalchemy as sa
from hypothesis import given, settings
from hypothesis import strategies as st

from parivision_assets.stores.database import migrate_database, open_database
from parivision_assets.stores.log_connection import LogConnection
from parivision_assets.stores.log_writer import LogFullError, LogUnavailableError
from parivision_assets.stores.prediction_log import LogEntry, PredictionLog, new_prediction_id
from parivision_assets_tests.postgres import Cluster
from parivision_assets_tests.stores.log_entries import ANSWER, TIME_LIMIT_S, entry


def shot(game_date: dt.date, **changes: object) -> LogEntry:
    return entry(event="22300001/203/3/123", game="22300001", game_date=game_date, **changes)


@pytest.fixture
def log(where: str) -> Iterator[PredictionLog]:
    with closing(PredictionLog.open(where)) as opened:
        yield opened


def test_what_is_acknowledged_is_found_as_it_was(log: PredictionLog) -> None:
    asked = [
        entry(client="web"),
        shot(dt.date(2024, 1, 3)),
        entry(answer=replace(ANSWER, points_value=None, is_known=None, flags=(), probability=1e-300)),
    ]
    log.append(asked).result(TIME_LIMIT_S)
    assert [log.find(one.prediction_id) for one in asked] == asked
    assert log.find("0" * 32) is None
    assert (log.queue_depth, log.lost_records) == (0, 0)


def test_ids_sort_by_time_and_are_32_digits() -> None:
    ids = [new_prediction_id() for _ in range(1000)]
    assert ids == sorted(set(ids))
    assert {len(one) for one in ids} == {32}


def test_events_are_read_by_game_date_in_the_order_in_which_they_were_asked(log: PredictionLog) -> None:
    days = [dt.date(2024, 1, 5), dt.date(2024, 1, 3), dt.date(2024, 1, 4)]
    asked = [shot(day, asked_at=f"2024-01-03T20:15:0{second}+00:00") for second, day in enumerate(days)]
    log.append([entry(), *asked, entry(answer=replace(ANSWER, as_of=dt.date(2023, 1, 1)))]).result(TIME_LIMIT_S)
    found = log.events(dt.date(2024, 1, 4))
    assert found["prediction_id"].to_list() == [asked[0].prediction_id, asked[2].prediction_id]
    assert found.row(0, named=True)["as_of"] == ANSWER.as_of
    assert log.events(dt.date(2024, 1, 1), dt.date(2024, 1, 3))["game_date"].to_list() == [dt.date(2024, 1, 3)]
    assert log.events(dt.date(2025, 1, 1)).is_empty()
    assert log.hypothetical(dt.date(2024, 1, 1)) == {"shot_pre_release": 1}
    assert log.hypothetical(dt.date(2023, 1, 1), dt.date(2023, 12, 31)) == {"shot_pre_release": 1}


def test_an_event_whose_date_nobody_named_is_of_the_day_after_what_its_answer_knew(log: PredictionLog) -> None:
    log.append([entry(event="g", game="g")]).result(TIME_LIMIT_S)
    day = ANSWER.as_of + dt.timedelta(days=1)
    assert log.events(day, day)["game_date"].to_list() == [day]
    assert log.events(day + dt.timedelta(days=1)).is_empty()
    assert log.events(dt.date(2023, 1, 1), ANSWER.as_of).is_empty()


@pytest.mark.parametrize("statement", ["UPDATE prediction_log SET probability = 0.9", "DELETE FROM prediction_log"])
def test_the_database_refuses_to_change_or_remove_what_was_answered(
    log: PredictionLog, where: str, statement: str
) -> None:
    log.append([entry()]).result(TIME_LIMIT_S)
    with pytest.raises(sa.exc.DBAPIError, match="append-only"), open_database(where).begin() as connection:
        connection.exec_driver_sql(statement)


def test_replacing_an_entry_is_refused(tmp_path: Path) -> None:
    with closing(PredictionLog.open(tmp_path / "log.db")) as log:
        log.append([entry()]).result(TIME_LIMIT_S)
    with closing(sqlite3.connect(tmp_path / "log.db")) as raw, pytest.raises(sqlite3.IntegrityError, match="taken"):
        raw.execute("REPLACE INTO prediction_log SELECT * FROM prediction_log")


def test_many_threads_and_processes_write_at_once(where: str) -> None:
    program = (
        "import sys; from parivision_assets_tests.stores.log_child import write; write(sys.argv[1], int(sys.argv[2]))"
    )
    with ThreadPoolExecutor(4) as pool:
        outputs = list(
            pool.map(
                lambda _: subprocess.run(
                    [sys.executable, "-c", program, where, "300"],
                    capture_output=True, text=True, check=True, timeout=TIME_LIMIT_S,
                ).stdout,
                range(4),
            )
        )  # fmt: skip
    acknowledged = {line for output in outputs for line in output.split()}
    assert len(acknowledged) == 1200
    with open_database(where).connect() as connection:
        there = set(connection.exec_driver_sql("SELECT prediction_id FROM prediction_log").scalars())
    assert there == acknowledged


def connection_of(log: PredictionLog) -> LogConnection:
    return log._writer._commit.__self__


def held(log: PredictionLog) -> threading.Event:
    """Let the log's next commits wait for the returned event."""
    goes_on, commit = threading.Event(), log._writer._commit

    def wait(rows: list[tuple]) -> None:
        goes_on.wait(TIME_LIMIT_S)
        commit(rows)

    log._writer._commit = wait
    return goes_on


def test_a_full_queue_refuses_at_once_and_takes_again_when_there_is_room(where: str) -> None:
    with closing(PredictionLog.open(where, queue_rows=3)) as log:
        goes_on = held(log)
        first = log.append([entry(), entry()])
        with pytest.raises(LogFullError, match="2 of at most 3 rows wait to be written, 2 more do not fit"):
            log.append([entry(), entry()])
        second = log.append([entry()])
        assert log.queue_depth == 3
        goes_on.set()
        first.result(TIME_LIMIT_S)
        second.result(TIME_LIMIT_S)
        log.append([entry(), entry(), entry()]).result(TIME_LIMIT_S)
        assert (log.queue_depth, log.lost_records) == (0, 0)


def test_what_waits_is_committed_together_and_no_more_than_a_group(where: str) -> None:
    with closing(PredictionLog.open(where, group_rows=4)) as log:
        sizes, commit = [], log._writer._commit
        goes_on, begun = threading.Event(), threading.Event()

        def wait(rows: list[tuple]) -> None:
            begun.set()
            goes_on.wait(TIME_LIMIT_S)
            sizes.append(len(rows))
            commit(rows)

        log._writer._commit = wait
        futures = [log.append([entry()])]
        assert begun.wait(TIME_LIMIT_S)
        futures += [log.append([entry() for _ in range(count)]) for count in (1, 2, 3, 9, 1)]
        goes_on.set()
        for future in futures:
            future.result(TIME_LIMIT_S)
        assert sizes == [1, 6, 9, 1]


def test_closing_waits_for_what_was_taken_and_takes_nothing_more(where: str) -> None:
    log = PredictionLog.open(where)
    goes_on = held(log)
    futures = [log.append([entry()]) for _ in range(20)]
    threading.Timer(0.05, goes_on.set).start()
    log.close()
    assert all(future.done() and future.exception() is None for future in futures)
    with pytest.raises(LogUnavailableError, match="closed"):
        log.append([entry()])
    log.close()


def test_whoever_stops_waiting_takes_nothing_from_the_others(log: PredictionLog) -> None:
    goes_on = held(log)
    left, stays = log.append([entry()]), log.append([entry()])
    assert not left.cancel()
    goes_on.set()
    stays.result(TIME_LIMIT_S)
    log.append([entry()]).result(TIME_LIMIT_S)


def test_nothing_to_append_is_done_at_once(log: PredictionLog) -> None:
    assert log.append([]).done()


def test_a_locked_database_fails_these_and_only_these(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("parivision_assets.stores.log_connection.LOCKED_S", 0.05)
    with (
        closing(PredictionLog.open(tmp_path / "log.db")) as log,
        closing(sqlite3.connect(tmp_path / "log.db")) as other,
    ):
        before, after = entry(), entry()
        log.append([before]).result(TIME_LIMIT_S)
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(LogUnavailableError, match=r"could not keep 2 prediction\(s\) \(database is locked\)"):
            log.append([entry(), entry()]).result(TIME_LIMIT_S)
        assert log.lost_records == 2
        other.rollback()
        log.append([after]).result(TIME_LIMIT_S)
        assert other.execute("SELECT prediction_id FROM prediction_log ORDER BY 1").fetchall() == [
            (before.prediction_id,), (after.prediction_id,)
        ]  # fmt: skip


def test_a_full_file_fails_what_does_not_fit_and_goes_on_when_there_is_room(tmp_path: Path) -> None:
    with closing(PredictionLog.open(tmp_path / "log.db")) as log:
        log.append([entry()]).result(TIME_LIMIT_S)
        raw = connection_of(log)._open.driver_connection
        raw.execute(f"PRAGMA max_page_count={raw.execute('PRAGMA page_count').fetchone()[0]}")
        big = entry(question="x" * 50_000)
        with pytest.raises(LogUnavailableError, match=r"full.*free space"):
            log.append([big]).result(TIME_LIMIT_S)
        # The limit went with the connection that failed.
        log.append([big]).result(TIME_LIMIT_S)
        assert log.find(big.prediction_id) == big
        assert log.lost_records == 1


def test_a_connection_that_died_while_nobody_asked_costs_nothing(postgres: Cluster) -> None:
    url = postgres.database()
    migrate_database(url)
    with closing(PredictionLog.open(url)) as log:
        log.append([entry()]).result(TIME_LIMIT_S)
        postgres.stop("fast")
        postgres.start()
        again = entry()
        log.append([again]).result(TIME_LIMIT_S)
        assert log.find(again.prediction_id) == again
        assert log.lost_records == 0


def test_a_database_that_is_away_fails_these_and_comes_back_by_itself(postgres: Cluster) -> None:
    url = postgres.database()
    migrate_database(url)
    with closing(PredictionLog.open(url)) as log:
        log.append([entry()]).result(TIME_LIMIT_S)
        postgres.stop("fast")
        try:
            for _ in range(2):
                with pytest.raises(LogUnavailableError, match="bring its database back"):
                    log.append([entry()]).result(TIME_LIMIT_S)
        finally:
            postgres.start()
        log.append([entry()]).result(TIME_LIMIT_S)
        assert log.lost_records == 2


def test_a_forked_process_is_told_to_open_its_own(tmp_path: Path) -> None:
    program = """
import os, sys
from parivision_assets.stores.log_writer import LogUnavailableError
from parivision_assets.stores.prediction_log import PredictionLog
from parivision_assets_tests.stores.log_entries import entry
log = PredictionLog.open(sys.argv[1])
log.append([entry()]).result(60)
child = os.fork()
if child == 0:
    try:
        log.append([entry()])
    except LogUnavailableError as error:
        os._exit(7 if "fork first" in str(error) else 1)
assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7
log.append([entry()]).result(60)
log.close()
"""
    path = tmp_path / "log.db"
    subprocess.run([sys.executable, "-W", "error", "-c", program, str(path)], check=True, timeout=TIME_LIMIT_S)
    with closing(sqlite3.connect(path)) as raw:
        assert raw.execute("SELECT COUNT(*) FROM prediction_log").fetchone() == (2,)
        assert raw.execute("PRAGMA integrity_check").fetchone() == ("ok",)


@settings(max_examples=30, deadline=None)
@given(question=st.text(st.characters(exclude_characters="\x00", codec="utf-8")), features=st.binary())
def test_any_text_and_any_bytes_come_back(
    tmp_path_factory: pytest.TempPathFactory, question: str, features: bytes
) -> None:
    asked = entry(question=question, answer=replace(ANSWER, features=features))
    with closing(PredictionLog.open(tmp_path_factory.getbasetemp() / "any.db")) as log:
        log.append([asked]).result(TIME_LIMIT_S)
        assert log.find(asked.prediction_id) == asked
