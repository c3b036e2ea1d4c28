"""The two requests that come most, answered without a framework: events in, recommendations out."""

import asyncio
import time
from collections.abc import Mapping
from functools import lru_cache, partial
from typing import Any
from urllib.parse import parse_qsl, unquote

import orjson
from starlette.responses import Response

from warmstart.core.errors import BadInput
from warmstart.serving.answers import Recommendations, Recorded
from warmstart.serving.assortments import settled
from warmstart.serving.http.access import Caller
from warmstart.serving.http.problems import Refused, problem
from warmstart.serving.http.tally import Tally
from warmstart.serving.live import Live
from warmstart.serving.requests import LONGEST_ID, Ask, checked

Headers = list[tuple[bytes, bytes]]
JSON = "application/json"
FLAGS = {"true": True, "1": True, "false": False, "0": False}
LISTS = ("allow", "block")
IDEMPOTENCY = b"idempotency-key"
BEFORE, BEHIND = b"/v1/users/", b"/recommendations"
LONGEST_REMEMBERED = 100
"""Bytes of a query that is remembered; a longer one names items, and hardly comes again."""


class Hot:
    """Answers over a live engine.

    Args:
        live: the engine.
        tally: counts what is answered.
    """

    def __init__(self, live: Live, tally: Tally) -> None:
        self.live = live
        self._tally = tally
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
        self._tally.recorded(found, time.perf_counter() - started)
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

    async def recommendations(self, caller: Caller, subject: str, query: bytes) -> bytes:
        """Recommend to somebody who is kept, in JSON."""
        started = time.perf_counter()
        caller.may("read")
        tenant, ask = self.live.tenant(caller.tenant), ask_of(query)
        work = partial(tenant.answer, subject, ask, started)
        # words take ten times as long as the list itself, and others must not wait for them
        return self.listed(await (settled(work) if ask.language is None else asyncio.to_thread(work)))

    def listed(self, found: Recommendations) -> bytes:
        """Return a list as JSON, and count it."""
        self._tally.listed(found)
        return orjson.dumps(found)


def user_of(path: bytes) -> str | None:
    """Return whose recommendations a raw path asks for; None for any other path.

    Example:
        >>> from warmstart.serving.http.hot import user_of
        >>> user_of(b"/v1/users/ann%2Fb/recommendations"), user_of(b"/v1/users/ann"), user_of(b"/v1/events")
        ('ann/b', None, None)
    """
    name = path.removeprefix(BEFORE).removesuffix(BEHIND)
    if not name or b"/" in name or len(name) != len(path) - len(BEFORE) - len(BEHIND):
        return None
    return name.decode() if name.isalnum() and len(name) <= LONGEST_ID else checked_id(name)


def checked_id(raw: bytes) -> str:
    """Return an id that stands in a path; raises ``Refused`` where it could never be one."""
    found = unquote(raw.decode("ascii", "replace"), errors="replace")
    if not 1 <= len(found) <= LONGEST_ID or any(ord(letter) < 32 for letter in found):
        raise Refused(422, "An id has 1 to 256 characters, none of them control characters.")
    return found


def ask_of(query: bytes) -> Ask:
    """Return what a query string asks for; raises ``BadInput`` naming all faults.

    Example:
        >>> from warmstart.serving.http.hot import ask_of
        >>> ask_of(b"n=5").n, ask_of(b"").n
        (5, 10)
    """
    return _remembered(query) if len(query) <= LONGEST_REMEMBERED else checked(Ask, asked_of(query))


@lru_cache(1024)
def _remembered(query: bytes) -> Ask:
    # most requests ask for the same: checking it again would cost a tenth of the answer
    return checked(Ask, asked_of(query))


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
