"""PariVision's own database (SQLite embedded, PostgreSQL in production): opened, migrated, waited for.

What its tables hold belongs to the stores that read and write them; how they came to be, to `stores.migrations`.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import filelock
import sqlalchemy as sa
import tenacity

from parivision_assets.stores.atomic import StoreError, make_folder, plain_errors

Answer = TypeVar("Answer")

BUSY_TIMEOUT_S = 60
CONNECT_TIMEOUT_S = 10
PATIENCE_S = 30.0
"""How long a database that went away is waited for: a restart or a failover, not a night."""

VERSION_TABLE = "parivision_version"
"""Named so that Dagster's and MLflow's own `alembic_version` may lie in the same database."""

metadata = sa.MetaData()
"""The tables of all stores, as the newest revision has them; each is declared by the store that owns it."""

_MIGRATIONS = Path(__file__).parent / "migrations"
_LOCK_KEY = 0x50617269
"""Any number that nobody else uses for an advisory lock in this database."""

# Alembic keeps the context of a running migration in module globals.
_one_at_a_time = threading.Lock()


class NotMigratedError(StoreError):
    """The database has another revision than this version of PariVision needs."""


class DatabaseAwayError(StoreError):
    """The database did not answer for as long as was waited."""


@dataclass(frozen=True)
class Migration:
    """From which revision to which a database was brought; None is an empty database."""

    before: str | None
    after: str


def revisions() -> list[str]:
    """Return the numbers of all revisions, oldest first."""
    return sorted(path.name[1:].partition("_")[0] for path in (_MIGRATIONS / "versions").glob("v[0-9]*_*.py"))


def open_database(where: str | Path) -> sa.Engine:
    """Return the engine of a SQLite file (path or URL), created and migrated where needed, or of PostgreSQL.

    Raises NotMigratedError naming the command where PostgreSQL was not migrated, DatabaseAwayError where it does not
    answer, StoreError where a file cannot be made.
    """
    url = _url(where)
    engine = _engine(url)
    if _revision_at(engine, url) == revisions()[-1]:
        return engine
    if engine.dialect.name == "sqlite":
        migrate_database(where)
        return engine
    found = _revision_at(engine, url) or "empty"
    raise NotMigratedError(
        f"the database {_name(url)} is at revision {found}, this version needs {revisions()[-1]}; "
        "run `parivision ledger migrate`"
    )


def migrate_database(where: str | Path) -> Migration:
    """Bring a database to the newest revision, all or nothing, one process at a time; say from which to which.

    Raises NotMigratedError for a revision of a newer PariVision, DatabaseAwayError where it does not answer.
    """
    url = _url(where)
    engine = _engine(url)
    if engine.dialect.name != "sqlite":
        return _answered(url, lambda: _upgrade(engine, f"SELECT pg_advisory_xact_lock({_LOCK_KEY})"))
    path = Path(str(url.database))
    with plain_errors(path):
        make_folder(path.parent)
        with filelock.FileLock(f"{path}.lock"):
            with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
                connection.exec_driver_sql("PRAGMA journal_mode=WAL")
            return _upgrade(engine, "BEGIN IMMEDIATE")


def patiently(ask: Callable[[], Answer], patience_s: float = PATIENCE_S) -> Answer:
    """Return what `ask` returns, asking again while the database is away; only for what may be asked twice.

    Raises DatabaseAwayError after `patience_s` seconds; every other error at once.
    """
    retrying = tenacity.Retrying(
        retry=tenacity.retry_if_exception(connection_lost),
        wait=tenacity.wait_random_exponential(multiplier=0.05, max=2),
        stop=tenacity.stop_after_delay(patience_s),
        reraise=True,
    )
    try:
        return retrying(ask)
    except sa.exc.DBAPIError as error:
        if not connection_lost(error):
            raise
        raise DatabaseAwayError(f"the database did not answer for {patience_s:.0f} s ({_first_line(error)})") from error


def connection_lost(error: BaseException) -> bool:
    """Return whether the server went away or is not up yet, so that nobody knows what became of what was asked."""
    if not isinstance(error, sa.exc.OperationalError | sa.exc.InterfaceError | sa.exc.InternalError):
        return False
    if error.connection_invalidated:
        return True
    # SQLite's errors have no such code; psycopg's have none where no server spoke.
    code = getattr(error.orig, "sqlstate", "")
    return code is None or code.startswith(("08", "57P"))


def _url(where: str | Path) -> sa.URL:
    text = str(where)
    url = sa.make_url(text) if "://" in text else sa.URL.create("sqlite", database=text)
    if url.get_backend_name() == "sqlite" and url.database in {None, "", ":memory:"}:
        raise ValueError("the database needs a file: one in memory would forget what it is given")
    return url


def _engine(url: sa.URL) -> sa.Engine:
    """Return an engine without a pool: decisions are few, and connections never cross a fork nor go stale."""
    if url.get_backend_name() == "sqlite":
        return sa.create_engine(url, poolclass=sa.NullPool, connect_args={"timeout": BUSY_TIMEOUT_S})
    return sa.create_engine(
        url,
        poolclass=sa.NullPool,
        # Whatever the server's default: a refused insert is then a unique violation, never a serialization failure.
        isolation_level="READ COMMITTED",
        connect_args={"connect_timeout": CONNECT_TIMEOUT_S, "tcp_user_timeout": int(PATIENCE_S * 1000)},
    )


def _revision_at(engine: sa.Engine, url: sa.URL) -> str | None:
    if engine.dialect.name == "sqlite" and not Path(str(url.database)).exists():
        return None

    def read() -> str | None:
        with engine.connect() as connection:
            return _revision(connection)

    return _answered(url, read)


def _revision(connection: sa.Connection) -> str | None:
    """Return the database's revision, None where it has none; refuse one that only a newer version knows."""
    if not sa.inspect(connection).has_table(VERSION_TABLE):
        return None
    found = connection.execute(sa.text(f"SELECT version_num FROM {VERSION_TABLE}")).scalar()  # noqa: S608 - a constant
    if found is not None and found not in revisions():
        raise NotMigratedError(
            f"the database is at revision {found}, which this version of PariVision (up to {revisions()[-1]}) does not "
            "know; install the version that migrated it"
        )
    return found


def _upgrade(engine: sa.Engine, lock: str) -> Migration:
    from alembic import command
    from alembic.config import Config

    config = Config(attributes={"version_table": VERSION_TABLE})
    config.set_main_option("script_location", str(_MIGRATIONS).replace("%", "%%"))
    with _one_at_a_time, engine.begin() as connection:
        # Whoever comes second waits here, and then finds nothing to do.
        connection.exec_driver_sql(lock)
        before = _revision(connection)
        if before != revisions()[-1]:
            config.attributes["connection"] = connection
            command.upgrade(config, "head")
    return Migration(before, revisions()[-1])


def _answered(url: sa.URL, ask: Callable[[], Answer]) -> Answer:
    try:
        return ask()
    except sa.exc.OperationalError as error:
        if url.get_backend_name() == "sqlite":
            raise
        raise DatabaseAwayError(
            f"the database {_name(url)} does not answer ({_first_line(error)}); start it, or set "
            "PARIVISION_DATABASE_URL to one that runs"
        ) from error


def _first_line(error: sa.exc.DBAPIError) -> str:
    return str(error.orig).strip().partition("\n")[0]


def _name(url: sa.URL) -> str:
    """Return where a database is, without user and password."""
    return f"{url.database} on {url.host or url.query.get('host', 'this machine')}"
