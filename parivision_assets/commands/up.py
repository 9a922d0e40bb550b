"""`parivision up`: everything that a person wants on this machine, from the Procfile, until Ctrl-C.

What each process does is its own command's; here they are started together, waited for, and stopped together.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import socket
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import httpx
from honcho import manager as honcho  # type: ignore[import-untyped]
from honcho.environ import parse_procfile  # type: ignore[import-untyped]

from parivision_assets.commands.console import OUT
from parivision_assets.core.catalogue import TARGETS
from parivision_assets.errors import CommandError
from parivision_assets.settings import Settings
from parivision_assets.stores.home import Home

PROCFILE = Path(__file__).resolve().parents[2] / "Procfile"
STOP_WITHIN_S = 60
"""Dagster took 20 s to end its code server on two busy cores; whatever is left after this is killed."""
READY_WITHIN_S = 180.0
POLL_S = 0.5
STOPPED_BY_SIGNAL = {128 + signal.SIGINT, 128 + signal.SIGTERM}


@dataclass(frozen=True)
class Ports:
    """Where the processes listen that have no setting of their own."""

    dagster: int = 3070
    reports: int = 8000
    mlflow: int = 5000


@dataclass(frozen=True)
class Service:
    """One process: its name in the Procfile, what people call it, where it listens, and what it is asked."""

    name: str
    title: str
    host: str
    port: int
    probe: str
    remedy: str

    @property
    def url(self) -> str:
        """Return the address that people open."""
        return f"http://{'127.0.0.1' if self.host == '0.0.0.0' else self.host}:{self.port}"  # noqa: S104 - compared


def start(ports: Ports) -> None:
    """Start everything, say where it is and when it answers, and return once all of it has stopped.

    Raises CommandError where there is no champion yet, a port is taken, or a process ended by itself.
    """
    settings = Settings()
    home = Home(settings)
    if not any(home.bundles.champion(target) for target in TARGETS):
        raise CommandError(f"{home.root} has no champion yet, so that nothing can be predicted. Run `make demo` first")
    services = services_of(settings, ports)
    check_ports(services)
    commands = parse_procfile(PROCFILE.read_text()).processes
    environment = environment_of(settings, home, services)
    processes = honcho.Manager()
    for service in services:
        processes.add_process(service.name, commands[service.name], env=environment)
    for service in services:
        OUT.print(f"{service.title:>14}  {service.url}", highlight=False)
    watcher = multiprocessing.get_context("fork").Process(target=watch, args=(services,), daemon=True)
    watcher.start()
    honcho.KILL_WAIT = STOP_WITHIN_S
    # A closed terminal is a Ctrl-C.
    signal.signal(signal.SIGHUP, lambda *_: os.kill(os.getpid(), signal.SIGTERM))
    processes.loop()
    watcher.terminate()
    watcher.join()
    if processes.returncode not in STOPPED_BY_SIGNAL:
        raise CommandError(
            f"a process ended by itself (exit status {processes.returncode}), so that all were stopped; "
            "its last lines above say why"
        )
    OUT.print("Everything has stopped.")


def services_of(settings: Settings, ports: Ports) -> list[Service]:
    """Return what is started; MLflow only where no server is configured."""
    here, api, bets = "127.0.0.1", settings.api, settings.bets
    services = [
        Service("dagster", "Dagster", here, ports.dagster, "/server_info", "give --dagster-port"),
        Service("api", "PariVision API", api.host, api.port, "/readyz", "set PARIVISION_API_PORT"),
        Service("bets", "VirtualBets", bets.host, bets.port, "/v1/feed/days", "set PARIVISION_BETS_PORT"),
        Service("reports", "drift reports", here, ports.reports, "/livez", "give --reports-port"),
    ]
    if settings.mlflow_tracking_uri is None:
        services.append(Service("mlflow", "MLflow", here, ports.mlflow, "/health", "give --mlflow-port"))
    return services


def check_ports(services: Sequence[Service]) -> None:
    """Raise CommandError naming every port that another program holds, and what to do."""
    taken = [service for service in services if _is_taken(service.host, service.port)]
    if taken:
        named = "; ".join(f"{service.port} ({service.title}: {service.remedy})" for service in taken)
        raise CommandError(f"other programs listen on ports that are needed: {named}. Stop them or choose other ports")


def _is_taken(host: str, port: int) -> bool:
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as tried:
        # As the servers do: a connection that lingers after a stop is no listener.
        tried.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            tried.bind((host, port))
        except OSError:
            return True
    return False


def environment_of(settings: Settings, home: Home, services: Sequence[Service]) -> dict[str, str]:
    """Return the processes' environment: one home, VirtualBets as Dagster's feed, this installation's programs."""
    by_name = {service.name: service for service in services}
    return _with_programs(
        {
            **os.environ,
            **{f"{service.name.upper()}_PORT": str(service.port) for service in services},
            "PARIVISION_HOME": str(home.root),
            "PARIVISION_FEED_URL": settings.feed_url or by_name["bets"].url,
            "PARIVISION_DAGSTER_URL": by_name["dagster"].url,
            "MLFLOW_BACKEND_STORE_URI": settings.tracking_uri,
            "MLFLOW_DEFAULT_ARTIFACT_ROOT": str(home.root / "mlflow" / "artifacts"),
            "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
            "MLFLOW_DISABLE_TELEMETRY": "true",
            "DO_NOT_TRACK": "1",
            "PYTHONUNBUFFERED": "1",
        }
    )


def _with_programs(environment: Mapping[str, str]) -> dict[str, str]:
    programs = str(Path(sys.executable).parent)
    return {**environment, "PATH": f"{programs}{os.pathsep}{environment.get('PATH', os.defpath)}"}


def watch(services: Sequence[Service]) -> None:
    """Say of each service when it answers, and at the end that all do; for a process of its own."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    waiting, said, started = list(services), dict[str, str](), time.monotonic()
    while waiting and time.monotonic() - started < READY_WITHIN_S:
        for service in list(waiting):
            problem = problem_of(service)
            if problem is None:
                waiting.remove(service)
                OUT.print(f"{service.title} answers on {service.url}", highlight=False, style="bold")
            said[service.name] = problem or ""
        time.sleep(POLL_S)
    for service in waiting:
        OUT.print(f"{service.title} on {service.url} is not ready: {said[service.name]}", highlight=False, style="red")
    if not waiting:
        OUT.print(
            "Everything answers. `parivision feed` in another terminal plays the coming days; Ctrl-C stops everything.",
            highlight=False,
            style="bold",
        )


def problem_of(service: Service) -> str | None:
    """Return why a service does not answer yet, None once it does."""
    try:
        answer = httpx.get(f"{service.url}{service.probe}", timeout=10.0, trust_env=False)
    except httpx.HTTPError as error:
        return str(error) or type(error).__name__
    return None if answer.is_success else answer.text[:300]
