"""Acknowledged drift: a person knows of a target's drift and asks not to retrain because of it until a date."""

from __future__ import annotations

import datetime as dt

from parivision_assets.stores.chain import Entry, Kind, Record
from parivision_assets.stores.ledger import Ledger


def acknowledge(ledger: Ledger, target: str, until: dt.date, actor: str, reason: str) -> Record | None:
    """Record that a target's drift is known up to and including game date `until`.

    None when the newest acknowledgement names that date already. An earlier date than before ends it sooner.
    """
    entry = Entry(Kind.ACKNOWLEDGEMENT, target, actor, reason, {"until": until.isoformat()})
    return ledger.settle(lambda _head: None if newest_until(ledger, target) == until else entry)


def acknowledged_until(ledger: Ledger, target: str, today: dt.date) -> dt.date | None:
    """Return the last game date of the acknowledgement that holds on `today` (the platform's date), or None.

    The newest one counts. While it lasts, drift is reported and no retraining follows from it.
    """
    until = newest_until(ledger, target)
    return until if until is not None and today <= until else None


def newest_until(ledger: Ledger, target: str) -> dt.date | None:
    """Return the last game date that the target's newest acknowledgement names, held or expired."""
    found = [record for record in ledger.records(target) if record.kind == Kind.ACKNOWLEDGEMENT]
    return dt.date.fromisoformat(found[-1].content()["until"]) if found else None
