"""A champion ready to answer: its trees in ONNX Runtime, and everything after them for one row or for many.

One row alone gives the same bits as among others, so that a recorded answer can be replayed.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from parivision_assets.core.encoding import Matrix
from parivision_assets.core.families import LOADERS, Loader
from parivision_assets.core.features import Feature
from parivision_assets.core.game_features import GAME_FEATURES
from parivision_assets.core.game_target import GAME
from parivision_assets.core.shot_features import FEATURES
from parivision_assets.core.targets import Target
from parivision_assets.core.training import TrainedModel
from parivision_assets.serving.encoded_rows import RowEncoder
from parivision_assets.serving.trees import OnnxBooster
from parivision_assets.stores.bundled_models import bundle_model, trained_until
from parivision_assets.stores.bundles import Bundle

SERVING_LOADERS: Mapping[str, Loader] = {**LOADERS, "xgboost": OnnxBooster.from_files}
"""How each family is read by whoever only serves: xgboost itself would bring pandas, SciPy and scikit-learn along."""


@dataclass(frozen=True, eq=False)
class ServedModel:
    """A champion ready to answer."""

    target: str
    digest: str
    decision: int
    """Number of the ledger's entry by which it is champion."""
    trained_until: dt.date
    trained: TrainedModel
    rows: RowEncoder
    features: tuple[Feature, ...]
    """What it reads: its encoder's features, and those of what comes after calibration."""
    read: frozenset[str]
    """The columns of a context that those features are computed from."""

    def logit(self, features: bytes, withheld_set: int, added: float = 0.0) -> float:
        """Return the calibrated log-odds of one encoded row; `added` is what comes after calibration."""
        matrix = np.frombuffer(features, dtype="<f4").reshape(1, -1)
        calibration = self.trained.calibration
        raw = float(self.trained.predictor.logit(matrix)[0])
        return calibration.slopes[withheld_set] * raw + calibration.levels[withheld_set] + added

    def logits(self, matrix: Matrix, added: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        """Return the same of many encoded rows (n, columns)."""
        trained = self.trained
        return trained.calibration.apply(trained.predictor.logit(matrix), trained.encoder.withheld(matrix)) + added


def chance_of(logit: float) -> float:
    """Return the probability of log-odds, the same bits as `calibration.sigmoid`."""
    # NumPy's hyperbolic tangent is not always math's.
    return float(0.5 * (1.0 + np.tanh(0.5 * logit)))


def served_model(bundle: Bundle, target: Target, decision: int) -> ServedModel:
    """Return a bundle's model ready to answer.

    Raises ValueError for files or features that this version does not know, StoreError where the bundle lacks a date.
    """
    trained = bundle_model(bundle, SERVING_LOADERS)
    name = f"bundle {bundle.ref.digest[:12]}…"
    if trained.target != target.name:
        raise ValueError(f"{name} holds a model of {trained.target}, not of {target.name}")
    declared: tuple[Feature, ...] = GAME_FEATURES if target.name == GAME.name else FEATURES
    known = {feature.name: feature for feature in declared}
    strange = [column for column in trained.encoder.names if column not in known]
    if strange:
        raise ValueError(
            f"{name} reads {', '.join(strange)}, which this version does not compute; update the program, or train "
            "again with this version"
        )
    names = {*trained.encoder.names, *(feature.name for feature in target.offset_features)}
    features = tuple(feature for feature in declared if feature.name in names)
    return ServedModel(
        target=target.name,
        digest=bundle.ref.digest,
        decision=decision,
        trained_until=trained_until(bundle),
        trained=trained,
        rows=RowEncoder.of(trained.encoder, tuple(known)),
        features=features,
        read=frozenset(name for feature in features for name in feature.expr.meta.root_names()),
    )
