"""Challengers that race for the ledger's head; a program too, so that 64 processes fork without pytest."""

import datetime as dt
import json
import multiprocessing
import sys
from dataclasses import replace
from functools import cache

import numpy as np
import polars as pl

from parivision_assets.core.evidence import Contest, collect_evidence
from parivision_assets.core.promotion import decide
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


@cache
def evidence(rival_is_equal):
    """Return what a game model showed on 600 games: far better than one half, or the same as its equal."""
    rng = np.random.default_rng(3)
    chance = rng.uniform(0.1, 0.9, 600)
    rows = pl.DataFrame(
        {
            "game": [str(number) for number in range(600)],
            "game_date": [dt.date(2020, 12, 1) + dt.timedelta(days=number // 8) for number in range(600)],
            "label": (rng.random(600) < chance).astype(int),
            "challenger": chance,
            "champion": chance if rival_is_equal else np.full(600, 0.5),
        }
    )
    contest = Contest("game", 2021, "any", "any other", champion_is_baseline=not rival_is_equal, number=1)
    return collect_evidence(rows, contest, [], [])


def judge_myself(path, name, barrier):
    """Be judged by the real rule, again whenever the head moved; return how often that was."""
    ledger = Ledger.open(path)
    asked = []

    def entry_on(head):
        if not asked:
            barrier.wait(120)
        asked.append(head)
        champion = ledger.champion("game")
        rival = champion.model if champion else "baseline"
        number = ledger.comparison_number("game", 2021, name, rival)
        contest = Contest("game", 2021, name, rival, champion_is_baseline=champion is None, number=number)
        found = decide(replace(evidence(champion is not None), contest=contest))
        return Entry(Kind.DECISION, "game", "gate", found.reason, found.summary(), NOW)

    ledger.settle(entry_on)
    return len(asked)


def _report(racer, path, number, barrier, results):
    results.put(racer(path, f"c{number}", barrier))


def main(path, racer, count):
    """Fork `count` racers, print what each returned as a JSON list; exit 1 if one died."""
    # Whatever opening and deciding import is imported once, not by every child.
    Ledger.open(path).head()
    for rival_is_equal in (False, True):
        evidence(rival_is_equal)
    context = multiprocessing.get_context("fork")
    barrier, results = context.Barrier(count), context.SimpleQueue()
    run = {"append_once": append_once, "judge_myself": judge_myself}[racer]
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
