"""What Prometheus reads of VirtualBets; names carry the prefix `parivision_bets_` and their unit."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4, generate_latest

CONTENT_TYPE = CONTENT_TYPE_PLAIN_0_0_4
DURATION_BUCKETS_S = (0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0)


class BetsMetrics:
    """The figures of one process."""

    def __init__(self) -> None:
        """Begin at zero."""
        self._registry = CollectorRegistry()
        registry = self._registry
        self._requests = Counter(
            "parivision_bets_requests_total", "Requests answered", ["method", "route", "status"], registry=registry
        )
        self._duration_s = Histogram(
            "parivision_bets_request_duration_seconds", "Time from a request's head to its answer's end",
            ["method", "route"], buckets=DURATION_BUCKETS_S, registry=registry,
        )  # fmt: skip
        self._taken = Counter("parivision_bets_taken_total", "Bets taken or told again", registry=registry)
        self._refused = Counter("parivision_bets_refused_total", "Bets refused", ["reason"], registry=registry)
        self._open = Gauge("parivision_bets_open", "Bets whose game has not ended", registry=registry)
        self._staked = Gauge("parivision_bets_open_stakes_cents", "Their stakes, in play money", registry=registry)
        self._games = Gauge("parivision_bets_games_on_offer", "Games with odds", registry=registry)

    def request(self, method: str, route: str, status: int, duration_s: float) -> None:
        """Count a request."""
        self._requests.labels(method, route, str(status)).inc()
        self._duration_s.labels(method, route).observe(duration_s)

    def taken(self) -> None:
        """Count a bet."""
        self._taken.inc()

    def refused(self, reason: str) -> None:
        """Count a refusal."""
        self._refused.labels(reason).inc()

    def text(self, open_bets: tuple[int, int], games_on_offer: int) -> bytes:
        """Return everything in Prometheus' text format."""
        self._open.set(open_bets[0])
        self._staked.set(open_bets[1])
        self._games.set(games_on_offer)
        return generate_latest(self._registry)
