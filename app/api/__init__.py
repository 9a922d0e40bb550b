"""The PariVision API on port 3000: predictions from the promoted models, recorded before they are sent.

`create_app` puts the parts together; each group of addresses is a module of its own.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI, Request
from fastapi.middleware.cors import CORSMiddleware
from fastapi.responses import Response

from app.api import access, journal, receipts
from app.api import service as serving
from app.api.access import Admission
from app.api.champions import champions_router
from app.api.direct import Direct, direct_routes
from app.api.games import games_router
from app.api.health import health_router
from app.api.original import OriginalRequest, original_router
from app.api.receipts import receipts_router
from app.api.requests import GameRequest, ShotBatch, ShotRequest
from app.api.search import search_router
from app.api.service import STORE_ERRORS, Service, store_failed
from app.api.shots import shots_router
from app.counted import Counted
from app.docs_page import serve_docs
from app.problems import install
from parivision_assets.settings import Settings
from parivision_assets.stores.home import Home

PROBLEMS = {**access.PROBLEMS, **journal.PROBLEMS, **receipts.PROBLEMS, **serving.PROBLEMS}
ROUTERS = (
    shots_router, games_router, search_router, champions_router, receipts_router, original_router, health_router,
)  # fmt: skip
BODIES = (ShotRequest, ShotBatch, GameRequest, OriginalRequest)
DESCRIPTION = """Probabilities of shots and games from the promoted models.

Only a shot's spot is needed; what else is known makes the probability sharper. Every answer is recorded before it is
sent and has a receipt. Errors are problem documents (RFC 9457); their kinds are described at /problems.
"""


def create_app(settings: Settings | None = None) -> FastAPI:
    """Return the application over one installation; without settings the environment's."""
    service = Service.of(Home(settings or Settings()))

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        async with service.running():
            yield

    app = FastAPI(
        title="PariVision API",
        version="1",
        description=DESCRIPTION,
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
        telemetry={"tracing": False, "metrics": False, "logs": False, "operation_spans": False},
    )
    app.state.service = service
    routers = [router(service) for router in ROUTERS]
    for router in routers:
        app.include_router(router)
    api = service.home.settings.api
    # The last one added is the first one asked.
    serve_docs(app)
    for error in STORE_ERRORS:
        app.add_exception_handler(error, _answer_store)
    app.add_middleware(Direct, routes=direct_routes(routers))
    app.add_middleware(Admission, access=service.access)
    install(app, api.max_body_bytes, PROBLEMS, BODIES)
    app.add_middleware(Counted, metrics=service.metrics)
    if api.cors_origins:
        app.add_middleware(
            CORSMiddleware, allow_origins=api.cors_origins, allow_methods=["GET", "POST"], allow_headers=["*"]
        )
    return app


async def _answer_store(request: Request, error: Exception) -> Response:
    return store_failed(error).response(request.scope.get("request_id"))


__all__ = ["create_app"]
