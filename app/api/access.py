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
from parivision_assets.stores.api_keys import (
    ApiKey,
    ApiKeys,
    KeyExpiredError,
    KeyRefusedError,
    KeyRevokedError,
    KeysUnreadError,
    KeyUnknownError,
)
from parivision_assets.stores.home import Home

OPEN_PATHS = frozenset({"/livez", "/readyz", "/metrics", "/problems", "/docs", "/openapi.json"})
"""What needs no key and is not limited: probes, scrapes, and how the service is described."""
PROBLEMS = {
    "key-missing": "This service asks for a key. Send it as Authorization: Bearer KEY, or as X-API-Key: KEY.",
    "key-unknown": "The key is none of this service's. Check it for a typing error, or ask for one.",
    "key-expired": "The key was valid until the time in `detail`. Ask for a new one.",
    "key-revoked": "The key was revoked. Ask for a new one.",
    "keys-unread": "Keys cannot be checked at the moment. Wait for Retry-After seconds and send again.",
    "rate-limited": "More requests than the limit in `limit` allows. Wait for Retry-After seconds.",
}
REFUSALS: dict[type[KeyRefusedError], tuple[str, str]] = {
    KeyUnknownError: ("key-unknown", "The key is not known"),
    KeyExpiredError: ("key-expired", "The key has expired"),
    KeyRevokedError: ("key-revoked", "The key was revoked"),
}


class Access:
    """Admits requests; for use in one event loop, `refresh` in any thread."""

    def __init__(self, home: Home) -> None:
        """Use a home's keys, none of which is read before `refresh`."""
        api = home.settings.api
        self.required = keys_required(home.settings)
        self._home = home
        self._keys: ApiKeys | None = None
        self._limit = parse(api.rate_limit)
        self._limiter = FixedWindowRateLimiter(MemoryStorage())

    def refresh(self) -> None:
        """Read the keys again if any changed, so that a revoked one ends; raises StoreError."""
        # Opened here rather than before: a database that is away must not keep the service from starting.
        self._keys = self._home.api_keys
        self._keys.refresh()

    def admit(self, scope: Scope) -> str:
        """Return the client's name, '' for a nameless one; raise a Problem for whoever may not ask (any more)."""
        text = _key_of(scope)
        if text is None:
            if self.required:
                detail = "Send the key as Authorization: Bearer KEY, or as X-API-Key: KEY."
                raise _refused("key-missing", "A key is needed", detail)
            client = scope.get("client")
            name, who = "", f"address {client[0] if client else ''}"
        else:
            # A key that is sent is checked even where none is needed: nobody should learn late that it is wrong.
            key = self._verified(text)
            name, who = key.name, f"key {key.key_id}"
        if not self._limiter.hit(self._limit, who):
            raise self._limited(who)
        return name

    def _verified(self, text: str) -> ApiKey:
        if self._keys is None:
            raise _unread()
        try:
            return self._keys.verify(text)
        except KeysUnreadError as error:
            raise _unread() from error
        except KeyRefusedError as error:
            slug, title = REFUSALS[type(error)]
            words = str(error)
            raise _refused(slug, title, f"{words[:1].upper()}{words[1:]}.") from error

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


def _unread() -> Problem:
    detail = "Keys cannot be checked at the moment. Send the request again in a while."
    return Problem(503, "keys-unread", "Keys cannot be checked", detail, headers={"Retry-After": "5"})
