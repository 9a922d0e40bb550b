"""ASGI middleware that counts requests; what is done with the counts is each service's own affair."""

from __future__ import annotations

from dataclasses import dataclass
from time import perf_counter
from typing import Protocol

from app.problems import App, Message, Receive, Scope, Send

ELSEWHERE = "elsewhere"
"""Route and method of requests that no route takes: what strangers invent must not become labels."""
METHODS = frozenset({"GET", "POST", "PUT", "HEAD", "OPTIONS"})


class RequestCounts(Protocol):
    """Whoever counts."""

    def request(self, method: str, route: str, status: int, duration_s: float) -> None:
        """Count a request."""


@dataclass(frozen=True)
class Counted:
    """ASGI middleware: every request's route, status and time."""

    app: App
    metrics: RequestCounts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve and count one request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        started_s = perf_counter()
        status = 500

        async def send_seen(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self.app(scope, receive, send_seen)
        finally:
            route = scope.get("route")
            name = ELSEWHERE if route is None else route.path
            method = scope["method"] if scope["method"] in METHODS else ELSEWHERE
            self.metrics.request(method, name, status, perf_counter() - started_s)
