"""What Prometheus reads: requests, predictions, champions, state, log, and what the monitoring assets reported last.

Names carry the prefix `parivision_` and their unit. Several worker processes share figures through a folder of
`prometheus_client`'s, which `parivision api --workers` sets; one worker needs none.
"""

from __future__ import annotations

import contextlib
import math
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, disable_created_metrics
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector, mark_process_dead

from parivision_assets.core.questions import Answer
from parivision_assets.serving.snapshot import Snapshot
from parivision_assets.stores.atomic import is_running

CONTENT_TYPE = CONTENT_TYPE_PLAIN_0_0_4
DURATION_BUCKETS_S = (0.001, 0.002, 0.003, 0.005, 0.0075, 0.01, 0.02, 0.03, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0)
PROBABILITY_BUCKETS = tuple(number / 20 for number in range(1, 21))
DAY_S = 86_400
ELSEWHERE = "elsewhere"
"""Route and method of requests that no route takes: what strangers invent must not become labels."""
METHODS = frozenset({"GET", "POST", "HEAD", "OPTIONS"})
Labels = tuple[str, ...]
Readings = dict[Labels, float]


@dataclass(frozen=True)
class Monitored:
    """What the monitoring assets reported last."""

    drift_share: Readings
    """By (target,): share of the watched inputs that moved, in the newest drift report."""
    log_loss_nats: Readings
    """By (target, model, window): of served predictions, as `live_performance` has it."""


class Metrics:
    """The figures of one application."""

    def __init__(self, folder: Path | None = None) -> None:
        """Count in this process, or with others through `folder`."""
        # When each series began is asked by nobody and would be a third of all lines.
        disable_created_metrics()  # type: ignore[no-untyped-call]
        self._folder = folder
        self._registry = CollectorRegistry()
        registry = self._registry
        self._requests = Counter(
            "parivision_http_requests_total", "Requests answered", ["method", "route", "status"], registry=registry
        )
        self._duration_s = Histogram(
            "parivision_http_request_duration_seconds", "Time from a request's head to its answer's end",
            ["method", "route"], buckets=DURATION_BUCKETS_S, registry=registry,
        )  # fmt: skip
        self._probability = Histogram(
            "parivision_prediction_probability", "Probabilities answered",
            ["target"], buckets=PROBABILITY_BUCKETS, registry=registry,
        )  # fmt: skip
        self._champion = self._gauge("champion_info", "Champion that serves", "target", "model", "decision")
        self._state_age_s = self._gauge(
            "state_age_seconds", "Time from the serving state's newest game to the platform's newest, in whole days"
        )
        self._loaded_s = self._gauge(
            "snapshot_load_timestamp_seconds", "When champions and state were last swapped, Unix time"
        )
        self._queue_rows = self._gauge("prediction_log_queue_rows", "Predictions that wait for the log", mode="livesum")
        self._lost = Counter(
            "parivision_prediction_log_lost_records_total", "Predictions that could not be logged, none answered",
            registry=registry,
        )  # fmt: skip
        self._drift_share = self._gauge(
            "drift_share", "Share of watched inputs that moved, in the newest drift report", "target"
        )
        self._log_loss_nats = self._gauge(
            "live_log_loss_nats", "Log loss of served predictions, as last reported", "target", "model", "window"
        )
        self._shown: dict[Gauge, set[Labels]] = {}
        self._lost_before = 0
        self._by_route: dict[Labels, tuple[Counter, Histogram]] = {}
        self._by_target: dict[str, Histogram] = {}

    def _gauge(self, name: str, words: str, *labels: str, mode: str = "livemostrecent") -> Gauge:
        return Gauge(f"parivision_{name}", words, labels, registry=self._registry, multiprocess_mode=mode)  # type: ignore[arg-type]

    def request(self, method: str, route: str, status: int, duration_s: float) -> None:
        """Count a request."""
        labels = (method, route, str(status))
        found = self._by_route.get(labels)
        if found is None:
            found = self._requests.labels(*labels), self._duration_s.labels(method, route)
            self._by_route[labels] = found
        found[0].inc()
        found[1].observe(duration_s)

    def answers(self, answers: Sequence[Answer]) -> None:
        """Count probabilities that were answered."""
        for answer in answers:
            histogram = self._by_target.get(answer.target)
            if histogram is None:
                histogram = self._by_target[answer.target] = self._probability.labels(answer.target)
            histogram.observe(answer.probability)

    def snapshot(self, snapshot: Snapshot, loaded_at_s: float) -> None:
        """Show whom the predictor serves, since when (Unix time)."""
        champions = snapshot.champions.values()
        self._show(self._champion, {(one.target, one.digest, str(one.decision)): 1.0 for one in champions}, 0.0)
        self._loaded_s.set(loaded_at_s)

    def state_age(self, days: int) -> None:
        """Show the age of the state, in days of the platform."""
        self._state_age_s.set(days * DAY_S)

    def log(self, queue_rows: int, lost: int) -> None:
        """Show the prediction log's queue and how many entries were lost since the process began."""
        self._queue_rows.set(queue_rows)
        self._lost.inc(lost - self._lost_before)
        self._lost_before = lost

    def monitored(self, found: Monitored) -> None:
        """Show what the monitoring assets reported last."""
        self._show(self._drift_share, found.drift_share)
        self._show(self._log_loss_nats, found.log_loss_nats)

    def _show(self, gauge: Gauge, readings: Readings, gone: float = math.nan) -> None:
        """Set a gauge's readings; those of earlier labels go, in the files of several workers by the value `gone`."""
        for labels in self._shown.get(gauge, set()) - set(readings):
            gauge.labels(*labels).set(gone)
            gauge.remove(*labels)
        for labels, value in readings.items():
            gauge.labels(*labels).set(value)
        self._shown[gauge] = set(readings)

    def text(self) -> bytes:
        """Return everything in Prometheus' text format, of all workers together."""
        if self._folder is None:
            return generate_latest(self._registry)
        together = CollectorRegistry()
        MultiProcessCollector(together, str(self._folder))  # type: ignore[no-untyped-call]
        return generate_latest(together)

    def forget_dead(self) -> None:
        """Take the gauges of workers that were killed out of what the others show."""
        if self._folder is None:
            return
        for pid in {path.stem.rpartition("_")[2] for path in self._folder.glob("gauge_live*_*.db")}:
            # Another worker may have done so in this moment.
            with contextlib.suppress(FileNotFoundError):
                if not is_running(int(pid)):
                    mark_process_dead(pid, str(self._folder))  # type: ignore[no-untyped-call]

    def close(self) -> None:
        """Take this process's gauges out of what the other workers show."""
        if self._folder is not None:
            mark_process_dead(os.getpid(), str(self._folder))  # type: ignore[no-untyped-call]
