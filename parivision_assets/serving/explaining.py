"""Contributions of a served answer's inputs: the model is asked again with every subset of them.

Off the path of an answer: two to the number of inputs rows, in one batch. Words and arithmetic: `core.explanation`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import polars as pl

from parivision_assets.core.encoding import Matrix
from parivision_assets.core.explanation import (
    AVERAGE_SHOT,
    EVEN_GAME,
    GAME_GROUPS,
    SHOT_GROUPS,
    Contribution,
    Group,
    Words,
    coalitions,
    explained,
    group_of,
    place_words,
    shapley,
)
from parivision_assets.core.history import State
from parivision_assets.core.questions import Answer, GameQuestion, ShotQuestion
from parivision_assets.core.training import TrainedModel

USUAL_RATE = 0.46
"""The league's make rate where a state remembers no shot."""


def contributions(
    model: TrainedModel, shots: State | None, question: ShotQuestion | GameQuestion, answer: Answer
) -> list[Contribution]:
    """Return what each input of an answer contributed, see `shot_contributions` and `game_contributions`."""
    if isinstance(question, ShotQuestion):
        return shot_contributions(model, shots, question, answer)
    return game_contributions(model, answer)


def shot_contributions(
    model: TrainedModel, shots: State | None, question: ShotQuestion, answer: Answer
) -> list[Contribution]:
    """Return what each input of a shot's answer contributed: the average shot first, then the largest.

    `model` is the one that answered (its bundle's digest is `answer.model`), `shots` the state's memory of shots.
    Points are percentage points; together they are 100 times the probability.
    """
    average = league_rate(shots)
    matrix = np.frombuffer(answer.features, dtype="<f4").reshape(1, -1)
    (place, _, from_there), *others = _parts(model, SHOT_GROUPS, matrix, _logit(average))
    words = place_words(math.hypot(question.x_ft, question.y_ft), answer.points_value)
    parts = [(place, words, from_there), *others, *_tracking(model, question)]
    return explained(average, AVERAGE_SHOT, answer.probability, parts)


def game_contributions(model: TrainedModel, answer: Answer) -> list[Contribution]:
    """Return what each input contributed to the home team's chance: an even game first, then the largest."""
    matrix = np.frombuffer(answer.features, dtype="<f4").reshape(1, -1)
    # Outside the playoffs there is no series, and that tells nothing.
    is_playoffs = "is_playoffs" in model.encoder.names and matrix[0, model.encoder.names.index("is_playoffs")] == 1
    silent = () if is_playoffs else ("series",)
    return explained(0.5, EVEN_GAME, answer.probability, _parts(model, GAME_GROUPS, matrix, 0.0, silent))


def league_rate(shots: State | None) -> float:
    """Return the league's make rate over the last weeks, all shots together."""
    if shots is None:
        return USUAL_RATE
    cells = shots.frames["league_cell"]
    attempts = float(cells["league_cell_attempts_recent"].sum())
    return float(cells["league_cell_makes_recent"].sum()) / attempts if attempts > 0 else USUAL_RATE


def _parts(
    model: TrainedModel, groups: Sequence[Group], matrix: Matrix, start: float, silent: Sequence[str] = ()
) -> list[tuple[str, Words, float]]:
    """Return (input, words, log-odds) of every group with a value, the always known one first.

    The silent ones are told with it.
    """
    columns: dict[str, list[int]] = {}
    for index, name in enumerate(model.encoder.names):
        columns.setdefault(group_of(groups, name).name, []).append(index)
    known, *others = [group for group in groups if group.name in columns and group.name not in silent]
    given = [group for group in others if not np.isnan(matrix[0, columns[group.name]]).all()]
    told = coalitions(len(given))
    rows = np.repeat(matrix, len(told), axis=0)
    for place, group in enumerate(given):
        rows[np.flatnonzero(~told[:, place])[:, None], columns[group.name]] = np.nan
    withheld = model.encoder.withheld(rows)
    # What needs a context is withheld with it, as in training.
    rows = model.encoder.withhold(rows, withheld)
    values = model.calibration.apply(model.predictor.logit(rows), model.encoder.withheld(rows))
    shares = shapley(values)
    first = (known.name, known.words, float(values[0]) - start)
    return [first, *((group.name, group.words, float(share)) for group, share in zip(given, shares, strict=True))]


def _tracking(model: TrainedModel, question: ShotQuestion) -> list[tuple[str, Words, float]]:
    """Return what defender and shot clock add, each where it was given."""
    frame = pl.DataFrame({"spot_distance_ft": [math.hypot(question.x_ft, question.y_ft)]})
    asked = {"defender_distance_ft": question.defender_distance_ft, "shot_clock_s": question.shot_clock_s}
    return [
        (group.name, group.words, float(model.offset.logit(frame.with_columns(pl.lit(value).alias(name)))[0]))
        for name, value in asked.items()
        if value is not None and model.offset.seasons
        for group in [group_of(SHOT_GROUPS, name)]
    ]


def _logit(probability: float) -> float:
    return math.log(probability / (1.0 - probability))
