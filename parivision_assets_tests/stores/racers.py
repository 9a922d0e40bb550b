"""Challengers that race for the ledger's head; a program too, so that 64 processes fork without pytest."""

import datetime as dt
import json
import multiprocessing
import sys

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


def _report(racer, path, number, barrier, results):
    results.put(racer(path, f"c{number}", barrier))


def main(path, racer, count):
    """Fork `count` racers, print what each returned as a JSON list; exit 1 if one died."""
    context = multiprocessing.get_context("fork")
    barrier, results = context.Barrier(count), context.SimpleQueue()
    run = {"append_once": append_once, "promote_myself": promote_myself}[racer]
    children = [context.Process(target=_report, args=(run, path, number, barrier, results)) for number in range(count)]
    for child in children:
        child.start()
    for child in children:
        child.join()
    if any(child.exitcode for child in children):
        sys.exit(1)
    print(json.dumps([results.get() for _ in children]))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]))
