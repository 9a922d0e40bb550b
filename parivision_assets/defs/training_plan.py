"""What a challenger is trained on: the launchpad's config, and the plan that it and the landed seasons make."""

import datetime as dt
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import dagster as dg
import polars as pl
from pydantic import Field

from parivision_assets.core.adaptation import Cause
from parivision_assets.core.catalogue import training_configs
from parivision_assets.core.splits import walk_forward
from parivision_assets.core.targets import Target
from parivision_assets.core.training import TrainingConfig


class ChallengerConfig(dg.Config):
    """How a challenger is made; the defaults are what the demo uses."""

    until: str | None = Field(
        default=None,
        description="Train on games up to and including this date (YYYY-MM-DD), the season under way included; "
        "when empty, a whole season is held out instead",
    )
    change_date: str | None = Field(
        default=None, description="First date after a known change (YYYY-MM-DD), kept with the model"
    )
    cause: str = Field(default=Cause.FIRST.value, description=f"Why it is trained: {', '.join(Cause)}")
    report: str | None = Field(default=None, description="Digest of the drift report that asked for it")
    holdout_season: int | None = Field(
        default=None,
        description="Without `until`: season held out, on which the model is checked; the newest when empty",
    )
    training_seasons: list[int] = Field(
        default_factory=list, description="Seasons to train on; the newest ones when empty"
    )
    families: list[str] = Field(
        default_factory=lambda: ["logistic_regression", "random_forest", "xgboost"],
        description="Families to compare on the selection split",
    )
    budget: float = Field(
        default=1.0, gt=0, le=1, description="Share of the pinned boosting rounds and trees; below 1 for a quick look"
    )


@dataclass(frozen=True)
class TrainingPlan:
    """Which rows train, which season is held out (None: all that is known trains), since which change, and why."""

    training_seasons: tuple[int, ...]
    holdout_season: int | None
    until: dt.date | None
    change_date: dt.date | None
    cause: Cause
    report: str | None

    @property
    def training_rows(self) -> pl.Expr:
        """Return the condition on a feature table's rows."""
        chosen = pl.col("season").is_in(self.training_seasons)
        return chosen if self.until is None else chosen & (pl.col("game_date") <= self.until)


def plan_training(config: ChallengerConfig, first_days: Mapping[int, dt.date], newest_n: int | None) -> TrainingPlan:
    """Return what the config means on the seasons that there are.

    `first_days` holds each landed season's first game date, `newest_n` how many seasons train (None: all). Raises
    dg.Failure in words for dates and seasons that fit neither one another nor what has landed.
    """
    until, change = parsed_date("until", config.until), parsed_date("change_date", config.change_date)
    if config.cause not in set(Cause):
        raise dg.Failure(f"cause {config.cause!r} is none of {', '.join(Cause)}")
    if until is None:
        seasons, holdout = seasons_for(config, list(first_days), newest_n)
    else:
        seasons, holdout = seasons_until(config, until, first_days, newest_n), None
        if change is not None and change > until:
            raise dg.Failure(f"change_date {change} is after until {until}: no training row would follow the change")
    return TrainingPlan(seasons, holdout, until, change, Cause(config.cause), config.report)


def parsed_date(name: str, text: str | None) -> dt.date | None:
    """Return the date that a setting holds; raise dg.Failure in words when it holds none."""
    if text is None:
        return None
    try:
        return dt.date.fromisoformat(text)
    except ValueError as error:
        raise dg.Failure(f"{name} is {text!r}, which is not a date: give it as YYYY-MM-DD") from error


def seasons_until(
    config: ChallengerConfig, until: dt.date, first_days: Mapping[int, dt.date], newest_n: int | None
) -> tuple[int, ...]:
    """Return the newest seasons with games up to and including `until`, the one under way counted, oldest first."""
    if config.holdout_season is not None:
        raise dg.Failure("until and holdout_season exclude one another: training until a date holds no season out")
    begun = sorted(season for season, first in first_days.items() if first <= until)
    if not begun:
        known = f"the first is on {min(first_days.values())}" if first_days else "none has landed"
        raise dg.Failure(f"no game was played up to {until} (until): {known}")
    missing = sorted(set(config.training_seasons) - set(begun))
    if missing:
        raise dg.Failure(f"no games up to {until} (until) in training season(s) {missing}; there are {begun}")
    return tuple(sorted(config.training_seasons)) or tuple(begun[-(newest_n or len(begun)) :])


def seasons_for(
    config: ChallengerConfig, available: Sequence[int], newest_n: int | None
) -> tuple[tuple[int, ...], int]:
    """Return (training seasons, holdout season).

    Raises dg.Failure in words when there are not two seasons or the holdout is not after the training seasons.
    """
    if len(available) < 2:
        raise dg.Failure(
            f"a challenger needs features of at least two seasons, one to train on and one to be judged on; "
            f"there are {len(available)}. Run `parivision run --select 'group:raw+'` for more seasons"
        )
    holdout = config.holdout_season or max(available)
    training = tuple(config.training_seasons) or walk_forward(holdout, available, newest_n or len(available))
    missing = sorted({*training, holdout} - set(available))
    if missing or max(training) >= holdout:
        raise dg.Failure(
            f"training seasons {list(training)} and holdout {holdout} do not fit: "
            + (f"no features for {missing}" if missing else "every training season must end before the holdout")
        )
    return training, holdout


def chosen_configs(target: Target, config: ChallengerConfig, plan: TrainingPlan, threads: int) -> list[TrainingConfig]:
    """Return the pinned settings of the chosen families, on this machine's threads and within the asked budget."""
    pinned = [
        replace(found, n_jobs=threads or os.cpu_count() or 1, change_date=plan.change_date)
        for found in training_configs(target, config.families)
    ]
    return [found.lighter(config.budget) for found in pinned] if config.budget < 1 else pinned
