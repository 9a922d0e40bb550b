"""What is remembered of players, teams and the league as files, so that serving can load it: Parquet and JSON."""

from __future__ import annotations

import datetime as dt
import io
import json
from collections.abc import Mapping

import polars as pl

from parivision_assets.core.history import MEMORIES, State

DESCRIPTION_FILE = "state.json"


def to_files(known: State) -> dict[str, bytes]:
    """Return the state's files by name; the same state gives the same bytes."""
    description = {
        "as_of": known.as_of.isoformat(),
        "season_day": known.season_day,
        "priors": dict(known.priors),
    }
    files = {DESCRIPTION_FILE: json.dumps(description, indent=1, sort_keys=True).encode()}
    for name, frame in known.frames.items():
        buffer = io.BytesIO()
        frame.write_parquet(buffer)
        files[f"{name}.parquet"] = buffer.getvalue()
    return files


def load(files: Mapping[str, bytes]) -> State:
    """Return the state that `to_files` wrote; raise ValueError naming the files that are missing."""
    needed = [DESCRIPTION_FILE, *(f"{memory.name}.parquet" for memory in MEMORIES)]
    missing = [name for name in needed if name not in files]
    if missing:
        raise ValueError(f"serving state: missing {', '.join(missing)}; refresh the state")
    description = json.loads(files[DESCRIPTION_FILE])
    frames = {memory.name: pl.read_parquet(io.BytesIO(files[f"{memory.name}.parquet"])) for memory in MEMORIES}
    as_of = dt.date.fromisoformat(description["as_of"])
    return State(as_of, int(description["season_day"]), description["priors"], frames)
