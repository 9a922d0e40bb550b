"""`/v1/shots`: probabilities of shots, one or up to a thousand at a time."""

from __future__ import annotations

from collections.abc import Sequence

from fastapi import APIRouter, Request
from fastapi.responses import Response

from app.api.answers import BatchAnswer, SinglePredictionAnswer, as_json, prediction
from app.api.asking import UNANSWERED, Given, answered, body_of, contributions, read, refusal
from app.api.requests import ShotBatch, ShotRequest
from app.api.service import Service
from app.problems import invalid
from parivision_assets.core.questions import ShotQuestion
from parivision_assets.serving.predictor import QuestionError

MAX_EXPLAINED = 10
"""An explanation asks the model thousands of questions."""


def shots_router(service: Service) -> APIRouter:
    """Return the routes about shots."""
    router = APIRouter(prefix="/v1/shots", tags=["shots"], responses=UNANSWERED)

    @router.post("/predict", response_model=SinglePredictionAnswer, openapi_extra=body_of(ShotRequest))
    async def predict_shot(request: Request) -> Response:
        """Say how likely a shot is to go in. Only its spot is needed; what else is known makes it sharper."""
        asked = await read(request, ShotRequest)
        question = asked.question()
        try:
            (given,) = await answered(service, request, [question], service.predictor.shots)
        except QuestionError as error:
            raise refusal(error) from error
        return as_json(await shown(service, asked, question, given, is_synthetic=service.is_synthetic))

    @router.post("/predict-batch", response_model=BatchAnswer, openapi_extra=body_of(ShotBatch))
    async def predict_shots(request: Request) -> Response:
        """Say so for up to 1,000 shots, in their order, all by the same champions and the same state."""
        batch = (await read(request, ShotBatch)).shots
        _check_explained(batch)
        questions = [asked.question() for asked in batch]
        try:
            answers = await answered(service, request, questions, service.predictor.shots)
        except QuestionError as error:
            raise refusal(error, "shots", error.place) from error
        rows = zip(batch, questions, answers, strict=True)
        predictions = [await shown(service, *row) for row in rows]
        return as_json({"is_synthetic": service.is_synthetic, "predictions": predictions})

    return router


def _check_explained(batch: Sequence[ShotRequest]) -> None:
    places = [place for place, asked in enumerate(batch) if asked.explain]
    if len(places) > MAX_EXPLAINED:
        rule = f"at most {MAX_EXPLAINED} shots of a batch are explained"
        raise invalid([{"loc": ("body", "shots", places[MAX_EXPLAINED], "explain"), "msg": rule}])


async def shown(
    service: Service,
    asked: ShotRequest,
    question: ShotQuestion,
    given: Given,
    *,
    is_synthetic: bool | None = None,
) -> dict[str, object]:
    """Return a recorded answer as it is sent, explained if that was asked; a batch says once where it comes from."""
    parts = await contributions(service, question, given.answer, asked.lang) if asked.explain else None
    return prediction(
        given.prediction_id,
        given.answer,
        is_scorable=given.is_scorable,
        is_synthetic=is_synthetic,
        contributions=parts,
    )
