"""The ledger: a hash-chained, append-only table of every decision, through SQLAlchemy Core.

SQLite (WAL) now; the schema holds nothing that PostgreSQL lacks. What a decision says is `core.promotion`'s, how
entries are chained and verified `stores.chain`'s; what follows from an entry (alias, bundle pointer) is repaired
from here by whoever owns it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Self

import filelock
import sqlalchemy as sa
from sqlalchemy.schema import CreateTable

from parivision_assets.stores.atomic import StoreError
from parivision_assets.stores.chain import (
    GENESIS_DIGEST,
    Champion,
    Entry,
    Head,
    Kind,
    Record,
    Verification,
    canonical_json,
    champions,
    current_champion,
    seal,
    verify_records,
)

BUSY_TIMEOUT_S = 60

metadata = sa.MetaData()
ledger_table = sa.Table(
    "ledger",
    metadata,
    sa.Column("sequence", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("previous_digest", sa.String(64), nullable=False, unique=True),
    sa.Column("digest", sa.String(64), nullable=False, unique=True),
    sa.Column("recorded_at", sa.String(32), nullable=False),
    sa.Column("kind", sa.String(40), nullable=False),
    sa.Column("target", sa.String(80), nullable=False),
    sa.Column("actor", sa.String(200), nullable=False),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("payload", sa.Text, nullable=False),
)
"""`previous_digest` is unique: two entries can never follow the same head, whatever the database."""

_SQLITE_TRIGGERS = (
    """CREATE TRIGGER IF NOT EXISTS ledger_refuses_update BEFORE UPDATE ON ledger
       BEGIN SELECT RAISE(ABORT, 'the ledger is append-only: UPDATE refused'); END""",
    """CREATE TRIGGER IF NOT EXISTS ledger_refuses_delete BEFORE DELETE ON ledger
       BEGIN SELECT RAISE(ABORT, 'the ledger is append-only: DELETE refused'); END""",
    # INSERT OR REPLACE would delete without firing the trigger above.
    """CREATE TRIGGER IF NOT EXISTS ledger_refuses_replace BEFORE INSERT ON ledger
       WHEN EXISTS (SELECT 1 FROM ledger WHERE sequence >= NEW.sequence)
       BEGIN SELECT RAISE(ABORT, 'the ledger is append-only: entry exists'); END""",
)


def utc_now() -> datetime:
    """Return the wall clock in UTC."""
    return datetime.now(UTC)


class HeadMoved(RuntimeError):  # noqa: N818  # an outcome to act on, named as the design does
    """Another entry was appended meanwhile; decide again on `head`."""

    def __init__(self, expected: Head, head: Head) -> None:
        """Keep the head that was found in place of the expected one."""
        super().__init__(
            f"the ledger's head moved from entry {expected.sequence} to entry {head.sequence} "
            f"({head.digest[:12]}…); decide again on the new head"
        )
        self.expected = expected
        self.head = head


class LedgerBrokenError(StoreError):
    """The chain does not hold; the message names the first bad entry."""


class Ledger:
    """A ledger in one database. Open it with `Ledger.open`; instances may be shared by threads."""

    def __init__(self, engine: sa.Engine, clock: Callable[[], datetime] = utc_now) -> None:
        """Use an engine whose database has the table already; `clock` dates entries that carry no date."""
        self._engine = engine
        self._clock = clock

    @classmethod
    def open(cls, where: str | Path, clock: Callable[[], datetime] = utc_now) -> Self:
        """Return the ledger in a SQLite file (path or sqlite URL), created if absent, or behind another URL.

        Other databases are expected to have been migrated. Raises OSError where the folder cannot be written.
        """
        text = str(where)
        url = sa.make_url(text) if "://" in text else sa.URL.create("sqlite", database=text)
        if url.get_backend_name() != "sqlite":
            return cls(sa.create_engine(url), clock)
        if not url.database or url.database == ":memory:":
            raise ValueError("the ledger needs a file: one in memory would forget its decisions")
        path = Path(url.database)
        path.parent.mkdir(parents=True, exist_ok=True)
        # No pool: connections are cheap and never cross a fork.
        engine = sa.create_engine(url, poolclass=sa.NullPool, connect_args={"timeout": BUSY_TIMEOUT_S})
        with filelock.FileLock(f"{path}.lock"):
            _create_sqlite(engine)
        return cls(engine, clock)

    def head(self) -> Head:
        """Return the newest entry's number and digest."""
        with self._engine.connect() as connection:
            return _read_head(connection)

    def append(self, entry: Entry, expected_head: Head) -> Record:
        """Append after `expected_head`, or raise HeadMoved with the head that is there instead.

        Atomic across threads and processes: one INSERT that holds only while the head is the expected one,
        and unique columns behind it. Raises ValueError for an entry without actor, reason or JSON payload.
        """
        dated = entry if entry.recorded_at is not None else replace(entry, recorded_at=self._clock())
        record = seal(dated, expected_head)
        try:
            with self._engine.begin() as connection:
                added = connection.execute(_insert_after(record, expected_head)).rowcount
        except sa.exc.IntegrityError:
            added = 0
        if added != 1:
            found = self.head()
            if found == expected_head:
                raise LedgerBrokenError(f"entry {record.sequence} was refused after head {found}; run verify")
            raise HeadMoved(expected_head, found)
        return record

    def settle(self, decide: Callable[[Head], Entry | None]) -> Record | None:
        """Append what `decide` returns for the head it is given, asking again whenever the head moved.

        `decide` reads what it needs as of that head (for example `champion`) and may return None to append
        nothing. Every refusal means that somebody else's entry went in, so this ends.
        """
        while True:
            head = self.head()
            entry = decide(head)
            if entry is None:
                return None
            try:
                return self.append(entry, head)
            except HeadMoved:
                continue

    def records(self, target: str | None = None) -> list[Record]:
        """Return all entries, or one target's, oldest first."""
        query = sa.select(ledger_table).order_by(ledger_table.c.sequence)
        if target is not None:
            query = query.where(ledger_table.c.target == target)
        with self._engine.connect() as connection:
            return [Record(**row) for row in connection.execute(query).mappings()]

    def verify(self, expected: Head | Iterable[Head] = ()) -> Verification:
        """Check the whole chain, and against heads that were kept elsewhere; see `verify_records`."""
        return verify_records(self.records(), expected)

    def champion(self, target: str) -> Champion | None:
        """Return the target's champion as the newest promotion or rollback made it, None before the first."""
        return current_champion(self.records(target), target)

    def rollback_entry(self, target: str, model: str, actor: str, reason: str) -> Entry:
        """Return the entry that makes an earlier champion serve again; raise ValueError if it never did."""
        served = {found.model for found in champions(self.records(target), target)}
        if model not in served:
            known = ", ".join(sorted(served)) or "none so far"
            raise ValueError(f"{model} was never champion of {target}; a rollback goes to one that was: {known}")
        return Entry(Kind.ROLLBACK, target, actor, reason, {"champion": model})

    def comparison_number(self, target: str, season: int, challenger: str, champion: str) -> int:
        """Return the number of this pair among the season's comparisons, from 1; a known pair keeps its number.

        It sets the pair's share of the season's error level (`core.eprocess.season_level`).
        """
        pairs: dict[tuple[str, str], int] = {}
        for record in self.records(target):
            if record.kind == Kind.DECISION:
                payload = record.content()
                if payload.get("season") == season:
                    pair = (str(payload["challenger"]), str(payload["champion"]))
                    pairs.setdefault(pair, len(pairs) + 1)
        return pairs.get((challenger, champion), len(pairs) + 1)

    def export(self) -> Iterator[str]:
        """Yield the ledger as JSON lines for auditors, oldest first; `read_export` and `verify_records` check it."""
        for record in self.records():
            yield canonical_json(asdict(record))


def _insert_after(record: Record, head: Head) -> sa.Insert:
    """Return INSERT … SELECT that adds the record only if the newest digest is the head's."""
    values = asdict(record)
    newest = sa.select(ledger_table.c.digest).order_by(ledger_table.c.sequence.desc()).limit(1).scalar_subquery()
    literals = [sa.literal(values[column.name], column.type).label(column.name) for column in ledger_table.c]
    row = sa.select(*literals).where(sa.func.coalesce(newest, GENESIS_DIGEST) == head.digest)
    return ledger_table.insert().from_select([column.name for column in ledger_table.c], row)


def _read_head(connection: sa.Connection) -> Head:
    query = sa.select(ledger_table.c.sequence, ledger_table.c.digest).order_by(ledger_table.c.sequence.desc())
    row = connection.execute(query.limit(1)).first()
    return Head() if row is None else Head(row.sequence, row.digest)


def _create_sqlite(engine: sa.Engine) -> None:
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.exec_driver_sql("PRAGMA journal_mode=WAL")
        connection.execute(CreateTable(ledger_table, if_not_exists=True))
        for trigger in _SQLITE_TRIGGERS:
            connection.exec_driver_sql(trigger)
