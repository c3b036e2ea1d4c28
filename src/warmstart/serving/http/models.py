"""The routes of models: which are registered, and which of them answers."""

from fastapi import APIRouter
from pydantic import BaseModel
from starlette.responses import Response

from warmstart.serving.http.routes import Governs, Id, answered, documented, waited
from warmstart.serving.store import kept

router = APIRouter(prefix="/v1", tags=["models"])


class ModelOut(BaseModel):
    """A model that servers may answer with."""

    version: str
    created: float
    activated: float | None
    active: bool


@router.get("/models", response_model=list[ModelOut], responses=documented())
async def models(tenant: Governs) -> Response:
    """Return the registered models, the one that answers first."""
    live = tenant.live
    rows = await waited(lambda: live.store.read(kept.models))
    present = live.shelf.present.version
    told = [(row.version, row.created, row.activated, row.version == present) for row in rows]
    return answered([dict(zip(("version", "created", "activated", "active"), one, strict=True)) for one in told])


@router.post("/models/{version}:activate", status_code=204, responses=documented(404))
async def activate(tenant: Governs, version: Id) -> Response:
    """Let a registered model answer, an older one as well; every process takes it over within a second."""
    await waited(lambda: tenant.live.activate(version))
    return Response(status_code=204)
