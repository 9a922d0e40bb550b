"""Turning a model's log-odds into probabilities that hold for whatever subset of inputs was given.

Calibration is affine in the log-odds, with a slope and a level for every set of withheld contexts. What the defender
and the shot clock add is in `offsets`.
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

MAX_CONTEXTS = 8
"""There are two to this power sets of contexts to calibrate."""


@dataclass(frozen=True)
class Calibration:
    """Logit' = slope * logit + level, by the set of withheld contexts.

    Set number n withholds the contexts at the positions of n's binary ones; set 0 withholds nothing.
    """

    contexts: tuple[str, ...]
    slopes: tuple[float, ...]
    levels: tuple[float, ...]
    spreads: tuple[float, ...] = ()
    """By set, the root mean square of what the withheld contexts would have changed, in log-odds; empty: not measured.
    """

    @classmethod
    def identity(cls, contexts: Sequence[str]) -> Calibration:
        """Return the calibration that changes nothing; raise ValueError for more than MAX_CONTEXTS contexts."""
        if len(contexts) > MAX_CONTEXTS:
            raise ValueError(f"{len(contexts)} optional contexts: at most {MAX_CONTEXTS}; merge some of them")
        sets = 1 << len(contexts)
        return cls(tuple(contexts), (1.0,) * sets, (0.0,) * sets)

    @classmethod
    def fit(cls, logit: Vector, label: Vector, contexts: Sequence[str]) -> Calibration:
        """Fit one slope and level for all sets, on log-odds of games that the model had not seen."""
        slope, level = _affine(logit, label)
        identity = cls.identity(contexts)
        return cls(identity.contexts, (slope,) * len(identity.slopes), (level,) * len(identity.levels))

    def with_set(self, number: int, logit: Vector, chance: Vector) -> Calibration:
        """Return a calibration whose set `number` makes log-odds given less agree with `chance` given everything.

        The better informed probability stands for the outcome: it has the same mean, and less noise.
        """
        slope, level = _affine(logit, chance)
        slopes, levels = list(self.slopes), list(self.levels)
        spreads = list(self.spreads or (0.0,) * len(slopes))
        slopes[number], levels[number] = slope, level
        full = np.clip(chance, 1e-9, 1 - 1e-9)
        missed = np.log(full / (1 - full)) - (slope * logit + level)
        spreads[number] = float(np.sqrt(np.mean(missed**2)))
        return Calibration(self.contexts, tuple(slopes), tuple(levels), tuple(spreads))

    def apply(self, logit: Vector, withheld: Mask) -> Vector:
        """Return calibrated log-odds; `withheld` is rows by contexts."""
        numbers = withheld.astype(np.int64) @ (1 << np.arange(len(self.contexts), dtype=np.int64))
        calibrated = np.asarray(self.slopes)[numbers] * logit + np.asarray(self.levels)[numbers]
        return np.asarray(calibrated, dtype=np.float64)

    def mask_of(self, number: int, rows: int) -> Mask:
        """Return rows by contexts that withhold set `number`."""
        ones = (number >> np.arange(len(self.contexts))) & 1
        return np.tile(ones.astype(bool), (rows, 1))

    def to_dict(self) -> dict[str, Any]:
        """Return the calibration as JSON-ready values."""
        return {
            "contexts": list(self.contexts),
            "slopes": list(self.slopes),
            "levels": list(self.levels),
            "spreads": list(self.spreads),
        }

    @classmethod
    def from_dict(cls, content: Mapping[str, Any]) -> Calibration:
        """Return what `to_dict` described; models trained before spreads were measured have none."""
        spreads = tuple(content.get("spreads", ()))
        return cls(tuple(content["contexts"]), tuple(content["slopes"]), tuple(content["levels"]), spreads)


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


def _affine(logit: Vector, label: Vector) -> tuple[float, float]:
    design = np.column_stack([logit, np.ones_like(logit)])
    beta = fit_logistic(design, label, offset=logit, ridge=RIDGE)
    return 1.0 + float(beta[0]), float(beta[1])
