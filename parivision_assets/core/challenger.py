"""Making a challenger: compare families on one split by time, then fit the best on every training game.

The split lies inside the training seasons, so the holdout on which the gate judges chooses nothing. Fitting one
model is in `training`; judging the challenger is in `promotion`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import polars as pl

from parivision_assets.core.evaluation import Confusion, Metrics, calibration_curve, confusion, score
from parivision_assets.core.targets import Target
from parivision_assets.core.training import TrainedModel, TrainingConfig, fit

Progress = Callable[[str, float], None]
SELECTION_SHARE = 0.25
"""Share of the newest training season's game days on which families are compared."""


@dataclass(frozen=True)
class FamilyResult:
    """How one family did on the selection split."""

    config: TrainingConfig
    metrics: Metrics
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

    Raises ValueError when the newest season has fewer than four game days.
    """
    season = int(frame["season"].to_numpy().max())
    days = frame.filter(pl.col("season") == season)["game_date"].unique().sort()
    if len(days) < 4:
        raise ValueError(f"season {season} has {len(days)} game day(s); at least 4 are needed to compare families")
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
