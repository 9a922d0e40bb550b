"""`/v1/predictions`: the receipt of an answer, from what was asked back to the raw files."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Path

from app.api.asking import UNANSWERED
from app.api.service import Service
from app.problems import Problem, responses
from parivision_assets.stores.atomic import StoreAbsentError, StoreDamagedError
from parivision_assets.stores.receipts import PredictionAbsentError, Receipt, receipt

PROBLEMS = {"no-such-prediction": "The log holds no prediction of this id. It is the prediction_id of an answer."}
PredictionId = Annotated[
    str, Path(pattern="^[0-9a-f]{32}$", description="The prediction_id of an answer", examples=["0" * 32])
]


_log = logging.getLogger("parivision.api")


@dataclass(frozen=True)
class ReceiptAnswer(Receipt):
    """A receipt, and where it comes from."""

    is_synthetic: bool
    """Whether this is the synthetic league, with invented players."""


def receipts_router(service: Service) -> APIRouter:
    """Return the route of receipts."""
    router = APIRouter(prefix="/v1/predictions", tags=["receipts"], responses=UNANSWERED)

    @router.get("/{prediction_id}", responses=responses({404: "There is no such prediction"}))
    def read_receipt(prediction_id: PredictionId) -> ReceiptAnswer:
        """Return everything behind an answer: inputs, features, model, promotion, runs, data, raw files, outcome."""
        try:
            found = receipt(service.home, prediction_id, in_words=unread)
        except PredictionAbsentError as error:
            words = str(error)
            detail = f"{words[:1].upper()}{words[1:]}."
            raise Problem(404, "no-such-prediction", "There is no such prediction", detail) from error
        return ReceiptAnswer(**vars(found), is_synthetic=service.is_synthetic)

    return router


def unread(error: StoreAbsentError | StoreDamagedError) -> str:
    """Return why a bundle cannot be read, in words for anybody; log the cause, which names files."""
    _log.error("a bundle behind an answer cannot be read: %s", error)
    if isinstance(error, StoreDamagedError):
        return "its bundle was changed after it was written"
    return "its bundle is no longer here"
