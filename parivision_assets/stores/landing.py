"""The landing zone: bytes as received, kept by their sha256, with an append-only index in landing order.

Layout under a root: `objects/{2 hex}/{sha256}` and `index/{dataset}/{partition}/{number}.json`, one small file per
landing, written once; a refusal is a file beside it. What the bytes mean belongs to `sources`; choosing rows among
landed files to the core.
"""

from __future__ import annotations

import datetime as dt
import json
import urllib.parse
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from parivision_assets.stores import atomic
from parivision_assets.stores.atomic import StoreAbsentError, StoreDamagedError, StoreError, digest_of
from parivision_assets.stores.pointers import LocalPointers, checked_name, to_json, update

_ATTEMPTS = 100


@dataclass(frozen=True)
class LandedObject:
    """One landing: which bytes, from where, when, for which day (None: a whole file), and why refused if it was."""

    dataset: str
    partition: str
    number: int
    url: str
    sha256: str
    size_bytes: int
    landed_at: dt.datetime
    day: dt.date | None = None
    rejected: str | None = None

    @property
    def name(self) -> str:
        """Return the file's name, as messages show it."""
        return self.url.rstrip("/").rsplit("/", 1)[-1]


class LandingZone:
    """Bytes as received under one local root; safe for many processes at once."""

    def __init__(self, root: Path | str, clock: Callable[[], dt.datetime] | None = None) -> None:
        """Use `root`, which need not exist yet; `clock` gives the moment that is recorded with a landing."""
        self.root = Path(root)
        self._clock = clock or (lambda: dt.datetime.now(dt.UTC))
        self._scratch = self.root / "scratch"
        self._index = LocalPointers(self.root / "index", self._scratch)

    def land(
        self, dataset: str, partition: str | int, data: bytes, *, url: str, day: dt.date | None = None
    ) -> LandedObject:
        """Keep bytes as received and append them to the partition's index; return their entry.

        Bytes that are already what this URL last gave, or that came from elsewhere before, change nothing: their
        first entry is returned (`rejected` tells whether it was refused). Bytes that a URL gives *again* after
        others are news and get a new entry. Credentials in a URL are not kept.
        Raises StoreError in plain words; an empty answer is no data and is refused.
        """
        if not data:
            raise StoreError(f"{url} answered nothing (0 bytes); an empty answer never replaces what was landed")
        digest, place = digest_of(data), without_credentials(url)
        for _ in range(_ATTEMPTS):
            landed = self.objects(dataset, partition, rejected=True)
            same = _already_landed(landed, digest, place)
            if same is not None and self._holds(digest):
                return same
            self._keep(digest, data)
            if same is not None:
                return same
            number = landed[-1].number + 1 if landed else 1
            entry = LandedObject(str(dataset), str(partition), number, place, digest, len(data), self._clock(), day)
            if self._index.swap(_key(entry.dataset, entry.partition, number), _to_json(entry), None):
                return entry
        raise StoreError(f"{dataset} {partition} was landed by others {_ATTEMPTS} times in a row; run again")

    def reject(self, entry: LandedObject, reason: str) -> None:
        """Mark a landing as refused: its bytes stay for the record and `objects` leaves it out from now on.

        Rejecting twice changes nothing; the first reason stays.
        """
        self._judge(entry, lambda known: known or reason)

    def accept(self, entry: LandedObject) -> None:
        """Undo a refusal, as when a later release reads the bytes after all; the landing is in its old place again."""
        if self._entry(_key(entry.dataset, entry.partition, entry.number)).rejected is not None:
            self._judge(entry, lambda _: None)

    def _judge(self, entry: LandedObject, judge: Callable[[str | None], str | None]) -> None:
        def change(old: bytes | None) -> bytes:
            return to_json({"reason": judge(None if old is None else json.loads(old)["reason"])})

        update(self._index, f"{_key(entry.dataset, entry.partition, entry.number)}.rejected", change)

    def objects(self, dataset: str, partition: str | int, *, rejected: bool = False) -> list[LandedObject]:
        """Return a partition's landings, oldest first; [] when nothing landed. Refused ones only when asked for."""
        prefix = f"{checked_name(str(dataset))}/{checked_name(str(partition))}"
        names = self._index.names(prefix)
        entries = [self._entry(name) for name in names if not name.endswith(".rejected")]
        return [entry for entry in entries if rejected or entry.rejected is None]

    def datasets(self) -> list[str]:
        """Return the datasets of which anything landed, sorted."""
        return sorted({name.split("/")[0] for name in self._index.names()})

    def is_kept(self, sha256: str) -> bool:
        """Return whether there are landed bytes of that digest; `read` also checks them."""
        return self._path(sha256).is_file()

    def partitions(self, dataset: str) -> list[str]:
        """Return the partitions of a dataset for which anything landed, sorted."""
        return sorted({name.split("/")[1] for name in self._index.names(checked_name(str(dataset)))})

    def read(self, entry: LandedObject | str) -> bytes:
        """Return landed bytes by entry or sha256, every byte checked.

        Raises StoreAbsentError when they never landed, StoreDamagedError when the file was changed.
        """
        digest = entry if isinstance(entry, str) else entry.sha256
        try:
            data = self._path(digest).read_bytes()
        except FileNotFoundError as error:
            raise StoreAbsentError(f"nothing with sha256 {digest[:12]}… ever landed here") from error
        if digest_of(data) != digest:
            raise StoreDamagedError(
                f"{self._path(digest)} was changed after it landed. Land the same file again to repair it"
            )
        return data

    def _keep(self, digest: str, data: bytes) -> None:
        if not self._holds(digest):
            atomic.sweep(self._scratch)
            atomic.write_atomic(self._path(digest), data, self._scratch)

    def _holds(self, digest: str) -> bool:
        try:
            return digest_of(self._path(digest).read_bytes()) == digest
        except FileNotFoundError:
            return False

    def _entry(self, name: str) -> LandedObject:
        found, refused = self._index.get(name), self._index.get(f"{name}.rejected")
        if found is None:
            raise StoreDamagedError(f"{self.root / 'index' / name}.json is gone; the index is append-only")
        fields: dict[str, Any] = json.loads(found[0])
        fields["landed_at"] = dt.datetime.fromisoformat(fields["landed_at"])
        fields["day"] = dt.date.fromisoformat(fields["day"]) if fields["day"] else None
        dataset, partition, number = name.split("/")
        reason = None if refused is None else json.loads(refused[0])["reason"]
        return LandedObject(dataset, partition, int(number), rejected=reason, **fields)

    def _path(self, digest: str) -> Path:
        return self.root / "objects" / digest[:2] / digest


def without_credentials(url: str) -> str:
    """Return a URL without user, password, query and fragment, any of which may hold a secret."""
    parts = urllib.parse.urlsplit(url)
    if not parts.netloc:
        return url
    return urllib.parse.urlunsplit((parts.scheme, parts.netloc.rsplit("@", 1)[-1], parts.path, "", ""))


def _already_landed(landed: list[LandedObject], digest: str, url: str) -> LandedObject | None:
    """Return the entry that makes landing these bytes again pointless, or None when they are news."""
    same = [entry for entry in landed if entry.sha256 == digest]
    if not same:
        return None
    if same[-1].rejected is not None:
        return same[-1]
    from_here = [entry for entry in landed if entry.url == url and entry.rejected is None]
    is_news = any(entry.sha256 == digest for entry in from_here) and from_here[-1].sha256 != digest
    return None if is_news else same[-1]


def _key(dataset: str, partition: str, number: int) -> str:
    return f"{checked_name(dataset)}/{checked_name(partition)}/{number:06d}"


def _to_json(entry: LandedObject) -> bytes:
    return to_json(
        {
            "url": entry.url,
            "sha256": entry.sha256,
            "size_bytes": entry.size_bytes,
            "landed_at": entry.landed_at.isoformat(),
            "day": None if entry.day is None else entry.day.isoformat(),
        }
    )
