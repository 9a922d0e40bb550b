"""MLflow behind Dagster runs: whatever happens to a run, nothing stays RUNNING, and aliases and datasets are there."""

import subprocess
import sys
from pathlib import Path

import dagster as dg
import pytest

from parivision_assets.defs import models
from parivision_assets.defs.instance import open_instance
from parivision_assets.stores.registry import DAGSTER_RUN_TAG, DatasetVersion, ModelRegistry, RunRecord
from parivision_assets_tests.model_platform import TARGET, retrain
from parivision_assets_tests.small_platform import SmallPlatform

pytestmark = [
    pytest.mark.filterwarnings("ignore::dagster.PreviewWarning", "ignore::dagster.BetaWarning"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning"),
]


def runs(registry: ModelRegistry) -> dict[str, tuple[str, str]]:
    """Return every MLflow run's status and Dagster run by its id."""
    experiments = [found.experiment_id for found in registry.client.search_experiments()]
    found = registry.client.search_runs(experiments)
    return {run.info.run_id: (run.info.status, run.data.tags.get(DAGSTER_RUN_TAG, "")) for run in found}


def statuses_since(registry: ModelRegistry, before: dict[str, tuple[str, str]]) -> list[str]:
    return sorted(status for run, (status, _) in runs(registry).items() if run not in before)


@pytest.fixture
def registry(undecided: SmallPlatform) -> ModelRegistry:
    return undecided.home.registry


def test_a_challenger_alone_leaves_nothing_running(trained: SmallPlatform, registry: ModelRegistry) -> None:
    """A partial selection is where dagster-mlflow's own hook does not run."""
    found = runs(registry)
    # The Dagster run, the challenger below it, and its one family below that.
    assert [status for status, _ in found.values()] == ["FINISHED"] * 3
    assert len({dagster_run for _, dagster_run in found.values()} - {""}) == 1


def test_a_champion_alone_leaves_nothing_running(trained: SmallPlatform, registry: ModelRegistry) -> None:
    before = runs(registry)
    decided = retrain(trained, part="champion")
    assert decided.succeeded, decided.problems
    assert set(statuses_since(registry, before)) <= {"FINISHED"}
    assert registry.aliased(TARGET, "champion") == registry.aliased(TARGET, "challenger")


def test_runs_are_nested_and_keep_datasets_metrics_and_files(trained: SmallPlatform, registry: ModelRegistry) -> None:
    client = registry.client
    version = client.get_model_version_by_alias(TARGET, "challenger")
    challenger = client.get_run(version.run_id)
    assert "mlflow.parentRunId" in challenger.data.tags
    (family,) = [
        run
        for run in client.search_runs([challenger.info.experiment_id])
        if run.data.tags.get("mlflow.parentRunId") == version.run_id
    ]
    for run in (challenger, family):
        used = {(item.dataset.name, item.dataset.source) for item in run.inputs.dataset_inputs}
        table = trained.home.tables.version("shot_features", "2021")
        assert used == {("shot_features/2021", table.digest)}
    assert family.data.params["family"] == "logistic_regression"
    assert {"log_loss", "brier", "accuracy", "roc_auc", "ece"} <= set(family.data.metrics)
    assert challenger.data.metrics["holdout.challenger.log_loss"] > 0.5
    files = {item.path for item in client.list_artifacts(family.info.run_id)}
    assert {"calibration_curve.png", "confusion_matrix.png", "feature_importance.png"} <= files
    assert {item.path for item in client.list_artifacts(challenger.info.run_id)} == {"model"}
    assert Path(str(trained.settings.home)).as_posix() in challenger.info.artifact_uri


def test_a_failure_inside_training_ends_every_run_as_failed(
    trained: SmallPlatform, registry: ModelRegistry, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> RunRecord:
        raise RuntimeError("the pictures could not be drawn")

    monkeypatch.setattr(models, "family_record", broken)
    before, alias = runs(registry), registry.aliased(TARGET, "challenger")
    failed = retrain(trained, part="challenger")
    assert not failed.succeeded
    assert "the pictures could not be drawn" in failed.problems[0]
    assert statuses_since(registry, before) == ["FAILED"] * 3
    assert registry.aliased(TARGET, "challenger") == alias


def test_a_refused_configuration_is_said_in_words_and_leaves_nothing_running(
    trained: SmallPlatform, registry: ModelRegistry
) -> None:
    before = runs(registry)
    config = {f"{TARGET}_challenger": {"config": {"training_seasons": [2022], "holdout_season": 2021}}}
    failed = retrain(trained, config, part="challenger")
    said = "training seasons [2022] and holdout 2021 do not fit: every training season must end before the holdout"
    assert failed.problems == (f"{TARGET}_challenger: {said}",)
    assert set(statuses_since(registry, before)) <= {"FAILED"}


_KILLED = """
import os, signal, sys, warnings
warnings.simplefilter("ignore")
from pathlib import Path
from parivision_assets.defs import models
from parivision_assets.settings import Settings
from parivision_assets_tests.model_platform import SEASONS, SmallPlatform, retrain
models.family_record = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
settings = Settings(home=Path(sys.argv[1]), shots_url="none", seasons=SEASONS, threads=1)
retrain(SmallPlatform(settings, None), part="challenger")
"""


def test_a_kill_in_the_middle_is_closed_by_the_next_start(trained: SmallPlatform, registry: ModelRegistry) -> None:
    before = runs(registry)
    killed = subprocess.run(
        [sys.executable, "-c", _KILLED, str(trained.settings.home)],
        capture_output=True, text=True, check=False, timeout=200,
    )  # fmt: skip
    assert killed.returncode == -9, killed.stderr
    assert statuses_since(registry, before) == ["RUNNING"] * 3
    (dagster_run,) = {tag for run, (_, tag) in runs(registry).items() if run not in before}
    with open_instance(trained.home) as instance:
        run = instance.get_run_by_id(dagster_run)
        assert run is not None
        assert run.status == dg.DagsterRunStatus.FAILURE
    assert statuses_since(registry, before) == ["KILLED"] * 3
    # The platform works: the next run makes the challenger.
    assert retrain(trained, part="challenger").succeeded


@pytest.fixture
def own(tmp_path: Path) -> ModelRegistry:
    return ModelRegistry(f"sqlite:///{tmp_path / 'mlflow' / 'mlflow.db'}", tmp_path / "artifacts")


def test_aliases_runs_and_orphans_by_explicit_ids(own: ModelRegistry, tmp_path: Path) -> None:
    with own.run("tests", "first", {DAGSTER_RUN_TAG: "ended"}) as first:
        own.record(first, RunRecord(params={"a": 1}, metrics={"m": 0.5, "undefined": float("nan")},
                                    files={"model/x.json": b"{}"},
                                    datasets=[DatasetVersion("shots", "2021", "d" * 64, 7)]))  # fmt: skip
        assert own.register("target", first, "digest one") == "1"
    with own.run("tests", "second", {DAGSTER_RUN_TAG: "alive"}, parent=first) as second:
        own.register("target", second, "digest two")
    assert own.client.get_run(first).data.metrics == {"m": 0.5}
    assert own.aliased("target", "challenger") == ("2", "digest two")
    assert own.aliased("target", "champion") is None
    assert own.aliased("nobody", "champion") is None
    own.point_alias("target", "champion", "digest one")
    assert own.aliased("target", "champion") == ("1", "digest one")
    assert own.run_of_bundle("target", "digest one") == first
    with pytest.raises(LookupError, match="no version of target holds bundle nothing"):
        own.point_alias("target", "champion", "nothing")
    experiment = own.experiment_id("tests")
    orphan, living = (
        own.client.create_run(experiment, tags={DAGSTER_RUN_TAG: tag}).info.run_id for tag in ("ended", "alive")
    )
    assert own.close_orphans("tests", lambda dagster_run: dagster_run == "ended") == [orphan]
    assert own.client.get_run(orphan).info.status == "KILLED"
    assert own.client.get_run(living).info.status == "RUNNING"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["artifacts", "mlflow"]


@pytest.mark.parametrize(("error", "status"), [(ValueError, "FAILED"), (KeyboardInterrupt, "KILLED")])
def test_a_run_is_ended_whatever_happens(own: ModelRegistry, error: type[BaseException], status: str) -> None:
    with pytest.raises(error), own.run("tests", "broken", {}) as run_id:
        raise error
    assert own.client.get_run(run_id).info.status == status
