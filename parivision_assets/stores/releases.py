"""Releases from quarantine: rules that a person lifted for a table's season, with actor and reason in the ledger."""

from __future__ import annotations

from parivision_assets.core.shot_rules import RELEASABLE
from parivision_assets.stores.chain import Entry, Kind, Record
from parivision_assets.stores.ledger import Ledger


def released_rules(ledger: Ledger, table: str, season: str) -> frozenset[str]:
    """Return the rules that were lifted for a table's season."""
    return frozenset(
        str(record.content()["rule"])
        for record in ledger.records(table)
        if record.kind == Kind.QUARANTINE_RELEASE and record.content()["season"] == season
    )


def release(ledger: Ledger, table: str, season: str, rule: str, actor: str, reason: str) -> Record | None:
    """Record that a rule is lifted; None when it was already.

    Raises ValueError for a rule whose rows have no place in the table whatever a person says.
    """
    if rule not in RELEASABLE:
        raise ValueError(f"'{rule}' cannot be released; rules that can: {'; '.join(sorted(RELEASABLE))}")
    payload = {"season": season, "rule": rule}
    return ledger.settle(
        lambda _head: (
            None
            if rule in released_rules(ledger, table, season)
            else Entry(Kind.QUARANTINE_RELEASE, table, actor, reason, payload)
        )
    )
