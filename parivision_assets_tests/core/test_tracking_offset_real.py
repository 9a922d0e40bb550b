"""On the one real season with tracking: defender and shot clock help on games that taught the offset nothing."""

import dataclasses
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from parivision_assets.core.evaluation import score
from parivision_assets.core.shot_settings import SHOT_XGBOOST
from parivision_assets.core.shots import clean_shots
from parivision_assets.core.targets import SHOT_PRE_RELEASE
from parivision_assets.core.tracking import attach_tracking, clean_tracking
from parivision_assets.core.training import fit
from parivision_assets.core.walk_forward import season_features
from parivision_assets.sources.archives import parse_shots, parse_tracking

LIGHT = dataclasses.replace(SHOT_XGBOOST, params=SHOT_XGBOOST.params | {"rounds": 30, "eta": 0.2, "max_depth": 3})


@pytest.mark.real_data
def test_tracking_helps_and_stays_calibrated_on_games_held_out(real_data: Path) -> None:
    path = real_data / "shots" / "NBA_2015_Shots.csv.zip"
    logs = real_data / "tracking" / "shot_logs_2014-15.csv.zip"
    valid = clean_shots(parse_shots(path.read_bytes(), path.name)).valid
    tracking = clean_tracking(parse_tracking(logs.read_bytes(), logs.name))
    tracked = attach_tracking(valid, tracking).shots
    table = season_features({2015: tracked}, (2015,))[2015]
    table = table.filter(pl.col("defender_distance_ft").is_not_null() & pl.col("shot_clock_s").is_not_null())
    held = table["game_id"].to_numpy() % 4 == 0
    model = fit(SHOT_PRE_RELEASE, table.filter(pl.Series(~held)), LIGHT)
    test = table.filter(pl.Series(held))
    label, game = test["is_made"].to_numpy(), test["game_id"].to_numpy()
    known = score(label, model.predict(test), game)
    blind = score(label, model.predict(test.drop("defender_distance_ft", "shot_clock_s")), game)
    assert known.log_loss < blind.log_loss - 0.005
    assert known.ece <= known.ece_null_95 + 0.01
    near = (test["defender_distance_ft"] < 3).to_numpy()
    for rows in (near, ~near):
        assert model.predict(test)[rows].mean() == pytest.approx(np.mean(label[rows]), abs=0.015)
