"""A feature that knows the outcome must set off the alarm: nothing is published, nothing is decided."""

import os
import warnings
from collections.abc import Iterator
from pathlib import Path

import polars as pl
import pytest

from parivision_assets_tests.model_platform import SEASONS, TARGET, model_platform, retrain
from parivision_assets_tests.small_platform import import_foreign_libraries


@pytest.fixture(autouse=True)
def own_environment() -> Iterator[None]:
    before = dict(os.environ)
    yield
    os.environ.clear()
    os.environ.update(before)


def test_a_leaky_feature_stops_the_challenger(tmp_path: Path) -> None:
    import_foreign_libraries()
    small = model_platform(tmp_path)
    tables = small.home.tables
    for season in SEASONS:
        frame = tables.read("shot_features", season)
        # Four shots in ten tell their outcome by the shooter's form.
        told = pl.int_range(pl.len()) % 10 < 4
        leaky = pl.when(told).then(pl.col("is_made").cast(pl.Float32) - 0.5).otherwise(0.0).cast(pl.Float32)
        tables.write("shot_features", season, frame.with_columns(shooter_form=leaky))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        result = retrain(small)
    assert not result.succeeded
    assert any(
        "too good to be true: look for a column that knows the outcome" in problem for problem in result.problems
    )
    assert f"{TARGET}_challenger" not in result.assets
    assert small.home.ledger.records() == []
