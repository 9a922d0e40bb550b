"""One process at a time in a home: a lock that names its holder and that a kill frees."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from parivision_assets.stores.atomic import StoreError, make_folder, plain_errors, sweep, write_atomic


class HomeBusyError(StoreError):
    """Another process works in this home."""


@contextmanager
def home_lock(home: Path | str, purpose: str, wait_s: float = 0.0) -> Iterator[None]:
    """Hold a home for this process; `purpose` (`demo`, `run`) is what the next one is told.

    The system frees the lock when its holder ends, however it ends. Raises HomeBusyError naming the holder's
    process after `wait_s` seconds, StoreError when the home may not be written.
    """
    folder = Path(home)
    lock, note = FileLock(folder / ".lock"), folder / ".lock.holder"
    with plain_errors(folder):
        make_folder(folder)
        try:
            lock.acquire(timeout=wait_s)
        except Timeout as error:
            raise HomeBusyError(_busy(folder, note)) from error
    try:
        sweep(folder / ".scratch")
        write_atomic(note, json.dumps({"pid": os.getpid(), "purpose": purpose}).encode(), folder / ".scratch")
        yield
    finally:
        note.unlink(missing_ok=True)
        lock.release()


def _busy(folder: Path, note: Path) -> str:
    try:
        holder = json.loads(note.read_bytes())
        who = f"'parivision {holder['purpose']}' (process {holder['pid']})"
    except (FileNotFoundError, ValueError, KeyError):
        who = "another process"
    return f"{folder} is in use by {who}. Wait until it has ended or stop it, or set PARIVISION_HOME to another folder"
