"""Who may see a page, what may change something, and what a browser is told about all of it."""

import functools
import secrets
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from urllib.parse import parse_qs, quote, urlsplit

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response

from warmstart.core.errors import BadInput, WarmstartError
from warmstart.serving.console.render import page
from warmstart.serving.console.server import Server, Visitor
from warmstart.serving.console.stream import Streams
from warmstart.serving.requests import LONGEST_ID
from warmstart.serving.statuses import status_of
from warmstart.serving.store.entries import session
from warmstart.serving.tenant import Tenant

HOME = "/console"
KEY_COOKIE, SESSION_COOKIE = "warmstart_key", "warmstart_session"
LONGEST_SENTENCE = 300
LARGEST_FORM = 16_384
"""Bytes of a form."""
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    # with no-referrer a browser would not say where a form comes from either
    "Referrer-Policy": "same-origin",
    "Cache-Control": "no-store",
}


class Closed(WarmstartError):
    """Somebody came where she may not go; the message says what would let her in."""


@dataclass(frozen=True, slots=True)
class Visit:
    """A request to the console, and who makes it.

    Args:
        request: as it came.
        server: what the console stands in.
        streams: the open streams of this process.
        visitor: who makes it.
        session_id: the person on the page.
        form: what was sent with it, the last of each name.
    """

    request: Request
    server: Server
    streams: Streams
    visitor: Visitor
    session_id: str
    form: dict[str, str] = field(default_factory=dict)

    @property
    def tenant(self) -> Tenant:
        """The service of the visitor's tenant."""
        return self.server.live.tenant(self.visitor.tenant)

    @property
    def subject(self) -> str:
        """The person on the page, as the store names her."""
        return session(self.session_id)

    @property
    def text(self) -> str:
        """The sentence on the page."""
        return self.asked("text")[:LONGEST_SENTENCE].strip()

    @property
    def by_htmx(self) -> bool:
        """Whether a part of a page is asked for, not a page."""
        return _by_htmx(self.request)

    def asked(self, name: str) -> str:
        """Return a field of the form or the address, empty where there is none."""
        return self.form.get(name, self.request.query_params.get(name, ""))

    def number(self, name: str, most: int) -> int:
        """Return a field that is a whole number from 0 to ``most``; 0 for anything else."""
        told = self.asked(name)
        return min(int(told), most) if told.isascii() and told.isdigit() and len(told) < 20 else 0


Endpoint = Callable[[Visit], Awaitable[Response]]


def guarded(
    server: Server, streams: Streams, endpoint: Endpoint, role: str
) -> Callable[[Request], Awaitable[Response]]:
    """Return an endpoint that lets in only who may, tells errors as pages, and sends what keeps a page safe."""

    @functools.wraps(endpoint)
    async def answer(request: Request) -> Response:
        try:
            response = await _answered(server, streams, endpoint, role, request)
        except WarmstartError as error:
            response = trouble(request, 403 if isinstance(error, Closed) else status_of(error), str(error))
        return secured(response)

    return answer


async def _answered(server: Server, streams: Streams, endpoint: Endpoint, role: str, request: Request) -> Response:
    changes = request.method not in {"GET", "HEAD"}
    if changes and not same_site(request):
        raise Closed("This came from another site and was not done. Open the console itself and try again.")
    # the store may have to be asked for the keys
    visitor = await run_in_threadpool(server.visitor, request.cookies.get(KEY_COOKIE))
    if visitor is None:
        return _to_key(request)
    if not visitor.may(role):
        raise Closed(f"This key may {visitor.role}; for this it takes one that may {role}.")
    known = request.cookies.get(SESSION_COOKIE, "")
    fresh = not (8 <= len(known) <= LONGEST_ID and known.isascii() and known.isalnum())
    session_id = new_session() if fresh else known
    form = await form_of(request) if changes else {}
    response = await endpoint(Visit(request, server, streams, visitor, session_id, form))
    if fresh and "set-cookie" not in response.headers:
        set_cookie(request, response, SESSION_COOKIE, session_id)
    return response


def new_session() -> str:
    """Return a name for somebody new that nobody can guess."""
    return secrets.token_hex(16)


def same_site(request: Request) -> bool:
    """Return whether a request that changes something comes from the console itself.

    A browser says with every form where it comes from; one that does not must at least not say that it comes from
    elsewhere, or must bear a header that a form of another site cannot bear.
    """
    origin = request.headers.get("origin")
    if origin is not None:
        return bool(urlsplit(origin).netloc) and urlsplit(origin).netloc == request.headers.get("host")
    return request.headers.get("sec-fetch-site") == "same-origin" or _by_htmx(request)


def _by_htmx(request: Request) -> bool:
    return request.headers.get("hx-request") == "true"


def _to_key(request: Request) -> Response:
    """Send somebody without a key to where one is asked for."""
    where = request.url.path if request.method == "GET" and not _by_htmx(request) else HOME
    address = f"{HOME}/key?next={quote(where)}"
    if _by_htmx(request):
        return Response(status_code=401, headers={"HX-Redirect": address})
    if request.headers.get("accept", "").startswith("text/event-stream"):
        return PlainTextResponse("Give a key first.", 401)
    return RedirectResponse(address, 303)


async def form_of(request: Request) -> dict[str, str]:
    """Return the fields of a form, the last of each name."""
    body = bytearray()
    async for part in request.stream():
        body += part
        if len(body) > LARGEST_FORM:
            raise BadInput(f"A form has at most {LARGEST_FORM} bytes.")
    fields = parse_qs(body.decode("utf-8", "replace"), keep_blank_values=True, max_num_fields=50)
    return {name: values[-1] for name, values in fields.items()}


def set_cookie(request: Request, response: Response, name: str, value: str) -> None:
    """Leave a cookie that scripts cannot read and that other sites' pages cannot make a browser send."""
    secure = request.url.scheme == "https"
    response.set_cookie(name, value, path=HOME, httponly=True, samesite="strict", secure=secure)


def trouble(request: Request, status: int, message: str) -> Response:
    """Return an error: a sentence for a part of a page, else a page."""
    if _by_htmx(request):
        return PlainTextResponse(message, status)
    return page("trouble.html", {"message": message, "status": status, "here": ""}, status)


def secured(response: Response) -> Response:
    """Add what keeps a page safe in a browser."""
    for name, value in HEADERS.items():
        response.headers.setdefault(name, value)
    return response


def safe_next(told: str) -> str:
    """Return where to go after a key was given: a page of the console, whatever was asked.

    Example:
        >>> from warmstart.serving.console.guard import safe_next
        >>> safe_next("/console/health"), safe_next("//elsewhere/console"), safe_next("/consoles")
        ('/console/health', '/console', '/console')
    """
    inside = told == HOME or told.startswith(HOME + "/")
    return told if inside and "\\" not in told and told.isprintable() else HOME
