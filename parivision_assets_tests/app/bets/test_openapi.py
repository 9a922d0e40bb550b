"""VirtualBets' OpenAPI document against the running service: nothing undocumented is answered, and never a fault."""

import contextlib
from collections.abc import Iterator

import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis.errors import Unsatisfiable
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    ignored_auth,
    negative_data_rejection,
    response_schema_conformance,
    status_code_conformance,
)

from app.bets import create_app
from parivision_assets_tests.app.bets.house import key, open_house
from parivision_assets_tests.http_service import serving

EXAMPLES = 15
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
    negative_data_rejection,
    ignored_auth,
]


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    home = open_house(tmp_path_factory.mktemp("house") / "home")
    with serving(create_app(home.settings)) as found:
        yield found


@pytest.fixture(scope="module")
def token(address: str) -> str:
    made = httpx.post(f"{address}/v1/accounts", json={"nickname": "Ann"}).json()["token"]
    bet = {"game_key": key(0), "side": "home", "stake_cents": 1_000, "odds_hundredths": 159}
    headers = {"Authorization": f"Bearer {made}", "Idempotency-Key": "first"}
    assert httpx.post(f"{address}/v1/bets", json=bet, headers=headers).status_code == 201
    return str(made)


def test_every_operation_has_words_and_its_errors(address: str) -> None:
    for path, operations in httpx.get(f"{address}/openapi.json").json()["paths"].items():
        for method, operation in operations.items():
            assert operation["description"], path
            assert "500" in operation["responses"], path
            if method in {"post", "put"}:
                assert {"400", "413", "415", "422"} <= set(operation["responses"]), path
            if operation.get("security"):
                assert {"401", "503"} <= set(operation["responses"]), path


@pytest.mark.slow
def test_nothing_undocumented_is_answered(address: str, token: str) -> None:
    schema = schemathesis.openapi.from_url(f"{address}/openapi.json")
    operations = [found.ok() for found in schema.get_all_operations() if "feed" not in (found.ok().tags or [])]
    assert len(operations) > 12
    for operation in operations:
        answered = conforms_as(operation, GenerationMode.POSITIVE, token)
        # Whoever has a token gets past the door.
        assert answered - {401} or operation.path == "/v1/sessions", operation.label
        # Nothing can be wrong with a request that takes nothing.
        with contextlib.suppress(Unsatisfiable):
            conforms_as(operation, GenerationMode.NEGATIVE, token)


def conforms_as(operation, mode: GenerationMode, token: str) -> set[int]:
    answered: set[int] = set()

    @settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)
    @given(case=operation.as_strategy(generation_mode=mode))
    def call(case) -> None:
        # What is wrong with a request may be the lack of a token, so one with a token may well be right.
        checks = CHECKS if mode is GenerationMode.POSITIVE else [*CHECKS[:-2], ignored_auth]
        answer = case.call_and_validate(checks=checks, headers={"Authorization": f"Bearer {token}"})
        answered.add(answer.status_code)

    call()
    return answered
