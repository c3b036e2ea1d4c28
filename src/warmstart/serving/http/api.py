"""The routes of the API and their documents; the two hot ones are answered at the gate before they come here."""

import asyncio
import json
from collections.abc import Callable
from functools import partial
from typing import Annotated, Any, cast

import orjson
from fastapi import APIRouter, Body, Depends, FastAPI, Path, Query, Request
from fastapi.exceptions import RequestValidationError
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints, TypeAdapter
from starlette.exceptions import HTTPException
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from warmstart import __version__
from warmstart.core.errors import NotFound, WarmstartError
from warmstart.recommenders.pasted import looks_pasted
from warmstart.serving.answers import Erased, Explained, Export, Recommendations, Recorded
from warmstart.serving.assortments import settled
from warmstart.serving.http.access import Caller
from warmstart.serving.http.gate import ACTIONS, CALLER, SLASH, TOKEN
from warmstart.serving.http.hot import JSON, Hot
from warmstart.serving.http.metrics import EXPOSITION
from warmstart.serving.http.problems import MEDIA_TYPE, Refused, problem, problem_of
from warmstart.serving.http.tally import Tally
from warmstart.serving.live import Live, Tenant
from warmstart.serving.requests import MOST_EVENTS, MOST_ITEMS, NO_CONTROL, Ask, EventIn, ItemIn, PersonIn, named
from warmstart.serving.requests import Id as Name
from warmstart.serving.store import kept
from warmstart.serving.store.entries import session, user

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


class ItemOut(BaseModel):
    """An item as it was put."""

    item_id: str
    attributes: dict[str, Any]
    available: bool


class ItemPage(BaseModel):
    """Some items, and where the next page begins; None where this is the last."""

    items: list[ItemOut]
    after: str | None


class ModelOut(BaseModel):
    """A model that servers may answer with."""

    version: str
    created: float
    activated: float | None
    active: bool


class Session(BaseModel):
    """Who somebody was before she logged in."""

    model_config = ConfigDict(extra="forbid", strict=True)

    session_id: Name


class Ranking(PersonIn):
    """Items to choose among, and for whom; what a body says of a person is read where no ``user_id`` is given."""

    actions: Annotated[list[Name], Field(min_length=1, max_length=1000)]
    """Ids of the items to rank."""
    user_id: Name | None = None
    """Somebody who is kept."""


class Reward(BaseModel):
    """What a list was worth."""

    model_config = ConfigDict(extra="forbid", strict=True)

    reward: Annotated[float, Field(ge=-1e6, le=1e6)]


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

router = APIRouter(prefix="/v1")
Events = Annotated[EventIn | Annotated[list[EventIn], Field(min_length=1, max_length=MOST_EVENTS)], Body()]
Items = Annotated[list[ItemIn], Body(min_length=1, max_length=MOST_ITEMS)]


def _json(value: Any) -> Response:
    try:
        text = orjson.dumps(value)
    except TypeError:  # what a caller left with us may hold numbers of more than 64 bits
        text = json.dumps(TypeAdapter(Any).dump_python(value)).encode()
    return Response(text, media_type=JSON)


def _listed(request: Request, found: Recommendations) -> Response:
    hot: Hot = request.app.state.hot
    return Response(hot.listed(found), media_type=JSON)


async def _described(tenant: Tenant, asked: dict[str, Any]) -> Recommendations:
    """Recommend to somebody who is not kept; the first titles that are pasted take a second to find."""
    work = partial(tenant.recommend_to, **asked)
    return await (_waited(work) if looks_pasted(asked.get("text") or "") else settled(work))


async def _waited(work: Callable[[], Any]) -> Any:
    """Do what waits for the store beside the loop that answers others."""
    return await asyncio.to_thread(work)


@router.post("/events", response_model=Recorded, responses=documented(400, 409, 413, 507), tags=["events"])
async def post_events(request: Request, events: Events) -> Response:
    """Log what people did, one event or many; the next recommendation rests on it.

    An `event_id` has one effect, however often it is sent; the same id with another body is refused. The header
    `Idempotency-Key` does the same for a whole request.
    """
    hot: Hot = request.app.state.hot
    headers = request.scope["headers"]
    return await hot.events(request.scope[CALLER], headers, await request.body(), request.scope[TOKEN])


@router.delete("/events/{event_id}", response_model=Version, responses=documented(404, 507), tags=["events"])
async def undo_event(tenant: Writes, event_id: Id) -> Response:
    """Take an event out of its person's profile."""
    return _json({"state_version": await _waited(lambda: tenant.undo(event_id))})


@router.get(
    "/users/{user_id}/recommendations", response_model=Recommendations, responses=documented(404), tags=["lists"]
)
async def recommendations(
    request: Request,
    user_id: Id,
    n: Count = 10,
    *,
    exclude_seen: bool = True,
    explain: bool = False,
    filter: Annotated[list[Level] | None, Query(description="column:level, such as genres:Comedy")] = None,  # noqa: A002
    allow: Annotated[str | None, Query(description="Only these item ids, with commas between.")] = None,
    block: Annotated[str | None, Query(description="None of these item ids.")] = None,
    diversity: Annotated[float | None, Query(ge=0, le=1)] = None,
    explore: Annotated[str | None, Query(pattern="^(off|thompson|ucb)$")] = None,
    scenario: Annotated[str | None, Query(min_length=1, max_length=64)] = None,
    after: Annotated[str | None, Query(description="recommendation_id of the page before.")] = None,
) -> Response:
    """Recommend to a user; whoever is unknown gets what everybody likes."""
    hot: Hot = request.app.state.hot
    found = await hot.recommendations(request.scope[CALLER], user(user_id), request.scope["query_string"])
    return Response(found, media_type=JSON)


@router.get(
    "/sessions/{session_id}/recommendations", response_model=Recommendations, responses=documented(404), tags=["lists"]
)
async def session_recommendations(request: Request, session_id: Id, n: Count = 10) -> Response:
    """Recommend to somebody who has not logged in; the query is that of users."""
    hot: Hot = request.app.state.hot
    found = await hot.recommendations(request.scope[CALLER], session(session_id), request.scope["query_string"])
    return Response(found, media_type=JSON)


@router.post("/recommendations", response_model=Recommendations, responses=documented(404, 413), tags=["lists"])
async def recommend_to(request: Request, tenant: Reads, person: PersonIn) -> Response:
    """Recommend to somebody of whom nothing is kept: history, attributes or a sentence stand in the body."""
    return _listed(request, await _described(tenant, person.model_dump(exclude_unset=True)))


@router.post("/recommendations/{recommendation_id}/reward", status_code=204, responses=documented(404), tags=["lists"])
async def reward(tenant: Writes, recommendation_id: Id, given: Reward) -> Response:
    """Say what a list that was left to chance was worth."""
    await _waited(lambda: tenant.reward(recommendation_id, given.reward))
    return Response(status_code=204)


@router.post("/rank", response_model=Recommendations, responses=documented(404, 413), tags=["lists"])
async def rank(request: Request, tenant: Reads, person: Ranking) -> Response:
    """Rank some items, what she met as well, for a user who is kept or for somebody described in the body."""
    asked = person.model_dump(exclude_unset=True)
    user_id = asked.pop("user_id", None)
    asked |= {"allow": asked.pop("actions"), "n": len(person.actions), "exclude_seen": False}
    if user_id is None:
        return _listed(request, await _described(tenant, asked))
    of_ask = {name: value for name, value in asked.items() if name in Ask.model_fields}
    return _listed(request, await settled(lambda: tenant.recommend(user_id, **of_ask)))


@router.get(
    "/users/{user_id}/explanations/{item_id}", response_model=Explained, responses=documented(404), tags=["lists"]
)
async def explanation(tenant: Reads, user_id: Id, item_id: Id) -> Response:
    """Say why an item has its score for a user; the reasons sum to it."""
    return _json(await settled(lambda: tenant.explain(user_id, item_id)))


@router.get("/items/{item_id}/similar", response_model=Recommendations, responses=documented(404), tags=["lists"])
async def similar(request: Request, tenant: Reads, item_id: Id, n: Count = 10) -> Response:
    """Return what those like who like an item."""
    return _listed(request, await settled(lambda: tenant.similar(item_id, n)))


@router.put("/users/{user_id}", response_model=Version, responses=documented(413, 507), tags=["people"])
async def describe_user(tenant: Writes, user_id: Id, attributes: dict[str, Any]) -> Response:
    """Set what is known of a user beside her events, such as age."""
    return _json({"state_version": await _waited(lambda: tenant.describe(user_id, attributes))})


@router.get("/users/{user_id}/export", response_model=Export, responses=documented(404), tags=["people"])
@router.get("/users/{user_id}", response_model=Export, responses=documented(404), tags=["people"])
async def export_user(tenant: Reads, user_id: Id) -> Response:
    """Return everything that is kept about a user."""
    return _json(await _waited(lambda: tenant.export(user_id)))


@router.delete("/users/{user_id}", response_model=Erased, responses=documented(507), tags=["people"])
async def erase_user(tenant: Writes, user_id: Id) -> Response:
    """Remove everything about a user, and return the receipt."""
    return _json(await _waited(lambda: tenant.erase(user_id)))


@router.post("/users/{user_id}:merge", response_model=Version, responses=documented(507), tags=["people"])
async def merge(tenant: Writes, user_id: Id, was: Session) -> Response:
    """Give a user what was done in a session before she logged in, and what will still come under it."""
    return _json({"state_version": await _waited(lambda: tenant.merge(user_id, was.session_id))})


@router.get("/items", response_model=ItemPage, responses=documented(), tags=["items"])
async def items(tenant: Reads, after: Annotated[str, Query(max_length=256)] = "", n: Count = 100) -> Response:
    """Return the items that were put, page by page, in order of id."""
    found = await _waited(lambda: tenant.items(after, n))
    return _json({"items": found, "after": found[-1].item_id if len(found) == n else None})


@router.get("/items/{item_id}", response_model=ItemOut, responses=documented(404), tags=["items"])
async def item(tenant: Reads, item_id: Id) -> Response:
    """Return an item: as it was put, or as the model knows it."""
    return _json(await _waited(lambda: tenant.item(item_id)))


@router.put("/items", response_model=Changed, responses=documented(413, 507), tags=["items"])
@router.post("/items", response_model=Changed, responses=documented(413, 507), tags=["items"])
async def put_items(tenant: Writes, items: Items) -> Response:
    """Add items or change them; one with a title or labels can be recommended at once."""
    bodies = [one.model_dump(exclude_unset=True) for one in items]
    return _json({"count": await _waited(lambda: tenant.put_items(bodies))})


@router.delete("/items/{item_id}", response_model=Changed, responses=documented(404, 507), tags=["items"])
async def remove_item(tenant: Writes, item_id: Id) -> Response:
    """Remove an item, until it is put again."""
    count = await _waited(lambda: tenant.remove_items([item_id]))
    if not count:
        raise NotFound("There is no such item.")
    return _json({"count": count})


@router.get("/models", response_model=list[ModelOut], responses=documented(), tags=["models"])
async def models(request: Request, tenant: Governs) -> Response:
    """Return the registered models, the one that answers first."""
    live: Live = request.app.state.live
    rows = await _waited(lambda: live.store.read(kept.models))
    present = live.shelf.present.version
    told = [(row.version, row.created, row.activated, row.version == present) for row in rows]
    return _json([dict(zip(("version", "created", "activated", "active"), one, strict=True)) for one in told])


@router.post("/models/{version}:activate", status_code=204, responses=documented(404), tags=["models"])
async def activate(request: Request, tenant: Governs, version: Id) -> Response:
    """Let a registered model answer, an older one as well; every process takes it over within a second."""
    live: Live = request.app.state.live
    await _waited(lambda: live.activate(version))
    return Response(status_code=204)


def application(live: Live, hot: Hot, tally: Tally, *more: APIRouter) -> FastAPI:
    """Return the application behind the gate; ``more`` are further routes."""
    app = FastAPI(
        title="Warmstart",
        version=__version__,
        summary="Recommends to people it has just met.",
        docs_url="/docs",
        redoc_url=None,
    )
    app.state.live, app.state.hot = live, hot
    for routes in (router, *more):
        app.include_router(routes)
    _add_health(app, live, tally)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _not_routed)
    app.add_exception_handler(Refused, _ours)
    app.add_exception_handler(WarmstartError, _ours)
    app.add_exception_handler(Exception, _ours)
    return app


def _add_health(app: FastAPI, live: Live, tally: Tally) -> None:
    @app.get("/health/live", tags=["health"])
    async def alive() -> dict[str, str]:
        """Say that the process answers."""
        return {"status": "alive"}

    @app.get("/health/ready", tags=["health"], responses={503: {"model": Problem, "content": {MEDIA_TYPE: {}}}})
    async def ready() -> dict[str, str]:
        """Say that the model is loaded and the store answers."""
        await _waited(live.check)
        return {"status": "ready", "model_version": live.shelf.present.version}

    @app.get("/metrics", tags=["health"], responses=documented(), response_class=PlainTextResponse)
    async def metrics(tenant: Reads) -> Response:
        """Return what was counted, for Prometheus."""
        return Response(tally.text(), media_type=EXPOSITION)


async def _invalid(request: Request, error: Exception) -> Response:
    found = cast("RequestValidationError", error).errors()
    if any(fault["type"] == "json_invalid" for fault in found):
        return problem(400, "The body is no JSON.", request.scope[TOKEN])
    faults = [(".".join(map(str, fault["loc"][1:])), fault["msg"]) for fault in found]
    told = [{"field": field, "reason": reason.removeprefix("Value error, ")} for field, reason in faults]
    detail = "; ".join(f"{one['field']}: {one['reason']}" for one in told)
    return problem(422, detail, request.scope[TOKEN], faults=told)


async def _not_routed(request: Request, error: Exception) -> Response:
    wrong = cast("HTTPException", error)
    headers = dict(wrong.headers or {})
    if wrong.status_code == 405:
        headers["Allow"] = ", ".join(_methods_of(request))
    cure = {404: "There is no such path; /docs lists them.", 405: "This path takes no such method; /docs lists them."}
    detail = cure.get(wrong.status_code, str(wrong.detail))
    return problem(wrong.status_code, detail, request.scope[TOKEN], headers)


def _methods_of(request: Request) -> list[str]:
    """Return the methods that the path takes; several routes may share it."""
    ending = next((end.decode() for end in ACTIONS if request.scope["raw_path"].endswith(end)), "")
    found: set[str] = set()
    for route in request.app.routes:
        fits = isinstance(route, Route) and route.path_regex.match(request.scope["path"])
        if fits and route.path.endswith(ending):
            found |= route.methods or set()
    return sorted(found)


async def _ours(request: Request, error: Exception) -> Response:
    return problem_of(error, request.scope[TOKEN])
