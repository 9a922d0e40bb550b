"""A private PostgreSQL for tests: a cluster of its own on a Unix socket in a temporary folder, gone with the session.

As root it runs as the system's user `postgres`, since PostgreSQL refuses root. Nothing listens on the network.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path

import psycopg
import pytest

DEBIAN = Path("/usr/lib/postgresql")
_numbers = count(1)


class Cluster:
    """A running PostgreSQL; every test asks for a database of its own."""

    def __init__(self, folder: Path, programs: Path) -> None:
        self.folder, self.data, self._programs = folder, folder / "data", programs

    def run(self, program: str, *arguments: str) -> None:
        """Run one of PostgreSQL's programs as an unprivileged user."""
        command = [str(self._programs / program), *arguments]
        # PostgreSQL refuses to run as root; its package made a user for it.
        who = {"user": "postgres", "group": "postgres", "extra_groups": []} if os.geteuid() == 0 else {}
        # The server inherits a file, not a pipe that would keep us waiting for its end.
        with (self.folder / "log").open("ab") as log:
            done = subprocess.run(command, stdout=log, stderr=log, cwd=self.folder, timeout=120, check=False, **who)
        assert done.returncode == 0, (self.folder / "log").read_text()

    def start(self) -> None:
        # Durability is PostgreSQL's own affair; without fsync the tests are quicker.
        options = (
            f"-c listen_addresses='' -c unix_socket_directories='{self.folder}' -c fsync=off -c max_connections=200"
        )
        self.run("pg_ctl", "start", "-w", "-D", str(self.data), "-o", options, "-l", str(self.folder / "server.log"))

    def stop(self, mode: str = "immediate") -> None:
        self.run("pg_ctl", "stop", "-w", "-m", mode, "-D", str(self.data))

    def database(self, template: str = "template1") -> str:
        """Create an empty database, or a copy of another, and return its URL."""
        name = f"test_{next(_numbers)}"
        with psycopg.connect(self.address("postgres"), autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name} TEMPLATE {template}".encode())
        return self.url(name)

    def address(self, name: str) -> str:
        return f"host={self.folder} user=postgres dbname={name}"

    def url(self, name: str) -> str:
        return f"postgresql+psycopg://postgres@/{name}?host={self.folder}"


def programs() -> Path | None:
    """Return the folder of PostgreSQL's programs, newest version first, or None."""
    found = sorted(DEBIAN.glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    if found:
        return found[-1].parent
    there = shutil.which("initdb")
    return Path(there).parent if there else None


@contextmanager
def cluster() -> Iterator[Cluster]:
    """Yield a running cluster; one for each test process, and no process of it is left."""
    where = programs()
    if where is None:
        missing = "needs PostgreSQL's programs (initdb, pg_ctl), as of `apt-get install postgresql`"
        if os.environ.get("PARIVISION_REQUIRE_POSTGRES") == "1":
            pytest.fail(missing)
        pytest.skip(missing)
    # A Unix socket's path may not be long, so not pytest's own folder.
    folder = Path(tempfile.mkdtemp(prefix="pg"))
    if os.geteuid() == 0:
        shutil.chown(folder, "postgres", "postgres")
    made = Cluster(folder, where)
    try:
        made.run("initdb", "-D", str(made.data), "-A", "trust", "-U", "postgres", "-E", "UTF8", "--no-sync")
        made.start()
        try:
            yield made
        finally:
            if (made.data / "postmaster.pid").exists():
                made.stop()
    finally:
        shutil.rmtree(folder, ignore_errors=True)
