import dataclasses
import datetime as dt

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from parivision_assets.stores.chain import (
    Entry,
    Head,
    Kind,
    Record,
    canonical_json,
    current_champion,
    read_export,
    seal,
    verify_records,
)

NOW = dt.datetime(2021, 1, 2, 3, 4, 5, tzinfo=dt.UTC)


def decision(number, verdict="promote", target="game", **changes):
    payload = {"verdict": verdict, "challenger": f"v{number}", "champion": f"v{number - 1}", "season": 2021}
    return Entry(Kind.DECISION, target, "gate", f"look {number}", payload | changes, NOW)


def chain(entries):
    records, head = [], Head()
    for entry in entries:
        records.append(seal(entry, head))
        head = records[-1].head
    return records


CHAIN = chain(decision(number) for number in range(1, 7))


def test_an_unbroken_chain_is_intact_against_every_head_it_ever_had():
    found = verify_records(CHAIN, [record.head for record in CHAIN])
    assert found.intact
    assert (found.entries, found.head, found.first_bad) == (6, CHAIN[-1].head, None)


def test_an_empty_ledger_is_intact():
    assert verify_records([]).intact


@given(
    index=st.integers(0, 5),
    field=st.sampled_from([field.name for field in dataclasses.fields(Record)]),
    position=st.integers(0, 10_000),
    flip=st.integers(1, 7),
)
@settings(max_examples=200, deadline=None)
def test_one_changed_byte_is_found_and_its_entry_named(index, field, position, flip):
    records = list(CHAIN)
    text = str(getattr(records[index], field))
    at = position % len(text)
    changed = text[:at] + chr(ord(text[at]) ^ flip) + text[at + 1 :]
    if field == "sequence":
        records[index] = dataclasses.replace(records[index], sequence=records[index].sequence + flip)
    else:
        records[index] = dataclasses.replace(records[index], **{field: changed})
    found = verify_records(records)
    assert not found.intact
    assert found.first_bad == index + 1
    assert found.message.startswith(f"entry {index + 1}: ")


@pytest.mark.parametrize("kept", [1, 3, 5])
def test_entries_missing_at_the_end_are_found_against_a_kept_head(kept):
    short = CHAIN[:kept]
    assert verify_records(short).intact
    found = verify_records(short, CHAIN[-1].head)
    assert not found.intact
    assert found.first_bad == kept + 1
    assert f"entry {kept + 1} is missing" in found.message


def test_an_entry_missing_in_the_middle_is_named():
    found = verify_records([*CHAIN[:2], *CHAIN[3:]])
    assert (found.intact, found.first_bad) == (False, 3)
    assert "entry 3: missing" in found.message


def test_two_swapped_entries_are_found_at_the_first():
    swapped = [*CHAIN[:2], CHAIN[3], CHAIN[2], *CHAIN[4:]]
    assert verify_records(swapped).first_bad == 3
    renumbered = [dataclasses.replace(record, sequence=place) for place, record in enumerate(swapped, start=1)]
    assert verify_records(renumbered).first_bad == 3


def test_a_wholly_rewritten_ledger_is_found_against_kept_heads():
    forged = chain(decision(number, reason="forged") for number in range(1, 7))
    assert verify_records(forged).intact
    found = verify_records(forged, CHAIN[-1].head)
    assert (found.intact, found.first_bad) == (False, 6)
    assert "rewritten from some entry in 1 … 6" in found.message


def test_more_kept_heads_narrow_down_where_rewriting_began():
    forged = [*CHAIN[:3], *chain(decision(number) for number in range(1, 4))]
    head = forged[2].head
    for place, number in enumerate((4, 5, 6), start=3):
        forged[place] = seal(decision(number, "keep"), head)
        head = forged[place].head
    found = verify_records(forged, [record.head for record in CHAIN])
    assert (found.first_bad, found.intact) == (4, False)
    assert "rewritten from some entry in 4 … 4" in found.message


def test_an_export_is_read_back_and_verified():
    lines = [canonical_json(dataclasses.asdict(record)) for record in CHAIN]
    assert list(read_export(lines)) == CHAIN
    with pytest.raises(ValueError, match="line 2 is no ledger entry"):
        list(read_export([lines[0], "{}"]))


def test_champion_follows_promotions_and_rollbacks_of_its_own_target():
    entries = [
        decision(1),
        decision(2, "keep"),
        decision(9, target="shot_pre_release"),
        decision(3),
        Entry(Kind.ACKNOWLEDGEMENT, "game", "ana", "known", {"verdict": "promote"}, NOW),
    ]
    found = current_champion(chain(entries), "game")
    assert (found.model, found.entry.sequence, found.kind) == ("v3", 4, Kind.DECISION)
    entries.append(Entry(Kind.ROLLBACK, "game", "ana", "v3 is slow", {"champion": "v1"}, NOW))
    found = current_champion(chain(entries), "game")
    assert (found.model, found.entry.sequence, found.kind) == ("v1", 6, Kind.ROLLBACK)
    assert current_champion(chain(entries), "shot_post_event") is None


def test_entries_that_say_too_little_are_refused():
    whole = decision(1)
    for changes, words in (
        ({"actor": " "}, "actor and a reason"),
        ({"reason": ""}, "actor and a reason"),
        ({"recorded_at": dt.datetime(2021, 1, 1)}, "time zone"),  # noqa: DTZ001
        ({"payload": {"loss": float("nan")}}, "not JSON"),
        ({"payload": {"when": NOW}}, "not JSON"),
        ({"kind": "wish"}, "wish"),
    ):
        with pytest.raises(ValueError, match=words):
            seal(dataclasses.replace(whole, **changes), Head())


def test_a_head_is_kept_elsewhere_as_text():
    head = CHAIN[2].head
    assert Head.parse(str(head)) == head
    for text in ("", "3", "x:" + "0" * 64, "3:abc"):
        with pytest.raises(ValueError, match="no ledger head"):
            Head.parse(text)


def test_time_is_recorded_in_utc():
    paris = dt.timezone(dt.timedelta(hours=1))
    record = seal(dataclasses.replace(decision(1), recorded_at=NOW.astimezone(paris)), Head())
    assert record == CHAIN[0]
    assert record.recorded_at == "2021-01-02T03:04:05.000000+00:00"


def test_an_entry_sealed_on_another_head_does_not_fit():
    stranger = seal(decision(3), Head(2, "f" * 64))
    found = verify_records([*CHAIN[:2], stranger])
    assert (found.intact, found.first_bad) == (False, 3)
    assert "does not follow entry 2" in found.message
