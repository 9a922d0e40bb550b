"""Turning a model's log-odds into probabilities that hold for whatever subset of inputs was given.

Calibration is affine in the log-odds; slope and level shift with each withheld context. The tracking offset adds what
the defender and the shot clock say beyond the base model.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from parivision_assets.core.encoding import Mask

Vector = npt.NDArray[np.float64]

RIDGE = 20.0
"""Weight, in rows, of the prior that a model needs no correction."""


@dataclass(frozen=True)
class Calibration:
    """Logit' = slope · logit + level, both shifted by each withheld context."""

    contexts: tuple[str, ...]
    slope: float
    level: float
    slope_shift: tuple[float, ...]
    level_shift: tuple[float, ...]

    @classmethod
    def identity(cls, contexts: Sequence[str]) -> Calibration:
        """Return the calibration that changes nothing."""
        return cls(tuple(contexts), 1.0, 0.0, (0.0,) * len(contexts), (0.0,) * len(contexts))

    @classmethod
    def fit(cls, logit: Vector, label: Vector, withheld: Mask, contexts: Sequence[str]) -> Calibration:
        """Fit on out-of-fold log-odds; `withheld` is rows by contexts. Nothing is learnt from no rows."""
        count = len(contexts)
        flags = withheld.astype(np.float64)
        design = np.column_stack([logit, np.ones_like(logit), flags * logit[:, None], flags])
        beta = fit_logistic(design, label, offset=logit, ridge=RIDGE)
        slopes, levels = beta[2 : 2 + count], beta[2 + count :]
        return cls(
            tuple(contexts), 1.0 + float(beta[0]), float(beta[1]),
            tuple(map(float, slopes)), tuple(map(float, levels)),
        )  # fmt: skip

    def apply(self, logit: Vector, withheld: Mask) -> Vector:
        """Return calibrated log-odds."""
        flags = withheld.astype(np.float64)
        slope = self.slope + flags @ np.asarray(self.slope_shift, dtype=np.float64)
        level = self.level + flags @ np.asarray(self.level_shift, dtype=np.float64)
        return np.asarray(slope * logit + level, dtype=np.float64)

    def to_dict(self) -> dict[str, Any]:
        """Return the calibration as JSON-ready values."""
        return {
            "contexts": list(self.contexts), "slope": self.slope, "level": self.level,
            "slope_shift": list(self.slope_shift), "level_shift": list(self.level_shift),
        }  # fmt: skip

    @classmethod
    def from_dict(cls, content: Mapping[str, Any]) -> Calibration:
        """Return what `to_dict` described."""
        return cls(
            tuple(content["contexts"]), float(content["slope"]), float(content["level"]),
            tuple(content["slope_shift"]), tuple(content["level_shift"]),
        )  # fmt: skip


def sigmoid(logit: Vector) -> Vector:
    """Return probabilities of log-odds, without overflow."""
    return np.asarray(0.5 * (1.0 + np.tanh(0.5 * logit)), dtype=np.float64)


def fit_logistic(design: Vector, label: Vector, offset: Vector, ridge: float, steps: int = 25) -> Vector:
    """Return the coefficients of a logistic regression with a known offset, by Newton's method.

    `ridge` is the penalty on each squared coefficient. Deterministic; converges for any finite design.
    """
    beta = np.zeros(design.shape[1])
    for _ in range(steps):
        probability = sigmoid(offset + design @ beta)
        weight = np.maximum(probability * (1 - probability), 1e-9)
        gradient = design.T @ (label - probability) - ridge * beta
        hessian = (design * weight[:, None]).T @ design + ridge * np.eye(design.shape[1])
        step = np.linalg.solve(hessian, gradient)
        beta = beta + step
        if float(np.abs(step).max(initial=0.0)) < 1e-10:
            break
    return beta
