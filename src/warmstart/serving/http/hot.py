"""The two requests that come most, answered without a framework: events in, recommendations out."""

import asyncio
import time
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl, unquote

import orjson
from starlette.responses import Response

from warmstart.core.errors import BadInput
from warmstart.serving.answers import Recommendations, Recorded
from warmstart.serving.http.access import Caller
from warmstart.serving.http.metrics import ANSWERS, DEGRADED, DRIFT, EVENTS, LAG, WAITING
from warmstart.serving.http.problems import Refused, problem
from warmstart.serving.live import Live

Headers = list[tuple[bytes, bytes]]
JSON = "application/json"
FLAGS = {"true": True, "1": True, "false": False, "0": False}
LISTS = ("allow", "block")
IDEMPOTENCY = b"idempotency-key"


class Hot:
    """Answers over a live engine.

    Args:
        live: the engine.
    """

    def __init__(self, live: Live) -> None:
        self.live = live
        self._in_progress: set[tuple[str, str]] = set()

    async def events(
        self, caller: Caller, headers: list[tuple[bytes, bytes]], body: bytes, request_id: str
    ) -> Response:
        """Log one event (an object) or many (a list, or an object with ``events``); answers once they are durable."""
        started = time.perf_counter()
        caller.may("write")
        bodies, single = _bodies(body)
        key = next((value.decode("latin-1") for name, value in headers if name == IDEMPOTENCY), None)
        if key is not None and not 1 <= len(key) <= 256:
            raise Refused(422, "An Idempotency-Key has 1 to 256 characters.")
        found = await self._recorded(caller, bodies, key)
        EVENTS.labels("accepted").inc(found.accepted)
        EVENTS.labels("duplicate").inc(found.duplicates)
        EVENTS.labels("rejected").inc(len(found.rejected))
        LAG.observe(time.perf_counter() - started)
        WAITING.set(self.live.store.writer.waiting)
        if single and found.rejected:
            return problem(422, found.rejected[0].reason, request_id)
        if found.rejected and not found.versions and not found.duplicates:
            told = [{"index": one.index, "event_id": one.event_id, "reason": one.reason} for one in found.rejected]
            return problem(422, "None of the events could be logged.", request_id, rejected=told)
        return Response(orjson.dumps(found), media_type=JSON)

    async def _recorded(self, caller: Caller, bodies: list[Any], key: str | None) -> Recorded:
        tenant = self.live.tenant(caller.tenant)
        if key is None:
            return await asyncio.wrap_future(tenant.recording(bodies))
        mine = caller.tenant, key
        if mine in self._in_progress:
            raise Refused(409, "A request with this Idempotency-Key is being answered. Try again in a second.")
        self._in_progress.add(mine)
        try:
            return await asyncio.wrap_future(tenant.recording(bodies, key))
        finally:
            self._in_progress.discard(mine)

    def recommendations(self, caller: Caller, user_id: str, query: bytes, *, by_session: bool = False) -> Response:
        """Recommend to somebody who is kept."""
        caller.may("read")
        DRIFT.set(self.live.knowledge.drifted)
        asked = asked_of(query)
        who = {"session_id": user_id} if by_session else {"user_id": user_id}
        return list_response(self.live.tenant(caller.tenant).recommend(**who, **asked))


def list_response(found: Recommendations) -> Response:
    """Return a list as JSON, and count it."""
    ANSWERS.labels(found.evidence, found.fallback or "none").inc()
    if found.degraded:
        DEGRADED.inc()
    return Response(orjson.dumps(found), media_type=JSON)


def user_of(path: bytes) -> str | None:
    """Return whose recommendations a raw path asks for; None for any other path.

    Example:
        >>> from warmstart.serving.http.hot import user_of
        >>> user_of(b"/v1/users/ann%2Fb/recommendations"), user_of(b"/v1/users/ann"), user_of(b"/v1/events")
        ('ann/b', None, None)
    """
    parts = path.split(b"/")
    if len(parts) != 5 or parts[1:3] != [b"v1", b"users"] or parts[4] != b"recommendations" or not parts[3]:
        return None
    return checked_id(parts[3])


def checked_id(raw: bytes) -> str:
    """Return an id that stands in a path; raises ``Refused`` where it could never be one."""
    found = unquote(raw.decode("ascii", "replace"), errors="replace")
    if not 1 <= len(found) <= 256 or any(ord(letter) < 32 for letter in found):
        raise Refused(422, "An id has 1 to 256 characters, none of them control characters.")
    return found


def asked_of(query: bytes) -> dict[str, Any]:
    """Return what a query string asks for, ready to be checked.

    ``filter=genres:Comedy`` may be repeated; ``allow`` and ``block`` are lists with commas between.

    Example:
        >>> from warmstart.serving.http.hot import asked_of
        >>> asked_of(b"n=5&explain=true&filter=genres:Comedy&filter=genres:War&block=1,2")
        {'n': 5, 'explain': True, 'filter': {'genres': ['Comedy', 'War']}, 'block': ['1', '2']}
    """
    found: dict[str, Any] = {}
    for name, value in parse_qsl(query.decode("latin-1"), keep_blank_values=True):
        if name == "filter":
            column, colon, level = value.partition(":")
            if not colon:
                raise BadInput(f"filter: write column:level, such as genres:Comedy; came: {value[:80]!r}.")
            found.setdefault(name, {}).setdefault(column, []).append(level)
        elif name in LISTS:
            found.setdefault(name, []).extend(value.split(","))
        else:
            found[name] = _plain(name, value)
    return found


def _plain(name: str, value: str) -> Any:
    """Return a query's value as what it says; as the text that it is where it says something else than it should."""
    if name in {"explain", "exclude_seen"}:
        return FLAGS.get(value, value)
    kind = {"n": int, "diversity": float}.get(name, str)
    try:
        return kind(value)
    except ValueError:
        return value


def _bodies(body: bytes) -> tuple[list[Any], bool]:
    """Return the events of a body, and whether it was a single one."""
    try:
        found = orjson.loads(body)
    except orjson.JSONDecodeError:
        raise Refused(400, "The body is no JSON. Send an event, or a list of events.") from None
    if isinstance(found, Mapping):
        many = found.get("events")
        return (many, False) if isinstance(many, list) and len(found) == 1 else ([found], True)
    if not isinstance(found, list):
        raise Refused(422, "The body is an event, or a list of events.")
    return found, False
