"""The API in a thread of the test's process, on a free port of this machine."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import uvicorn
from fastapi import FastAPI

from app.api import create_app
from app.api.service import Service
from parivision_assets.settings import Settings


@dataclass(frozen=True)
class Server:
    url: str
    app: FastAPI

    @property
    def service(self) -> Service:
        found = self.app.state.service
        assert isinstance(found, Service)
        return found


@contextmanager
def serving(settings: Settings) -> Iterator[Server]:
    app = create_app(settings)
    config = uvicorn.Config(app, port=0, http="httptools", log_level="error", ws="none")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        assert thread.is_alive(), "the server did not start"
        time.sleep(0.01)
    port = server.servers[0].sockets[0].getsockname()[1]
    try:
        yield Server(f"http://127.0.0.1:{port}", app)
    finally:
        server.should_exit = True
        thread.join()
