"""Joined predictions with known truths, for the tests of live performance and of the scoreboard."""

import datetime as dt

import numpy as np
import polars as pl

from parivision_assets.core.monitoring_tables import PREDICTION_OUTCOMES

FIRST = dt.date(2024, 1, 1)
GAMES_A_DAY, SHOTS_A_GAME = 2, 25


def joined(
    days: int, model: str = "m", role: str = "champion", skill: float = 1.0, start: int = 0, target: str = "shot"
) -> pl.DataFrame:
    """Return scored predictions of game days `start` … `start + days - 1`; skill 1 knows the truth, 0 says one half.

    The truth and the outcomes of an event are the same whoever predicts.
    """
    rows = (start + days) * GAMES_A_DAY * SHOTS_A_GAME
    rng = np.random.default_rng(7)
    truth = rng.uniform(0.2, 0.8, rows)
    made = rng.random(rows) < truth
    shot = np.arange(rows)
    game, day = shot // SHOTS_A_GAME, shot // (SHOTS_A_GAME * GAMES_A_DAY)
    frame = pl.DataFrame(
        {
            "prediction_id": [f"{model}:{number}" for number in shot],
            "event": [f"{g}/{number % SHOTS_A_GAME + 1}" for g, number in zip(game, shot, strict=True)],
            "game": [str(g) for g in game],
            "game_date": [FIRST + dt.timedelta(days=int(d)) for d in day],
            "probability": 0.5 + skill * (truth - 0.5),
            "outcome": made,
        }
    ).filter(pl.Series(day >= start))
    return PREDICTION_OUTCOMES.conform(
        frame.with_columns(
            target=pl.lit(target),
            role=pl.lit(role),
            model=pl.lit(model),
            as_of=pl.col("game_date").dt.offset_by("-1d"),
            state=pl.lit("scored"),
            earlier_outcome=None,
            known_on=pl.col("game_date").dt.offset_by("2d"),
            label_delay_days=2,
        )
    )


def pending(frame: pl.DataFrame, rows: pl.Expr) -> pl.DataFrame:
    """Return the frame with these rows waiting for their outcome."""
    unknown = [
        pl.when(rows).then(pl.lit(None)).otherwise(name).alias(name)
        for name in ("outcome", "known_on", "label_delay_days")
    ]
    return frame.with_columns(*unknown, pl.when(rows).then(pl.lit("pending")).otherwise("state").alias("state"))
