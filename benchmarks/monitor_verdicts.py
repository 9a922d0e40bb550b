"""What the daily monitoring says of each scenario: `python benchmarks/monitor_verdicts.py --seeds 1000-1009`.

A league of 30 teams with 40 games each, two seasons; champions learn the first (a quarter of the shots' budget) and
are frozen; the second is walked day by day, the change starting on its 22nd game day. Counts, per scenario and target,
the seasons with each verdict after the change, delays in game days, and the harm seen.

Seeds below 1000 are those of the final benchmark and are refused: limits are chosen on others.
"""

from __future__ import annotations

import argparse
import datetime as dt
from dataclasses import dataclass, replace

import numpy as np
import polars as pl

from parivision_assets.core import input_shift
from parivision_assets.core import monitor as watching
from parivision_assets.core.game_features import ShotTotals, build_game_features
from parivision_assets.core.game_target import GAME, GAME_LOGISTIC
from parivision_assets.core.games import clean_games
from parivision_assets.core.history import concat_totals, needed_seasons, season_totals
from parivision_assets.core.league import LeagueConfig, Scenario, ScenarioKind, generate
from parivision_assets.core.league.calendar import regular_season
from parivision_assets.core.shot_features import shot_features
from parivision_assets.core.shot_settings import SHOT_XGBOOST
from parivision_assets.core.shots import clean_shots
from parivision_assets.core.targets import SHOT_TARGETS, Target
from parivision_assets.core.training import TrainedModel, fit
from parivision_assets.sources import archives
from parivision_assets.sources.synthetic import _csv

FIRST, SECOND = 2022, 2023
START_GAME_DAY, WINDOW = 22, 10
KINDS = (None, *(ScenarioKind(name) for name in ("rule_change", "style_shift", "line_move", "new_actions")))
TARGETS: tuple[Target, ...] = (*SHOT_TARGETS.values(), GAME)


@dataclass(frozen=True)
class Walk:
    """One season of one target: game days from the change to each verdict (negative: before it), and the harm."""

    concept: int | None
    inputs: int | None
    since_days: int | None
    named: str
    harm_before: float
    harm_after: float


def features(seed: int, kind: ScenarioKind | None) -> tuple[dict[str, pl.DataFrame], dt.date]:
    """Return the feature tables of both seasons by target, and the date of the change."""
    config = LeagueConfig(seed=seed, first_season=FIRST, seasons=2, teams=30, games_per_team=40)
    days = np.unique(regular_season(SECOND, 30, 40, seed).day)
    start = dt.date.fromordinal(int(days[START_GAME_DAY - 1]))
    league = generate(config if kind is None else replace(config, scenario=Scenario(kind, start)))
    totals, tables, games = {}, [], []
    for season in (FIRST, SECOND):
        raw = archives.parse(archives.Dataset.SHOTS, _csv(league.shots[season]), f"shots {season}")
        shots = clean_shots(raw).valid
        totals[season] = season_totals(shots)
        known = concat_totals([totals[year] for year in needed_seasons(season, totals)])
        tables.append(shot_features(shots, known, season))
        raw = archives.parse(archives.Dataset.GAMES, _csv(league.games[season]), f"games {season}")
        games.append(clean_games(raw, None).valid)
    seen = totals.values()
    scorers = ShotTotals(pl.concat([known.players for known in seen]), pl.concat([known.teams for known in seen]))
    of_games, _ = build_game_features(pl.concat(games), scorers)
    of_shots = pl.concat(tables)
    return {target.name: of_games if target is GAME else of_shots for target in TARGETS}, start


def train(target: Target, frame: pl.DataFrame) -> TrainedModel:
    """Return the champion of the first season."""
    config = GAME_LOGISTIC if target is GAME else replace(SHOT_XGBOOST, n_jobs=1, folds=2).lighter(0.25)
    return fit(target, frame.filter(pl.col("season") == FIRST), config)


def walk(target: Target, model: TrainedModel, frame: pl.DataFrame, start: dt.date) -> Walk:
    """Return what the monitoring says over the second season."""
    named = frame.with_columns(pl.col(target.group).alias("game"), pl.col(target.label).alias("label"))
    learnt = named.filter(pl.col("season") == FIRST)
    played = named.filter(pl.col("season") == SECOND)
    played = played.with_columns(pl.Series("probability", model.predict(played)))
    reference = input_shift.count(target.name, learnt)
    monitor = watching.start(target.name, "frozen", learnt=watching.learnt_values(target.name, learnt))
    answers, counts, moved = [], [], []
    for (day,), rows in sorted(played.partition_by("game_date", as_dict=True).items()):
        monitor = watching.observe(monitor, day, rows)
        answers.append((day, watching.relation(monitor)))
        counts.append(input_shift.count(target.name, rows))
        shift = input_shift.compare(reference, input_shift.add(target.name, counts[-WINDOW:]))
        moved.append(shift.moved and len(counts) >= WINDOW // 2)
    change = sum(day < start for day, _ in answers)
    first = next((place for place, (_, answer) in enumerate(answers) if answer.moved), None)
    since = None if first is None else answers[first][1].since
    return Walk(
        None if first is None else first - change,
        moved.index(True) - change if True in moved else None,
        None if since is None else (since - start).days,
        "" if first is None else answers[first][1].columns[0].column,
        max(answer.harm_nats for _, answer in answers[4:change]),
        max(answer.harm_nats for _, answer in answers[change:]),
    )


def report(kind: ScenarioKind | None, target: Target, walks: list[Walk]) -> str:
    """Return one line of the table."""
    concept = [walk.concept for walk in walks if walk.concept is not None]
    inputs = [walk.inputs for walk in walks if walk.inputs is not None]
    since = sorted(walk.since_days for walk in walks if walk.since_days is not None)
    names = sorted({walk.named for walk in walks if walk.named})
    before, after = (sorted(getattr(walk, name) for walk in walks) for name in ("harm_before", "harm_after"))
    return (
        f"{kind or 'none':12} {target.name:17} concept {len(concept):2}/{len(walks)} "
        f"days {min(concept, default=0):+3}..{max(concept, default=0):+3}  input {len(inputs):2}/{len(walks)} "
        f"days {min(inputs, default=0):+3}..{max(inputs, default=0):+3}  since {since[:1]}..{since[-1:]} d  "
        f"harm before <= {before[-1]:.4f}, after {after[0]:.4f} {after[len(after) // 2]:.4f} {after[-1]:.4f}  "
        f"{', '.join(names)}"
    )


def main() -> None:
    """Walk all seeds and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", default="1000-1009", help="first and last seed, from 1000 (default: %(default)s)")
    first, last = map(int, parser.parse_args().seeds.split("-"))
    if first < 1000:
        parser.error("seeds below 1000 belong to the final benchmark; choose seeds from 1000")
    walks: dict[tuple[ScenarioKind | None, str], list[Walk]] = {}
    for seed in range(first, last + 1):
        champions: dict[str, TrainedModel] = {}
        for kind in KINDS:
            tables, start = features(seed, kind)
            for target in TARGETS:
                champions[target.name] = champions.get(target.name) or train(target, tables[target.name])
                found = walk(target, champions[target.name], tables[target.name], start)
                walks.setdefault((kind, target.name), []).append(found)
        print(f"seed {seed}", flush=True)
    for kind in KINDS:
        for target in TARGETS:
            print(report(kind, target, walks[kind, target.name]))


if __name__ == "__main__":
    main()
