"""Answers that somebody was given, joined with what happened; what they add to `outcomes`.

Whoever asks names a shot by game, player, period and clock (`ShotEvent.key`), since its number in the game is not known
before it is taken. Two shots of one player in one second are one event: scored where both went the same way,
contradictory where they did not. Every answer gets a state; which of them live figures count is `live`. Whoever asks
says what the shot was like, and may say it wrongly: what the platform itself recorded of an event goes before.
"""

from __future__ import annotations

import datetime as dt

import polars as pl

from parivision_assets.core.monitoring_tables import ANSWERED, CHAMPION, PREDICTION_OUTCOMES, SCORED_STATES
from parivision_assets.core.outcomes import event_key, join_outcomes, outcome_rows
from parivision_assets.core.shot_features import SHOT_FEATURES
from parivision_assets.core.targets import Target

SHOT_EVENT_COLUMNS = ("game_id", "player_id", "quarter", "clock_s")
"""The columns of `shot_features` that make up `ShotEvent.key`, in its order."""


def asked_columns(target: Target) -> tuple[str, ...]:
    """Return the columns by which whoever asks names an event of the target."""
    return SHOT_EVENT_COLUMNS if target.table.name == SHOT_FEATURES.name else target.table.key


def join_answers(
    target: Target,
    logged: pl.DataFrame,
    features: pl.DataFrame,
    known_on: dt.date | pl.Expr | None,
    earlier: pl.DataFrame | None,
    as_of: dt.date,
) -> pl.DataFrame:
    """Return PREDICTION_OUTCOMES of answers, their role ANSWERED.

    Args:
        target: what was asked about.
        logged: LOGGED_PREDICTIONS of that target.
        features: its feature rows with the target's key, `asked_columns`, group, date and label.
        known_on: when their outcomes became known, as for `outcome_rows`.
        earlier: what was joined before, None for the first time.
        as_of: today; outcomes that become known later are not known yet.

    `event` is the feature row's own where there is one, the one that was asked for elsewhere. The game's date is the
    feature row's too: nobody makes an answer early by naming a later date.
    """
    known = features.with_columns(_asked=_joined(asked_columns(target)), _own=event_key(target))
    own = known.group_by("_asked").agg(
        pl.col("_own").sort_by(*target.table.key).first(),
        pl.col("game_date").first().alias("_date"),
        (pl.col(target.label).drop_nulls().n_unique() > 1).alias("_differs"),
    )
    asked = logged.join(own, left_on="event", right_on="_asked", how="left")
    served = asked.with_columns(role=pl.lit(ANSWERED), game_date=pl.coalesce("_date", "game_date"))
    outcomes = outcome_rows(target, known, known_on).with_columns(event=known["_asked"])
    names = asked.filter(~pl.col("_differs")).select("prediction_id", "_own")
    joined = join_outcomes(served, outcomes, earlier, as_of).join(names, on="prediction_id", how="left")
    return PREDICTION_OUTCOMES.conform(joined.with_columns(event=pl.coalesce("_own", "event")))


def live(joined: pl.DataFrame) -> pl.DataFrame:
    """Return the rows of PREDICTION_OUTCOMES that live figures count: each event of a champion once.

    What the platform itself recorded of the model counts, whatever anybody asked. Of an event of which it recorded
    nothing the first answer counts that was given in time, once its outcome is known: nobody adds an event or a day by
    naming one.
    """
    answers = joined.filter((pl.col("role") == ANSWERED) & pl.col("state").is_in(SCORED_STATES))
    key = ["target", "model", "event"]
    # Identifiers sort by the moment at which they were given.
    first = answers.sort("prediction_id").unique(key, keep="first", maintain_order=True)
    own = joined.filter((pl.col("role") == CHAMPION) & pl.col("game_date").is_not_null())
    return pl.concat([own, first.join(own, on=key, how="anti")])


def _joined(columns: tuple[str, ...]) -> pl.Expr:
    # Features are floats, of which a name would say 3.0.
    whole = [pl.col(name).cast(pl.Int64) if name in SHOT_EVENT_COLUMNS else pl.col(name) for name in columns]
    return pl.concat_str([value.cast(pl.String) for value in whole], separator="/")
