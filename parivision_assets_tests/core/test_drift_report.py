"""The parts of a drift report that are put together in one place: rolling residuals, and what is compared with what."""

import datetime as dt

import numpy as np
import polars as pl
import pytest

from parivision_assets.core.drift import QualityAnswer
from parivision_assets.core.drift_report import daily_residuals, judge_window
from parivision_assets.core.targets import SHOT_PRE_RELEASE

FIRST = dt.date(2022, 1, 1)


def events(days: int, seed: int = 1, games: int = 6, shots: int = 80, late_bonus: float = 0.0) -> pl.DataFrame:
    """Events whose probability is right, but for the second half of the days when a bonus is given."""
    rng = np.random.default_rng(seed)
    n = days * games * shots
    day = np.repeat(np.arange(days), games * shots)
    chance = rng.uniform(0.3, 0.6, n)
    truth = chance + np.where(day >= days // 2, late_bonus, 0.0)
    return pl.DataFrame(
        {
            "game_date": [FIRST + dt.timedelta(days=int(number)) for number in day],
            "event": [f"{number:07d}" for number in range(n)],
            "game": (np.arange(n) // shots).astype(str),
            "game_id": np.arange(n) // shots,
            "probability": chance,
            "label": rng.random(n) < truth,
            "bucket": rng.choice(["rim", "mid", "three"], n),
        }
    )


def judged(observed: pl.DataFrame, first: int, holdout: pl.DataFrame | None = None):
    quality = QualityAnswer(broken=False, problems=(), events=observed.height, pending=0, reason="words")
    window = (FIRST + dt.timedelta(days=first), observed["game_date"].max())
    return judge_window(SHOT_PRE_RELEASE, "c" * 64, observed, None, quality, window, holdout)


def test_the_band_is_that_of_whole_games():
    observed = events(1, games=2, shots=3)
    by_game = observed.group_by("game").agg((pl.col("label").cast(pl.Float64) - pl.col("probability")).sum().alias("s"))
    day = daily_residuals(observed).row(0, named=True)
    assert day["residual"] == pytest.approx(by_game["s"].sum() / 6)
    assert day["half_width_95"] == pytest.approx(1.96 * np.sqrt((by_game["s"] ** 2).sum()) / 6)


def test_pending_events_and_the_order_of_rows_do_not_count():
    observed = events(8)
    pending = observed.with_columns(pl.lit(None, pl.Boolean).alias("label"), pl.col("game") + "x")
    mixed = pl.concat([observed, pending]).sample(fraction=1, shuffle=True, seed=2)
    assert daily_residuals(mixed).equals(daily_residuals(observed))
    assert daily_residuals(pending).is_empty()


def test_the_first_days_wait_for_a_third():
    assert daily_residuals(events(8))["day"].min() == FIRST + dt.timedelta(days=2)
    assert daily_residuals(events(2)).height == 1


def test_what_came_after_a_change_is_not_what_it_is_compared_with():
    summary = judged(events(40, late_bonus=0.12), first=30)
    assert summary.relation.moved
    assert summary.attribution is not None
    # Of the thirty days before the window ten follow the change; with them the change would look a third smaller.
    assert summary.attribution.change_nats == pytest.approx(
        _loss(events(40, late_bonus=0.12), 30, 40) - _loss(events(40, late_bonus=0.12), 0, _day(summary.relation.since))
    )


def test_the_held_back_games_stand_in_where_nothing_came_before():
    held = events(5, seed=3)
    summary = judged(events(12), first=0, holdout=held)
    assert summary.attribution is not None
    assert summary.attribution.reference_log_loss == pytest.approx(_loss(held, 0, 5))
    assert judged(events(12), first=0).attribution is None


def _day(date: dt.date | None) -> int:
    assert date is not None
    return (date - FIRST).days


def _loss(observed: pl.DataFrame, first: int, last: int) -> float:
    rows = observed.filter(
        pl.col("game_date") >= FIRST + dt.timedelta(days=first), pl.col("game_date") < FIRST + dt.timedelta(days=last)
    )
    label, chance = rows["label"].to_numpy().astype(float), rows["probability"].to_numpy()
    return float(-np.mean(label * np.log(chance) + (1 - label) * np.log(1 - chance)))
