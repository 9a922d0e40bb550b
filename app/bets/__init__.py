"""VirtualBets on port 8800: play money on the coming games, and the data feed that the platform reads.

`create_app` puts the parts together; each group of addresses is a module of its own. No real money is anywhere.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import sqlalchemy as sa
from fastapi import FastAPI, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import PlainTextResponse, Response
from pydantic import BaseModel, Field

from app.bets import accounts, bets, feed, odds, service
from app.bets.accounts import accounts_router
from app.bets.bets import bets_router
from app.bets.feed import feed_router
from app.bets.leaderboard import leaderboard_router
from app.bets.metrics import CONTENT_TYPE
from app.bets.models import NOTICE
from app.bets.odds import odds_router
from app.bets.service import Service
from app.counted import Counted
from app.docs_page import serve_docs
from app.problems import Problem, install, responses
from parivision_assets.settings import Settings
from parivision_assets.stores.atomic import StoreError
from parivision_assets.stores.home import Home

DESCRIPTION = f"""Bets on the coming games, for play money, and the feed of shots and games.

{NOTICE} Errors are problem documents (RFC 9457); their kinds are described at /problems.
"""
PROBLEMS = {**service.PROBLEMS, **accounts.PROBLEMS, **odds.PROBLEMS, **bets.PROBLEMS, **feed.PROBLEMS}


class Welcome(BaseModel):
    """What this service is."""

    service: str
    notice: str
    docs: str


class Ready(BaseModel):
    """The service answers; what it offers."""

    today: dt.date | None = Field(description="The platform's date; null: no game has landed")
    games_on_offer: int
    is_synthetic: bool = Field(description="Whether this is the synthetic league, with invented players")
    problem: str | None = Field(description="Why the odds are those of before, if they are")


def create_app(settings: Settings | None = None) -> FastAPI:
    """Return the application over one installation; without settings the environment's."""
    shared = Service(Home(settings or Settings()))

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        await run_in_threadpool(lambda: shared.bets)
        await run_in_threadpool(shared.odds.board)
        yield
        await run_in_threadpool(shared.bets.close)

    app = FastAPI(
        title="VirtualBets",
        version="1",
        description=DESCRIPTION,
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
        telemetry={"tracing": False, "metrics": False, "logs": False, "operation_spans": False},
    )
    for router in (accounts_router(shared), bets_router(shared), leaderboard_router(shared), odds_router(shared.odds)):
        app.include_router(router)
    app.include_router(feed_router(shared.feed))
    _add_probes(app, shared)
    serve_docs(app)
    install(app, shared.home.settings.bets.max_body_bytes, PROBLEMS)
    for error in (StoreError, sa.exc.OperationalError):
        app.add_exception_handler(error, _store_away)
    app.add_middleware(Counted, metrics=shared.metrics)
    return app


def _add_probes(app: FastAPI, shared: Service) -> None:
    @app.get("/", tags=["health"])
    async def welcome() -> Welcome:
        """Say what this is."""
        return Welcome(service="VirtualBets", notice=NOTICE, docs="/docs")

    @app.get("/livez", tags=["health"], response_class=PlainTextResponse)
    async def live() -> str:
        """Say that the process lives."""
        return "alive\n"

    @app.get("/readyz", tags=["health"], responses=responses(service.STORE_PROBLEMS))
    def ready() -> Ready:
        """Say whether bets are taken, and on how many games."""
        shared.bets.open_bets()
        board = shared.odds.board()
        return Ready(
            today=board.today,
            games_on_offer=len(board.games),
            is_synthetic=shared.home.settings.uses_league,
            problem=shared.odds.problem,
        )

    @app.get("/metrics", tags=["health"], response_class=PlainTextResponse, responses=responses(service.STORE_PROBLEMS))
    def metrics() -> Response:
        """Return the figures in Prometheus' text format."""
        text = shared.metrics.text(shared.bets.open_bets(), len(shared.odds.board().games))
        return Response(text, media_type=CONTENT_TYPE)


async def _store_away(request: Request, error: Exception) -> Response:
    """Answer that nothing can be kept or read at the moment; the words are for who runs the service."""
    problem = Problem(503, "store-away", "The bets cannot be kept now", service.PROBLEMS["store-away"])
    service.log_fault(error)
    return problem.response(request.scope.get("request_id"))


__all__ = ["create_app"]
