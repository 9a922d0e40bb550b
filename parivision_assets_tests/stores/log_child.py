"""A process that appends to the prediction log and prints the ids that were acknowledged."""

import sys
from concurrent.futures import ThreadPoolExecutor

from parivision_assets.stores.prediction_log import PredictionLog
from parivision_assets_tests.stores.test_prediction_log import TIME_LIMIT_S, entry


def write(where: str, count: int) -> None:
    """Append `count` entries from several threads and print the id of each once it is acknowledged."""
    log = PredictionLog.open(where)

    def ask(_: int) -> None:
        asked = entry()
        log.append([asked]).result(TIME_LIMIT_S)
        # One write call: lines of several threads do not mix.
        sys.stdout.write(asked.prediction_id + "\n")

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(ask, range(count)))
    log.close()
