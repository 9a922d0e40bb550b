"""What a change in log loss is made of: the mix of events, the relation, and chance.

Had the champion's probabilities p been exact, its expected log loss on rows would be their mean entropy
H(p) = -p log p - (1 - p) log(1 - p). Hence

    change = current log loss - reference log loss
    mix = mean H(p) now - mean H(p) in the reference: harder or easier events, by the champion's own word
    concept = what re-learning the relation would have saved per row (the monitor's harm beyond standing errors)
    noise = change - mix - concept: luck, and what no re-learning of one column recovers

Standard errors are clustered by game.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import polars as pl
from scipy.special import xlogy

from parivision_assets.core.drift import Attribution, RelationAnswer
from parivision_assets.core.evaluation import Floats, clustered_mean, row_log_loss


@dataclass(frozen=True)
class _Level:
    """Mean log loss and mean entropy of labelled rows, nats per row, with standard errors (None with one game)."""

    log_loss: float
    log_loss_se: float | None
    entropy: float
    entropy_se: float | None


def attribute(reference: pl.DataFrame | None, current: pl.DataFrame, relation: RelationAnswer) -> Attribution | None:
    """Return what the change in log loss from `reference` to `current` is made of; the three parts add up to it.

    Both frames: `probability` (the champion's), `label` (0, 1 or boolean; null while pending), `game`. `reference` are
    the champion's holdout rows: games it had not seen, before the window. None where there is no reference, or no
    labelled row in either: there is no change to explain. Raises ValueError for a missing column.
    """
    if reference is None:
        return None
    before, now = _level(reference, "reference"), _level(current, "current")
    if before is None or now is None:
        return None
    change, mix = now.log_loss - before.log_loss, now.entropy - before.entropy
    return Attribution(
        before.log_loss, now.log_loss, change, _together(before.log_loss_se, now.log_loss_se),
        mix, relation.harm_nats, change - mix - relation.harm_nats, relation.columns,
        mix_se=_together(before.entropy_se, now.entropy_se), concept_se=relation.harm_se,
    )  # fmt: skip


def _level(rows: pl.DataFrame, name: str) -> _Level | None:
    missing = [column for column in ("probability", "label", "game") if column not in rows.columns]
    if missing:
        raise ValueError(f"{name} rows without column(s) {', '.join(missing)}; log loss cannot be compared")
    known = rows.filter(pl.col("label").is_not_null()).sort("game", "probability", "label")
    if known.is_empty():
        return None
    chance = known["probability"].cast(pl.Float64).to_numpy()
    label = known["label"].cast(pl.Float64).to_numpy()
    game = known["game"].to_numpy()
    entropy: Floats = -xlogy(chance, chance) - xlogy(1 - chance, 1 - chance)
    return _Level(*clustered_mean(row_log_loss(label, chance), game), *clustered_mean(np.asarray(entropy), game))


def _together(first: float | None, second: float | None) -> float | None:
    return None if first is None or second is None else math.hypot(first, second)
