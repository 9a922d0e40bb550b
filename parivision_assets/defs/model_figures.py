"""How a challenger does on rows that it was not fitted on, beside baselines and market, and the checks on that."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import dagster as dg
import numpy as np
import numpy.typing as npt
import polars as pl

from parivision_assets import pictures
from parivision_assets.core.challenger import Challenger, selection_split
from parivision_assets.core.contracts import GAMES
from parivision_assets.core.evaluation import Metrics, calibration_curve, score
from parivision_assets.core.model_checks import (
    ModelCheck,
    beats_baseline,
    is_calibrated,
    leaks_nothing,
    standard_errors_better,
)
from parivision_assets.core.targets import Target
from parivision_assets.core.walk_forward import baseline_probability
from parivision_assets.defs.publishing import image
from parivision_assets.defs.training_records import comparison_table
from parivision_assets.stores.home import Home

Vector = npt.NDArray[np.float64]

BLOCKING_CHECKS = frozenset({"beats_baseline", "no_leak"})


@dataclass(frozen=True)
class CheckedRows:
    """How the challenger did beside every baseline and, where known, the closing line.

    `split` is `holdout` (a season after the training seasons) or `selection` (the training rows' newest days,
    predicted by the chosen family fitted without them), for a model that was trained on all that is known.
    """

    split: str
    season: int
    figures: dict[str, Metrics]
    curve: pl.DataFrame
    market_z: float | None


def holdout_figures(
    home: Home, target: Target, made: Challenger, training: pl.DataFrame, holdout: pl.DataFrame
) -> CheckedRows:
    """Return the figures on the season that was held out."""
    return _figures(home, target, "holdout", made.model.predict(holdout), training, holdout)


def selection_figures(home: Home, target: Target, made: Challenger, training: pl.DataFrame) -> CheckedRows:
    """Return the chosen family's figures on the selection split."""
    fitted, held = selection_split(training)
    return _figures(home, target, "selection", made.chosen.probability, fitted, held)


def closing_line(home: Home, target: Target, rows: pl.DataFrame) -> Vector | None:
    """Return the closing line's home probability per game (NaN where unknown), None for other targets.

    The market is read here, beside the features, because no feature table may hold it.
    """
    if target.name != "game":
        return None
    seasons = [str(season) for season in rows["season"].unique().sort()]
    games = home.tables.read(GAMES.name, seasons, ["game_key", "closing_home_probability"])
    return rows.join(games, on="game_key", how="left", maintain_order="left")["closing_home_probability"].to_numpy()


def _figures(
    home: Home, target: Target, split: str, probability: Vector, training: pl.DataFrame, rows: pl.DataFrame
) -> CheckedRows:
    label, group = rows[target.label].cast(pl.Float64).to_numpy(), rows[target.group].to_numpy()
    figures = {"challenger": score(label, probability, group)}
    for baseline in target.baselines:
        figures[baseline.name] = score(label, baseline_probability(target, baseline, training, rows), group)
    market_z = None
    market = closing_line(home, target, rows)
    if market is not None and (known := np.isfinite(market)).sum() > 1:
        figures["closing_line"] = score(label[known], market[known], group[known])
        market_z = standard_errors_better(label[known], probability[known], market[known])
    season = int(rows["season"].to_numpy().max())
    return CheckedRows(split, season, figures, calibration_curve(label, probability), market_z)


def figures_metadata(target: Target, checked: CheckedRows) -> dict[str, Any]:
    """Return the challenger beside every other contestant, and its calibration curve."""
    title = f"{target.name}, season {checked.season}"
    return {
        f"{checked.split}_season": checked.season,
        checked.split: comparison_table(checked.figures),
        "calibration": image(pictures.calibration_png({"challenger": checked.curve}, title)),
    }


def check_results(target: Target, checked: CheckedRows) -> Iterator[dg.AssetCheckResult]:
    """Yield the model checks on the figures."""
    figures = checked.figures
    judged: dict[str, ModelCheck] = {
        "beats_baseline": beats_baseline(figures, [baseline.name for baseline in target.baselines]),
        "calibrated": is_calibrated(figures["challenger"]),
        "no_leak": leaks_nothing(target.name, figures, checked.season, checked.market_z),
    }
    for name, check in judged.items():
        severity = dg.AssetCheckSeverity.WARN if check.is_warning else dg.AssetCheckSeverity.ERROR
        metadata: dict[str, Any] = {key: float(value) for key, value in check.figures.items()}
        yield dg.AssetCheckResult(
            passed=check.passed,
            asset_key=f"{target.name}_challenger",
            check_name=name,
            severity=severity,
            description=check.detail,
            metadata=metadata,
        )


def blocks(check: dg.AssetCheckResult) -> bool:
    """Return whether a check's outcome keeps the challenger from being judged."""
    return not check.passed and check.severity == dg.AssetCheckSeverity.ERROR and check.check_name in BLOCKING_CHECKS
