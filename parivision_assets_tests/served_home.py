"""A home that can be served from: three champions that were trained in a moment, the newest state, games to come."""

from __future__ import annotations

import datetime as dt

import polars as pl

from parivision_assets.core.adaptation import Cause
from parivision_assets.core.catalogue import TARGETS
from parivision_assets.core.contracts import GAME_PREDICTIONS, SCHEDULE
from parivision_assets.core.training import TrainingConfig, fit
from parivision_assets.stores.chain import Entry, Kind
from parivision_assets.stores.champions import bundle_files
from parivision_assets.stores.home import Home
from parivision_assets.stores.platform_date import today
from parivision_assets.stores.serving_state import SERVING_STATE, collect_state, write_state

LINEAR = TrainingConfig("logistic_regression", n_jobs=1)


def make_served(home: Home) -> None:
    """Train and promote a champion of every target from a home's features, and let its state follow."""
    for target in TARGETS:
        promote(home, target, LINEAR)
    newest = today(home)
    assert newest is not None
    home.bundles.set_asset(SERVING_STATE, write_state(home, collect_state(home, newest + dt.timedelta(days=1))).digest)
    write_schedule(home, newest)


def promote(home: Home, name: str, config: TrainingConfig) -> str:
    """Train a model on everything a home has, make it champion, and return its bundle's digest."""
    target = TARGETS[name]
    rows = home.tables.read(target.table.name)
    model = fit(target, rows, config)
    games = rows[target.group].cast(pl.String).unique().to_list()
    until = str(rows["game_date"].max())
    metadata = {"target": name, "trained_until": until, "train_seasons": [2022, 2023], "cause": Cause.FIRST.value}
    digest = home.bundles.write_bundle(bundle_files(model.to_files(), games), metadata).digest
    return crown(home, name, digest)


def crown(home: Home, name: str, digest: str) -> str:
    """Make a stored bundle champion."""
    payload = {"verdict": "promote", "challenger": digest, "champion": "baseline", "season": 2023}
    entry = Entry(Kind.DECISION, name, "test", "proven better", payload)
    record = home.ledger.settle(lambda _head: entry)
    assert record is not None
    home.bundles.set_champion(name, digest, record.sequence)
    return digest


def write_schedule(home: Home, newest: dt.date) -> None:
    """Put two games on the schedule, the first with a prediction."""
    tomorrow = newest + dt.timedelta(days=1)
    keys = [f"{tomorrow}_ATL_DEN", f"{tomorrow}_DAL_BOS"]
    scheduled = pl.DataFrame(
        {
            "season": 2023,
            "game_date": tomorrow,
            "game_key": keys,
            "stage": "regular",
            "home_team": ["DEN", "BOS"],
            "away_team": ["ATL", "DAL"],
        }
    )
    home.tables.write(SCHEDULE.name, 2023, SCHEDULE.conform(scheduled))
    champion = home.bundles.champion("game")
    assert champion is not None
    predicted = scheduled.head(1).with_columns(
        as_of_date=newest, home_probability=0.625, champion=pl.lit(champion.digest), state_version=pl.lit("0" * 64)
    )
    home.tables.write(GAME_PREDICTIONS.name, 2023, GAME_PREDICTIONS.conform(predicted))
