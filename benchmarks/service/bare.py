"""The smallest handler that answers with a list of ten: what any server in Python costs."""

from typing import Any

import orjson
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

_ROW = {"item_id": 318, "title": "Shawshank Redemption, The (1994)", "score": 0.3412, "propensity": 1.0, "reason": None}
_ANSWER: dict[str, Any] = {
    "recommendation_id": "0123456789abcdef0123456789abcdef",
    "items": [_ROW] * 10,
    "evidence": "few-shot",
    "state_version": 1_700_000_000_000_000,
    "model_version": "0123456789ab",
    "fallback": None,
    "degraded": False,
    "took_ms": 1.0,
}


async def _recommendations(request: Request) -> Response:
    return Response(
        orjson.dumps(_ANSWER | {"state_version": len(request.path_params["user_id"])}), media_type="application/json"
    )


async def _ready(_request: Request) -> Response:
    return Response(b"{}", media_type="application/json")


app = Starlette(routes=[Route("/v1/users/{user_id}/recommendations", _recommendations), Route("/health/ready", _ready)])
