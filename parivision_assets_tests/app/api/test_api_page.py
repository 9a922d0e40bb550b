"""The page on the API: each example is sent to a running service, and what is answered has the shape shown."""

import json
import re
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from app.api import PROBLEMS
from app.problems import COMMON
from parivision_assets.settings import ApiSettings
from parivision_assets_tests.app.api.worker import ROOT

NEXT_DAY = "2024-04-02"
"""The date of the state in the examples."""
PAGE = (ROOT / "docs" / "api.md").read_text(encoding="utf-8")
EXAMPLE = re.compile(r"^```http\n(\w+) (\S+)\n(.*?)^```$(?:\n\n^```json\n(.*?)^```$)?", re.MULTILINE | re.DOTALL)


def examples() -> Iterator[Any]:
    """Yield method, path, body and answer of each example; the answer may not be shown."""
    for number, (method, path, body, shown) in enumerate(EXAMPLE.findall(PAGE), start=1):
        yield pytest.param(method, path, body, shown, id=f"{number} {method} {path}")


def assert_alike(found: Any, shown: Any, where: str = "") -> None:
    """Fail unless both have the same keys and kinds of values; of a list, one shown item stands for all."""
    if isinstance(shown, dict):
        assert isinstance(found, dict), where
        assert list(found) == list(shown), where
        for name, value in shown.items():
            assert_alike(found[name], value, f"{where}.{name}")
    elif isinstance(shown, list):
        assert isinstance(found, list), where
        for item in found:
            if shown:
                assert_alike(item, shown[0], f"{where}[]")
    elif shown is not None and found is not None:
        numbers = (int, float)
        kind = numbers if isinstance(shown, numbers) and not isinstance(shown, bool) else type(shown)
        assert isinstance(found, kind), where


@pytest.mark.parametrize(("method", "path", "body", "shown"), list(examples()))
def test_each_example_is_answered_as_shown(client: httpx.Client, method, path, body, shown) -> None:
    # Of an event only a date near the installation's own is answered.
    today = client.get("/readyz").json()["as_of"]
    body = body.replace(NEXT_DAY, today)
    answer = client.request(method, path, content=body, headers={"content-type": "application/json"})
    expected = json.loads(shown) if shown else {}
    assert answer.status_code == expected.get("status", 200), answer.text
    if expected:
        found = answer.json()
        # The example is of an installation with the synthetic league.
        assert_alike(found, expected)


def test_there_are_examples_of_every_address(client: httpx.Client) -> None:
    shown = {path.partition("?")[0] for _, path, _, _ in EXAMPLE.findall(PAGE)}
    there = set(client.get("/openapi.json").json()["paths"])
    assert there - shown == {"/", "/livez", "/metrics", "/v1/predictions/{prediction_id}"}


def test_the_page_names_every_problem_figure_and_setting(client: httpx.Client) -> None:
    named = set(re.findall(r"`/problems#([a-z-]+)`", PAGE))
    assert named == {*COMMON, *PROBLEMS} - {"error"}
    figures = set(re.findall(r"^# TYPE (\w+)", client.get("/metrics").text, re.MULTILINE))
    assert figures <= set(re.findall(r"`(parivision_\w+)`", PAGE))
    settings = {f"PARIVISION_API_{name.upper()}" for name in ApiSettings.model_fields if name != "metrics_folder"}
    assert settings == set(re.findall(r"`(PARIVISION_API_\w+)`", PAGE))
