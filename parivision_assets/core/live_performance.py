"""How each champion does on the events it served: rolling windows of game days beside its own holdout.

Which predictions count is `core.outcomes` and `core.answered`; whether the relation moved is `core.monitor`; figures
are `evaluation`.
"""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import polars as pl

from parivision_assets.core.answered import live
from parivision_assets.core.evaluation import Metrics, score
from parivision_assets.core.monitoring_tables import LIVE_PERFORMANCE, WINDOWS
from parivision_assets.core.outcomes import scored

NOTABLE_SE = 2.0
"""Standard errors beyond which a difference is called one, in words; nothing is decided on it."""


def live_performance(
    joined: pl.DataFrame, holdouts: Mapping[str, Metrics | None], first: dt.date | None = None
) -> pl.DataFrame:
    """Return LIVE_PERFORMANCE: per target and champion the rolling windows that end on each game day from `first` on.

    Args:
        joined: PREDICTION_OUTCOMES rows, of which those that `answered.live` names are counted. Rows before `first`
            fill the windows.
        holdouts: per champion the figures it was promoted on; missing or None where none are on record.
        first: the first game day for which rows are wanted; None: the first there is.

    The window since the promotion has one row, for the newest game day.
    """
    served = live(joined)
    rows = []
    for (target, model), own in served.sort("target", "model").group_by("target", "model", maintain_order=True):
        # Numbers rank faster than names, and every window ranks its games.
        numbered = own.sort("game_date", "event").with_columns(pl.col("game").rank("dense"))
        holdout = holdouts.get(str(model))
        rows += [
            {"target": target, "model": model, **_row(part, window, holdout)}
            for window, part in _windows(numbered, first)
        ]
    return LIVE_PERFORMANCE.conform(pl.DataFrame(rows, schema=LIVE_PERFORMANCE.schema, orient="row"))


def _windows(own: pl.DataFrame, first: dt.date | None) -> list[tuple[str, pl.DataFrame]]:
    """Return (window, rows) for every game day from `first` on; `own` is sorted by date."""
    dates = own["game_date"].to_numpy()
    days, starts = np.unique(dates, return_index=True)
    ends = np.append(starts[1:], len(dates))
    found = []
    for number, day in enumerate(days.astype(dt.date)):
        if first is not None and day < first:
            continue
        for window, length in WINDOWS.items():
            if length is None and number < len(days) - 1:
                continue
            start = starts[0 if length is None else max(0, number + 1 - length)]
            found.append((window, own[int(start) : int(ends[number])]))
    return found


def _row(rows: pl.DataFrame, window: str, holdout: Metrics | None) -> dict[str, Any]:
    counted = scored(rows)
    metrics = None if counted.is_empty() else _metrics(counted)
    delay = counted["label_delay_days"].drop_nulls().to_numpy()
    pending = int((rows["state"] == "pending").sum())
    change, change_se = _change(metrics, holdout)
    names = ("log_loss", "log_loss_se", "brier", "brier_se", "accuracy", "accuracy_se", "ece", "ece_null_95")
    return {
        "window": window,
        "first_date": rows["game_date"][0],
        "last_date": rows["game_date"][-1],
        "game_days": rows["game_date"].n_unique(),
        "n": 0 if metrics is None else metrics.n,
        "games": 0 if metrics is None else metrics.games,
        **{name: None if metrics is None else getattr(metrics, name) for name in names},
        "holdout_n": None if holdout is None else holdout.n,
        "holdout_log_loss": None if holdout is None else holdout.log_loss,
        "holdout_ece": None if holdout is None else holdout.ece,
        "change_nats": change,
        "change_se": change_se,
        "pending": pending,
        "label_delay_median_days": float(np.median(delay)) if delay.size else None,
        "label_delay_max_days": int(delay.max()) if delay.size else None,
        "note": _note(metrics, holdout, change, change_se, pending),
    }


def _metrics(counted: pl.DataFrame) -> Metrics:
    label = counted["outcome"].cast(pl.Float64).to_numpy()
    return score(label, counted["probability"].to_numpy(), counted["game"].to_numpy())


def _change(metrics: Metrics | None, holdout: Metrics | None) -> tuple[float | None, float | None]:
    if metrics is None or holdout is None:
        return None, None
    change = metrics.log_loss - holdout.log_loss
    if metrics.log_loss_se is None or holdout.log_loss_se is None:
        return change, None
    return change, math.hypot(metrics.log_loss_se, holdout.log_loss_se)


def _note(
    metrics: Metrics | None, holdout: Metrics | None, change: float | None, change_se: float | None, pending: int
) -> str:
    if metrics is None:
        waiting = f"{pending:,} prediction(s) wait for an outcome" if pending else "none of its predictions counts"
        return f"no outcome is known in this window, nothing can be scored: {waiting}"
    if holdout is None or change is None:
        return "no holdout of this champion is on record to compare with"
    if change_se is None:
        return f"{change:+.4f} nats against its holdout; one game tells no standard error"
    if abs(change) <= NOTABLE_SE * change_se:
        return f"within {NOTABLE_SE:g} standard errors of its holdout ({change:+.4f} ± {change_se:.4f} nats)"
    better = "better than" if change < 0 else "worse than"
    return f"{better} on its holdout ({change:+.4f} ± {change_se:.4f} nats)"
