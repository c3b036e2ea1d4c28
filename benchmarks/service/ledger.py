"""What a client knows of its events, and whether the store agrees."""

import sqlite3
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa

from warmstart.adaptation.feedback import Feedback
from warmstart.adaptation.fold import fold
from warmstart.core.events import Event
from warmstart.core.ranking import top_k
from warmstart.recommenders.base import Recommender
from warmstart.representation.context import Context
from warmstart.serving.store.database import Database


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
    event: Event


class Witness:
    """Looks into a store beside the server.

    Args:
        url: of the store.
    """

    def __init__(self, url: str) -> None:
        self._database = Database(url)

    def rows(self) -> list[Row]:
        """Return every event."""
        asked = "SELECT event_id, subject, version, item_id, type, timestamp, value FROM events"
        with self._database.reading() as connection:
            found = connection.execute(sa.text(asked)).all()
        return [Row(name, subject, version, Event(name, *rest)) for name, subject, version, *rest in found]

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


def list_from_log(model: Recommender, rows: Iterable[Row], subject: str, n: int) -> list[Any]:
    """Return what a person's list must be, folded anew from the log."""
    feedback = Feedback()
    newest = sorted((row.event for row in rows if row.subject == subject), key=Event.when)[-feedback.most_events :]
    folded = fold(newest, model.catalogue, feedback)
    scores = model.scores_of(folded.history, Context())
    scores[folded.seen] = -float("inf")
    return [model.catalogue.item_ids[place] for place in top_k(scores, n).tolist()]
