from dataclasses import replace

import numpy as np
import pytest

from parivision_assets.core.evaluation import score
from parivision_assets.core.model_checks import beats_baseline, is_calibrated, leaks_nothing, standard_errors_better

RNG = np.random.default_rng(5)
TRUTH = RNG.uniform(0.2, 0.8, 4000)
LABEL = (RNG.random(4000) < TRUTH).astype(float)
GOOD = score(LABEL, TRUTH)
FLAT = score(LABEL, np.full(4000, LABEL.mean()))


def test_a_better_model_beats_the_best_baseline_and_says_by_how_much() -> None:
    check = beats_baseline({"challenger": GOOD, "constant": FLAT, "zone_mean": FLAT}, ["constant", "zone_mean"])
    assert check.passed
    assert check.figures["margin_nats"] == pytest.approx(FLAT.log_loss - GOOD.log_loss)


def test_a_model_no_better_than_a_baseline_fails() -> None:
    check = beats_baseline({"challenger": FLAT, "constant": FLAT}, ["constant"])
    assert not check.passed
    assert "is not lower" in check.detail


def test_calibration_is_held_against_what_chance_explains() -> None:
    assert is_calibrated(GOOD).passed
    shifted = is_calibrated(score(LABEL, np.clip(TRUTH + 0.1, 0, 1)))
    assert not shifted.passed
    assert shifted.is_warning


@pytest.mark.parametrize(
    ("target", "season", "auc", "passed", "warning"),
    [
        ("shot_pre_release", 2021, 0.66, True, False),
        ("shot_pre_release", 2016, 0.71, False, False),
        ("shot_post_event", 2016, 0.71, False, True),
        ("shot_post_event", 2018, 0.71, False, False),
    ],
)
def test_a_shot_model_too_good_to_be_true_is_an_alarm(
    target: str, season: int, auc: float, passed: bool, warning: bool
) -> None:
    check = leaks_nothing(target, {"challenger": replace(GOOD, roc_auc=auc)}, season)
    assert (check.passed, check.is_warning) == (passed, warning)


def test_a_game_model_far_better_than_the_market_is_an_alarm() -> None:
    assert leaks_nothing("game", {"challenger": GOOD}, 2020, market_z=-4.0).passed
    assert not leaks_nothing("game", {"challenger": GOOD}, 2020, market_z=3.1).passed
    assert leaks_nothing("game", {"challenger": GOOD}, 2020).passed


def test_standard_errors_better_has_the_sign_and_size_of_a_paired_test() -> None:
    assert standard_errors_better(LABEL, TRUTH, np.full(4000, 0.5)) > 5
    assert standard_errors_better(LABEL, np.full(4000, 0.5), TRUTH) < -5
    assert standard_errors_better(LABEL, TRUTH, TRUTH) == 0.0
