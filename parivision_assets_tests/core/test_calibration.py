import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from parivision_assets.core.calibration import Calibration, fit_logistic, sigmoid

CONTEXTS = ("who", "when")


def drawn(rows: int = 60_000, seed: int = 3) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return overconfident log-odds, outcomes, and which contexts were withheld: those rows run too high."""
    rng = np.random.default_rng(seed)
    truth = rng.normal(0, 0.7, rows)
    withheld = rng.random((rows, 2)) < 0.4
    made = (rng.random(rows) < sigmoid(truth)).astype(float)
    return 1.5 * truth + 0.3 + 0.4 * withheld[:, 0], made, withheld


def test_slope_and_levels_are_found_per_withheld_context() -> None:
    logit, made, withheld = drawn()
    found = Calibration.fit(logit, made, withheld, CONTEXTS)
    assert found.slope == pytest.approx(1 / 1.5, abs=0.03)
    assert found.level == pytest.approx(-0.2, abs=0.04)
    assert found.level_shift == pytest.approx((-0.4 / 1.5, 0.0), abs=0.05)
    fresh_logit, fresh_made, fresh_withheld = drawn(seed=4)
    chance = sigmoid(found.apply(fresh_logit, fresh_withheld))
    for mask in (fresh_withheld[:, 0], ~fresh_withheld[:, 0], fresh_withheld[:, 1]):
        assert chance[mask].mean() == pytest.approx(fresh_made[mask].mean(), abs=0.01)


def test_a_calibrated_model_stays_as_it_is() -> None:
    rng = np.random.default_rng(5)
    logit = rng.normal(0, 0.6, 50_000)
    made = (rng.random(50_000) < sigmoid(logit)).astype(float)
    found = Calibration.fit(logit, made, np.zeros((50_000, 2), bool), CONTEXTS)
    assert found.slope == pytest.approx(1, abs=0.05)
    assert found.slope_shift == (0.0, 0.0)


def test_few_rows_change_little() -> None:
    found = Calibration.fit(np.array([2.0, -2.0]), np.array([0.0, 1.0]), np.zeros((2, 2), bool), CONTEXTS)
    assert found.slope == pytest.approx(1, abs=0.2)


def test_identity_changes_nothing_and_survives_a_file() -> None:
    logit = np.linspace(-3, 3, 7)
    found = Calibration.identity(CONTEXTS)
    assert np.array_equal(found.apply(logit, np.ones((7, 2), bool)), logit)
    assert Calibration.from_dict(found.to_dict()) == found


@given(st.floats(-800, 800))
def test_sigmoid_is_a_probability(logit: float) -> None:
    chance = float(sigmoid(np.array([logit]))[0])
    assert 0 <= chance <= 1
    assert chance + float(sigmoid(np.array([-logit]))[0]) == pytest.approx(1)


def test_the_logistic_fit_agrees_with_scikit_learn() -> None:
    from sklearn.linear_model import LogisticRegression

    rng = np.random.default_rng(2)
    design = rng.normal(size=(3_000, 3))
    made = (rng.random(3_000) < sigmoid(design @ [0.5, -1.0, 0.0])).astype(float)
    mine = fit_logistic(design, made, np.zeros(3_000), ridge=1.0)
    theirs = LogisticRegression(C=1.0, fit_intercept=False, tol=1e-10, max_iter=500).fit(design, made)
    assert mine == pytest.approx(theirs.coef_[0], abs=1e-5)


def test_separable_outcomes_do_not_blow_up() -> None:
    design = np.linspace(-1, 1, 40)[:, None]
    found = fit_logistic(design, (design[:, 0] > 0).astype(float), np.zeros(40), ridge=1.0)
    assert np.isfinite(found).all()
