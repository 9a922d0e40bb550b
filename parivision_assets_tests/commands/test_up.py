"""`parivision up`: everything starts, is said to answer, and nothing is left after Ctrl-C."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import httpx
import pytest
from honcho.environ import parse_procfile

from parivision_assets.commands import up
from parivision_assets.commands.up import PROCFILE, Ports, Service, check_ports, environment_of, problem_of, services_of
from parivision_assets.errors import CommandError
from parivision_assets.settings import ApiSettings, BetsSettings, Settings
from parivision_assets.stores.home import Home
from parivision_assets_tests.served_home import make_served
from parivision_assets_tests.small_platform import SmallPlatform, environment

START_WITHIN_S, STOP_WITHIN_S = 280, 100


def free_ports(count: int) -> list[int]:
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for found in sockets:
            found.bind(("127.0.0.1", 0))
        return [int(found.getsockname()[1]) for found in sockets]


def test_the_procfile_has_a_line_for_every_service() -> None:
    names = [service.name for service in services_of(Settings(), Ports())]
    assert list(parse_procfile(PROCFILE.read_text()).processes) == names
    assert names == ["dagster", "api", "bets", "reports", "mlflow"]


def test_everything_listens_where_the_original_did() -> None:
    found = {service.title: service.url for service in services_of(Settings(), Ports())}
    assert found == {
        "Dagster": "http://127.0.0.1:3070",
        "PariVision API": "http://127.0.0.1:3000",
        "VirtualBets": "http://127.0.0.1:8800",
        "drift reports": "http://127.0.0.1:8000",
        "MLflow": "http://127.0.0.1:5000",
    }


def test_an_mlflow_server_that_is_configured_is_not_started_here() -> None:
    settings = Settings(mlflow_tracking_uri="http://mlflow:5000")
    assert "mlflow" not in {service.name for service in services_of(settings, Ports())}


def test_dagster_watches_virtualbets_unless_a_feed_is_configured(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path, bets=BetsSettings(host="0.0.0.0", port=18801))  # noqa: S104
    found = environment_of(settings, Home(settings), services_of(settings, Ports(mlflow=15001)))
    assert found["PARIVISION_FEED_URL"] == "http://127.0.0.1:18801"
    assert found["MLFLOW_PORT"] == "15001"
    assert found["MLFLOW_BACKEND_STORE_URI"] == f"sqlite:///{tmp_path / 'mlflow' / 'mlflow.db'}"
    assert found["PATH"].split(os.pathsep)[0] == str(Path(sys.executable).parent)
    own = settings.model_copy(update={"feed_url": "/data/days"})
    assert environment_of(own, Home(own), services_of(own, Ports()))["PARIVISION_FEED_URL"] == "/data/days"


def test_a_port_that_is_taken_is_named_with_what_to_do() -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        taken, free = other.getsockname()[1], free_ports(1)[0]
        settings = Settings(api=ApiSettings(port=taken), bets=BetsSettings(port=free))
        ports = Ports(*free_ports(3))
        with pytest.raises(CommandError) as error:
            check_ports(services_of(settings, ports))
    assert f"{taken} (PariVision API: set PARIVISION_API_PORT)" in str(error.value)
    assert str(free) not in str(error.value)
    check_ports(services_of(settings, ports))


def test_without_a_champion_the_demo_comes_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PARIVISION_HOME", str(tmp_path))
    with pytest.raises(CommandError, match="Run `make demo` first"):
        up.start(Ports())


def test_what_a_service_answers_is_said_until_it_is_ready() -> None:
    nowhere = Service("api", "API", "127.0.0.1", free_ports(1)[0], "/readyz", "")
    assert "refused" in str(problem_of(nowhere))


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_everything_answers_and_ctrl_c_leaves_no_process(own: SmallPlatform, tmp_path: Path) -> None:
    make_served(own.home)
    api, bets, dagster, reports, mlflow = free_ports(5)
    with started(own, tmp_path / "up.log", api, bets, Ports(dagster, reports, mlflow)) as (process, log):
        wait_for(lambda: "Everything answers" in log.read_text(), START_WITHIN_S, process, log)
        for path in (f"{api}/livez", f"{bets}/v1/feed/days", f"{dagster}/server_info", f"{reports}/livez",
                     f"{mlflow}/health"):  # fmt: skip
            assert httpx.get(f"http://127.0.0.1:{path}", timeout=30).is_success, path
        family = descendants(process.pid)
        assert len(family) > 10
        process.send_signal(signal.SIGINT)
        assert process.wait(STOP_WITHIN_S) == 0, log.read_text()
        assert [pid for pid in family if is_alive(pid)] == []
    text = log.read_text()
    assert "Everything has stopped." in text
    assert "SIGKILL" not in text
    check_ports(
        services_of(Settings(api=ApiSettings(port=api), bets=BetsSettings(port=bets)), Ports(dagster, reports, mlflow))
    )


@contextmanager
def started(
    small: SmallPlatform, log: Path, api: int, bets: int, ports: Ports
) -> Iterator[tuple[subprocess.Popen[bytes], Path]]:
    """Start it as a terminal would, and see to it that nothing is left whatever happens."""
    program = "from parivision_assets.cli import main; main()"
    options = ["--dagster-port", str(ports.dagster), "--reports-port", str(ports.reports)]
    own = {"PARIVISION_API_PORT": str(api), "PARIVISION_BETS_PORT": str(bets)}
    with log.open("wb") as out:
        process = subprocess.Popen(
            [sys.executable, "-c", program, "up", *options, "--mlflow-port", str(ports.mlflow)],
            env={**os.environ, **environment(small), **own}, stdout=out, stderr=subprocess.STDOUT,
        )  # fmt: skip
    try:
        yield process, log
    finally:
        for pid in [*descendants(process.pid), process.pid]:
            if is_alive(pid):
                os.kill(pid, signal.SIGKILL)
        process.wait(30)


def wait_for(condition, seconds: float, process: subprocess.Popen[bytes], log: Path) -> None:
    until = time.monotonic() + seconds
    while not condition():
        assert process.poll() is None, log.read_text()
        assert time.monotonic() < until, log.read_text()
        time.sleep(0.5)


def descendants(pid: int) -> list[int]:
    """Return the processes that came from one, deepest last."""
    parents: dict[int, int] = {}
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            try:
                parents[int(folder.name)] = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
            except (FileNotFoundError, ProcessLookupError):
                continue
    found = [pid]
    for parent in found:
        found += [child for child, its_parent in parents.items() if its_parent == parent]
    return found[1:]


def is_alive(pid: int) -> bool:
    """Return whether a process runs; one that only waits to be buried does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False
