"""What each contestant lost, by target and day: kept as sums, so that any span of days can be compared."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import polars as pl

from parivision_assets.core.evaluation import row_log_loss

Vector = npt.NDArray[np.float64]

FIRST, LOOP, YEARLY, OPTIMUM = "first champion for ever", "loop", "retrained every season", "optimum"
CONTESTANTS = (FIRST, LOOP, YEARLY, OPTIMUM)
SCHEMA = {
    "target": pl.String,
    "day": pl.Date,
    "season": pl.Int32,
    "contestant": pl.String,
    "n": pl.Int64,
    "loss_nats": pl.Float64,
}


@dataclass
class LossBook:
    """Sums of log loss in nats; `table` has one row per target, day and contestant."""

    rows: list[tuple[str, dt.date, int, str, int, float]] = field(default_factory=list)

    def add(self, target: str, day: dt.date, season: int, contestant: str, label: Vector, chance: Vector) -> None:
        """Add one day of one contestant; a day without events adds nothing."""
        if len(label):
            total = float(row_log_loss(label, chance).sum())
            self.rows.append((target, day, season, contestant, len(label), total))

    @property
    def table(self) -> pl.DataFrame:
        """Return all sums (SCHEMA)."""
        return pl.DataFrame(self.rows, schema=SCHEMA, orient="row")


def mean_losses(table: pl.DataFrame, by: str | pl.Expr) -> pl.DataFrame:
    """Return the mean log loss per target and `by`, one column per contestant, in order, and the number of events.

    A contestant's mean is over the events that it predicted.
    """
    key = pl.col(by) if isinstance(by, str) else by
    grouped = table.group_by("target", key.alias("span"), "contestant").agg(
        pl.col("n").sum(), (pl.col("loss_nats").sum() / pl.col("n").sum()).alias("log_loss")
    )
    events = grouped.group_by("target", "span").agg(pl.col("n").max().alias("events"))
    wide = grouped.pivot("contestant", index=["target", "span"], values="log_loss")
    named = [name for name in CONTESTANTS if name in wide.columns]
    return events.join(wide, on=["target", "span"]).select("target", "span", "events", *named).sort("target", "span")
