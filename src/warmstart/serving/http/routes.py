"""What the routes share: who may ask, ids in paths, shapes of answers, and how problems are documented."""

import asyncio
import json
from collections.abc import Callable
from typing import Annotated, Any, TypeVar

import orjson
from fastapi import Depends, Path, Query, Request
from pydantic import AfterValidator, BaseModel, StringConstraints, TypeAdapter
from starlette.responses import Response

from warmstart.serving.http.access import Caller
from warmstart.serving.http.gate import CALLER, SLASH
from warmstart.serving.http.hot import JSON
from warmstart.serving.http.problems import MEDIA_TYPE
from warmstart.serving.live import Live
from warmstart.serving.requests import NO_CONTROL, named
from warmstart.serving.tenant import Tenant

T = TypeVar("T")
_Part = Path(min_length=1, max_length=256, json_schema_extra={"pattern": NO_CONTROL})
Id = Annotated[str, _Part, AfterValidator(named), AfterValidator(lambda name: name.replace(SLASH, "/"))]
Level = Annotated[str, StringConstraints(pattern="^[^:]+:")]
Count = Annotated[int, Query(ge=1, le=1000)]


class Problem(BaseModel):
    """What went wrong (RFC 9457)."""

    type: str
    title: str
    status: int
    detail: str
    request_id: str


class Version(BaseModel):
    """The version of a subject after a change; answers carry it, or a later one, from now on."""

    state_version: int


class Changed(BaseModel):
    """How many were changed."""

    count: int


def documented(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Return how a route's problems are documented: those that any route has, and some of its own."""
    always = (400, 401, 403, 422, 429, 503)
    return {status: {"model": Problem, "content": {MEDIA_TYPE: {}}} for status in sorted({*always, *statuses})}


def may(role: str) -> Callable[[Request], Tenant]:
    """Return what lets only callers with a role in, and hands out their tenant's service."""

    def tenant_of(request: Request) -> Tenant:
        caller: Caller = request.scope[CALLER]
        caller.may(role)
        live: Live = request.app.state.live
        return live.tenant(caller.tenant)

    return tenant_of


Reads = Annotated[Tenant, Depends(may("read"))]
Writes = Annotated[Tenant, Depends(may("write"))]
Governs = Annotated[Tenant, Depends(may("admin"))]


def answered(value: Any) -> Response:
    """Return a value as JSON."""
    try:
        text = orjson.dumps(value)
    except TypeError:  # what a caller left with us may hold numbers of more than 64 bits
        text = json.dumps(TypeAdapter(Any).dump_python(value)).encode()
    return Response(text, media_type=JSON)


async def waited(work: Callable[[], T]) -> T:
    """Do what waits for the store beside the loop that answers others."""
    return await asyncio.to_thread(work)
