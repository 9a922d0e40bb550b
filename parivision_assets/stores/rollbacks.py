"""Rollback: a person makes an earlier champion serve again, on the record; everything then follows the ledger."""

from __future__ import annotations

from collections.abc import Sequence

from parivision_assets.stores.chain import Champion, Entry, Head, Kind, Record, champions
from parivision_assets.stores.following import follow_ledger
from parivision_assets.stores.home import Home

PREVIOUS = "previous"


def rollback(home: Home, target: str, to: str, actor: str, reason: str, request: str) -> Record:
    """Let an earlier champion serve again and return its ledger entry.

    Args:
        home: the stores.
        target: whose champion is replaced.
        to: the bundle's digest, the beginning of one, or `previous`: whom today's champion replaced when it was
            promoted.
        actor: who decides.
        reason: why.
        request: names this request; made again under the same name, it is not recorded twice.

    Raises ValueError in words for a model that was never champion or is champion now, StoreError or LookupError,
    recording nothing, where its bundle or its model version is gone.
    """

    def entry_on(_head: Head) -> Entry | None:
        records = home.ledger.records(target)
        if _recorded(records, request) is not None:
            return None
        served = list(champions(records, target))
        model = _former_champion(served, target, to)
        home.bundles.read_bundle(model)
        home.registry.run_of_bundle(target, model)
        return Entry(Kind.ROLLBACK, target, actor, reason, {"champion": model, "request": request})

    record = home.ledger.settle(entry_on) or _recorded(home.ledger.records(target), request)
    follow_ledger(home, target)
    if record is None:
        raise LookupError(
            f"rollback {request} of {target} was neither recorded nor found; run `parivision ledger verify`"
        )
    return record


def _recorded(records: Sequence[Record], request: str) -> Record | None:
    rollbacks = (record for record in records if record.kind == Kind.ROLLBACK)
    return next((record for record in rollbacks if record.content().get("request") == request), None)


def _former_champion(served: Sequence[Champion], target: str, to: str) -> str:
    """Return the digest that `to` names among the target's champions, oldest first; raise ValueError in words."""
    if not served:
        raise ValueError(f"{target} has no champion yet; there is nothing to roll back to")
    models = list(dict.fromkeys(champion.model for champion in served))
    now = served[-1].model
    if to == PREVIOUS:
        first = next(number for number, champion in enumerate(served) if champion.model == now)
        if first == 0:
            raise ValueError(f"{now} is the first champion of {target}; there is none before it")
        return served[first - 1].model
    found = [model for model in models if to and model.startswith(to)]
    if len(found) > 1:
        raise ValueError(
            f"{to!r} begins the digests of several champions of {target}: {', '.join(found)}; write more of it"
        )
    if not found:
        raise ValueError(f"{to!r} was never champion of {target}; a rollback goes to one that was: {', '.join(models)}")
    if found[0] == now:
        raise ValueError(f"{now} is champion of {target} now; there is nothing to roll back")
    return found[0]
