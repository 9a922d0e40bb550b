import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics as reference

from parivision_assets.core import evaluation
from parivision_assets.core.evaluation import Metrics, score


def _sample(rows: int, spread: float = 0.6, seed: int = 3) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    chance = 1 / (1 + np.exp(-rng.normal(-0.15, spread, rows)))
    return rng.random(rows) < chance, chance, rng.integers(0, max(2, rows // 100), rows)


def test_figures_agree_with_scikit_learn():
    label, chance, game = _sample(5_000)
    found = score(label, chance, game)
    assert found.n == 5_000
    assert found.games == len(np.unique(game))
    assert found.log_loss == pytest.approx(reference.log_loss(label, chance), abs=1e-12)
    assert found.brier == pytest.approx(reference.brier_score_loss(label, chance), abs=1e-12)
    assert found.accuracy == reference.accuracy_score(label, chance >= 0.5)
    assert found.roc_auc == pytest.approx(reference.roc_auc_score(label, chance), abs=1e-12)


def test_roc_auc_counts_ties_as_half():
    label = np.array([0, 1, 0, 1, 1, 0])
    chance = np.array([0.4, 0.4, 0.4, 0.7, 0.2, 0.7])
    assert score(label, chance).roc_auc == pytest.approx(reference.roc_auc_score(label, chance))


@pytest.mark.parametrize(
    ("rows", "spread", "mean", "quantile"), [(191_000, 0.55, 0.0034, 0.0045), (6_400, 0.9, 0.018, 0.0237)]
)
def test_null_calibration_error_has_the_stated_size(rows, spread, mean, quantile):
    label, chance, game = _sample(rows, spread)
    found = score(label, chance, game)
    assert found.ece_null_mean == pytest.approx(mean, rel=0.04)
    assert found.ece_null_95 == pytest.approx(quantile, rel=0.04)


def test_null_calibration_error_agrees_with_drawing_every_outcome():
    rng = np.random.default_rng(8)
    _, chance, game = _sample(2_000)
    bins = evaluation._mass_bins(chance, 15)
    drawn = [evaluation._ece((rng.random(2_000) < chance).astype(float), chance, bins) for _ in range(1_000)]
    found = score(chance > 0.5, chance, game)
    assert np.mean(drawn) == pytest.approx(found.ece_null_mean, rel=0.05)
    assert np.quantile(drawn, 0.95) == pytest.approx(found.ece_null_95, rel=0.05)


def test_calibration_error_is_the_mean_gap_of_equal_bins():
    chance = np.repeat([0.2, 0.8], 50)
    label = np.r_[np.ones(20), np.zeros(30), np.ones(40), np.zeros(10)]
    assert score(label, chance).ece == pytest.approx(0.1)
    curve = evaluation.calibration_curve(label, chance)
    assert curve["n"].to_list() == [50, 50]
    assert curve["observed_rate"].to_list() == pytest.approx([0.4, 0.8])
    assert curve["half_width_95"][0] == pytest.approx(1.96 * math.sqrt(0.16 / 50), rel=1e-4)


def test_bins_hold_equally_many_rows():
    label, chance, _ = _sample(1_500)
    assert evaluation.calibration_curve(label, chance)["n"].to_list() == [100] * 15


def test_standard_errors_are_those_of_repeated_seasons_of_games():
    rng = np.random.default_rng(5)
    chance = 1 / (1 + np.exp(-rng.normal(0, 0.6, 4_000)))
    game = np.repeat(np.arange(200), 20)
    found = []
    for _ in range(250):
        hot = np.repeat(rng.normal(0, 0.5, 200), 20)
        label = rng.random(4_000) < 1 / (1 + np.exp(-np.log(chance / (1 - chance)) - hot))
        found.append(score(label, chance, game))
    for name in ("log_loss", "brier", "accuracy", "roc_auc"):
        truth = np.std([getattr(one, name) for one in found])
        claimed = np.mean([getattr(one, f"{name}_se") for one in found])
        assert claimed == pytest.approx(truth, rel=0.15), name


def test_games_may_be_named_by_text_and_rows_come_in_any_order():
    label, chance, game = _sample(3_000)
    order = np.random.default_rng(1).permutation(3_000)
    names = np.array([f"2021-01-{code:03d}_ATL_BOS" for code in game])
    one, other = score(label, chance, game).to_dict(), score(label[order], chance[order], names[order]).to_dict()
    assert one == pytest.approx(other, abs=1e-12)


def test_one_class_leaves_the_roc_auc_undefined():
    found = score(np.ones(10), np.full(10, 0.6), np.arange(10) // 5)
    assert found.roc_auc is None
    assert found.roc_auc_se is None
    assert found.log_loss == pytest.approx(-math.log(0.6))


def test_one_game_leaves_standard_errors_undefined():
    label, chance, _ = _sample(100)
    found = score(label, chance, np.zeros(100, dtype=int))
    assert [found.log_loss_se, found.brier_se, found.accuracy_se, found.roc_auc_se] == [None] * 4
    assert found.roc_auc is not None


def test_metrics_survive_json():
    found = score(*_sample(50))
    assert Metrics.from_dict(found.to_dict()) == found
    assert not any(isinstance(value, float) and math.isnan(value) for value in found.to_dict().values())
    with pytest.raises(ValueError, match="brier"):
        Metrics.from_dict({name: value for name, value in found.to_dict().items() if name != "brier"})


@pytest.mark.parametrize(
    ("label", "chance", "game", "words"),
    [
        ([], [], [], "no rows"),
        ([1, 0], [0.5], [1, 2], "same rows"),
        ([1, 0], [0.5, 0.5], [1], "same rows"),
        ([1, 2], [0.5, 0.5], [1, 2], "row 1 is 2.0"),
        ([1, math.nan], [0.5, 0.5], [1, 2], "row 1 is nan"),
        ([1, 0], [0.5, 1.1], [1, 2], "row 1 is 1.1"),
        ([1, 0], [math.nan, 0.5], [1, 2], "row 0 is nan"),
    ],
)
def test_what_cannot_be_scored_is_refused_in_words(label, chance, game, words):
    with pytest.raises(ValueError, match=words):
        score(np.array(label, dtype=float), np.array(chance, dtype=float), np.array(game))


def test_certain_and_wrong_costs_much_but_not_infinity():
    assert 30 < score(np.array([1.0, 0.0]), np.array([0.0, 0.0])).log_loss * 2 < 40


def test_confusion_counts():
    found = evaluation.confusion(np.array([1, 1, 0, 0, 1]), np.array([0.5, 0.4, 0.6, 0.1, 0.9]))
    counts = (found.true_positive, found.false_positive, found.true_negative, found.false_negative)
    assert counts == (2, 1, 1, 1)
    assert found.to_dict()["threshold"] == 0.5


def test_regret_is_the_expected_excess_log_loss():
    truth, said = np.array([0.3, 0.9]), np.array([0.4, 0.7])
    expected = [t * math.log(t / s) + (1 - t) * math.log((1 - t) / (1 - s)) for t, s in zip(truth, said, strict=True)]
    assert evaluation.regret(truth, said) == pytest.approx(np.mean(expected))
    assert evaluation.regret(np.array([0.0, 1.0]), np.array([0.5, 0.5])) == pytest.approx(math.log(2))


@given(st.lists(st.tuples(st.floats(0, 1), st.floats(0, 1)), min_size=1, max_size=50))
@settings(max_examples=100, deadline=None)
def test_regret_is_never_negative_and_zero_for_the_truth(pairs):
    truth, said = np.array(pairs).T
    assert evaluation.regret(truth, said) >= -1e-12
    assert evaluation.regret(truth, truth) == pytest.approx(0, abs=1e-9)


def test_per_game_log_loss_keeps_the_order_of_games():
    label, chance = np.array([1, 0, 1, 1]), np.array([0.5, 0.2, 0.25, 0.5])
    found = evaluation.per_game_log_loss(label, chance, np.array([7, 3, 7, 3]))
    assert found["game"].to_list() == [7, 3]
    assert found["n"].to_list() == [2, 2]
    assert found["log_loss"].to_list() == pytest.approx([-math.log(0.125) / 2, -math.log(0.4) / 2])


def test_group_without_an_id_is_refused():
    with pytest.raises(ValueError, match="no game id"):
        score(np.ones(2), np.ones(2) / 2, np.array(["a", None], dtype=object))
