"""Small named objects that say which version is current, swapped by compare-and-swap.

`PointerStore` is the whole of what a store needs from its backing. Locally a swap is a rename under a lock; on S3
it is one conditional put (`If-Match` with the old ETag, `If-None-Match: *` for the first), and the tag is the ETag.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

from filelock import FileLock, Timeout

from parivision_assets.stores.atomic import StoreError, digest_of, plain_errors, sweep, write_atomic

LOCK_TIMEOUT_S = 60.0
_ATTEMPTS = 50
_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.=-]*")


class PointerStore(Protocol):
    """Named objects of a few hundred bytes with an atomic conditional write."""

    def get(self, name: str) -> tuple[bytes, str] | None:
        """Return content and tag, or None where there is no such pointer."""

    def swap(self, name: str, data: bytes, expected_tag: str | None) -> bool:
        """Write if the pointer still has this tag (None: if it does not exist yet); return whether it was written."""

    def names(self, prefix: str = "") -> list[str]:
        """Return the names of all pointers below a prefix, sorted."""


class LocalPointers:
    """Pointers as files `{root}/{name}.json`; the tag is the content's sha256."""

    def __init__(self, root: Path, scratch: Path) -> None:
        """Keep pointers under `root`; `scratch` (same file system) holds unfinished files and the lock."""
        self.root, self.scratch = root, scratch
        self._lock = FileLock(scratch.parent / ".pointers.lock", timeout=LOCK_TIMEOUT_S)

    @contextmanager
    def exclusive(self) -> Iterator[None]:
        """Keep every other writer out, across threads and processes; may be nested. A kill frees it."""
        with plain_errors(self._folder()):
            self._folder().mkdir(parents=True, exist_ok=True)
            try:
                self._lock.acquire()
            except Timeout as error:
                raise StoreError(
                    f"Another process has been writing {self._folder()} for {LOCK_TIMEOUT_S:.0f} s; "
                    "wait for it or stop it, then run again"
                ) from error
        try:
            with plain_errors(self.scratch):
                sweep(self.scratch)
            yield
        finally:
            self._lock.release()

    def get(self, name: str) -> tuple[bytes, str] | None:
        """Return content and tag, or None where there is no such pointer."""
        try:
            data = self._path(name).read_bytes()
        except FileNotFoundError:
            return None
        return data, digest_of(data)

    def swap(self, name: str, data: bytes, expected_tag: str | None) -> bool:
        """Write if the pointer still has this tag (None: if it does not exist yet); return whether it was written."""
        with self.exclusive():
            found = self.get(name)
            if (None if found is None else found[1]) != expected_tag:
                return False
            write_atomic(self._path(name), data, self.scratch)
            return True

    def names(self, prefix: str = "") -> list[str]:
        """Return the names of all pointers below a prefix, sorted."""
        base = self.root / prefix
        if not base.is_dir():
            return []
        return sorted(path.relative_to(self.root).as_posix()[: -len(".json")] for path in base.rglob("*.json"))

    def _path(self, name: str) -> Path:
        return self.root / f"{name}.json"

    def _folder(self) -> Path:
        return self.scratch.parent


def checked_name(name: str) -> str:
    """Return a name that is safe as a part of a path; raise ValueError for any other."""
    if not _NAME.fullmatch(name):
        raise ValueError(f"{name!r} is no name for a table, dataset or partition: use letters, digits, _ . = -")
    return name


def to_json(value: object) -> bytes:
    """Return a value as JSON that is the same bytes for the same value."""
    return (json.dumps(value, indent=1, sort_keys=True, ensure_ascii=False) + "\n").encode()


def update(pointers: PointerStore, name: str, change: Callable[[bytes | None], bytes]) -> bytes:
    """Apply `change` to a pointer's content until no other writer comes between; return what is there now.

    A change that returns the same content writes nothing.
    """
    for _ in range(_ATTEMPTS):
        found = pointers.get(name)
        content, tag = (None, None) if found is None else found
        changed = change(content)
        if changed == content or pointers.swap(name, changed, tag):
            return changed
    raise StoreError(f"Pointer {name} was changed by others {_ATTEMPTS} times in a row; run again")
