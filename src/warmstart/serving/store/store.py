"""The store: one writer that commits in groups, and reading that sees whatever was committed."""

from collections.abc import Callable, Sequence
from concurrent.futures import Future
from typing import Self, TypeVar

from sqlalchemy.engine import Connection

from warmstart.serving.store.database import Database
from warmstart.serving.store.entries import Entry, Outcome
from warmstart.serving.store.writer import Writer

T = TypeVar("T")


class Store:
    """What a server keeps: events first of all.

    Args:
        database: whose tables are up to date.

    Example:
        >>> from tempfile import TemporaryDirectory
        >>> from warmstart.core.events import Event
        >>> from warmstart.serving.store import log
        >>> from warmstart.serving.store.entries import Entry, user
        >>> from warmstart.serving.store.store import Store
        >>> with TemporaryDirectory() as folder:
        ...     with Store.open(f"sqlite:///{folder}/w.db") as store:
        ...         like = Entry(Event("e1", "50", "like", 0.0), user("ann"), digest="d")
        ...         statuses = [store.log("shop", [like]).result()[0].status for _ in range(2)]
        ...         events = log.newest(store.database, "shop", user("ann"), 10)
        >>> statuses, [event.item_id for event in events]
        (['accepted', 'duplicate'], ['50'])
    """

    def __init__(self, database: Database) -> None:
        self.database = database
        self.writer = Writer(database)

    @classmethod
    def open(cls, url: str, *, migrate: bool = True) -> Self:
        """Open a store, bringing its tables up to date unless somebody else has."""
        database = Database(url)
        if migrate:
            database.migrate()
        return cls(database)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self.close()

    def log(self, tenant: str, entries: Sequence[Entry]) -> "Future[list[Outcome]]":
        """Log events; when the future is done they are durable, and every reader anywhere sees them."""
        return self.writer.events(tenant, entries)

    def write(self, work: Callable[[Connection], T]) -> "Future[T]":
        """Do ``work`` in a transaction; when the future is done it is durable."""
        return self.writer.submit(work)

    def read(self, work: Callable[[Connection], T]) -> T:
        """Return what ``work`` finds; each of its statements sees all that was committed before it."""
        with self.database.reading() as connection:
            return work(connection)

    def close(self) -> None:
        """Write what waits, then close."""
        self.writer.close()
        self.database.close()
