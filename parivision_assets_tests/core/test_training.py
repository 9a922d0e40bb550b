import dataclasses
import json
from functools import cache
from typing import Any

import numpy as np
import polars as pl
import pytest

from parivision_assets.core import history, model_files
from parivision_assets.core.evaluation import regret
from parivision_assets.core.shot_features import shot_features
from parivision_assets.core.targets import SHOT_POST_EVENT, SHOT_PRE_RELEASE, SHOT_TARGETS
from parivision_assets.core.training import TrainedModel, TrainingConfig, fit
from parivision_assets_tests.core.canonical_shots import season_shots

BOOSTER = TrainingConfig(
    "xgboost",
    {"rounds": 40, "eta": 0.12, "max_depth": 3, "min_child_weight": 40, "max_bin": 64, "subsample": 0.8},
    n_jobs=1,
)
LINEAR = TrainingConfig("logistic_regression", {"hinges": 2, "c": 0.1}, n_jobs=1)
FOREST = TrainingConfig(
    "random_forest",
    {"n_estimators": 12, "max_depth": 7, "min_samples_leaf": 60, "max_features": 0.5, "max_rows": 8_000},
    n_jobs=1,
)
CONFIGS = {config.family: config for config in (BOOSTER, LINEAR, FOREST)}
GAMES = 60


@cache
def table(season: int) -> pl.DataFrame:
    """Return one season's features, with each shot's true probability."""
    shots = {year: season_shots(year, games=GAMES) for year in (season - 1, season)}
    totals = history.concat_totals([history.season_totals(frame) for frame in shots.values()])
    features = shot_features(shots[season], totals, season)
    truth = shots[season].select("game_id", "shot_number", "truth")
    return features.join(truth, on=["game_id", "shot_number"], how="left", maintain_order="left")


@cache
def train() -> pl.DataFrame:
    return pl.concat([table(2014), table(2015)])


@cache
def model(family: str = "xgboost", target: str = "shot_post_event") -> TrainedModel:
    return fit(SHOT_TARGETS[target], train(), CONFIGS[family])


def without(frame: pl.DataFrame, contexts: tuple[str, ...], fitted: TrainedModel) -> pl.DataFrame:
    names = zip(fitted.encoder.names, fitted.encoder.contexts, strict=True)
    return frame.with_columns(
        pl.lit(None).cast(frame.schema[name]).alias(name) for name, context in names if context in contexts
    )


@pytest.mark.parametrize("family", sorted(CONFIGS))
def test_a_family_comes_near_the_truth(family: str) -> None:
    test = table(2016)
    chance = model(family).predict(test)
    truth = test["truth"].to_numpy()
    constant = np.full(len(test), train()["is_made"].mean())
    assert regret(truth, chance) < 0.35 * regret(truth, constant)


def test_a_good_model_beats_the_scorer_blind_one() -> None:
    truth = table(2016)["truth"].to_numpy()
    assert regret(truth, model().predict(table(2016))) < regret(
        truth, model(target="shot_pre_release").predict(table(2016))
    )


SUBSETS = (
    (), ("action",), ("in_game", "action"), ("clock", "in_game", "action"), ("teams", "clock", "in_game", "action"),
    ("shooter", "teams", "clock", "in_game", "action"), ("shooter",), ("teams", "clock"), ("shooter", "in_game"),
)  # fmt: skip


@pytest.mark.parametrize("withheld", SUBSETS, ids="-".join)
def test_whatever_is_withheld_the_model_stays_calibrated(withheld: tuple[str, ...]) -> None:
    test = without(table(2016), withheld, model())
    chance = model().predict(test)
    rank = np.argsort(np.argsort(chance)) * 10 // len(chance)
    # The truth has no outcome noise: what is left is the model's own error after 19,000 shots.
    gaps = [abs(chance[rank == tenth].mean() - test["truth"].to_numpy()[rank == tenth].mean()) for tenth in range(10)]
    assert np.mean(gaps) < 0.025
    assert max(gaps) < 0.06


def test_more_context_is_worth_having() -> None:
    fitted, test = model(), table(2016)
    contexts = fitted.encoder.optional_contexts
    truth = test["truth"].to_numpy()
    blind = regret(truth, fitted.predict(without(test, contexts, fitted)))
    with_action = regret(truth, fitted.predict(without(test, tuple(c for c in contexts if c != "action"), fitted)))
    assert regret(truth, fitted.predict(test)) < 0.5 * min(with_action, blind)


def test_an_absent_column_is_a_missing_one() -> None:
    fitted, test = model(), table(2016).head(50)
    names = [n for n, c in zip(fitted.encoder.names, fitted.encoder.contexts, strict=True) if c == "shooter"]
    absent = fitted.predict(test.drop(names))
    assert np.array_equal(absent, fitted.predict(without(test, ("shooter",), fitted)))
    assert not np.array_equal(absent, fitted.predict(test))


@pytest.mark.parametrize("family", sorted(CONFIGS))
def test_files_give_the_same_model(family: str) -> None:
    fitted, test = model(family), table(2016).head(500)
    files = fitted.to_files()
    loaded = model_files.load(files)
    assert np.array_equal(loaded.predict(test), fitted.predict(test))
    assert loaded.to_files() == files
    assert loaded.config == fitted.config
    assert loaded.importances() == fitted.importances()
    described = json.loads(files["model.json"])
    assert [feature["name"] for feature in described["features"]] == [f.name for f in SHOT_POST_EVENT.features]
    assert described["train_seasons"] == [2014, 2015]


def test_files_that_are_not_a_model_are_refused_in_words() -> None:
    files = model().to_files()
    with pytest.raises(ValueError, match=r"model\.json is missing"):
        model_files.load({})
    with pytest.raises(ValueError, match=r"'model\.ubj' is missing"):
        model_files.load({"model.json": files["model.json"]})
    older = json.loads(files["model.json"]) | {"format": 0}
    with pytest.raises(ValueError, match="train again"):
        model_files.load(files | {"model.json": json.dumps(older).encode()})


def test_training_is_deterministic_and_follows_the_seed() -> None:
    config = dataclasses.replace(BOOSTER, params=BOOSTER.params | {"rounds": 5})
    frame = table(2015).head(4_000)
    files = fit(SHOT_PRE_RELEASE, frame, config).to_files()
    assert fit(SHOT_PRE_RELEASE, frame, config).to_files() == files
    other = fit(SHOT_PRE_RELEASE, frame, dataclasses.replace(config, seed=99))
    assert other.to_files()["model.ubj"] != files["model.ubj"]


def test_tracking_moves_tracked_shots_only() -> None:
    rng = np.random.default_rng(3)
    rows = len(train())
    defender = rng.gamma(2.0, 2.0, rows)
    made = train()["is_made"].to_numpy() & (rng.random(rows) < np.clip(0.5 + defender / 8, 0, 1))
    tracked = train().with_columns(
        defender_distance_ft=pl.Series(defender, dtype=pl.Float32),
        shot_clock_s=pl.Series(rng.uniform(0, 24, rows), dtype=pl.Float32),
        is_made=pl.Series(made),
    )
    fitted = fit(SHOT_PRE_RELEASE, tracked, BOOSTER)
    assert fitted.offset.seasons == (2015,)
    test = table(2016).head(1_000)
    near, far = (test.with_columns(defender_distance_ft=pl.lit(d, pl.Float32)) for d in (0.5, 8.0))
    assert (fitted.logit(far) > fitted.logit(near)).all()
    assert model(target="shot_pre_release").offset.defender == ()
    assert np.array_equal(fitted.predict(test), fitted.predict(test.drop("defender_distance_ft", "shot_clock_s")))


def test_recent_seasons_weigh_more() -> None:
    flipped = pl.concat([table(2014).with_columns(is_made=~pl.col("is_made")), table(2015)])
    truth = table(2016)["truth"].to_numpy()
    forgetful, equal = (
        fit(SHOT_PRE_RELEASE, flipped, dataclasses.replace(BOOSTER, season_decay=decay)).predict(table(2016))
        for decay in (0.01, 1.0)
    )
    assert regret(truth, forgetful) < regret(truth, equal)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (pl.col("is_made").is_null(), "no training rows"),
        (pl.col("is_made"), "both outcomes"),
    ],
)
def test_unusable_rows_are_refused(change: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        fit(SHOT_PRE_RELEASE, table(2015).filter(change), BOOSTER)


def test_an_unknown_family_is_refused() -> None:
    with pytest.raises(ValueError, match="one of logistic_regression, random_forest, xgboost"):
        TrainingConfig("perceptron")


def test_a_lighter_config_takes_larger_steps() -> None:
    light = BOOSTER.lighter(0.5)
    assert light.params["rounds"] == 20
    assert light.params["eta"] == pytest.approx(0.12 * 2**0.5)
    assert FOREST.lighter(0.5).params["n_estimators"] == 6


def test_progress_names_every_step() -> None:
    steps: list[str] = []
    config = dataclasses.replace(BOOSTER, params=BOOSTER.params | {"rounds": 2})
    fit(SHOT_PRE_RELEASE, table(2015), config, lambda step, _share: steps.append(step))
    assert list(dict.fromkeys(steps)) == ["fold 1 of 2", "fold 2 of 2", "fitting the model"]
