"""Live performance: what was served, joined with what happened, beside the holdout. The board is in `scoreboards`."""

import datetime as dt
from typing import Any

import dagster as dg
import polars as pl

from parivision_assets import pictures
from parivision_assets.core.answered import asked_columns, join_answers
from parivision_assets.core.catalogue import FEATURE_TABLES, TARGETS
from parivision_assets.core.live_performance import live_performance
from parivision_assets.core.monitoring_tables import (
    ANSWERED,
    CHAMPION,
    LIVE_PERFORMANCE,
    PREDICTION_OUTCOMES,
    SERVED_PREDICTIONS,
    STATES,
)
from parivision_assets.core.outcomes import (
    PENDING_LIMIT,
    OutcomeSummary,
    empty_outcomes,
    join_outcomes,
    outcome_rows,
    summarise,
)
from parivision_assets.core.targets import Target
from parivision_assets.defs.answers import logged_predictions_asset
from parivision_assets.defs.partitions import this_and_earlier
from parivision_assets.defs.publishing import (
    Events,
    contract_spec,
    image,
    markdown_table,
    publish,
    publish_absent,
    table_options,
)
from parivision_assets.defs.scoreboards import scoreboard_asset
from parivision_assets.sources.archives import Dataset
from parivision_assets.stores.home import Home
from parivision_assets.stores.platform_date import today
from parivision_assets.stores.serving_record import champion_holdout, in_play, record_unserved, season_span

Partitions = dg.PartitionsDefinition[str]
OUTCOME_CHECKS = {
    "no_contradictions": "No event has two different outcomes; such events are not scored",
    "predictions_in_time": "No prediction was made after the game's day had closed; such predictions are not scored",
    "labels_on_time": f"At most {PENDING_LIMIT:.0%} of the predicted events wait for an outcome",
}
OUTCOME_FILES = {"shot_features": (Dataset.SHOTS,), "game_features": (Dataset.GAMES, Dataset.ODDS)}
"""By feature table, the files that bring its outcomes."""


def served_predictions_asset(partitions: Partitions) -> dg.AssetsDefinition:
    """Return the table of what was served; a run serves what the models in play have not predicted yet."""

    @dg.asset(
        **table_options(SERVED_PREDICTIONS, "predictions", {"xgboost"}, partitions),
        deps=[*FEATURE_TABLES, *(f"{name}_champion" for name in TARGETS)],
        check_specs=[contract_spec(SERVED_PREDICTIONS, partitions)],
    )
    def build_served_predictions(context: dg.AssetExecutionContext, home: dg.ResourceParam[Home]) -> Events:
        season = context.partition_key
        new = {name: serve(home, target, season) for name, target in TARGETS.items()}
        frame = served_in(home, season)
        if frame.is_empty():
            yield from publish_absent(home, SERVED_PREDICTIONS, season, f"nothing was served in {season}")
            return
        counts = frame.group_by("target", "role", "model").len("predictions").sort("target", "role", "model")
        metadata = {"newly_served": sum(new.values()), "by_model": dg.MetadataValue.md(markdown_table(counts))}
        yield from publish(SERVED_PREDICTIONS, frame, metadata=metadata)

    return build_served_predictions


def serve(home: Home, target: Target, season: str) -> int:
    """Record what every model in play says of a season's events that it neither learnt from nor predicted before."""
    models = in_play(home, target.name)
    if not models or not home.tables.has(target.table.name, season):
        return 0
    features = home.tables.read(target.table.name, season)
    return sum(record_unserved(home, target, role, model, features) for role, model in models.items())


def served_in(home: Home, season: str) -> pl.DataFrame:
    """Return all targets' predictions on record for a season's dates."""
    span = season_span(home, season)
    if span is None:
        return SERVED_PREDICTIONS.schema.to_frame()
    return pl.concat([home.served.read(name, *span) for name in TARGETS])


def prediction_outcomes_asset(partitions: Partitions) -> dg.AssetsDefinition:
    """Return the table of predictions and what became of them, with warnings in words."""

    @dg.asset(
        **table_options(PREDICTION_OUTCOMES, "predictions", set(), partitions),
        deps=FEATURE_TABLES,
        check_specs=[contract_spec(PREDICTION_OUTCOMES, partitions), *outcome_check_specs(partitions)],
    )
    def build_prediction_outcomes(
        context: dg.AssetExecutionContext,
        home: dg.ResourceParam[Home],
        served_predictions: pl.DataFrame | None,
        logged_predictions: pl.DataFrame | None,
    ) -> Events:
        season, as_of = context.partition_key, today(home)
        served = SERVED_PREDICTIONS.schema.to_frame() if served_predictions is None else served_predictions
        if as_of is None or (served.is_empty() and logged_predictions is None):
            for name in OUTCOME_CHECKS:
                yield outcome_check(name, passed=True, words="absent: nothing was served")
            yield from publish_absent(home, PREDICTION_OUTCOMES, season, f"nothing was served in {season}")
            return
        joined, summary = join_season(home, season, served, as_of, logged_predictions)
        yield from outcome_checks(summary)
        metadata = {
            "as_of": as_of.isoformat(),
            "summary": summary.quality().reason,
            "to_know": "; ".join(summary.problems()) or "nothing",
            "states": dg.MetadataValue.md(markdown_table(state_counts(joined))),
            "unpredicted_outcomes": summary.unpredicted,
        }
        yield from publish(PREDICTION_OUTCOMES, joined, metadata=metadata)

    return build_prediction_outcomes


def state_counts(joined: pl.DataFrame) -> pl.DataFrame:
    """Return how many predictions are in each state, recorded by the platform and answered, with its meaning."""
    answers = pl.col("role") == ANSWERED
    counts = joined.group_by("state").agg((~answers).sum().alias("recorded"), answers.sum().alias("answered"))
    meanings = pl.DataFrame({"state": list(STATES), "meaning": list(STATES.values())})
    counted = meanings.join(counts, on="state", how="left", maintain_order="left").fill_null(0)
    return counted.select("state", "recorded", "answered", "meaning")


def join_season(
    home: Home, season: str, served: pl.DataFrame, as_of: dt.date, logged: pl.DataFrame | None = None
) -> tuple[pl.DataFrame, OutcomeSummary]:
    """Return all targets' joined predictions of a season, answers included, and how the platform's own stand.

    At least one prediction must be given.
    """
    name = PREDICTION_OUTCOMES.name
    earlier = home.tables.read(name, season) if home.tables.has(name, season) else None
    parts, happened = [], [empty_outcomes()]
    for target in TARGETS.values():
        mine = pl.col("target") == target.name
        own, asked = served.filter(mine), None if logged is None else logged.filter(mine)
        before = None if earlier is None else earlier.filter(mine)
        features, known = target.table.schema.to_frame(), known_on(home, target, season, as_of)
        if home.tables.has(target.table.name, season):
            columns = [*target.table.key, *asked_columns(target), target.group, "game_date", target.label]
            features = home.tables.read(target.table.name, season, list(dict.fromkeys(columns)))
        if not own.is_empty():
            outcomes = outcome_rows(target, features, known)
            parts.append(join_outcomes(own, outcomes, before, as_of))
            # Games before the newest model's first prediction were never to be predicted.
            happened.append(outcomes.filter(pl.col("game_date") >= own["game_date"].min()))
        if asked is not None and not asked.is_empty():
            parts.append(join_answers(target, asked, features, known, before, as_of))
    joined = pl.concat(parts)
    return joined, summarise(joined.filter(pl.col("role") != ANSWERED), pl.concat(happened))


def known_on(home: Home, target: Target, season: str, as_of: dt.date) -> pl.Expr:
    """Return per game date when its outcomes became known: the newest day that had landed when its own file came.

    It does not matter when anybody looks. Null for dates of whole-season files, which cannot tell.
    """
    landed = [entry for data in Dataset for entry in home.landing.objects(data, season)]
    newest, known = dt.date.min, dict[dt.date, dt.date]()
    for entry in sorted(landed, key=lambda entry: (entry.landed_at, entry.dataset, entry.number)):
        if entry.day is not None:
            newest = max(newest, entry.day)
            if entry.dataset in OUTCOME_FILES[target.table.name]:
                known.setdefault(entry.day, min(newest, as_of))
    dates = pl.col("game_date")
    return dates.replace_strict(known, default=None, return_dtype=pl.Date) if known else pl.lit(None, pl.Date)


def outcome_check_specs(partitions: Partitions) -> list[dg.AssetCheckSpec]:
    """Return the warnings about outcomes; none of them blocks."""
    return [
        dg.AssetCheckSpec(name, asset=PREDICTION_OUTCOMES.name, description=words, partitions_def=partitions)
        for name, words in OUTCOME_CHECKS.items()
    ]


def outcome_checks(summary: OutcomeSummary) -> list[dg.AssetCheckResult]:
    """Return the warnings' results for one season."""
    counts = summary.counts
    return [
        outcome_check(
            "no_contradictions",
            passed=not counts["contradictory"],
            words=f"{counts['contradictory']:,} prediction(s) with two different outcomes",
        ),
        outcome_check(
            "predictions_in_time",
            passed=not counts["late"],
            words=f"{counts['late']:,} prediction(s) made after the game's day had closed",
        ),
        outcome_check(
            "labels_on_time",
            passed=summary.pending_share <= PENDING_LIMIT,
            words=f"{counts['pending']:,} of {summary.events:,} predicted events ({summary.pending_share:.1%}) wait",
        ),
    ]


def outcome_check(name: str, *, passed: bool, words: str) -> dg.AssetCheckResult:
    """Return one warning."""
    return dg.AssetCheckResult(
        passed=passed,
        asset_key=PREDICTION_OUTCOMES.name,
        check_name=name,
        severity=dg.AssetCheckSeverity.WARN,
        description=words,
    )


def live_performance_asset(partitions: Partitions) -> dg.AssetsDefinition:
    """Return the rolling figures of each champion beside its own holdout."""
    seasons = this_and_earlier(list(partitions.get_partition_keys()))

    @dg.asset(
        **table_options(LIVE_PERFORMANCE, "monitoring", set(), partitions),
        ins={"prediction_outcomes": dg.AssetIn(partition_mapping=seasons)},
        check_specs=[contract_spec(LIVE_PERFORMANCE, partitions)],
    )
    def build_live_performance(
        context: dg.AssetExecutionContext, home: dg.ResourceParam[Home], prediction_outcomes: pl.LazyFrame | None
    ) -> Events:
        season = context.partition_key
        span = season_span(home, season)
        joined = None if prediction_outcomes is None or span is None else served_until(prediction_outcomes, *span)
        if joined is None or joined.is_empty() or span is None:
            yield from publish_absent(home, LIVE_PERFORMANCE, season, f"no champion served in {season}")
            return
        champions = joined.select("target", "model").unique().iter_rows()
        holdouts = {model: champion_holdout(home, target, model) for target, model in champions}
        frame = live_performance(joined, holdouts, span[0])
        if frame.is_empty():
            yield from publish_absent(
                home, LIVE_PERFORMANCE, season, f"no outcome of an answer in {season} is known yet"
            )
            return
        yield from publish(LIVE_PERFORMANCE, frame, metadata=live_pictures(frame))

    return build_live_performance


def served_until(joined: pl.LazyFrame, first: dt.date, last: dt.date | None) -> pl.DataFrame:
    """Return up to the season's last day what its champions served, earlier seasons included."""
    served = joined.filter(pl.col("role").is_in([CHAMPION, ANSWERED]))
    served = served if last is None else served.filter(pl.col("game_date") <= last)
    models = served.filter(pl.col("game_date") >= first).select("target", "model").unique()
    return served.join(models, on=["target", "model"], how="semi").collect()


def live_pictures(frame: pl.DataFrame) -> dict[str, Any]:
    """Return per target the rolling log loss as a picture and the newest windows as a table."""
    shown = ["window", "game_days", "n", "log_loss", "log_loss_se", "accuracy", "ece", "ece_null_95", "pending", "note"]
    found: dict[str, Any] = {}
    for (target,), own in frame.partition_by("target", as_dict=True, maintain_order=True).items():
        newest = own.filter(pl.col("last_date") == pl.col("last_date").max()).select(shown)
        found[f"{target}_newest"] = dg.MetadataValue.md(markdown_table(newest))
        if own["log_loss"].drop_nulls().len():
            found[f"{target}_log_loss"] = image(pictures.rolling_log_loss_png(own, f"{target}: log loss as served"))
    return found


def performance_assets(partitions: Partitions) -> list[dg.AssetsDefinition]:
    """Return served and logged predictions, their outcomes, live performance and the scoreboard."""
    return [
        served_predictions_asset(partitions),
        logged_predictions_asset(partitions),
        prediction_outcomes_asset(partitions),
        live_performance_asset(partitions),
        scoreboard_asset(partitions),
    ]
