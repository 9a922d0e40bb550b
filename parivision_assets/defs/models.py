"""Model assets: one challenger per target, made by one factory, with the checks a model must pass to be judged."""

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import dagster as dg
import numpy as np
import numpy.typing as npt
import polars as pl
from pydantic import Field

from parivision_assets import pictures
from parivision_assets.core.catalogue import TARGETS, training_configs
from parivision_assets.core.challenger import Challenger, train_challenger
from parivision_assets.core.contracts import GAMES
from parivision_assets.core.evaluation import Metrics, calibration_curve, score
from parivision_assets.core.model_checks import (
    ModelCheck,
    beats_baseline,
    is_calibrated,
    leaks_nothing,
    standard_errors_better,
)
from parivision_assets.core.model_files import to_files
from parivision_assets.core.splits import walk_forward
from parivision_assets.core.targets import Target
from parivision_assets.core.training import TrainedModel, TrainingConfig
from parivision_assets.core.walk_forward import baseline_probability
from parivision_assets.defs.io_managers import StoredBundle
from parivision_assets.defs.publishing import OWNERS, image
from parivision_assets.defs.resources import EXPERIMENT, MlflowParent
from parivision_assets.defs.training_records import (
    challenger_metadata,
    code_tags,
    comparison_table,
    dataset_versions,
    defined,
    family_record,
    flat,
    mlmodel,
)
from parivision_assets.stores.bundles import BundleRef
from parivision_assets.stores.champions import bundle_files
from parivision_assets.stores.home import Home
from parivision_assets.stores.registry import RunRecord

Vector = npt.NDArray[np.float64]


BLOCKING_CHECKS = frozenset({"beats_baseline", "no_leak"})


class ChallengerConfig(dg.Config):
    """How a challenger is made; the defaults are what the sensors and the demo use."""

    holdout_season: int | None = Field(
        default=None, description="Season on which the gate judges; the newest available season when empty"
    )
    training_seasons: list[int] = Field(
        default_factory=list, description="Seasons to train on; the newest ones before the holdout when empty"
    )
    families: list[str] = Field(
        default_factory=lambda: ["logistic_regression", "random_forest", "xgboost"],
        description="Families to compare on the selection split",
    )
    budget: float = Field(
        default=1.0, gt=0, le=1, description="Share of the pinned boosting rounds and trees; below 1 for a quick look"
    )


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


def chosen_configs(target: Target, config: ChallengerConfig, threads: int) -> list[TrainingConfig]:
    """Return the pinned settings of the chosen families, on this machine's threads and within the asked budget."""
    pinned = [
        replace(found, n_jobs=threads or os.cpu_count() or 1) for found in training_configs(target, config.families)
    ]
    return [found.lighter(config.budget) for found in pinned] if config.budget < 1 else pinned


def challenger_asset(target: Target) -> dg.AssetsDefinition:
    """Return the challenger asset of one target."""
    name = f"{target.name}_challenger"

    @dg.asset(
        name=name,
        group_name="models",
        description=f"{target.description}: the best of several families on the newest seasons, to be judged",
        owners=list(OWNERS),
        kinds={"xgboost", "scikitlearn", "mlflow"},
        code_version="1",
        ins={"features": dg.AssetIn(target.table.name, partition_mapping=dg.AllPartitionMapping())},
        io_manager_key="bundles",
        output_required=False,
        check_specs=[
            dg.AssetCheckSpec(
                "beats_baseline", asset=name, blocking=True, description="Lower log loss than every baseline"
            ),
            dg.AssetCheckSpec("calibrated", asset=name, description="Calibration error within what chance explains"),
            dg.AssetCheckSpec("no_leak", asset=name, blocking=True, description="Not better than is credible"),
        ],
    )
    def challenger(
        context: dg.AssetExecutionContext,
        config: ChallengerConfig,
        home: dg.ResourceParam[Home],
        mlflow: dg.ResourceParam[MlflowParent],
        features: pl.LazyFrame | None,
    ) -> Iterator[dg.AssetCheckResult | dg.MaterializeResult[StoredBundle]]:
        available = [int(season) for season in home.tables.partitions(target.table.name)]
        training_seasons, holdout_season = seasons_for(config, available, target.newest_seasons)
        if features is None:
            raise dg.Failure(f"{target.table.name} has no partition yet; materialise it first")
        season = pl.col("season")
        training = features.filter(season.is_in(training_seasons)).collect()
        configs = chosen_configs(target, config, home.settings.threads)
        made = train_challenger(target, training, configs, step_log(context, target))
        holdout = features.filter(season == holdout_season).collect()
        market = closing_line(home, target, holdout, holdout_season)
        result = holdout_result(target, made.model, training, holdout, holdout_season, market)
        ref, run_id = keep(home, mlflow, target, made, training, result.figures)
        checks = list(check_results(target, result))
        yield from checks
        if any(blocks(check) for check in checks):
            # The runs are kept for whoever looks into it; neither value nor alias names a model that was refused.
            return
        version = home.registry.register(target.name, run_id, ref.digest)
        yield dg.MaterializeResult(
            value=StoredBundle(ref.digest),
            data_version=dg.DataVersion(ref.digest),
            metadata={
                "bundle": ref.digest,
                "registry_version": version,
                "mlflow_run": run_id,
                **holdout_metadata(target, result),
                **challenger_metadata(target, made),
            },
        )

    return challenger


def blocks(check: dg.AssetCheckResult) -> bool:
    """Return whether a check's outcome keeps the challenger from being judged."""
    return not check.passed and check.severity == dg.AssetCheckSeverity.ERROR and check.check_name in BLOCKING_CHECKS


def step_log(context: dg.AssetExecutionContext, target: Target) -> Callable[[str, float], None]:
    """Return a progress callback that logs each step once: every round would cost more than the training."""
    seen: set[str] = set()

    def log(step: str, _share: float) -> None:
        if step not in seen:
            seen.add(step)
            context.log.info("%s: %s", target.name, step)

    return log


@dataclass(frozen=True)
class HoldoutResult:
    """How the challenger did on the holdout, beside every baseline and, where known, the closing line."""

    season: int
    figures: dict[str, Metrics]
    curve: pl.DataFrame
    market_z: float | None


def holdout_metadata(target: Target, result: HoldoutResult) -> dict[str, Any]:
    """Return the challenger beside every other contestant on the holdout, and its calibration curve."""
    title = f"{target.name}, season {result.season}"
    return {
        "holdout_season": result.season,
        "holdout": comparison_table(result.figures),
        "calibration": image(pictures.calibration_png({"challenger": result.curve}, title)),
    }


def closing_line(home: Home, target: Target, holdout: pl.DataFrame, season: int) -> Vector | None:
    """Return the closing line's home probability per holdout game (NaN where unknown), None for other targets.

    The market is read here, beside the features, because no feature table may hold it.
    """
    if target.name != "game":
        return None
    games = home.tables.read(GAMES.name, season, ["game_key", "closing_home_probability"])
    return holdout.join(games, on="game_key", how="left", maintain_order="left")["closing_home_probability"].to_numpy()


def holdout_result(
    target: Target,
    model: TrainedModel,
    training: pl.DataFrame,
    holdout: pl.DataFrame,
    season: int,
    market: Vector | None,
) -> HoldoutResult:
    """Return the challenger's, every baseline's and the closing line's metrics on the holdout."""
    label, group = holdout[target.label].cast(pl.Float64).to_numpy(), holdout[target.group].to_numpy()
    probability = model.predict(holdout)
    figures = {"challenger": score(label, probability, group)}
    for baseline in target.baselines:
        figures[baseline.name] = score(label, baseline_probability(target, baseline, training, holdout), group)
    market_z = None
    if market is not None and (known := np.isfinite(market)).sum() > 1:
        figures["closing_line"] = score(label[known], market[known], group[known])
        market_z = standard_errors_better(label[known], probability[known], market[known])
    return HoldoutResult(season, figures, calibration_curve(label, probability), market_z)


def keep(
    home: Home,
    mlflow: MlflowParent,
    target: Target,
    made: Challenger,
    training: pl.DataFrame,
    figures: dict[str, Metrics],
) -> tuple[BundleRef, str]:
    """Store the bundle and record the nested MLflow runs; return the bundle and the run that made it."""
    seasons = made.model.train_seasons
    datasets = dataset_versions(home, target.table.name, seasons)
    tags = {**mlflow.tags, "target": target.name}
    model = to_files(made.model)
    games = training[target.group].unique().cast(pl.String).to_list()
    ref = home.bundles.write_bundle(
        bundle_files(model, games),
        {
            "target": target.name,
            "features": list(made.model.encoder.names),
            "train_seasons": list(seasons),
            "data_versions": {f"{item.table}/{item.partition}": item.digest for item in datasets},
        },
    )
    for item in datasets:
        home.tables.pin(item.digest, "training data", f"{target.name} {ref.digest}")
    with home.registry.run(EXPERIMENT, f"{target.name} challenger", tags, mlflow.run_id) as run_id:
        for result in made.compared:
            with home.registry.run(EXPERIMENT, f"{target.name} {result.config.family}", tags, run_id) as nested:
                home.registry.record(nested, family_record(target, result, datasets))
        metrics = {
            f"{name}.{figure}": value
            for name, found in figures.items()
            for figure, value in defined(found.to_dict()).items()
        }
        home.registry.record(
            run_id,
            RunRecord(
                params={**flat(made.model.config.to_dict()), "bundle_digest": ref.digest},
                metrics={f"holdout.{name}": value for name, value in metrics.items()},
                tags=code_tags(),
                files={**{f"model/{name}": data for name, data in model.items()}, "model/MLmodel": mlmodel(target)},
                datasets=datasets,
            ),
        )
    return ref, run_id


def check_results(target: Target, result: HoldoutResult) -> Iterator[dg.AssetCheckResult]:
    """Yield the model checks on the holdout figures."""
    figures = result.figures
    judged: dict[str, ModelCheck] = {
        "beats_baseline": beats_baseline(figures, [baseline.name for baseline in target.baselines]),
        "calibrated": is_calibrated(figures["challenger"]),
        "no_leak": leaks_nothing(target.name, figures, result.season, result.market_z),
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


def model_assets() -> list[dg.AssetsDefinition]:
    """Return the challengers of all targets."""
    return [challenger_asset(target) for target in TARGETS.values()]
