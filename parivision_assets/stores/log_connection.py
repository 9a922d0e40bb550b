"""The connection that a log's writer keeps: rows into one append-only table, in one transaction, over the bare driver.

Which rows, and when, belongs to `stores.prediction_log` and `stores.log_writer`.
"""

from __future__ import annotations

from itertools import chain
from typing import Any

import sqlalchemy as sa

from parivision_assets.stores.database import connection_lost
from parivision_assets.stores.log_writer import LogUnavailableError

LOCKED_S = 5.0
"""How long another process's write lock is waited for; a commit of a thousand rows holds it for about 15 ms."""
SYNCHRONOUS = "NORMAL"
"""Kill -9 loses nothing that was committed; a power failure may lose the commits since the last checkpoint.

FULL would not, for a wait on the disk at every commit: 1.8 ms and 0.2 ms of processor here, whatever the rows.
"""

STATEMENT_ROWS = 1_000
"""PostgreSQL takes 65,535 values in a statement."""


class LogConnection:
    """One connection for one thread, opened at the first rows and again after whatever went wrong."""

    def __init__(self, engine: sa.Engine, table: sa.Table) -> None:
        """Use an engine whose database is migrated; nothing is opened yet. The table has one column as its key."""
        self._engine = engine
        self._errors = (sa.exc.DBAPIError, engine.dialect.loaded_dbapi.Error)
        self._is_sqlite = engine.dialect.name == "sqlite"
        self._insert = _Insert(table, "?" if self._is_sqlite else "%s")
        self._open: Any = None

    def commit(self, rows: list[tuple[Any, ...]]) -> None:
        """Insert rows, the values of the table's columns in their order, in one transaction.

        Where the connection was lost while nobody asked, once more on a new one: a row that is there already is left
        as it is. Raises LogUnavailableError in words where they could not be committed.
        """
        was_open = self._open is not None
        try:
            self._write(rows)
        except self._errors as error:
            is_stale = was_open and self._is_lost(error)
            self.close()
            if not is_stale:
                raise _unavailable(error, len(rows)) from error
            try:
                self._write(rows)
            except self._errors as again:
                self.close()
                raise _unavailable(again, len(rows)) from again

    def close(self) -> None:
        """Give the connection up; what was not committed is rolled back."""
        connection, self._open = self._open, None
        if connection is not None:
            # Invalidated rather than returned: a connection that failed may not even roll back.
            connection.invalidate()

    def _write(self, rows: list[tuple[Any, ...]]) -> None:
        if self._open is None:
            self._open = self._connect()
        cursor = self._open.cursor()
        try:
            if self._is_sqlite:
                cursor.execute("BEGIN IMMEDIATE")
            if self._is_sqlite:
                cursor.executemany(self._insert.of(1), rows)
            else:
                # One statement for all rows: each of its own costs the server ten times as much.
                for part in (rows[start : start + STATEMENT_ROWS] for start in range(0, len(rows), STATEMENT_ROWS)):
                    cursor.execute(self._insert.of(len(part)), list(chain.from_iterable(part)))
            self._open.commit()
        finally:
            cursor.close()

    def _connect(self) -> Any:
        connection = self._engine.raw_connection()
        if self._is_sqlite:
            driver: Any = connection.driver_connection
            driver.isolation_level = None
            driver.execute(f"PRAGMA busy_timeout={LOCKED_S * 1000:.0f}")
            driver.execute(f"PRAGMA synchronous={SYNCHRONOUS}")
        return connection

    def _is_lost(self, error: Any) -> bool:
        """Return whether our connection is gone, as after a restart of the server."""
        # None where it was lost while it was opened.
        driver = None if self._open is None else self._open.driver_connection
        return connection_lost(error) or self._engine.dialect.is_disconnect(error, driver, None)


class _Insert:
    """The statement that inserts rows and leaves those alone whose key is there already."""

    def __init__(self, table: sa.Table, mark: str) -> None:
        names, (key,) = [column.name for column in table.c], table.primary_key.columns.keys()
        self._start = f"INSERT INTO {table.name} ({', '.join(names)}) VALUES "  # noqa: S608 - constants
        self._row = f"({', '.join([mark] * len(names))})"
        self._end = f" ON CONFLICT ({key}) DO NOTHING"

    def of(self, rows: int) -> str:
        """Return the statement for so many rows at once."""
        return self._start + ", ".join([self._row] * rows) + self._end


def _unavailable(error: Exception, count: int) -> LogUnavailableError:
    """Return in words why rows could not be kept; where a connection broke in the commit they may be there."""
    cause = str(getattr(error, "orig", None) or error).strip().partition("\n")[0]
    return LogUnavailableError(
        f"the prediction log could not keep {count:,} prediction(s) ({cause}); free space on its disk or bring its "
        "database back, the log goes on by itself"
    )
