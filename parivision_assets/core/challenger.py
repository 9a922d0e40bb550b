"""Making a challenger: compare families on one split by time, then fit the best on every training game.

The split lies inside the training seasons, so the holdout on which the gate judges chooses nothing. Fitting one
model is in `training`; judging the challenger is in `promotion`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import polars as pl

from parivision_assets.core.evaluation import Confusion, Metrics, calibration_curve, confusion, score
from parivision_assets.core.targets import Target
from parivision_assets.core.training import TrainedModel, TrainingConfig, fit

Vector = npt.NDArray[np.float64]
Progress = Callable[[str, float], None]
SELECTION_SHARE = 0.25
"""Share of the newest training season's game days on which families are compared."""
LEAST_DAYS = 4
"""Game days that a season needs for a quarter of them to be one."""


@dataclass(frozen=True)
class FamilyResult:
    """How one family did on the selection split."""

    config: TrainingConfig
    metrics: Metrics
    probability: Vector
    """Per row of the split, in the order of `selection_split`."""
    curve: pl.DataFrame
    confusion: Confusion
    importances: dict[str, float]


@dataclass(frozen=True)
class Challenger:
    """The model to be judged, and how its family was chosen."""

    model: TrainedModel
    compared: tuple[FamilyResult, ...]

    @property
    def chosen(self) -> FamilyResult:
        """Return the family with the lowest log loss on the selection split."""
        return min(self.compared, key=lambda result: result.metrics.log_loss)


def selection_split(frame: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return (rows to fit on, rows to compare on): the last quarter of the newest season's days are held back.

    A season that has only just begun is held back whole, with the last quarter of the one before. Raises ValueError
    when no season has four game days.
    """
    seasons = frame.group_by("season").agg(pl.col("game_date").unique().sort()).sort("season", descending=True)
    long_enough = seasons.filter(pl.col("game_date").list.len() >= LEAST_DAYS)
    if long_enough.is_empty():
        season, days = seasons.row(0)
        raise ValueError(
            f"season {season} has {len(days)} game day(s); at least {LEAST_DAYS} are needed to compare families"
        )
    days = long_enough["game_date"][0]
    first_held = days[-max(1, round(len(days) * SELECTION_SHARE))]
    return frame.filter(pl.col("game_date") < first_held), frame.filter(pl.col("game_date") >= first_held)


def compare_families(
    target: Target, frame: pl.DataFrame, configs: Sequence[TrainingConfig], progress: Progress | None = None
) -> tuple[FamilyResult, ...]:
    """Return each family's figures on the same selection split; the order is that of `configs`."""
    fitting, held = selection_split(frame)
    label, group = held[target.label].to_numpy(), held[target.group].to_numpy()
    results = []
    for config in configs:
        # Calibration folds cost as much as the fit and change no ranking that matters here.
        model = fit(target, fitting, replace(config, folds=0), progress)
        probability = model.predict(held)
        results.append(
            FamilyResult(
                config,
                score(label, probability, group),
                probability,
                calibration_curve(label, probability),
                confusion(label, probability),
                model.importances(),
            )
        )
    return tuple(results)


def train_challenger(
    target: Target, frame: pl.DataFrame, configs: Sequence[TrainingConfig], progress: Progress | None = None
) -> Challenger:
    """Return the best of `configs` on the selection split, fitted and calibrated on all of `frame`.

    Raises ValueError when no config is given, or as `training.fit` does.
    """
    if not configs:
        raise ValueError(f"{target.name}: no family to compare; give at least one training config")
    compared = compare_families(target, frame, configs, progress)
    best = min(compared, key=lambda result: result.metrics.log_loss)
    return Challenger(fit(target, frame, best.config, progress), compared)
