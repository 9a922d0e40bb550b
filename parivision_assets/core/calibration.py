"""Turning a model's log-odds into probabilities that hold for whatever subset of inputs was given.

Calibration is affine in the log-odds, with a slope and a level for every set of withheld contexts. What the defender
and the shot clock add is in `offsets`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from parivision_assets.core.encoding import Mask

Vector = npt.NDArray[np.float64]

RIDGE = 20.0
"""Weight, in rows, of the prior that a model needs no correction."""

MAX_CONTEXTS = 8
"""There are two to this power sets of contexts to calibrate."""

SPREAD_EDGES = (-1.0, -0.5, -0.2, 0.1, 0.5, 1.0)
"""Log-odds between which spreads differ: dunks hide among chances above even, heaves among those far below."""
SPREAD_ROWS = 50
"""Weight, in rows, of all bands together in the spread of one."""
Z_90 = 1.6448536269514722
"""Standard deviations of a normal distribution on either side of its mean that hold 90 % of it."""


@dataclass(frozen=True)
class Calibration:
    """Logit' = slope * logit + level, by the set of withheld contexts.

    Set number n withholds the contexts at the positions of n's binary ones; set 0 withholds nothing.
    """

    contexts: tuple[str, ...]
    slopes: tuple[float, ...]
    levels: tuple[float, ...]
    spreads: tuple[tuple[float, ...], ...] = ()
    """By set and band of log-odds (SPREAD_EDGES), how far an answer may lie from a better one; empty: not measured.

    Set 0: from a model of other games. Other sets: from the same model given everything.
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
        slopes[number], levels[number] = slope, level
        return replace(self, slopes=tuple(slopes), levels=tuple(levels))

    def with_spread(self, number: int, logit: Vector, better: Vector) -> Calibration:
        """Return a calibration that knows how far calibrated log-odds of set `number` lie from better ones.

        Kept is a standard deviation per band of `logit` such that 1.645 of them hold 90 % of the rows, as they would of
        a normal distribution; bands of few rows lean on all rows together.
        """
        missed = np.abs(better - logit)
        overall = _spread(missed)
        bands = np.digitize(logit, SPREAD_EDGES)
        of_set = []
        for band in range(len(SPREAD_EDGES) + 1):
            there = missed[bands == band]
            own = _spread(there) if len(there) else 0.0
            mean_square = (len(there) * own**2 + SPREAD_ROWS * overall**2) / (len(there) + SPREAD_ROWS)
            of_set.append(float(np.sqrt(mean_square)))
        nothing = ((0.0,) * len(of_set),) * len(self.slopes)
        spreads = list(self.spreads or nothing)
        spreads[number] = tuple(of_set)
        return replace(self, spreads=tuple(spreads))

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
            "spreads": [list(bands) for bands in self.spreads],
        }

    @classmethod
    def from_dict(cls, content: Mapping[str, Any]) -> Calibration:
        """Return what `to_dict` described; models trained before spreads were measured have none."""
        spreads = tuple(tuple(bands) for bands in content.get("spreads", ()))
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


def _spread(missed: Vector) -> float:
    return float(np.quantile(missed, 0.9)) / Z_90


def _affine(logit: Vector, label: Vector) -> tuple[float, float]:
    design = np.column_stack([logit, np.ones_like(logit)])
    beta = fit_logistic(design, label, offset=logit, ridge=RIDGE)
    return 1.0 + float(beta[0]), float(beta[1])
