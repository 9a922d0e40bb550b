"""`/v1/players` and `/v1/teams`: who is known, found by parts of names; accents and case do not matter."""

from __future__ import annotations

import threading
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

import polars as pl
from fastapi import APIRouter, Query
from pydantic import BaseModel, Field

from app.api.asking import UNANSWERED
from app.api.service import Service
from parivision_assets.core.contracts import TEAMS
from parivision_assets.core.shot_teams import ARCHIVE_NAMES
from parivision_assets.stores.home import Home
from parivision_assets.stores.serving_state import load_state

Text = Annotated[str, Query(max_length=100, description="Parts of the name, in any order; all if empty")]
Limit = Annotated[int, Query(ge=1, le=1_000)]


class Player(BaseModel):
    """A player whom the state knows."""

    player_id: int
    name: str
    team: str = Field(description="The team of the last game")
    position_group: str | None = Field(description="G, F or C")


class Players(BaseModel):
    """Players whose name holds every part asked for; those whose name begins so come first."""

    players: list[Player]


class Team(BaseModel):
    """A team."""

    team: str = Field(description="Three-letter code")
    names: list[str] = Field(description="Names over the years")
    is_known: bool = Field(description="Whether the state remembers shots of the team")


class Teams(BaseModel):
    """Teams of which the code or a name holds every part asked for."""

    teams: list[Team]


@dataclass(frozen=True)
class _Book:
    """The players of one state, with their names as they are searched."""

    state: str
    players: Sequence[tuple[str, Player]]


def search_router(service: Service) -> APIRouter:
    """Return the routes that search."""
    router = APIRouter(prefix="/v1", tags=["search"], responses=UNANSWERED)
    book = _Book("", ())
    reading = threading.Lock()

    def known_players(state: str) -> Sequence[tuple[str, Player]]:
        nonlocal book
        with reading:
            if book.state != state:
                book = _Book(state, _players(service.home, state))
            return book.players

    @router.get("/players")
    def find_players(q: Text = "", limit: Limit = 20) -> Players:
        """Find players by parts of their names."""
        state = service.known_state()
        wanted = folded(q)
        found = [(name, player) for name, player in known_players(state.digest) if holds(name, wanted)]
        found.sort(key=lambda pair: (not pair[0].startswith(wanted), pair[0], pair[1].player_id))
        return Players(players=[player for _, player in found[:limit]])

    @router.get("/teams")
    def find_teams(q: Text = "") -> Teams:
        """Find teams by code or by parts of their names."""
        known = service.known_state().shooting_teams
        wanted = folded(q)
        return Teams(
            teams=[
                Team(team=team, names=names, is_known=team in known)
                for team, names in _names().items()
                if any(holds(folded(text), wanted) for text in (team, *names))
            ]
        )

    return router


def folded(text: str) -> str:
    """Return text as it is searched: no accents, no case, single spaces."""
    plain = "".join(c for c in unicodedata.normalize("NFKD", text) if not unicodedata.combining(c))
    return " ".join(plain.casefold().split())


def holds(name: str, wanted: str) -> bool:
    """Return whether a folded name holds every word of a folded text."""
    return all(word in name for word in wanted.split())


def _players(home: Home, state: str) -> list[tuple[str, Player]]:
    frame = load_state(home.bundles.read_bundle(state)).players
    columns = frame.select("player_id", pl.col("player_name").alias("name"), "team", "position_group")
    return [(folded(row["name"]), Player(**row)) for row in columns.iter_rows(named=True)]


def _names() -> dict[str, list[str]]:
    names: dict[str, list[str]] = {team: [] for team in TEAMS}
    for name, team in ARCHIVE_NAMES.items():
        names[team].append(name)
    return names
