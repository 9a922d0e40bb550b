"""Problem documents: every error of a small service, as a client meets it and as its OpenAPI document declares it."""

import asyncio
import logging

import pytest
from fastapi import FastAPI
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, Field
from starlette.testclient import TestClient

from app import problems
from app.problems import COMMON, Guard, Problem, install, responses

JSON = {"content-type": "application/json"}


class Spot(BaseModel):
    x_ft: float = Field(allow_inf_nan=False)


class Spots(BaseModel):
    shots: list[Spot]


def service(limit: int = 1_000) -> FastAPI:
    app = FastAPI()
    app.post("/spots")(spots)
    app.get("/fault")(fault)
    app.get("/bets/{number}", responses=responses({409: "The odds moved"}))(moved)
    install(app, limit, {"odds-moved": "Ask for the odds again."})
    return app


async def spots(body: Spots) -> int:
    return len(body.shots)


async def fault() -> None:
    raise RuntimeError("the password is 1234")


async def moved(number: int) -> None:
    raise Problem(409, "odds-moved", "The odds moved", "They are 1.9 now.", headers={"Retry-After": "1"}, odds=1.9)


@pytest.fixture(scope="module")
def client() -> TestClient:
    return TestClient(service())


def test_a_raised_problem_has_its_members_and_headers(client: TestClient) -> None:
    answer = client.get("/bets/1", headers={"x-request-id": "mine-1"})
    assert answer.status_code == 409
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["retry-after"] == "1"
    assert answer.headers["x-request-id"] == "mine-1"
    assert answer.json() == {
        "type": "/problems#odds-moved",
        "title": "The odds moved",
        "status": 409,
        "detail": "They are 1.9 now.",
        "request_id": "mine-1",
        "odds": 1.9,
    }


@pytest.mark.parametrize(
    ("body", "headers", "status", "slug", "words"),
    [
        (b"{", JSON, 400, "not-json", "It cannot be read at character 1"),
        (b"\xff\xfe", JSON, 400, "not-json", "Send one JSON document"),
        (b"x_ft=1", {"content-type": "text/plain"}, 415, "unsupported-media-type", "'text/plain'"),
        (b"{}", {}, 415, "unsupported-media-type", "is not given"),
        (b"[" + b" " * 1_000, JSON, 413, "too-large", "at most 1,000 bytes"),
        (b'{"shots": [{"x_ft": NaN}]}', JSON, 422, "invalid", "shots[0].x_ft: Input should be a finite number"),
        (b"", {}, 422, "invalid", "the body: Field required"),
    ],
)
def test_each_bad_body_has_its_own_answer(client, body, headers, status, slug, words) -> None:
    answer = client.post("/spots", content=body, headers=headers)
    assert answer.status_code == status
    assert answer.json()["type"] == f"/problems#{slug}"
    assert words in answer.json()["detail"]
    assert answer.json()["status"] == status


def test_errors_name_each_field_and_its_rule_but_a_thousand_are_counted(client: TestClient) -> None:
    answer = client.post("/spots", json={"shots": [{"x_ft": "here"}] * 40 + [{}]}).json()
    assert answer["errors"][1]["field"] == "shots[1].x_ft"
    assert "valid number" in answer["errors"][1]["rule"]
    assert len(answer["errors"]) == 20
    assert answer["errors_in_all"] == 41


def test_only_errors_that_are_shown_are_put_into_words(monkeypatch: pytest.MonkeyPatch) -> None:
    worded: list[object] = []
    real = problems._field_error
    monkeypatch.setattr(problems, "_field_error", lambda *given: worded.append(given) or real(*given))
    errors = [{"loc": ("shots", number, "x_ft"), "msg": "Field required"} for number in range(5_000)]
    problem = problems.invalid(errors, "body")
    assert len(worded) == len(problem.extra["errors"]) == 20
    assert problem.extra["errors"][0] == {"place": "body", "field": "shots[0].x_ft", "rule": "Field required"}
    assert problem.extra["errors_in_all"] == 5_000
    assert "4,999 more value(s) break rules: `errors` lists the first 20" in problem.detail


@pytest.mark.parametrize(
    ("method", "path", "status", "slug"),
    [("GET", "/nowhere", 404, "not-found"), ("DELETE", "/spots", 405, "method-not-allowed")],
)
def test_what_is_not_there_is_said(client, method, path, status, slug) -> None:
    answer = client.request(method, path)
    assert (answer.status_code, answer.json()["type"]) == (status, f"/problems#{slug}")
    assert path in answer.json()["detail"]
    assert status != 405 or answer.headers["allow"] == "POST"


def test_a_fault_is_recorded_under_the_id_that_the_client_gets(client, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.ERROR, "parivision.http"):
        answer = client.get("/fault")
    assert answer.status_code == 500
    assert "1234" not in answer.text
    assert "Traceback" not in answer.text
    assert answer.json()["request_id"] == answer.headers["x-request-id"]
    assert answer.json()["request_id"] in caplog.text
    assert "the password is 1234" in caplog.text


@pytest.mark.parametrize("sent", ["a b", "x" * 65, "", "<script>"])
def test_a_strange_request_id_is_replaced(client: TestClient, sent: str) -> None:
    assert client.get("/nowhere", headers={"x-request-id": sent}).headers["x-request-id"] != sent


def test_every_kind_is_described(client: TestClient) -> None:
    page = client.get("/problems").text
    for slug in (*COMMON, "odds-moved"):
        assert f'id="{slug}"' in page


def test_the_openapi_document_declares_every_error(client: TestClient) -> None:
    schema = client.get("/openapi.json").json()
    declared = schema["paths"]["/spots"]["post"]["responses"]
    assert set(declared) == {"200", "400", "413", "415", "422", "500"}
    assert set(schema["paths"]["/bets/{number}"]["get"]["responses"]) == {"200", "409", "422", "500"}
    for status, response in declared.items():
        if status != "200":
            kind = response["content"]["application/problem+json"]["schema"]["$ref"]
            assert kind == "#/components/schemas/Problem"
    assert "HTTPValidationError" not in schema["components"]["schemas"]
    assert schema["components"]["schemas"]["Problem"]["properties"]["errors"]["anyOf"][0]["items"] == {
        "$ref": "#/components/schemas/FieldError"
    }


async def _sink(read: list[int], scope, receive, send) -> None:
    """Read a body to its end, counting its bytes, and answer 204."""
    more = True
    while more:
        message = await receive()
        read.append(len(message["body"]))
        more = message["more_body"]
    await send({"type": "http.response.start", "status": 204, "headers": []})
    await send({"type": "http.response.body", "body": b""})


def _send(limit: int, chunks: list[int], announced: int | None) -> tuple[int, int]:
    """Send chunks through the guard; return the status and how many bytes it let through."""
    read: list[int] = []
    statuses: list[int] = []
    waiting = list(chunks)

    async def receive():
        size = waiting.pop(0) if waiting else 0
        return {"type": "http.request", "body": b"x" * size, "more_body": bool(waiting)}

    async def send(message):
        statuses.append(message.get("status", 0))

    length = (b"transfer-encoding", b"chunked") if announced is None else (b"content-length", str(announced).encode())
    headers = [(b"content-type", b"application/json"), length]
    scope = {"type": "http", "method": "POST", "path": "/", "headers": headers}
    guard = Guard(lambda *call: _sink(read, *call), limit)
    asyncio.run(guard(scope, receive, send))
    return statuses[0], sum(read)


@given(st.lists(st.integers(0, 60), min_size=1, max_size=8), st.integers(0, 200), st.booleans())
def test_no_more_than_the_limit_is_ever_read(chunks: list[int], limit: int, is_announced: bool) -> None:
    total = sum(chunks)
    status, read = _send(limit, chunks, total if is_announced and total else None)
    assert status == (204 if total <= limit else 413)
    assert read <= limit
    if total > limit and is_announced:
        assert read == 0
