"""The durable log of events and what is kept beside it, over SQLite or PostgreSQL."""

from importlib.util import find_spec

from warmstart.core.errors import MissingExtra

for _package in ("sqlalchemy", "alembic"):
    if find_spec(_package) is None:
        raise MissingExtra(_package, extra="serve")
