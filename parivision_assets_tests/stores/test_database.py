"""PariVision's own database: one migration tree for both kinds, refused in words where it was not run."""

import os
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import sqlalchemy as sa

from parivision_assets.stores import database
from parivision_assets.stores.bet_tables import bets
from parivision_assets.stores.chain import Head
from parivision_assets.stores.database import (
    VERSION_TABLE,
    DatabaseAwayError,
    Migration,
    NotMigratedError,
    metadata,
    migrate_database,
    open_database,
    revisions,
)
from parivision_assets.stores.ledger import HeadMoved, Ledger, ledger_table
from parivision_assets.stores.prediction_log import prediction_log_table
from parivision_assets_tests.postgres import Cluster
from parivision_assets_tests.stores.racers import decision

NEWEST = revisions()[-1]


@pytest.fixture(params=["sqlite", "postgresql"])
def empty(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'home' / 'ledger.db'}"
    return request.getfixturevalue("postgres").database()


def test_the_files_of_the_tree_are_its_revisions_in_one_line() -> None:
    from alembic.config import Config
    from alembic.script import ScriptDirectory

    config = Config()
    config.set_main_option("script_location", str(Path(database.__file__).parent / "migrations"))
    assert [found.revision for found in ScriptDirectory.from_config(config).walk_revisions()][::-1] == revisions()


def test_migrating_says_from_which_to_which_and_does_it_once(empty: str) -> None:
    assert migrate_database(empty) == Migration(None, NEWEST)
    assert migrate_database(empty) == Migration(NEWEST, NEWEST)


def test_the_migrated_schema_is_the_declared_one(where: str) -> None:
    from alembic.autogenerate import compare_metadata
    from alembic.migration import MigrationContext

    assert {ledger_table, prediction_log_table, bets} <= set(metadata.sorted_tables)
    with open_database(where).connect() as connection:
        options = {"version_table": VERSION_TABLE, "compare_type": True}
        assert compare_metadata(MigrationContext.configure(connection, opts=options), metadata) == []


def test_several_that_migrate_at_once_do_it_once(empty: str) -> None:
    program = "import sys; from parivision_assets.stores.database import *; print(migrate_database(sys.argv[1]).before)"
    with ThreadPoolExecutor(4) as pool:
        done = list(
            pool.map(
                lambda _: subprocess.run(
                    [sys.executable, "-c", program, empty], capture_output=True, text=True, check=True, timeout=250
                ),
                range(4),
            )
        )
    assert sorted(run.stdout.strip() for run in done) == [NEWEST] * 3 + ["None"]


def test_a_kill_in_the_middle_of_a_migration_leaves_nothing(empty: str) -> None:
    program = """
import os, signal, sys, sqlalchemy as sa
from parivision_assets.stores import database
from parivision_assets.stores.bet_tables import bets
sa.event.listen(sa.Engine, "commit", lambda connection: os.kill(os.getpid(), signal.SIGKILL))
database.migrate_database(sys.argv[1])
"""
    killed = subprocess.run([sys.executable, "-c", program, empty], check=False, timeout=250)
    assert killed.returncode == -signal.SIGKILL
    assert migrate_database(empty) == Migration(None, NEWEST)
    assert Ledger.open(empty).head() == Head()


def test_an_unmigrated_postgresql_is_refused_with_the_command(postgres: Cluster) -> None:
    url = postgres.database()
    with pytest.raises(NotMigratedError, match=f"is at revision empty, .* {NEWEST}; run `parivision ledger migrate`"):
        Ledger.open(url)


def test_a_database_of_a_newer_version_is_refused(where: str) -> None:
    with sa.create_engine(where, poolclass=sa.NullPool).begin() as connection:
        connection.exec_driver_sql(f"UPDATE {VERSION_TABLE} SET version_num = '9999'")  # noqa: S608 - a constant
    for ask in (Ledger.open, migrate_database):
        with pytest.raises(NotMigratedError, match=r"at revision 9999, which this version .* does not know"):
            ask(where)


def test_a_home_from_before_there_were_migrations_is_brought_along(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'ledger.db'}"
    with sa.create_engine(url, poolclass=sa.NullPool).begin() as connection:
        ledger_table.create(connection)
        connection.exec_driver_sql(
            "CREATE TRIGGER ledger_refuses_replace BEFORE INSERT ON ledger WHEN 0 BEGIN SELECT RAISE(ABORT, 'x'); END"
        )
    ledger = Ledger.open(url)
    head = ledger.append(decision("v1", "baseline"), Head()).head
    with pytest.raises(sa.exc.IntegrityError, match="append-only"), ledger._engine.begin() as connection:
        connection.exec_driver_sql("REPLACE INTO ledger SELECT * FROM ledger")
    assert ledger.verify(head).intact


def test_a_database_that_does_not_answer_is_named_without_its_password(tmp_path: Path) -> None:
    url = f"postgresql+psycopg://ann:secret@/parivision?host={tmp_path}"
    with pytest.raises(DatabaseAwayError, match=f"parivision on {tmp_path} does not answer") as caught:
        Ledger.open(url)
    assert "secret" not in str(caught.value)


def test_a_ledger_in_memory_is_refused() -> None:
    with pytest.raises(ValueError, match="needs a file"):
        Ledger.open("sqlite://")


def lose_the_connection(ledger: Ledger, moment: str, times: int = 1) -> list[int]:
    """Have the server end our connection before or after a commit."""
    lost: list[int] = []

    def end(connection: sa.Connection) -> None:
        if len(lost) < times:
            pid = connection.exec_driver_sql("SELECT pg_backend_pid()").scalar_one()
            lost.append(pid)
            if moment == "after":
                connection.connection.dbapi_connection.commit()
            os.kill(pid, signal.SIGTERM)
            connection.exec_driver_sql("SELECT 1 FROM pg_sleep(5)")

    sa.event.listen(ledger._engine, "commit", end)
    return lost


@pytest.mark.parametrize("moment", ["before", "after"])
def test_a_connection_lost_in_the_commit_is_one_entry(postgres: Cluster, moment: str) -> None:
    url = postgres.database()
    migrate_database(url)
    ledger = Ledger.open(url)
    first = ledger.append(decision("v1", "baseline"), Head())
    lost = lose_the_connection(ledger, moment)
    record = ledger.append(decision("v2", "v1"), first.head)
    assert len(lost) == 1
    assert ledger.records() == [first, record]
    with pytest.raises(HeadMoved):
        ledger.append(decision("v2", "v1"), first.head)


def test_a_database_that_stays_away_leaves_the_outcome_open_in_words(postgres: Cluster) -> None:
    url = postgres.database()
    migrate_database(url)
    ledger = Ledger(open_database(url), patience_s=0.5)
    lose_the_connection(ledger, "after", times=99)
    with pytest.raises(DatabaseAwayError, match=r"whether entry 1 of game went in is not known\. Run again"):
        ledger.append(decision("v1", "baseline"), Head())
    # It did; whoever runs again sees it.
    assert Ledger.open(url).head().sequence == 1


def test_a_restart_of_the_server_is_waited_for(postgres: Cluster) -> None:
    url = postgres.database()
    migrate_database(url)
    ledger = Ledger.open(url)
    first = ledger.append(decision("v1", "baseline"), Head())
    postgres.stop("fast")
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(ledger.append, decision("v2", "v1"), first.head)
        postgres.start()
        assert waiting.result(timeout=120).sequence == 2
