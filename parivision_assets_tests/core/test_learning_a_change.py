"""Training up to today: rows after a known change count for more, and a season may have only just begun."""

import dataclasses
import datetime as dt
import json

import polars as pl
import pytest

from parivision_assets.core import model_files
from parivision_assets.core.challenger import selection_split
from parivision_assets.core.training import TrainingConfig, fit
from parivision_assets_tests.core.test_challenger import TARGET, rows

CHANGE = dt.date(2020, 11, 11)
LINEAR = TrainingConfig("logistic_regression", {"c": 1.0}, n_jobs=1)
BOOSTER = TrainingConfig("xgboost", {"rounds": 8, "max_depth": 2, "min_child_weight": 5}, n_jobs=1)


def changed() -> pl.DataFrame:
    """Return two seasons in which the signal means the opposite from the change on."""
    frame = rows(per_day=40)
    return frame.with_columns(won=pl.when(pl.col("game_date") >= CHANGE).then(~pl.col("won")).otherwise("won"))


def told_by_signal(config: TrainingConfig) -> float:
    """Return how much more likely a high signal makes the outcome than a low one."""
    probes = pl.DataFrame(
        {"signal": [2.0, -2.0], "noise": [0.0, 0.0]}, schema=dict.fromkeys(("signal", "noise"), pl.Float32)
    )
    high, low = fit(TARGET, changed(), config).predict(probes)
    return float(high - low)


@pytest.mark.parametrize("config", [LINEAR, BOOSTER], ids=lambda config: config.family)
def test_rows_after_the_change_outweigh_those_before(config: TrainingConfig) -> None:
    config = dataclasses.replace(config, folds=0)
    after = dataclasses.replace(config, change_date=CHANGE, change_weight=20.0)
    assert told_by_signal(config) > 0.1
    assert told_by_signal(after) < -0.1


@pytest.mark.parametrize("config", [LINEAR, BOOSTER], ids=lambda config: config.family)
def test_without_a_change_the_weight_means_nothing(config: TrainingConfig) -> None:
    plain = fit(TARGET, changed(), config).to_files()
    weighed = fit(TARGET, changed(), dataclasses.replace(config, change_weight=20.0)).to_files()
    described = [json.loads(files.pop("model.json")) for files in (plain, weighed)]
    assert plain == weighed
    assert described[0]["calibration"] == described[1]["calibration"]


def test_the_change_is_kept_with_the_model_and_comes_back() -> None:
    config = dataclasses.replace(LINEAR, change_date=CHANGE, change_weight=3.0)
    assert TrainingConfig.from_dict(json.loads(json.dumps(config.to_dict()))) == config
    assert model_files.load(fit(TARGET, rows(), config).to_files()).config == config
    written_before = {name: value for name, value in LINEAR.to_dict().items() if not name.startswith("change_")}
    assert TrainingConfig.from_dict(written_before) == LINEAR


def test_a_weight_that_is_not_positive_is_refused_in_words() -> None:
    with pytest.raises(ValueError, match="change_weight is 0: it must be above 0"):
        dataclasses.replace(LINEAR, change_weight=0)


def first_days(days: int) -> pl.DataFrame:
    """Return a whole season and the first days of the next, one game a day."""
    frame = rows(per_day=40).with_columns(game=pl.col("game_date").to_physical())
    return frame.filter(pl.col("game_date") < dt.date(2020, 11, 1) + dt.timedelta(days=days))


@pytest.mark.parametrize("days", [1, 2, 5])
def test_a_season_that_has_only_just_begun_is_calibrated_with_the_one_before(days: int) -> None:
    frame = first_days(days)
    model = fit(TARGET, frame, LINEAR)
    assert model.train_rows == frame.height
    assert 0.5 < model.calibration.slopes[0] < 2


@pytest.mark.parametrize(("days", "held"), [(1, 6), (3, 8), (4, 1), (8, 2)])
def test_families_are_compared_on_the_newest_days_also_when_the_season_has_only_just_begun(
    days: int, held: int
) -> None:
    fitting, kept = selection_split(first_days(days))
    assert kept["game_date"].n_unique() == held
    assert fitting["game_date"].max() < kept["game_date"].min()  # type: ignore[operator]
    assert 2021 in kept["season"]
