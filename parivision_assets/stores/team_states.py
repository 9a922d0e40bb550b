"""Team states between seasons: the newest stored one that still fits its sources, and what has to be replayed.

A state's lineage is the digest of all the table versions it was made from, so a state made from data that was since
corrected is never used. What a state holds is `core.game_state`.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable

import polars as pl

from parivision_assets.core.contracts import GAMES, PLAYER_GAME_TOTALS, TEAM_GAME_TOTALS, TEAM_STATES
from parivision_assets.core.game_features import ShotTotals, build_game_features
from parivision_assets.core.game_state import GameState
from parivision_assets.stores.tables import TableStore

SOURCES = (GAMES.name, TEAM_GAME_TOTALS.name, PLAYER_GAME_TOTALS.name)


def season_shots(tables: TableStore, season: str) -> ShotTotals | None:
    """Return a season's totals from the shots, None where no shots were published."""
    if not tables.has(TEAM_GAME_TOTALS.name, season) or not tables.has(PLAYER_GAME_TOTALS.name, season):
        return None
    return ShotTotals(tables.read(PLAYER_GAME_TOTALS.name, season), tables.read(TEAM_GAME_TOTALS.name, season))


def lineages(tables: TableStore, seasons: Iterable[str]) -> dict[str, str]:
    """Return, per season in order, the digest of the versions of all sources of it and of the seasons before."""
    found: dict[str, str] = {}
    chain = ""
    for season in seasons:
        versions = [tables.version(name, season).digest if tables.has(name, season) else "" for name in SOURCES]
        chain = hashlib.sha256("\n".join([chain, season, *versions]).encode()).hexdigest()
        found[season] = chain
    return found


def state_before(tables: TableStore, season: str, seasons: Iterable[str]) -> GameState:
    """Return the state at the end of all seasons before `season`, replaying only what no stored state covers."""
    earlier = sorted((key for key in seasons if int(key) < int(season)), key=int)
    chain = lineages(tables, earlier)
    state, replayed_from = GameState(), 0
    for index in range(len(earlier), 0, -1):
        stored = _stored(tables, earlier[index - 1], chain[earlier[index - 1]])
        if stored is not None:
            state, replayed_from = stored, index
            break
    for key in earlier[replayed_from:]:
        if tables.has(GAMES.name, key):
            _, state = build_game_features(tables.read(GAMES.name, key), season_shots(tables, key), state)
    return state


def state_row(season: str, lineage: str, state: GameState) -> pl.DataFrame:
    """Return a state as a table (TEAM_STATES)."""
    text = json.dumps(state.to_dict(), sort_keys=True, separators=(",", ":"))
    return pl.DataFrame([{"season": int(season), "lineage": lineage, "state": text}], schema=TEAM_STATES.schema)


def read_state(row: pl.DataFrame) -> GameState:
    """Return the state that `state_row` wrote."""
    return GameState.from_dict(json.loads(row["state"][0]))


def _stored(tables: TableStore, season: str, lineage: str) -> GameState | None:
    if not tables.has(TEAM_STATES.name, season):
        return None
    row = tables.read(TEAM_STATES.name, season)
    return read_state(row) if row["lineage"][0] == lineage else None
