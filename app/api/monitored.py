"""What the monitoring assets reported last, read from their table and reports whenever these changed."""

from __future__ import annotations

import polars as pl

from app.api.metrics import Monitored, Readings
from parivision_assets.core.catalogue import TARGETS
from parivision_assets.core.monitoring_tables import LIVE_PERFORMANCE
from parivision_assets.stores.home import Home
from parivision_assets.stores.tables import PartitionAbsent


def monitored_version(home: Home) -> tuple[str, ...]:
    """Return what changes whenever `read_monitored` would answer something else; cheap enough to ask each second."""
    names = home.tables.partitions(LIVE_PERFORMANCE.name)
    tables = [home.tables.version(LIVE_PERFORMANCE.name, name).digest for name in names[-1:]]
    newest = [home.reports.newest(target) for target in TARGETS]
    return (*tables, *(report.digest for report in newest if report is not None))


def read_monitored(home: Home) -> Monitored:
    """Return the newest figures of each target; nothing of what was never reported."""
    return Monitored(_drift_share(home), _log_loss(home))


def _drift_share(home: Home) -> Readings:
    shares: Readings = {}
    for target in TARGETS:
        listed = home.reports.newest(target)
        if listed is not None:
            watched = home.reports.read(listed.digest).summary.input.columns
            if watched:
                shares[target,] = sum(column.moved for column in watched) / len(watched)
    return shares


def _log_loss(home: Home) -> Readings:
    columns = ["target", "model", "window", "last_date", "log_loss"]
    try:
        rows = home.tables.read(LIVE_PERFORMANCE.name, home.tables.partitions(LIVE_PERFORMANCE.name)[-1:], columns)
    except PartitionAbsent:
        return {}
    reported = rows.drop_nulls("log_loss")
    newest = reported.filter(pl.col("last_date") == pl.col("last_date").max().over("target"))
    return {(row["target"], row["model"], row["window"]): row["log_loss"] for row in newest.iter_rows(named=True)}
