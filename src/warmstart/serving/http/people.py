"""The routes of people: what is known of a user, everything that is kept, erasure, and login."""

from typing import Any

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict
from starlette.responses import Response

from warmstart.serving.answers import Erased, Export, Taste
from warmstart.serving.http.routes import Id, Reads, Version, Writes, answered, documented, waited
from warmstart.serving.requests import Id as Name

router = APIRouter(prefix="/v1", tags=["people"])


class Session(BaseModel):
    """Who somebody was before she logged in."""

    model_config = ConfigDict(extra="forbid", strict=True)

    session_id: Name


@router.put("/users/{user_id}", response_model=Version, responses=documented(413, 507))
async def describe_user(tenant: Writes, user_id: Id, attributes: dict[str, Any]) -> Response:
    """Set what is known of a user beside her events, such as age; `text` is read as a sentence of hers."""
    return answered({"state_version": await waited(lambda: tenant.describe(user_id, attributes))})


@router.get("/users/{user_id}/export", response_model=Export, responses=documented(404))
@router.get("/users/{user_id}", response_model=Export, responses=documented(404))
async def export_user(tenant: Reads, user_id: Id) -> Response:
    """Return everything that is kept about a user."""
    return answered(await waited(lambda: tenant.export(user_id)))


@router.get("/users/{user_id}/taste", response_model=Taste, responses=documented())
async def taste(tenant: Reads, user_id: Id) -> Response:
    """Return in a sentence what stands out among what a user likes, and the facts behind it.

    She may change it; `text` in `POST /v1/recommendations`, or beside her attributes, reads what she makes of it.
    """
    return answered(await waited(lambda: tenant.taste(user_id)))


@router.get("/sessions/{session_id}/taste", response_model=Taste, responses=documented())
async def session_taste(tenant: Reads, session_id: Id) -> Response:
    """Return the same of somebody who has not logged in."""
    return answered(await waited(lambda: tenant.taste(session_id=session_id)))


@router.delete("/users/{user_id}", response_model=Erased, responses=documented(507))
async def erase_user(tenant: Writes, user_id: Id) -> Response:
    """Remove everything about a user, and return the receipt."""
    return answered(await waited(lambda: tenant.erase(user_id)))


@router.post("/users/{user_id}:merge", response_model=Version, responses=documented(507))
async def merge(tenant: Writes, user_id: Id, was: Session) -> Response:
    """Give a user what was done in a session before she logged in, and what will still come under it."""
    return answered({"state_version": await waited(lambda: tenant.merge(user_id, was.session_id))})
