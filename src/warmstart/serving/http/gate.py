"""The gate that every request passes: its id, its limits, its key, its place in logs and metrics."""

import re
import time
from typing import Any
from urllib.parse import quote, unquote

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from warmstart.core.errors import WarmstartError
from warmstart.serving.http.access import Access, Caller, key_in
from warmstart.serving.http.crowd import Crowd
from warmstart.serving.http.hot import Hot, user_of
from warmstart.serving.http.logs import logger
from warmstart.serving.http.problems import AGAIN_SECONDS, MEDIA_TYPE, Refused, problem, problem_of
from warmstart.serving.http.tally import Tally
from warmstart.serving.names import new_name
from warmstart.serving.store.entries import user

WITH_BODY = ("POST", "PUT", "PATCH")
ACTIONS = (b":merge", b":activate")
"""Ends of paths that do something; an id that ends so has its colon written ``%3A``."""
SLASH = "\ue02f"
"""Stands in a path for a slash that belongs to an id, until the id is read."""
LARGEST_BODY = 1 << 20
"""Bytes of a request."""
REQUEST_ID = re.compile(rb"[A-Za-z0-9._-]{1,64}")
FREE = ("/health/", "/docs", "/openapi.json", "/console")
"""Beginnings of paths that need no key: they tell nothing of anybody, or ask for the key themselves."""
USERS, LISTS = "/v1/users/", "/v1/users/{user_id}/recommendations"
CALLER = "warmstart.caller"
"""Where a request's scope holds who asks."""
TOKEN = "warmstart.request_id"  # noqa: S105 (a name, no secret)


_CROWDED = bytes(problem(503, "More is asked than the server can answer in time.", "%s").body)
_CROWDED_HEADERS = [(b"content-type", MEDIA_TYPE.encode()), (b"retry-after", AGAIN_SECONDS.encode())]


class Gate:
    """An ASGI application around another one.

    Args:
        inner: answers what is not hot.
        hot: answers what is.
        access: knows who may do what.
        tally: counts and logs what passes.
        most_at_once: requests that are worked on at the same time.
    """

    def __init__(self, inner: ASGIApp, hot: Hot, access: Access, tally: Tally, most_at_once: int) -> None:
        self._inner = inner
        self._hot = hot
        self._access = access
        self._tally = tally
        self._most = most_at_once
        self._at_once = 0
        self._crowd = Crowd()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        if scope["type"] != "http":
            await self._inner(scope, receive, send)
            return
        passage = _Passage(scope, send)
        # pages that stay open for news are nobody's work
        counted = not scope["path"].startswith(FREE)
        self._at_once += counted
        try:
            await self._pass(scope, receive, passage)
        except Exception as error:  # noqa: BLE001 (whatever it is, the caller gets an answer)
            await passage.fail(error, scope, receive)
        finally:
            self._at_once -= counted
            self._note(scope, passage)

    async def _pass(self, scope: Scope, receive: Receive, passage: "_Passage") -> None:
        path: str = scope["path"]
        if b"%2f" in scope["raw_path"].lower():
            scope["path"] = _with_slashes_inside(scope["raw_path"])
        if scope["raw_path"].endswith(ACTIONS) and scope["method"] != "POST":
            raise Refused(405, "This path takes no such method; /docs lists them.", {"Allow": "POST"})
        if path.startswith(FREE):
            await self._inner(scope, receive, passage.send)
            return
        if scope["method"] == "GET" and path.endswith("/recommendations"):
            passage.route = LISTS if path.startswith(USERS) else ""
            # these wait for nobody, and must not suffer from those that wait for the store
            if not self._crowd.lets_in():
                await passage.turn_away()
                return
        elif self._at_once > self._most:
            raise Refused(503, "The server works on as many requests as it can.")
        caller = self._access.caller(key_in(scope["headers"]))
        passage.caller = caller
        passage.add(self._access.count(caller))
        scope[CALLER] = caller
        response = await self._hotly(scope, receive, caller, passage)
        if response is not None:
            await response(scope, receive, passage.send)
        else:
            whole = await _body(_limited(scope, receive)) if scope["method"] in WITH_BODY else b""
            await self._inner(scope, _again(whole, receive), passage.send)

    def _note(self, scope: Scope, passage: "_Passage") -> None:
        seconds, caller = time.perf_counter() - passage.started, passage.caller
        names = (
            (passage.request_id, None, None) if caller is None else (passage.request_id, caller.tenant, caller.key_id)
        )
        self._tally.passed(scope["method"], passage.route or _template(scope), passage.status, seconds, names)

    async def _hotly(self, scope: Scope, receive: Receive, caller: Caller, passage: "_Passage") -> ASGIApp | None:
        method, path = scope["method"], scope["path"]
        if method == "POST" and path == "/v1/events":
            passage.route = path
            body = await _body(_limited(scope, receive))
            return await self._hot.events(caller, scope["headers"], body, passage.request_id)
        if passage.route == LISTS:
            name = user_of(scope["raw_path"])
            if name is not None:
                return _Json(await self._hot.recommendations(caller, user(name), scope["query_string"]))
            passage.route = ""
        return None


class _Json:
    """A body of JSON in the two messages that it takes, for a framework's response costs as much as the store."""

    __slots__ = ("_body",)

    def __init__(self, body: bytes) -> None:
        self._body = body

    async def __call__(self, _scope: Scope, _receive: Receive, send: Send) -> None:
        length = str(len(self._body)).encode()
        headers = [(b"content-length", length), (b"content-type", b"application/json")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": self._body})


class _Passage:
    """One request on its way: what is added to its answer, and what is said of it afterwards."""

    __slots__ = ("_added", "_send", "caller", "request_id", "route", "started", "status")

    def __init__(self, scope: Scope, send: Send) -> None:
        given = next((value for name, value in scope["headers"] if name == b"x-request-id"), b"")
        self.request_id = given.decode() if REQUEST_ID.fullmatch(given) else new_name()
        self._added = [(b"x-request-id", self.request_id.encode())]
        self.caller: Caller | None = None
        self.route = ""
        self.status = 0
        self.started = time.perf_counter()
        self._send = send
        scope[TOKEN] = self.request_id

    def add(self, headers: dict[str, str]) -> None:
        """Send some headers with the answer."""
        self._added += [(name.lower().encode(), value.encode()) for name, value in headers.items()]

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            message["headers"] = [*message.get("headers", ()), *self._added]
        await self._send(message)

    async def turn_away(self) -> None:
        """Say that more is asked than can be answered, in as little time as that can be said."""
        body = _CROWDED % self.request_id.encode()
        headers = [*_CROWDED_HEADERS, (b"content-length", str(len(body)).encode())]
        await self.send({"type": "http.response.start", "status": 503, "headers": headers})
        await self._send({"type": "http.response.body", "body": body})

    async def fail(self, error: Exception, scope: Scope, receive: Receive) -> None:
        if not isinstance(error, Refused | WarmstartError):
            logger().error("failed", request_id=self.request_id, error=type(error).__name__, exc_info=error)
        if self.status:
            return  # an answer is on its way already
        if isinstance(error, Refused):
            told = {name.lower().encode() for name in error.headers}
            self._added = [(name, value) for name, value in self._added if name not in told]
        await problem_of(error, self.request_id)(scope, receive, self.send)


def _with_slashes_inside(raw: bytes) -> str:
    """Return a path in which slashes that belong to an id do not part it; ``SLASH`` stands for them."""
    return unquote(re.sub(r"%2[fF]", quote(SLASH), raw.decode("ascii", "replace")))


def _template(scope: Scope) -> str:
    """Return the route's pattern, for a path can hold a name."""
    route: Any = scope.get("route")
    return getattr(route, "path", "unmatched")


def _limited(scope: Scope, receive: Receive) -> Receive:
    """Refuse a body that is too large, by what it says of itself or by what comes."""
    told = next((value for name, value in scope["headers"] if name == b"content-length"), b"0")
    if not told.isdigit() or int(told) > LARGEST_BODY:
        raise Refused(413, f"A body has at most {LARGEST_BODY} bytes. Send it in parts.")
    came = 0

    async def counted() -> Message:
        nonlocal came
        message = await receive()
        came += len(message.get("body", b""))
        if came > LARGEST_BODY:
            raise Refused(413, f"A body has at most {LARGEST_BODY} bytes. Send it in parts.")
        return message

    return counted


def _again(body: bytes, receive: Receive) -> Receive:
    """Hand out a body that was read, then whatever comes."""
    parts: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def handed() -> Message:
        return parts.pop() if parts else await receive()

    return handed


async def _body(receive: Receive) -> bytes:
    parts = []
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise Refused(400, "The body did not come whole.")
        parts.append(message.get("body", b""))
        if not message.get("more_body"):
            return b"".join(parts)
