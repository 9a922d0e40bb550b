"""Two processes in one home: the second is told who holds it; a killed holder frees it."""

import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from parivision_assets.stores.atomic import StoreError
from parivision_assets.stores.locks import HomeBusyError, home_lock

_HOLDER = """
import sys
from parivision_assets.stores.locks import home_lock
with home_lock({home!r}, "demo"):
    print("held", flush=True)
    sys.stdin.read()
"""


# Root may write anywhere: the child gives that right up, after its imports.
_READ_ONLY = """
import os
from parivision_assets.stores.locks import StoreError, home_lock
os.getuid() or os.setuid(65534)
try:
    with home_lock({home!r}, "run"):
        pass
except StoreError as error:
    print(error)
"""


def start_holder(home: Path) -> "subprocess.Popen[str]":
    holder = subprocess.Popen(
        [sys.executable, "-c", _HOLDER.format(home=str(home))], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert holder.stdout is not None
    assert holder.stdout.readline() == "held\n"
    return holder


def test_the_second_process_is_told_who_holds_the_home(tmp_path: Path) -> None:
    with start_holder(tmp_path / "home") as holder:
        with (
            pytest.raises(HomeBusyError, match=rf"'parivision demo' \(process {holder.pid}\)"),
            home_lock(tmp_path / "home", "run"),
        ):
            pass
        holder.communicate("")
    with home_lock(tmp_path / "home", "run"):
        pass
    assert not (tmp_path / "home" / ".lock.holder").exists()


def test_a_killed_holder_frees_the_home(tmp_path: Path) -> None:
    with start_holder(tmp_path) as holder:
        os.kill(holder.pid, signal.SIGKILL)
        holder.wait()
    with home_lock(tmp_path, "run"):
        assert str(os.getpid()) in (tmp_path / ".lock.holder").read_text()


def test_a_home_that_may_not_be_written_is_said_in_words() -> None:
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o555)
        code = _READ_ONLY.format(home=f"{folder}/home")
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "may not be written" in done.stdout


def test_a_home_below_a_file_is_said_in_words(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match="could not be written"), home_lock(tmp_path / "file" / "home", "run"):
        pass
