"""Entries of the prediction log for tests; light, since processes that are killed start often."""

import datetime as dt
from dataclasses import replace

from parivision_assets.core.questions import Answer
from parivision_assets.stores.prediction_log import LogEntry, new_prediction_id

ANSWER = Answer(
    "shot_pre_release", 0.4375, 0.4, 0.5, 3, True, ("stale_state", "unseen_action"), "a" * 64, 17, "b" * 64,
    dt.date(2024, 1, 2), b"\x00\x00\x80?\x00\x00\xc0\x7f",
)  # fmt: skip
TIME_LIMIT_S = 120


def entry(**changes: object) -> LogEntry:
    asked = LogEntry(new_prediction_id(), "2024-01-03T20:15:00.123456+00:00", ANSWER, '{"x_ft":1.0}')
    return replace(asked, **changes)
