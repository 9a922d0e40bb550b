"""How good a set of probabilities is: the one metrics function of the platform, and what explains it.

Every figure that is printed, logged, compared or promoted on comes from `score`. Deciding on a model
(`core.promotion`), fitting a calibrator (`core.calibration`) and drawing pictures belong elsewhere.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, fields
from functools import lru_cache
from typing import Any, Self

import numpy as np
import numpy.typing as npt
import polars as pl
from scipy.special import xlogy
from scipy.stats import rankdata

Floats = npt.NDArray[np.float64]
Codes = npt.NDArray[np.int64]
Rows = npt.NDArray[Any]

CALIBRATION_BINS = 15
LOG_LOSS_FLOOR = 1e-15
"""How far from 0 and 1 the log loss keeps probabilities, so that it is finite (scikit-learn 1.2's choice)."""
NULL_DRAWS = 4_000
NULL_SEED = 20_250_101


@dataclass(frozen=True)
class Metrics:
    """The figures of section 5 of the design for n rows; standard errors are clustered by game.

    Losses are in nats. A figure that is not defined (ROC AUC with one class, a standard error with one
    game) is None. `ece_null_95` and `ece_null_mean` are what `ece` would be, at its 95 % quantile and on
    average, were the model perfectly calibrated: 0.0045 and 0.0034 for 191,000 shots, 0.024 and 0.018 for
    6,400 games.
    """

    n: int
    games: int
    log_loss: float
    log_loss_se: float | None
    brier: float
    brier_se: float | None
    accuracy: float
    accuracy_se: float | None
    roc_auc: float | None
    roc_auc_se: float | None
    ece: float
    ece_null_95: float
    ece_null_mean: float
    mean_probability: float
    base_rate: float

    def to_dict(self) -> dict[str, int | float | None]:
        """Return the figures by name, ready for JSON: undefined ones are None, never NaN."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Self:
        """Return metrics from `to_dict`'s output; raise ValueError naming what is missing or unknown."""
        names = {field.name for field in fields(cls)}
        if set(values) != names:
            raise ValueError(f"metrics: missing or unknown figure(s) {', '.join(sorted(names ^ set(values)))}")
        return cls(**values)


@dataclass(frozen=True)
class Confusion:
    """Counts of rows by what was said (at or above the threshold or below it) and what happened."""

    threshold: float
    true_positive: int
    false_positive: int
    true_negative: int
    false_negative: int

    def to_dict(self) -> dict[str, int | float]:
        """Return the counts by name, ready for JSON."""
        return asdict(self)


def score(label: Rows, probability: Rows, group: Rows | None = None) -> Metrics:
    """Return the metrics of `probability` (n,) against `label` (n,) of 0/1 or booleans.

    `group` (n,) holds game ids, integers or strings; rows of one game are not independent, so standard
    errors are clustered by it. Without it every row is its own game. Raises ValueError for no rows, unequal
    lengths, a label other than 0 or 1, a probability outside [0, 1] or missing.
    """
    outcome, chance = checked(label, probability)
    codes, games = _group_codes(group, len(outcome))
    losses = row_log_loss(outcome, chance)
    errors = (chance - outcome) ** 2
    hits = ((chance >= 0.5) == (outcome == 1.0)).astype(np.float64)
    auc, auc_se = _roc_auc(outcome, chance, codes, games)
    bins = _mass_bins(chance, CALIBRATION_BINS)
    null = _null_ece(chance, bins)
    return Metrics(
        n=len(outcome),
        games=games,
        log_loss=float(losses.mean()),
        log_loss_se=_clustered_se(losses, codes, games),
        brier=float(errors.mean()),
        brier_se=_clustered_se(errors, codes, games),
        accuracy=float(hits.mean()),
        accuracy_se=_clustered_se(hits, codes, games),
        roc_auc=auc,
        roc_auc_se=auc_se,
        ece=_ece(outcome, chance, bins),
        ece_null_95=float(np.quantile(null, 0.95)),
        ece_null_mean=float(null.mean()),
        mean_probability=float(chance.mean()),
        base_rate=float(outcome.mean()),
    )


def calibration_curve(label: Rows, probability: Rows, bins: int = CALIBRATION_BINS) -> pl.DataFrame:
    """Return one row per equal-mass bin, lowest probability first.

    Columns: `n`, `mean_probability`, `observed_rate`, `half_width_95` (how far the observed rate strays in
    95 % of cases from the mean probability if the model is perfectly calibrated, normal approximation).
    Equal probabilities always share a bin, so there may be fewer than `bins`. Raises ValueError as `score`.
    """
    if bins < 1:
        raise ValueError(f"a calibration curve needs at least one bin, not {bins}")
    outcome, chance = checked(label, probability)
    index = _mass_bins(chance, bins)
    count = np.bincount(index)
    spread = np.sqrt(np.bincount(index, weights=chance * (1 - chance)))
    return pl.DataFrame(
        {
            "n": count,
            "mean_probability": np.bincount(index, weights=chance) / count,
            "observed_rate": np.bincount(index, weights=outcome) / count,
            "half_width_95": 1.959964 * spread / count,
        }
    )


def confusion(label: Rows, probability: Rows, threshold: float = 0.5) -> Confusion:
    """Return the confusion counts, rows at the threshold counting as positive; raises as `score`."""
    outcome, chance = checked(label, probability)
    said, happened = chance >= threshold, outcome == 1.0
    return Confusion(
        threshold=threshold,
        true_positive=int(np.sum(said & happened)),
        false_positive=int(np.sum(said & ~happened)),
        true_negative=int(np.sum(~said & ~happened)),
        false_negative=int(np.sum(~said & happened)),
    )


def regret(truth: Rows, prediction: Rows) -> float:
    """Return the mean Kullback-Leibler divergence KL(truth ‖ prediction) of Bernoulli probabilities, in nats.

    Both are (n,) within [0, 1]; it is what the prediction loses on average to whoever knows the truth, free
    of the noise of outcomes. Raises ValueError for no rows, unequal lengths or values outside [0, 1].
    """
    known, said = _probabilities(truth, "truth"), _probabilities(prediction, "prediction")
    if len(known) != len(said):
        raise ValueError(f"truth has {len(known)} rows and prediction {len(said)}; they must be the same rows")
    said = np.clip(said, LOG_LOSS_FLOOR, 1 - LOG_LOSS_FLOOR)
    divergence = xlogy(known, known / said) + xlogy(1 - known, (1 - known) / (1 - said))
    return float(divergence.mean())


def per_game_log_loss(label: Rows, probability: Rows, group: Rows) -> pl.DataFrame:
    """Return one row per game in the order of first appearance: `game`, `n`, `log_loss` (the mean, nats).

    Raises ValueError as `score`.
    """
    outcome, chance = checked(label, probability)
    if len(group) != len(outcome):
        raise ValueError(f"group has {len(group)} rows and label {len(outcome)}; they must be the same rows")
    rows = pl.DataFrame({"game": pl.Series(group), "loss": row_log_loss(outcome, chance)})
    return rows.group_by("game", maintain_order=True).agg(
        pl.len().cast(pl.Int64).alias("n"), pl.col("loss").mean().alias("log_loss")
    )


def clustered_mean(values: Floats, group: Rows) -> tuple[float, float | None]:
    """Return the mean of (n,) values, and its standard error with games as clusters (None for a single game).

    Raises ValueError for no values, or when `group` is of another length or lacks an id.
    """
    if not len(values):
        raise ValueError("there is no value to average; give at least one row")
    return float(values.mean()), _clustered_se(values, *_group_codes(group, len(values)))


def row_log_loss(label: Floats, probability: Floats, floor: float = LOG_LOSS_FLOOR) -> Floats:
    """Return each row's log loss in nats, probabilities kept within [floor, 1 - floor]."""
    chance = np.clip(probability, floor, 1 - floor)
    losses: Floats = -np.log(np.where(label == 1.0, chance, 1 - chance))
    return losses


def checked(label: Rows, probability: Rows) -> tuple[Floats, Floats]:
    """Return label and probability as float64 (n,); raise ValueError in words if they cannot be scored."""
    chance = _probabilities(probability, "probability")
    outcome = np.asarray(label, dtype=np.float64)
    if outcome.shape != chance.shape:
        raise ValueError(f"label has shape {outcome.shape} and probability {chance.shape}; they must be the same rows")
    wrong = np.flatnonzero((outcome != 0.0) & (outcome != 1.0))
    if wrong.size:
        raise ValueError(f"label: row {wrong[0]} is {outcome[wrong[0]]}; every outcome must be 0 or 1 (and known)")
    return outcome, chance


def _probabilities(values: Rows, name: str) -> Floats:
    chance = np.asarray(values, dtype=np.float64)
    if chance.ndim != 1:
        raise ValueError(f"{name} has {chance.ndim} dimensions; one probability per row is needed")
    if chance.size == 0:
        raise ValueError(f"{name} has no rows: there is nothing to score; give at least one labelled row")
    wrong = np.flatnonzero(~((chance >= 0.0) & (chance <= 1.0)))
    if wrong.size:
        raise ValueError(f"{name}: row {wrong[0]} is {chance[wrong[0]]}; a probability lies within 0 … 1")
    return chance


def _group_codes(group: Rows | None, n: int) -> tuple[Codes, int]:
    if group is None:
        return np.arange(n), n
    if len(group) != n:
        raise ValueError(f"group has {len(group)} rows and label {n}; they must be the same rows")
    names = pl.Series("game", group)
    if names.null_count():
        raise ValueError(f"group: {names.null_count()} row(s) have no game id; every row belongs to a game")
    # Polars ranks strings several times faster than NumPy sorts them.
    codes = names.rank("dense").to_numpy().astype(np.int64) - 1
    return codes, int(codes.max()) + 1


def _clustered_se(values: Floats, codes: Codes, games: int) -> float | None:
    """Return the mean's standard error with games as clusters (Liang & Zeger 1986, with G/(G-1))."""
    if games < 2:
        return None
    sums = np.bincount(codes, weights=values - values.mean(), minlength=games)
    return float(math.sqrt(games / (games - 1) * float(np.sum(sums**2))) / len(values))


def _roc_auc(outcome: Floats, chance: Floats, codes: Codes, games: int) -> tuple[float | None, float | None]:
    """Return ROC AUC by ranks and its clustered standard error (DeLong 1988, clusters as Obuchowski 1997)."""
    made = outcome == 1.0
    positives, negatives = int(made.sum()), int((~made).sum())
    if positives == 0 or negatives == 0:
        return None, None
    ranks = rankdata(chance)
    above = (ranks[made] - rankdata(chance[made])) / negatives
    below = 1 - (ranks[~made] - rankdata(chance[~made])) / positives
    auc = float(above.mean())
    if games < 2:
        return auc, None
    influence = np.empty(len(chance))
    influence[made] = (above - auc) / positives
    influence[~made] = (below - auc) / negatives
    sums = np.bincount(codes, weights=influence, minlength=games)
    return auc, float(math.sqrt(games / (games - 1) * float(np.sum(sums**2))))


def _mass_bins(chance: Floats, bins: int) -> Codes:
    """Return each row's bin, 0-based and without gaps; bins hold equally many rows, ties never split."""
    ordered = np.sort(chance)
    cuts = (np.arange(1, bins) * len(chance)) // bins
    edges = np.unique(ordered[cuts])
    edges = edges[edges > ordered[0]]
    index: Codes = np.searchsorted(edges, chance, side="right").astype(np.int64)
    return index


def _ece(outcome: Floats, chance: Floats, bins: Codes) -> float:
    gaps = np.bincount(bins, weights=outcome - chance)
    return float(np.abs(gaps).sum() / len(chance))


def _null_ece(chance: Floats, bins: Codes) -> Floats:
    """Return seeded draws of the expected calibration error under perfect calibration.

    A bin's sum of outcomes minus probabilities is close to normal with variance sum p(1-p); outcomes need
    not be drawn one by one, which keeps 191,000 rows at a few milliseconds.
    """
    spread = np.sqrt(np.bincount(bins, weights=chance * (1 - chance)))
    draws: Floats = _absolute_noise(len(spread)) @ spread / len(chance)
    return draws


@lru_cache(maxsize=32)
def _absolute_noise(bins: int) -> Floats:
    noise: Floats = np.abs(np.random.default_rng(NULL_SEED).standard_normal((NULL_DRAWS, bins)))
    noise.setflags(write=False)
    return noise
