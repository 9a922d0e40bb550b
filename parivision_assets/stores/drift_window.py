"""What a drift report reads: the champion's served days with their outcomes, and the rows that it learnt from.

Judging is the core's; this module only collects, and says in words why there is nothing to judge.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

import polars as pl

from parivision_assets.core.monitor import LIMITS
from parivision_assets.core.monitoring_tables import PREDICTION_OUTCOMES, ROLES, SCORED_STATES
from parivision_assets.core.outcomes import OutcomeSummary, event_key, outcome_rows, summarise
from parivision_assets.core.reference import Reference
from parivision_assets.core.targets import Target
from parivision_assets.core.training import TrainedModel
from parivision_assets.stores.atomic import StoreAbsentError
from parivision_assets.stores.bundled_models import bundle_model, trained_until
from parivision_assets.stores.bundles import Bundle
from parivision_assets.stores.champions import bundle_holdout, bundle_reference
from parivision_assets.stores.home import Home

_JUDGED_STATES = (*SCORED_STATES, "pending", "contradictory")


class NothingToReportError(Exception):
    """There is nothing to report on: no champion, no served predictions, no games. A normal state, in words."""


@dataclass(frozen=True)
class DriftWindow:
    """One champion's window of game dates.

    `observed`: feature rows of every event that it predicted since it was trained, until `last_date`, with `event`,
    `game`, `probability` and `label` (null while the outcome is not known), oldest first; `current` are those of the
    window. `reference`: the feature rows that it learnt from, as far as they are still there.
    """

    target: Target
    champion: str
    model: TrainedModel
    season: int
    first_date: dt.date
    last_date: dt.date
    trained_until: dt.date
    reference: pl.DataFrame
    observed: pl.DataFrame
    outcomes: OutcomeSummary
    recorded: Reference | None
    """What was recorded of the rows that it learnt from."""
    holdout: pl.DataFrame | None
    """`game`, `game_date`, `label` and `probability` of games held back while the champion was made."""

    @property
    def current(self) -> pl.DataFrame:
        """Return the observed rows of the window."""
        return self.observed.filter(pl.col("game_date").is_between(self.first_date, self.last_date))

    @property
    def earlier(self) -> pl.DataFrame:
        """Return the observed rows before the window."""
        return self.observed.filter(pl.col("game_date") < self.first_date)


def collect_window(
    home: Home,
    target: Target,
    season: int,
    first: dt.date | None = None,
    last: dt.date | None = None,
    champion: str | None = None,
) -> DriftWindow:
    """Return what a report on a season's newest games, or on a window of dates up to that season, reads.

    Args:
        home: the stores.
        target: what is predicted.
        season: later seasons are not looked at.
        first: first game date of the window; when None as many of the season's newest game days as the monitor
            of the relation looks at.
        last: last game date; the newest with predictions when None.
        champion: digest of another model than the one that serves now.

    Raises NothingToReportError in words, StoreDamagedError for a bundle that was changed.
    """
    bundle = _champion(home, target, champion)
    until = trained_until(bundle)
    served = _served(home, target, bundle.ref.digest, season, until, last)
    observed = _observed(home, target, served)
    days = observed.filter(pl.col("season") == season) if first is None else observed
    dates = days["game_date"].unique().sort().to_list()
    start = first or (dates[-LIMITS[target.name].window_game_days :] or [dt.date.max])[0]
    inside = [day for day in dates if day >= start]
    if not inside:
        named = f"from {first or 'the season'} to {last or 'now'}"
        raise NothingToReportError(
            f"{target.name}: no game {named} that champion {bundle.ref.digest[:12]} (trained until {until}) predicted; "
            "choose a window with games after that date"
        )
    return DriftWindow(
        target, bundle.ref.digest, bundle_model(bundle), season, inside[0], inside[-1], until,
        _reference(home, target, bundle, until), observed, _outcomes(home, target, season, served, inside),
        bundle_reference(bundle), bundle_holdout(bundle),
    )  # fmt: skip


def _champion(home: Home, target: Target, digest: str | None) -> Bundle:
    if digest is None:
        entry = home.ledger.champion(target.name)
        if entry is None:
            raise NothingToReportError(
                f"{target.name} has no champion yet; make one with "
                f"`parivision run --select 'key:{target.name}_challenger or key:{target.name}_champion'`"
            )
        digest = entry.model
    try:
        bundle = home.bundles.read_bundle(digest)
    except StoreAbsentError as error:
        raise NothingToReportError(
            f"{target.name}: {error}; name a champion that `parivision ledger list` shows"
        ) from error
    if bundle.metadata.get("target") != target.name:
        raise NothingToReportError(f"bundle {digest[:12]} predicts {bundle.metadata.get('target')}, not {target.name}")
    return bundle


def _served(home: Home, target: Target, model: str, season: int, until: dt.date, last: dt.date | None) -> pl.DataFrame:
    """Return what the platform recorded of the model on games after it was trained, shadow days included."""
    keys = [key for key in home.tables.partitions(PREDICTION_OUTCOMES.name) if int(key) <= season]
    if not keys:
        raise NothingToReportError(
            f"{target.name}: no served prediction up to season {season} is on record; serve the season with "
            f"`parivision run --select 'key:served_predictions or key:prediction_outcomes' --seasons {season}`"
        )
    rows = home.tables.scan(PREDICTION_OUTCOMES.name, keys).filter(
        pl.col("target") == target.name,
        pl.col("model") == model,
        pl.col("role").is_in(ROLES),
        pl.col("game_date") > until,
        pl.col("game_date") <= (last or dt.date.max),
    )
    return rows.collect()


def _observed(home: Home, target: Target, served: pl.DataFrame) -> pl.DataFrame:
    """Return the feature rows of the predictions that count or will count."""
    judged = served.filter(pl.col("state").is_in(_JUDGED_STATES)).select(
        "event", "game", "probability", pl.when(pl.col("state").is_in(SCORED_STATES)).then("outcome").alias("label")
    )
    first, last = served["game_date"].min(), served["game_date"].max()
    features = home.tables.scan(target.table.name, home.tables.partitions(target.table.name))
    rows = features.filter(pl.col("game_date").is_between(pl.lit(first), pl.lit(last)))
    keyed = rows.with_columns(event_key(target).alias("event")).collect()
    return keyed.join(judged, on="event", how="inner").sort("game_date", "event")


def _reference(home: Home, target: Target, bundle: Bundle, until: dt.date) -> pl.DataFrame:
    """Return the rows that a champion learnt from, without rows where none of its seasons is there any more."""
    there = set(home.tables.partitions(target.table.name))
    keys = [str(season) for season in bundle.metadata.get("train_seasons", []) if str(season) in there]
    if not keys:
        return target.table.schema.to_frame()
    return home.tables.scan(target.table.name, keys).filter(pl.col("game_date") <= until).collect()


def _outcomes(home: Home, target: Target, season: int, served: pl.DataFrame, dates: list[dt.date]) -> OutcomeSummary:
    """Return what became of the window's predictions, and how many outcomes nobody had predicted."""
    inside = pl.col("game_date").is_between(dates[0], dates[-1])
    keys = [key for key in home.tables.partitions(target.table.name) if int(key) <= season]
    columns = list(dict.fromkeys([*target.table.key, target.group, "game_date", target.label]))
    happened = home.tables.scan(target.table.name, keys, columns).filter(inside).collect()
    return summarise(served.filter(inside), outcome_rows(target, happened, None))
