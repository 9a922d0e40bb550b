"""The model registry: MLflow runs, logged models and the aliases `champion` and `challenger` per target.

Every call names its run id; nothing relies on MLflow's "active run". The ledger is the truth about champions: the
alias here follows it. Dagster's own tie (dagster-mlflow) lives in `defs.resources`.
"""

from __future__ import annotations

import logging
import math
import os
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from filelock import FileLock

if TYPE_CHECKING:
    from mlflow import MlflowClient

DAGSTER_RUN_TAG = "dagster_run_id"
LEDGER_HEAD_TAG = "ledger_head"
OPEN_STATES = ("RUNNING", "SCHEDULED")


@dataclass(frozen=True)
class DatasetVersion:
    """A table version that a run used: the name, its content digest and the season partition."""

    table: str
    partition: str
    digest: str
    rows: int


@dataclass(frozen=True)
class RunRecord:
    """What one run leaves behind: parameters, metrics and files by path."""

    params: Mapping[str, object] = field(default_factory=dict)
    metrics: Mapping[str, float] = field(default_factory=dict)
    tags: Mapping[str, str] = field(default_factory=dict)
    files: Mapping[str, bytes] = field(default_factory=dict)
    datasets: Sequence[DatasetVersion] = ()


class ModelRegistry:
    """MLflow behind explicit run ids; SQLite and local artifacts unless a server is given."""

    def __init__(self, tracking_uri: str, artifacts: Path, login: tuple[str, str] | None = None) -> None:
        """Remember where MLflow lives and who we are there; nothing is imported or created before first use."""
        self._login = login
        self.tracking_uri = tracking_uri
        self.artifacts = artifacts

    @cached_property
    def client(self) -> MlflowClient:
        """Return the client; the embedded database is created under a lock, since two processes may start at once."""
        os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
        os.environ.setdefault("MLFLOW_ENABLE_ASYNC_LOGGING", "false")
        if self._login is not None:
            os.environ["MLFLOW_TRACKING_USERNAME"], os.environ["MLFLOW_TRACKING_PASSWORD"] = self._login
        from mlflow import MlflowClient

        # A newcomer's first run would otherwise begin with a screen of migrations.
        for noisy in ("mlflow.store.db.utils", "alembic.runtime.migration"):
            logging.getLogger(noisy).setLevel(logging.WARNING)
        if not self.tracking_uri.startswith("sqlite:///"):
            return MlflowClient(self.tracking_uri)
        folder = Path(self.tracking_uri.removeprefix("sqlite:///")).parent
        folder.mkdir(parents=True, exist_ok=True)
        with FileLock(folder / "migration.lock"):
            client = MlflowClient(self.tracking_uri)
            client.search_experiments(max_results=1)
        return client

    def experiment_id(self, name: str) -> str:
        """Return the experiment's id, creating it with an explicit artifact location when it is new."""
        from mlflow.exceptions import MlflowException

        known = self.client.get_experiment_by_name(name)
        if known is not None:
            return str(known.experiment_id)
        embedded = self.tracking_uri.startswith("sqlite:///")
        location = (self.artifacts / name).as_uri() if embedded else None
        try:
            return str(self.client.create_experiment(name, artifact_location=location))
        except MlflowException:
            # Another process created it between the look and the creation.
            known = self.client.get_experiment_by_name(name)
            if known is None:
                raise
            return str(known.experiment_id)

    @contextmanager
    def run(self, experiment: str, name: str, tags: Mapping[str, str], parent: str | None = None) -> Iterator[str]:
        """Yield a run id that is ended whatever happens: FINISHED, FAILED on an error, KILLED on an interrupt."""
        parent_tag = {} if parent is None else {"mlflow.parentRunId": parent}
        run = self.client.create_run(self.experiment_id(experiment), run_name=name, tags={**tags, **parent_tag})
        run_id: str = run.info.run_id
        try:
            yield run_id
        except BaseException as error:
            self.client.set_terminated(run_id, "FAILED" if isinstance(error, Exception) else "KILLED")
            raise
        self.client.set_terminated(run_id, "FINISHED")

    def record(self, run_id: str, record: RunRecord) -> None:
        """Write parameters, metrics, tags, datasets and files of a run in as few calls as MLflow allows."""
        from mlflow.entities import Metric, Param, RunTag

        now_ms = int(time.time() * 1000)
        metrics = [
            Metric(key, float(value), now_ms, 0) for key, value in record.metrics.items() if not math.isnan(value)
        ]
        params = [Param(key, str(value)[:6000]) for key, value in record.params.items()]
        tags = [RunTag(key, value) for key, value in record.tags.items()]
        self.client.log_batch(run_id, metrics=metrics, params=params, tags=tags)
        self._log_datasets(run_id, record.datasets)
        if record.files:
            with tempfile.TemporaryDirectory() as folder:
                for path, content in record.files.items():
                    target = Path(folder) / path
                    target.parent.mkdir(parents=True, exist_ok=True)
                    target.write_bytes(content)
                self.client.log_artifacts(run_id, folder)

    def _log_datasets(self, run_id: str, datasets: Sequence[DatasetVersion]) -> None:
        if not datasets:
            return
        from mlflow.entities import Dataset, DatasetInput, InputTag

        inputs = [
            DatasetInput(
                # MLflow keeps 36 characters of a digest; the full one is in the source.
                Dataset(f"{item.table}/{item.partition}", item.digest[:36], "parivision", item.digest,
                        profile=f'{{"num_rows": {item.rows}}}'),
                [InputTag("mlflow.data.context", "training")],
            )
            for item in datasets
        ]  # fmt: skip
        self.client.log_inputs(run_id, inputs)

    def register(self, target: str, run_id: str, bundle_digest: str, alias: str = "challenger") -> str:
        """Register a run's bundle as a new version of the target's model, give it the alias, return the version."""
        from mlflow.exceptions import MlflowException

        try:
            self.client.create_registered_model(target)
        except MlflowException as error:
            if error.error_code != "RESOURCE_ALREADY_EXISTS":
                raise
        source = f"{self.client.get_run(run_id).info.artifact_uri}/model"
        version = self.client.create_model_version(
            target, source, run_id, tags={"bundle_digest": bundle_digest}, await_creation_for=0
        )
        self.client.set_registered_model_alias(target, alias, version.version)
        return str(version.version)

    def aliased(self, target: str, alias: str) -> tuple[str, str] | None:
        """Return the version and bundle digest that an alias points to, or None when there is none."""
        from mlflow.exceptions import MlflowException

        try:
            version = self.client.get_model_version_by_alias(target, alias)
        except MlflowException as error:
            if error.error_code in {"RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE"}:
                return None
            raise
        return str(version.version), str(version.tags["bundle_digest"])

    def point_alias(self, target: str, alias: str, bundle_digest: str) -> str:
        """Point an alias at the version that holds a bundle and return the version.

        Raises:
            LookupError: when no version of the target holds that bundle.
        """
        newest = self._version_of(target, bundle_digest)
        if self.aliased(target, alias) != (str(newest.version), bundle_digest):
            self.client.set_registered_model_alias(target, alias, newest.version)
        return str(newest.version)

    def close_orphans(self, experiment: str, is_finished: Callable[[str], bool]) -> list[str]:
        """End as KILLED every open run of ours whose Dagster run has ended and return their ids.

        Args:
            experiment: only runs of this experiment that carry a Dagster run id are ours.
            is_finished: says of a Dagster run id whether that run ended or is unknown.
        """
        closed: list[str] = []
        experiments = [self.experiment_id(experiment)]
        for state in OPEN_STATES:
            runs: Sequence[Any] = self.client.search_runs(experiments, f"attributes.status = '{state}'")
            for run in runs:
                if DAGSTER_RUN_TAG in run.data.tags and is_finished(run.data.tags[DAGSTER_RUN_TAG]):
                    self.client.set_terminated(run.info.run_id, "KILLED")
                    closed.append(run.info.run_id)
        return closed

    def kept_heads(self) -> list[str]:
        """Return the ledger heads that runs keep, so that a truncated or rewritten ledger is found out."""
        experiments = [experiment.experiment_id for experiment in self.client.search_experiments()]
        runs: Sequence[Any] = self.client.search_runs(experiments, f"tags.{LEDGER_HEAD_TAG} LIKE '%:%'")
        return sorted({run.data.tags[LEDGER_HEAD_TAG] for run in runs})

    def keep_head(self, run_id: str, head: str) -> None:
        """Keep the ledger's head with a run."""
        self.client.set_tag(run_id, LEDGER_HEAD_TAG, head)

    def run_of_bundle(self, target: str, bundle_digest: str) -> str:
        """Return the id of the run that made a bundle; raise LookupError when no version of the target holds it."""
        return str(self._version_of(target, bundle_digest).run_id)

    def dagster_run(self, run_id: str) -> str | None:
        """Return the Dagster run that a run belongs to, None where it says none."""
        found: str | None = self.client.get_run(run_id).data.tags.get(DAGSTER_RUN_TAG)
        return found

    def _version_of(self, target: str, bundle_digest: str) -> Any:
        versions = self.client.search_model_versions(f"name = '{target}'")
        holding = [v for v in versions if v.tags.get("bundle_digest") == bundle_digest]
        if not holding:
            raise LookupError(f"registry: no version of {target} holds bundle {bundle_digest[:12]}; train it again")
        return max(holding, key=lambda version: int(version.version))
