"""The service over HTTP."""

from importlib.util import find_spec

from warmstart.core.errors import MissingExtra

for _package in ("fastapi", "uvicorn", "orjson", "prometheus_client", "structlog"):
    if find_spec(_package) is None:
        raise MissingExtra(_package, extra="serve")
