"""What is answered: the shape of each answer as the OpenAPI document declares it, and predictions as bytes.

Predictions are written from the predictor's own objects, since a model per answer would cost as much as predicting.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Any

import orjson
from fastapi.responses import Response
from pydantic import BaseModel, Field

from parivision_assets.core.questions import Answer


class ContributionAnswer(BaseModel):
    """How much one input moved the probability."""

    input: str = Field(description="Name of the input; `average` is where the sum starts")
    points: float = Field(description="Percentage points; they sum to the probability")
    words: str = Field(description="The input as a fan knows it")


class PredictionAnswer(BaseModel):
    """A probability and what is needed to check it later."""

    prediction_id: str = Field(description="Names the answer; GET /v1/predictions/{prediction_id} is its receipt")
    target: str = Field(description="Who answered: shot_pre_release, shot_post_event or game")
    probability: float = Field(ge=0, le=1, description="That the shot goes in, or that the home team wins")
    low: float = Field(ge=0, le=1, description="Lower end of the 90 % interval for the true probability")
    high: float = Field(ge=0, le=1, description="Upper end of that interval")
    points_value: int | None = Field(description="Points if made; null for a game")
    expected_points: float | None = Field(description="Points times probability; null for a game")
    is_known: bool | None = Field(description="Whether the shooter, or both teams, are known; null if nobody was named")
    flags: list[str] = Field(description="What to know of it: unknown_player, unknown_team, unseen_action, …")
    is_scorable: bool = Field(description="Whether it waits for an outcome: its event was named in time")
    model: str = Field(description="Digest of the champion's bundle")
    decision: int = Field(description="Number of the ledger's entry by which it is champion")
    state: str = Field(description="Digest of the state of players and teams")
    as_of: dt.date = Field(description="Newest date whose outcomes the answer may know")
    contributions: list[ContributionAnswer] | None = Field(default=None, description="If `explain` was asked")


SYNTHETIC = "Whether this is the synthetic league, with invented players"


class SinglePredictionAnswer(PredictionAnswer):
    """The answer to one question, and where it comes from."""

    is_synthetic: bool = Field(description=SYNTHETIC)


class BatchAnswer(BaseModel):
    """The answers, in the order of the questions."""

    is_synthetic: bool = Field(description=SYNTHETIC)
    predictions: list[PredictionAnswer]


def prediction(
    prediction_id: str,
    answer: Answer,
    *,
    is_scorable: bool,
    is_synthetic: bool | None = None,
    contributions: Sequence[Any] | None = None,
) -> dict[str, Any]:
    """Return one prediction, ready for `as_json`; with `is_synthetic` as SinglePredictionAnswer declares it."""
    shown = {
        "prediction_id": prediction_id,
        "target": answer.target,
        "probability": answer.probability,
        "low": answer.low,
        "high": answer.high,
        "points_value": answer.points_value,
        "expected_points": answer.expected_points,
        "is_known": answer.is_known,
        "flags": answer.flags,
        "is_scorable": is_scorable,
        "model": answer.model,
        "decision": answer.decision,
        "state": answer.state,
        "as_of": answer.as_of,
    }
    if is_synthetic is not None:
        shown["is_synthetic"] = is_synthetic
    if contributions is not None:
        shown["contributions"] = contributions
    return shown


def as_json(content: Any, status: int = 200) -> Response:
    """Return a JSON response."""
    return Response(orjson.dumps(content), status, media_type="application/json")
