"""The API as processes: what one imports and weighs, several together, and what is left after kill -9 under load."""

import json
import os
import random
import signal
import socket
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import httpx
import pytest

from parivision_assets.settings import Settings
from parivision_assets_tests.app.api.worker import ROOT, working
from parivision_assets_tests.small_platform import SmallPlatform, environment

SPOT = {"x_ft": 0, "y_ft": 15}
HEAVY = ("dagster", "mlflow", "pandas", "sklearn", "great_expectations", "evidently", "gradio", "matplotlib", "optuna")
KILLS = 50
CLIENTS = 8


@pytest.fixture
def variables(own_champions: Settings, filled: SmallPlatform) -> dict[str, str]:
    return environment(SmallPlatform(own_champions, filled.published))


def test_a_worker_imports_nothing_heavy_and_weighs_little(variables: dict[str, str]) -> None:
    asked = f"""
import json, sys
from starlette.testclient import TestClient
from app.api import create_app
with TestClient(create_app()) as client:
    for path, body in (
        ("/v1/shots/predict", {SPOT}), ("/v1/shots/predict", {SPOT | {"action_type": "Jump Shot"}}),
        ("/v1/games/predict", {{"home_team": "BOS", "away_team": "DEN"}}),
        ("/v1/shots/predict-batch", {{"shots": [{SPOT}] * 1000}}),
    ):
        assert client.post(path, json=body).status_code == 200
    for path in ("/v1/games", "/v1/players", "/v1/champions", "/metrics", "/openapi.json"):
        assert client.get(path).status_code == 200
print(json.dumps(sorted(set(sys.modules) & set({HEAVY!r}))))
print(next((line.split()[1] for line in open("/proc/self/status") if line.startswith("VmHWM")), 0))
"""
    done = subprocess.run(
        [sys.executable, "-c", asked],
        env={**os.environ, **variables},
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    heavy, most_kib = done.stdout.splitlines()[-2:]
    assert json.loads(heavy) == []
    assert int(most_kib) < 400 * 1024


class Clients:
    """Threads that ask until they are stopped, and keep the ids of the answers that arrived."""

    def __init__(self, url: str) -> None:
        self.ids: list[str] = []
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._ask, args=(url, number)) for number in range(CLIENTS)]
        for thread in self._threads:
            thread.start()

    def _ask(self, url: str, number: int) -> None:
        batch = {"shots": [SPOT] * 20}
        with httpx.Client(base_url=url, timeout=30) as client:
            while not self._stop.is_set():
                try:
                    if number % 4 == 0:
                        answer = client.post("/v1/shots/predict-batch", json=batch)
                        shown = answer.json()["predictions"] if answer.status_code == 200 else []
                    else:
                        answer = client.post("/v1/shots/predict", json=SPOT)
                        shown = [answer.json()] if answer.status_code == 200 else []
                except httpx.TransportError:
                    return
                self.ids += [one["prediction_id"] for one in shown]

    def stop(self) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()


@pytest.mark.slow
@pytest.mark.timeout(1_500)
def test_no_acknowledged_prediction_is_lost_by_kill_9(variables: dict[str, str]) -> None:
    draw = random.Random(4)  # noqa: S311 - moments to kill at
    acknowledged: set[str] = set()
    for _ in range(KILLS):
        with working(variables) as worker:
            clients = Clients(worker.url)
            wanted = draw.randrange(1, 200)
            while len(clients.ids) < wanted:
                time.sleep(0.002)
            worker.kill()
            clients.stop()
        acknowledged.update(clients.ids)
    with closing(sqlite3.connect(Path(variables["PARIVISION_HOME"]) / "predictions.db")) as log:
        assert log.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        kept = {row[0] for row in log.execute("SELECT prediction_id FROM prediction_log")}
    assert len(acknowledged) > KILLS
    assert acknowledged <= kept


@pytest.fixture
def command(variables: dict[str, str]) -> Iterator[str]:
    """Run `parivision api` with two workers and return its address."""
    with closing(socket.socket()) as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    parivision = str(Path(sys.executable).with_name("parivision"))
    arguments = [parivision, "api", "--port", str(port), "--workers", "2"]
    process = subprocess.Popen(arguments, env={**os.environ, **variables}, cwd=ROOT)
    url = f"http://127.0.0.1:{port}"
    try:
        while True:
            assert process.poll() is None, "the command ended"
            try:
                httpx.get(f"{url}/readyz", timeout=60)
                break
            except httpx.TransportError:
                time.sleep(0.1)
        yield url
    finally:
        process.send_signal(signal.SIGINT)
        assert process.wait() in {0, -signal.SIGINT}


@pytest.mark.slow
def test_two_workers_count_together_and_leave_nothing_behind(command: str, variables: dict[str, str]) -> None:
    asked = 40
    for _ in range(asked):
        # A connection each, so that both workers are met.
        assert httpx.post(f"{command}/v1/shots/predict", json=SPOT).status_code == 200
    counted = f'parivision_http_requests_total{{method="POST",route="/v1/shots/predict",status="200"}} {asked}.0'
    text = httpx.get(f"{command}/metrics").text
    assert counted in text
    assert f'parivision_prediction_probability_count{{target="shot_pre_release"}} {asked}.0' in text
    assert text.count('parivision_champion_info{decision="') == 3
    assert "pid=" not in text
    folders = list((Path(variables["PARIVISION_HOME"]) / "scratch").glob("metrics-*"))
    assert len(folders) == 1
    assert len({path.stem.rpartition("_")[2] for path in folders[0].glob("*.db")}) == 2


def test_a_worker_stops_when_it_is_told_to(variables: dict[str, str]) -> None:
    with working(variables) as worker:
        shown = httpx.post(f"{worker.url}/v1/shots/predict", json=SPOT).json()
        worker.process.terminate()
        assert worker.process.wait() in {0, -signal.SIGTERM}
    with closing(sqlite3.connect(Path(variables["PARIVISION_HOME"]) / "predictions.db")) as log:
        kept = log.execute("SELECT COUNT(*) FROM prediction_log WHERE prediction_id = ?", [shown["prediction_id"]])
        assert kept.fetchone() == (1,)
