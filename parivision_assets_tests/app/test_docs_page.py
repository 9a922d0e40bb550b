"""`/docs` of a service: what it shows of the OpenAPI document, in a real browser without a network."""

from pathlib import Path
from typing import Annotated

import pytest
from fastapi import FastAPI, Query
from pydantic import BaseModel, ConfigDict, Field
from starlette.testclient import TestClient

from app.docs_page import POLICY, serve_docs
from app.problems import install
from parivision_assets_tests.browser import chromium, watched
from parivision_assets_tests.http_service import serving

__all__ = ["chromium"]


class Player(BaseModel):
    number: int | None = Field(default=None, ge=1, le=99, description="On the <shirt>")


class Shot(BaseModel):
    model_config = ConfigDict(json_schema_extra={"examples": [{"x_ft": 0.5}]})
    x_ft: float = Field(description="Across the court")
    shooter: Player | None = Field(default=None, description="Who shoots")


def service() -> FastAPI:
    app = FastAPI(title="A service", description="One thing.\n\nAnother.", docs_url=None, redoc_url=None)

    @app.post("/shots", tags=["shots"])
    def shoot(shot: Shot) -> int:
        """Take a shot."""
        return 2

    @app.get("/players", tags=["players"])
    def find(q: Annotated[str, Query(description="Part of a name")]) -> list[str]:
        """Find somebody."""
        return [q]

    serve_docs(app)
    install(app, 1_000)
    return app


def test_fields_examples_and_errors_are_shown_and_escaped() -> None:
    answer = TestClient(service()).get("/docs")
    assert answer.headers["content-security-policy"] == POLICY
    for words in (
        "POST /shots", "Take a shot.", "<code>x_ft</code> (needed)", "Across the court", "<code>shooter.number</code>",
        "integer from 1 to 99", "On the &lt;shirt&gt;", "&#34;x_ft&#34;: 0.5", "GET /players", "Part of a name",
        "A value breaks a rule", "<p>Another.</p>",
    ):  # fmt: skip
        assert words in answer.text


@pytest.mark.parametrize("width", [1200, 360])
def test_the_page_loads_nothing_and_fits(chromium, tmp_path: Path, width: int) -> None:
    with serving(service()) as url, watched(chromium, width, "light") as found:
        found.page.goto(f"{url}/docs")
        found.page.locator("summary").first.click()
        assert found.page.locator("details[open]").count() == 1
        assert found.page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
        assert found.refused == []
        assert found.problems == []
        found.page.screenshot(path=tmp_path / f"docs_{width}.png", full_page=True)
