"""Answers about shots from one snapshot: many at once, by the same expressions that training computes."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

import numpy as np
import polars as pl

from parivision_assets.core import history, interval
from parivision_assets.core.calibration import sigmoid
from parivision_assets.core.features import select_features
from parivision_assets.core.questions import Answer, ShotQuestion
from parivision_assets.core.shot_features import FEATURES, REQUEST_SCHEMA, complete_requests
from parivision_assets.core.targets import SHOT_POST_EVENT, SHOT_PRE_RELEASE
from parivision_assets.serving.requests import ShotRequest, shot_request
from parivision_assets.serving.rules import check_shot
from parivision_assets.serving.snapshot import NotReadyError, ServedModel, ServedState, Snapshot

CELL_ATTEMPTS = "league_cell_attempts_recent"
SHOOTER_ATTEMPTS = "shooter_attempts_long"


def target_of(question: ShotQuestion) -> str:
    """Return the target that answers a question: the post-event one where the shot is described."""
    return (SHOT_PRE_RELEASE if question.action_type is None else SHOT_POST_EVENT).name


def answer_shots(snapshot: Snapshot, questions: Sequence[ShotQuestion]) -> list[Answer]:
    """Return one answer per question, in order.

    Raises QuestionError for the first that cannot be answered, NotReadyError without a champion or a state of shots.
    """
    for question in questions:
        check_shot(question)
    answers: dict[int, Answer] = {}
    for target in {target_of(question) for question in questions}:
        places = [place for place, question in enumerate(questions) if target_of(question) == target]
        asked = [questions[place] for place in places]
        found = _answers(snapshot.champion(target), snapshot.known_state(), asked)
        answers |= zip(places, found, strict=True)
    return [answers[place] for place in range(len(questions))]


def _answers(model: ServedModel, state: ServedState, questions: Sequence[ShotQuestion]) -> list[Answer]:
    if state.shots is None:
        raise NotReadyError("the serving state knows no shots: land a season of shots, then materialise serving_state")
    known_until = max(model.trained_until, state.as_of - dt.timedelta(days=1))
    requests = [shot_request(question, state, known_until) for question in questions]
    frame = request_frame([request.columns for request in requests])
    context = history.join_state(complete_requests(frame, state.as_of), state.shots)
    rows = select_features(context, FEATURES, [])
    trained = model.trained
    matrix = trained.encoder.matrix(rows)
    withheld = trained.encoder.withheld(matrix)
    sets = withheld.astype(np.int64) @ (1 << np.arange(withheld.shape[1], dtype=np.int64))
    logit = trained.calibration.apply(trained.predictor.logit(matrix), withheld) + trained.offset.logit(rows)
    probability = sigmoid(logit)
    answers = []
    for place, request in enumerate(requests):
        low, high = interval.shot_interval(
            float(logit[place]), int(sets[place]), context[SHOOTER_ATTEMPTS][place], context[CELL_ATTEMPTS][place],
            trained.calibration,
        )  # fmt: skip
        value = int(context["points_value"][place])
        answers.append(
            _answer(model, state, request, float(probability[place]), (low, high), value, matrix[place].tobytes())
        )
    return answers


def request_frame(requests: Sequence[dict[str, object]]) -> pl.DataFrame:
    """Return requests as a frame of REQUEST_SCHEMA; absent columns are null."""
    return pl.DataFrame(
        {
            name: pl.Series(name, [request.get(name) for request in requests], dtype)
            for name, dtype in REQUEST_SCHEMA.items()
        }
    )


def _answer(
    model: ServedModel, state: ServedState, request: ShotRequest, probability: float, ends: tuple[float, float],
    points_value: int, features: bytes,
) -> Answer:  # fmt: skip
    return Answer(
        target=model.target,
        probability=probability,
        low=ends[0],
        high=ends[1],
        points_value=points_value,
        is_known=request.is_known,
        flags=request.flags,
        model=model.digest,
        decision=model.decision,
        state=state.digest,
        as_of=max(model.trained_until, state.as_of - dt.timedelta(days=1)),
        features=features,
    )
