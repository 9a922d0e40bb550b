"""The prediction log: every answer that was given, durable before it is sent; append-only, many writer processes.

An entry is acknowledged once its transaction is committed, so that kill -9 loses no acknowledged prediction. In SQLite
(`synchronous=NORMAL`) a power failure may lose the newest commits, never the file's consistency; PostgreSQL keeps them.
Grouping commits belongs to `stores.log_writer`, writing rows to `stores.log_connection`; what became of the
predictions to `core.outcomes`.
"""

from __future__ import annotations

import datetime as dt
import os
import re
from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
import uuid6

from parivision_assets.core.questions import Answer
from parivision_assets.stores.database import metadata, open_database, patiently
from parivision_assets.stores.log_connection import LogConnection
from parivision_assets.stores.log_writer import GroupWriter, LogUnavailableError

if TYPE_CHECKING:
    import polars as pl

QUEUE_ROWS = 10_000
GROUP_ROWS = 1_000
"""Rows per transaction: beyond this a row costs no less, and who waits waits longer."""
READ_PATIENCE_S = 2.0
_ID = re.compile("[0-9a-f]{32}")
_DAY = dt.timedelta(days=1)
EVENT_COLUMNS = {
    "prediction_id": str,
    "asked_at": str,
    "target": str,
    "model": str,
    "event": str,
    "game": str,
    "game_date": dt.date,
    "as_of": dt.date,
    "probability": float,
    "client": str,
}

prediction_log_table = sa.Table(
    "prediction_log",
    metadata,
    sa.Column("prediction_id", sa.String(32), primary_key=True),
    sa.Column("asked_at", sa.String(32), nullable=False),
    sa.Column("target", sa.String(80), nullable=False),
    sa.Column("probability", sa.Double, nullable=False),
    sa.Column("low", sa.Double, nullable=False),
    sa.Column("high", sa.Double, nullable=False),
    sa.Column("points_value", sa.Integer),
    sa.Column("is_known", sa.Boolean),
    sa.Column("flags", sa.Text, nullable=False),
    sa.Column("model", sa.String(64), nullable=False),
    sa.Column("decision", sa.Integer, nullable=False),
    sa.Column("state", sa.String(64), nullable=False),
    sa.Column("as_of", sa.Date, nullable=False),
    sa.Column("features", sa.LargeBinary, nullable=False),
    sa.Column("question", sa.Text, nullable=False),
    sa.Column("event", sa.String(200)),
    sa.Column("game", sa.String(200)),
    sa.Column("game_date", sa.Date),
    sa.Column("client", sa.String(200), nullable=False),
)
sa.Index(
    "prediction_log_events",
    prediction_log_table.c.game_date,
    sqlite_where=prediction_log_table.c.event.is_not(None),
    postgresql_where=prediction_log_table.c.event.is_not(None),
)


@dataclass(frozen=True, slots=True)
class LogEntry:
    """One answered question. `asked_at` is UTC in ISO format, `question` JSON, `client` a key's name or ''.

    `event` is `ShotEvent.key` or a game's key; without one the question is hypothetical and never scored.
    """

    prediction_id: str
    asked_at: str
    answer: Answer
    question: str
    event: str | None = None
    game: str | None = None
    game_date: dt.date | None = None
    client: str = ""


def new_prediction_id() -> str:
    """Return a new id: 32 hexadecimal digits that sort by time (UUID version 7)."""
    return uuid6.uuid7().hex


class PredictionLog:
    """The log in one database. Open it with `PredictionLog.open`; instances may be shared by threads."""

    def __init__(self, engine: sa.Engine, queue_rows: int = QUEUE_ROWS, group_rows: int = GROUP_ROWS) -> None:
        """Use an engine whose database is migrated; at most `queue_rows` entries wait, `group_rows` per commit."""
        self._engine = engine
        connection = LogConnection(engine, prediction_log_table)
        self._writer = GroupWriter(connection.commit, connection.close, queue_rows, group_rows)
        self._pid = os.getpid()

    @classmethod
    def open(cls, where: str | Path, queue_rows: int = QUEUE_ROWS, group_rows: int = GROUP_ROWS) -> PredictionLog:
        """Return the log in a SQLite file (path or URL), created if absent, or in a migrated PostgreSQL.

        Raises NotMigratedError naming the command, DatabaseAwayError, or StoreError where no file can be made.
        """
        return cls(open_database(where), queue_rows, group_rows)

    @property
    def queue_depth(self) -> int:
        """Return how many entries wait for their commit in this process."""
        return self._writer.depth

    @property
    def lost_records(self) -> int:
        """Return how many entries this process could not commit; none of them was acknowledged."""
        return self._writer.lost

    def append(self, entries: Sequence[LogEntry]) -> Future[None]:
        """Take entries, in one transaction, and return a future that is done once they are committed.

        Raises LogFullError at once where the queue is full. The future fails with LogUnavailableError where the disk
        is full or the database is away or locked; the log goes on by itself once that is over. LogUnavailableError at
        once after `close`, and in a process forked from the one that opened it: SQLite's locks do not cross a fork.
        """
        if self._pid != os.getpid():
            raise LogUnavailableError(f"this log was opened by process {self._pid}; fork first, then open it")
        return self._writer.append([_row(entry) for entry in entries])

    def close(self) -> None:
        """Take nothing more and return once everything taken is committed or has failed."""
        self._writer.close()

    def find(self, prediction_id: str) -> LogEntry | None:
        """Return an entry by its id, None where there is none."""
        if not _ID.fullmatch(prediction_id):
            return None
        query = sa.select(prediction_log_table).where(prediction_log_table.c.prediction_id == prediction_id)
        rows = self._read(query)
        return _entry(rows[0]) if rows else None

    def _read(self, query: sa.Select[Any]) -> Sequence[sa.Row[Any]]:
        def once() -> Sequence[sa.Row[Any]]:
            with self._engine.connect() as connection:
                return connection.execute(query).all()

        return patiently(once, READ_PATIENCE_S)

    def events(self, first: dt.date, last: dt.date | None = None) -> pl.DataFrame:
        """Return the entries with an event of a game date within [first, last], in the order in which they were asked.

        An event whose date nobody named is of the day after what its answer knew. Columns: EVENT_COLUMNS.
        """
        import polars as pl

        columns = prediction_log_table.c
        is_dated = _within(columns.game_date, first, last)
        is_undated = columns.game_date.is_(None) & _within(
            columns.as_of, first - _DAY, None if last is None else last - _DAY
        )
        query = sa.select(*(columns[name] for name in EVENT_COLUMNS)).where(
            columns.event.is_not(None), is_dated | is_undated
        )
        rows = [tuple(row) for row in self._read(query.order_by(columns.asked_at, columns.prediction_id))]
        found = pl.DataFrame(rows, schema=EVENT_COLUMNS, orient="row")
        return found.with_columns(pl.coalesce("game_date", pl.col("as_of") + _DAY))

    def hypothetical(self, first: dt.date, last: dt.date | None = None) -> dict[str, int]:
        """Return by target how many questions without an event were asked of states of dates within [first, last]."""
        columns = prediction_log_table.c
        query = sa.select(columns.target, sa.func.count()).where(
            columns.event.is_(None), _within(columns.as_of, first, last)
        )
        return dict(tuple(row) for row in self._read(query.group_by(columns.target)))


def _within(column: sa.ColumnElement[Any], first: dt.date, last: dt.date | None) -> sa.ColumnElement[bool]:
    return column >= first if last is None else column.between(first, last)


def _row(entry: LogEntry) -> tuple[Any, ...]:
    """Return the values of the table's columns, in their order."""
    answer = entry.answer
    return (
        entry.prediction_id,
        entry.asked_at,
        answer.target,
        answer.probability,
        answer.low,
        answer.high,
        answer.points_value,
        answer.is_known,
        ",".join(answer.flags),
        answer.model,
        answer.decision,
        answer.state,
        answer.as_of.isoformat(),
        answer.features,
        entry.question,
        entry.event,
        entry.game,
        None if entry.game_date is None else entry.game_date.isoformat(),
        entry.client,
    )


def _entry(row: sa.Row[Any]) -> LogEntry:
    values = dict(row._mapping)  # noqa: SLF001 - SQLAlchemy's public name
    values["flags"] = tuple(filter(None, values["flags"].split(",")))
    values["features"] = bytes(values["features"])
    answer = Answer(**{field.name: values[field.name] for field in fields(Answer)})
    own = (field.name for field in fields(LogEntry) if field.name != "answer")
    return LogEntry(answer=answer, **{name: values[name] for name in own})
