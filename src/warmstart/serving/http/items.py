"""The routes of items: what was put, page by page, changed and removed."""

from typing import Annotated, Any

from fastapi import APIRouter, Body, Query
from pydantic import BaseModel
from starlette.responses import Response

from warmstart.core.errors import NotFound
from warmstart.explanation.lexicon import Language
from warmstart.serving.answers import Description
from warmstart.serving.http.routes import Changed, Count, Id, Reads, Writes, answered, documented, waited
from warmstart.serving.requests import MOST_ITEMS, ItemIn

router = APIRouter(prefix="/v1", tags=["items"])
Items = Annotated[list[ItemIn], Body(min_length=1, max_length=MOST_ITEMS)]


class ItemOut(BaseModel):
    """An item as it was put."""

    item_id: str
    attributes: dict[str, Any]
    available: bool


class ItemPage(BaseModel):
    """Some items, and where the next page begins; None where this is the last."""

    items: list[ItemOut]
    after: str | None


@router.get("/items", response_model=ItemPage, responses=documented())
async def items(tenant: Reads, after: Annotated[str, Query(max_length=256)] = "", n: Count = 100) -> Response:
    """Return the items that were put, page by page, in order of id."""
    found = await waited(lambda: tenant.items(after, n))
    return answered({"items": found, "after": found[-1].item_id if len(found) == n else None})


@router.get("/items/{item_id}", response_model=ItemOut, responses=documented(404))
async def item(tenant: Reads, item_id: Id) -> Response:
    """Return an item: as it was put, or as the model knows it."""
    return answered(await waited(lambda: tenant.item(item_id)))


@router.get("/items/{item_id}/description", response_model=Description, responses=documented(404))
async def description(tenant: Reads, item_id: Id, language: Language = "en") -> Response:
    """Return what an item is, in words that say nothing but what was put or the model read."""
    return answered(await waited(lambda: tenant.description(item_id, language)))


@router.put("/items", response_model=Changed, responses=documented(413, 507))
@router.post("/items", response_model=Changed, responses=documented(413, 507))
async def put_items(tenant: Writes, items: Items) -> Response:
    """Add items or change them; one with a title or labels can be recommended at once."""
    bodies = [one.model_dump(exclude_unset=True) for one in items]
    return answered({"count": await waited(lambda: tenant.put_items(bodies))})


@router.delete("/items/{item_id}", response_model=Changed, responses=documented(404, 507))
async def remove_item(tenant: Writes, item_id: Id) -> Response:
    """Remove an item, until it is put again."""
    count = await waited(lambda: tenant.remove_items([item_id]))
    if not count:
        raise NotFound("There is no such item.")
    return answered({"count": count})
