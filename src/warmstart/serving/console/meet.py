"""The page on which somebody new is met: titles to pick, a sentence, and the list that changes with every click."""

import asyncio
import time
import uuid
from dataclasses import dataclass
from urllib.parse import urlencode

from starlette.responses import RedirectResponse, Response

from warmstart.core.errors import BadInput, NotExplainable
from warmstart.serving.console import person
from warmstart.serving.console.guard import HOME, SESSION_COOKIE, Visit, new_session, set_cookie
from warmstart.serving.console.render import page
from warmstart.serving.console.search import LONGEST, Finder, Hit
from warmstart.serving.console.telling import person_stream, since_of
from warmstart.serving.requests import SearchIn, checked

PICKS = 12
"""Titles that are offered at a time."""
FURTHEST = 10_000
"""Titles that can be passed over."""
HITS = 6
"""Titles of each kind that a search shows."""
GUESSES = 3
"""Titles spelt like a search that are shown beside what fits it."""
TYPES = ("like", "dislike", "dismiss")
"""What can be said of a title here."""


@dataclass(frozen=True, slots=True)
class Found:
    """What a search found.

    Args:
        called: titles that are called so.
        fitting: others that fit its words, what suits the person first.
        guessed: others that are spelt like it, where none is called so.
    """

    called: tuple[Hit, ...] = ()
    fitting: tuple[Hit, ...] = ()
    guessed: tuple[Hit, ...] = ()

    def __len__(self) -> int:
        return len(self.called) + len(self.fitting) + len(self.guessed)


async def meet(visit: Visit) -> Response:
    """Show the page."""
    view = await asyncio.to_thread(person.view_of, visit.tenant, visit.subject, visit.text)
    visit.server.counts.listed(view.found)
    start, asked = visit.number("from", FURTHEST), visit.asked("q")
    picks, found = await asyncio.to_thread(_offered, visit, start, asked)
    told = {
        **_common(visit),
        **_of_view(visit, view),
        "here": "meet",
        "picks": picks,
        "next": start + PICKS,
        "q": asked,
        "found": found,
    }
    return page("meet.html", told)


async def titles(visit: Visit) -> Response:
    """Show the next titles to pick from."""
    start = visit.number("from", FURTHEST)
    picks, _ = await asyncio.to_thread(_offered, visit, start, "")
    return page("picks.html", _common(visit) | {"picks": picks, "next": start + PICKS})


async def search(visit: Visit) -> Response:
    """Show the titles that are called so, or nearly, and what fits the words."""
    asked = visit.asked("q")
    if not visit.by_htmx:
        return RedirectResponse(f"{HOME}?{urlencode({'q': asked, 'text': visit.text})}", 303)
    _, found = await asyncio.to_thread(_offered, visit, None, asked)
    return page("hits.html", _common(visit) | {"q": asked, "found": found})


async def stream(visit: Visit) -> Response:
    """Tell the page of every change."""
    return person_stream(visit)


async def record(visit: Visit) -> Response:
    """Log what was clicked."""
    kind = visit.asked("type")
    event = {
        "event_id": f"console-{uuid.uuid4().hex}",
        "session_id": visit.session_id,
        "item_id": visit.asked("item_id"),
        "type": kind if kind in TYPES else TYPES[0],
    }
    started = time.perf_counter()
    found = await asyncio.wrap_future(visit.tenant.recording([event]))
    visit.server.counts.recorded(found, time.perf_counter() - started)
    if found.rejected:
        raise BadInput(found.rejected[0].reason)
    return await _changed(visit)


async def forget(visit: Visit) -> Response:
    """Take an event back."""
    await asyncio.to_thread(person.forget, visit.tenant, visit.subject, visit.asked("event_id"))
    return await _changed(visit)


async def new(visit: Visit) -> Response:
    """Begin with somebody new; what the one before said stays under her name."""
    response = RedirectResponse(HOME, 303)
    set_cookie(visit.request, response, SESSION_COOKIE, new_session())
    return response


async def _changed(visit: Visit) -> Response:
    """Answer a change: a page that hears server events is told by them, another gets its list at once."""
    visit.streams.wake()
    if not visit.by_htmx:
        return RedirectResponse(f"{HOME}?{urlencode({'text': visit.text})}" if visit.text else HOME, 303)
    if visit.request.headers.get("x-hears") == "events":
        return Response(status_code=204)
    view = await asyncio.to_thread(person.view_of, visit.tenant, visit.subject, visit.text)
    visit.server.counts.listed(view.found)
    return page("person.html", _of_view(visit, view))


def _offered(visit: Visit, start: int | None, asked: str) -> tuple[list[Hit], Found]:
    """Return titles to pick from, and those that fit a search."""
    finder = Finder.of(visit.tenant.known(visit.subject).assortment.model)
    picks, called = [] if start is None else finder.well_known(start, PICKS), finder.called(asked, HITS)
    fitting = _fitting(visit, asked, called)
    # a guess at the spelling takes longer than all else, and is needed only where nothing is called so
    guessed = [] if called else finder.spelt_like(asked, GUESSES if fitting else HITS)
    return picks, Found(tuple(called), tuple(fitting), tuple(hit for hit in guessed if hit not in fitting))


def _fitting(visit: Visit, asked: str, called: list[Hit]) -> list[Hit]:
    """Return what fits the words of a search beside those that are called so, what suits her first."""
    try:
        ask = checked(SearchIn, {"q": asked[:LONGEST], "n": 2 * HITS})
        rows = visit.tenant.found(ask, session_id=visit.session_id).items
    except (BadInput, NotExplainable):
        return []  # nothing that can be looked for, or a model that has no words
    hits = [Hit(str(row.item_id), row.title) for row in rows]
    return [hit for hit in hits if hit not in called][:HITS]


def _common(visit: Visit) -> dict[str, object]:
    return {"visitor": visit.visitor, "text": visit.text, "may_write": visit.visitor.may("write")}


def _of_view(visit: Visit, view: person.View) -> dict[str, object]:
    return _common(visit) | {"view": view, "since": since_of(view), "session_id": visit.session_id}
