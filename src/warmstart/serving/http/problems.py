"""Errors as problem+json (RFC 9457)."""

import http
from typing import Any

import orjson
from starlette.responses import Response

from warmstart.core.errors import UnknownItem, WarmstartError
from warmstart.serving.statuses import status_of

MEDIA_TYPE = "application/problem+json"
AGAIN_SECONDS = "1"
"""After how many seconds a request that was refused for want of room may come again."""


class Refused(Exception):
    """A request is refused with a status of HTTP; ``problem`` turns it into a response.

    Args:
        status: of HTTP.
        detail: what is wrong and what to do.
        headers: that go with it.
    """

    def __init__(self, status: int, detail: str, headers: dict[str, str] | None = None) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.headers = headers or {}


def problem(status: int, detail: str, request_id: str, headers: dict[str, str] | None = None, **more: Any) -> Response:
    """Return a problem: ``type``, ``title``, ``status``, ``detail``, ``request_id`` and whatever else helps."""
    told = {
        "type": "about:blank",
        "title": http.HTTPStatus(status).phrase,
        "status": status,
        "detail": detail,
        "request_id": request_id,
    }
    extra = {"Retry-After": AGAIN_SECONDS} if status in {429, 503, 507} else {}
    return Response(orjson.dumps(told | more), status, extra | (headers or {}), MEDIA_TYPE)


def problem_of(error: Exception, request_id: str) -> Response:
    """Return the problem that an error is."""
    if isinstance(error, Refused):
        return problem(error.status, error.detail, request_id, error.headers)
    if isinstance(error, UnknownItem):
        return problem(404, str(error), request_id, error="UnknownItem", nearest=list(error.nearest))
    if isinstance(error, WarmstartError):
        return problem(status_of(error), str(error), request_id, error=type(error).__name__)
    return problem(500, "Something went wrong on our side; the log has it under this request id.", request_id)
