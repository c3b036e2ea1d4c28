"""What a page is told by server events: its person whenever something changed, whoever did it, and the numbers."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

from starlette.responses import Response

from warmstart.core.errors import WarmstartError
from warmstart.serving.console import render
from warmstart.serving.console.counts import Reading, between
from warmstart.serving.console.guard import Visit
from warmstart.serving.console.person import View, key_of, view_of
from warmstart.serving.console.stream import LOOK_SECONDS

HEALTH_SECONDS = 2.0
"""How often the numbers of the server are told."""


def person_stream(visit: Visit) -> Response:
    """Tell a page of its person: her list and what changed, whenever it did."""

    async def parts() -> AsyncIterator[str]:
        shown = visit.request.headers.get("last-event-id") or visit.asked("since")
        before = await asyncio.to_thread(_view, visit)
        if shown != since_of(before):
            yield _person_event(visit, before, "")
        async for beat in visit.streams.beats(LOOK_SECONDS):
            key = await _tried(lambda: key_of(visit.tenant.known(visit.subject)))
            if key is not None and key != before.key:
                now = await _tried(lambda: _view(visit))
                if now is not None:
                    yield _person_event(visit, now.after(before), now.news(before))
                    before = now
            elif beat:
                yield ": still here\n\n"

    return visit.streams.response(parts)


def _view(visit: Visit) -> View:
    view = view_of(visit.tenant, visit.subject, visit.text)
    visit.server.counts.listed(view.found)
    return view


async def _tried(work: Callable[[], Any]) -> Any:
    """Return what is found, or None while the store or the model fails: the page keeps what it has."""
    try:
        return await asyncio.to_thread(work)
    except WarmstartError:
        return None


def _person_event(visit: Visit, view: View, news: str) -> str:
    told = {"view": view, "text": visit.text, "may_write": visit.visitor.may("write")}
    html = render.text("person.html", told)
    events = [f"event: person\nid: {since_of(view)}\n{flat(html)}\n\n"]
    if news:
        events.append(f"event: news\n{flat(render.text('news.html', {'news': news}))}\n\n")
    return "".join(events)


def health_stream(visit: Visit, reading: Callable[[], Awaitable[Reading]]) -> Response:
    """Tell a page how the server does, every other second."""

    async def parts() -> AsyncIterator[str]:
        before = await reading()
        async for _ in visit.streams.beats(HEALTH_SECONDS):
            now = await reading()
            if now.at - before.at < HEALTH_SECONDS / 2:
                continue  # woken by somebody's click
            health = between(before, now)
            told = {"health": health, "model": visit.server.live.shelf.present.version, "open": visit.streams.open}
            point = {"events": health.events, "answers": health.answers, "p50": health.median, "p99": health.tail}
            yield f"event: numbers\n{flat(render.text('numbers.html', told))}\n\n"
            yield f"event: point\ndata: {json.dumps(point)}\n\n"
            before = now

    return visit.streams.response(parts)


def since_of(view: View) -> str:
    """Return what a page says it shows, so that its stream can tell whether something happened since."""
    return "-".join(map(str, view.key))


def flat(html: str) -> str:
    """Return HTML as the data of a server event.

    Example:
        >>> from warmstart.serving.console.telling import flat
        >>> flat("<p>"), flat("")
        ('data: <p>', '')
    """
    return "\n".join(f"data: {line}" for line in html.splitlines() if line.strip())
