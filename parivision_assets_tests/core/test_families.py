from typing import Any

import numpy as np
import pytest

from parivision_assets.core.families import (
    FAMILIES,
    LOADERS,
    ForestPredictor,
    LinearBasis,
    Machine,
    starting_logit,
    starting_logit_of_one,
)

PARAMS: dict[str, dict[str, Any]] = {
    "logistic_regression": {"c": 1.0, "hinges": 3},
    "random_forest": {"n_estimators": 8, "max_depth": 6, "min_samples_leaf": 20, "max_features": 0.7},
    "xgboost": {"rounds": 20, "eta": 0.3, "max_depth": 3, "starts": (3,)},
}
NAMES = sorted(FAMILIES)


def data(rows: int = 4_000, seed: int = 1) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return a matrix with missing values, outcomes that depend on column 0, and weights."""
    rng = np.random.default_rng(seed)
    matrix = rng.normal(size=(rows, 4)).astype(np.float32)
    matrix[:, 3] = rng.uniform(0.3, 0.6, rows)
    chance = 1 / (1 + np.exp(-1.5 * matrix[:, 0]))
    matrix[rng.random(rows) < 0.1, 1] = np.nan
    return matrix, (rng.random(rows) < chance).astype(float), np.ones(rows)


def fitted(family: str, seed: int = 7, **more: Any) -> Any:
    return FAMILIES[family](*data(), PARAMS[family] | more, Machine(seed, n_jobs=1), lambda _share: None)


@pytest.mark.parametrize("family", NAMES)
def test_a_family_learns_what_matters(family: str) -> None:
    model = fitted(family)
    matrix, made, _ = data(seed=2)
    logit = model.logit(matrix)
    assert logit.shape == made.shape
    assert logit[made == 1].mean() > logit[made == 0].mean() + 0.5
    shares = model.importances()
    assert shares.sum() == pytest.approx(1)
    assert shares.argmax() == 0


@pytest.mark.parametrize("family", NAMES)
def test_files_give_the_same_predictions_bit_for_bit(family: str) -> None:
    model = fitted(family)
    matrix, _, _ = data(seed=3)
    loaded = LOADERS[family](model.to_files(), matrix.shape[1])
    assert np.array_equal(loaded.logit(matrix), model.logit(matrix))
    assert np.array_equal(loaded.importances(), model.importances())


@pytest.mark.parametrize("family", NAMES)
def test_the_same_seed_gives_the_same_files(family: str) -> None:
    assert fitted(family).to_files() == fitted(family).to_files()


@pytest.mark.parametrize("family", NAMES)
def test_one_row_is_predicted_like_many(family: str) -> None:
    model = fitted(family)
    matrix, _, _ = data(60, seed=4)
    one_by_one = np.concatenate([model.logit(matrix[row : row + 1]) for row in range(len(matrix))])
    assert one_by_one == pytest.approx(model.logit(matrix), abs=1e-12)


@pytest.mark.parametrize("family", ["logistic_regression", "random_forest"])
def test_a_row_limit_samples_and_still_learns(family: str) -> None:
    model = fitted(family, max_rows=500)
    matrix, made, _ = data(seed=2)
    logit = model.logit(matrix)
    assert logit[made == 1].mean() > logit[made == 0].mean() + 0.5
    assert not np.array_equal(logit, fitted(family).logit(matrix))


@pytest.mark.parametrize("family", ["logistic_regression", "random_forest"])
def test_files_of_another_feature_list_are_refused(family: str) -> None:
    with pytest.raises(ValueError, match="4 columns, the model's feature list has 5"):
        LOADERS[family](fitted(family).to_files(), 5)


def test_the_forest_table_agrees_with_scikit_learn() -> None:
    from sklearn.ensemble import RandomForestClassifier

    params, (matrix, made, weight) = PARAMS["random_forest"], data()
    theirs = RandomForestClassifier(**params, random_state=7, n_jobs=1).fit(matrix, made, sample_weight=weight)
    mine = fitted("random_forest")
    assert isinstance(mine, ForestPredictor)
    fresh, _, _ = data(seed=5)
    expected = np.clip(theirs.predict_proba(fresh)[:, 1], 1e-6, 1 - 1e-6)
    assert 1 / (1 + np.exp(-mine.logit(fresh))) == pytest.approx(expected, abs=1e-12)


def test_boosting_starts_from_the_first_rate_that_is_there() -> None:
    matrix = np.array([[0.25, 0.5], [np.nan, 0.75], [np.nan, np.nan]], dtype=np.float32)
    assert starting_logit(matrix, (0, 1)) == pytest.approx([np.log(1 / 3), np.log(3), 0.0])
    assert starting_logit(matrix, ()).tolist() == [0.0, 0.0, 0.0]


def test_without_rounds_to_learn_boosting_says_its_start() -> None:
    matrix, made, weight = data()
    params = {"rounds": 1, "eta": 1e-9, "max_depth": 1, "starts": (3,)}
    model = FAMILIES["xgboost"](matrix, made, weight, params, Machine(1, 1), lambda _share: None)
    assert model.logit(matrix) == pytest.approx(starting_logit(matrix, (3,)), abs=1e-6)


def test_a_constant_or_empty_column_has_no_term_that_is_not_a_number() -> None:
    matrix = np.array([[1.0, np.nan], [1.0, np.nan], [np.nan, np.nan]], dtype=np.float32)
    basis = LinearBasis.fit(matrix, 2)
    design = basis.design(matrix)
    assert np.isfinite(design).all()
    assert design.shape[1] == len(basis.owners())


def test_progress_reaches_the_end() -> None:
    shares: list[float] = []
    FAMILIES["xgboost"](*data(500), PARAMS["xgboost"], Machine(1, 1), shares.append)
    assert shares == sorted(shares)
    assert shares[-1] == 1.0


def test_one_row_alone_starts_from_the_same_bits() -> None:
    rng = np.random.default_rng(4)
    matrix = rng.uniform(-0.1, 1.1, (2_000, 3)).astype(np.float32)
    matrix[rng.random(matrix.shape) < 0.3] = np.nan
    alone = [starting_logit_of_one(row, (2, 0)) for row in matrix.tolist()]
    assert alone == starting_logit(matrix, (2, 0)).tolist()


@pytest.mark.parametrize("family", NAMES)
def test_one_row_alone_is_predicted_as_among_others(family: str) -> None:
    model, (matrix, _, _) = fitted(family), data(300, seed=3)
    alone = np.concatenate([model.logit(matrix[row : row + 1]) for row in range(len(matrix))])
    assert (alone == model.logit(matrix)).all()
