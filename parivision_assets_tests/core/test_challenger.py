import datetime as dt

import numpy as np
import polars as pl
import pytest

from parivision_assets.core.challenger import compare_families, selection_split, train_challenger
from parivision_assets.core.contracts import Column, KnownAt
from parivision_assets.core.features import Feature, feature_table
from parivision_assets.core.targets import Baseline, Target
from parivision_assets.core.training import TrainingConfig

SIGNAL = Feature("signal", "What tells", "", KnownAt.PRE_GAME, "always", pl.col("signal"))
NOISE = Feature("noise", "What does not", "", KnownAt.PRE_GAME, "other", pl.col("noise"))
IDS = (
    Column("season", pl.Int16, "s"), Column("game_date", pl.Date, "d"), Column("game", pl.Int64, "g"),
    Column("won", pl.Boolean, "w", KnownAt.LABEL),
)  # fmt: skip
TARGET = Target(
    "toy", "A toy", feature_table("toy_features", "t", IDS, (SIGNAL, NOISE), ("game",)), "won", "game",
    (SIGNAL, NOISE), "always", baselines=(Baseline("constant"),),
)  # fmt: skip
GOOD = TrainingConfig("logistic_regression", {"c": 1.0}, folds=1)
BLIND = TrainingConfig("logistic_regression", {"c": 1e-9}, folds=1)


def rows(seasons: int = 2, days: int = 20, per_day: int = 10, seed: int = 3) -> pl.DataFrame:
    rng = np.random.default_rng(seed)
    n = seasons * days * per_day
    signal = rng.normal(size=n)
    day = np.repeat(np.arange(seasons * days), per_day)
    return pl.DataFrame(
        {
            "season": (2020 + day // days).astype(np.int16),
            "game_date": [dt.date(2019 + int(d // days), 11, 1) + dt.timedelta(days=int(d % days)) for d in day],
            "game": np.arange(n),
            "won": rng.random(n) < 1 / (1 + np.exp(-2 * signal)),
            "signal": signal.astype(np.float32),
            "noise": rng.normal(size=n).astype(np.float32),
        }
    )


def test_the_split_holds_back_the_newest_quarter_of_days_and_no_game_is_on_both_sides() -> None:
    fitting, held = selection_split(rows())
    assert held["season"].unique().to_list() == [2021]
    assert held["game_date"].n_unique() == 5
    assert fitting["game_date"].max() < held["game_date"].min()  # type: ignore[operator]
    assert fitting.height + held.height == 400


def test_a_season_too_short_to_split_is_refused_in_words() -> None:
    with pytest.raises(ValueError, match=r"season 2021 has 3 game day\(s\); at least 4"):
        selection_split(rows(days=3))


def test_the_family_that_reads_the_signal_is_chosen_and_fitted_on_everything() -> None:
    made = train_challenger(TARGET, rows(), [BLIND, GOOD])
    assert made.chosen.config == GOOD
    assert made.model.config == GOOD
    assert made.model.train_rows == 400
    assert [result.config for result in made.compared] == [BLIND, GOOD]


def test_families_are_compared_on_the_same_rows_which_none_was_fitted_on() -> None:
    frame = rows()
    _, held = selection_split(frame)
    results = compare_families(TARGET, frame, [BLIND, GOOD])
    assert {result.metrics.n for result in results} == {held.height}
    flipped = frame.with_columns(
        won=pl.when(pl.col("game_date") >= held["game_date"].min()).then(~pl.col("won")).otherwise("won")
    )
    worse = compare_families(TARGET, flipped, [GOOD])[0]
    assert worse.metrics.log_loss > results[1].metrics.log_loss + 0.5
    assert worse.importances == results[1].importances


def test_no_family_is_refused_in_words() -> None:
    with pytest.raises(ValueError, match="toy: no family to compare"):
        train_challenger(TARGET, rows(), [])
