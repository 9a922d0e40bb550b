"""The 90 % interval for the true probability of an answer, on the log-odds scale.

What is not known adds up as variances. A shot: the shooter's skill and the spot's rate beyond what their remembered
attempts tell, the model itself, and the contexts that were withheld; training measures the last two, by band of
log-odds (`Calibration.spreads`). A game: the posterior of both teams' strength, and the model itself. Constants were
chosen on synthetic leagues of seeds from 1000; `benchmarks/interval_coverage.py` measures the coverage on others.

One answer: `shot_interval(logit, withheld_set, shooter_attempts, cell_attempts, calibration)` and
`game_interval(logit, withheld_set, edge_sd, calibration)`; many at once: `shot_intervals`, `game_intervals`.
"""

from __future__ import annotations

import bisect
import math

import numpy as np
import numpy.typing as npt

from parivision_assets.core import ratings
from parivision_assets.core.calibration import SPREAD_EDGES, Z_90, Calibration, sigmoid
from parivision_assets.core.ratings import MarginRatings

Vector = npt.NDArray[np.float64]
Sets = npt.NDArray[np.int64]

SHOOTER_SD = 0.2
"""Standard deviation of shooters' skill, in log-odds, before the first attempt."""
TELLING_SHARE = 0.4
"""Share of a shooter's attempts that tell of the kind of shot that is asked about."""
CELL_SD = 0.15
"""Standard deviation of a cell's rate, in log-odds, before its first attempt."""
MODEL_FACTOR = 1.1
"""How far a model is from the truth, against how far from a model of other games."""
USUAL_ATTEMPTS = 500.0
"""Remembered attempts of the shooter whose shot it is, in the mean: assumed where nobody is named."""

GAME_MODEL_SD = 0.10
LOGIT_PER_SD = 1.7
"""Log-odds of winning per standard deviation of the margin: the normal's slope against the logistic's."""
EDGE_FACTOR = 0.75
"""How uncertain strength edges are, against what the ratings say: they allow for more drift than most teams show."""
UNKNOWN_EDGE_SD = 0.5
"""Spread of strength edges between any two teams over that of a game's margin: assumed where a team is unknown."""

UNMEASURED_MODEL, UNMEASURED_CONTEXT = 0.2, 0.15
"""Spreads of a model whose training measured none: its own, and that of each withheld context."""


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
    chance = _chance(logit)
    told = chance * (1.0 - chance)
    shooter = USUAL_ATTEMPTS if shooter_attempts is None else shooter_attempts
    cell = 0.0 if cell_attempts is None else cell_attempts
    variance = (
        1.0 / (1.0 / (SHOOTER_SD * SHOOTER_SD) + told * TELLING_SHARE * shooter)
        + 1.0 / (1.0 / (CELL_SD * CELL_SD) + told * cell)
        + model_variance(logit, withheld_set, calibration)
    )
    reach = Z_90 * math.sqrt(variance)
    return _chance(logit - reach), _chance(logit + reach)


def shot_intervals(
    logit: Vector, withheld_sets: Sets, shooter_attempts: Vector, cell_attempts: Vector, calibration: Calibration
) -> tuple[Vector, Vector]:
    """Return the ends for many shots (n,), as `shot_interval` for each; NaN stands for None."""
    chance = sigmoid(logit)
    told = chance * (1.0 - chance)
    shooter = np.where(np.isnan(shooter_attempts), USUAL_ATTEMPTS, shooter_attempts)
    cell = np.where(np.isnan(cell_attempts), 0.0, cell_attempts)
    variance = (
        1.0 / (1.0 / (SHOOTER_SD * SHOOTER_SD) + told * TELLING_SHARE * shooter)
        + 1.0 / (1.0 / (CELL_SD * CELL_SD) + told * cell)
        + _model_variances(logit, withheld_sets, calibration)
    )
    reach = Z_90 * np.sqrt(variance)
    return sigmoid(logit - reach), sigmoid(logit + reach)


def game_interval(
    logit: float, withheld_set: int, edge_sd: float | None, calibration: Calibration
) -> tuple[float, float]:
    """Return the ends of the 90 % interval of the home team's true probability.

    `edge_sd` is what `strength_edge_sd` says of the two teams; None where one of them is unknown.
    """
    edge = UNKNOWN_EDGE_SD if edge_sd is None else EDGE_FACTOR * edge_sd
    model = model_variance(logit, withheld_set, calibration) if calibration.spreads else GAME_MODEL_SD**2
    reach = Z_90 * math.sqrt(model + (LOGIT_PER_SD * edge) ** 2)
    return _chance(logit - reach), _chance(logit + reach)


def game_intervals(
    logit: Vector, withheld_sets: Sets, edge_sd: Vector, calibration: Calibration
) -> tuple[Vector, Vector]:
    """Return the ends for many games (n,), as `game_interval` for each; NaN stands for None."""
    edge = np.where(np.isnan(edge_sd), UNKNOWN_EDGE_SD, EDGE_FACTOR * edge_sd)
    model = _model_variances(logit, withheld_sets, calibration) if calibration.spreads else GAME_MODEL_SD**2
    reach = Z_90 * np.sqrt(model + (LOGIT_PER_SD * edge) ** 2)
    return sigmoid(logit - reach), sigmoid(logit + reach)


def strength_edge_sd(margins: MarginRatings, home: str, away: str) -> float:
    """Return how uncertain two teams' strength edge is, over the standard deviation of a game's margin.

    `margins` is a game state's rating named `season`; teams are codes of `contracts.TEAMS` (KeyError for others).
    """
    variance = max(ratings.strength_variance(margins, ratings.TEAM_INDEX[home], ratings.TEAM_INDEX[away]), 0.0)
    return math.sqrt(variance / (variance + margins.noise_variance))


def model_variance(logit: float, withheld_set: int, calibration: Calibration) -> float:
    """Return the variance, in squared log-odds, of the model itself and of what was withheld from it."""
    if not calibration.spreads:
        return UNMEASURED_MODEL**2 + withheld_set.bit_count() * UNMEASURED_CONTEXT**2
    band = bisect.bisect_right(SPREAD_EDGES, logit)
    own = MODEL_FACTOR * calibration.spreads[0][band]
    withheld = calibration.spreads[withheld_set][band] if withheld_set else 0.0
    return own * own + withheld * withheld


def _model_variances(logit: Vector, withheld_sets: Sets, calibration: Calibration) -> Vector:
    if not calibration.spreads:
        sets = np.array([number.bit_count() for number in range(len(calibration.slopes))])
        return np.asarray(UNMEASURED_MODEL**2 + sets[withheld_sets] * UNMEASURED_CONTEXT**2, dtype=np.float64)
    band = np.digitize(logit, SPREAD_EDGES)
    spreads = np.array(calibration.spreads)
    withheld = np.where(withheld_sets > 0, spreads[withheld_sets, band], 0.0)
    return np.asarray((MODEL_FACTOR * spreads[0][band]) ** 2 + withheld**2, dtype=np.float64)


def _chance(logit: float) -> float:
    return 0.5 + 0.5 * math.tanh(0.5 * logit)
