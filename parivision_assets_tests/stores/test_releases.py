"""Releases from quarantine: recorded once, with actor and reason, and only for rules that a person may lift."""

from pathlib import Path

import pytest

from parivision_assets.core.shot_rules import RELEASABLE
from parivision_assets.stores.ledger import Ledger
from parivision_assets.stores.releases import release, released_rules

RULE = min(RELEASABLE)


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    return Ledger.open(tmp_path / "ledger.db")


def test_a_release_is_of_one_table_season_and_rule(ledger: Ledger) -> None:
    record = release(ledger, "validated_shots", "2021", RULE, "ann", "seen on film")
    assert record is not None
    assert (record.actor, record.reason) == ("ann", "seen on film")
    assert released_rules(ledger, "validated_shots", "2021") == {RULE}
    assert released_rules(ledger, "validated_shots", "2020") == frozenset()
    assert released_rules(ledger, "validated_games", "2021") == frozenset()


def test_releasing_twice_is_one_entry(ledger: Ledger) -> None:
    release(ledger, "validated_shots", "2021", RULE, "ann", "seen on film")
    assert release(ledger, "validated_shots", "2021", RULE, "bob", "me too") is None
    assert len(ledger.records()) == 1


def test_other_rules_cannot_be_lifted(ledger: Ledger) -> None:
    with pytest.raises(ValueError, match="cannot be released; rules that can: "):
        release(ledger, "validated_shots", "2021", "date must be MM-DD-YYYY of another kind", "ann", "please")
    assert ledger.records() == []
