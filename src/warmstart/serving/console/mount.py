"""Hanging the console into a server."""

import functools
from collections.abc import Awaitable, Callable
from pathlib import Path

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.staticfiles import StaticFiles

from warmstart.serving.console import meet, pages
from warmstart.serving.console.guard import HOME, Endpoint, guarded, secured
from warmstart.serving.console.server import Server
from warmstart.serving.console.stream import Streams

STATIC = Path(__file__).parent / "static"
ROUTES: tuple[tuple[str, str, Endpoint, str], ...] = (
    ("GET", "", meet.meet, "read"),
    ("GET", "/titles", meet.titles, "read"),
    ("GET", "/search", meet.search, "read"),
    ("GET", "/stream", meet.stream, "read"),
    ("POST", "/events", meet.record, "write"),
    ("POST", "/forget", meet.forget, "write"),
    ("POST", "/new", meet.new, "read"),
    ("GET", "/model", pages.model, "read"),
    ("GET", "/people", pages.people, "read"),
    ("GET", "/people/export", pages.export, "read"),
    ("GET", "/health", pages.health, "read"),
    ("GET", "/health/stream", pages.health_numbers, "read"),
)


def mount(app: Starlette, server: Server) -> Streams:
    """Add the console's routes to an application; returns its streams, which must end with the process.

    Args:
        app: answers everything else.
        server: what the console stands in.
    """
    streams = Streams()
    for method, path, page, role in ROUTES:
        _add(app, method, path, guarded(server, streams, page, role))
    _add(app, "GET", "/key", pages.ask_key)
    _add(app, "POST", "/key", functools.partial(pages.take_key, server))
    _add(app, "POST", "/leave", pages.leave)
    app.mount(f"{HOME}/static", _Static(directory=STATIC), name="console-static")
    return streams


def _add(app: Starlette, method: str, path: str, endpoint: Callable[[Request], Awaitable[Response]]) -> None:
    async def named(request: Request) -> Response:
        # whoever counts requests calls this one by its pattern
        request.scope["route"] = route
        return await endpoint(request)

    route = Route(HOME + path, named, methods=[method], include_in_schema=False)
    app.router.routes.append(route)


class _Static(StaticFiles):
    """Files as they are; a browser asks whether they changed before it shows them again."""

    def file_response(self, *args: object, **settings: object) -> Response:
        response = super().file_response(*args, **settings)  # type: ignore[arg-type]
        response.headers["Cache-Control"] = "no-cache"
        return secured(response)
