"""Who may ask, and how much: API keys, and limits per key or, without one, per address.

Keys are kept by `stores.api_keys`. Limits are counted by each worker process for itself.
"""

from __future__ import annotations

import ipaddress
import math
import time
from dataclasses import dataclass

from limits import parse
from limits.storage import MemoryStorage
from limits.strategies import FixedWindowRateLimiter

from app.problems import App, Problem, Receive, Scope, Send
from parivision_assets.settings import Settings
from parivision_assets.stores.home import Home

OPEN_PATHS = frozenset({"/livez", "/readyz", "/metrics", "/problems", "/docs", "/openapi.json"})
"""What needs no key and is not limited: probes, scrapes, and how the service is described."""
PROBLEMS = {
    "key-missing": "This service asks for a key. Send it as Authorization: Bearer KEY, or as X-API-Key: KEY.",
    "key-unknown": "The key is none of this service's. Check it for a typing error, or ask for one.",
    "key-expired": "The key was valid until the time in `detail`. Ask for a new one.",
    "key-revoked": "The key was revoked. Ask for a new one.",
    "rate-limited": "More requests than the limit in `limit` allows. Wait for Retry-After seconds.",
}


class Access:
    """Admits requests; for use in one event loop, `refresh` in any thread."""

    def __init__(self, home: Home) -> None:
        """Use a home's keys, none of which is read before `refresh`."""
        api = home.settings.api
        self.required = keys_required(home.settings)
        self._home = home
        self._limit = parse(api.rate_limit)
        self._limiter = FixedWindowRateLimiter(MemoryStorage())

    def refresh(self) -> None:
        """Read the keys again, so that a revoked one ends."""

    def admit(self, scope: Scope) -> str:
        """Return the client's name, '' for a nameless one; raise a Problem for whoever may not ask (any more)."""
        key = _key_of(scope)
        if key is None and self.required:
            detail = "Send the key as Authorization: Bearer KEY, or as X-API-Key: KEY."
            raise _refused("key-missing", "A key is needed", detail)
        name = "" if key is None else self._name_of(key)
        client = scope.get("client")
        who = f"key {name}" if name else f"address {client[0] if client else ''}"
        if not self._limiter.hit(self._limit, who):
            raise self._limited(who)
        return name

    def _name_of(self, key: str) -> str:
        raise NotImplementedError

    def _limited(self, who: str) -> Problem:
        reset_s = self._limiter.get_window_stats(self._limit, who).reset_time
        wait_s = max(math.ceil(reset_s - time.time()), 1)
        return Problem(
            429,
            "rate-limited",
            "Too many requests",
            f"At most {self._limit} are answered. Send the request again in {wait_s} s.",
            headers={"Retry-After": str(wait_s)},
            limit=str(self._limit),
        )


@dataclass(frozen=True)
class Admission:
    """ASGI middleware that lets in whom `Access` admits; the client's name is then `scope["client_name"]`."""

    app: App
    access: Access

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request, or raise a Problem."""
        if scope["type"] == "http" and scope["path"] not in OPEN_PATHS:
            scope["client_name"] = self.access.admit(scope)
        await self.app(scope, receive, send)


def keys_required(settings: Settings) -> bool:
    """Return whether a key is needed: as set, else in production and wherever other machines can reach the service."""
    if settings.api.keys_required is not None:
        return settings.api.keys_required
    return settings.environment == "production" or not _is_loopback(settings.api.host)


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _key_of(scope: Scope) -> str | None:
    for name, value in scope["headers"]:
        if name == b"x-api-key":
            return str(value, "latin-1").strip()
        if name == b"authorization" and value[:7].lower() == b"bearer ":
            return str(value[7:], "latin-1").strip()
    return None


def _refused(slug: str, title: str, detail: str) -> Problem:
    return Problem(401, slug, title, detail, headers={"WWW-Authenticate": "Bearer"})
