"""The feed: day files as they appear somewhere. What they hold is read elsewhere; nothing is kept here.

A folder is one such place, VirtualBets over HTTP another. Both have the same two methods.
"""

from __future__ import annotations

import datetime as dt
import re
import urllib.parse
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, Protocol

import httpx
from tenacity import Retrying, retry_if_exception_type, stop_after_attempt, wait_exponential_jitter

from parivision_assets.sources.archives import (
    SourceFormatError,
    SourceUnavailableError,
    list_versions,
    read_bytes,
)

_DAY_FILE = re.compile(r".*\.(\d{4}-\d{2}-\d{2})\.(?:csv|json)(?:\.zip|\.gz)?", re.IGNORECASE)
DAYS = "/v1/feed/days"
"""Where VirtualBets lists its day files; each is below, by its name."""
_DATA_FILE = re.compile(r"[^.].*\.(?:csv|json)(?:\.zip|\.gz)?", re.IGNORECASE)


@dataclass(frozen=True)
class Offer:
    """One day file on offer; `version` changes with its content ("": only its bytes tell)."""

    name: str
    url: str
    version: str

    @property
    def day(self) -> dt.date:
        """Return the date in the file's name; raise SourceFormatError when there is none."""
        found = _DAY_FILE.fullmatch(self.name)
        try:
            return dt.date.fromisoformat(found.group(1) if found else "")
        except ValueError as error:
            rule = "a day file's name holds its date"
            raise SourceFormatError(self.name, rule, "Name it like NBA_2021_Shots.2021-03-05.csv") from error


class Feed(Protocol):
    """A place where day files appear."""

    def offers(self) -> list[Offer]:
        """Return what is on offer now, by name. Raises SourceError when the place does not answer."""

    def read(self, offer: Offer) -> bytes:
        """Return a file's bytes as published. Raises SourceError."""


@dataclass(frozen=True)
class FolderFeed:
    """Day files in a folder, at any fsspec URL that can be listed."""

    url: str

    def offers(self) -> list[Offer]:
        """See Feed. Hidden files and files of other kinds are left alone."""
        return [
            Offer(name, f"{self.url.rstrip('/')}/{name}", version)
            for name, version in sorted(list_versions(self.url).items())
            if _DATA_FILE.fullmatch(name)
        ]

    def read(self, offer: Offer) -> bytes:
        """See Feed."""
        return read_bytes(offer.url)


@dataclass(frozen=True)
class HttpFeed:
    """VirtualBets' day files at its address. Each file is compared with the digest under which it was offered."""

    url: str
    attempts: int = 3
    first_wait_s: float = 0.2
    timeout_s: float = 10.0

    def offers(self) -> list[Offer]:
        """See Feed. The version of an offer is the sha256 of its content."""
        address = self._address("")
        answer = self._get(address)
        try:
            files = answer.json()["files"]
            offers = [Offer(str(file["name"]), self._address(file["name"]), str(file["version"])) for file in files]
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            rule = "it must answer a list of day files in JSON"
            step = "Check that PARIVISION_FEED_URL is VirtualBets' address"
            raise SourceFormatError(address, rule, step) from error
        return sorted(offers, key=lambda offer: offer.name)

    def read(self, offer: Offer) -> bytes:
        """See Feed. Content that is not what was offered, cut short for example, is not returned."""
        data = self._get(offer.url).content
        if sha256(data).hexdigest() != offer.version:
            raise SourceUnavailableError(
                f"{offer.url} is not what was offered ({len(data):,} bytes): it was cut short or has been corrected "
                "since. It is asked for again"
            )
        return data

    def _address(self, name: Any) -> str:
        """Return a file's address, made from its name alone: a service cannot send us elsewhere."""
        place = f"{self.url.rstrip('/')}{DAYS}"
        return f"{place}/{urllib.parse.quote(name, safe='')}" if name else place

    def _get(self, address: str) -> httpx.Response:
        """Return an answer; what may pass is tried again, then said in words."""
        again = retry_if_exception_type((httpx.TransportError, _BusyError))
        waits = wait_exponential_jitter(multiplier=self.first_wait_s, max=2, jitter=self.first_wait_s)
        patiently = Retrying(stop=stop_after_attempt(self.attempts), wait=waits, retry=again, reraise=True)
        try:
            return patiently(self._once, address)
        except (httpx.HTTPError, httpx.InvalidURL, _BusyError) as error:
            reason = str(error) or type(error).__name__
            raise SourceUnavailableError(
                f"{address} does not answer ({reason}). Start VirtualBets or correct PARIVISION_FEED_URL; "
                "nothing is lost, it is asked again"
            ) from error

    def _once(self, address: str) -> httpx.Response:
        answer = httpx.get(address, timeout=self.timeout_s, trust_env=not _is_here(address))
        if answer.status_code == httpx.codes.TOO_MANY_REQUESTS or answer.is_server_error:
            raise _BusyError(f"status {answer.status_code}: {answer.text[:200]}")
        if not answer.is_success:
            step = "Check that PARIVISION_FEED_URL is VirtualBets' address"
            raise SourceUnavailableError(f"{address} answered {answer.status_code}. {step}")
        return answer


class _BusyError(Exception):
    """The service answered that it cannot answer now."""


def _is_here(address: str) -> bool:
    """Return whether an address is this machine's, which no proxy of the environment reaches."""
    return httpx.URL(address).host in {"127.0.0.1", "::1", "localhost"}


def open_feed(url: str) -> Feed:
    """Return the feed at a URL: VirtualBets for http(s), else a folder of day files."""
    return HttpFeed(url) if url.startswith(("http://", "https://")) else FolderFeed(url)
