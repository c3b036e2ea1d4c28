"""The other pages: the model, a user's timeline, the server's health, and the door."""

import asyncio
import json
import time
from dataclasses import asdict
from typing import Any

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from warmstart.core.errors import NotFound
from warmstart.serving.console import guard, telling, timeline
from warmstart.serving.console.counts import Reading, between, read
from warmstart.serving.console.guard import HOME, KEY_COOKIE, Visit, form_of, same_site, secured, set_cookie, trouble
from warmstart.serving.console.learning import REPORT, curve_of
from warmstart.serving.console.person import view_of
from warmstart.serving.console.render import page
from warmstart.serving.console.server import Server
from warmstart.serving.requests import LONGEST_ID
from warmstart.serving.store import log
from warmstart.serving.store.entries import session, user


async def model(visit: Visit) -> Response:
    """Show the model that answers, and how soon it knows somebody."""
    served = visit.server.live.shelf.present
    curve = await asyncio.to_thread(curve_of, visit.server.report, served.model.name)
    about = {
        "Version": served.version,
        "Recommender": served.model.name,
        "Items": f"{len(served.model.catalogue):,}",
        "What a like is": _like(served.model.catalogue.like_from),
    }
    told = {"visitor": visit.visitor, "here": "model", "about": about, "curve": curve, "report": REPORT}
    return page("model.html", told)


def _like(like_from: float | None) -> str:
    return "every event" if like_from is None else f"{like_from:g} or more"


async def people(visit: Visit) -> Response:
    """Show a user's timeline, and her list."""
    name, by_session = visit.asked("user").strip(), False
    if not name and visit.asked("session") == "mine":
        name, by_session = visit.session_id, True
    told: dict[str, Any] = {"visitor": visit.visitor, "here": "people", "user": "" if by_session else name}
    told |= {"by_session": by_session, "asked": bool(name), "found": None}
    if 0 < len(name) <= LONGEST_ID:
        subject = session(name) if by_session else user(name)
        told["found"] = await asyncio.to_thread(_timeline, visit, subject)
    return page("people.html", told)


def _timeline(visit: Visit, subject: str) -> dict[str, Any] | None:
    tenant = visit.tenant
    known = tenant.known(subject)
    if not known.version:
        return None
    lines, total = timeline.lines_of(tenant, subject, known)
    return {"lines": lines, "total": total, "view": view_of(tenant, subject), "counting": len(known.folded)}


async def export(visit: Visit) -> Response:
    """Give everything that is kept about a user as a file."""
    name = visit.asked("user").strip()
    if name:
        found: Any = asdict(await asyncio.to_thread(visit.tenant.export, name))
    else:
        found = await asyncio.to_thread(_exported_session, visit)
    headers = {"Content-Disposition": 'attachment; filename="person.json"'}
    return Response(json.dumps(found, indent=1), media_type="application/json", headers=headers)


def _exported_session(visit: Visit) -> dict[str, Any]:
    tenant = visit.tenant
    events = tenant.live.store.read(lambda connection: log.export(connection, tenant.name, visit.subject))
    if not events:
        raise NotFound("Nothing is kept about this person yet.")
    return {"session_id": visit.session_id, "events": events}


async def health(visit: Visit) -> Response:
    """Show how the server does."""
    now = await _reading(visit)
    told = {
        "visitor": visit.visitor,
        "here": "health",
        "health": between(now, now),
        "model": visit.server.live.shelf.present.version,
        "open": visit.streams.open,
    }
    return page("health.html", told)


async def health_numbers(visit: Visit) -> Response:
    """Tell the page of the server's numbers as they change."""
    return telling.health_stream(visit, lambda: _reading(visit))


async def _reading(visit: Visit) -> Reading:
    text = await asyncio.to_thread(visit.server.counts.text)
    return read(text, time.monotonic())


async def ask_key(request: Request) -> Response:
    """Ask for a key."""
    where = guard.safe_next(request.query_params.get("next", HOME))
    return secured(page("key.html", {"here": "", "next": where, "wrong": False}))


async def take_key(server: Server, request: Request) -> Response:
    """Keep a key in a cookie if it opens something."""
    if not same_site(request):
        return secured(trouble(request, 403, "This came from another site and was not done."))
    form = await form_of(request)
    key, where = form.get("key", "").strip(), guard.safe_next(form.get("next", HOME))
    visitor = await asyncio.to_thread(server.visitor, key or None)
    if visitor is None:
        return secured(page("key.html", {"here": "", "next": where, "wrong": True}, 401))
    response = RedirectResponse(where, 303)
    if key:
        set_cookie(request, response, KEY_COOKIE, key)
    return secured(response)


async def leave(request: Request) -> Response:
    """Forget the key."""
    if not same_site(request):
        return secured(trouble(request, 403, "This came from another site and was not done."))
    response = RedirectResponse(f"{HOME}/key", 303)
    response.delete_cookie(KEY_COOKIE, path=HOME)
    return secured(response)
