"""Served predictions joined with what happened: late, corrected, contradictory or missing outcomes included.

Which events a feature table holds and what became of each prediction. An event may be predicted several times: once by
each model as the platform records it, and as often as somebody asks. Every prediction gets its state. Live performance
counts an event once per champion: what the platform recorded, or else the first answer given in time; answers may lack
inputs that the event had, or have others, so drift, monitoring and the scoreboard read the platform's own records only
(`answered`). Figures are in `live_performance`; keeping what was served belongs to `stores.served_predictions`.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import polars as pl

from parivision_assets.core.drift import QualityAnswer
from parivision_assets.core.monitoring_tables import (
    OUTCOMES,
    PREDICTION_OUTCOMES,
    SCORED_STATES,
    SERVED_PREDICTIONS,
    STATES,
)
from parivision_assets.core.targets import Target

CONTRADICTORY_LIMIT = 0.01
"""Share of events with two different outcomes above which the data counts as broken."""
PENDING_LIMIT = 0.05
"""Share of events without an outcome above which a person is told that labels are late."""

_ORDER = ("game_date", "game", "event", "target", "model", "prediction_id")


def event_key(target: Target) -> pl.Expr:
    """Return a feature row's event as text: `game_id/shot_number` for shots, the game's key for games."""
    return pl.concat_str([pl.col(name).cast(pl.String) for name in target.table.key], separator="/")


def served_rows(
    target: Target,
    features: pl.DataFrame,
    probability: npt.NDArray[np.float64],
    trained_until: dt.date | None = None,
) -> pl.DataFrame:
    """Return what the store records of feature rows: `event`, `game`, `game_date`, `as_of`, `probability`.

    Features know the day before the game's date; a model that learnt from later games knows those, and its
    prediction is late.
    """
    before = pl.col("game_date") - pl.duration(days=1)
    return features.select(
        event_key(target).alias("event"),
        pl.col(target.group).cast(pl.String).alias("game"),
        "game_date",
        (before if trained_until is None else pl.max_horizontal(before, pl.lit(trained_until))).alias("as_of"),
        pl.Series("probability", probability, dtype=pl.Float64),
    )


def outcome_rows(target: Target, features: pl.DataFrame, known_on: dt.date | pl.Expr | None) -> pl.DataFrame:
    """Return what happened (OUTCOMES) as a feature table has it; `known_on` None where nobody can tell."""
    known = known_on if isinstance(known_on, pl.Expr) else pl.lit(known_on, pl.Date)
    return features.select(
        event_key(target).alias("event"),
        pl.col(target.group).cast(pl.String).alias("game"),
        "game_date",
        pl.col(target.label).cast(pl.Boolean).alias("outcome"),
        known.alias("known_on"),
    )


def join_outcomes(
    served: pl.DataFrame, outcomes: pl.DataFrame, earlier: pl.DataFrame | None, as_of: dt.date
) -> pl.DataFrame:
    """Return PREDICTION_OUTCOMES: every served prediction with its state and, where it counts, its outcome.

    Args:
        served: SERVED_PREDICTIONS of one target.
        outcomes: OUTCOMES of that target; the order and exact repetitions do not matter.
        earlier: what this function returned before, None for the first time.
        as_of: today; outcomes that become known later are not known yet.

    A prediction whose event is gone from a game with other outcomes is void; where the whole game is gone it is
    pending again. Both keep the outcome recorded before. Raises ValueError for a prediction that occurs twice.
    """
    if served["prediction_id"].is_duplicated().any():
        raise ValueError("served predictions hold one prediction twice; read them from their store, each once")
    known = outcomes.filter(pl.col("known_on").is_null() | (pl.col("known_on") <= as_of))
    games = known.select(pl.col("game").unique(), _is_known_game=pl.lit(value=True))
    rows = (
        SERVED_PREDICTIONS.conform(served)
        .join(_reports(known), on="event", how="left")
        .join(games, on="game", how="left")
        .join(_recorded(earlier), on="prediction_id", how="left")
        .with_columns(_state())
    )
    rows = rows.with_columns(_known_on()).with_columns(
        pl.when(pl.col("state").is_in(SCORED_STATES)).then("_outcome").alias("outcome"),
        _earlier_outcome().alias("earlier_outcome"),
        (pl.col("known_on") - pl.col("game_date")).dt.total_days().clip(0).alias("label_delay_days"),
    )
    return PREDICTION_OUTCOMES.conform(rows).sort(_ORDER)


def _reports(known: pl.DataFrame) -> pl.DataFrame:
    """Return one row per event: its outcome, whether reports differ, and the first day on which one was known."""
    return known.group_by("event").agg(
        pl.col("outcome").drop_nulls().first().alias("_outcome"),
        (pl.col("outcome").drop_nulls().n_unique() > 1).alias("_differs"),
        pl.col("known_on").filter(pl.col("outcome").is_not_null()).min().alias("_reported_on"),
        _is_there=pl.lit(value=True),
    )


def _recorded(earlier: pl.DataFrame | None) -> pl.DataFrame:
    """Return per prediction what was recorded of it before: the newest outcome, and the one that it corrected."""
    found = PREDICTION_OUTCOMES.schema.to_frame() if earlier is None else earlier
    counted = pl.col("outcome").is_not_null()
    return found.select(
        "prediction_id",
        pl.coalesce("outcome", "earlier_outcome").alias("_last"),
        pl.when(pl.col("state") == "corrected").then("earlier_outcome").alias("_corrected_from"),
        counted.alias("_was_counted"),
        pl.when(counted).then("known_on").alias("_first_known_on"),
    )


def _state() -> pl.Expr:
    outcome, last = pl.col("_outcome"), pl.col("_last")
    was_corrected = pl.col("_corrected_from").is_not_null()
    return (
        pl.when(pl.col("event").is_null())
        .then(pl.lit("hypothetical"))
        .when(pl.col("as_of") >= pl.col("game_date"))
        .then(pl.lit("late"))
        .when(pl.col("_differs"))
        .then(pl.lit("contradictory"))
        .when(outcome.is_null() & pl.col("_is_known_game") & pl.col("_is_there").is_null())
        .then(pl.lit("void"))
        .when(outcome.is_null())
        .then(pl.lit("pending"))
        .when((last.is_not_null() & (outcome != last)) | was_corrected)
        .then(pl.lit("corrected"))
        .otherwise(pl.lit("scored"))
        .alias("state")
    )


def _known_on() -> pl.Expr:
    first = pl.when(pl.col("_was_counted")).then("_first_known_on").otherwise("_reported_on")
    return pl.when(pl.col("state").is_in(SCORED_STATES)).then(first).alias("known_on")


def _earlier_outcome() -> pl.Expr:
    """Return the outcome that was recorded before, where what is recorded now differs or there is none any more."""
    replaced = pl.when(pl.col("_outcome") != pl.col("_last")).then("_last").otherwise("_corrected_from")
    state = pl.col("state")
    return (
        pl.when(state == "corrected")
        .then(replaced)
        .when(state.is_in(["pending", "void", "contradictory"]))
        .then("_last")
    )


@dataclass(frozen=True)
class OutcomeSummary:
    """How many predictions are in each state, how late labels are, and how many outcomes nobody had predicted."""

    counts: dict[str, int]
    unpredicted: int
    label_delay_median_days: float | None
    label_delay_max_days: int | None

    @property
    def events(self) -> int:
        """Return the predictions of events that count or will count: neither hypothetical, late nor void."""
        return sum(self.counts[state] for state in (*SCORED_STATES, "pending", "contradictory"))

    @property
    def scored(self) -> int:
        """Return the predictions with an outcome."""
        return sum(self.counts[state] for state in SCORED_STATES)

    @property
    def pending_share(self) -> float:
        """Return the share of predictions that wait for an outcome, 0 where there are none."""
        return self.counts["pending"] / self.events if self.events else 0.0

    def problems(self) -> tuple[str, ...]:
        """Return what a person should know of, one sentence each."""
        counts, found = self.counts, []
        if counts["contradictory"]:
            found.append(
                f"{counts['contradictory']:,} prediction(s) have two different outcomes and are not scored; "
                "land the right file again, it replaces the whole game"
            )
        if counts["late"]:
            found.append(f"{counts['late']:,} prediction(s) were made after the game's day closed and are never scored")
        if counts["corrected"]:
            found.append(f"{counts['corrected']:,} outcome(s) were corrected after they had been recorded")
        if counts["void"]:
            found.append(f"{counts['void']:,} predicted event(s) are not in their game (any more) and are not scored")
        if self.unpredicted:
            found.append(f"{self.unpredicted:,} outcome(s) belong to no served prediction and are not scored")
        if self.pending_share > PENDING_LIMIT:
            found.append(f"{self.pending_share:.0%} of the predictions wait for an outcome: labels are late")
        return tuple(found)

    def quality(self) -> QualityAnswer:
        """Return the third answer of a drift report: is the data broken or late?"""
        broken = self.events > 0 and self.counts["contradictory"] / self.events > CONTRADICTORY_LIMIT
        pending = self.counts["pending"]
        reason = f"{self.events:,} predicted events: {self.scored:,} with an outcome, {pending:,} pending"
        if self.label_delay_median_days is not None:
            reason += (
                f", label delay median {self.label_delay_median_days:g}, at most {self.label_delay_max_days} day(s)"
            )
        if not self.events:
            reason = "no predicted event in the window: nothing can be said of outcomes"
        return QualityAnswer(broken, self.problems(), self.events, pending, reason)


def summarise(joined: pl.DataFrame, outcomes: pl.DataFrame) -> OutcomeSummary:
    """Return the summary of PREDICTION_OUTCOMES rows; outcomes of events that none of them predicted are counted.

    `outcomes` must be of the same target and dates as `joined`.
    """
    states = dict(joined.group_by("state").len().iter_rows())
    delay = joined["label_delay_days"].drop_nulls().to_numpy()
    known = outcomes.filter(pl.col("outcome").is_not_null()).select("event").unique()
    return OutcomeSummary(
        counts={state: int(states.get(state, 0)) for state in STATES},
        unpredicted=known.join(joined.select("event"), on="event", how="anti").height,
        label_delay_median_days=float(np.median(delay)) if delay.size else None,
        label_delay_max_days=int(delay.max()) if delay.size else None,
    )


def scored(joined: pl.DataFrame) -> pl.DataFrame:
    """Return the rows that count: those with one outcome, from predictions made in time."""
    return joined.filter(pl.col("state").is_in(SCORED_STATES))


def empty_outcomes() -> pl.DataFrame:
    """Return OUTCOMES without rows."""
    return OUTCOMES.schema.to_frame()
