import dataclasses
import datetime as dt
from functools import cache
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from parivision_assets.core.shot_settings import SHOT_XGBOOST, SHOTS_TUNED_ON
from parivision_assets.core.shots import clean_shots
from parivision_assets.core.targets import SHOT_POST_EVENT, SHOT_PRE_RELEASE, Baseline
from parivision_assets.core.walk_forward import (
    Walk,
    baseline_probability,
    pooled_metrics,
    season_features,
    walk_shots,
)
from parivision_assets.sources.archives import parse_shots
from parivision_assets_tests.core.canonical_shots import season_shots

SMALL = dataclasses.replace(
    SHOT_XGBOOST, params=SHOT_XGBOOST.params | {"rounds": 25, "eta": 0.15, "max_depth": 3}, n_jobs=1
)
CONFIGS = {SHOT_PRE_RELEASE.name: SMALL, SHOT_POST_EVENT.name: SMALL}


@cache
def features() -> dict[int, pl.DataFrame]:
    return season_features({season: season_shots(season, games=30) for season in (2011, 2012, 2013)}, (2012, 2013))


@cache
def walk() -> Walk:
    return walk_shots(features(), 2013, CONFIGS)


def test_every_contestant_is_scored_on_the_same_rows() -> None:
    metrics = walk().metrics()
    assert sorted(metrics) == ["constant", "post_event", "pre_release", "zone_mean"]
    assert {figure.n for figure in metrics.values()} == {len(features()[2013])}
    assert metrics["post_event"].log_loss < metrics["zone_mean"].log_loss < metrics["constant"].log_loss
    assert walk().train_seasons == (2012,)


def test_a_season_that_was_tuned_on_is_flagged() -> None:
    assert not walk().tuned_on
    tuned = {name: dataclasses.replace(config, tuned_on_seasons=(2013,)) for name, config in CONFIGS.items()}
    assert walk_shots(features(), 2013, tuned).tuned_on
    assert 2021 in SHOTS_TUNED_ON  # the rule for default spots at the rim was chosen on it


def test_pooling_one_season_is_that_season() -> None:
    assert pooled_metrics([walk()]) == walk().metrics()
    assert pooled_metrics([walk(), walk()])["constant"].n == 2 * len(features()[2013])


def test_an_absent_season_is_refused_in_words() -> None:
    with pytest.raises(ValueError, match="season 2014 is not among those given: 2012, 2013"):
        walk_shots(features(), 2014, CONFIGS)
    with pytest.raises(ValueError, match="no season before 2012"):
        walk_shots(features(), 2012, CONFIGS)


def test_a_baseline_knows_the_training_seasons_only() -> None:
    train = pl.DataFrame({"zone": ["a", "a", "b"], "is_made": [True, False, True]})
    test = pl.DataFrame({"zone": ["b", "a", "never seen"], "is_made": [False, False, False]})
    zones = baseline_probability(SHOT_POST_EVENT, Baseline("zone_mean", ("zone",)), train, test)
    assert zones.tolist() == pytest.approx([1.0, 0.5, 2 / 3])
    assert baseline_probability(SHOT_POST_EVENT, Baseline("constant"), train, test).tolist() == [2 / 3] * 3


@pytest.mark.real_data
def test_real_shots_are_better_known_than_their_zone(real_data: Path) -> None:
    shots = {}
    for season in (2018, 2020):
        path = real_data / "shots" / f"NBA_{season}_Shots.csv.zip"
        valid = clean_shots(parse_shots(path.read_bytes(), path.name)).valid
        shots[season] = valid.filter(pl.col("game_date") < dt.date(season - 1, 12, 10))
    metrics = walk_shots(season_features(shots, shots), 2020, CONFIGS).metrics()
    assert metrics["post_event"].log_loss < metrics["pre_release"].log_loss - 0.005
    assert metrics["pre_release"].log_loss < metrics["zone_mean"].log_loss - 0.003
    assert metrics["zone_mean"].log_loss < metrics["constant"].log_loss - 0.015
    # Better than this would be a leak, not skill.
    assert metrics["post_event"].roc_auc is not None
    assert metrics["post_event"].roc_auc < 0.70
    assert metrics["post_event"].ece < 0.02
    assert np.isfinite(metrics["post_event"].log_loss_se or np.nan)
