"""The routes that Gorse's users call most, so that they can try Warmstart by changing an address.

Gorse's clients send PascalCase, name feedback by user, item and type, and read bare lists of ids.
"""

import asyncio
import datetime as dt
from typing import Annotated, Any

import orjson
from fastapi import APIRouter, Query, Request
from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, Strict
from starlette.responses import Response

from warmstart.core.errors import BadInput
from warmstart.serving.assortments import settled
from warmstart.serving.http.hot import JSON, Hot
from warmstart.serving.http.routes import Id, Reads, Writes, documented
from warmstart.serving.requests import MOST_EVENTS, MOST_RECOMMENDED, named
from warmstart.serving.requests import Id as Name
from warmstart.serving.store.entries import digest_of

Kind = Annotated[str, Field(min_length=1, max_length=64), AfterValidator(named)]


def _written(value: Any) -> Any:
    """Take a time as text only, as Gorse's clients write it."""
    if not isinstance(value, str):
        message = "a time is written such as 2026-01-02T03:04:05Z"
        raise ValueError(message)  # noqa: TRY004 (pydantic takes it for a fault of the value)
    return value


class GorseFeedback(BaseModel):
    """What somebody did, in Gorse's words; the type is one of those that the server was set up with."""

    model_config = ConfigDict(extra="ignore")

    FeedbackType: Kind
    UserId: Name
    ItemId: Name
    Timestamp: Annotated[dt.datetime, BeforeValidator(_written)] | None = None
    Value: Annotated[float, Strict()] | None = None

    def event(self) -> dict[str, Any]:
        """Return the event; sent again it is the same one."""
        names = [self.FeedbackType, self.UserId, self.ItemId]
        told: dict[str, Any] = {"user_id": self.UserId, "item_id": self.ItemId, "type": self.FeedbackType}
        if self.Timestamp is not None:
            at = self.Timestamp if self.Timestamp.tzinfo else self.Timestamp.replace(tzinfo=dt.UTC)
            told["timestamp"] = at.timestamp()
            names.append(repr(at.timestamp()))
        if self.Value is not None:
            told["value"] = self.Value
            names.append(repr(self.Value))
        return told | {"event_id": f"gorse-{digest_of(names)}"}


class RowAffected(BaseModel):
    """How many rows were written."""

    RowAffected: int


class Score(BaseModel):
    """An item and its score."""

    Id: str
    Score: float


router = APIRouter(prefix="/api", tags=["as in Gorse"])
Feedbacks = Annotated[list[GorseFeedback], Field(min_length=1, max_length=MOST_EVENTS)]
Size = Annotated[int, Query(ge=1, le=MOST_RECOMMENDED)]


@router.post("/feedback", response_model=RowAffected, responses=documented(413, 507))
@router.put("/feedback", response_model=RowAffected, responses=documented(413, 507))
async def feedback(tenant: Writes, feedbacks: Feedbacks) -> Response:
    """Log feedback; the next list of these users rests on it, and a retry has no second effect."""
    found = await asyncio.wrap_future(tenant.recording([one.event() for one in feedbacks]))
    if found.rejected:
        raise BadInput("; ".join(f"[{one.index}] {one.reason}" for one in found.rejected))
    return Response(orjson.dumps({"RowAffected": found.accepted}), media_type=JSON)


@router.get("/recommend/{user_id}", response_model=list[str], responses=documented())
async def recommend(
    request: Request, tenant: Reads, user_id: Id, n: Size = 10, offset: Annotated[int, Query(ge=0)] = 0
) -> Response:
    """Return ids of items, best first; those before ``offset`` are left out."""
    if offset + n > MOST_RECOMMENDED:
        raise BadInput(f"offset and n together are at most {MOST_RECOMMENDED}.")
    found = await settled(lambda: tenant.recommend(user_id, n=offset + n))
    hot: Hot = request.app.state.hot
    hot.listed(found)
    return Response(orjson.dumps([str(row.item_id) for row in found.items[offset:]]), media_type=JSON)


@router.get("/item/{item_id}/neighbors", response_model=list[Score], responses=documented(404))
async def neighbors(tenant: Reads, item_id: Id, n: Size = 10) -> Response:
    """Return what those like who like an item."""
    rows = (await settled(lambda: tenant.similar(item_id, n))).items
    return Response(orjson.dumps([{"Id": str(row.item_id), "Score": row.score} for row in rows]), media_type=JSON)
