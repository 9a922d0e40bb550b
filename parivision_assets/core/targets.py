"""What is predicted: per target its label, features, baselines and slices."""

from __future__ import annotations

from dataclasses import dataclass, field

import polars as pl

from parivision_assets.core.contracts import Table
from parivision_assets.core.features import Feature
from parivision_assets.core.shot_features import (
    DEFENDER_FEATURES,
    LOCATION,
    POST_EVENT_FEATURES,
    PRE_RELEASE_FEATURES,
    SHOT_FEATURES,
)


@dataclass(frozen=True)
class Slice:
    """A part of the rows on which a model is judged separately."""

    name: str
    description: str
    rows: pl.Expr = field(compare=False, repr=False)


@dataclass(frozen=True)
class Baseline:
    """A forecast without a model: the label's rate in the training seasons, by `keys` (none: one constant)."""

    name: str
    keys: tuple[str, ...] = ()


@dataclass(frozen=True)
class Target:
    """One thing to predict, over which the asset factory builds challenger, champion and drift report."""

    name: str
    description: str
    table: Table
    label: str
    group: str
    """Column that identifies the game: rows of one game are never split."""
    features: tuple[Feature, ...]
    always: str
    """The context that is always given."""
    starts: tuple[str, ...] = ()
    """Features that hold a rate known beforehand, the preferred one first; boosting starts from its log-odds."""
    offset_features: tuple[Feature, ...] = ()
    """Features that enter through the tracking offset only."""
    baselines: tuple[Baseline, ...] = (Baseline("constant"),)
    slices: tuple[Slice, ...] = ()
    newest_seasons: int | None = None
    """How many seasons before the holdout are trained on; None: all there are."""

    @property
    def has_tracking_offset(self) -> bool:
        """Return whether defender and shot clock adjust the base model."""
        return bool(self.offset_features)

    @property
    def contexts(self) -> tuple[str, ...]:
        """Return the contexts in order, the one that is always given first."""
        names = [self.always, *(feature.context for feature in (*self.features, *self.offset_features))]
        return tuple(dict.fromkeys(names))


SHOT_TRAINING_SEASONS = 5
"""Older seasons describe shots differently."""

SHOT_SLICES = (
    Slice("threes", "Three-point attempts", pl.col("points_value") == 3),
    Slice("unseen_players", "Shooters with fewer than 50 remembered attempts", pl.col("shooter_attempts") < 50),
    Slice("clutch", "Last five minutes of the fourth period or overtime, margin within five",
          (pl.col("quarter") >= 4) & (pl.col("clock_s") <= 300) & (pl.col("fg_margin_pts").abs() <= 5)),
)  # fmt: skip

SHOT_BASELINES = (Baseline("constant"), Baseline("zone_mean", ("zone",)))

SHOT_PRE_RELEASE = Target(
    name="shot_pre_release",
    description="Probability that a shot goes in, from what is known before the ball leaves the hand",
    table=SHOT_FEATURES, label="is_made", group="game_id", features=PRE_RELEASE_FEATURES, always=LOCATION,
    starts=("league_rate",),
    offset_features=DEFENDER_FEATURES, baselines=SHOT_BASELINES, slices=SHOT_SLICES,
    newest_seasons=SHOT_TRAINING_SEASONS,
)  # fmt: skip
SHOT_POST_EVENT = Target(
    name="shot_post_event",
    description="Expected value of a shot as recorded, the scorer's description included",
    table=SHOT_FEATURES, label="is_made", group="game_id", features=POST_EVENT_FEATURES, always=LOCATION,
    starts=("action_rate", "league_rate"),
    offset_features=DEFENDER_FEATURES, baselines=SHOT_BASELINES, slices=SHOT_SLICES,
    newest_seasons=SHOT_TRAINING_SEASONS,
)  # fmt: skip

SHOT_TARGETS = {target.name: target for target in (SHOT_PRE_RELEASE, SHOT_POST_EVENT)}
