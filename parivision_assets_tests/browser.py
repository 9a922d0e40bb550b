"""A real Chromium without a network: every request that leaves the machine is refused and noted."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest

ARGUMENTS = (
    "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update", "--disable-sync",
    "--no-first-run",
)  # fmt: skip
LOCAL = ("file:", "data:", "blob:", "http://127.0.0.1:")


@dataclass
class Watched:
    """An open page, what it asked of the network, and what went wrong on it."""

    page: Any
    refused: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)


def chromium_path() -> str:
    """Return where Chromium is; without one skip and say so, or fail where it is required."""
    found = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if found is None:
        missing = "needs Chromium on the path (see .ci/run)"
        if os.environ.get("PARIVISION_REQUIRE_CHROMIUM") == "1":
            pytest.fail(missing)
        pytest.skip(missing)
    return found


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    """Return a running browser."""
    from playwright.sync_api import sync_playwright

    path = chromium_path()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=list(ARGUMENTS))
        yield browser
        browser.close()


@contextmanager
def watched(browser: Any, width: int = 1200, scheme: str = "light") -> Iterator[Watched]:
    """Yield a page whose requests to anywhere but this machine are refused and noted."""
    context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme)
    found = Watched(context.new_page())

    def route(route: Any) -> None:
        if route.request.url.startswith(LOCAL):
            route.continue_()
        else:
            found.refused.append(route.request.url)
            route.abort()

    context.route("**/*", route)
    found.page.on("console", lambda message: found.problems.append(message.text) if message.type == "error" else None)
    found.page.on("pageerror", lambda error: found.problems.append(str(error)))
    found.page.on("requestfailed", lambda request: found.problems.append(f"failed: {request.url[:200]}"))
    try:
        yield found
    finally:
        context.close()
