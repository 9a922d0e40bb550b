"""The original API's three addresses, so that its clients keep working: same requests, the probability added.

What its seven numbers mean is `core.original_client`'s.
"""

from __future__ import annotations

import datetime as dt
import re
from typing import Annotated, Literal

from fastapi import APIRouter, Request
from fastapi.responses import Response
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, JsonValue, WithJsonSchema

from app.api.answers import SYNTHETIC, SinglePredictionAnswer, as_json, prediction
from app.api.asking import UNANSWERED, answered, body_of, read, refusal
from app.api.service import Service
from parivision_assets.core.original_client import OriginalRequestError, to_question
from parivision_assets.serving.predictor import NotReadyError, QuestionError

ORIGINAL_EXAMPLE: dict[str, JsonValue] = {
    "Player_ID": 201939,
    "X_Location": -224,
    "Y_Location": 35,
    "Total_Seconds_Remaining": 31,
    "Shot_Type_Encoded": 3,
    "Shot_Distance_Meters": 6.9,
    "Shot_Zone_Combined": 6,
}
TARGET = "shot_pre_release"
_TEXT = re.compile(r"-?[0-9]{1,19}(\.[0-9]{1,19})?")


def _as_number(value: object) -> object:
    """Return what the original took for a number: digits as text, and a whole number written with a point."""
    if isinstance(value, str) and _TEXT.fullmatch(value):
        value = float(value) if "." in value else int(value)
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _number(kind: str) -> WithJsonSchema:
    return WithJsonSchema({"anyOf": [{"type": kind}, {"type": "string", "pattern": f"^{_TEXT.pattern}$"}]})


Whole = Annotated[int, BeforeValidator(_as_number), _number("integer")]
Measure = Annotated[float, BeforeValidator(_as_number), _number("number")]


class OriginalRequest(BaseModel):
    """A shot as the original API's clients describe it."""

    model_config = ConfigDict(
        strict=True, allow_inf_nan=False, frozen=True, json_schema_extra={"examples": [ORIGINAL_EXAMPLE]}
    )

    Player_ID: Whole = Field(description="Publisher's player number; 0 names nobody")
    X_Location: Measure = Field(description="Across the court from the hoop, in tenths of feet, negative on the left")
    Y_Location: Measure = Field(description="From the hoop towards half-court, in tenths of feet")
    Total_Seconds_Remaining: Measure = Field(description="Seconds left in the period")
    Shot_Type_Encoded: Whole = Field(description="2 or 3 points; 0 other")
    Shot_Distance_Meters: Measure = Field(description="Distance from the hoop, in metres")
    Shot_Zone_Combined: Whole = Field(
        description="1 restricted area, 2 paint, 3 mid-range left or left-centre, 4 other mid-range, 5 above the "
        "break, 6 corner, 7 backcourt, 0 other"
    )


class OriginalAnswer(SinglePredictionAnswer):
    """What the original API answered, and the probability with everything that belongs to it."""

    prediction: Literal[0, 1] = Field(description="1 where the shot is more likely to go in than not")


class Welcome(BaseModel):
    """What answers here."""

    message: str
    docs: str = Field(description="Where the addresses are described")
    is_synthetic: bool = Field(description=SYNTHETIC)


class ChampionInfos(BaseModel):
    """The champion that answers `POST /predict`."""

    model_name: str
    model_version: int = Field(description="Number of the ledger's entry by which it is champion")
    model: str = Field(description="Digest of its bundle")
    trained_until: dt.date


def original_router(service: Service) -> APIRouter:
    """Return the original API's routes."""
    router = APIRouter(tags=["original API"], responses=UNANSWERED)

    @router.get("/")
    async def welcome() -> Welcome:
        """Say what answers here."""
        return Welcome(message="PariVision API", docs="/docs", is_synthetic=service.is_synthetic)

    @router.get("/get_champion_infos")
    async def champion_infos() -> ChampionInfos:
        """Say which model answers `POST /predict`; GET /v1/champions says more."""
        try:
            model = service.predictor.snapshot.champion(TARGET)
        except NotReadyError as error:
            raise service.not_ready([str(error)]) from error
        return ChampionInfos(
            model_name=TARGET,
            model_version=model.decision,
            model=model.digest,
            trained_until=model.trained_until,
        )

    @router.post("/predict", response_model=OriginalAnswer, openapi_extra=body_of(OriginalRequest))
    async def predict(request: Request) -> Response:
        """Predict a shot from the original's seven numbers. New clients use POST /v1/shots/predict."""
        asked = await read(request, OriginalRequest)
        try:
            question = to_question(asked.model_dump())
            (given,) = await answered(service, request, [question], service.predictor.shots)
        except (QuestionError, OriginalRequestError) as error:
            raise refusal(error) from error
        shown = prediction(
            given.prediction_id, given.answer, is_scorable=given.is_scorable, is_synthetic=service.is_synthetic
        )
        return as_json({"prediction": int(given.answer.probability >= 0.5), **shown})

    return router
