"""Which models are in play, and recording what they say of a season's events before the outcomes count.

The files themselves are `served_predictions`; who is champion is the ledger's; joining outcomes is the core's.
"""

from __future__ import annotations

import datetime as dt

import polars as pl

from parivision_assets.core.catalogue import FEATURE_TABLES
from parivision_assets.core.evaluation import Metrics
from parivision_assets.core.monitoring_tables import CHALLENGER, CHAMPION
from parivision_assets.core.outcomes import event_key, served_rows
from parivision_assets.core.targets import Target
from parivision_assets.stores.bundled_models import bundle_model, trained_until
from parivision_assets.stores.champions import promotion_of, read_decision, shadow
from parivision_assets.stores.home import Home


def in_play(home: Home, target: str) -> dict[str, str]:
    """Return the bundle per role: the ledger's champion, and the challenger in shadow, if there is one.

    Without a champion nothing is served, and nothing is scored in shadow.
    """
    champion = home.ledger.champion(target)
    if champion is None:
        return {}
    beside = shadow(home, target)
    return {CHAMPION: champion.model} | ({} if beside is None else {CHALLENGER: beside.digest})


def record_unserved(home: Home, target: Target, role: str, model: str, features: pl.DataFrame) -> int:
    """Predict the events that a model did not learn from and has not on record; record them by day, return how many.

    Of a day on which another model served, this one is recorded as the challenger: an event has one champion.
    """
    bundle = home.bundles.read_bundle(model)
    until = trained_until(bundle)
    days = features["game_date"]
    recorded = home.served.read(target.name, min(days, default=None), max(days, default=None))
    own = recorded.filter(pl.col("model") == model).select("event")
    new = features.filter(pl.col("game_date") > until).with_columns(event_key(target).alias("_event"))
    new = new.join(own, left_on="_event", right_on="event", how="anti", maintain_order="left").drop("_event")
    if new.is_empty():
        return 0
    rows = served_rows(target, new, bundle_model(bundle).predict(new), until)
    other = recorded.filter((pl.col("model") != model) & (pl.col("role") == CHAMPION))
    served_by_others = set(other["game_date"].to_list())
    for (day,), part in sorted(rows.partition_by("game_date", as_dict=True).items()):
        home.served.record(target.name, day, CHALLENGER if day in served_by_others else role, model, part)
    return rows.height


def champion_holdout(home: Home, target: str, model: str) -> Metrics | None:
    """Return the figures on which a model was promoted, None where no promotion of it is on record."""
    record = promotion_of(home.ledger.records(target), model)
    return None if record is None else read_decision(home, record).evidence.challenger_metrics


def season_span(home: Home, season: str) -> tuple[dt.date, dt.date | None] | None:
    """Return the first game date of a season and the day before the next season's; None for a season without games."""
    starts: dict[str, dt.date] = {}
    for table in FEATURE_TABLES:
        for key in home.tables.partitions(table):
            first = home.tables.scan(table, key).select(pl.col("game_date").min()).collect().item()
            starts[key] = min(first, starts.get(key, first))
    if season not in starts:
        return None
    later = [starts[key] for key in starts if int(key) > int(season)]
    return starts[season], min(later) - dt.timedelta(days=1) if later else None
