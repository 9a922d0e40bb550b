"""Answers about shots from one snapshot: one by plain Python, many by frames of Polars, to the same bits."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl

from parivision_assets.core import history, interval
from parivision_assets.core.calibration import sigmoid
from parivision_assets.core.features import select_features
from parivision_assets.core.questions import Answer, ShotQuestion
from parivision_assets.core.shot_features import REQUEST_SCHEMA, complete_requests
from parivision_assets.core.targets import SHOT_POST_EVENT, SHOT_PRE_RELEASE
from parivision_assets.serving.models import ServedModel, chance_of
from parivision_assets.serving.requests import ShotRequest, shot_request
from parivision_assets.serving.rules import QuestionError, check_shot
from parivision_assets.serving.shot_rows import NAMES, context_row, feature_values
from parivision_assets.serving.snapshot import NotReadyError, ServedState, Snapshot

FRAMES_FROM = 50
"""Questions from which on frames are quicker than rows, by `benchmarks/single_row.py`."""

SHOOTER_ATTEMPTS, CELL_ATTEMPTS = "shooter_attempts_long", "league_cell_attempts_recent"
DEFENDER, SHOT_CLOCK, DISTANCE = (
    NAMES.index(name) for name in ("defender_distance_ft", "shot_clock_s", "spot_distance_ft")
)


@dataclass(frozen=True, slots=True)
class _Result:
    """What was computed for one request."""

    features: bytes
    withheld_set: int
    logit: float
    probability: float
    points_value: int
    shooter_attempts: float | None
    cell_attempts: float | None


def target_of(question: ShotQuestion) -> str:
    """Return the target that answers a question: the post-event one where the shot is described."""
    return (SHOT_PRE_RELEASE if question.action_type is None else SHOT_POST_EVENT).name


def answer_shots(snapshot: Snapshot, questions: Sequence[ShotQuestion]) -> list[Answer]:
    """Return one answer per question, in order.

    Raises QuestionError for the first that cannot be answered, NotReadyError without a champion or a state of shots.
    """
    for place, question in enumerate(questions):
        try:
            check_shot(question, snapshot.as_of)
        except QuestionError as error:
            error.place = place
            raise
    targets = [target_of(question) for question in questions]
    found: dict[int, Answer] = {}
    for target in dict.fromkeys(targets):
        places = [place for place, other in enumerate(targets) if other == target]
        asked = [questions[place] for place in places]
        found |= zip(places, _answers(snapshot.champion(target), snapshot.known_state(), asked), strict=True)
    return [found[place] for place in range(len(questions))]


def _answers(model: ServedModel, state: ServedState, questions: Sequence[ShotQuestion]) -> list[Answer]:
    if state.shots is None:
        raise NotReadyError("the serving state knows no shots: land a season of shots, then materialise serving_state")
    known_until = state.known_until(model)
    requests = [shot_request(question, state, known_until) for question in questions]
    columns = [request.columns for request in requests]
    if len(requests) < FRAMES_FROM:
        results = [by_row(model, state, one) for one in columns]
    else:
        results = by_frame(model, state, columns)
    return [_answer(model, state, *pair) for pair in zip(requests, results, strict=True)]


def by_row(model: ServedModel, state: ServedState, request: dict[str, Any]) -> _Result:
    """Return what the model says of one request, see `requests`; the state knows shots."""
    assert state.memories is not None  # noqa: S101 - for the type checker; `_answers` refuses such a state
    context = context_row(request, state.memories)
    values = feature_values(context)
    features, withheld_set = model.rows.encode(values)
    added = model.trained.offset.logit_of_one(values[DEFENDER], values[SHOT_CLOCK], values[DISTANCE])
    logit = model.logit(features, withheld_set, added)
    return _Result(
        features, withheld_set, logit, chance_of(logit), context["points_value"], context[SHOOTER_ATTEMPTS],
        context[CELL_ATTEMPTS],
    )  # fmt: skip


def by_frame(model: ServedModel, state: ServedState, requests: Sequence[dict[str, Any]]) -> list[_Result]:
    """Return what the model says of each request, the same bits as `by_row`."""
    assert state.shots is not None  # noqa: S101 - as above
    completed = complete_requests(request_frame(requests), state.as_of)
    context = history.join_state(completed, state.shots, model.read | {SHOOTER_ATTEMPTS, CELL_ATTEMPTS})
    rows = select_features(context, model.features, [])
    encoder = model.trained.encoder
    matrix = encoder.matrix(rows)
    sets = encoder.withheld(matrix) @ (1 << np.arange(len(encoder.optional_contexts)))
    logit = model.logits(matrix, model.trained.offset.logit(rows))
    data, width = matrix.astype("<f4", copy=False).tobytes(), matrix.shape[1] * matrix.itemsize
    features = [data[start : start + width] for start in range(0, len(data), width)]
    columns = [context[name].to_list() for name in ("points_value", SHOOTER_ATTEMPTS, CELL_ATTEMPTS)]
    results = zip(features, sets.tolist(), logit.tolist(), sigmoid(logit).tolist(), *columns, strict=True)
    return [_Result(*result) for result in results]


def request_frame(requests: Sequence[dict[str, Any]]) -> pl.DataFrame:
    """Return requests as a frame; columns of REQUEST_SCHEMA that none of them has are absent."""
    given = set[str]().union(*requests)
    return pl.DataFrame(
        {
            name: pl.Series(name, [request.get(name) for request in requests], dtype)
            for name, dtype in REQUEST_SCHEMA.items()
            if name in given
        }
    )


def _answer(model: ServedModel, state: ServedState, request: ShotRequest, result: _Result) -> Answer:
    low, high = interval.shot_interval(
        result.logit, result.withheld_set, result.shooter_attempts, result.cell_attempts, model.trained.calibration
    )
    return Answer(
        target=model.target,
        probability=result.probability,
        low=low,
        high=high,
        points_value=result.points_value,
        is_known=request.is_known,
        flags=request.flags,
        model=model.digest,
        decision=model.decision,
        state=state.digest,
        as_of=state.known_until(model),
        features=result.features,
    )
