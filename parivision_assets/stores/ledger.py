"""The ledger: a hash-chained, append-only table of every decision, through SQLAlchemy Core.

What a decision says is `core.promotion`'s, how entries are chained and verified `stores.chain`'s, the database itself
`stores.database`'s; what follows from an entry (alias, bundle pointer) is repaired from here by whoever owns it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Self

import sqlalchemy as sa

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
    current_champion,
    seal,
    verify_records,
)
from parivision_assets.stores.database import (
    PATIENCE_S,
    DatabaseAwayError,
    connection_lost,
    metadata,
    open_database,
    patiently,
)

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

    def __init__(
        self, engine: sa.Engine, clock: Callable[[], datetime] = utc_now, patience_s: float = PATIENCE_S
    ) -> None:
        """Use an engine whose database is migrated.

        `clock` dates entries that carry no date; a database that went away is waited for `patience_s` seconds.
        """
        self._engine = engine
        self._clock = clock
        self._patience_s = patience_s

    @classmethod
    def open(cls, where: str | Path, clock: Callable[[], datetime] = utc_now) -> Self:
        """Return the ledger in a SQLite file (path or URL), created if absent, or in a migrated PostgreSQL.

        Raises NotMigratedError naming the command, DatabaseAwayError, or StoreError where no file can be made.
        """
        return cls(open_database(where), clock)

    def head(self) -> Head:
        """Return the newest entry's number and digest."""
        query = sa.select(ledger_table.c.sequence, ledger_table.c.digest).order_by(ledger_table.c.sequence.desc())
        found = self._read(query.limit(1))
        return Head(*found[0]) if found else Head()

    def append(self, entry: Entry, expected_head: Head) -> Record:
        """Append after `expected_head`, or raise HeadMoved with the head that is there instead.

        Atomic across threads and processes: one INSERT that holds only while the head is the expected one, and
        unique columns behind it. Raises ValueError for an entry without actor, reason or JSON payload, and
        DatabaseAwayError where the database went away and stayed away: then nobody knows whether the entry is in.
        """
        dated = entry if entry.recorded_at is not None else replace(entry, recorded_at=self._clock())
        record = seal(dated, expected_head)
        if not self._insert(record, expected_head):
            found = self.head()
            if found == expected_head:
                raise LedgerBrokenError(f"entry {record.sequence} was refused after head {found}; run verify")
            raise HeadMoved(expected_head, found)
        return record

    def _insert(self, record: Record, head: Head) -> bool:
        """Insert after the head and say whether the record is in.

        A connection that is lost in the commit leaves open whether it is. The insert may be asked again, since it
        holds only on its head; that it is refused then, while its digest is there, means that the first one went in.
        """
        lost = False

        def once() -> bool:
            nonlocal lost
            try:
                with self._engine.begin() as connection:
                    return connection.execute(_insert_after(record, head)).first() is not None
            except sa.exc.IntegrityError:
                return False
            except sa.exc.DBAPIError as error:
                lost = lost or connection_lost(error)
                raise

        try:
            is_in = patiently(once, self._patience_s)
        except DatabaseAwayError as error:
            raise DatabaseAwayError(
                f"{error}; whether entry {record.sequence} of {record.target} went in is not known. Run again when it "
                "is back: what is recorded is not recorded twice"
            ) from error
        if lost and not is_in:
            return bool(self._read(sa.select(ledger_table.c.sequence).where(ledger_table.c.digest == record.digest)))
        return is_in

    def _read(self, query: sa.Select[Any]) -> Sequence[sa.Row[Any]]:
        def once() -> Sequence[sa.Row[Any]]:
            with self._engine.connect() as connection:
                return connection.execute(query).all()

        return patiently(once, self._patience_s)

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
        return [Record(**row._mapping) for row in self._read(query)]  # noqa: SLF001 - SQLAlchemy's public name

    def verify(self, expected: Head | Iterable[Head] = ()) -> Verification:
        """Check the whole chain, and against heads that were kept elsewhere; see `verify_records`."""
        return verify_records(self.records(), expected)

    def champion(self, target: str) -> Champion | None:
        """Return the target's champion as the newest promotion or rollback made it, None before the first."""
        return current_champion(self.records(target), target)

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


def _insert_after(record: Record, head: Head) -> sa.sql.dml.ReturningInsert[Any]:
    """Return INSERT … SELECT that adds the record only if the head is the newest entry, and says what it added.

    RETURNING rather than a count of rows: not every driver counts them here.
    """
    values = asdict(record)
    newest = sa.select(ledger_table.c.digest).order_by(ledger_table.c.sequence.desc()).limit(1).scalar_subquery()
    count = sa.select(sa.func.max(ledger_table.c.sequence)).scalar_subquery()
    literals = [sa.literal(values[column.name], column.type).label(column.name) for column in ledger_table.c]
    row = sa.select(*literals).where(
        sa.func.coalesce(newest, GENESIS_DIGEST) == head.digest, sa.func.coalesce(count, 0) == head.sequence
    )
    columns = [column.name for column in ledger_table.c]
    return ledger_table.insert().from_select(columns, row).returning(ledger_table.c.sequence)
