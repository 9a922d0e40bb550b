"""What the API takes and how fast it answers, beside three other ways of serving the same champion, in one run.

    make bench-serving      (or: python benchmarks/serving.py --home .parivision)

(a) the original's style: an async FastAPI endpoint that builds a DataFrame and calls an MLflow pyfunc; (b) `mlflow
models serve`; (c) BentoML with ONNX, in an environment of its own; (d) this API, everything on: validation, feature
look-up, interval, prediction log, metrics. One worker each. (a) to (c) are given the features of real shots and
evaluate the champion's trees; (d) is given the same shots as a client would ask, on a copy of the home.

Rounds alternate, each after a warm-up: wrk over 16 connections for throughput, then 200 requests/s (an open load,
waiting counts) for latencies. Who cannot take that many is asked for four fifths of its throughput. Needs wrk.
"""

from __future__ import annotations

import argparse
import contextlib
import http.client
import json
import os
import platform
import shutil
import statistics
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import load
from contestants import HOST, ROOT, Contestant, Running, contestants, require_bentoml, started

from parivision_assets.settings import Settings
from parivision_assets.stores.home import Home

RESULTS = ROOT / "benchmarks" / "results" / "serving.json"
OURS = "parivision"
CONNECTIONS, RATE, WARM_UP_S = 16, 200.0, 2
ROWS, BATCH, BATCHES = 1_000, 1_000, 20
TARGETS = {"throughput / original_style": 6.0, "throughput / bentoml_onnx": 2.0}


def main() -> None:
    """Measure, print the table and the ratios, and write them."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--home", type=Path, default=os.environ.get("PARIVISION_HOME", ".parivision"))
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=int, default=10, help="of each load (default: %(default)s)")
    parser.add_argument("--without", default="", help="contestants to leave out, comma-separated")
    parser.add_argument("--results", type=Path, default=RESULTS)
    asked = parser.parse_args()
    load.require_wrk()
    left_out = set(filter(None, asked.without.split(",")))
    if "bentoml_onnx" not in left_out:
        require_bentoml()
    with tempfile.TemporaryDirectory(prefix="parivision-serving-") as folder:
        home = Home(Settings(home=copied(Path(asked.home), Path(folder) / "home")))
        everyone, questions = contestants(home, Path(folder), ROWS)
        field = [one for one in everyone if one.name not in left_out]
        found = compared(field, Path(folder), asked.rounds, asked.seconds, questions)
    report = {"machine": machine(), "contestants": found, "ratios": ratios(found)}
    shown(report)
    asked.results.parent.mkdir(exist_ok=True)
    asked.results.write_text(json.dumps(report, indent=1) + "\n")


NOT_SERVED = ("mlflow", "dagster", "data_docs", "reports", "rule_change")


def copied(home: Path, to: Path, without: Sequence[str] = NOT_SERVED) -> Path:
    """Return a copy of a home, so that the prediction log of the original stays as it is."""
    if not (home / "bundles").is_dir():
        sys.exit(f"{home} is no home with champions: run `make demo` first, or name one with --home")
    shutil.copytree(home, to, ignore=shutil.ignore_patterns(*without))
    return to


def compared(
    field: list[Contestant], folder: Path, rounds: int, seconds: int, questions: list[dict[str, Any]]
) -> dict[str, dict[str, Any]]:
    """Return each contestant's figures, all of them started anew in each round."""
    seen: dict[str, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    for number in range(rounds):
        for one in field:
            print(f"round {number + 1} of {rounds}: {one.name}", flush=True)
            with started(one, folder / f"{one.name}.log") as running:
                for name, value in measured(one, running, seconds).items():
                    seen[one.name][name].append(value)
                if one.name == OURS:
                    for name, value in batches(running, questions).items():
                        seen[one.name][name].append(value)
    found: dict[str, dict[str, Any]] = {}
    for name, figures in seen.items():
        found[name] = {key: round(statistics.median(values), 2) for key, values in figures.items()}
        found[name]["errors"] = int(sum(figures["errors"]))
        found[name]["per_s_of_rounds"] = [round(value, 1) for value in figures["per_s"]]
    return found


def measured(one: Contestant, running: Running, seconds: int) -> dict[str, float]:
    """Return one round's figures of a running contestant."""
    url = f"http://{HOST}:{running.port}{one.path}"
    load.wrk(url, one.bodies, CONNECTIONS, WARM_UP_S)
    cpu_s = running.cpu_s()
    full = load.wrk(url, one.bodies, CONNECTIONS, seconds)
    cpu_s = running.cpu_s() - cpu_s
    calm = load.steady(HOST, running.port, one.path, one.bodies, min(RATE, 0.8 * full.per_s), seconds)
    if calm.errors or full.errors:
        bad = next((answer.body[:300] for answer in calm.answers if answer.status != 200), b"")
        print(f"  {full.errors + calm.errors} errors, such as {bad!r}", flush=True)
    return {
        "per_s": full.per_s,
        "cpu_ms_per_request": 1e3 * cpu_s / (full.per_s * seconds),
        "full_p50_ms": full.p50_ms,
        "full_p99_ms": full.p99_ms,
        "steady_rate": round(min(RATE, 0.8 * full.per_s), 1),
        **calm.percentiles_ms(),
        "errors": float(full.errors + calm.errors),
        "start_s": running.start_s,
        "start_cpu_s": running.start_cpu_s,
        "memory_mib": running.memory_mib(),
    }


def batches(running: Running, questions: list[dict[str, Any]]) -> dict[str, float]:
    """Return how long a batch of 1,000 shots takes in milliseconds: median from first byte sent to last received, and
    the server's mean processor time.
    """
    body = json.dumps({"shots": (questions * (BATCH // len(questions) + 1))[:BATCH]})
    took = []
    with contextlib.closing(http.client.HTTPConnection(HOST, running.port)) as connection:
        for number in range(BATCHES + BATCHES // 4):
            if number == BATCHES // 4:
                took, cpu_s = [], running.cpu_s()
            began = time.perf_counter()
            connection.request("POST", "/v1/shots/predict-batch", body, {"Content-Type": "application/json"})
            answer = connection.getresponse()
            content = answer.read()
            took.append(1e3 * (time.perf_counter() - began))
            if answer.status != 200:
                sys.exit(f"a batch was answered {answer.status}: {content[:300]!r}")
    cpu_ms = 1e3 * (running.cpu_s() - cpu_s) / BATCHES
    return {"batch_of_1000_ms": statistics.median(took), "batch_of_1000_cpu_ms": cpu_ms}


def ratios(found: dict[str, dict[str, Any]]) -> dict[str, float]:
    """Return our throughput over each other's, and each other's processor time per request over ours."""
    if OURS not in found:
        return {}
    ours, others = found[OURS], {name: one for name, one in found.items() if name != OURS}
    wall = {f"throughput / {name}": round(ours["per_s"] / one["per_s"], 2) for name, one in others.items()}
    cpu = "cpu_ms_per_request"
    return wall | {f"processor time of {name} / ours": round(one[cpu] / ours[cpu], 2) for name, one in others.items()}


def machine() -> dict[str, Any]:
    """Return what the figures were measured on; the load of others is what there was at the end."""
    return {"cores": os.cpu_count(), "python": platform.python_version(), "load_1min": round(os.getloadavg()[0], 2)}


def shown(report: dict[str, Any]) -> None:
    """Print the table and the ratios, beside what they should reach."""
    columns = ("per_s", "cpu_ms_per_request", "p50_ms", "p90_ms", "p99_ms", "errors", "start_s", "memory_mib")
    print(f"\n{'':<22}" + "".join(f"{column:>20}" for column in columns))
    for name, figures in report["contestants"].items():
        print(f"{name:<22}" + "".join(f"{figures[column]:>20,.6g}" for column in columns))
    for name, ratio in report["ratios"].items():
        goal = f" (to reach: {TARGETS[name]:g})" if name in TARGETS else ""
        print(f"{name}: {ratio:.2f}{goal}")
    ours = report["contestants"].get(OURS)
    if ours is not None:
        batch, batch_cpu = ours["batch_of_1000_ms"], ours["batch_of_1000_cpu_ms"]
        print(f"p99 at {ours['steady_rate']:g} requests/s: {ours['p99_ms']:.1f} ms (to reach on a quiet machine: 10)")
        print(f"batch of 1,000: {batch:.1f} ms, {batch_cpu:.1f} ms of processor time (to reach: 30)")
        print(f"start to ready: {ours['start_s']:.1f} s, {ours['start_cpu_s']:.1f} s of processor time (to reach: 3)")
        print(f"memory: {ours['memory_mib']:.0f} MiB (to reach: 400)")


if __name__ == "__main__":
    main()
