"""The Dagster instance under the home: its configuration file, and what a killed process left open or half done."""

import logging
import os
from collections.abc import Mapping

import dagster as dg
import yaml

from parivision_assets.core.catalogue import TARGETS
from parivision_assets.defs.resources import close_orphaned_mlflow_runs
from parivision_assets.stores.atomic import is_running, write_atomic
from parivision_assets.stores.following import repair_champions
from parivision_assets.stores.home import Home

logger = logging.getLogger(__name__)

PID_TAG = "parivision/pid"


def embedded_config(home: Home) -> dict[str, object]:
    """Return dagster.yaml: SQLite, two runs at once, since the smallest machine has two cores.

    One event log for all runs: the default makes and migrates a database per run, which costs more than most steps.
    Capturing a step's output costs two processes a step and would hold nothing: assets log through Dagster.
    """
    return {
        "telemetry": {"enabled": False},
        "nux": {"enabled": False},
        "concurrency": {"runs": {"max_concurrent_runs": 2}},
        "event_log_storage": {
            "module": "dagster._core.storage.event_log",
            "class": "ConsolidatedSqliteEventLogStorage",
            "config": {"base_dir": str(home.dagster / "event_log")},
        },
        "compute_logs": {
            "module": "dagster._core.storage.noop_compute_log_manager",
            "class": "NoOpComputeLogManager",
        },
    }


def configure(home: Home) -> Mapping[str, str]:
    """Write dagster.yaml when it is missing or old; return the environment that Dagster's own commands need."""
    text = yaml.safe_dump(embedded_config(home))
    path = home.dagster / "dagster.yaml"
    if not path.exists() or path.read_text() != text:
        write_atomic(path, text.encode(), home.root / "scratch")
    return {"DAGSTER_HOME": str(home.dagster)}


def open_instance(home: Home) -> dg.DagsterInstance:
    """Return the persistent instance, after closing what killed processes left open."""
    os.environ.update(configure(home))
    instance = dg.DagsterInstance.get()
    close_orphaned_dagster_runs(instance)
    # Without MLflow there is neither an open run nor a champion, and importing it takes seconds.
    if home.settings.mlflow_tracking_uri or (home.root / "mlflow" / "mlflow.db").exists():
        close_orphaned_mlflow_runs(home, instance)
        for problem in repair_champions(home):
            logger.warning(problem)
    return instance


def kept_ledger_heads(home: Home) -> list[str]:
    """Return the ledger heads that assets' materializations keep, sorted; none where nothing was materialised yet."""
    if not (home.dagster / "dagster.yaml").exists():
        return []
    os.environ.update(configure(home))
    heads: set[str] = set()
    with dg.DagsterInstance.get() as instance:
        for name in (*(f"{target}_champion" for target in TARGETS), "promotion_decisions"):
            for record in instance.fetch_materializations(dg.AssetKey(name), limit=1000).records:
                made = record.asset_materialization
                if made is not None and "ledger_head" in made.metadata:
                    heads.add(str(made.metadata["ledger_head"].value))
    return sorted(heads)


def close_orphaned_dagster_runs(instance: dg.DagsterInstance) -> list[str]:
    """Fail every run that a process of ours started and did not live to end; return their ids."""
    unfinished = dg.RunsFilter(statuses=[dg.DagsterRunStatus.STARTED, dg.DagsterRunStatus.STARTING])
    closed = []
    for run in instance.get_runs(filters=unfinished):
        pid = run.tags.get(PID_TAG)
        if pid is not None and not is_running(int(pid)):
            instance.report_run_failed(run, f"the process {pid} that ran it ended without a word; run it again")
            closed.append(run.run_id)
    return closed
