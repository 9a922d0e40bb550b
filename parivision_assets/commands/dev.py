"""`parivision dev`: the Dagster UI and daemon on the persistent instance."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

from parivision_assets.defs.instance import configure, open_instance
from parivision_assets.settings import Settings
from parivision_assets.stores.home import Home

QUIET = "ignore:Function `dev_command` is superseded"
"""`dg dev` wants a project of its own layout; `dagster dev` reads workspace.yaml."""


def start(port: int) -> None:
    """Replace this process by Dagster's, so that a stop signal reaches it."""
    home = Home(Settings())
    open_instance(home).dispose()
    own = {"PARIVISION_HOME": str(home.root), "DO_NOT_TRACK": "1", "PYTHONWARNINGS": QUIET}
    environment = {**os.environ, **configure(home), **own}
    dagster = str(Path(sys.executable).parent / "dagster")
    command = [dagster, "dev", "-m", "parivision_assets.definitions", "-a", "defs", "-h", "127.0.0.1", "-p", str(port)]
    if Path("workspace.yaml").exists():
        command = [dagster, "dev", "-w", "workspace.yaml", "-h", "127.0.0.1", "-p", str(port)]
    # A shell that starts us with & has us ignore interrupts, and Dagster's children would ignore every stop.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    os.execve(dagster, command, environment)  # noqa: S606 - the command is ours, no shell is involved
