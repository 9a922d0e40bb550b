"""API keys: made, listed, revoked and checked. The ledger's entries are the keys; their secrets are nowhere.

A key's text is `pv_{id}_{secret}`. Of the secret, 256 random bits, the entry keeps the sha256: enough to check, too
little to ask with. How many requests a key may make belongs to the API.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import hmac
import re
import secrets
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

from parivision_assets.stores.chain import Entry, Head, Kind, Record
from parivision_assets.stores.ledger import Ledger, utc_now

TARGET = "api_keys"
TRUSTED_FOR_S = 60.0
"""For how long keys are believed that could not be read again, as while the ledger's database is away."""
NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")
_TEXT = re.compile(r"pv_([0-9a-f]{12})_([A-Za-z0-9_-]{43})")
_ID_BYTES, _SECRET_BYTES = 6, 32
_NOBODY = "0" * 64


class KeyRefusedError(Exception):
    """Whoever asks with this key is not answered; the message says why, without the key."""


class KeyUnknownError(KeyRefusedError):
    """No such key was ever made here, or its secret is another."""


class KeyRevokedError(KeyRefusedError):
    """The key was revoked."""


class KeyExpiredError(KeyRefusedError):
    """The key's last day is over."""


class KeysUnreadError(Exception):
    """The keys could not be read for too long to trust what was known of them."""


@dataclass(frozen=True, slots=True)
class ApiKey:
    """One key without its secret; `name` says who asks, `expires` is its last day (UTC), None for no end."""

    key_id: str
    name: str
    sha256: str
    created_at: str
    expires: dt.date | None = None
    revoked_at: str | None = None

    def state(self, now: dt.datetime) -> str:
        """Return `active`, `expired` or `revoked` at a moment with a time zone."""
        if self.revoked_at is not None:
            return "revoked"
        over = self.expires is not None and now.astimezone(dt.UTC).date() > self.expires
        return "expired" if over else "active"


class ApiKeys:
    """The keys of one ledger; `verify` asks no database, `refresh` does. Safe for many threads."""

    def __init__(self, ledger: Ledger, clock: Callable[[], dt.datetime] = utc_now) -> None:
        """Use a ledger; `clock` gives the moment by which keys expire. Nothing is read yet."""
        self._ledger = ledger
        self._clock = clock
        self._known: tuple[Head, dict[str, ApiKey]] | None = None
        self._read_at_s = 0.0

    def create(self, name: str, actor: str, reason: str, expires: dt.date | None = None) -> tuple[ApiKey, str]:
        """Make a key, record it, and return it with its text, which cannot be had again.

        Several keys may bear one name, so that a client changes from one to the next. Raises ValueError in words for
        a name that is none, a last day that is over, or a missing actor or reason.
        """
        if not NAME.fullmatch(name):
            raise ValueError(
                f"{name!r} is no name of a key; up to 64 of a-z, 0-9, '.', '_' and '-', beginning with a letter or "
                "digit. Name the program that asks, no person"
            )
        now = self._clock()
        if expires is not None and expires < now.astimezone(dt.UTC).date():
            raise ValueError(f"a key that was valid until {expires} is over already; give a later date")
        key_id, secret = secrets.token_hex(_ID_BYTES), secrets.token_urlsafe(_SECRET_BYTES)
        payload = {
            "change": "created",
            "key": key_id,
            "name": name,
            "sha256": _digest(secret),
            "expires": None if expires is None else expires.isoformat(),
        }
        record = self._ledger.settle(lambda _head: Entry(Kind.KEY_CHANGE, TARGET, actor, reason, payload, now))
        assert record is not None  # noqa: S101 - settle returns what it was given
        return _created(record), f"pv_{key_id}_{secret}"

    def revoke(self, which: str, actor: str, reason: str) -> ApiKey:
        """Revoke a key, named by its id, or by its name where only one unrevoked key bears it; return it.

        A key that is revoked already stays as it is. Raises ValueError in words where none or several are meant.
        """
        revoked: list[ApiKey] = []

        def entry_on(_head: Head) -> Entry | None:
            revoked[:] = [self._meant(which)]
            if revoked[0].revoked_at is not None:
                return None
            payload = {"change": "revoked", "key": revoked[0].key_id, "name": revoked[0].name}
            return Entry(Kind.KEY_CHANGE, TARGET, actor, reason, payload)

        record = self._ledger.settle(entry_on)
        return revoked[0] if record is None else replace(revoked[0], revoked_at=record.recorded_at)

    def list_keys(self) -> list[ApiKey]:
        """Return all keys ever made, oldest first."""
        return list(read_keys(self._ledger.records(TARGET)).values())

    def refresh(self) -> None:
        """Read the keys again if the ledger has moved: a second or so after it, a revocation holds everywhere.

        Raises StoreError where the ledger does not answer; what was known stays for TRUSTED_FOR_S seconds.
        """
        head = self._ledger.head()
        if self._known is None or self._known[0] != head:
            self._known = head, read_keys(self._ledger.records(TARGET))
        self._read_at_s = time.monotonic()

    def verify(self, text: str) -> ApiKey:
        """Return the key whose text this is.

        Raises KeyUnknownError, KeyRevokedError or KeyExpiredError in words, and KeysUnreadError where `refresh` has
        not succeeded for TRUSTED_FOR_S seconds.
        """
        if self._known is None or time.monotonic() - self._read_at_s > TRUSTED_FOR_S:
            raise KeysUnreadError("the keys could not be read from the ledger; bring its database back")
        parts = _TEXT.fullmatch(text)
        key_id, secret = parts.groups() if parts else ("", "")
        found = self._known[1].get(key_id)
        # Compared in any case, and in constant time: how long it takes tells nothing of which ids there are.
        is_secret = hmac.compare_digest(_digest(secret), _NOBODY if found is None else found.sha256)
        if found is None or not is_secret:
            raise KeyUnknownError("this key is not known; check that it was copied whole, or ask for a new one")
        state = found.state(self._clock())
        if state == "revoked":
            raise KeyRevokedError(f"this key was revoked at {found.revoked_at}; ask for a new one")
        if state == "expired":
            raise KeyExpiredError(f"this key was valid until the end of {found.expires} (UTC); ask for a new one")
        return found

    def _meant(self, which: str) -> ApiKey:
        keys = self.list_keys()
        by_id = [key for key in keys if key.key_id == which]
        found = by_id or [key for key in keys if key.name == which and key.revoked_at is None]
        if len(found) > 1:
            ids = ", ".join(key.key_id for key in found)
            raise ValueError(f"{len(found)} keys are named {which!r}: {ids}; say which by its id")
        if not found:
            raise ValueError(f"no key {which!r} that could be revoked; `parivision keys list` shows all")
        return found[0]


def read_keys(records: Iterable[Record]) -> dict[str, ApiKey]:
    """Return the keys by id as entries, oldest first, leave them."""
    found: dict[str, ApiKey] = {}
    for record in records:
        if record.kind != Kind.KEY_CHANGE:
            continue
        content = record.content()
        if content["change"] == "created":
            found[content["key"]] = _created(record)
        elif found[content["key"]].revoked_at is None:
            found[content["key"]] = replace(found[content["key"]], revoked_at=record.recorded_at)
    return found


def _created(record: Record) -> ApiKey:
    content = record.content()
    expires = None if content["expires"] is None else dt.date.fromisoformat(content["expires"])
    return ApiKey(content["key"], content["name"], content["sha256"], record.recorded_at, expires)


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()
