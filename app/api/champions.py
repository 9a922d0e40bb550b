"""`/v1/champions`: which model serves each target, since when and why, as the ledger has it."""

from __future__ import annotations

import datetime as dt

from fastapi import APIRouter
from pydantic import BaseModel, Field

from app.api.asking import UNANSWERED
from app.api.service import Service
from parivision_assets.core.catalogue import TARGETS
from parivision_assets.serving.snapshot import Snapshot
from parivision_assets.stores.chain import Record


class ChampionAnswer(BaseModel):
    """A target's champion as this process serves it, and the entry of the ledger that made it champion."""

    target: str
    model: str = Field(description="Digest of the bundle")
    decision: int = Field(description="Number of the ledger's entry")
    since: dt.datetime | None = Field(description="When the entry was recorded; null where the ledger does not hold it")
    kind: str | None = Field(description="decision or rollback")
    actor: str | None = Field(description="Who decided")
    reason: str | None = Field(description="Why, in words")
    trained_until: dt.date = Field(description="Date of the newest training row")


class ChampionsAnswer(BaseModel):
    """Every target's champion; targets without one are in `missing`."""

    champions: list[ChampionAnswer]
    missing: list[str] = Field(description="Targets that have no champion yet")
    state: str | None = Field(description="Digest of the state of players and teams")
    problem: str | None = Field(description="Why something newer does not serve, in words")


def champions_router(service: Service) -> APIRouter:
    """Return the route about champions."""
    router = APIRouter(prefix="/v1", tags=["champions"], responses=UNANSWERED)

    @router.get("/champions")
    def list_champions() -> ChampionsAnswer:
        """List the champions, since when they serve, and why."""
        snapshot = service.predictor.snapshot
        decisions = {model.decision for model in snapshot.champions.values()}
        records = [record for record in service.home.ledger.records() if record.sequence in decisions]
        state = snapshot.state
        return ChampionsAnswer(
            champions=_champions(snapshot, {record.sequence: record for record in records}),
            missing=[target for target in TARGETS if target not in snapshot.champions],
            state=None if state is None else state.digest,
            problem=service.predictor.notice,
        )

    return router


def _champions(snapshot: Snapshot, records: dict[int, Record]) -> list[ChampionAnswer]:
    found = []
    for target, model in snapshot.champions.items():
        # A ledger that was restored to an earlier state does not hold the newest entries.
        record = records.get(model.decision)
        found.append(
            ChampionAnswer(
                target=target,
                model=model.digest,
                decision=model.decision,
                since=None if record is None else dt.datetime.fromisoformat(record.recorded_at),
                kind=None if record is None else record.kind,
                actor=None if record is None else record.actor,
                reason=None if record is None else record.reason,
                trained_until=model.trained_until,
            )
        )
    return found
