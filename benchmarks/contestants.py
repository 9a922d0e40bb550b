"""Who is compared in `serving.py`: each service's command, its requests, and the champion in the form it serves."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import polars as pl

from parivision_assets.core import in_game
from parivision_assets.core.contracts import SHOTS
from parivision_assets.core.families import BoosterPredictor
from parivision_assets.core.questions import GameSoFar
from parivision_assets.core.shot_features import SHOT_FEATURES
from parivision_assets.core.targets import SHOT_PRE_RELEASE
from parivision_assets.core.training import TrainedModel
from parivision_assets.serving.trees import onnx_trees
from parivision_assets.serving.ubjson import read_ubjson
from parivision_assets.stores.champions import bundle_model
from parivision_assets.stores.home import Home

ROOT = Path(__file__).resolve().parents[1]
HOST = "127.0.0.1"
BENTO_VENV = ROOT / ".venv-bentoml"
BENTO_NEEDS = ROOT / "benchmarks" / "competitors" / "bentoml-requirements.txt"
"""What was measured: another version serves at another rate."""
START_LIMIT_S = 120.0
SO_FAR = tuple(GameSoFar.__dataclass_fields__)
ASKED = ("player_id", "team", "opponent", "is_home", "quarter", "clock_s", "fg_margin_pts", "points_value")


@dataclass(frozen=True)
class Contestant:
    """A service: how it is started, where it says that it is ready, and what it is asked."""

    name: str
    command: tuple[str, ...]
    ready_path: str
    path: str
    bodies: tuple[str, ...]
    environment: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Running:
    """A started service."""

    process: subprocess.Popen[bytes]
    port: int
    start_s: float
    start_cpu_s: float = float("nan")

    def memory_mib(self) -> float:
        """Return the resident memory of all its processes together; NaN where there is no /proc."""
        pages = [int((folder / "statm").read_text().split()[1]) for folder in self._processes()]
        return sum(pages) * os.sysconf("SC_PAGE_SIZE") / 2**20 if pages else float("nan")

    def cpu_s(self) -> float:
        """Return the processor time of all its processes: other programs do not add to it. NaN without /proc."""
        ticks = [sum(map(int, _stat(folder)[11:13])) for folder in self._processes()]
        return sum(ticks) / os.sysconf("SC_CLK_TCK") if ticks else float("nan")

    def _processes(self) -> list[Path]:
        """Return the folders in /proc of the process and its descendants."""
        parents: dict[int, int] = {}
        for folder in Path("/proc").glob("[0-9]*"):
            # Others' processes end meanwhile.
            with contextlib.suppress(OSError):
                parents[int(folder.name)] = int(_stat(folder)[1])
        family = {self.process.pid}
        while grown := {child for child, parent in parents.items() if parent in family} - family:
            family |= grown
        return [Path("/proc") / str(number) for number in family & set(parents)]


def _stat(folder: Path) -> list[str]:
    """Return what /proc says of a process from its state on: parent second, user and system ticks 12th and 13th."""
    return (folder / "stat").read_text().rpartition(")")[2].split()


def champion(home: Home) -> TrainedModel:
    """Return the champion that is compared; exit in words where there is none that the others can serve."""
    pointer = home.bundles.champion(SHOT_PRE_RELEASE.name)
    if pointer is None:
        sys.exit(f"{home.root} has no champion of {SHOT_PRE_RELEASE.name}: run `make demo` first, or name a home")
    model = bundle_model(home.bundles.read_bundle(pointer.digest))
    if not isinstance(model.predictor, BoosterPredictor):
        sys.exit(f"the champion is a {model.config.family}: the others are compared on XGBoost's trees")
    return model


def sampled(home: Home, model: TrainedModel, count: int) -> tuple[list[dict[str, Any]], list[dict[str, float]]]:
    """Return real shots of the newest season as questions, and the same shots' features; nothing in them is absent."""
    season = str(max(map(int, home.tables.partitions(SHOTS.name))))
    names = list(model.encoder.names)
    features = home.tables.read(SHOT_FEATURES.name, [season]).select("game_id", "shot_number", *names)
    asked = in_game.with_earlier_events(home.tables.read(SHOTS.name, [season]))
    asked = asked.select("game_id", "shot_number", "spot_x_ft", "spot_y_ft", *ASKED, *SO_FAR)
    numbers = features.with_columns(pl.col(names).cast(pl.Float64))
    both = asked.drop_nulls().join(numbers.drop_nulls(), on=["game_id", "shot_number"], suffix="_feature")
    chosen = both.sample(min(count, both.height), seed=7)
    questions = [
        {"x_ft": row["spot_x_ft"], "y_ft": row["spot_y_ft"], **{name: row[name] for name in ASKED},
         "so_far": {name: row[name] for name in SO_FAR}}
        for row in chosen.iter_rows(named=True)
    ]  # fmt: skip
    columns = [f"{name}_feature" if f"{name}_feature" in both.columns else name for name in names]
    return questions, chosen.select(pl.col(columns).name.map(lambda name: name.removesuffix("_feature"))).to_dicts()


def contestants(home: Home, folder: Path, count: int) -> tuple[list[Contestant], list[dict[str, Any]]]:
    """Return all four, with their models written below `folder`, and the questions; (d) serves `home` itself."""
    model = champion(home)
    questions, rows = sampled(home, model, count)
    pyfunc, onnx = _written(model, folder)
    values = [list(row.values()) for row in rows]
    columns = list(rows[0])
    split = [json.dumps({"dataframe_split": {"columns": columns, "data": [row]}}) for row in values]
    mlflow_env = {"MLFLOW_TRACKING_URI": f"file:{folder}/mlruns", "MLFLOW_DISABLE_TELEMETRY": "true"}
    bin_folder = Path(sys.executable).parent
    return [
        Contestant(
            "original_style",
            (sys.executable, "-m", "uvicorn", "original_style:app", "--app-dir", str(ROOT / "benchmarks/competitors"),
             "--host", HOST, "--port", "{port}", "--no-access-log"),
            "/ready", "/predict", tuple(map(json.dumps, rows)), {**mlflow_env, "PYFUNC_MODEL": str(pyfunc)},
        ),
        Contestant(
            "mlflow_models_serve",
            (str(bin_folder / "mlflow"), "models", "serve", "-m", str(pyfunc), "--env-manager", "local", "-h", HOST,
             "-p", "{port}", "-w", "1"),
            "/ping", "/invocations", tuple(split), {**mlflow_env, "PATH": f"{bin_folder}:{os.environ['PATH']}"},
        ),
        Contestant(
            "bentoml_onnx",
            (str(BENTO_VENV / "bin" / "bentoml"), "serve", "bento_service:Trees", "--working-dir",
             str(ROOT / "benchmarks/competitors"), "--host", HOST, "--port", "{port}"),
            "/readyz", "/predict", tuple(json.dumps({"rows": [row]}) for row in values),
            {"ONNX_MODEL": str(onnx), "BENTOML_DO_NOT_TRACK": "True", "BENTOML_HOME": str(folder / "bentoml")},
        ),
        Contestant(
            "parivision", (str(bin_folder / "parivision"), "api", "--port", "{port}"), "/readyz", "/v1/shots/predict",
            tuple(map(json.dumps, questions)), {"PARIVISION_HOME": str(home.root)},
        ),
    ], questions  # fmt: skip


def _written(model: TrainedModel, folder: Path) -> tuple[Path, Path]:
    """Return the champion's trees as MLflow's XGBoost flavour and as ONNX."""
    import mlflow.xgboost

    pyfunc, onnx = folder / "pyfunc", folder / "trees.onnx"
    mlflow.xgboost.save_model(
        model.predictor.booster,  # type: ignore[attr-defined]
        str(pyfunc), model_format="ubj", pip_requirements=["mlflow", "xgboost-cpu"],
    )  # fmt: skip
    trees = read_ubjson(model.predictor.to_files()[BoosterPredictor.FILE])
    onnx.write_bytes(onnx_trees(trees, len(model.encoder.names)))
    return pyfunc, onnx


def require_bentoml() -> None:
    """Make BentoML's own environment where it is absent; its dependencies are none of the project's."""
    if (BENTO_VENV / "bin" / "bentoml").exists():
        return
    print(f"BentoML and ONNX Runtime are installed into {BENTO_VENV.name} (once)", flush=True)
    subprocess.run([sys.executable, "-m", "venv", str(BENTO_VENV)], check=True)
    pip = [str(BENTO_VENV / "bin" / "python"), "-m", "pip", "install", "--quiet", "-r", str(BENTO_NEEDS)]
    if subprocess.run(pip, check=False).returncode:
        sys.exit(
            "BentoML could not be installed: connect to a package index, or leave it out with --without bentoml_onnx"
        )


@contextlib.contextmanager
def started(contestant: Contestant, log: Path) -> Iterator[Running]:
    """Start a service on a free port, wait until it is ready, and stop it with all its processes at the end."""
    with socket.socket() as free:
        free.bind((HOST, 0))
        port = free.getsockname()[1]
    command = [part.format(port=port) for part in contestant.command]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "DO_NOT_TRACK": "1", **contestant.environment}
    began = time.perf_counter()
    with log.open("wb") as output:
        process = subprocess.Popen(command, env=environment, stdout=output, stderr=output, start_new_session=True)
    try:
        _await_ready(process, f"http://{HOST}:{port}{contestant.ready_path}", began, log)
        start_s = time.perf_counter() - began
        yield Running(process, port, start_s, Running(process, port, start_s).cpu_s())
    finally:
        # The whole session: several of them start workers of their own.
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGTERM)
        try:
            process.wait(15)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def _await_ready(process: subprocess.Popen[bytes], url: str, began: float, log: Path) -> None:
    while time.perf_counter() - began < START_LIMIT_S:
        if process.poll() is not None:
            break
        with contextlib.suppress(urllib.error.URLError, OSError):
            if urllib.request.urlopen(url, timeout=2).status == 200:  # noqa: S310 - an address of this machine
                return
        time.sleep(0.02)
    sys.exit(f"{process.args[0]} did not get ready; its last words:\n{log.read_text()[-2000:]}")
