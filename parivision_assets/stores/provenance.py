"""How a bundle came about, kept beside it: the runs that made it and the raw files that had landed by then.

It is no part of the bundle: the same model made again is the same bundle. The first record stays. A bundle's own
digest does not cover it; the MLflow run, which says the same of the runs, does.
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field

from parivision_assets.stores.home import Home
from parivision_assets.stores.landing import LandedObject
from parivision_assets.stores.pointers import LocalPointers, checked_name, to_json


@dataclass(frozen=True)
class Provenance:
    """Who made a bundle from what. Runs are None where none was open."""

    dagster_run: str | None = None
    mlflow_run: str | None = None
    landed: Mapping[str, int] = field(default_factory=dict)
    """Number of the newest landing per `dataset/season`: that one and all before it had been received."""


def record_provenance(home: Home, bundle: str, made: Provenance) -> None:
    """Keep how a bundle came about; where that is on record already it stays. Raises StoreError in words."""
    _records(home).swap(checked_name(bundle), to_json(asdict(made)), None)


def provenance_of(home: Home, bundle: str) -> Provenance | None:
    """Return how a bundle came about, None where nobody recorded it."""
    found = _records(home).get(checked_name(bundle))
    return None if found is None else Provenance(**json.loads(found[0]))


def landed_numbers(home: Home, until_season: int) -> dict[str, int]:
    """Return the number of the newest landing per `dataset/season` of all seasons up to one: what exists by now."""
    return {
        f"{entry.dataset}/{entry.partition}": entry.number
        for entry in _landed(home)
        if entry.partition.isdigit() and int(entry.partition) <= until_season
    }


def received(home: Home, landed: Mapping[str, int]) -> list[LandedObject]:
    """Return the raw files of `landed_numbers`, refused ones left out, in the order in which they landed."""
    return [entry for entry in _landed(home) if entry.number <= landed.get(f"{entry.dataset}/{entry.partition}", 0)]


def received_by(home: Home, until_season: int, moment: dt.datetime) -> list[LandedObject]:
    """Return the raw files of all seasons up to one that had landed at a moment."""
    numbers = landed_numbers(home, until_season)
    return [entry for entry in received(home, numbers) if entry.landed_at <= moment]


def _landed(home: Home) -> Iterable[LandedObject]:
    zone = home.landing
    return (
        entry
        for dataset in zone.datasets()
        for partition in zone.partitions(dataset)
        for entry in zone.objects(dataset, partition)
    )


def _records(home: Home) -> LocalPointers:
    root = home.root / "provenance"
    return LocalPointers(root / "bundles", root / "scratch")
