"""The feed: day files as they appear somewhere. What they hold is read elsewhere; nothing is kept here.

A folder is one such place; whatever else offers day files (a service over HTTP) has the same two methods.
"""

from __future__ import annotations

import datetime as dt
import re
from dataclasses import dataclass
from typing import Protocol

from parivision_assets.sources.archives import SourceFormatError, list_versions, read_bytes

_DAY_FILE = re.compile(r".*\.(\d{4}-\d{2}-\d{2})\.(?:csv|json)(?:\.zip|\.gz)?", re.IGNORECASE)
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
