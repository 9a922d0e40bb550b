"""What one shot and a thousand cost the predictor, by the ways there are, on one home's champions in one run.

    python benchmarks/single_row.py --home .parivision

Prints the best and the median of several rounds, and ratios: trees in ONNX Runtime against XGBoost's own
`inplace_predict` (with their largest difference on 100,000 rows), compiled rows against frames of Polars, and answers.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import polars as pl

from parivision_assets.core import in_game
from parivision_assets.core.families import BoosterPredictor
from parivision_assets.core.questions import GameQuestion, GameSoFar, ShotQuestion
from parivision_assets.core.shot_features import features_from_state
from parivision_assets.serving import shots as answering
from parivision_assets.serving.predictor import Predictor
from parivision_assets.serving.requests import shot_request
from parivision_assets.serving.rules import check_shot
from parivision_assets.serving.shot_rows import context_row, feature_values
from parivision_assets.settings import Settings
from parivision_assets.stores.bundled_models import MODEL_FOLDER
from parivision_assets.stores.home import Home

ROUNDS = 9
EQUAL_ROWS = 100_000
BATCH = 1_000
TARGET = "shot_post_event"


def timed(name: str, action: Callable[[], object], times: int) -> float:
    """Print and return the best microseconds of one call, over rounds of several calls."""
    taken = []
    for _ in range(ROUNDS):
        start = time.perf_counter()
        for _ in range(times):
            action()
        taken.append((time.perf_counter() - start) / times * 1e6)
    print(f"{name:<52}{min(taken):>12,.1f}{statistics.median(taken):>12,.1f}")
    return min(taken)


def season_questions(home: Home) -> list[ShotQuestion]:
    """Return questions with everything that the newest season's shots say, where their spot is known."""
    season = home.tables.partitions("validated_shots")[-1]
    rows = in_game.with_earlier_events(home.tables.read("validated_shots", [season]))
    rows = rows.filter(pl.col("spot_x_ft").is_not_null()).sample(BATCH, seed=1)
    names = ("player_id", "team", "opponent", "is_home", "quarter", "clock_s", "fg_margin_pts", "action_type")
    return [
        ShotQuestion(
            x_ft=row["spot_x_ft"],
            y_ft=row["spot_y_ft"],
            so_far=GameSoFar(**{name: row[name] for name in GameSoFar.__slots__}),
            **{name: row[name] for name in names},
        )
        for row in rows.iter_rows(named=True)
    ]


def trees(home: Home, predictor: Predictor, rows: npt.NDArray[np.float32]) -> None:
    """Compare ONNX Runtime with XGBoost on the champion's trees, each with one thread."""
    model = predictor.snapshot.champion(TARGET)
    files = home.bundles.read_bundle(model.digest).files
    if f"{MODEL_FOLDER}{BoosterPredictor.FILE}" not in files:
        print(f"the champion of {TARGET} has no trees")
        return
    own = {name.removeprefix(MODEL_FOLDER): data for name, data in files.items()}
    booster = BoosterPredictor.from_files(own, rows.shape[1])
    booster.booster.set_param({"nthread": 1})
    rng = np.random.default_rng(2)
    many = rows[rng.integers(0, len(rows), EQUAL_ROWS)] * rng.normal(1, 0.02, (EQUAL_ROWS, rows.shape[1]))
    many = many.astype(np.float32)
    many[rng.random(many.shape) < 0.1] = np.nan
    gap = float(np.abs(booster.logit(many) - model.trained.predictor.logit(many)).max())
    print(f"largest difference of log-odds on {EQUAL_ROWS:,} rows: {gap:.2g}")
    for count, times in ((1, 300), (BATCH, 5)):
        some = many[:count]
        slow = timed(f"trees, {count} row(s), XGBoost", lambda some=some: booster.logit(some), times)
        quick = timed(
            f"trees, {count} row(s), ONNX Runtime", lambda some=some: model.trained.predictor.logit(some), times
        )
        print(f"{'':<8}ratio {slow / quick:.1f}")


def rows_and_frames(predictor: Predictor, questions: list[ShotQuestion]) -> None:
    """Compare the features of one shot by compiled rows with those by frames, step by step."""
    state = predictor.snapshot.known_state()
    model = predictor.snapshot.champion(TARGET)
    shots, memories, question = state.shots, state.memories, questions[0]
    if shots is None or memories is None:
        return
    columns = shot_request(question, state, state.as_of).columns
    context = context_row(columns, memories)
    values = feature_values(context)
    timed("one shot: rules", lambda: check_shot(question), 300)
    timed("one shot: request", lambda: shot_request(question, state, state.as_of), 300)
    first = timed("one shot: memories and places", lambda: context_row(columns, memories), 300)
    second = timed("one shot: features", lambda: feature_values(context), 300)
    timed("one shot: encoding", lambda: model.rows.encode(values), 300)
    frame = answering.request_frame([columns])
    framed = timed("one shot: the same by frames", lambda: features_from_state(frame, shots), 10)
    print(f"{'':<8}ratio {framed / (first + second):.0f}")


def answers(predictor: Predictor, questions: list[ShotQuestion]) -> None:
    """Measure whole answers: one shot, one game, and a thousand shots by rows and by frames."""
    alone = [questions[0]]
    spot = [ShotQuestion(alone[0].x_ft, alone[0].y_ft)]
    tracked = [replace(alone[0], defender_distance_ft=4.0, shot_clock_s=12.0)]
    timed("answer: one shot, its spot only", lambda: predictor.shots(spot), 200)
    timed("answer: one shot, everything but tracking", lambda: predictor.shots(alone), 200)
    timed("answer: one shot, everything", lambda: predictor.shots(tracked), 200)
    teams = sorted({team for question in questions for team in (question.team, question.opponent) if team})
    timed("answer: one game", lambda: predictor.games([GameQuestion(teams[0], teams[1])]), 100)
    usual = answering.FRAMES_FROM
    for count in (30, 100, 300, BATCH):
        for name, first in (("rows", BATCH + 1), ("frames", 1)):
            answering.FRAMES_FROM = first
            timed(f"answer: {count} shots by {name}", lambda count=count: predictor.shots(questions[:count]), 3)
    answering.FRAMES_FROM = usual


def main() -> None:
    """Measure one home's champions."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--home", type=Path, default=Path(".parivision"), help="a home with champions")
    home = Home(Settings(home=parser.parse_args().home))
    start = time.perf_counter()
    predictor = Predictor.open(home)
    print(f"opened in {time.perf_counter() - start:.2f} s")
    questions = season_questions(home)
    print(f"{'microseconds':<52}{'best':>12}{'median':>12}")
    features = [answer.features for answer in predictor.shots(questions)]
    trees(home, predictor, np.stack([np.frombuffer(row, dtype="<f4") for row in features]))
    rows_and_frames(predictor, questions)
    answers(predictor, questions)


if __name__ == "__main__":
    main()
