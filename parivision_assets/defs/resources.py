"""What assets are given: the home with its stores, the IO managers, and one MLflow run per Dagster run.

`dagster-mlflow` opens and tags the MLflow run of a Dagster run; its hook alone leaves that run RUNNING after a
partial selection, so the resource here ends it, and runs of killed processes are closed at the next start.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import dagster as dg

from parivision_assets.defs.io_managers import BundleIOManager, TableIOManager
from parivision_assets.stores.home import Home
from parivision_assets.stores.registry import DAGSTER_RUN_TAG

EXPERIMENT = "parivision"


@dataclass(frozen=True)
class MlflowParent:
    """The MLflow run that stands for the Dagster run; models' runs are nested below it."""

    run_id: str
    dagster_run_id: str

    @property
    def tags(self) -> dict[str, str]:
        """Return the tag that ties an MLflow run to its Dagster run."""
        return {DAGSTER_RUN_TAG: self.dagster_run_id}


def mlflow_resource(home: Home) -> dg.ResourceDefinition:
    """Return the resource that opens one MLflow run per Dagster run and always ends it."""

    @dg.resource(description="The MLflow run of this Dagster run, through dagster-mlflow")
    @contextmanager
    def mlflow_parent(context: dg.InitResourceContext) -> Iterator[MlflowParent]:
        from dagster_mlflow.resources import MlFlow

        registry = home.registry
        close_orphaned_mlflow_runs(home, context.instance)
        # The experiment first, so that its artifacts lie where the home says.
        registry.experiment_id(EXPERIMENT)
        config = {
            "experiment_name": EXPERIMENT,
            "mlflow_tracking_uri": registry.tracking_uri,
            "env": {},
            "extra_tags": {},
        }
        tied = MlFlow(context.replace_config(config))
        run_id = tied.active_run().info.run_id
        try:
            yield MlflowParent(run_id, context.run_id or "")
        finally:
            tied.end_run(status="FAILED" if _a_step_failed(context) else "FINISHED")

    return mlflow_parent


def _a_step_failed(context: dg.InitResourceContext) -> bool:
    if context.instance is None or context.run_id is None:
        return False
    return bool(context.instance.all_logs(context.run_id, of_type=dg.DagsterEventType.STEP_FAILURE))


def close_orphaned_mlflow_runs(home: Home, instance: dg.DagsterInstance | None) -> list[str]:
    """End every MLflow run whose Dagster run has ended or is unknown; return their ids."""

    def is_finished(dagster_run_id: str) -> bool:
        run = instance.get_run_by_id(dagster_run_id) if instance and dagster_run_id else None
        return run is None or run.is_finished

    return home.registry.close_orphans(EXPERIMENT, is_finished)


def resources(home: Home) -> dict[str, object]:
    """Return the resources of one installation by key."""
    return {
        "home": home,
        "tables": TableIOManager(home),
        "bundles": BundleIOManager(home),
        "mlflow": mlflow_resource(home),
    }
