import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from parivision_assets.core.calibration import Calibration, fit_logistic, sigmoid

CONTEXTS = ("who", "when")


def drawn(rows: int = 60_000, seed: int = 3) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return overconfident log-odds that run too high, outcomes, and log-odds given less, which run too low."""
    rng = np.random.default_rng(seed)
    known, hidden = rng.normal(0, 0.5, rows), rng.normal(0, 0.5, rows)
    made = (rng.random(rows) < sigmoid(known + hidden)).astype(float)
    return 1.5 * (known + hidden) + 0.3, made, 2.0 * known - 0.5


def fitted() -> Calibration:
    logit, made, less = drawn()
    found = Calibration.fit(logit, made, CONTEXTS)
    return found.with_set(1, less, sigmoid(found.apply(logit, found.mask_of(0, len(logit)))))


def test_every_set_of_withheld_contexts_is_calibrated() -> None:
    found = fitted()
    assert found.slopes[0] == pytest.approx(1 / 1.5, abs=0.03)
    assert found.levels[0] == pytest.approx(-0.2, abs=0.04)
    logit, made, less = drawn(seed=4)
    for number, given_logit in ((0, logit), (1, less)):
        chance = sigmoid(found.apply(given_logit, found.mask_of(number, len(logit))))
        for part in (chance < 0.4, (chance >= 0.4) & (chance < 0.6), chance >= 0.6):
            assert chance[part].mean() == pytest.approx(made[part].mean(), abs=0.015)


def test_rows_find_the_calibration_of_what_they_withhold() -> None:
    found = Calibration(CONTEXTS, (1.0, 2.0, 3.0, 4.0), (0.0, 10.0, 20.0, 30.0))
    withheld = np.array([[False, False], [True, False], [False, True], [True, True]])
    assert found.apply(np.ones(4), withheld).tolist() == [1.0, 12.0, 23.0, 34.0]
    assert all(np.array_equal(found.mask_of(number, 1)[0], withheld[number]) for number in range(4))


def test_a_calibrated_model_stays_as_it_is() -> None:
    rng = np.random.default_rng(5)
    logit = rng.normal(0, 0.6, 50_000)
    made = (rng.random(50_000) < sigmoid(logit)).astype(float)
    found = Calibration.fit(logit, made, CONTEXTS)
    assert found.slopes == pytest.approx([1.0] * 4, abs=0.05)
    assert found.levels == pytest.approx([0.0] * 4, abs=0.05)


def test_few_rows_change_little() -> None:
    found = Calibration.fit(np.array([2.0, -2.0]), np.array([0.0, 1.0]), CONTEXTS)
    assert found.slopes[0] == pytest.approx(1, abs=0.2)


def test_identity_changes_nothing_and_calibrations_survive_a_file() -> None:
    logit = np.linspace(-3, 3, 7)
    identity = Calibration.identity(CONTEXTS)
    assert np.array_equal(identity.apply(logit, np.ones((7, 2), bool)), logit)
    assert Calibration.from_dict(fitted().to_dict()) == fitted()


def test_too_many_contexts_are_refused() -> None:
    with pytest.raises(ValueError, match="at most 8"):
        Calibration.identity([str(number) for number in range(9)])


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
