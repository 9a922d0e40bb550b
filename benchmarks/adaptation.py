"""The loop on a smaller league, seed by seed: what it says of each scenario, what it does, and what that is worth.

`python benchmarks/adaptation.py --folder out` takes about an hour on two cores; killed and started again it goes on.
A league of 30 teams with 40 games each (106,000 shots a season): the first season is learnt, the second is lived. The
change starts on its 22nd game day. Trainings take a quarter of the pinned rounds, for every contestant.

Verdicts are compared with `core.league.EXPECTED_VERDICTS`. After a rule change an oracle retrains every night on
everything to date, its rows after the change weighing double, without any gate; days 31-60 are compared.
"""

from __future__ import annotations

import argparse
import datetime as dt
import json
import os
import time
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from parivision_assets.commands.replay.command import learn_whole
from parivision_assets.commands.replay.core_engine import CoreEngine
from parivision_assets.commands.replay.journal import Journal
from parivision_assets.commands.replay.loop import Loop
from parivision_assets.commands.replay.losses import FIRST, LOOP, mean_losses
from parivision_assets.commands.replay.recipe import newest_seasons, replay_config
from parivision_assets.commands.replay.season import Past, PlayedSeason, play
from parivision_assets.commands.replay.track import Chances, Track
from parivision_assets.core.adaptation import LoopPolicy
from parivision_assets.core.catalogue import TARGETS
from parivision_assets.core.evaluation import row_log_loss
from parivision_assets.core.game_state import GameState
from parivision_assets.core.league import EXPECTED_VERDICTS, LeagueConfig, Scenario, ScenarioKind, SensorFault, generate
from parivision_assets.core.league.calendar import regular_season
from parivision_assets.core.targets import Target
from parivision_assets.core.training import TrainedModel, TrainingConfig, fit
from parivision_assets.sources.day_by_day import LeagueDays

LEARNT, LIVED = 2022, 2023
TEAMS, GAMES = 30, 40
BUDGET = 0.25
START_GAME_DAY = 22
KINDS = ("none", *(kind.value for kind in ScenarioKind), "oracle")
"""`oracle` is a rule change again, lived until day 60 beside the oracle: by far the dearest part."""
LIVED_DAYS = 40
"""Days that are lived after a change; without one, the whole season."""
ORACLE_DAYS = (31, 60)
ORACLE_WEIGHT = 2.0
DETECTION_LIMIT_GAME_DAYS = 14


@dataclass
class Memory:
    """Fits of this process by what they were fitted on: leagues of one seed share their first season."""

    known: dict[str, TrainedModel]

    def fit(self, target: Target, rows: pl.DataFrame, config: TrainingConfig) -> TrainedModel:
        """Return the model, fitted once."""
        plain = replace(config, change_date=None) if config.change_weight == 1 else config
        key = f"{target.name} {plain} {rows.height} {rows.hash_rows(seed=1).sum()}"
        if key not in self.known:
            self.known[key] = fit(target, rows, config)
        return self.known[key]


def main() -> None:
    """Live every seed's scenarios and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", default="0-19", help="first and last seed (default: %(default)s)")
    parser.add_argument("--scenarios", default=",".join(KINDS), help="comma-separated (default: all)")
    parser.add_argument("--folder", type=Path, required=True, help="where results are kept, one file per seed")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    asked = parser.parse_args()
    first, last = map(int, asked.seeds.split("-"))
    asked.folder.mkdir(parents=True, exist_ok=True)
    started = time.perf_counter()
    with ProcessPoolExecutor(asked.jobs) as pool:
        seeds = [
            pool.submit(live_seed, seed, asked.scenarios.split(","), asked.folder) for seed in range(first, last + 1)
        ]
        for done, future in enumerate(as_completed(seeds), start=1):
            print(
                f"{done}/{len(seeds)} seeds, {time.perf_counter() - started:.0f} s (seed {future.result()})", flush=True
            )
    found = [
        json.loads(line) for path in sorted(asked.folder.glob("seed_*.jsonl")) for line in path.read_text().splitlines()
    ]
    print_table([item for item in found if first <= item["seed"] <= last])


def live_seed(seed: int, kinds: list[str], folder: Path) -> int:
    """Live one seed's scenarios that are not in its file yet; return the seed."""
    path, memory = folder / f"seed_{seed:04}.jsonl", Memory({})
    done = {json.loads(line)["kind"] for line in path.read_text().splitlines()} if path.exists() else set()
    for kind in kinds:
        if kind not in done:
            found = live(seed, kind, memory)
            with path.open("a") as file:
                file.write(json.dumps(found, default=str) + "\n")
    return seed


def live(seed: int, kind: str, memory: Memory) -> dict[str, Any]:
    """Return what the loop said and did in one league."""
    started = time.perf_counter()
    game_days = sorted({dt.date.fromordinal(int(day)) for day in regular_season(LIVED, TEAMS, GAMES, seed).day})
    change = game_days[START_GAME_DAY - 1]
    fault = list(SensorFault)[seed % len(SensorFault)]
    happens = {"none": None, "oracle": ScenarioKind.RULE_CHANGE.value}.get(kind, kind)
    scenario = None if happens is None else Scenario(ScenarioKind(happens), change, fault=fault)
    league = generate(LeagueConfig(seed, LEARNT, 2, teams=TEAMS, games_per_team=GAMES, scenario=scenario))
    source, tracks = LeagueDays(league), tuple(Track(target) for target in TARGETS.values())
    engine = CoreEngine(BUDGET, 1, fit=memory.fit, tracks={track.name: track for track in tracks})
    loop = Loop(
        engine, Journal(None, {}), LoopPolicy(), tracks, source.known_on,
        lambda _played, _day: None, lambda *_served: None, lambda _season: None, lambda _text: None,
    )  # fmt: skip
    learnt, past = play(source, LEARNT, Past({}, GameState()))
    learn_whole(tracks, learnt)
    engine.enter(Chances(engine, learnt))
    loop.begin(learnt)
    played, _ = play(source, LIVED, past)
    lived_days = {"none": 365, "oracle": ORACLE_DAYS[1]}.get(kind, LIVED_DAYS)
    last = change + dt.timedelta(days=lived_days)
    pending: dict[str, int] = {}
    loop.live(played, last, is_last=True)
    for track in tracks:
        pending[track.name] = track.pending
    found = {
        "seed": seed, "kind": kind, "change": change, "seconds": time.perf_counter() - started,
        "refused": [day.isoformat() for day in played.refused], "pending": pending,
        "events": [event for event in loop.events if event["event"] != "refused"],
        "game_days": [day.isoformat() for day in game_days],
        "learnt_broken": learnt_broken(played, change) if kind == "broken_sensor" else 0,
    }  # fmt: skip
    if kind == "oracle":
        found["worth"] = {name: worth(loop, engine, played, change, TARGETS[name], memory) for name in SHOTS}
    found["seconds"] = time.perf_counter() - started
    return found


SHOTS = ("shot_pre_release", "shot_post_event")


def learnt_broken(played: PlayedSeason, change: dt.date) -> int:
    """Return how many rows of broken days any model could have learnt from."""
    frame = played.features["shot_features"]
    return frame.filter((pl.col("game_date") >= change) & pl.col("game_date").is_in(list(played.refused))).height


def worth(
    loop: Loop, engine: CoreEngine, played: PlayedSeason, change: dt.date, target: Target, memory: Memory
) -> dict[str, float]:
    """Return the mean log loss of frozen champion, loop and oracle on days 31-60 after the change."""
    first, last = (change + dt.timedelta(days=days) for days in ORACLE_DAYS)
    span = loop.losses.table.filter((pl.col("target") == target.name) & pl.col("day").is_between(first, last))
    means = mean_losses(span, pl.lit(0))
    frame = played.features[target.table.name]
    total, n = 0.0, 0
    config = replace(replay_config(target, BUDGET, change, 1), change_weight=ORACLE_WEIGHT)
    before = engine.seasons[LEARNT][target.table.name]
    for day in frame.filter(pl.col("game_date").is_between(first, last))["game_date"].unique().sort():
        known = newest_seasons(target, pl.concat([before, frame.filter(pl.col("game_date") < day)]))
        rows = frame.filter(pl.col("game_date") == day)
        label = rows[target.label].cast(pl.Float64).to_numpy()
        total += float(row_log_loss(label, memory.fit(target, known, config).predict(rows)).sum())
        n += rows.height
    return {"frozen": means[FIRST][0], "loop": means[LOOP][0], "oracle": total / n, "events": n}


def print_table(found: list[dict[str, Any]]) -> None:
    """Print, per scenario, how many verdicts were as expected, how late, and what was done."""
    for kind in KINDS:
        runs = [item for item in found if item["kind"] == kind]
        if runs:
            print(f"\n{kind}: {len(runs)} seeds, {sum(run['seconds'] for run in runs):.0f} s")
            judged = {"none": judge_none, "oracle": judge_worth}.get(kind)
            for name, value in (judged(runs) if judged else judge(kind, runs)).items():
                print(f"  {name}: {value}")


def judge_none(runs: list[dict[str, Any]]) -> dict[str, Any]:
    """Return how often the loop did something without a reason."""
    return {
        "needless trainings": sum(len(caused(run, "training", ("concept", "follow_up"))) for run in runs),
        "needless promotions": sum(len(promotions(run)) for run in runs),
        "concept reported": [run["seed"] for run in runs if first_day(run, "concept") is not None],
        "input reported": [run["seed"] for run in runs if first_day(run, "input") is not None],
    }


def judge(kind: str, runs: list[dict[str, Any]]) -> dict[str, Any]:
    """Return how often the verdict was the expected one, and the seeds where it was not."""
    expected = EXPECTED_VERDICTS[ScenarioKind(kind)]
    wrong: dict[str, list[int]] = {}
    for run in runs:
        concept = {name: first_day(run, "concept", name) is not None for name in SHOTS}
        said = {
            "input moved": (any_target(run, "input"), expected.input_moved),
            "concept pre-release": (concept[SHOTS[0]], expected.concept_pre_release),
            "concept post-event": (concept[SHOTS[1]], expected.concept_post_event),
            "stopped by checks": (bool(run["refused"]), expected.checks_stop),
            "pending grows": (min(run["pending"][name] for name in SHOTS) > 0, expected.pending_grows),
        }
        for name, (got, wanted) in said.items():
            if got != wanted:
                wrong.setdefault(name, []).append(run["seed"])
    seeds = sorted({seed for seeds in wrong.values() for seed in seeds})
    told: dict[str, Any] = {"as expected": f"{len(runs) - len(seeds)} of {len(runs)}", "not as expected": wrong}
    if expected.concept_post_event:
        for name in SHOTS:
            delays = [delay(run, name) for run in runs]
            known = [item for item in delays if item is not None]
            told[f"game days until concept, {name}"] = (
                f"{np.median(known):.0f} (at most {max(known)})" if known else "-"
            )
            told[f"columns named, {name}"] = sorted({column for run in runs for column in columns(run, name)})
    if kind == "broken_sensor":
        told["broken rows that could be learnt"] = sum(run["learnt_broken"] for run in runs)
    told["trainings, promotions"] = [sum(len(caused(run, "training", ("concept", "follow_up"))) for run in runs),
                                     sum(len(promotions(run)) for run in runs)]  # fmt: skip
    return told


def judge_worth(runs: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the share of the possible gain that the loop reached on days 31-60."""
    return {f"days 31-60, {name}": worth_line([run["worth"][name] for run in runs]) for name in SHOTS}


def worth_line(figures: list[dict[str, float]]) -> str:
    """Return the pooled share of the possible gain that the loop reached."""
    weight = np.array([item["events"] for item in figures])
    frozen, loop, oracle = (
        float(np.average([item[name] for item in figures], weights=weight)) for name in ("frozen", "loop", "oracle")
    )
    return (
        f"frozen {frozen:.5f}, loop {loop:.5f}, oracle {oracle:.5f}: "
        f"{frozen - loop:+.5f} of {frozen - oracle:+.5f} = {(frozen - loop) / (frozen - oracle):.0%}"
    )


def caused(run: dict[str, Any], kind: str, causes: tuple[str, ...]) -> list[dict[str, Any]]:
    """Return a run's events of a kind with one of these causes."""
    return [event for event in run["events"] if event["event"] == kind and event.get("cause") in causes]


def promotions(run: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the promotions that replaced a champion (the first one replaces a baseline)."""
    seen: set[str] = set()
    replaced = []
    for event in run["events"]:
        if event["event"] == "promote":
            if event["target"] in seen:
                replaced.append(event)
            seen.add(event["target"])
    return replaced


def first_day(run: dict[str, Any], verdict: str, target: str | None = None) -> str | None:
    """Return the first day on which a report said a verdict, None if none did."""
    days = [
        str(event["day"]) for event in run["events"]
        if event["event"] == "report" and verdict in event["verdict"] and target in (None, event["target"])
    ]  # fmt: skip
    return min(days, default=None)


def any_target(run: dict[str, Any], verdict: str) -> bool:
    """Return whether a report on shots said a verdict."""
    return any(first_day(run, verdict, name) is not None for name in SHOTS)


def delay(run: dict[str, Any], target: str) -> int | None:
    """Return the game days from the change to the first report of a concept, None where there is none."""
    day = first_day(run, "concept", target)
    if day is None:
        return None
    return sum(str(run["change"]) <= played <= day for played in run["game_days"])


def columns(run: dict[str, Any], target: str) -> list[str]:
    """Return the column that the first report of a concept names."""
    named = [event["columns"][0] for event in run["events"]
             if event["event"] == "report" and "concept" in event["verdict"] and event["target"] == target]  # fmt: skip
    return named[:1]


if __name__ == "__main__":
    main()
