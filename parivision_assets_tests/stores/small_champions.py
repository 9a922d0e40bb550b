"""Homes with bundles, model versions and a ledger, without any training: champions are names with bytes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from parivision_assets.settings import Settings
from parivision_assets.stores.chain import Entry, Kind, Record
from parivision_assets.stores.following import follow_ledger
from parivision_assets.stores.home import Home

TARGET = "game"


def home_at(root: Path | str, **settings: Any) -> Home:
    return Home(Settings(home=Path(root), **settings))


def model(home: Home, name: str, target: str = TARGET) -> str:
    """Store a bundle and register it as the target's challenger; return its digest."""
    digest = home.bundles.write_bundle({"model/model.json": name.encode()}, {"name": name}).digest
    with home.registry.run("parivision", name, {}) as run:
        home.registry.register(target, run, digest)
    return digest


def promotion(home: Home, digest: str, target: str = TARGET) -> Entry:
    """Return the entry that makes a bundle champion after today's."""
    now = home.ledger.champion(target)
    payload = {"verdict": "promote", "challenger": digest, "champion": now.model if now else "baseline", "season": 2021}
    return Entry(Kind.DECISION, target, "gate", "proven better", payload)


def promote(home: Home, digest: str, target: str = TARGET) -> Record:
    """Make a bundle champion, and let everything follow."""
    record = home.ledger.settle(lambda _head: promotion(home, digest, target))
    follow_ledger(home, target)
    assert record is not None
    return record


def in_place(home: Home, target: str = TARGET) -> tuple[str | None, str | None, str | None]:
    """Return whom the ledger, the bundle pointer and MLflow's alias name as champion."""
    ledger, pointer = home.ledger.champion(target), home.bundles.champion(target)
    alias = home.registry.aliased(target, "champion")
    return ledger and ledger.model, pointer and pointer.digest, alias and alias[1]
