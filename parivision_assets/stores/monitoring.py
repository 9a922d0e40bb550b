"""The daily monitoring of a champion: `core.daily_watch` over what it served, as far as outcomes are known.

A season whose predictions and features are as they were is not observed again: the watch is kept after each season,
by the digests of what it has seen.
"""

from __future__ import annotations

import json
from typing import Any

import polars as pl

from parivision_assets.core.daily_watch import DailyWatch
from parivision_assets.core.monitor import needed_columns
from parivision_assets.core.monitoring_tables import PREDICTION_OUTCOMES, ROLES, SCORED_STATES
from parivision_assets.core.outcomes import event_key
from parivision_assets.core.reference import Reference
from parivision_assets.core.targets import Target
from parivision_assets.stores.atomic import digest_of
from parivision_assets.stores.champions import bundle_reference
from parivision_assets.stores.home import Home
from parivision_assets.stores.pointers import LocalPointers, to_json, update


def fold_watch(home: Home, target: Target, champion: str, season: str | None = None) -> DailyWatch:
    """Return what the daily monitoring has seen of a champion up to the end of `season` (the newest).

    `champion` is its bundle's digest; its time in shadow counts. Nothing served is a watch that has seen nothing.
    """
    reference = bundle_reference(home.bundles.read_bundle(champion))
    watch, seen = DailyWatch.begin(target.name, champion, reference), digest_of(champion.encode())
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
        known = _known(kept.get(key), seen, reference)
        if known is None:
            watch = _observe_season(home, target, watch, partition)
            _keep(kept, key, to_json({"seen": seen, "watch": watch.to_dict()}))
        else:
            watch = known
    return watch


def _keep(kept: LocalPointers, key: str, content: bytes) -> None:
    update(kept, key, lambda _old: content)


def _known(found: tuple[bytes, Any] | None, seen: str, reference: Reference | None) -> DailyWatch | None:
    content = None if found is None else json.loads(found[0])
    if content is None or content["seen"] != seen:
        return None
    return DailyWatch.from_dict(content["watch"], reference)


def _observe_season(home: Home, target: Target, watch: DailyWatch, season: str) -> DailyWatch:
    """Return the watch after a season's served predictions, day by day; those without an outcome are only met."""
    mine = (
        (pl.col("target") == target.name)
        & (pl.col("model") == watch.monitor.champion)
        # Answers may lack inputs that the event had: what is watched is what the platform recorded by itself.
        & pl.col("role").is_in(ROLES)
    )
    joined = home.tables.read(PREDICTION_OUTCOMES.name, season, filters=mine)
    counted = joined.filter(pl.col("state").is_in([*SCORED_STATES, "pending"]))
    served = counted.select("event", "game", "game_date", "probability", label="outcome")
    if served.is_empty():
        return watch
    columns = [name for name in needed_columns(target.name) if name in target.table.schema]
    wanted = dict.fromkeys((*target.table.key, *columns))
    features = home.tables.read(target.table.name, season, list(wanted)).with_columns(event=event_key(target))
    rows = served.join(features.select("event", *columns), on="event", how="left")
    for day in rows.sort("game_date", "event").partition_by("game_date", maintain_order=True):
        watch = watch.meet(day).settle(day["game_date"][0], day)
    return watch
