"""A champion promoted and rolled back while the API answers: `python benchmarks/promotion_under_load.py`.

The home is copied. A challenger is the champion with every log-odds half a unit higher, so that each answer shows by
its probability who gave it. Over 60 s at 200 requests/s it is promoted after a third of the time and rolled back after
two thirds, by another process, through the ledger as the gate and a person do it. To hold: no request fails; each
answer's probability is that of the model and decision it names; 5 s after the bundle pointer has moved every answer is
by the new champion. (MLflow is asked first, so that the pointer moves a little after the ledger's entry.)
"""

from __future__ import annotations

import argparse
import datetime as dt
import json
import math
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import load
from contestants import HOST, Contestant, champion, sampled, started
from serving import OURS, RATE, copied

from parivision_assets.core.model_files import to_files
from parivision_assets.core.questions import GameSoFar, ShotQuestion
from parivision_assets.core.targets import SHOT_PRE_RELEASE
from parivision_assets.serving.predictor import Predictor
from parivision_assets.settings import Settings
from parivision_assets.stores.chain import Entry, Kind, Record
from parivision_assets.stores.champions import MODEL_FOLDER
from parivision_assets.stores.following import follow_ledger
from parivision_assets.stores.home import Home
from parivision_assets.stores.rollbacks import PREVIOUS, rollback

TARGET = SHOT_PRE_RELEASE.name
HIGHER_LOGIT = 0.5
LIMIT_S = 5.0
SAME = 1e-6
"""Answers one by one and in a batch agree within this; the two models' differ by a tenth."""


@dataclass(frozen=True)
class Swap:
    """A change of champions: the epoch seconds of its entry and of the pointer, and who answers from then on."""

    recorded_s: float
    moved_s: float
    model: str
    decision: int


def main() -> None:
    """Run the load and judge every answer; exit with 1 where something does not hold."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--home", type=Path, default=os.environ.get("PARIVISION_HOME", ".parivision"))
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--rate", type=float, default=RATE)
    parser.add_argument("--swap", metavar="DIGEST", help="promote this bundle of --home and roll back; no load")
    parser.add_argument("--at", type=float, nargs=2, help="when to --swap, in epoch seconds")
    asked = parser.parse_args()
    if asked.swap is not None:
        swaps = swapped(Home(Settings(home=asked.home)), asked.swap, asked.at)
        print(json.dumps([asdict(swap) for swap in swaps]))
        return
    with tempfile.TemporaryDirectory(prefix="parivision-promotion-") as folder:
        home = Home(Settings(home=copied(Path(asked.home), Path(folder) / "home", without=())))
        problems = run(home, Path(folder), asked.rate, asked.seconds)
    print("\n".join(problems[:20]) or "every answer is one version's, and the right one's")
    sys.exit(1 if problems else 0)


def run(home: Home, folder: Path, rate: float, seconds: float) -> list[str]:
    """Return in words what did not hold under the load."""
    questions, _ = sampled(home, champion(home), 200)
    expected = [answer.probability for answer in Predictor.open(home).shots([question_of(one) for one in questions])]
    before = home.bundles.champion(TARGET)
    higher = challenger(home)
    service = Contestant(
        OURS, (str(Path(sys.executable).parent / "parivision"), "api", "--port", "{port}"), "/readyz",
        "/v1/shots/predict", tuple(map(json.dumps, questions)), {"PARIVISION_HOME": str(home.root)},
    )  # fmt: skip
    with started(service, folder / "api.log") as running:
        began = time.time()
        moments = [str(began + share * seconds) for share in (1 / 3, 2 / 3)]
        command = [sys.executable, __file__, "--home", str(home.root), "--swap", higher, "--at", *moments]
        with subprocess.Popen(command, stdout=subprocess.PIPE) as swapping:
            found = load.steady(HOST, running.port, service.path, service.bodies, rate, seconds)
            told, _ = swapping.communicate()
    swaps = [Swap(**swap) for swap in json.loads(told)]
    print(f"{len(found.answers)} requests at {rate:g}/s, {found.errors} failed: {found.percentiles_ms()}")
    chances = {before.digest: expected, higher: [raised(chance) for chance in expected]}
    first = Swap(began, began, before.digest, before.decision)
    return judged(found, rate, began, [first, *swaps], chances)


def judged(
    found: load.Steady, rate: float, began: float, swaps: Sequence[Swap], chances: dict[str, list[float]]
) -> list[str]:
    """Return what is wrong with each answer: failed, of two versions, or of the old champion for too long."""
    problems, latest = [], [0.0] * len(swaps)
    for answer in found.answers:
        at = f"request due at {answer.due_s:.3f} s"
        if answer.status != 200:
            problems.append(f"{at}: answered {answer.status} {answer.body[:200]!r}")
            continue
        content = json.loads(answer.body)
        place = next((n for n, swap in enumerate(swaps) if swap.decision == content["decision"]), None)
        if place is None or swaps[place].model != content["model"]:
            problems.append(f"{at}: model {content['model'][:12]} under decision {content['decision']}")
            continue
        known = chances[content["model"]]
        if abs(content["probability"] - known[round(answer.due_s * rate) % len(known)]) > SAME:
            problems.append(f"{at}: {content['probability']} is not what model {content['model'][:12]} says")
        latest[place] = max(latest[place], answer.due_s)
    for number, swap in enumerate(swaps[1:]):
        late = began + latest[number] - swap.moved_s
        print(
            f"decision {swap.decision}: the pointer moved {swap.moved_s - swap.recorded_s:.2f} s after the entry; "
            f"the last request that the old champion answered was due {late:+.2f} s after the pointer"
        )
        if late > LIMIT_S:
            problems.append(f"decision {swap.decision}: still the old champion after {late:.1f} s")
    if latest[-1] == 0.0:
        problems.append("the last champion never answered")
    return problems


def challenger(home: Home) -> str:
    """Store and register the champion with every log-odds higher; return its bundle's digest."""
    pointer = home.bundles.champion(TARGET)
    bundle, model = home.bundles.read_bundle(pointer.digest), champion(home)
    levels = tuple(level + HIGHER_LOGIT for level in model.calibration.levels)
    raised_model = replace(model, calibration=replace(model.calibration, levels=levels))
    files = bundle.files | {f"{MODEL_FOLDER}{name}": data for name, data in to_files(raised_model).items()}
    digest = home.bundles.write_bundle(files, bundle.metadata).digest
    with home.registry.run("parivision", "higher", {}) as run_id:
        home.registry.register(TARGET, run_id, digest)
    return digest


def swapped(home: Home, digest: str, at: Sequence[float]) -> list[Swap]:
    """Promote a bundle and roll back, each at its moment; MLflow is open by then, as where the gate runs."""
    home.registry.run_of_bundle(TARGET, digest)
    now = home.ledger.champion(TARGET)
    payload = {"verdict": "promote", "challenger": digest, "champion": now.model if now else "", "season": 0}
    entry = Entry(Kind.DECISION, TARGET, "benchmark", "promoted under load", payload)
    time.sleep(max(0.0, at[0] - time.time()))
    record = home.ledger.settle(lambda _head: entry)
    follow_ledger(home, TARGET)
    found = [_swap(home, record)]
    time.sleep(max(0.0, at[1] - time.time()))
    record = rollback(home, TARGET, PREVIOUS, "benchmark", "rolled back under load", "benchmark")
    return [*found, _swap(home, record)]


def _swap(home: Home, record: Record | None) -> Swap:
    pointer = home.bundles.champion(TARGET)
    if record is None or pointer is None or pointer.decision != record.sequence:
        sys.exit("somebody else promoted meanwhile: run the benchmark on a home of its own")
    moved = (home.bundles.root / "champions" / f"{TARGET}.json").stat().st_mtime
    recorded = dt.datetime.fromisoformat(record.recorded_at).timestamp()
    return Swap(recorded, moved, pointer.digest, pointer.decision)


def question_of(asked: dict[str, Any]) -> ShotQuestion:
    """Return a request's question."""
    return ShotQuestion(**{**asked, "so_far": GameSoFar(**asked["so_far"])})


def raised(chance: float) -> float:
    """Return the challenger's probability."""
    return 1.0 / (1.0 + math.exp(-(math.log(chance / (1.0 - chance)) + HIGHER_LOGIT)))


if __name__ == "__main__":
    main()
