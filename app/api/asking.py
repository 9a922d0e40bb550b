"""From a request's bytes to an answer that is recorded: what all routes that predict share."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import orjson
from fastapi import Request
from pydantic import BaseModel, ValidationError

from app.api.service import Service
from app.problems import MOST_LISTED, Problem, all_invalid, invalid, not_json, responses
from parivision_assets.core.original_client import OriginalRequestError
from parivision_assets.core.questions import Answer, GameQuestion, ShotQuestion
from parivision_assets.serving.predictor import NotReadyError, QuestionError
from parivision_assets.serving.requests import LATE_EVENT
from parivision_assets.stores.prediction_log import LogEntry, new_prediction_id

UNANSWERED = responses(
    {401: "The key is missing or not valid", 429: "Too many requests", 503: "Not ready, or it cannot be recorded"}
)
"""What any route that needs a key may answer beside its own."""
INLINE_QUESTIONS = 8
"""More are answered in a thread, so that other requests go on meanwhile."""
Question = TypeVar("Question", ShotQuestion, GameQuestion)
Asked = TypeVar("Asked", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class Given:
    """A recorded answer."""

    prediction_id: str
    answer: Answer
    is_scorable: bool


def body_of(model: type[BaseModel]) -> dict[str, Any]:
    """Return the part of a route's OpenAPI description that declares its body."""
    schema = {"$ref": f"#/components/schemas/{model.__name__}"}
    return {"requestBody": {"required": True, "content": {"application/json": {"schema": schema}}}}


async def read(request: Request, model: type[Asked]) -> Asked:
    """Return the body as a model; raise the Problem not-json or invalid."""
    body = await request.body()
    try:
        return model.model_validate_json(body)
    except ValidationError as error:
        count = error.error_count()
        found = error.errors(include_url=False, include_input=False) if count <= MOST_LISTED else []
    if not found:
        raise all_invalid(count)
    if found[0]["type"] == "json_invalid":
        raise not_json(found[0]["msg"])
    raise invalid(found, "body")


async def answered(
    service: Service,
    request: Request,
    questions: Sequence[Question],
    predict: Callable[[Sequence[Question]], list[Answer]],
) -> list[Given]:
    """Predict and record; return once the answers are committed, so that none is sent that a crash could lose.

    Raises the Problem not-ready, log-full or log-unavailable, and QuestionError for a question that has no answer.
    """
    journal = service.opened_journal()
    try:
        if len(questions) <= INLINE_QUESTIONS:
            answers = predict(questions)
        else:
            answers = await asyncio.to_thread(predict, questions)
    except NotReadyError as error:
        raise service.not_ready([str(error)]) from error
    asked_at = service.home.clock().isoformat(timespec="milliseconds")
    client = request.scope.get("client_name", "")
    entries = [_entry(*pair, asked_at, client) for pair in zip(questions, answers, strict=True)]
    await journal.keep(entries)
    service.metrics.answers(answers)
    return [Given(entry.prediction_id, entry.answer, _is_scorable(entry)) for entry in entries]


def refusal(error: QuestionError | OriginalRequestError, *place: str | int) -> Problem:
    """Return the answer to a question that breaks a rule between its fields; `place` is where it was in the body."""
    return invalid([{"loc": ("body", *place, error.field), "msg": f"{error.rule}. {error.advice}"}])


def _entry(question: ShotQuestion | GameQuestion, answer: Answer, asked_at: str, client: str) -> LogEntry:
    text = orjson.dumps(question).decode()
    prediction_id = new_prediction_id()
    if isinstance(question, ShotQuestion):
        event = question.event
        if event is None:
            return LogEntry(prediction_id, asked_at, answer, text, client=client)
        return LogEntry(prediction_id, asked_at, answer, text, event.key, str(event.game_id), event.game_date, client)
    key = question.game_key
    date = None if key is None else question.game_date
    return LogEntry(prediction_id, asked_at, answer, text, key, key, date, client)


def _is_scorable(entry: LogEntry) -> bool:
    # Predicting closes with the platform's own date: what is asked about that day or before is a what-if.
    return entry.event is not None and LATE_EVENT not in entry.answer.flags


async def contributions(service: Service, question: Question, answer: Answer, lang: str) -> list[dict[str, Any]]:
    """Return what each input contributed, in words of a language."""
    parts = await asyncio.to_thread(service.predictor.explain, question, answer)
    return [{"input": part.input, "points": part.points, "words": part.words[lang]} for part in parts]
