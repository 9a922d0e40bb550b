"""The assembled platform: it loads in both environments, and every asset says what it is, whose, and what guards it."""

import os
import re
import subprocess
import sys
from pathlib import Path

import dagster as dg
import pytest
from pydantic import SecretStr

from parivision_assets.core.catalogue import TARGETS
from parivision_assets.definitions import build_definitions
from parivision_assets.settings import Settings

LAYERS = {"raw", "validated", "history", "features", "models", "champions", "predictions", "monitoring"}
NOT_NAMED_BY_LAYER = {
    # Section 4 of the design names these itself.
    "game_schedule", "quarantined_shots", "quarantined_games", "shot_leaks", "player_game_totals", "team_game_totals",
    "action_totals", "serving_state", "shot_features", "game_features", "team_states", "promotion_decisions",
    "game_predictions", "shot_charts", "served_predictions", "logged_predictions", "prediction_outcomes",
    "live_performance", "scoreboard", "bet_settlements",
}  # fmt: skip
REPORTS = {f"{target}_drift_report" for target in TARGETS}
EXPECTED = {
    "raw": {"raw_shots", "raw_games", "raw_odds", "raw_tracking", "game_schedule"},
    "validated": {"validated_shots", "validated_games", "quarantined_shots", "quarantined_games"},
    "history": {"player_game_totals", "team_game_totals", "serving_state"},
    "features": {"shot_features", "game_features"},
    "models": {f"{target}_challenger" for target in TARGETS},
    "champions": {f"{target}_champion" for target in TARGETS} | {"promotion_decisions"},
    "predictions": {
        "game_predictions",
        "shot_charts",
        "served_predictions",
        "logged_predictions",
        "prediction_outcomes",
        "bet_settlements",
    },
    "monitoring": {"live_performance", "scoreboard"} | REPORTS,
}
UNPARTITIONED = {"serving_state", "promotion_decisions", *EXPECTED["models"], *EXPECTED["champions"]}


def embedded(home: Path) -> Settings:
    return Settings(home=home)


def production(home: Path) -> Settings:
    return Settings(
        environment="production",
        home=home,
        shots_url="s3://bucket/shots",
        database_url=SecretStr("postgresql://db/parivision"),
        mlflow_tracking_uri="http://mlflow:5000",
        mlflow_tracking_password=SecretStr("a long one of its own"),
    )


@pytest.fixture(scope="module", params=[embedded, production])
def definitions(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> dg.Definitions:
    return build_definitions(request.param(tmp_path_factory.mktemp("home")))


@pytest.fixture(scope="module")
def specs(definitions: dg.Definitions) -> dict[str, dg.AssetSpec]:
    return {spec.key.to_user_string(): spec for spec in definitions.resolve_all_asset_specs()}


def test_it_loads_and_validates(definitions: dg.Definitions) -> None:
    dg.Definitions.validate_loadable(definitions)


def test_assembling_writes_nothing(tmp_path: Path) -> None:
    build_definitions(embedded(tmp_path / "home"))
    assert list(tmp_path.iterdir()) == []


def test_every_asset_that_the_design_names_is_there(specs: dict[str, dg.AssetSpec]) -> None:
    for layer, names in EXPECTED.items():
        for name in names:
            assert specs[name].group_name == layer, name


def test_every_asset_says_what_it_is_and_whose(specs: dict[str, dg.AssetSpec]) -> None:
    for name, spec in specs.items():
        assert spec.description, name
        assert len(spec.description) > 20, name
        assert list(spec.owners) == ["team:data"], name
        assert spec.group_name in LAYERS, name
        assert spec.kinds, name
        assert spec.code_version, name


def test_names_follow_the_grammar(specs: dict[str, dg.AssetSpec]) -> None:
    roles = {"models": "challenger", "champions": "champion"}
    for name, spec in specs.items():
        assert re.fullmatch(r"[a-z]+(_[a-z]+)*", name), name
        if name in NOT_NAMED_BY_LAYER:
            continue
        role = "drift_report" if name in REPORTS else roles.get(str(spec.group_name))
        expected = {f"{target}_{role}" for target in TARGETS} if role else set()
        assert name in expected or name.startswith(f"{spec.group_name}_"), name


def test_tables_declare_described_columns(specs: dict[str, dg.AssetSpec]) -> None:
    tables = [spec for name, spec in specs.items() if spec.kinds >= {"polars"} and name != "serving_state"]
    models = {f"{target}_{role}" for target in TARGETS for role in ("challenger", "champion", "drift_report")}
    assert {spec.key.to_user_string() for spec in tables} == set(specs) - models - {"serving_state"}
    for spec in tables:
        schema = spec.metadata["dagster/column_schema"]
        assert isinstance(schema, dg.TableSchema)
        for column in schema.columns:
            assert column.description, (spec.key, column.name)
            assert "Known: " in column.description, (spec.key, column.name)
            assert column.type


def test_partitions_are_seasons(definitions: dg.Definitions, specs: dict[str, dg.AssetSpec]) -> None:
    for name, spec in specs.items():
        if name in UNPARTITIONED:
            assert spec.partitions_def is None, name
        else:
            keys = spec.partitions_def.get_partition_keys()  # type: ignore[union-attr]
            assert all(re.fullmatch(r"\d{4}", key) for key in keys), name
            assert keys == sorted(keys)


def test_every_table_has_a_blocking_check_with_its_partitions(
    definitions: dg.Definitions, specs: dict[str, dg.AssetSpec]
) -> None:
    graph = definitions.resolve_asset_graph()
    for name, spec in specs.items():
        if spec.group_name in {"models", "champions"} or name == "serving_state" or name in REPORTS:
            continue
        check = graph.get(dg.AssetCheckKey(spec.key, "contract"))
        assert check.blocking, name
        # An unpartitioned check would let one good season excuse a bad one.
        assert check.partitions_def == spec.partitions_def, name


def test_every_drift_report_has_a_verdict_that_blocks_nothing(
    definitions: dg.Definitions, specs: dict[str, dg.AssetSpec]
) -> None:
    graph = definitions.resolve_asset_graph()
    for name in REPORTS:
        check = graph.get(dg.AssetCheckKey(dg.AssetKey(name), "verdict"))
        assert not check.blocking
        assert check.partitions_def == specs[name].partitions_def


def test_every_challenger_is_checked(definitions: dg.Definitions) -> None:
    graph = definitions.resolve_asset_graph()
    for target in TARGETS:
        key = dg.AssetKey(f"{target}_challenger")
        blocking = {name: graph.get(dg.AssetCheckKey(key, name)).blocking for name in ("beats_baseline", "no_leak")}
        assert blocking == {"beats_baseline": True, "no_leak": True}
        assert graph.get(dg.AssetCheckKey(key, "calibrated")) is not None


def test_data_flows_one_way(definitions: dg.Definitions, specs: dict[str, dg.AssetSpec]) -> None:
    """raw → validated → history → features → models → champions → predictions; the schedule reads what was played."""
    order = ["raw", "validated", "history", "features", "models", "champions", "predictions", "monitoring"]
    allowed_back = {("validated_games", "game_schedule"), ("team_states", "serving_state")}
    for name, spec in specs.items():
        for dep in spec.deps:
            upstream = dep.asset_key.to_user_string()
            if (upstream, name) not in allowed_back:
                assert order.index(str(specs[upstream].group_name)) <= order.index(str(spec.group_name)), name


def test_jobs_are_listed_with_descriptions(definitions: dg.Definitions) -> None:
    jobs = {job.name: job for job in definitions.jobs or []}
    assert {"daily", "release_quarantine", *(f"retrain_{target}" for target in TARGETS)} <= set(jobs)
    for name, job in jobs.items():
        assert job.description, name
    assert definitions.resolve_job_def("daily").partitions_def == specs_partitions(definitions)


def specs_partitions(definitions: dg.Definitions) -> dg.PartitionsDefinition | None:
    return definitions.resolve_asset_graph().get(dg.AssetKey("raw_shots")).partitions_def


def test_launchpad_config_is_described(definitions: dg.Definitions) -> None:
    """Every field that a person may fill in says what it means."""
    from parivision_assets.defs.champions import ChampionConfig
    from parivision_assets.defs.interventions import ReleaseConfig
    from parivision_assets.defs.training_plan import ChallengerConfig

    for config in (ChampionConfig, ChallengerConfig, ReleaseConfig):
        for name, field in config.model_fields.items():
            assert field.description, (config.__name__, name)


def test_what_runs_by_itself_is_on_where_one_person_tries_it_and_off_in_production(tmp_path: Path) -> None:
    wanted = {"feed_sensor", "following_sensor", "champion_sensor", "drift_report_sensor", "alert_sensor"}
    for made, running in ((embedded(tmp_path), True), (production(tmp_path), False)):
        found = build_definitions(made)
        sensors = {sensor.name: sensor for sensor in found.sensors or []}
        assert set(sensors) == wanted | {f"retrain_{target}_sensor" for target in TARGETS}
        assert {sensor.default_status == dg.DefaultSensorStatus.RUNNING for sensor in sensors.values()} == {running}
        assert all(sensor.description for sensor in sensors.values())
        (schedule,) = found.schedules or []
        assert isinstance(schedule, dg.ScheduleDefinition)
        assert (schedule.name, schedule.job_name, schedule.execution_timezone) == ("daily_schedule", "daily", "UTC")
        assert (schedule.default_status == dg.DefaultScheduleStatus.RUNNING) is running


def test_resources_can_be_replaced(tmp_path: Path) -> None:
    replaced = object()
    definitions = build_definitions(embedded(tmp_path), {"home": replaced})
    assert definitions.resources is not None
    assert definitions.resources["home"] is replaced


HEAVY = ("dagster", "mlflow", "great_expectations", "evidently", "gradio", "xgboost", "sklearn", "polars", "pandas")


def modules_after(code: str, **environment: str) -> set[str]:
    done = subprocess.run(
        [sys.executable, "-c", f"{code}\nimport sys; print('modules:', *sys.modules)"],
        capture_output=True, text=True, check=False, timeout=120, env={**os.environ, **environment},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return set(done.stdout.split("modules:")[1].split())


def test_help_imports_no_heavy_library() -> None:
    code = (
        "from typer.testing import CliRunner\nfrom parivision_assets.cli import app\n"
        "for args in (['--help'], ['run', '--help'], ['evaluate', 'shots', '--help'], ['ledger', '--help']):\n"
        "    found = CliRunner().invoke(app, args); assert found.exit_code == 0, found.output\n"
    )
    assert not modules_after(code) & set(HEAVY)


def test_help_works_as_a_command() -> None:
    command = Path(sys.executable).parent / "parivision"
    done = subprocess.run([command, "--help"], capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0
    for name in ("demo", "run", "simulate", "evaluate", "ledger", "dev"):
        assert name in done.stdout


def test_importing_definitions_assembles_nothing(tmp_path: Path) -> None:
    """Importing the module reads no settings (this environment would be refused) and loads no definitions module."""
    found = modules_after("import parivision_assets.definitions", PARIVISION_ENVIRONMENT="nonsense")
    assert not {name for name in found if name.startswith("parivision_assets.defs")}
    assert not found & {"mlflow", "great_expectations", "evidently", "gradio", "xgboost"}


def test_the_workspace_loads_the_same_platform(tmp_path: Path) -> None:
    code = (
        "from parivision_assets.definitions import defs\n"
        "names = {s.key.to_user_string() for s in defs().resolve_all_asset_specs()}\n"
        "assert 'validated_shots' in names and 'game_champion' in names\n"
    )
    found = modules_after(code, PARIVISION_HOME=str(tmp_path / "home"))
    assert not found & {"mlflow", "great_expectations", "evidently", "gradio"}
    assert list(tmp_path.iterdir()) == []
