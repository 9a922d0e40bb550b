"""Kill -9 and full disks: what was acknowledged is there, the log is whole, and it goes on where it was."""

import os
import random
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from parivision_assets.stores.database import migrate_database, open_database
from parivision_assets.stores.log_writer import LogUnavailableError
from parivision_assets.stores.prediction_log import PredictionLog
from parivision_assets_tests.postgres import Cluster
from parivision_assets_tests.stores.log_child import THREADS
from parivision_assets_tests.stores.log_entries import TIME_LIMIT_S, entry

KILLS = 50
ID_LINE = 33


def acknowledged_until_killed(where: str, lines: int) -> set[str]:
    """Let a process append, kill it -9 once so many lines came, and return every id that it acknowledged."""
    command = [sys.executable, "-m", "parivision_assets_tests.stores.log_child", where]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as child:
        assert child.stdout is not None
        read = b""
        try:
            while len(read) < lines * ID_LINE:
                part = os.read(child.stdout.fileno(), 65536)
                assert part, "the writer ended by itself"
                read += part
        finally:
            child.kill()
        read += child.stdout.read()
    whole = read[: len(read) // ID_LINE * ID_LINE].decode()
    return set(whole.split())


def moments(count: int) -> list[int]:
    """Return after how many acknowledgements to kill: at once, in the midst, and some groups later."""
    draw = random.Random(4)  # noqa: S311 - a test's moments
    return [draw.choice((1, draw.randrange(2, 40), draw.randrange(40, 600))) for _ in range(count)]


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_no_acknowledged_prediction_is_lost_by_fifty_kills_of_sqlite(tmp_path: Path) -> None:
    path = tmp_path / "log.db"
    acknowledged: set[str] = set()
    for lines in moments(KILLS):
        acknowledged |= acknowledged_until_killed(f"sqlite:///{path}", lines)
        with closing(sqlite3.connect(path)) as raw:
            assert raw.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
            there = {found for (found,) in raw.execute("SELECT prediction_id FROM prediction_log")}
        assert acknowledged <= there
    assert len(acknowledged) > KILLS
    # Beyond what was acknowledged there are at most the groups that were under way.
    assert len(there - acknowledged) <= KILLS * THREADS


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_no_acknowledged_prediction_is_lost_by_kills_on_postgresql(postgres: Cluster) -> None:
    url = postgres.database()
    migrate_database(url)
    acknowledged: set[str] = set()
    for lines in moments(10):
        acknowledged |= acknowledged_until_killed(url, lines)
        with open_database(url).connect() as connection:
            there = set(connection.exec_driver_sql("SELECT prediction_id FROM prediction_log").scalars())
        assert acknowledged <= there


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of one mebibyte; needs root."""
    if (
        os.geteuid() != 0
        or subprocess.run(
            ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(tmp_path)], capture_output=True, check=False
        ).returncode
    ):
        pytest.skip("needs root that may mount a tmpfs")
    yield tmp_path
    subprocess.run(["umount", "--lazy", str(tmp_path)], check=True)


def test_a_full_disk_fails_what_does_not_fit_and_the_log_goes_on_once_there_is_room(small_disk: Path) -> None:
    ballast = small_disk / "ballast"
    with closing(PredictionLog.open(small_disk / "log.db")) as log:
        kept = entry()
        log.append([kept]).result(TIME_LIMIT_S)
        ballast.write_bytes(b"x" * shutil.disk_usage(small_disk).free)
        refused = [entry(question="y" * 100_000) for _ in range(3)]
        for one in refused:
            with pytest.raises(LogUnavailableError, match=r"could not keep 1 prediction\(s\).*free space"):
                log.append([one]).result(TIME_LIMIT_S)
        assert log.lost_records == len(refused)
        ballast.unlink()
        again = entry(question="z" * 100_000)
        log.append([again]).result(TIME_LIMIT_S)
        assert [log.find(one.prediction_id) for one in (kept, again)] == [kept, again]
        assert [log.find(one.prediction_id) for one in refused] == [None] * len(refused)
    with closing(sqlite3.connect(small_disk / "log.db")) as raw:
        assert raw.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
