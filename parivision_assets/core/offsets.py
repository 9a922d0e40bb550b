"""What the closest defender and the shot clock add to a calibrated log-odds, learnt from seasons that have them.

The offset is a sum of hinges of the defender's distance, by how far the shot is, and of the shot clock; nothing is
added where neither is given.
"""

from __future__ import annotations

import bisect
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from parivision_assets.core.calibration import fit_logistic, sigmoid

Vector = npt.NDArray[np.float64]

DEFENDER_KNOTS_FT = (2.0, 4.0, 6.0, 10.0)
CLOCK_KNOTS_S = (4.0, 8.0, 14.0, 20.0)
RANGE_EDGES_FT = (6.0, 16.0)
FAR_FT = 15.0
"""A defender further away makes no difference."""
RIDGE = 5.0
MIN_ROWS = 5_000
"""Fewer tracked shots than this teach no offset."""


@dataclass(frozen=True)
class TrackingOffset:
    """Coefficients of the two parts, each with its own level; all zero when nothing was learnt."""

    defender: tuple[float, ...]
    shot_clock: tuple[float, ...]
    seasons: tuple[int, ...]

    @classmethod
    def none(cls) -> TrackingOffset:
        """Return the offset that adds nothing."""
        return cls((), (), ())

    @classmethod
    def fit(cls, frame: pl.DataFrame, logit: Vector, label: Vector, seasons: tuple[int, ...]) -> TrackingOffset:
        """Fit on rows with out-of-fold calibrated log-odds; rows without tracking teach nothing.

        Each part is fitted on its own and levelled so that, over these rows, mean probability is unchanged.
        """
        parts = []
        for basis, given in ((_defender_basis(frame), _given(frame, "defender_distance_ft")),
                             (_clock_basis(frame), _given(frame, "shot_clock_s"))):  # fmt: skip
            if int(given.sum()) < MIN_ROWS:
                return cls.none()
            parts.append((basis, given))
        both = parts[0][1] & parts[1][1]
        design = np.column_stack([parts[0][0], parts[1][0]])[both]
        design_with_level = np.column_stack([np.ones(len(design)), design])
        beta = fit_logistic(design_with_level, label[both], logit[both], RIDGE)[1:]
        split = parts[0][0].shape[1]
        defender = _levelled(parts[0][0][both], beta[:split], logit[both])
        clock = _levelled(parts[1][0][both], beta[split:], logit[both])
        return cls(defender, clock, seasons)

    def logit(self, frame: pl.DataFrame) -> Vector:
        """Return what to add to each row's log-odds; 0 where tracking is missing or nothing was learnt."""
        total = np.zeros(len(frame))
        if self.defender and "defender_distance_ft" in frame.columns:
            total += _part(_defender_basis(frame), self.defender, _given(frame, "defender_distance_ft"))
        if self.shot_clock and "shot_clock_s" in frame.columns:
            total += _part(_clock_basis(frame), self.shot_clock, _given(frame, "shot_clock_s"))
        return total

    def logit_of_one(self, defender_ft: float | None, shot_clock_s: float | None, distance_ft: float | None) -> float:
        """Return what to add to the log-odds of one shot, the same bits as `logit`; None for what is missing."""
        total = 0.0
        if self.defender and defender_ft is not None:
            level, *slopes = self.defender
            knots = len(DEFENDER_KNOTS_FT) + 1
            band = bisect.bisect_right(RANGE_EDGES_FT, distance_ft or 0.0)
            total += level + _added(
                min(defender_ft, FAR_FT), DEFENDER_KNOTS_FT, slopes[band * knots : (band + 1) * knots]
            )
        if self.shot_clock and shot_clock_s is not None:
            level, *slopes = self.shot_clock
            total += level + _added(shot_clock_s, CLOCK_KNOTS_S, slopes)
        return total

    def to_dict(self) -> dict[str, Any]:
        """Return the offset as JSON-ready values."""
        return {
            "defender": list(self.defender), "shot_clock": list(self.shot_clock), "seasons": list(self.seasons),
        }  # fmt: skip

    @classmethod
    def from_dict(cls, content: Mapping[str, Any]) -> TrackingOffset:
        """Return what `to_dict` described."""
        return cls(tuple(content["defender"]), tuple(content["shot_clock"]), tuple(content["seasons"]))


def _part(basis: Vector, coefficients: tuple[float, ...], given: npt.NDArray[np.bool_]) -> Vector:
    level, *slopes = coefficients
    # Term by term, as for one shot: a matrix product's last bit depends on how many rows there are.
    added = np.zeros(len(basis))
    for column, slope in enumerate(slopes):
        added += basis[:, column] * slope
    return np.asarray(np.where(given, level + added, 0.0), dtype=np.float64)


def _added(value: float, knots: tuple[float, ...], slopes: list[float]) -> float:
    added = value * slopes[0]
    for knot, slope in zip(knots, slopes[1:], strict=True):
        added += max(value - knot, 0.0) * slope
    return added


def _levelled(basis: Vector, slopes: Vector, logit: Vector) -> tuple[float, ...]:
    added = basis @ slopes
    goal, level = float(sigmoid(logit).mean()), -float(added.mean())
    for _ in range(30):
        probability = sigmoid(logit + added + level)
        level += (goal - float(probability.mean())) / float((probability * (1 - probability)).mean())
    return (level, *map(float, slopes))


def _given(frame: pl.DataFrame, name: str) -> npt.NDArray[np.bool_]:
    if name not in frame.columns:
        return np.zeros(len(frame), dtype=bool)
    return frame[name].is_not_null().to_numpy()


def _values(frame: pl.DataFrame, name: str) -> Vector:
    return frame[name].cast(pl.Float64).fill_null(0.0).to_numpy()


def _hinges(value: Vector, knots: tuple[float, ...]) -> Vector:
    return np.column_stack([value, *(np.maximum(value - knot, 0.0) for knot in knots)])


def _defender_basis(frame: pl.DataFrame) -> Vector:
    hinges = _hinges(np.minimum(_values(frame, "defender_distance_ft"), FAR_FT), DEFENDER_KNOTS_FT)
    band = np.digitize(_values(frame, "spot_distance_ft"), RANGE_EDGES_FT)
    return np.column_stack([hinges * (band == index)[:, None] for index in range(len(RANGE_EDGES_FT) + 1)])


def _clock_basis(frame: pl.DataFrame) -> Vector:
    return _hinges(_values(frame, "shot_clock_s"), CLOCK_KNOTS_S)
