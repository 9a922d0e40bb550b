"""Atomic writes: what abandoned writers leave goes, what living or foreign ones hold stays; disk errors in words."""

import errno
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from parivision_assets.stores import atomic
from parivision_assets.stores.atomic import StoreError, sweep, unfinished, write_atomic


def test_content_is_replaced_whole_and_nothing_is_left_over(tmp_path: Path) -> None:
    for data in (b"old", b"new and longer", b""):
        write_atomic(tmp_path / "a" / "b" / "file", data, tmp_path / "scratch")
        assert (tmp_path / "a/b/file").read_bytes() == data
    assert list((tmp_path / "scratch").iterdir()) == []


def test_sweeping_takes_only_what_is_abandoned(tmp_path: Path) -> None:
    gone = subprocess.run(
        [sys.executable, "-c", "import os; print(os.getpid())"], capture_output=True, text=True, check=True
    )
    here = atomic._machine()
    dead = tmp_path / f"{here}.{int(gone.stdout)}.aa"
    folder = tmp_path / f"{here}.{int(gone.stdout)}.bb"
    foreign, ancient, other = tmp_path / "elsewhere-1.1.cc", tmp_path / "elsewhere-1.1.dd", tmp_path / "notes.txt"
    folder.mkdir()
    for path in (dead, folder / "inner", foreign, ancient, other):
        path.write_bytes(b"x")
    two_days_ago = time.time() - 2 * 86400
    os.utime(ancient, (two_days_ago, two_days_ago))
    with unfinished(tmp_path) as living:
        living.write_bytes(b"x")
        assert sweep(tmp_path) == 3
        assert sorted(tmp_path.iterdir()) == sorted([foreign, other, living])
    assert sweep(tmp_path / "nowhere") == 0


@pytest.mark.parametrize(("code", "words"), [
    (errno.ENOSPC, "No space left"), (errno.EDQUOT, "No space left"), (errno.EROFS, "may not be written"),
    (errno.EACCES, "may not be written"), (errno.EIO, "could not be written"),
])  # fmt: skip
@pytest.mark.parametrize("step", ["open", "write", "fsync", "replace"])
def test_disk_errors_are_said_in_words_and_leave_the_old(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int, words: str, step: str
) -> None:
    write_atomic(tmp_path / "file", b"old", tmp_path / "scratch")

    def fail(*_: object, **__: object) -> None:
        raise OSError(code, os.strerror(code))

    with monkeypatch.context() as patch:
        patch.setattr(os, step, fail)
        with pytest.raises(StoreError, match=words) as caught:
            write_atomic(tmp_path / "file", b"new", tmp_path / "scratch")
    assert "unchanged" in str(caught.value)
    assert str(tmp_path / "file") in str(caught.value)
    assert (tmp_path / "file").read_bytes() == b"old"
    assert list((tmp_path / "scratch").iterdir()) == []
