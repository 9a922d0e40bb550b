"""What a logged prediction costs per row: by how many are asked at once, how safe a commit is, and by database.

    .venv/bin/python benchmarks/prediction_log.py [postgresql://…]

The scratch database lies in the current folder, so that the disk measured is the one that is used.
"""

from __future__ import annotations

import argparse
import datetime as dt
import statistics
import tempfile
import time
from concurrent.futures import Future
from pathlib import Path

import orjson

from parivision_assets.core.questions import Answer, ShotEvent, ShotQuestion
from parivision_assets.stores import log_connection
from parivision_assets.stores.prediction_log import LogEntry, PredictionLog, new_prediction_id

DAY = dt.date(2024, 1, 2)
EVENT = ShotEvent(22300001, DAY, 203, 3, 123)
QUESTION = ShotQuestion(1.0, 12.0, 203, "BOS", "LAL", quarter=3, clock_s=123, fg_margin_pts=-4, event=EVENT)
ANSWER = Answer("shot_pre_release", 0.4375, 0.4, 0.5, 3, True, (), "a" * 64, 17, "b" * 64, DAY, bytes(220))
ROWS = 20_000


def entries(count: int) -> list[LogEntry]:
    text = orjson.dumps(QUESTION).decode()
    asked_at = "2024-01-03T20:15:00.123+00:00"
    return [
        LogEntry(new_prediction_id(), asked_at, ANSWER, text, EVENT.key, "22300001", DAY, "web") for _ in range(count)
    ]


def measured(where: str, at_once: int, rows: int) -> tuple[float, float, float, float]:
    """Return µs of wall clock and of processor per row, and the median and 99th percentile ms until a commit."""
    log = PredictionLog.open(where)
    log.append(entries(1)).result()
    groups = [entries(at_once) for _ in range(max(rows // at_once, 1))]
    waits: list[float] = []
    began, cpu = time.perf_counter(), time.process_time()
    for group in groups:
        asked = time.perf_counter()
        # As many requests as are open at once, each with one prediction.
        futures: list[Future[None]] = [log.append([entry]) for entry in group]
        for future in futures:
            future.result()
        waits.append((time.perf_counter() - asked) * 1e3)
    wall, cpu = time.perf_counter() - began, time.process_time() - cpu
    log.close()
    count = at_once * len(groups)
    cut = statistics.quantiles(waits, n=100) if len(waits) > 1 else [waits[0]] * 99
    return wall / count * 1e6, cpu / count * 1e6, cut[49], cut[98]


def batches(where: str) -> float:
    """Return the median ms in which a batch of 1,000 in one call is committed."""
    log = PredictionLog.open(where)
    waits = []
    for _ in range(15):
        batch = entries(1000)
        began = time.perf_counter()
        log.append(batch).result()
        waits.append((time.perf_counter() - began) * 1e3)
    log.close()
    return statistics.median(waits)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("url", nargs="?", help="a migrated PostgreSQL to measure as well")
    asked = parser.parse_args()
    print("database            at once   us/row   cpu us/row   ms to commit: median   p99")
    with tempfile.TemporaryDirectory(dir=Path.cwd()) as folder:
        places = [(f"sqlite {level.lower()}", f"sqlite:///{folder}/{level}.db", level) for level in ("NORMAL", "FULL")]
        places += [("postgresql", asked.url, "")] if asked.url else []
        for name, where, level in places:
            if level:
                log_connection.SYNCHRONOUS = level
            for at_once in (1, 16, 64):
                rows = ROWS if at_once > 1 and level != "FULL" else ROWS // 10
                wall, cpu, median, worst = measured(where, at_once, rows)
                print(f"{name:20}{at_once:7}{wall:9.1f}{cpu:13.1f}{median:23.2f}{worst:6.2f}")
            print(f"{name:20}  a batch of 1,000 in one call: {batches(where):.1f} ms")


if __name__ == "__main__":
    main()
