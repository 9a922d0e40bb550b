"""Processes that append to the prediction log and print the ids that were acknowledged; one of them until it dies."""

import os
import sys
from concurrent.futures import ThreadPoolExecutor

from parivision_assets.stores.prediction_log import PredictionLog
from parivision_assets_tests.stores.log_entries import TIME_LIMIT_S, entry

THREADS = 8


def write(where: str, count: int | None = None) -> None:
    """Append `count` entries (None: without end) from several threads, each printed once it is acknowledged."""
    log = PredictionLog.open(where)

    def ask(_: int) -> None:
        asked = entry()
        log.append([asked]).result(TIME_LIMIT_S)
        # Not buffered: a line that was printed is out, whatever happens to this process next.
        os.write(1, f"{asked.prediction_id}\n".encode())

    with ThreadPoolExecutor(THREADS) as pool:
        while count is None:
            list(pool.map(ask, range(THREADS * 4)))
        list(pool.map(ask, range(count)))
    log.close()


if __name__ == "__main__":
    write(sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else None)
