"""Drift reports on a platform of drawn features: what is kept, checked and said, also when there is none."""

import datetime as dt
import os
import shutil
import warnings
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import dagster as dg
import polars as pl
import pytest

from parivision_assets.commands.run import RunResult
from parivision_assets.core.drift import QualityAnswer
from parivision_assets.core.shot_features import SHOT_FEATURES
from parivision_assets.core.targets import SHOT_PRE_RELEASE
from parivision_assets.definitions import build_definitions
from parivision_assets.defs.drift import DriftReportConfig
from parivision_assets.defs.failed_checks import with_failed_checks
from parivision_assets.defs.instance import open_instance
from parivision_assets.stores.champions import HOLDOUT_FILE, REFERENCE_FILE
from parivision_assets.stores.drift_window import DriftWindow, NothingToReportError, collect_window
from parivision_assets_tests.model_platform import SEASONS, TARGET, model_platform, retrain, shots
from parivision_assets_tests.small_platform import SmallPlatform, import_foreign_libraries

SEASON = str(SEASONS[-1])
ASSET = f"{TARGET}_drift_report"
SERVED = "key:served_predictions or key:prediction_outcomes"


def run(small: SmallPlatform, select: str, seasons: list[str] | None = None, **config: Any) -> RunResult:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        (result,) = small.run(select, [SEASON] if seasons is None else seasons, {ASSET: {"config": config}})
    return result


def with_champion(root: Path) -> SmallPlatform:
    """A champion trained on the first season, and a second season that it served."""
    small = model_platform(root)
    small = replace(small, settings=small.settings.model_copy(update={"today": dt.date(2022, 6, 1)}))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        made = retrain(small, {f"{TARGET}_challenger": {"config": {"families": ["logistic_regression"]}}})
    assert made.succeeded, made.problems
    served = run(small, SERVED)
    assert served.succeeded, served.problems
    return small


@pytest.fixture(scope="module")
def champion(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SmallPlatform]:
    before = dict(os.environ)
    import_foreign_libraries()
    yield with_champion(tmp_path_factory.mktemp("champion"))
    os.environ.clear()
    os.environ.update(before)


def copy(small: SmallPlatform, folder: Path) -> SmallPlatform:
    """Return a platform of its own with the same content."""
    shutil.copytree(small.settings.home, folder / "home")
    return replace(small, settings=small.settings.model_copy(update={"home": folder / "home"}))


def collect(small: SmallPlatform) -> DriftWindow:
    return collect_window(small.home, SHOT_PRE_RELEASE, int(SEASON))


@pytest.fixture(scope="module")
def reported(champion: SmallPlatform, tmp_path_factory: pytest.TempPathFactory) -> SmallPlatform:
    small = copy(champion, tmp_path_factory.mktemp("reported"))
    made = run(small, f"key:{ASSET}")
    assert made.succeeded, made.problems
    return small


def checks(small: SmallPlatform, season: str = SEASON) -> dg.AssetCheckEvaluation:
    """Return the newest verdict."""
    with open_instance(small.home) as instance:
        key = dg.AssetCheckKey(dg.AssetKey(ASSET), "verdict")
        record = instance.event_log_storage.get_asset_check_execution_history(key, limit=1)[0]
    assert record.partition == season
    assert record.event is not None
    assert record.event.asset_check_evaluation is not None
    return record.event.asset_check_evaluation


def test_a_world_that_did_not_change_passes_and_is_kept_whole(reported: SmallPlatform) -> None:
    newest = reported.home.reports.newest(TARGET)
    assert newest is not None
    assert (newest.verdict, newest.season, newest.retrain) == ("none", int(SEASON), False)
    report = reported.home.reports.read(newest.digest)
    assert set(report.files) == {
        "summary.json", "data_drift.html", "data_drift.json", "classification.html", "classification.json",
        "picture.png",
    }  # fmt: skip
    assert report.skipped == {}
    # The newest game days that the monitor looks at, four games of fifty shots each.
    assert report.summary.relation.game_days == 10
    assert report.summary.quality.events == 10 * 4 * 50
    assert report.summary.attribution is not None
    assert checks(reported).passed


def test_its_metadata_say_everything_at_a_glance(reported: SmallPlatform) -> None:
    with open_instance(reported.home) as instance:
        event = instance.get_latest_materialization_event(dg.AssetKey(ASSET))
        assert event is not None
        assert event.asset_materialization is not None
        metadata = event.asset_materialization.metadata
    assert metadata["verdict"].value == "none"
    assert str(metadata["picture"].value).startswith("![picture](data:image/png;base64,")
    assert "of it concept" in str(metadata["attribution"].value)
    assert Path(str(metadata["page"].value)).read_bytes().startswith(b"<!DOCTYPE html>")


def test_again_gives_the_same_report(reported: SmallPlatform) -> None:
    before = [line.digest for line in reported.home.reports.reports()]
    assert run(reported, f"key:{ASSET}").succeeded
    assert [line.digest for line in reported.home.reports.reports()] == before


def test_a_window_of_dates(reported: SmallPlatform) -> None:
    made = run(reported, f"key:{ASSET}", first_date="2021-11-05", last_date="2021-11-20")
    assert made.succeeded, made.problems
    found = [line for line in reported.home.reports.reports(TARGET) if line.last_date == dt.date(2021, 11, 20)]
    assert [line.first_date for line in found] == [dt.date(2021, 11, 5)]
    # An older window never hides the newest one.
    newest = reported.home.reports.newest(TARGET)
    assert newest is not None
    assert newest.last_date > dt.date(2021, 11, 20)


def test_the_first_days_have_nothing_before_them_to_compare_with(reported: SmallPlatform) -> None:
    assert run(reported, f"key:{ASSET}", first_date="2021-11-01", last_date="2021-11-03").succeeded
    found = next(line for line in reported.home.reports.reports() if line.last_date == dt.date(2021, 11, 3))
    report = reported.home.reports.read(found.digest)
    # Then the games that were held back while the champion was made are the reference.
    assert report.summary.attribution is not None
    assert any("held back while the champion was made" in note for note in report.notes)


def test_a_champion_without_a_recorded_reference(changed: SmallPlatform) -> None:
    found = changed.home.bundles.read_bundle(collect(changed).champion)
    files = {name: data for name, data in found.files.items() if name not in {HOLDOUT_FILE, REFERENCE_FILE}}
    old = changed.home.bundles.write_bundle(files, found.metadata)
    table = changed.home.tables.read("prediction_outcomes", SEASON)
    changed.home.tables.write("prediction_outcomes", SEASON, table.with_columns(model=pl.lit(old.digest)))
    made = run(changed, f"key:{ASSET}", champion=old.digest, first_date="2021-11-01", last_date="2021-11-08")
    assert made.succeeded, made.problems
    newest = changed.home.reports.newest(TARGET)
    assert newest is not None
    report = changed.home.reports.read(newest.digest)
    assert "no recorded reference" in report.summary.input.reason
    assert report.summary.attribution is None
    assert "no games before the window" in report.summary.reason
    assert any("No reference" in note for note in report.notes)


def test_a_window_without_games_is_absent_in_words(reported: SmallPlatform) -> None:
    kept = len(reported.home.reports.reports())
    made = run(reported, f"key:{ASSET}", first_date="2022-03-01", last_date="2022-03-05")
    assert made.assets == {ASSET: "absent"}
    assert "no game from 2022-03-01 to 2022-03-05" in str(checks(reported).description)
    assert len(reported.home.reports.reports()) == kept


def test_days_before_the_champion_was_trained_are_no_window(reported: SmallPlatform) -> None:
    made = run(reported, f"key:{ASSET}", first_date="2020-11-01", last_date="2020-12-01")
    assert made.assets == {ASSET: "absent"}


@pytest.mark.parametrize(
    ("config", "words"),
    [
        ({"first_date": "1 March"}, "written like 2021-02-01"),
        ({"first_date": "2022-01-05", "last_date": "2022-01-01"}, "ends on 2022-01-01, before it begins"),
    ],
)
def test_a_window_that_cannot_be_is_refused_in_words(reported: SmallPlatform, config: Any, words: str) -> None:
    made = run(reported, f"key:{ASSET}", **config)
    assert not made.succeeded
    assert words in made.problems[0]


def test_an_unknown_champion_is_said(reported: SmallPlatform) -> None:
    made = run(reported, f"key:{ASSET}", champion="0" * 64)
    assert made.assets == {ASSET: "absent"}
    assert "there is no bundle 0000" in str(checks(reported).description)


def test_without_a_champion_and_without_predictions_it_says_what_to_do(tmp_path: Path) -> None:
    import_foreign_libraries()
    small = model_platform(tmp_path)
    with pytest.raises(NothingToReportError, match="has no champion yet; make one with"):
        collect_window(small.home, SHOT_PRE_RELEASE, int(SEASON))
    made = run(small, f"key:{ASSET}")
    assert made.assets == {ASSET: "absent"}


@pytest.fixture
def changed(champion: SmallPlatform, tmp_path: Path) -> SmallPlatform:
    return copy(champion, tmp_path)


def republish(small: SmallPlatform, change: pl.Expr) -> None:
    """Change the second season's features, as a corrected file would, and join the outcomes again."""
    small.home.tables.write(
        SHOT_FEATURES.name, int(SEASON), SHOT_FEATURES.conform(shots(int(SEASON)).with_columns(change))
    )
    joined = run(small, "key:prediction_outcomes")
    assert joined.succeeded, joined.problems


def test_a_changed_relation_is_an_error_that_blocks_nothing(changed: SmallPlatform) -> None:
    late = pl.col("game_date") >= dt.date(2021, 11, 25)
    luck = (pl.col("shot_number") % 3) == 0
    republish(changed, pl.when(late & luck).then(pl.lit(value=True)).otherwise("is_made").alias("is_made"))
    made = run(changed, f"key:{ASSET}")
    assert made.succeeded, made.problems
    verdict = checks(changed)
    assert not verdict.passed
    assert verdict.severity is dg.AssetCheckSeverity.ERROR
    newest = changed.home.reports.newest(TARGET)
    assert newest is not None
    assert (newest.verdict, newest.retrain) == ("concept", True)
    assert newest.since is not None
    assert abs((newest.since - dt.date(2021, 11, 25)).days) <= 3


def test_outcomes_that_are_not_known_are_no_verdict(changed: SmallPlatform) -> None:
    late = pl.col("game_date") >= dt.date(2021, 11, 25)
    republish(changed, pl.when(late).then(None).otherwise("is_made").alias("is_made"))
    assert run(changed, f"key:{ASSET}").succeeded
    newest = changed.home.reports.newest(TARGET)
    assert newest is not None
    assert newest.verdict == "pending"
    report = changed.home.reports.read(newest.digest)
    assert report.skipped == {"classification": "no prediction has an outcome yet"}
    assert "classification.html" not in report.files


def test_a_champion_whose_training_rows_are_gone_is_not_compared(changed: SmallPlatform) -> None:
    (pointer,) = changed.home.root.rglob(f"current/{SHOT_FEATURES.name}/{SEASONS[0]}.json")
    pointer.unlink()
    assert run(changed, f"key:{ASSET}").succeeded
    newest = changed.home.reports.newest(TARGET)
    assert newest is not None
    report = changed.home.reports.read(newest.digest)
    assert report.skipped == {"data drift": "the reference has 0 rows; nothing can be compared"}
    # What was recorded when it was trained is still there.
    assert report.summary.input.columns


def test_a_failed_blocking_check_is_broken_data(tmp_path: Path) -> None:
    key = dg.AssetCheckKey(dg.AssetKey("validated_shots"), "contract")
    whole = QualityAnswer(broken=False, problems=(), events=10, pending=0, reason="10 predicted events")
    with dg.DagsterInstance.ephemeral() as instance:
        partitions = build_definitions(model_platform(tmp_path).settings).resolve_asset_graph().get(key).partitions_def

        @dg.asset(
            name="validated_shots",
            partitions_def=partitions,
            check_specs=[dg.AssetCheckSpec("contract", asset="validated_shots", partitions_def=partitions)],
        )
        def table(context: dg.AssetExecutionContext) -> Iterator[Any]:
            yield dg.AssetCheckResult(passed=context.partition_key != "2022", description="7 row(s) break 'x'")
            yield dg.MaterializeResult()

        for season in ("2021", "2022"):
            dg.materialize([table], instance=instance, partition_key=season)
        assert with_failed_checks(instance, SHOT_PRE_RELEASE, "2021", whole) == whole
        broken = with_failed_checks(instance, SHOT_PRE_RELEASE, "2022", whole)
    assert broken.broken
    assert broken.problems == ("validated_shots, season 2022: 7 row(s) break 'x'",)


def test_every_launchpad_field_says_what_it_means() -> None:
    assert all(field.description for field in DriftReportConfig.model_fields.values())
