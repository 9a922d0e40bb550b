"""The ledger's chain without its database: entries, digests, verification, and the champion they make.

An auditor needs no more than this and an export. Storing entries belongs in `stores.ledger`. An entry's digest is
sha256 over the canonical JSON of its content, its number and its predecessor's digest, so one head's digest, kept
elsewhere, vouches for everything before it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, Self

GENESIS_DIGEST = "0" * 64


class Kind(StrEnum):
    """What an entry records."""

    DECISION = "decision"
    ROLLBACK = "rollback"
    KEY_CHANGE = "key_change"
    ACKNOWLEDGEMENT = "acknowledgement"
    QUARANTINE_RELEASE = "quarantine_release"


@dataclass(frozen=True)
class Head:
    """The newest entry's number and digest; number 0 and zeros for an empty ledger."""

    sequence: int = 0
    digest: str = GENESIS_DIGEST

    def __str__(self) -> str:
        """Return `number:digest`, the form in which a head is kept elsewhere."""
        return f"{self.sequence}:{self.digest}"

    @classmethod
    def parse(cls, text: str) -> Self:
        """Return the head written by `str`; raise ValueError naming the expected form."""
        number, _, digest = text.partition(":")
        if not number.isdigit() or len(digest) != 64:
            raise ValueError(f"{text!r} is no ledger head; expected <number>:<64 hexadecimal digits>")
        return cls(int(number), digest)


@dataclass(frozen=True)
class Entry:
    """What is to be recorded: who did what to which target, why, and the particulars as JSON.

    The ledger's clock gives `recorded_at` where it is None; decisions never depend on it.
    """

    kind: Kind
    target: str
    actor: str
    reason: str
    payload: Mapping[str, Any]
    recorded_at: datetime | None = None


@dataclass(frozen=True)
class Record:
    """An entry as it stands in the ledger; `payload` is its canonical JSON text."""

    sequence: int
    previous_digest: str
    digest: str
    recorded_at: str
    kind: str
    target: str
    actor: str
    reason: str
    payload: str

    @property
    def head(self) -> Head:
        """Return the head that the ledger had when this entry was its newest."""
        return Head(self.sequence, self.digest)

    def content(self) -> dict[str, Any]:
        """Return the payload as Python values."""
        found: dict[str, Any] = json.loads(self.payload)
        return found

    def expected_digest(self) -> str:
        """Return the digest that this record's own fields give."""
        fields = asdict(self)
        del fields["digest"]
        return hashlib.sha256(canonical_json(fields).encode()).hexdigest()


@dataclass(frozen=True)
class Verification:
    """Whether the chain holds; if not, the number of the first bad entry and what is wrong with it."""

    intact: bool
    entries: int
    head: Head
    first_bad: int | None
    message: str


@dataclass(frozen=True)
class Champion:
    """The model that serves a target, and the entry that made it champion."""

    target: str
    model: str
    entry: Head
    kind: Kind


def canonical_json(value: object) -> str:
    """Return the one JSON text of a value: keys sorted, no spaces, UTF-8; raise ValueError for NaN or infinity."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def seal(entry: Entry, head: Head) -> Record:
    """Return the record that puts an entry after a head; raise ValueError in words where it is incomplete."""
    if not entry.actor.strip() or not entry.reason.strip():
        raise ValueError(f"a {entry.kind} needs an actor and a reason; say who decided and why")
    moment = entry.recorded_at
    if moment is None or moment.tzinfo is None:
        raise ValueError("recorded_at has no time zone; give it in UTC")
    try:
        payload = canonical_json(dict(entry.payload))
    except (TypeError, ValueError) as error:
        raise ValueError(f"the payload of a {entry.kind} is not JSON: {error}") from error
    draft = Record(
        sequence=head.sequence + 1,
        previous_digest=head.digest,
        digest="",
        recorded_at=moment.astimezone(UTC).isoformat(timespec="microseconds"),
        kind=Kind(entry.kind).value,
        target=entry.target,
        actor=entry.actor,
        reason=entry.reason,
        payload=payload,
    )
    return Record(**asdict(draft) | {"digest": draft.expected_digest()})


def champions(records: Iterable[Record], target: str) -> Iterator[Champion]:
    """Yield the target's champions in the order in which these entries, oldest first, made them."""
    for record in records:
        if record.target != target:
            continue
        if record.kind == Kind.ROLLBACK:
            yield Champion(target, str(record.content()["champion"]), record.head, Kind.ROLLBACK)
        elif record.kind == Kind.DECISION and record.content().get("verdict") == "promote":
            yield Champion(target, str(record.content()["challenger"]), record.head, Kind.DECISION)


def current_champion(records: Iterable[Record], target: str) -> Champion | None:
    """Return the champion that these entries, oldest first, leave in place."""
    newest = None
    for newest in champions(records, target):  # noqa: B007  # the last one counts
        pass
    return newest


def verify_records(records: Iterable[Record], expected: Head | Iterable[Head] = ()) -> Verification:
    """Check a chain, oldest first, and name its first bad entry.

    `expected` are heads kept elsewhere (an MLflow run, an asset's metadata). The chain alone shows changed,
    removed, inserted and swapped entries; only a kept head shows that the end is missing or all was rewritten.
    """
    heads = sorted([expected] if isinstance(expected, Head) else expected, key=lambda head: head.sequence)
    last, digests = Head(), {0: GENESIS_DIGEST}
    for record in records:
        problem = _problem(record, last)
        if problem is not None:
            bad = last.sequence + 1
            return Verification(False, last.sequence, last, bad, f"entry {bad}: {problem}")
        last = record.head
        digests[last.sequence] = last.digest
    agreed = 0
    for head in heads:
        if head.sequence > last.sequence:
            missing = last.sequence + 1
            text = f"entry {missing} is missing: the ledger ends at {last.sequence}, a kept head names {head.sequence}"
            return Verification(False, last.sequence, last, missing, text)
        if digests[head.sequence] != head.digest:
            text = (
                f"entry {head.sequence} differs from the head kept elsewhere ({head.digest[:12]}…) though the chain "
                f"is consistent: it was rewritten from some entry in {agreed + 1} … {head.sequence} on"
            )
            return Verification(False, last.sequence, last, head.sequence, text)
        agreed = head.sequence
    return Verification(True, last.sequence, last, None, f"{last.sequence} entries, chain intact, head {last}")


def read_export(lines: Iterable[str]) -> Iterator[Record]:
    """Yield the records of an export; raise ValueError naming the line that is none."""
    for number, line in enumerate(lines, start=1):
        if line.strip():
            try:
                yield Record(**json.loads(line))
            except (TypeError, ValueError) as error:
                raise ValueError(f"line {number} is no ledger entry: {error}") from error


def _problem(record: Record, last: Head) -> str | None:
    """Return what is wrong with a record that should follow `last`, or None."""
    if record.sequence != last.sequence + 1:
        return f"missing; entry {record.sequence} follows entry {last.sequence}"
    if record.previous_digest != last.digest:
        return f"does not follow entry {last.sequence}: previous digest {record.previous_digest[:12]}…"
    if record.expected_digest() != record.digest:
        return "content does not match its digest; it was changed after it was recorded"
    return None
