"""The 90 % interval for the true probability of an answer, on the log-odds scale.

What is not known adds up as variances: the shooter's skill and the spot's rate beyond what their attempts told, the
contexts that were withheld (measured in training, `Calibration.spreads`), and the model itself. Constants were chosen
on synthetic leagues with seeds from 1000; `benchmarks/interval_coverage.py` measures the coverage on others.

Serving one answer: `shot_interval(logit, withheld_set, shooter_attempts, cell_attempts, calibration)` and
`game_interval(logit, withheld_set, edge_sd, calibration)`; of many at once: `shot_intervals`, `game_intervals`.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from parivision_assets.core import ratings
from parivision_assets.core.calibration import Calibration, sigmoid
from parivision_assets.core.ratings import MarginRatings

Vector = npt.NDArray[np.float64]

Z = 1.6448536269514722
"""Quantile of the normal distribution that leaves 5 % on either side."""

ATTEMPT_INFORMATION = 0.24
"""What one attempt tells of a log-odds: p (1 - p), nearly the same from 0.35 to 0.65."""
SHOOTER_SD = 0.17
"""Standard deviation of shooters' skill, in log-odds, before the first attempt."""
CELL_SD = 0.15
"""Standard deviation of what is not known of a cell's rate before its first attempt."""
MODEL_SD = 0.05
"""What a boosted model errs by where everything is known."""
USUAL_ATTEMPTS = 700.0
"""Remembered attempts of the shooter whose shot it is, in the mean: assumed where nobody is named."""

GAME_MODEL_SD = 0.10
LOGIT_PER_SD = 1.7
"""Log-odds of winning per standard deviation of the margin: the normal's slope against the logistic's."""
UNKNOWN_EDGE_SD = 0.5
"""Spread of strength edges between any two teams over that of a game's margin: assumed where a team is unknown."""

DEFAULT_SPREAD = 0.12
"""Spread per withheld context of a model whose training measured none."""


def shot_interval(
    logit: float,
    withheld_set: int,
    shooter_attempts: float | None,
    cell_attempts: float | None,
    calibration: Calibration,
) -> tuple[float, float]:
    """Return the ends of the 90 % interval of one shot's true probability.

    `logit` is what was answered, as log-odds; `withheld_set` the number of its set of withheld contexts (see
    Calibration). `shooter_attempts` are those remembered (`shooter_attempts_long`): 0 for an unknown player, None where
    nobody is named. `cell_attempts` are the league's where the shot is taken (`league_cell_attempts_recent`).
    """
    shooter = USUAL_ATTEMPTS if shooter_attempts is None else shooter_attempts
    cell = 0.0 if cell_attempts is None else cell_attempts
    variance = (
        MODEL_SD * MODEL_SD
        + 1.0 / (1.0 / (SHOOTER_SD * SHOOTER_SD) + ATTEMPT_INFORMATION * shooter)
        + 1.0 / (1.0 / (CELL_SD * CELL_SD) + ATTEMPT_INFORMATION * cell)
        + spread(calibration, withheld_set) ** 2
    )
    return _ends(logit, Z * math.sqrt(variance))


def shot_intervals(
    logit: Vector,
    withheld_sets: npt.NDArray[np.int64],
    shooter_attempts: Vector,
    cell_attempts: Vector,
    calibration: Calibration,
) -> tuple[Vector, Vector]:
    """Return the ends for many shots (n,), as `shot_interval` for each; NaN stands for None."""
    shooter = np.where(np.isnan(shooter_attempts), USUAL_ATTEMPTS, shooter_attempts)
    cell = np.where(np.isnan(cell_attempts), 0.0, cell_attempts)
    variance = (
        MODEL_SD * MODEL_SD
        + 1.0 / (1.0 / (SHOOTER_SD * SHOOTER_SD) + ATTEMPT_INFORMATION * shooter)
        + 1.0 / (1.0 / (CELL_SD * CELL_SD) + ATTEMPT_INFORMATION * cell)
        + _spreads(calibration)[withheld_sets] ** 2
    )
    reach = Z * np.sqrt(variance)
    return sigmoid(logit - reach), sigmoid(logit + reach)


def game_interval(
    logit: float, withheld_set: int, edge_sd: float | None, calibration: Calibration
) -> tuple[float, float]:
    """Return the ends of the 90 % interval of the home team's true probability.

    `edge_sd` is what `strength_edge_sd` says of the two teams; None where one of them is unknown.
    """
    edge = UNKNOWN_EDGE_SD if edge_sd is None else edge_sd
    variance = GAME_MODEL_SD**2 + (LOGIT_PER_SD * edge) ** 2 + spread(calibration, withheld_set) ** 2
    return _ends(logit, Z * math.sqrt(variance))


def game_intervals(
    logit: Vector, withheld_sets: npt.NDArray[np.int64], edge_sd: Vector, calibration: Calibration
) -> tuple[Vector, Vector]:
    """Return the ends for many games (n,), as `game_interval` for each; NaN stands for None."""
    edge = np.where(np.isnan(edge_sd), UNKNOWN_EDGE_SD, edge_sd)
    variance = GAME_MODEL_SD**2 + (LOGIT_PER_SD * edge) ** 2 + _spreads(calibration)[withheld_sets] ** 2
    reach = Z * np.sqrt(variance)
    return sigmoid(logit - reach), sigmoid(logit + reach)


def strength_edge_sd(margins: MarginRatings, home: str, away: str) -> float:
    """Return how uncertain two teams' strength edge is, over the standard deviation of a game's margin.

    `margins` is a game state's rating named `season`; teams are codes of `contracts.TEAMS` (KeyError for others).
    """
    variance = ratings.strength_variance(margins, ratings.TEAM_INDEX[home], ratings.TEAM_INDEX[away])
    return math.sqrt(max(variance, 0.0) / (max(variance, 0.0) + margins.noise_variance))


def spread(calibration: Calibration, withheld_set: int) -> float:
    """Return the standard deviation, in log-odds, of what a set of withheld contexts would have changed."""
    if calibration.spreads:
        return calibration.spreads[withheld_set]
    return DEFAULT_SPREAD * math.sqrt(withheld_set.bit_count())


def _spreads(calibration: Calibration) -> Vector:
    return np.array([spread(calibration, number) for number in range(len(calibration.slopes))])


def _ends(logit: float, reach: float) -> tuple[float, float]:
    return 0.5 + 0.5 * math.tanh(0.5 * (logit - reach)), 0.5 + 0.5 * math.tanh(0.5 * (logit + reach))
