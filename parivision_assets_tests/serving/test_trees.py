"""Trees in ONNX Runtime against XGBoost itself, and what is refused of a booster's file."""

import contextlib
import json
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import xgboost as xgb
from hypothesis import given, settings
from hypothesis import strategies as st

from parivision_assets.core.calibration import sigmoid
from parivision_assets.core.families import BoosterPredictor, Machine, fit_booster
from parivision_assets.serving.trees import OnnxBooster, onnx_trees
from parivision_assets.serving.ubjson import read_ubjson

COLUMNS = 8
ROWS = 100_000
Matrix = npt.NDArray[np.float32]
WHOLE = (
    b"{L\x00\x00\x00\x00\x00\x00\x00\x04nameSL\x00\x00\x00\x00\x00\x00\x00\x05treesi\x05depthl\x00\x00\x00\x03i\x06value"
    b"s[$d#L\x00\x00\x00\x00\x00\x00\x00\x02?\x80\x00\x00@\x00\x00\x00i\x05parts[TZ{i\x01aU\xc8}]}"
)
"""name, depth, values (a typed array) and parts, in universal binary JSON."""


def rows(count: int, seed: int, places: npt.NDArray[np.float32] | None = None) -> Matrix:
    """Return rows with missing values; with `places`, half of the values lie exactly on a threshold."""
    rng = np.random.default_rng(seed)
    values = rng.normal(0, 1, (count, COLUMNS)).astype(np.float32)
    if places is not None:
        on = rng.random(values.shape) < 0.5
        values[on] = rng.choice(places, int(on.sum()))
    values[:, 0] = np.clip(np.abs(values[:, 0]) / 4, 0.0, 1.0)
    values[rng.random(values.shape) < 0.2] = np.nan
    return values


@pytest.fixture(scope="module")
def booster() -> BoosterPredictor:
    matrix = rows(4_000, 1)
    rng = np.random.default_rng(2)
    signal = np.nan_to_num(matrix[:, 1]) - np.isnan(matrix[:, 2]) + np.nan_to_num(matrix[:, 3] * matrix[:, 4])
    label = (rng.random(len(matrix)) < 1 / (1 + np.exp(-signal))).astype(np.float64)
    params = {"rounds": 80, "eta": 0.2, "max_depth": 6, "starts": (0, 5)}
    return fit_booster(matrix, label, np.ones(len(matrix)), params, Machine(1, 1), lambda _share: None)


@pytest.fixture(scope="module")
def converted(booster: BoosterPredictor) -> OnnxBooster:
    return OnnxBooster.from_files(booster.to_files(), COLUMNS)


@pytest.fixture(scope="module")
def model(booster: BoosterPredictor) -> dict[str, Any]:
    found: dict[str, Any] = read_ubjson(booster.to_files()[BoosterPredictor.FILE])
    return found


def test_it_sums_what_xgboost_sums(booster: BoosterPredictor, converted: OnnxBooster, model: dict[str, Any]) -> None:
    trees = model["learner"]["gradient_booster"]["model"]["trees"]
    matrix = rows(ROWS, 3, np.concatenate([tree["split_conditions"] for tree in trees]))
    expected = booster.logit(matrix)
    assert float(np.abs(converted.logit(matrix) - expected).max()) <= 1e-6
    assert float(np.abs(expected).max()) > 1
    assert np.allclose(converted.importances(), booster.importances(), atol=1e-6)


def test_one_row_alone_is_answered_as_among_others(converted: OnnxBooster) -> None:
    matrix = rows(700, 4)
    together = converted.logit(matrix)
    for size in (1, 2, 33, 257):
        apart = np.concatenate([converted.logit(matrix[start : start + size]) for start in range(0, 700, size)])
        assert (apart == together).all()


def test_the_file_holds_what_xgboost_writes_as_json(booster: BoosterPredictor, model: dict[str, Any]) -> None:
    def plain(value: Any) -> Any:
        if isinstance(value, dict):
            return {name: plain(one) for name, one in value.items()}
        if isinstance(value, list | np.ndarray):
            return [plain(one) for one in value]
        return float(np.float32(value)) if isinstance(value, int | float | np.number) else value

    assert plain(model) == plain(json.loads(bytes(booster.booster.save_raw("json"))))


def test_a_base_score_is_added(model: dict[str, Any], booster: BoosterPredictor) -> None:
    other = json.loads(bytes(booster.booster.save_raw("json")))
    other["learner"]["learner_model_param"]["base_score"] = "[2.5E-1]"
    changed = xgb.Booster()
    changed.load_model(bytearray(json.dumps(other).encode()))
    files = {**booster.to_files(), BoosterPredictor.FILE: bytes(changed.save_raw("ubj"))}
    matrix = rows(500, 5)
    expected = changed.inplace_predict(matrix, predict_type="margin").astype(np.float64)
    found = OnnxBooster.from_files(files, COLUMNS).margin(matrix).astype(np.float64)
    assert float(np.abs(sigmoid(found) - sigmoid(expected)).max()) <= 1e-6


@pytest.mark.parametrize(
    ("path", "value", "words"),
    [
        (("gradient_booster", "name"), "gblinear", "binary trees"),
        (("objective", "name"), "multi:softprob", "binary trees"),
        (("learner_model_param", "num_feature"), "9", "9 columns"),
    ],
)
def test_trees_of_another_kind_are_refused(
    model: dict[str, Any], path: tuple[str, ...], value: str, words: str
) -> None:
    learner = {**model["learner"], path[0]: {**model["learner"][path[0]], path[1]: value}}
    with pytest.raises(ValueError, match=words):
        onnx_trees({"learner": learner}, COLUMNS)


def test_native_categories_are_refused() -> None:
    rng = np.random.default_rng(1)
    data = xgb.DMatrix(
        rng.integers(0, 5, (500, 1)).astype(np.float32), rng.integers(0, 2, 500), feature_types=["c"],
        enable_categorical=True,
    )  # fmt: skip
    settings = {"objective": "binary:logistic", "max_cat_to_onehot": 1}
    native = read_ubjson(bytes(xgb.train(settings, data, 3).save_raw("ubj")))
    with pytest.raises(ValueError, match="native categories"):
        onnx_trees(native, 1)


@settings(deadline=None, max_examples=50)
@given(share=st.floats(0, 1, exclude_max=True), byte=st.integers(0, 255))
def test_a_cut_or_changed_file_is_never_a_crash(share: float, byte: int) -> None:
    place = int(share * len(WHOLE))
    with pytest.raises(ValueError, match="no universal binary JSON"):
        read_ubjson(WHOLE[:place])
    with contextlib.suppress(ValueError):
        read_ubjson(WHOLE[:place] + bytes([byte]) + WHOLE[place + 1 :])


def test_a_small_document_is_read() -> None:
    found = read_ubjson(WHOLE)
    values = found.pop("values")
    assert found == {"name": "trees", "depth": 3, "parts": [True, None, {"a": 200}]}
    assert values.dtype == np.float32
    assert values.tolist() == [1.0, 2.0]


def test_bytes_after_the_end_are_refused() -> None:
    with pytest.raises(ValueError, match="after the end"):
        read_ubjson(WHOLE + b"N")
