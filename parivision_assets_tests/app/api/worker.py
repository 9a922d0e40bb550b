"""One worker of the API in a process of its own, which prints its port: it can be killed."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

ROOT = Path(__file__).resolve().parents[3]


@dataclass(frozen=True)
class Worker:
    """A running worker."""

    process: subprocess.Popen[str]
    url: str

    def kill(self) -> None:
        """End it as a power cut of the process would."""
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()


@contextmanager
def working(variables: dict[str, str]) -> Iterator[Worker]:
    """Start a worker on the installation that these variables name; end it if it still runs."""
    environment = {**os.environ, **variables, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", "parivision_assets_tests.app.api.worker"]
    process = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True, cwd=ROOT)
    assert process.stdout is not None
    try:
        url = process.stdout.readline().strip()
        assert url, "the worker did not start"
        httpx.get(f"{url}/livez", timeout=60)
        yield Worker(process, url)
    finally:
        if process.poll() is None:
            process.terminate()
        process.wait()
        process.stdout.close()


def main() -> None:
    """Serve on a free port, printed first."""
    import uvicorn

    listening = socket.socket()
    listening.bind(("127.0.0.1", 0))
    # Connections made from here on wait until the application has started.
    listening.listen(128)
    sys.stdout.write(f"http://127.0.0.1:{listening.getsockname()[1]}\n")
    sys.stdout.flush()
    config = uvicorn.Config("app.api:create_app", factory=True, http="httptools", ws="none", log_level="warning")
    uvicorn.Server(config).run(sockets=[listening])


if __name__ == "__main__":
    main()
