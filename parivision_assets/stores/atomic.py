"""Writing files so that a crash leaves the old or the new, and errors of the disk said in words.

Everything in `stores` that reaches a disk goes through here. What the files mean belongs to the other modules.
"""

from __future__ import annotations

import errno
import hashlib
import os
import secrets
import shutil
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

_FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
_FORBIDDEN = frozenset({errno.EROFS, errno.EACCES, errno.EPERM})
_STALE_AFTER_S = 24 * 3600.0


class StoreError(Exception):
    """A store could not do what was asked; the message says why, what was left, and what to do next."""


class StoreAbsentError(StoreError, KeyError):
    """What was asked for is not in the store: a normal state, not a mistake."""

    def __str__(self) -> str:
        """Return the message without the quotes that KeyError adds."""
        return str(self.args[0])


class StoreDamagedError(StoreError):
    """A stored file is not what was written: changed, cut or lost."""


def digest_of(data: bytes) -> str:
    """Return the sha256 of `data` in hexadecimal."""
    return hashlib.sha256(data).hexdigest()


@contextmanager
def plain_errors(path: Path) -> Iterator[None]:
    """Turn an operating-system error into a `StoreError` that a person can act on."""
    try:
        yield
    except OSError as error:
        raise StoreError(_in_words(error, path)) from error


def _in_words(error: OSError, path: Path) -> str:
    if error.errno in _FULL:
        return f"No space left to write {path}; what was there before is unchanged. Free some space and run again"
    if error.errno in _FORBIDDEN:
        return (
            f"{path} may not be written ({error.strerror}); what was there before is unchanged. "
            "Make the folder writable or set PARIVISION_HOME to one that is"
        )
    return f"{path} could not be written ({error}); what was there before is unchanged"


def write_atomic(path: Path, data: bytes, scratch: Path) -> None:
    """Write a file so that readers see the old content or the new, and a crash keeps one of them.

    `scratch` is a folder on the same file system for the unfinished file. Raises StoreError in plain words.
    """
    with plain_errors(path), unfinished(scratch) as temporary:
        write_synced(temporary, data)
        publish(temporary, path)


@contextmanager
def unfinished(scratch: Path) -> Iterator[Path]:
    """Give a fresh path in `scratch` for a file or folder to be published; remove it if it was not."""
    scratch.mkdir(parents=True, exist_ok=True)
    path = scratch / f"{_machine()}.{os.getpid()}.{secrets.token_hex(6)}"
    try:
        yield path
    finally:
        _remove(path)


def write_synced(path: Path, data: bytes) -> None:
    """Write a new file and wait until it is on the disk."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), 0o644)
    try:
        view = memoryview(data)
        while view:
            view = view[os.write(descriptor, view) :]
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def publish(temporary: Path, path: Path) -> None:
    """Move a finished file to its place in one step, and wait until the move is on the disk."""
    make_folder(path.parent)
    os.replace(temporary, path)  # noqa: PTH105 - tests inject crashes at the functions of os
    sync_folder(path.parent)


def make_folder(folder: Path) -> None:
    """Create a folder and its missing parents so that they survive a crash."""
    if folder.is_dir():
        return
    make_folder(folder.parent)
    folder.mkdir(exist_ok=True)
    sync_folder(folder.parent)


def sync_folder(folder: Path) -> None:
    """Wait until a folder's entries are on the disk; a no-op where the system cannot sync folders."""
    if os.name != "posix":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sweep(scratch: Path) -> int:
    """Remove what writers that are gone left in `scratch`; return how many files and folders that were."""
    if not scratch.is_dir():
        return 0
    left = [path for path in scratch.iterdir() if _is_abandoned(path)]
    for path in left:
        _remove(path)
    return len(left)


def _is_abandoned(path: Path) -> bool:
    """Return whether the writer of an unfinished file is gone: its process ended, or a day has passed."""
    try:
        host, pid, _ = path.name.rsplit(".", 2)
        if host == _machine() and os.name == "posix":
            return not is_running(int(pid))
        return time.time() - path.stat().st_mtime > _STALE_AFTER_S
    except ValueError:
        return False
    except FileNotFoundError:
        return False


@cache
def _machine() -> str:
    """Return a name for where process ids mean the same: the host and, in containers, the process namespace."""
    try:
        namespace = Path("/proc/self/ns/pid").stat().st_ino
    except OSError:
        namespace = 0
    return f"{socket.gethostname()}-{namespace}"


def is_running(pid: int) -> bool:
    """Return whether a process of this machine is alive."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)
