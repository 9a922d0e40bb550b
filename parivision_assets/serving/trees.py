"""A booster's trees as an ONNX graph that ONNX Runtime evaluates: the same sums as XGBoost's, without xgboost.

The trees are read from the bundle's own file. A row goes left where its value is below the threshold, and where a
missing value was sent in training; encoded categories are numbers like any other.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from parivision_assets.core.encoding import Matrix
from parivision_assets.core.families import BoosterPredictor, starting_logit, starting_logit_of_one
from parivision_assets.serving.ubjson import read_ubjson

Vector = npt.NDArray[np.float64]

ROWS, MARGIN = "rows", "margin"
OPSET, ML_OPSET, IR_VERSION = 17, 3, 8
"""Versions of the graph's format; ONNX Runtime reads them all since 2022."""


@dataclass(frozen=True, eq=False)
class OnnxBooster:
    """A booster ready to answer; a Predictor (core.families) whose trees ONNX Runtime evaluates."""

    session: Any
    starts: tuple[int, ...]
    gains: Vector
    """Each column's share of the total gain."""
    files: Mapping[str, bytes]

    @classmethod
    def from_files(cls, files: Mapping[str, bytes], columns: int) -> OnnxBooster:
        """Convert the files that BoosterPredictor.to_files wrote; raise ValueError for trees of another kind."""
        import onnxruntime

        model = read_ubjson(files[BoosterPredictor.FILE])
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.log_severity_level = 3
        session = onnxruntime.InferenceSession(onnx_trees(model, columns), options, providers=["CPUExecutionProvider"])
        starts = tuple(json.loads(files[BoosterPredictor.STARTS_FILE]))
        return cls(session, starts, _gains(model, columns), files)

    def margin(self, matrix: Matrix) -> npt.NDArray[np.float32]:
        """Return the trees' sum per row, base score included."""
        found: npt.NDArray[np.float32] = self.session.run([MARGIN], {ROWS: matrix})[0]
        return found[:, 0]

    def logit(self, matrix: Matrix) -> Vector:
        """See Predictor."""
        if len(matrix) == 1:
            return np.array([starting_logit_of_one(matrix[0].tolist(), self.starts) + float(self.margin(matrix)[0])])
        return starting_logit(matrix, self.starts) + self.margin(matrix).astype(np.float64)

    def importances(self) -> Vector:
        """See Predictor."""
        return self.gains

    def to_files(self) -> dict[str, bytes]:
        """See Predictor."""
        return dict(self.files)


def onnx_trees(model: Mapping[str, Any], columns: int) -> bytes:
    """Return XGBoost's model (its JSON tree) as an ONNX graph from `rows` (n, columns) to `margin` (n, 1), float32.

    Raises ValueError for what binary trees on numbers cannot say: other boosters, several classes, categories.
    """
    from onnx import TensorProto, helper

    learner = model["learner"]
    parameters = learner["learner_model_param"]
    if learner["gradient_booster"]["name"] != "gbtree" or learner["objective"]["name"] != "binary:logistic":
        raise ValueError("the booster is none of binary trees for one probability; train again with this version")
    if int(parameters["num_feature"]) != columns:
        raise ValueError(f"the trees read {parameters['num_feature']} columns, the model's feature list has {columns}")
    trees = learner["gradient_booster"]["model"]["trees"]
    node = helper.make_node(
        "TreeEnsembleRegressor", [ROWS], [MARGIN], domain="ai.onnx.ml", n_targets=1, aggregate_function="SUM",
        post_transform="NONE", **_attributes(trees, _base_margin(parameters["base_score"])),
    )  # fmt: skip
    graph = helper.make_graph(
        [node], "booster",
        [helper.make_tensor_value_info(ROWS, TensorProto.FLOAT, [None, columns])],
        [helper.make_tensor_value_info(MARGIN, TensorProto.FLOAT, [None, 1])],
    )  # fmt: skip
    opsets = [helper.make_opsetid("", OPSET), helper.make_opsetid("ai.onnx.ml", ML_OPSET)]
    built = helper.make_model(graph, opset_imports=opsets, ir_version=IR_VERSION)
    serialized: bytes = built.SerializeToString()
    return serialized


def _gains(model: Mapping[str, Any], columns: int) -> Vector:
    total = np.zeros(columns)
    for tree in model["learner"]["gradient_booster"]["model"]["trees"]:
        inner = np.asarray(tree["left_children"]) >= 0
        split, gain = np.asarray(tree["split_indices"])[inner], np.asarray(tree["loss_changes"])[inner]
        total += np.bincount(split, gain, columns)
    return np.asarray(total / total.sum() if total.any() else total, dtype=np.float64)


def _base_margin(text: str) -> float:
    """Return the log-odds of a base score as XGBoost writes it, `5E-1` or `[5E-1]`."""
    score = float(text.strip("[]"))
    return math.log(score / (1.0 - score))


def _attributes(trees: list[dict[str, Any]], base: float) -> dict[str, Any]:
    nodes: dict[str, list[Any]] = {
        name: [] for name in ("treeids", "nodeids", "featureids", "values", "modes", "truenodeids", "falsenodeids",
                              "missing_value_tracks_true")
    }  # fmt: skip
    leaves: dict[str, list[Any]] = {name: [] for name in ("treeids", "nodeids", "weights")}
    for number, tree in enumerate(trees):
        if len(tree["categories_nodes"]):
            raise ValueError("the booster splits on native categories; train again with encoded ones")
        left, right = (np.asarray(tree[name]).tolist() for name in ("left_children", "right_children"))
        is_leaf = [child < 0 for child in left]
        values = np.asarray(tree["split_conditions"]).tolist()
        count = len(left)
        nodes["treeids"] += [number] * count
        nodes["nodeids"] += range(count)
        nodes["featureids"] += np.asarray(tree["split_indices"]).tolist()
        nodes["values"] += values
        nodes["modes"] += ["LEAF" if leaf else "BRANCH_LT" for leaf in is_leaf]
        nodes["truenodeids"] += [max(child, 0) for child in left]
        nodes["falsenodeids"] += [max(child, 0) for child in right]
        nodes["missing_value_tracks_true"] += np.asarray(tree["default_left"]).astype(int).tolist()
        here = [place for place, leaf in enumerate(is_leaf) if leaf]
        leaves["treeids"] += [number] * len(here)
        leaves["nodeids"] += here
        leaves["weights"] += [values[place] for place in here]
    found = {f"nodes_{name}": values for name, values in nodes.items()}
    found |= {f"target_{name}": values for name, values in leaves.items()}
    found["target_ids"] = [0] * len(leaves["treeids"])
    return found | ({"base_values": [base]} if base else {})
