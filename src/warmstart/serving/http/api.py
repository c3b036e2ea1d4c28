"""The application, and its routes of events and lists; the two hot ones are answered at the gate before."""

from functools import partial
from typing import Annotated, Any, cast

from fastapi import APIRouter, Body, FastAPI, Query, Request
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ConfigDict, Field
from starlette.exceptions import HTTPException
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from warmstart import __version__
from warmstart.core.errors import WarmstartError
from warmstart.explanation.lexicon import Language
from warmstart.recommenders.pasted import looks_pasted
from warmstart.serving.answers import Explained, Recommendations, Recorded
from warmstart.serving.assortments import settled
from warmstart.serving.http import items, models, people
from warmstart.serving.http.gate import ACTIONS, CALLER, TOKEN
from warmstart.serving.http.hot import JSON, Hot, asked_of
from warmstart.serving.http.metrics import EXPOSITION
from warmstart.serving.http.problems import MEDIA_TYPE, Refused, problem, problem_of
from warmstart.serving.http.routes import (
    Count,
    Id,
    Level,
    Problem,
    Reads,
    Version,
    Writes,
    answered,
    documented,
    waited,
)
from warmstart.serving.http.tally import Tally
from warmstart.serving.live import Live
from warmstart.serving.requests import MOST_EVENTS, SEARCH_SCHEMA, Ask, EventIn, PersonIn, SearchIn, checked
from warmstart.serving.requests import Id as Name
from warmstart.serving.store.entries import session, user
from warmstart.serving.tenant import Tenant


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


router = APIRouter(prefix="/v1")
Events = Annotated[EventIn | Annotated[list[EventIn], Field(min_length=1, max_length=MOST_EVENTS)], Body()]


def _listed(request: Request, found: Recommendations) -> Response:
    hot: Hot = request.app.state.hot
    return Response(hot.listed(found), media_type=JSON)


async def _described(tenant: Tenant, asked: dict[str, Any]) -> Recommendations:
    """Recommend to somebody who is not kept; the first titles that are pasted take a second to find."""
    work = partial(tenant.recommend_to, **asked)
    takes_long = asked.get("language") or looks_pasted(asked.get("text") or "")
    return await (waited(work) if takes_long else settled(work))


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
    return answered({"state_version": await waited(lambda: tenant.undo(event_id))})


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
    language: Annotated[Language | None, Query(description="Say why this list, in English or Chinese.")] = None,
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
    await waited(lambda: tenant.reward(recommendation_id, given.reward))
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
    work = partial(tenant.recommend, user_id, **of_ask)
    return _listed(request, await (waited(work) if asked.get("language") else settled(work)))


@router.get(
    "/users/{user_id}/explanations/{item_id}", response_model=Explained, responses=documented(404), tags=["lists"]
)
async def explanation(tenant: Reads, user_id: Id, item_id: Id, language: Language | None = None) -> Response:
    """Say why an item has its score for a user; the reasons sum to it, and `language` puts them in words as well."""
    work = partial(tenant.explain, user_id, item_id, language)
    return answered(await (waited(work) if language else settled(work)))


@router.get("/search", response_model=Recommendations, responses=documented(404), tags=["lists"])
async def search(
    request: Request,
    tenant: Reads,
    q: Annotated[str, Query(json_schema_extra=SEARCH_SCHEMA)],
    user_id: Annotated[Name | None, Query(description="Whom it is to suit; left out, everybody.")] = None,
    session_id: Annotated[Name | None, Query(description="The same, before login.")] = None,
    n: Count = 10,
    *,
    exclude_seen: bool = False,
    filter: Annotated[list[Level] | None, Query(description="column:level, such as genres:Comedy")] = None,  # noqa: A002
    allow: Annotated[str | None, Query(description="Only these item ids, with commas between.")] = None,
    block: Annotated[str | None, Query(description="None of these item ids.")] = None,
    after: Annotated[str | None, Query(description="recommendation_id of the page before.")] = None,
) -> Response:
    """Return what fits a text, words of titles, labels or years, what suits the person first; empty where nothing."""
    asked = asked_of(request.scope["query_string"])
    whom = asked.pop("user_id", None), asked.pop("session_id", None)
    ask = checked(SearchIn, asked)
    return answered(await waited(lambda: tenant.found(ask, *whom)))


@router.get("/items/{item_id}/similar", response_model=Recommendations, responses=documented(404), tags=["lists"])
async def similar(request: Request, tenant: Reads, item_id: Id, n: Count = 10) -> Response:
    """Return what those like who like an item."""
    return _listed(request, await settled(lambda: tenant.similar(item_id, n)))


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
    for routes in (router, people.router, items.router, models.router, *more):
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
        await waited(live.check)
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
