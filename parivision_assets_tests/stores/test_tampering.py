"""What was done to a ledger behind its triggers, on both databases, is found, and the first bad entry named."""

from dataclasses import asdict

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from parivision_assets.stores.chain import Head, Record, seal
from parivision_assets.stores.ledger import Ledger, ledger_table
from parivision_assets_tests.stores.racers import decision
from parivision_assets_tests.stores.tampering import behind_the_triggers

ENTRIES = 5
TEXTS = [column.name for column in ledger_table.c if column.name != "sequence"]


@pytest.fixture
def ledger(where: str) -> Ledger:
    found = Ledger.open(where)
    for number in range(1, ENTRIES + 1):
        found.append(decision(f"v{number}", f"v{number - 1}"), found.head())
    return found


def put(where: str, number: int, values: dict[str, object]) -> None:
    with behind_the_triggers(where) as connection:
        connection.execute(ledger_table.update().where(ledger_table.c.sequence == number).values(values))


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    number=st.integers(1, ENTRIES),
    column=st.sampled_from(TEXTS),
    place=st.integers(0, 10_000),
    byte=st.sampled_from("0x~Z"),
)
def test_one_byte_of_any_column_of_any_entry(
    ledger: Ledger, where: str, number: int, column: str, place: int, byte: str
) -> None:
    text = asdict(ledger.records()[number - 1])[column]
    place %= len(text)
    changed = text[:place] + (byte if text[place] != byte else "y") + text[place + 1 :]
    put(where, number, {column: changed})
    found = ledger.verify()
    put(where, number, {column: text})
    assert (found.intact, found.first_bad) == (False, number)
    assert f"entry {number}: " in found.message
    assert ledger.verify().intact


@pytest.mark.parametrize("number", range(1, ENTRIES + 1))
def test_an_entrys_number(ledger: Ledger, where: str, number: int) -> None:
    put(where, number, {"sequence": 99})
    assert ledger.verify().first_bad == number


@pytest.mark.parametrize("number", range(1, ENTRIES + 1))
def test_a_removed_entry_at_the_end_only_by_a_kept_head(ledger: Ledger, where: str, number: int) -> None:
    head = ledger.head()
    with behind_the_triggers(where) as connection:
        connection.execute(ledger_table.delete().where(ledger_table.c.sequence == number))
    found = ledger.verify(head)
    assert (found.intact, found.first_bad) == (False, number)
    assert f"entry {number}" in found.message
    assert ledger.verify().intact is (number == ENTRIES)


@pytest.mark.parametrize(("one", "other"), [(1, 2), (2, 4), (4, 5)])
@pytest.mark.parametrize("with_digests", [True, False])
def test_two_entries_swapped(ledger: Ledger, where: str, one: int, other: int, with_digests: bool) -> None:
    records = {record.sequence: record for record in ledger.records()}
    kept = set() if with_digests else {"previous_digest", "digest"}
    rows = {
        to: {**asdict(records[source]), "sequence": to, **{name: asdict(records[to])[name] for name in kept}}
        for to, source in ((one, other), (other, one))
    }
    with behind_the_triggers(where) as connection:
        connection.execute(ledger_table.delete().where(ledger_table.c.sequence.in_([one, other])))
        connection.execute(ledger_table.insert(), list(rows.values()))
    found = ledger.verify()
    assert (found.intact, found.first_bad) == (False, one)
    assert f"entry {one}: " in found.message


def rewritten(records: list[Record], first: int) -> list[Record]:
    """Return a chain that is consistent and differs from entry `first` on."""
    head, chain = Head(), []
    for number, record in enumerate(records, start=1):
        entry = decision(f"x{number}", f"x{number - 1}") if number >= first else None
        chain.append(record if entry is None else seal(entry, head))
        head = chain[-1].head
    return chain


@pytest.mark.parametrize("first", range(1, ENTRIES + 1))
def test_a_ledger_rewritten_consistently_only_by_heads_kept_elsewhere(ledger: Ledger, where: str, first: int) -> None:
    records = ledger.records()
    with behind_the_triggers(where) as connection:
        connection.execute(ledger_table.delete())
        connection.execute(ledger_table.insert(), [asdict(record) for record in rewritten(records, first)])
    assert ledger.verify().intact
    found = ledger.verify(record.head for record in records)
    assert (found.intact, found.first_bad) == (False, first)
    assert f"entry {first} differs from the head kept elsewhere" in found.message
    # With only the last head kept, the message says from where on it may have been.
    assert f"in 1 … {ENTRIES} on" in ledger.verify(records[-1].head).message
