"""The features of one shot from a state: memories looked up in dicts, and the declared expressions in plain Python.

The same bits as `shot_features.features_from_state`, in a fraction of the time of its frames.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

import polars as pl

from parivision_assets.core import history
from parivision_assets.core.history import MEMORIES, Memory, State
from parivision_assets.core.shot_features import FEATURES, REQUEST_SCHEMA, derived
from parivision_assets.serving.expressions import Row, compile_rows
from parivision_assets.serving.row_arithmetic import single

_ABSENT = dict.fromkeys(REQUEST_SCHEMA)
_SINGLES = tuple(name for name, dtype in REQUEST_SCHEMA.items() if dtype == pl.Float32)
_DERIVED = (*(name for step in derived() for name in step), *history.places())
_PLACES: dict[str, Any] = {
    "bucket": pl.String, "cell": pl.String, "arena": pl.String, "family": pl.String, "everyone": pl.Int8,
    "season_day": pl.Int32, "prior_rate": pl.Float64,
}  # fmt: skip
NAMES = tuple(feature.name for feature in FEATURES)


@dataclass(frozen=True, eq=False)
class MemoryTable:
    """One memory ready to be looked up."""

    keys: tuple[str, ...]
    rows: Mapping[Any, Row]
    """The remembered columns by key; a memory of several keys by their tuple."""
    unknown: Row
    """What is remembered of a key without a memory: nothing, which is zero."""
    withheld: Row
    """What is remembered where a key is not given: null."""

    @classmethod
    def of(cls, memory: Memory, frame: pl.DataFrame) -> MemoryTable:
        """Return a state's frame of one memory as a table."""
        columns = [memory.last_date, *memory.columns()]
        keys = frame.select(memory.keys).rows()
        rows = [dict(zip(columns, values, strict=True)) for values in frame.select(columns).iter_rows()]
        by_key = dict(zip([key[0] if len(key) == 1 else key for key in keys], rows, strict=True))
        withheld: Row = dict.fromkeys(columns)
        return cls(memory.keys, by_key, {**withheld, **dict.fromkeys(memory.columns(), 0.0)}, withheld)

    def find(self, row: Row) -> Row:
        """Return what is remembered of the keys that a row names."""
        if len(self.keys) == 1:
            key = row[self.keys[0]]
            return self.withheld if key is None else self.rows.get(key, self.unknown)
        keys = tuple([row[name] for name in self.keys])
        found = self.rows.get(keys)
        if found is not None:
            return found
        return self.withheld if None in keys else self.unknown


@dataclass(frozen=True, eq=False)
class ShotMemories:
    """A state's memories by key, ready to be looked up."""

    tables: tuple[MemoryTable, ...]
    always: Row
    """What holds for every shot."""
    priors: Mapping[str, float]

    @classmethod
    def of(cls, state: State) -> ShotMemories:
        """Return the memories of a state."""
        tables = tuple(MemoryTable.of(memory, state.frames[memory.name]) for memory in MEMORIES)
        return cls(tables, {**_ABSENT, "season_day": state.season_day}, state.priors)


def context_row(request: Mapping[str, Any], memories: ShotMemories) -> Row:
    """Return what the features of one request read, as `complete_requests` and `history.join_state` make it.

    `request` holds values by column of REQUEST_SCHEMA, absent ones being withheld, and `game_date`.
    """
    row: Row = {**memories.always, **request}
    for name in _SINGLES:
        if row[name] is not None:
            row[name] = single(row[name])
    row.update(zip(_DERIVED, _compiled().derive(row), strict=True))
    for table in memories.tables:
        row.update(table.find(row))
    row["prior_rate"] = memories.priors[row["bucket"]]
    return row


def feature_values(context: Row) -> list[Any]:
    """Return the values of FEATURES (NAMES) of one context row, before they are rounded; None where missing."""
    return _compiled().features(context)


@dataclass(frozen=True)
class _Compiled:
    derive: Callable[[Row], list[Any]]
    features: Callable[[Row], list[Any]]


@cache
def _compiled() -> _Compiled:
    remembered: dict[str, Any] = {}
    for memory in MEMORIES:
        remembered |= {memory.last_date: pl.Date, **dict.fromkeys(memory.columns(), pl.Float64)}
    schema = {**REQUEST_SCHEMA, **_PLACES, **remembered}
    return _Compiled(
        compile_rows([*derived(), history.places()], REQUEST_SCHEMA),
        compile_rows([{feature.name: feature.expr for feature in FEATURES}], schema),
    )
