"""Model assets: one challenger per target, made by one factory, with the checks a model must pass to be judged."""

import datetime as dt
from collections.abc import Callable, Iterator

import dagster as dg
import polars as pl

from parivision_assets.core.catalogue import TARGETS
from parivision_assets.core.challenger import Challenger, selection_split, train_challenger
from parivision_assets.core.model_files import to_files
from parivision_assets.core.reference import Reference
from parivision_assets.core.targets import Target
from parivision_assets.defs.io_managers import StoredBundle
from parivision_assets.defs.model_figures import (
    CheckedRows,
    blocks,
    check_results,
    figures_metadata,
    holdout_figures,
    selection_figures,
)
from parivision_assets.defs.publishing import OWNERS
from parivision_assets.defs.resources import EXPERIMENT, MlflowParent
from parivision_assets.defs.training_plan import ChallengerConfig, TrainingPlan, chosen_configs, plan_training
from parivision_assets.defs.training_records import (
    challenger_metadata,
    code_tags,
    dataset_versions,
    defined,
    family_record,
    flat,
    mlmodel,
)
from parivision_assets.stores.bundles import BundleRef
from parivision_assets.stores.champions import HOLDOUT_FILE, bundle_files, holdout_file
from parivision_assets.stores.home import Home
from parivision_assets.stores.provenance import Provenance, landed_numbers, record_provenance
from parivision_assets.stores.registry import RunRecord


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
        if features is None:
            raise dg.Failure(f"{target.table.name} has no partition yet; materialise it first")
        plan = plan_training(config, first_days(features), target.newest_seasons)
        training = training_frame(target, features, plan)
        configs = chosen_configs(target, config, plan, home.settings.threads)
        made = train_challenger(target, training, configs, step_log(context, target))
        if plan.holdout_season is None:
            checked = selection_figures(home, target, made, training)
        else:
            holdout = features.filter(pl.col("season") == plan.holdout_season).collect()
            checked = holdout_figures(home, target, made, training, holdout)
        ref, run_id = keep(home, mlflow, target, made, training, plan, checked)
        checks = list(check_results(target, checked))
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
                **figures_metadata(target, checked),
                **challenger_metadata(target, made),
            },
        )

    return challenger


def step_log(context: dg.AssetExecutionContext, target: Target) -> Callable[[str, float], None]:
    """Return a progress callback that logs each step once: every round would cost more than the training."""
    seen: set[str] = set()

    def log(step: str, _share: float) -> None:
        if step not in seen:
            seen.add(step)
            context.log.info("%s: %s", target.name, step)

    return log


def first_days(features: pl.LazyFrame) -> dict[int, dt.date]:
    """Return the first game date of each season that there is."""
    return dict(features.group_by("season").agg(pl.col("game_date").min()).sort("season").collect().iter_rows())


def training_frame(target: Target, features: pl.LazyFrame, plan: TrainingPlan) -> pl.DataFrame:
    """Return the plan's training rows; raise dg.Failure in words when none of them follows the change."""
    training = features.filter(plan.training_rows).collect()
    newest = training["game_date"].max()
    if plan.change_date is not None and isinstance(newest, dt.date) and newest < plan.change_date:
        raise dg.Failure(
            f"{target.name}: no training row is dated on or after the change ({plan.change_date}); the newest is of "
            f"{newest}. Train once games after it have landed"
        )
    return training


def keep(
    home: Home,
    mlflow: MlflowParent,
    target: Target,
    made: Challenger,
    training: pl.DataFrame,
    plan: TrainingPlan,
    checked: CheckedRows,
) -> tuple[BundleRef, str]:
    """Store the bundle and record the nested MLflow runs; return the bundle and the run that made it."""
    seasons = made.model.train_seasons
    datasets = dataset_versions(home, target.table.name, seasons)
    tags = {**mlflow.tags, "target": target.name}
    model = to_files(made.model)
    games = training[target.group].unique().cast(pl.String).to_list()
    ref = home.bundles.write_bundle(
        {
            **bundle_files(model, games, Reference.of(target, training)),
            HOLDOUT_FILE: holdout_file(target, selection_split(training)[1], made.chosen.probability),
        },
        {
            "target": target.name,
            "features": list(made.model.encoder.names),
            "train_seasons": list(seasons),
            "trained_until": str(training["game_date"].max()),
            "change_date": None if plan.change_date is None else plan.change_date.isoformat(),
            "cause": plan.cause.value,
            "report": plan.report,
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
            for name, found in checked.figures.items()
            for figure, value in defined(found.to_dict()).items()
        }
        home.registry.record(
            run_id,
            RunRecord(
                params={**flat(made.model.config.to_dict()), "bundle_digest": ref.digest},
                metrics={f"{checked.split}.{name}": value for name, value in metrics.items()},
                tags=code_tags(),
                files={**{f"model/{name}": data for name, data in model.items()}, "model/MLmodel": mlmodel(target)},
                datasets=datasets,
            ),
        )
    landed = landed_numbers(home, max(seasons))
    record_provenance(home, ref.digest, Provenance(mlflow.dagster_run_id or None, run_id, landed))
    return ref, run_id


def model_assets() -> list[dg.AssetsDefinition]:
    """Return the challengers of all targets."""
    return [challenger_asset(target) for target in TARGETS.values()]
