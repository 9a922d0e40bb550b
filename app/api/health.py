"""Whether the process lives, whether it can answer, and its figures for Prometheus."""

from __future__ import annotations

import datetime as dt
import time

from fastapi import APIRouter
from fastapi.responses import PlainTextResponse, Response
from pydantic import BaseModel, Field

from app.api.metrics import CONTENT_TYPE
from app.api.service import Service
from app.problems import responses


class Ready(BaseModel):
    """The service answers; how old what it knows is."""

    as_of: dt.date = Field(description="The state knows what happened before this date")
    state_age_days: int | None = Field(
        description="Days from the state's newest game to the platform's newest; null where no game has landed"
    )
    loaded_s: float = Field(description="Seconds since champions and state were last swapped")
    versions: dict[str, str] = Field(description="Digests that serve: per target, and of the state")
    is_synthetic: bool = Field(description="Whether this is the synthetic league, with invented players")
    problems: dict[str, str] = Field(description="What does not work, though questions are answered, in words")


def health_router(service: Service) -> APIRouter:
    """Return the probes and the figures; none of them needs a key."""
    router = APIRouter(tags=["health"])

    @router.get("/livez", response_class=PlainTextResponse)
    async def live() -> str:
        """Say that the process lives."""
        return "alive\n"

    @router.get("/readyz", responses=responses({503: "Not ready; `missing` says why"}))
    async def ready() -> Ready:
        """Say whether questions are answered, and how old the state is; 503 with what is missing until then."""
        snapshot = service.predictor.snapshot
        missing = service.missing()
        if missing or snapshot.as_of is None or service.loaded_at_s is None:
            raise service.not_ready(missing)
        return Ready(
            as_of=snapshot.as_of,
            state_age_days=service.state_age_days,
            loaded_s=round(time.monotonic() - service.loaded_at_s, 3),
            versions=snapshot.versions,
            is_synthetic=service.is_synthetic,
            problems=service.problems,
        )

    @router.get("/metrics", response_class=PlainTextResponse)
    async def metrics() -> Response:
        """Return the figures in Prometheus' text format."""
        return Response(service.metrics.text(), media_type=CONTENT_TYPE)

    return router
