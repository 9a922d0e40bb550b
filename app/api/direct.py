"""A short way to the routes that answer most requests: those that read their bodies themselves need no routing.

They stay ordinary routes, whose functions are called here without the framework's solving of dependencies, which costs
as much as all else together.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from fastapi import APIRouter, Request
from fastapi.routing import APIRoute

from app.api.service import STORE_ERRORS, store_failed
from app.problems import App, Receive, Scope, Send


@dataclass(frozen=True)
class Direct:
    """ASGI middleware that calls the function of a route, if it is one of these, and hands on anything else.

    The functions take a Request and return a Response; what they raise for clients is a Problem or one of STORE_ERRORS.
    """

    app: App
    routes: dict[str, APIRoute]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        route = self.routes.get(scope["path"]) if scope["type"] == "http" else None
        if route is None or scope["method"] != "POST":
            await self.app(scope, receive, send)
            return
        scope["route"] = route
        try:
            response = await route.endpoint(Request(scope, receive, send))
        except STORE_ERRORS as error:
            raise store_failed(error) from error
        await response(scope, receive, send)


def direct_routes(routers: Iterable[APIRouter]) -> dict[str, APIRoute]:
    """Return by path the routes that read their bodies themselves, and say so in their description."""
    routes = [route for router in routers for route in router.routes if isinstance(route, APIRoute)]
    return {route.path: route for route in routes if "requestBody" in (route.openapi_extra or {})}
