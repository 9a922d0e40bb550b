import numpy as np
import polars as pl
import pytest

from parivision_assets.core.calibration import sigmoid
from parivision_assets.core.offsets import MIN_ROWS, TrackingOffset


def tracked(rows: int = 40_000, seed: int = 1) -> tuple[pl.DataFrame, np.ndarray, np.ndarray]:
    """Return tracked shots, a base model that knows nothing of tracking, and outcomes that depend on it."""
    rng = np.random.default_rng(seed)
    base = rng.normal(-0.2, 0.5, rows)
    defender, clock = rng.gamma(2.0, 2.0, rows), rng.uniform(0, 24, rows)
    truth = base + 0.15 * (np.minimum(defender, 10) - 4) + 0.03 * (clock - 12)
    frame = pl.DataFrame(
        {"defender_distance_ft": defender, "shot_clock_s": clock, "spot_distance_ft": rng.uniform(0, 27, rows)}
    )
    return frame, base, (rng.random(rows) < sigmoid(truth)).astype(float)


def loss(logit: np.ndarray, made: np.ndarray) -> float:
    chance = sigmoid(logit)
    return float(-np.mean(made * np.log(chance) + (1 - made) * np.log(1 - chance)))


def test_on_games_not_seen_the_offset_helps_and_is_calibrated() -> None:
    offset = TrackingOffset.fit(*tracked(), (2015,))
    frame, base, made = tracked(seed=2)
    logit = base + offset.logit(frame)
    assert loss(logit, made) < loss(base, made) - 0.01
    open_shots = frame["defender_distance_ft"].to_numpy() > 6
    for rows in (open_shots, ~open_shots):
        assert sigmoid(logit[rows]).mean() == pytest.approx(made[rows].mean(), abs=0.015)


def test_each_part_alone_leaves_the_mean_where_it_was() -> None:
    frame, base, made = tracked()
    offset = TrackingOffset.fit(frame, base, made, (2015,))
    for part in ("defender_distance_ft", "shot_clock_s"):
        alone = offset.logit(frame.select(part, "spot_distance_ft"))
        assert sigmoid(base + alone).mean() == pytest.approx(sigmoid(base).mean(), abs=1e-6)
        assert alone.std() > 0.05


def test_nothing_is_added_where_tracking_is_missing() -> None:
    offset = TrackingOffset.fit(*tracked(), (2015,))
    missing = pl.DataFrame(
        {"defender_distance_ft": [None, 2.0], "shot_clock_s": [None, None], "spot_distance_ft": [5.0, 5.0]},
        schema_overrides={"defender_distance_ft": pl.Float32, "shot_clock_s": pl.Float32},
    )
    added = offset.logit(missing)
    assert added[0] == 0.0
    assert added[1] != 0.0
    assert (offset.logit(missing.select("spot_distance_ft")) == 0).all()


def test_few_tracked_shots_teach_nothing() -> None:
    frame, base, made = tracked(MIN_ROWS - 1)
    assert TrackingOffset.fit(frame, base, made, (2015,)) == TrackingOffset.none()


def test_an_offset_survives_a_file() -> None:
    offset = TrackingOffset.fit(*tracked(8_000), (2015,))
    assert TrackingOffset.from_dict(offset.to_dict()) == offset


def test_one_shot_alone_gets_the_same_bits() -> None:
    frame, base, made = tracked()
    offset = TrackingOffset.fit(frame, base, made, (2015,))
    columns = ("defender_distance_ft", "shot_clock_s", "spot_distance_ft")
    rng = np.random.default_rng(3)
    some = frame.head(600).with_columns(
        pl.when(pl.Series(rng.random(600) < 0.7)).then(pl.col(name)).alias(name) for name in columns
    )
    alone = [offset.logit_of_one(*row) for row in some.select(columns).iter_rows()]
    assert alone == offset.logit(some).tolist()
    assert len(set(alone)) > 400
