"""What a model must show before it is judged: better than the baselines, calibrated, and not better than is credible.

Each check is pure and says in words what it saw. Whether a failed check blocks is the orchestration's decision.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from parivision_assets.core.evaluation import Metrics, row_log_loss

Vector = npt.NDArray[np.float64]

SHOT_AUC_ALARM = 0.70
"""No honest description of a shot tells makes from misses better than this (design, section 4)."""
HONEST_LABELS_FROM = 2018
"""Before this season scorers described made shots in more detail, so post-event models look too good."""
MARKET_Z_ALARM = 3.0
"""Standard errors by which a game model may beat the closing line before it is more likely a leak than a discovery."""
CALIBRATION_TOLERANCE = 0.002


@dataclass(frozen=True)
class ModelCheck:
    """One check's outcome; `is_warning` marks a failure that is expected in some seasons."""

    passed: bool
    detail: str
    is_warning: bool = False
    figures: Mapping[str, float] = field(default_factory=dict)


def beats_baseline(figures: Mapping[str, Metrics], baselines: Sequence[str]) -> ModelCheck:
    """Return whether the challenger's log loss is lower than every baseline's on the same rows."""
    own = figures["challenger"].log_loss
    best = min(baselines, key=lambda name: figures[name].log_loss)
    margin = figures[best].log_loss - own
    word = "lower" if margin > 0 else "not lower"
    rival = f"{best.replace('_', ' ')}, {figures[best].log_loss:.4f}"
    return ModelCheck(
        margin > 0,
        f"log loss {own:.4f} is {word} than the best baseline's ({rival})",
        figures={"margin_nats": margin},
    )


def is_calibrated(metrics: Metrics) -> ModelCheck:
    """Return whether the calibration error is within its 95 % null quantile and a tolerance of 0.002."""
    limit = metrics.ece_null_95 + CALIBRATION_TOLERANCE
    return ModelCheck(
        metrics.ece <= limit,
        f"calibration error {metrics.ece:.4f}; a perfect model stays below {metrics.ece_null_95:.4f} in 95 % of cases, "
        f"the limit is {limit:.4f}",
        is_warning=True,
        figures={"ece": metrics.ece, "limit": limit},
    )


def leaks_nothing(
    target: str, figures: Mapping[str, Metrics], season: int, market_z: float | None = None
) -> ModelCheck:
    """Return whether the challenger is no better than is credible.

    Args:
        target: target name; `game` is held against the closing line, the others against an AUC of 0.70.
        figures: metrics by contestant on the holdout.
        season: the holdout season.
        market_z: standard errors by which the model beats the closing line, None without a market.
    """
    if target == "game":
        return _not_beyond_market(market_z)
    auc = figures["challenger"].roc_auc or 0.0
    old_labels = target == "shot_post_event" and season < HONEST_LABELS_FROM
    passed = auc <= SHOT_AUC_ALARM
    verdict = "credible" if passed else "too good to be true: look for a column that knows the outcome"
    if not passed and old_labels:
        verdict += f" (expected before {HONEST_LABELS_FROM}: action types carry the outcome there)"
    return ModelCheck(passed, f"ROC AUC {auc:.3f}, {verdict}", is_warning=old_labels, figures={"roc_auc": auc})


def _not_beyond_market(market_z: float | None) -> ModelCheck:
    if market_z is None:
        return ModelCheck(True, "no closing line on these games, so nothing to hold the model against")
    passed = market_z <= MARKET_Z_ALARM
    verdict = "credible" if passed else "too good to be true: look for a feature known only after the game"
    side = "better" if market_z > 0 else "worse"
    return ModelCheck(
        passed,
        f"{abs(market_z):.1f} standard errors {side} than the closing line, {verdict}",
        figures={"standard_errors_beyond_market": market_z},
    )


def standard_errors_better(label: Vector, ours: Vector, theirs: Vector) -> float:
    """Return by how many standard errors of the paired difference our log loss is lower; rows are independent games."""
    gain = row_log_loss(label, theirs) - row_log_loss(label, ours)
    error = float(gain.std(ddof=1)) / len(gain) ** 0.5
    return float(gain.mean()) / error if error > 0 else 0.0
