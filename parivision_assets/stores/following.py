"""What follows the ledger: the bundle pointer, MLflow's alias, and the ledger's head kept with the champion's run.

The ledger is the truth. A process that is killed between an append and what follows it leaves these behind; whoever
starts next repairs them from here. Who becomes champion is decided in `stores.champions`.
"""

from __future__ import annotations

from parivision_assets.stores.atomic import StoreError
from parivision_assets.stores.chain import Champion, Head, champions
from parivision_assets.stores.home import Home
from parivision_assets.stores.ledger import LedgerBrokenError


def follow_ledger(home: Home, target: str) -> str | None:
    """Point the bundle pointer and MLflow's alias at the ledger's champion; return its digest, if there is one.

    Raises LedgerBrokenError, and moves nothing, where the ledger does not hold what heads kept elsewhere say;
    StoreError or LookupError where the champion's bundle or model version is gone.
    """
    followed = None
    # Another process may promote meanwhile: whoever writes last looks again.
    while (champion := home.ledger.champion(target)) is not None and champion != followed:
        _follow(home, champion)
        followed = champion
    return None if champion is None else champion.model


def repair_champions(home: Home) -> list[str]:
    """Let everything follow the ledger, for every target that has a champion; return in words what could not.

    Called at every start. Changes nothing where nothing was left behind.
    """
    problems = []
    records = home.ledger.records()
    for target in sorted({record.target for record in records}):
        if any(champions(records, target)):
            try:
                follow_ledger(home, target)
            except (StoreError, LookupError) as error:
                problems.append(f"the champion of {target} could not be put in place: {error}")
    return problems


def _follow(home: Home, champion: Champion) -> None:
    run = home.registry.run_of_bundle(champion.target, champion.model)
    head = _trusted_head(home)
    pointer = home.bundles.champion(champion.target)
    if pointer is None or (pointer.digest, pointer.decision) != (champion.model, champion.entry.sequence):
        home.bundles.set_champion(champion.target, champion.model, champion.entry.sequence, repair=True)
    home.registry.point_alias(champion.target, "champion", champion.model)
    home.registry.keep_head(run, str(head))


def _trusted_head(home: Home) -> Head:
    """Return the ledger's head if the chain agrees with every kept head; the new one will replace one of them."""
    found = home.ledger.verify([Head.parse(text) for text in home.registry.kept_heads()])
    if not found.intact:
        raise LedgerBrokenError(f"the ledger is not intact: {found.message}. Restore it from a backup or an export")
    return found.head
