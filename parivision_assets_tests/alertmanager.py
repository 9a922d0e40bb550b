"""A real Alertmanager on a loopback port, telling a webhook that the test serves."""

import json
import os
import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import pytest

BINARY = "prometheus-alertmanager"
REQUIRED = "PARIVISION_REQUIRE_ALERTMANAGER"
PATIENCE_S = 20.0


@dataclass
class Alertmanager:
    """Its address, and what it has told the webhook."""

    url: str
    told: list[dict[str, Any]] = field(default_factory=list)

    def alerts(self) -> list[dict[str, Any]]:
        """Return what it knows now."""
        found: list[dict[str, Any]] = httpx.get(f"{self.url}/api/v2/alerts", timeout=5).json()
        return found

    def wait_until_told(self, name: str) -> list[dict[str, Any]]:
        """Return the alerts of a name that reached the webhook, once there are any."""
        until = time.monotonic() + PATIENCE_S
        while time.monotonic() < until:
            alerts = [alert for message in self.told for alert in message["alerts"]]
            mine = [alert for alert in alerts if alert["labels"]["alertname"] == name]
            if mine:
                return mine
            time.sleep(0.05)
        raise AssertionError(f"the webhook was told {self.told}, nothing of {name}")


@contextmanager
def alertmanager(folder: Path) -> Iterator[Alertmanager]:
    """Start one in `folder`; skip where the program is not installed, unless it is required."""
    program = shutil.which(BINARY)
    if program is None:
        if os.environ.get(REQUIRED):
            pytest.fail(f"{REQUIRED} is set and {BINARY} is not installed: apt-get install {BINARY}")
        pytest.skip(f"{BINARY} is not installed: apt-get install {BINARY}")
    found = Alertmanager(f"http://127.0.0.1:{free_port()}")
    with webhook(found) as receiver:
        config = folder / "alertmanager.yml"
        config.write_text(
            "route: {receiver: test, group_by: ['...'], group_wait: 0s, group_interval: 1s, repeat_interval: 1h}\n"
            f"receivers: [{{name: test, webhook_configs: [{{url: '{receiver}'}}]}}]\n"
        )
        address = found.url.removeprefix("http://")
        options = [f"--config.file={config}", f"--storage.path={folder / 'data'}", f"--web.listen-address={address}"]
        process = subprocess.Popen(
            [program, *options, "--cluster.listen-address="], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        try:
            wait_until_ready(found.url, process)
            yield found
        finally:
            process.terminate()
            process.wait(PATIENCE_S)


@contextmanager
def webhook(heard_by: Alertmanager) -> Iterator[str]:
    """Serve a webhook that writes down what it is told; yield its address."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            heard_by.told.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_args: Any) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def wait_until_ready(url: str, process: subprocess.Popen[bytes]) -> None:
    """Return when it answers; raise when it ended or never does."""
    until = time.monotonic() + PATIENCE_S
    while time.monotonic() < until:
        assert process.poll() is None, f"{BINARY} ended with {process.returncode}"
        try:
            if httpx.get(f"{url}/-/ready", timeout=1).status_code == 200:
                return
        except httpx.TransportError:
            time.sleep(0.05)
    raise AssertionError(f"{BINARY} did not answer at {url}")


def free_port() -> int:
    """Return a loopback port that was free just now."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])
