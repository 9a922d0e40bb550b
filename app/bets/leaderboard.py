"""The ranking over HTTP: by profit, and by how the odds taken compare with the closing line."""

from __future__ import annotations

import threading
import time
from typing import Annotated, Literal

from fastapi import APIRouter, Query

from app.bets.models import NOTICE, Leaderboard, RankedPlayer
from app.bets.service import STORE_PROBLEMS, Service
from app.problems import responses
from parivision_assets.stores.bets import Ranked

MOST_RANKED = 100
KEPT_S = 2.0
"""How old a ranking may be: it reads every settled bet."""
By = Literal["profit", "closing_line_value"]


def leaderboard_router(service: Service) -> APIRouter:
    """Return the address of the ranking."""
    router = APIRouter(tags=["leaderboard"])
    kept: dict[By, tuple[float, list[Ranked]]] = {}
    turn = threading.Lock()

    def ranked(by: By) -> list[Ranked]:
        with turn:
            read_at_s, lines = kept.get(by, (-KEPT_S, []))
            if time.monotonic() - read_at_s >= KEPT_S:
                lines = service.bets.leaderboard(by, MOST_RANKED)
                kept[by] = time.monotonic(), lines
            return lines

    @router.get("/v1/leaderboard", responses=responses(STORE_PROBLEMS))
    def leaderboard(by: By = "profit", limit: Annotated[int, Query(ge=1, le=MOST_RANKED)] = 20) -> Leaderboard:
        """Return the best players by profit, or by mean closing-line value over at least ten settled bets.

        Profit is mostly luck for a long time; who beats the closing line was right before the game.
        """
        lines = [
            RankedPlayer(
                rank=number,
                nickname=line.nickname,
                settled_bets=line.settled_bets,
                staked_cents=line.staked_cents,
                profit_cents=line.profit_cents,
                closing_line_value=line.closing_line_value,
            )
            for number, line in enumerate(ranked(by)[:limit], start=1)
        ]
        return Leaderboard(by=by, players=lines, notice=NOTICE)

    return router
