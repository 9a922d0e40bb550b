"""Alerts: what becomes one, that a real Alertmanager takes it, and that nothing is raised where none answers."""

import datetime as dt
import json
import logging
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from parivision_assets.defs.alerts import Alert, alert_sensors, alerts_of_run, send
from parivision_assets.settings import Settings
from parivision_assets.stores.home import Home
from parivision_assets_tests.alertmanager import Alertmanager, alertmanager, free_port

pytestmark = pytest.mark.filterwarnings("ignore::dagster.PreviewWarning", "ignore::dagster.BetaWarning")
SEASONS = dg.StaticPartitionsDefinition(["2023", "2024"])
ALERT = Alert(
    "BlockingCheckFailed", "critical", "validated_shots 2024: contract failed", "3 rows break 'a three is far'",
    {"asset": "validated_shots", "season": "2024"}, "run-1",
)  # fmt: skip


def settings(tmp_path: Path, url: str | None) -> Settings:
    return Settings(home=tmp_path / "home", shots_url="s", alertmanager_url=url, dagster_url="http://ui.example:3070")


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Alertmanager]:
    with alertmanager(tmp_path_factory.mktemp("alertmanager")) as found:
        yield found


def test_a_real_alertmanager_takes_it_and_tells_the_receiver_once(running: Alertmanager, tmp_path: Path) -> None:
    own = settings(tmp_path, running.url)
    send(own, [ALERT])
    send(own, [ALERT])
    (told,) = running.wait_until_told("BlockingCheckFailed")
    assert told["labels"] == {
        "alertname": "BlockingCheckFailed", "severity": "critical", "asset": "validated_shots", "season": "2024",
    }  # fmt: skip
    assert told["annotations"]["reason"] == "3 rows break 'a three is far'"
    assert told["annotations"]["run_id"] == "run-1"
    assert told["generatorURL"] == "http://ui.example:3070/runs/run-1"
    (known,) = [alert for alert in running.alerts() if alert["labels"]["alertname"] == "BlockingCheckFailed"]
    assert known["fingerprint"]
    assert dt.datetime.fromisoformat(known["endsAt"]) > dt.datetime.now(dt.UTC) + dt.timedelta(hours=23)


def test_a_failed_run_reaches_a_real_alertmanager_through_the_sensor(running: Alertmanager, tmp_path: Path) -> None:
    (sensor,) = alert_sensors("embedded")
    home = Home(settings(tmp_path, running.url))
    with dg.DagsterInstance.ephemeral() as instance:
        result = failing(instance, [broken])
        context = dg.build_run_status_sensor_context(
            sensor_name=sensor.name, dagster_instance=instance, dagster_run=result.dagster_run,
            dagster_event=result.get_run_failure_event(), resources={"home": home},
        ).for_run_failure()  # fmt: skip
        sensor(context)
    (mine,) = running.wait_until_told("RunFailed")
    assert mine["annotations"]["reason"] == "the disk is full"
    assert mine["annotations"]["run_id"] == result.run_id


def test_where_nobody_answers_it_is_logged_and_nothing_raised(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    send(settings(tmp_path, f"http://127.0.0.1:{free_port()}"), [ALERT])
    (said,) = caplog.records
    assert said.levelno == logging.WARNING
    assert "did not take it" in said.getMessage()
    assert "3 rows break" in said.getMessage()
    assert said.__dict__["alert"]["labels"]["season"] == "2024"


def test_without_an_address_it_is_logged(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    send(settings(tmp_path, None), [ALERT])
    assert "PARIVISION_ALERTMANAGER_URL is not set" in caplog.text


def test_no_alert_is_no_message(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    send(settings(tmp_path, "http://127.0.0.1:1"), [])
    assert caplog.records == []


@pytest.fixture
def refusing() -> Iterator[tuple[str, list[str]]]:
    """Serve an address that refuses everything; yield it and the requests it saw."""
    seen: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            seen.append(self.path)
            self.send_response(400)
            self.end_headers()

        def log_message(self, *_args: Any) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}", seen
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_refusal_is_logged_and_not_repeated(
    refusing: tuple[str, list[str]], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    url, seen = refusing
    send(settings(tmp_path, f"{url}/"), [ALERT])
    assert seen == ["/api/v2/alerts"]
    assert "400" in caplog.text


def failing(instance: dg.DagsterInstance, assets: list[dg.AssetsDefinition]) -> dg.ExecuteInProcessResult:
    """Materialise one season of assets that fail."""
    result = dg.materialize(assets, instance=instance, partition_key="2024", raise_on_error=False)
    assert not result.success
    return result


@dg.asset(name="shot_post_event_table", partitions_def=SEASONS)
def broken() -> None:
    raise OSError("the disk is full")


def checked(name: str, *, blocking: bool) -> dg.AssetsDefinition:
    spec = dg.AssetCheckSpec("contract", asset=name, blocking=blocking, partitions_def=SEASONS)

    @dg.asset(name=name, partitions_def=SEASONS, check_specs=[spec], output_required=False)
    def table() -> Iterator[dg.AssetCheckResult | dg.MaterializeResult[Any]]:
        yield dg.AssetCheckResult(passed=False, check_name="contract", description="3 rows break a rule")
        if not blocking:
            yield dg.MaterializeResult()

    return table


def test_a_failed_blocking_check_says_asset_season_and_why_and_the_run_nothing_more() -> None:
    with dg.DagsterInstance.ephemeral() as instance:
        result = failing(instance, [checked("game_table", blocking=True)])
        (alert,) = alerts_of_run(instance, result.dagster_run, "the run failed")
    assert alert.name == "BlockingCheckFailed"
    assert alert.labels == {"check": "contract", "target": "game", "asset": "game_table", "season": "2024"}
    assert alert.reason == "3 rows break a rule"
    assert alert.run_id == result.run_id


def test_a_check_that_does_not_block_is_no_alert_and_an_error_is_one_in_words() -> None:
    with dg.DagsterInstance.ephemeral() as instance:
        result = failing(instance, [checked("a_table", blocking=False), broken])
        (alert,) = alerts_of_run(instance, result.dagster_run, "the run failed")
    assert (alert.name, alert.reason) == ("RunFailed", "the disk is full")
    assert alert.labels["season"] == "2024"


def test_a_run_that_failed_before_any_step_is_an_alert() -> None:
    with dg.DagsterInstance.ephemeral() as instance:
        run = instance.add_run(dg.DagsterRun("retrain_game", status=dg.DagsterRunStatus.FAILURE))
        (alert,) = alerts_of_run(instance, run, "the process 7 that ran it ended without a word")
    assert alert.reason == "the process 7 that ran it ended without a word"
    assert alert.labels == {"job": "retrain_game", "target": "game"}


def test_payloads_are_json() -> None:
    payload = ALERT.payload("http://ui.example", dt.datetime(2024, 1, 1, tzinfo=dt.UTC))
    assert json.loads(json.dumps(payload))["startsAt"] == "2024-01-01T00:00:00+00:00"
