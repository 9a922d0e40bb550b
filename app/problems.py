"""Errors as RFC 9457 problem documents, for every service: the exception, the handlers, the guard, the OpenAPI part.

A service raises `Problem`, calls `install` once, and every answer that is not a success then is
`application/problem+json` in words that say what to do next. Which problems a service has is its own.
"""

from __future__ import annotations

import html
import logging
import re
import secrets
from collections.abc import Awaitable, Callable, Mapping, MutableMapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

import orjson
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import HTMLResponse, Response
from pydantic import BaseModel, ConfigDict, Field
from starlette.exceptions import HTTPException

MEDIA_TYPE = "application/problem+json"
SHOWN_ERRORS = 20
"""A batch may hold thousands of wrong values; the first ones are enough to find the mistake."""
MOST_LISTED = 10_000
"""A row of a batch breaks a few rules at most. Pydantic lists all errors or none, at some microseconds each."""
COMMON: Mapping[str, str] = {
    "invalid": "A value breaks a rule. `errors` names each field and its rule; correct them and send again.",
    "not-json": "The body is not JSON. Send one JSON document in UTF-8.",
    "not-found": "There is nothing at this address. The addresses are listed at /docs.",
    "method-not-allowed": "This address takes other methods; the header Allow lists them.",
    "too-large": "The body is larger than this service reads; `limit_bytes` says how much. Send less at a time.",
    "unsupported-media-type": "Bodies are JSON. Send the header Content-Type: application/json.",
    "internal": "A fault of the service, which is recorded under `request_id`. Try again; report the id if it stays.",
    "error": "What was asked cannot be done; `detail` says why.",
}
"""Kinds of problem that any service may answer, and what to do about each."""
_SANE_ID = re.compile(rb"[A-Za-z0-9._-]{1,64}")
_log = logging.getLogger("parivision.http")

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]


class FieldError(BaseModel):
    """One value that breaks a rule."""

    place: str = Field(description="Where it was sent: body, query, path or header")
    field: str = Field(description="Path of the value, such as shots[3].x_ft; empty for the whole")
    rule: str = Field(description="The rule that it breaks")


class ProblemDocument(BaseModel):
    """An error as RFC 9457 writes it; further members depend on the kind."""

    model_config = ConfigDict(extra="allow", title="Problem")

    type: str = Field(description="The kind, as a link to its description", examples=["/problems#invalid"])
    title: str = Field(description="The kind in words, the same each time")
    status: int = Field(description="The HTTP status")
    detail: str = Field(description="What happened this time, and what to do next")
    request_id: str | None = Field(default=None, description="Names this request in the service's log")
    errors: list[FieldError] | None = Field(default=None, description="Every value that breaks a rule, if that is why")


class Problem(HTTPException):
    """An answer that is not a success.

    `slug` names the kind and must be in the catalogue given to `install` (or in `COMMON`); `title` says the kind in
    words, the same each time; `detail` what happened and what to do next. `extra` become members of the document.
    """

    def __init__(
        self,
        status: int,
        slug: str,
        title: str,
        detail: str,
        *,
        headers: Mapping[str, str] | None = None,
        **extra: Any,
    ) -> None:
        """Keep what the document will say."""
        super().__init__(status, detail, headers)
        self.status, self.slug, self.title, self.extra = status, slug, title, extra

    def response(self, request_id: str | None = None) -> Response:
        """Return the problem document as a response."""
        document = {
            "type": f"/problems#{self.slug}",
            "title": self.title,
            "status": self.status,
            "detail": self.detail,
            **({} if request_id is None else {"request_id": request_id}),
            **self.extra,
        }
        return Response(orjson.dumps(document), self.status, self.headers, MEDIA_TYPE)


@dataclass(slots=True)
class _Headers:
    """What the guard looks at, read in one pass."""

    request_id: bytes = b""
    content_type: bytes = b""
    length: bytes | None = None
    is_chunked: bool = False

    @classmethod
    def of(cls, scope: Scope) -> _Headers:
        found = cls()
        for name, value in scope["headers"]:
            if name == b"content-type":
                found.content_type = value
            elif name == b"content-length":
                found.length = value
            elif name == b"transfer-encoding":
                found.is_chunked = True
            elif name == b"x-request-id" and _SANE_ID.fullmatch(value):
                found.request_id = value
        found.request_id = found.request_id or secrets.token_hex(8).encode()
        return found

    @property
    def has_body(self) -> bool:
        return self.is_chunked or self.length not in {None, b"0"}


@dataclass(frozen=True)
class Guard:
    """ASGI middleware: a request id for every request, bodies bounded and JSON, faults recorded and answered.

    A body that says it is too large is refused unread; one that does not say is read as far as the limit.
    Faults are logged with their traceback; the client receives the request id only.
    """

    app: App
    max_body_bytes: int

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        headers = _Headers.of(scope)
        request_id = headers.request_id
        scope["request_id"] = request_id.decode()
        started = False

        async def send_named(message: Message) -> None:
            nonlocal started
            if message["type"] == "http.response.start":
                started = True
                message["headers"] = [*message.get("headers", ()), (b"x-request-id", request_id)]
            await send(message)

        try:
            if headers.has_body:
                _check_kind(headers.content_type)
                receive = self._bounded(receive, headers.length)
            await self.app(scope, receive, send_named)
        except Problem as problem:
            await problem.response(scope["request_id"])(scope, receive, send_named)
        except Exception:
            _log.exception("request %s failed: %s %r", scope["request_id"], scope["method"], scope["path"])
            if started:
                raise
            await _internal().response(scope["request_id"])(scope, receive, send_named)

    def _bounded(self, receive: Receive, length: bytes | None) -> Receive:
        """Return `receive` so that it raises a Problem rather than hand over more than the limit."""
        if length is not None and length.isdigit():
            if int(length) > self.max_body_bytes:
                raise _too_large(self.max_body_bytes)
            # The server itself hands over no more than was announced.
            return receive
        read = 0

        async def receive_bounded() -> Message:
            nonlocal read
            message = await receive()
            read += len(message.get("body", b""))
            if read > self.max_body_bytes:
                raise _too_large(self.max_body_bytes)
            return message

        return receive_bounded


def install(
    app: FastAPI,
    max_body_bytes: int,
    catalogue: Mapping[str, str] | None = None,
    bodies: Sequence[type[BaseModel]] = (),
) -> None:
    """Make every error of an application a problem document, and declare them in its OpenAPI document.

    `catalogue` says of each kind of problem, by its slug, what it means and what to do; `GET /problems` shows it.
    `bodies` are the models of bodies that routes read themselves; they become components of the OpenAPI document.
    """
    page = _page({**COMMON, **(catalogue or {})})
    app.add_middleware(Guard, max_body_bytes=max_body_bytes)
    app.add_exception_handler(HTTPException, _answer_http)
    app.add_exception_handler(RequestValidationError, _answer_invalid)
    app.add_api_route("/problems", lambda: HTMLResponse(page), include_in_schema=False)
    generate = app.openapi

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            _declare(generate(), bodies)
        return generate()

    app.openapi = openapi  # type: ignore[method-assign]


def responses(descriptions: Mapping[int, str]) -> dict[int | str, dict[str, Any]]:
    """Return a route's `responses` argument that declares problems by their status, each with what it means there."""
    return {status: _declared(description) for status, description in descriptions.items()}


def invalid(errors: Sequence[Mapping[str, Any]], *place: str) -> Problem:
    """Return the problem for values that break rules, from errors as pydantic lists them (`loc`, `msg`, `type`).

    The first part of `place` and `loc` together says where the value was sent: body, query, path or header.
    """
    shown = [_field_error(error, place) for error in errors[:SHOWN_ERRORS]]
    first, rest = shown[0], len(errors) - 1
    name = first.field or f"the {first.place}"
    listed = "`errors` lists them" if len(errors) <= SHOWN_ERRORS else f"`errors` lists the first {SHOWN_ERRORS}"
    more = f" {rest:,} more value(s) break rules: {listed}." if rest else ""
    return Problem(
        422,
        "invalid",
        "A value breaks a rule",
        f"{name}: {first.rule}.{more}",
        errors=[field.model_dump() for field in shown],
        errors_in_all=len(errors),
    )


def all_invalid(count: int) -> Problem:
    """Return the problem for more than MOST_LISTED values that break rules; none of them is named."""
    detail = f"{count:,} values break rules, too many to list. Send one question alone to see what is wrong with it."
    return Problem(422, "invalid", "A value breaks a rule", detail, errors=[], errors_in_all=count)


def not_json(reason: str) -> Problem:
    """Return the problem for a body that is not JSON."""
    return Problem(400, "not-json", "The body is not JSON", f"{reason}. Send one JSON document in UTF-8.")


def _internal() -> Problem:
    return Problem(
        500,
        "internal",
        "A fault of the service",
        "The service failed on this request and recorded why under request_id. "
        "Try again; if it fails again, report the id.",
    )


def _too_large(limit_bytes: int) -> Problem:
    detail = f"This service reads at most {limit_bytes:,} bytes. Send less at a time."
    return Problem(413, "too-large", "The body is too large", detail, limit_bytes=limit_bytes)


def _check_kind(content_type: bytes) -> None:
    kind = content_type.partition(b";")[0].strip().lower()
    if kind == b"application/json" or (kind.startswith(b"application/") and kind.endswith(b"+json")):
        return
    said = f"The body's type is {kind.decode('latin-1')!r}" if kind else "The body's type is not given"
    detail = f"{said}; bodies are JSON. Send the header Content-Type: application/json."
    raise Problem(415, "unsupported-media-type", "The body's type is not JSON", detail)


async def _answer_http(request: Request, error: Exception) -> Response:
    problem = error if isinstance(error, Problem) else _from_http(request, error)
    return problem.response(request.scope.get("request_id"))


def _from_http(request: Request, error: Exception) -> Problem:
    """Return the problem for an error that the framework raised."""
    if not isinstance(error, HTTPException):
        raise error
    status, path = error.status_code, request.scope["path"]
    if status == 404:
        detail = f"There is nothing at {path}. The addresses are listed at /docs."
        return Problem(404, "not-found", "There is nothing at this address", detail)
    if status == 405:
        allowed = (error.headers or {}).get("Allow", "")
        detail = f"{path} does not take {request.method}; it takes {allowed or 'other methods'}."
        title = "The address does not take this method"
        return Problem(405, "method-not-allowed", title, detail, headers=error.headers)
    if status == 400:
        return not_json(str(error.detail))
    return Problem(status, "error", HTTPStatus(status).phrase, str(error.detail), headers=error.headers)


async def _answer_invalid(request: Request, error: Exception) -> Response:
    if not isinstance(error, RequestValidationError):
        raise error
    found = error.errors()
    broken = next((one for one in found if one["type"] == "json_invalid"), None)
    if broken is None:
        problem = invalid(found)
    else:
        problem = not_json(f"It cannot be read at character {broken['loc'][-1]}: {broken['ctx']['error']}")
    return problem.response(request.scope.get("request_id"))


def _field_error(error: Mapping[str, Any], before: Sequence[str] = ()) -> FieldError:
    place, *path = (*before, *error["loc"])
    field = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path).removeprefix(".")
    rule = error["msg"].removeprefix("Value error, ").rstrip(".")
    return FieldError(place=str(place), field=field, rule=rule)


def _declared(description: str) -> dict[str, Any]:
    return {
        "description": description,
        "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}},
    }


def _declare(schema: dict[str, Any], bodies: Sequence[type[BaseModel]]) -> None:
    """Put the component in place, and the problems that any operation may answer beside its own."""
    components = schema.setdefault("components", {}).setdefault("schemas", {})
    for name in ("HTTPValidationError", "ValidationError"):
        components.pop(name, None)
    models: dict[str, type[BaseModel]] = {"Problem": ProblemDocument, **{body.__name__: body for body in bodies}}
    for name, model in models.items():
        document = model.model_json_schema(ref_template="#/components/schemas/{model}")
        components |= document.pop("$defs", {})
        components[name] = document
    for path in schema["paths"].values():
        for operation in path.values():
            found = operation["responses"]
            wanted = {"500": "A fault of the service"}
            if "requestBody" in operation or "parameters" in operation:
                wanted["422"] = "A value breaks a rule"
            if "requestBody" in operation:
                wanted |= {
                    "400": "The body is not JSON",
                    "413": "The body is too large",
                    "415": "The body's type is not JSON",
                }
            for status, description in wanted.items():
                if status == "422" or status not in found:
                    found[status] = _declared(description)


def _page(catalogue: Mapping[str, str]) -> str:
    """Return the description of every kind of problem, to which `type` links."""
    entries = "".join(
        f'<dt id="{html.escape(slug)}">{html.escape(slug)}</dt><dd>{html.escape(words)}</dd>'
        for slug, words in sorted(catalogue.items())
    )
    head = '<!doctype html><html lang="en"><meta charset="utf-8"><title>Problems</title>'
    return f"{head}<h1>Problems</h1><dl>{entries}</dl>"
