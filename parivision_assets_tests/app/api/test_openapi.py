"""The OpenAPI document against the running service: nothing undocumented is answered, and never a fault."""

import contextlib

import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis.errors import Unsatisfiable
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    negative_data_rejection,
    response_schema_conformance,
    status_code_conformance,
)

from parivision_assets_tests.app.api.server import Server

EXAMPLES = 20
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
    negative_data_rejection,
]


@pytest.fixture(scope="module")
def schema(server: Server):
    return schemathesis.openapi.from_url(f"{server.url}/openapi.json")


def test_every_operation_has_words_an_example_and_its_errors(client: httpx.Client) -> None:
    document = client.get("/openapi.json").json()
    components = document["components"]["schemas"]
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            assert operation["description"], path
            assert "500" in operation["responses"]
            if method == "post":
                name = operation["requestBody"]["content"]["application/json"]["schema"]["$ref"].rpartition("/")[2]
                assert components[name]["examples"], path
                assert {"400", "401", "413", "415", "422", "429", "503"} <= set(operation["responses"]), path


def test_nothing_undocumented_is_answered(schema) -> None:
    operations = [found.ok() for found in schema.get_all_operations()]
    assert len(operations) > 10
    for operation in operations:
        conforms(operation)


def conforms(operation) -> None:
    """Call one operation with what its description allows and with what it forbids."""
    conforms_as(operation, GenerationMode.POSITIVE)
    # Nothing can be wrong with a request that takes nothing.
    with contextlib.suppress(Unsatisfiable):
        conforms_as(operation, GenerationMode.NEGATIVE)


def conforms_as(operation, mode: GenerationMode) -> None:
    @settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)
    @given(case=operation.as_strategy(generation_mode=mode))
    def call(case) -> None:
        case.call_and_validate(checks=CHECKS)

    call()
