"""The daily monitoring of a champion: `core.monitor` over what it served, as far as outcomes are known.

A season whose predictions and features are as they were is not observed again: the monitor is kept after each season,
by the digests of what it has seen.
"""

from __future__ import annotations

import json
from typing import Any

import polars as pl

from parivision_assets.core.monitor import Monitor, needed_columns, observe, start
from parivision_assets.core.monitoring_tables import PREDICTION_OUTCOMES
from parivision_assets.core.outcomes import event_key, scored
from parivision_assets.core.targets import Target
from parivision_assets.stores.atomic import digest_of
from parivision_assets.stores.home import Home
from parivision_assets.stores.pointers import LocalPointers, to_json, update

REFERENCE_HARM = "reference_harm"
"""Bundle metadata: what re-learning would have saved on the champion's own holdout, nats per row."""


def fold_monitor(home: Home, target: Target, champion: str, season: str | None = None) -> Monitor:
    """Return the monitor of a champion over all its scored predictions up to the end of `season` (the newest).

    `champion` is its bundle's digest; its time in shadow counts. Nothing served is a monitor that has seen nothing.
    """
    reference = float(home.bundles.read_bundle(champion).metadata.get(REFERENCE_HARM, 0.0))
    monitor, seen = start(target.name, champion, reference), digest_of(str(reference).encode())
    root = home.root / "monitors"
    kept = LocalPointers(root / "after", root / "scratch")
    for partition in home.tables.partitions(PREDICTION_OUTCOMES.name):
        if season is not None and partition > season:
            break
        if not home.tables.has(target.table.name, partition):
            continue
        inputs = [
            home.tables.version(table, partition).digest for table in (PREDICTION_OUTCOMES.name, target.table.name)
        ]
        seen = digest_of("/".join((seen, *inputs)).encode())
        key = f"{target.name}/{champion}/{partition}"
        known = _known(kept.get(key), seen)
        if known is None:
            monitor = _observe_season(home, target, monitor, partition)
            _keep(kept, key, to_json({"seen": seen, "monitor": monitor.to_dict()}))
        else:
            monitor = known
    return monitor


def _keep(kept: LocalPointers, key: str, content: bytes) -> None:
    update(kept, key, lambda _old: content)


def _known(found: tuple[bytes, Any] | None, seen: str) -> Monitor | None:
    content = None if found is None else json.loads(found[0])
    return Monitor.from_dict(content["monitor"]) if content is not None and content["seen"] == seen else None


def _observe_season(home: Home, target: Target, monitor: Monitor, season: str) -> Monitor:
    """Return the monitor after a season's scored predictions, day by day."""
    mine = (pl.col("target") == target.name) & (pl.col("model") == monitor.champion)
    joined = home.tables.read(PREDICTION_OUTCOMES.name, season, filters=mine)
    served = scored(joined).select("event", "game", "game_date", "probability", label="outcome")
    if served.is_empty():
        return monitor
    columns = [name for name in needed_columns(target.name) if name in target.table.schema]
    wanted = dict.fromkeys((*target.table.key, *columns))
    features = home.tables.read(target.table.name, season, list(wanted)).with_columns(event=event_key(target))
    rows = served.join(features.select("event", *columns), on="event", how="left")
    for day in rows.sort("game_date", "event").partition_by("game_date", maintain_order=True):
        monitor = observe(monitor, day["game_date"][0], day)
    return monitor
