"""The families of models behind one interface: fit on a matrix, predict a logit, save and load in open formats."""

from __future__ import annotations

import io
import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
import polars as pl

from parivision_assets.core.encoding import Matrix

Vector = npt.NDArray[np.float64]
Progress = Callable[[float], None]
Params = Mapping[str, Any]

LEAST_START = 0.02
"""Boosting starts from a rate at least this far from 0 and 1."""
PROBABILITY_FLOOR = 1e-6
"""Forests may answer 0 or 1; logits are taken after clipping to this distance from both."""


@dataclass(frozen=True)
class Machine:
    """Where and how to compute; none of it may change what comes out, on one device."""

    seed: int
    n_jobs: int = 2
    device: str = "cpu"


class Predictor(Protocol):
    """A fitted model of any family."""

    def logit(self, matrix: Matrix) -> Vector:
        """Return the log-odds of the positive label, one per row."""

    def importances(self) -> Vector:
        """Return each column's share of the model's attention; shares sum to 1."""

    def to_files(self) -> dict[str, bytes]:
        """Return the model in open formats, by file name."""


@dataclass(frozen=True)
class BoosterPredictor:
    """Gradient-boosted trees, kept as XGBoost's universal binary JSON."""

    booster: Any
    columns: int
    starts: tuple[int, ...] = ()
    """Columns that hold a rate to start from, the preferred one first (see `starting_logit`)."""

    FILE, STARTS_FILE = "model.ubj", "starts.json"

    def logit(self, matrix: Matrix) -> Vector:
        """See Predictor."""
        margin = self.booster.inplace_predict(matrix, predict_type="margin")
        return starting_logit(matrix, self.starts) + np.asarray(margin, dtype=np.float64)

    def importances(self) -> Vector:
        """Return shares of total gain."""
        gains = np.zeros(self.columns)
        for name, gain in self.booster.get_score(importance_type="total_gain").items():
            gains[int(name[1:])] = gain
        return _shares(gains)

    def to_files(self) -> dict[str, bytes]:
        """See Predictor."""
        starts = json.dumps(self.starts).encode()
        return {self.FILE: bytes(self.booster.save_raw("ubj")), self.STARTS_FILE: starts}

    @classmethod
    def from_files(cls, files: Mapping[str, bytes], columns: int) -> BoosterPredictor:
        """Load what `to_files` returned."""
        import xgboost as xgb

        booster = xgb.Booster()
        booster.load_model(bytearray(files[cls.FILE]))
        return cls(booster, columns, tuple(json.loads(files[cls.STARTS_FILE])))


def starting_logit(matrix: Matrix, starts: tuple[int, ...]) -> Vector:
    """Return each row's log-odds of the first rate that is there among the columns `starts`; 0 where none is.

    A league's rates move within a season; trees that start from them follow at once, instead of after retraining.
    """
    rate = np.full(len(matrix), np.nan)
    for column in starts:
        rate = np.where(np.isnan(rate), matrix[:, column].astype(np.float64), rate)
    rate = np.clip(np.where(np.isnan(rate), 0.5, rate), LEAST_START, 1 - LEAST_START)
    return np.asarray(np.log(rate / (1 - rate)), dtype=np.float64)


def starting_logit_of_one(row: Sequence[float], starts: tuple[int, ...]) -> float:
    """Return the log-odds that one row starts from, the same bits as `starting_logit` in a fraction of its time."""
    given = (row[column] for column in starts)
    rate = next((rate for rate in given if not math.isnan(rate)), 0.5)
    rate = min(max(rate, LEAST_START), 1 - LEAST_START)
    # NumPy's logarithm is not always math's.
    return float(np.log(rate / (1 - rate)))


@dataclass(frozen=True)
class LinearPredictor:
    """Logistic regression on clipped, standardised columns, with hinges at quantiles and missing flags."""

    basis: LinearBasis
    intercept: float
    coefficients: Vector

    FILE = "coefficients.json"

    def logit(self, matrix: Matrix) -> Vector:
        """See Predictor."""
        # Not a matrix product: its last bit would depend on how many rows are asked about at once.
        terms = self.basis.design(matrix) * self.coefficients
        return np.asarray(terms.sum(axis=1) + self.intercept, dtype=np.float64)

    def importances(self) -> Vector:
        """Return shares of the absolute standardised coefficients, summed per column."""
        return _shares(
            np.bincount(self.basis.owners(), np.abs(self.coefficients), len(self.basis.centre)).astype(np.float64)
        )

    def to_files(self) -> dict[str, bytes]:
        """See Predictor."""
        content = {
            "centre": self.basis.centre.tolist(),
            "scale": self.basis.scale.tolist(),
            "knots": [knots.tolist() for knots in self.basis.knots],
            "intercept": self.intercept,
            "coefficients": self.coefficients.tolist(),
        }
        return {self.FILE: json.dumps(content, indent=1).encode()}

    @classmethod
    def from_files(cls, files: Mapping[str, bytes], columns: int) -> LinearPredictor:
        """Load what `to_files` returned."""
        content = json.loads(files[cls.FILE])
        knots = tuple(np.asarray(values, dtype=np.float64) for values in content["knots"])
        basis = LinearBasis(np.asarray(content["centre"]), np.asarray(content["scale"]), knots)
        if len(basis.centre) != columns:
            raise ValueError(f"{cls.FILE}: {len(basis.centre)} columns, the model's feature list has {columns}")
        return cls(basis, float(content["intercept"]), np.asarray(content["coefficients"], dtype=np.float64))


@dataclass(frozen=True)
class LinearBasis:
    """How columns become terms: per column the standardised value, one hinge per knot, and a missing flag."""

    centre: Vector
    scale: Vector
    knots: tuple[Vector, ...]

    @classmethod
    def fit(cls, matrix: Matrix, hinges: int) -> LinearBasis:
        """Learn centres, scales and `hinges` knots per column at evenly spaced quantiles."""
        values = matrix.astype(np.float64)
        empty = np.isnan(values).all(axis=0)
        values[:, empty] = 0.0
        centre, scale = np.nanmean(values, axis=0), np.nanstd(values, axis=0)
        scale[scale < 1e-9] = 1.0
        quantiles = np.linspace(0, 1, hinges + 2)[1:-1]
        columns = (values[:, index] for index in range(values.shape[1]))
        knots = tuple(
            (np.unique(np.nanquantile(column, quantiles)) - centre[i]) / scale[i] if hinges else np.empty(0)
            for i, column in enumerate(columns)
        )
        return cls(centre, scale, knots)

    def design(self, matrix: Matrix) -> Vector:
        """Return rows by terms; a missing value is its column's mean, and says so in the flag."""
        blocks = []
        for index, knots in enumerate(self.knots):
            value = (matrix[:, index].astype(np.float64) - self.centre[index]) / self.scale[index]
            missing = np.isnan(value)
            value = np.clip(np.where(missing, 0.0, value), -8.0, 8.0)
            hinged = [np.where(missing, 0.0, np.maximum(value - knot, 0.0)) for knot in knots]
            blocks.extend([value, missing.astype(np.float64), *hinged])
        return np.stack(blocks, axis=1)

    def owners(self) -> npt.NDArray[np.int64]:
        """Return, per term, the column it comes from."""
        return np.concatenate([np.full(2 + len(knots), index) for index, knots in enumerate(self.knots)])


@dataclass(frozen=True)
class ForestPredictor:
    """A random forest as one table of nodes (Parquet), because ONNX converters lag behind scikit-learn.

    Rows with a value at most the threshold go left; missing values go where training sent them.
    """

    nodes: pl.DataFrame
    shares: Vector

    FILE = "trees.parquet"

    def logit(self, matrix: Matrix) -> Vector:
        """See Predictor."""
        total = np.zeros(len(matrix))
        trees = self.nodes.partition_by("tree", maintain_order=True)
        for tree in trees:
            total += _walk(tree, matrix)
        mean = np.clip(total / len(trees), PROBABILITY_FLOOR, 1 - PROBABILITY_FLOOR)
        return np.asarray(np.log(mean / (1 - mean)), dtype=np.float64)

    def importances(self) -> Vector:
        """Return scikit-learn's impurity importances."""
        return self.shares

    def to_files(self) -> dict[str, bytes]:
        """See Predictor."""
        buffer = io.BytesIO()
        self.nodes.write_parquet(buffer)
        return {self.FILE: buffer.getvalue(), "importances.json": json.dumps(self.shares.tolist()).encode()}

    @classmethod
    def from_files(cls, files: Mapping[str, bytes], columns: int) -> ForestPredictor:
        """Load what `to_files` returned."""
        shares = np.asarray(json.loads(files["importances.json"]), dtype=np.float64)
        if len(shares) != columns:
            raise ValueError(f"importances.json: {len(shares)} columns, the model's feature list has {columns}")
        return cls(pl.read_parquet(io.BytesIO(files[cls.FILE])), shares)


def fit_booster(
    matrix: Matrix, label: Vector, weight: Vector, params: Params, machine: Machine, progress: Progress
) -> BoosterPredictor:
    """Fit XGBoost; `params` are XGBoost's, plus `rounds` and `starts` (columns to start from)."""
    import xgboost as xgb

    class Report(xgb.callback.TrainingCallback):  # type: ignore[misc]
        def after_iteration(self, model: Any, epoch: int, evals_log: Any) -> bool:  # noqa: ARG002
            progress((epoch + 1) / rounds)
            return False

    settings = {name: value for name, value in params.items() if name not in {"rounds", "starts"}}
    starts = tuple(params.get("starts", ()))
    rounds = int(params["rounds"])
    settings |= {
        "objective": "binary:logistic",
        "tree_method": "hist",
        "nthread": machine.n_jobs,
        "device": machine.device,
        "seed": machine.seed,
        "base_score": 0.5,
    }
    data = xgb.QuantileDMatrix(matrix, label=label, weight=weight, max_bin=int(settings.get("max_bin", 256)))
    data.set_base_margin(starting_logit(matrix, starts).astype(np.float32))
    booster = xgb.train(settings, data, rounds, callbacks=[Report()])
    return BoosterPredictor(booster, matrix.shape[1], starts)


def fit_linear(
    matrix: Matrix, label: Vector, weight: Vector, params: Params, machine: Machine, progress: Progress
) -> LinearPredictor:
    """Fit logistic regression; `params`: `c` (inverse penalty), `hinges` per column, `max_rows` sampled."""
    from sklearn.linear_model import LogisticRegression
    from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

    matrix, label, weight = _sampled(matrix, label, weight, params.get("max_rows"), machine.seed)
    basis = LinearBasis.fit(matrix, int(params.get("hinges", 0)))
    model = LogisticRegression(C=float(params.get("c", 1.0)), solver="newton-cholesky", max_iter=50)
    with threadpool_limits(machine.n_jobs):
        model.fit(basis.design(matrix), label, sample_weight=weight)
    progress(1.0)
    return LinearPredictor(basis, float(model.intercept_[0]), np.asarray(model.coef_[0], dtype=np.float64))


def fit_forest(
    matrix: Matrix, label: Vector, weight: Vector, params: Params, machine: Machine, progress: Progress
) -> ForestPredictor:
    """Fit a random forest; `params` are scikit-learn's, plus `max_rows` sampled before training."""
    from sklearn.ensemble import RandomForestClassifier

    matrix, label, weight = _sampled(matrix, label, weight, params.get("max_rows"), machine.seed)
    settings = {name: value for name, value in params.items() if name != "max_rows"}
    model = RandomForestClassifier(**settings, random_state=machine.seed, n_jobs=machine.n_jobs)
    model.fit(matrix, label, sample_weight=weight)
    progress(1.0)
    nodes = pl.concat([_nodes(index, tree.tree_) for index, tree in enumerate(model.estimators_)])
    return ForestPredictor(nodes, np.asarray(model.feature_importances_, dtype=np.float64))


Fit = Callable[[Matrix, Vector, Vector, Params, Machine, Progress], Predictor]

FAMILIES: Mapping[str, Fit] = {
    "logistic_regression": fit_linear,
    "random_forest": fit_forest,
    "xgboost": fit_booster,
}
Loader = Callable[[Mapping[str, bytes], int], Predictor]
LOADERS: Mapping[str, Loader] = {
    "logistic_regression": LinearPredictor.from_files,
    "random_forest": ForestPredictor.from_files,
    "xgboost": BoosterPredictor.from_files,
}


def _sampled(
    matrix: Matrix, label: Vector, weight: Vector, max_rows: int | None, seed: int
) -> tuple[Matrix, Vector, Vector]:
    if max_rows is None or len(matrix) <= max_rows:
        return matrix, label, weight
    rows = np.sort(np.random.default_rng(seed).choice(len(matrix), size=max_rows, replace=False))
    return matrix[rows], label[rows], weight[rows]


def _nodes(index: int, tree: Any) -> pl.DataFrame:
    positive = tree.value[:, 0, 1] / tree.value[:, 0, :].sum(axis=1)
    return pl.DataFrame(
        {
            "tree": np.full(tree.node_count, index, dtype=np.int32),
            "left": tree.children_left.astype(np.int32),
            "right": tree.children_right.astype(np.int32),
            "column": tree.feature.astype(np.int32),
            "threshold": tree.threshold.astype(np.float64),
            "missing_left": tree.missing_go_to_left.astype(bool),
            "probability": positive.astype(np.float64),
        }
    )


def _walk(tree: pl.DataFrame, matrix: Matrix) -> Vector:
    left, right = tree["left"].to_numpy(), tree["right"].to_numpy()
    column, threshold = tree["column"].to_numpy(), tree["threshold"].to_numpy()
    missing_left = tree["missing_left"].to_numpy()
    node = np.zeros(len(matrix), dtype=np.int32)
    active = np.arange(len(matrix))
    while len(active):
        here = node[active]
        inner = left[here] >= 0
        active, here = active[inner], here[inner]
        value = matrix[active, column[here]]
        go_left = np.where(np.isnan(value), missing_left[here], value <= threshold[here])
        node[active] = np.where(go_left, left[here], right[here])
    return np.asarray(tree["probability"].to_numpy()[node], dtype=np.float64)


def _shares(amounts: Vector) -> Vector:
    total = float(amounts.sum())
    return np.asarray(amounts / total if total > 0 else amounts, dtype=np.float64)
