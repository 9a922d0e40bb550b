"""From a champion's served days to what a drift report says: the monitors folded over the days, the answers, the sum.

Watching the relation is `monitor`, the inputs `input_shift`; here they are put together over one window.
"""

from __future__ import annotations

import datetime as dt

import polars as pl

from parivision_assets.core.attribution import attribute
from parivision_assets.core.daily_watch import inputs_answer
from parivision_assets.core.drift import DriftSummary, QualityAnswer, summarise
from parivision_assets.core.input_shift import count
from parivision_assets.core.monitor import Monitor, observe, relation, start
from parivision_assets.core.reference import Reference
from parivision_assets.core.targets import Target

ROLLING_GAME_DAYS, FEWEST_GAME_DAYS = 10, 3


def judge_window(
    target: Target,
    champion: str,
    observed: pl.DataFrame,
    reference: Reference | None,
    quality: QualityAnswer,
    window: tuple[dt.date, dt.date],
    holdout: pl.DataFrame | None = None,
) -> DriftSummary:
    """Return what a report says of a window of game dates.

    Args:
        target: what is predicted.
        champion: digest of the model that is watched.
        observed: feature rows of its events since it was trained, until the window's last date, with `game`,
            `probability` and `label` (null while pending).
        reference: what was recorded of the rows that it learnt from, None where nothing was.
        quality: the third answer, from the outcomes and the checks.
        window: first and last game date.
        holdout: `game`, `probability` and `label` of games held back while the champion was made, to compare with
            where it predicted none before the window and the change.
    """
    current = observed.filter(pl.col("game_date").is_between(*window))
    days = [count(target.name, rows) for _, rows in sorted(current.partition_by("game_date", as_dict=True).items())]
    answer = relation(watch(target, champion, observed, reference))
    # What came after the change is no measure of what was before it.
    began = min(window[0], answer.since or window[0])
    before = observed.filter(pl.col("game_date") < began)
    happened = current["label"].drop_nulls().cast(pl.Boolean)
    return summarise(
        target.name,
        champion,
        window,
        input_answer=inputs_answer(target.name, reference, days),
        relation=answer,
        quality=quality,
        attribution=attribute(before if before["label"].count() else holdout, current, answer),
        outcomes=(int(happened.sum()), int((~happened).sum())),
    )


def watch(target: Target, champion: str, observed: pl.DataFrame, reference: Reference | None) -> Monitor:
    """Return the monitor after all observed days."""
    monitor = start(target.name, champion, learnt=reference.learnt if reference else None)
    for (day,), rows in sorted(observed.partition_by("game_date", as_dict=True).items()):
        monitor = observe(monitor, day, rows)
    return monitor


def daily_residuals(observed: pl.DataFrame, game_days: int = ROLLING_GAME_DAYS) -> pl.DataFrame:
    """Return per game day the mean of outcome less probability over the last `game_days`, with its 95 % half width.

    Games are the clusters: the variance of the mean is the sum of squared game sums of (y - p) over n squared.
    """
    labelled = observed.filter(pl.col("label").is_not_null())
    games = (
        labelled.sort("game_date", "event")
        .group_by("game_date", "game", maintain_order=True)
        .agg(pl.len().alias("rows"), (pl.col("label").cast(pl.Float64) - pl.col("probability")).sum().alias("sum"))
    )
    days = games.group_by("game_date", maintain_order=True).agg(
        pl.col("rows").sum(), pl.col("sum").sum(), (pl.col("sum") ** 2).sum().alias("square")
    )
    # A single day says next to nothing, and its band would hide all others.
    fewest = max(1, min(FEWEST_GAME_DAYS, days.height))
    rolled = days.with_columns(pl.col("rows", "sum", "square").rolling_sum(game_days, min_samples=fewest))
    return rolled.drop_nulls().select(
        pl.col("game_date").alias("day"),
        (pl.col("sum") / pl.col("rows")).alias("residual"),
        (1.96 * pl.col("square").sqrt() / pl.col("rows")).alias("half_width_95"),
    )
