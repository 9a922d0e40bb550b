"""Challengers that race for the ledger's head; apart, so that 64 processes start without pytest and hypothesis."""

import datetime as dt

from parivision_assets.stores.chain import Entry, Kind
from parivision_assets.stores.ledger import HeadMoved, Ledger

NOW = dt.datetime(2021, 1, 2, tzinfo=dt.UTC)


def decision(challenger, champion, verdict="promote", season=2021, target="game"):
    payload = {"verdict": verdict, "challenger": challenger, "champion": champion, "season": season}
    return Entry(Kind.DECISION, target, "gate", "because", payload, NOW)


def append_once(path, name, barrier):
    """Race for one head; say whether this racer won."""
    ledger = Ledger.open(path)
    head = ledger.head()
    barrier.wait(120)
    try:
        ledger.append(decision(name, "baseline"), head)
    except HeadMoved:
        return False
    return True


def promote_myself(path, name, barrier):
    """Race until in, each time against the champion of the moment; return how often it was decided."""
    ledger = Ledger.open(path)
    asked = []

    def decide(head):
        if not asked:
            barrier.wait(120)
        champion = ledger.champion("game")
        asked.append(head)
        return decision(name, champion.model if champion else "baseline")

    ledger.settle(decide)
    return len(asked)


def report(racer, path, number, barrier, results):
    results.put(racer(path, f"c{number}", barrier))
