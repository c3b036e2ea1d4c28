"""What a client knows of its events, and whether the store agrees."""

import sqlite3
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa

from warmstart.serving.live import Live
from warmstart.serving.shelf import Served
from warmstart.serving.store.database import Database
from warmstart.serving.store.store import Store


@dataclass(slots=True)
class Ledger:
    """Event ids by what the client was told.

    Args:
        acknowledged: the server said that they are durable.
        in_flight: sent, and no answer came.
        refused: the server said that they were not logged.
    """

    acknowledged: set[str] = field(default_factory=set)
    in_flight: set[str] = field(default_factory=set)
    refused: set[str] = field(default_factory=set)


@dataclass(frozen=True, slots=True)
class Row:
    """An event as it stands in the store."""

    event_id: str
    subject: str
    version: int


class Witness:
    """Looks into a store beside the server.

    Args:
        url: of the store.
    """

    def __init__(self, url: str) -> None:
        self._database = Database(url)

    def rows(self) -> list[Row]:
        """Return every event."""
        asked = "SELECT event_id, subject, version FROM events"
        with self._database.reading() as connection:
            found = connection.execute(sa.text(asked)).all()
        return [Row(*row) for row in found]

    def versions(self) -> dict[str, int]:
        """Return the version that each subject has reached."""
        with self._database.reading() as connection:
            found = connection.execute(sa.text("SELECT subject, version FROM subjects")).all()
        return {subject: version for subject, version in found if not subject.startswith("#")}

    def is_whole(self) -> bool:
        """Whether the database finds itself intact."""
        if not self._database.is_sqlite:
            # PostgreSQL has no such check in SQL; reading every row and every index entry is what there is
            with self._database.reading() as connection:
                connection.execute(sa.text("SET enable_seqscan = off"))
                by_index = connection.execute(
                    sa.text("SELECT count(*) FROM (SELECT * FROM events ORDER BY tenant, event_id) e")
                )
                counts = by_index.scalar(), len(self.rows())
                connection.execute(sa.text("SET enable_seqscan = on"))
            return counts[0] == counts[1]
        with sqlite3.connect(str(self._database.url.database)) as connection:
            return bool(connection.execute("PRAGMA integrity_check").fetchone()[0] == "ok")

    def close(self) -> None:
        """Look no more."""
        self._database.close()


def faults(rows: Iterable[Row], versions: dict[str, int], ledger: Ledger) -> dict[str, int]:
    """Return how many events were lost, are there that were refused, or had more than one effect.

    Every event moves its subject by one version; so a subject's versions must follow one another without a gap, and end
    where the subject stands.
    """
    names = [row.event_id for row in rows]
    there = set(names)
    of_subject: dict[str, list[int]] = defaultdict(list)
    for row in rows:
        of_subject[row.subject].append(row.version)
    doubled = len(names) - len(there)
    for subject, found in of_subject.items():
        doubled += abs(max(found) - min(found) + 1 - len(found)) + abs(versions.get(subject, 0) - max(found))
    return {
        "lost": len(ledger.acknowledged - there),
        "doubled": doubled,
        "refused but there": len(ledger.refused & there),
    }


def lists_from_log(served: Served, url: str, people: Sequence[str], n: int) -> list[list[Any]]:
    """Return what people's lists must be: an engine that remembers nothing folds them anew from the log."""
    live = Live(served, Store.open(url, migrate=False))
    try:
        tenant = live.tenant()
        return [[row.item_id for row in tenant.recommend(person, n=n).items] for person in people]
    finally:
        live.close()
