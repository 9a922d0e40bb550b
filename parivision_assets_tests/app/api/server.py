"""The API on a real socket, with the parts that a test looks into."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from fastapi import FastAPI

from app.api import create_app
from app.api.service import Service
from parivision_assets.settings import Settings
from parivision_assets_tests import http_service


@dataclass(frozen=True)
class Server:
    """A running API."""

    url: str
    app: FastAPI

    @property
    def service(self) -> Service:
        found = self.app.state.service
        assert isinstance(found, Service)
        return found


@contextmanager
def serving(settings: Settings) -> Iterator[Server]:
    """Yield the API over an installation's home, in a thread of the test."""
    app = create_app(settings)
    with http_service.serving(app) as url:
        yield Server(url, app)
