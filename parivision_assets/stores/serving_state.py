"""The serving state: players and teams as of the platform's date, content-addressed like any bundle.

What is remembered is `core.history` (shots) and `core.game_state` (games); this module only gathers and keeps it.
"""

from __future__ import annotations

import datetime as dt
import io
import json
from dataclasses import dataclass

import polars as pl

from parivision_assets.core.contracts import ACTION_TOTALS, PLAYER_GAME_TOTALS, SHOTS, TEAM_GAME_TOTALS, TEAM_STATES
from parivision_assets.core.game_state import GameState
from parivision_assets.core.history import State, Totals, needed_seasons, state
from parivision_assets.stores.bundles import Bundle, BundleRef
from parivision_assets.stores.home import Home
from parivision_assets.stores.team_states import read_state

SERVING_STATE = "serving_state"
"""Name of the asset, and kind of its bundles."""
STATE_FORMAT = 1

PLAYER_COLUMNS = ("player_id", "player_name", "team", "position_group", "game_date")


@dataclass(frozen=True)
class ServingState:
    """What the predictor knows on a day: shot memories, teams, and who the players are."""

    as_of: dt.date
    shots: State | None
    teams: GameState | None
    players: pl.DataFrame


def collect_state(home: Home, as_of: dt.date) -> ServingState:
    """Return the state as of a date (the day after the newest game that it may know) from the current tables."""
    seasons = [int(key) for key in home.tables.partitions(PLAYER_GAME_TOTALS.name)]
    shots, players = None, pl.DataFrame(schema={name: SHOTS.column(name).dtype for name in PLAYER_COLUMNS})
    if seasons:
        wanted = [str(season) for season in needed_seasons(max(seasons), seasons)]
        totals = Totals(
            *(home.tables.read(t.name, wanted) for t in (PLAYER_GAME_TOTALS, TEAM_GAME_TOTALS, ACTION_TOTALS))
        )
        shots = state(totals, as_of, max(seasons))
        seen = home.tables.read(SHOTS.name, wanted, PLAYER_COLUMNS, pl.col("game_date") < as_of)
        newest = seen.sort("game_date", "team").group_by("player_id", maintain_order=True).last()
        players = newest.select(PLAYER_COLUMNS).sort("player_id")
    team_seasons = home.tables.partitions(TEAM_STATES.name)
    teams = read_state(home.tables.read(TEAM_STATES.name, team_seasons[-1])) if team_seasons else None
    return ServingState(as_of, shots, teams, players)


def write_state(home: Home, found: ServingState) -> BundleRef:
    """Keep a serving state; the same state again gives the same digest."""
    files = {"players.parquet": _parquet(found.players)}
    if found.teams is not None:
        files["teams.json"] = json.dumps(found.teams.to_dict(), sort_keys=True).encode()
    if found.shots is not None:
        files["season.json"] = json.dumps(
            {"season_day": found.shots.season_day, "priors": dict(found.shots.priors)}, sort_keys=True
        ).encode()
        files |= {f"shots/{name}.parquet": _parquet(frame) for name, frame in found.shots.frames.items()}
    return home.bundles.write_bundle(
        files, {"kind": SERVING_STATE, "format": STATE_FORMAT, "as_of": found.as_of.isoformat()}
    )


def load_state(bundle: Bundle) -> ServingState:
    """Return the state that `write_state` kept; raise ValueError for another format. States without one are of 1."""
    if bundle.metadata.get("format", STATE_FORMAT) != STATE_FORMAT:
        raise ValueError(
            f"serving state {bundle.ref.digest[:12]}… has format {bundle.metadata['format']!r}, this version reads "
            f"{STATE_FORMAT}; update the program, or materialise serving_state with this version"
        )
    as_of = dt.date.fromisoformat(bundle.metadata["as_of"])
    frames = {
        name.removeprefix("shots/").removesuffix(".parquet"): pl.read_parquet(io.BytesIO(data))
        for name, data in bundle.files.items()
        if name.startswith("shots/")
    }
    season = json.loads(bundle.files["season.json"]) if frames else {}
    shots = State(as_of, season["season_day"], season["priors"], frames) if frames else None
    teams = GameState.from_dict(json.loads(bundle.files["teams.json"])) if "teams.json" in bundle.files else None
    return ServingState(as_of, shots, teams, pl.read_parquet(io.BytesIO(bundle.files["players.parquet"])))


def _parquet(frame: pl.DataFrame) -> bytes:
    buffer = io.BytesIO()
    frame.write_parquet(buffer, compression="zstd")
    return buffer.getvalue()
