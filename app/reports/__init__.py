"""The drift reports as pages: a list, one page per report, and Evidently's own pages beside it.

What a report says was decided when it was made (`core.drift`); nothing is computed here. Pages load nothing from
anywhere else: styles are served here, and a policy in every answer forbids the rest.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fastapi import FastAPI, Request
from fastapi.responses import PlainTextResponse, Response
from fastapi.templating import Jinja2Templates
from starlette.exceptions import HTTPException

from parivision_assets.core.catalogue import TARGETS
from parivision_assets.settings import Settings
from parivision_assets.stores.atomic import StoreAbsentError, StoreError
from parivision_assets.stores.home import Home
from parivision_assets.stores.platform_date import today
from parivision_assets.stores.reports import (
    CLASSIFICATION_FIGURES,
    CLASSIFICATION_PAGE,
    DATA_DRIFT_FIGURES,
    DATA_DRIFT_PAGE,
    Report,
)

FOLDER = Path(__file__).parent
OWN_POLICY = (
    "default-src 'none'; style-src 'self'; img-src 'self' data:; frame-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
FRAMED_POLICY = (
    "sandbox allow-scripts; default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; "
    "img-src data: blob:; font-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'self'"
)
"""For Evidently's pages: their own scripts may run, apart from this site, and may load nothing."""
MEDIA_TYPES = {".html": "text/html; charset=utf-8", ".json": "application/json", ".png": "image/png"}
PAGES = {
    "Data drift, column by column": (DATA_DRIFT_PAGE, DATA_DRIFT_FIGURES, "data drift"),
    "Classification quality": (CLASSIFICATION_PAGE, CLASSIFICATION_FIGURES, "classification"),
}


@dataclass(frozen=True)
class Pages:
    """What is answered to each address."""

    home: Home
    templates: Jinja2Templates

    def index(self, request: Request, target: str | None = None) -> Response:
        """Return the list of reports, newest window first."""
        if target is not None and target not in TARGETS:
            raise HTTPException(404, f"There is no target '{target}'; there are {', '.join(TARGETS)}.")
        return self._page(request, "list.html", reports=self.home.reports.reports(target), target=target)

    def report(self, request: Request, digest: str) -> Response:
        """Return one report's page."""
        report = _report(self.home, digest)
        return self._page(request, "report.html", report=report, line=report.listed, pages=_parts(report))

    def file(self, digest: str, name: str) -> Response:
        """Return one of a report's files as it was kept."""
        report = _report(self.home, digest)
        if name not in report.files:
            raise HTTPException(404, f"This report has no file '{name}'; it has {', '.join(sorted(report.files))}.")
        headers = {"Content-Security-Policy": FRAMED_POLICY} if name.endswith(".html") else {}
        return Response(report.files[name], media_type=MEDIA_TYPES[Path(name).suffix], headers=headers)

    async def missing(self, request: Request, error: Exception) -> Response:
        """Return an error in words."""
        status, words = (error.status_code, error.detail) if isinstance(error, HTTPException) else (500, str(error))
        if words == "Not Found":
            words = "There is no such page here."
        return self._page(request, "error.html", status, words=words)

    def _page(self, request: Request, name: str, status: int = 200, **content: Any) -> Response:
        place = {
            "targets": list(TARGETS),
            "today": today(self.home),
            "is_synthetic": self.home.settings.uses_league,
        }
        return self.templates.TemplateResponse(request, name, {**place, **content}, status_code=status)


def create_app(settings: Settings | None = None) -> FastAPI:
    """Return the application over one installation's reports; without settings the environment's."""
    templates = Jinja2Templates(FOLDER / "templates")
    templates.env.filters |= {"nats": _nats, "verdict": _verdict}
    pages = Pages(Home(settings or Settings()), templates)
    app = FastAPI(title="PariVision drift reports", docs_url=None, redoc_url=None, openapi_url=None)
    app.middleware("http")(_protected)
    app.get("/livez")(_livez)
    app.get("/style.css")(_style)
    app.get("/", response_class=Response)(pages.index)
    app.get("/reports/{digest}", response_class=Response)(pages.report)
    app.get("/reports/{digest}/{name}", response_class=Response)(pages.file)
    app.exception_handler(HTTPException)(pages.missing)
    app.exception_handler(StoreError)(pages.missing)
    return app


async def _protected(request: Request, call_next: Any) -> Response:
    response: Response = await call_next(request)
    response.headers.setdefault("Content-Security-Policy", OWN_POLICY)
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers["Referrer-Policy"] = "no-referrer"
    return response


def _livez() -> PlainTextResponse:
    return PlainTextResponse("alive\n")


def _style() -> Response:
    return Response((FOLDER / "style.css").read_text(encoding="utf-8"), media_type="text/css")


def _report(home: Home, digest: str) -> Report:
    try:
        return home.reports.read(digest)
    except StoreAbsentError as error:
        raise HTTPException(404, "There is no such report; it may belong to another installation.") from error


def _parts(report: Report) -> list[dict[str, str | None]]:
    """Return Evidently's pages with their figures, or why one was not made."""
    return [
        {
            "title": title,
            "page": html if html in report.files else None,
            "figures": figures if figures in report.files else None,
            "skipped": report.skipped.get(part, "it was not made"),
        }
        for title, (html, figures, part) in PAGES.items()
    ]


def _verdict(text: str) -> str:
    """Return a verdict as a heading says it."""
    return "no drift" if text == "none" else text


def _nats(value: float | None) -> str:
    """Return a difference in nats with its sign, nothing where there is none."""
    return "" if value is None else f"{value:+.4f}".replace("-", "\N{MINUS SIGN}")


__all__ = ["create_app"]
