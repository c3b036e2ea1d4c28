"""The log of events in SQL: every function works inside the transaction that it is handed."""

import json
import time
from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Row

from warmstart.core.errors import Conflict, NotFound
from warmstart.core.events import Event
from warmstart.serving.store.database import Database
from warmstart.serving.store.entries import ERASED, ITEMS_CHANGED, Entry, Outcome, Receipt, State
from warmstart.serving.store.schema import EVENTS, SHOWN, SUBJECTS

MOST_NAMES = 500
"""Names in one statement."""
LAST = 2**63 - 1
"""The last version that there can be."""
MOST_LOCKED = 200
"""Subjects in one statement."""

_KNOWN = sa.select(EVENTS.c.event_id, EVENTS.c.digest, EVENTS.c.version).where(
    EVENTS.c.tenant == sa.bindparam("tenant"), EVENTS.c.event_id.in_(sa.bindparam("names", expanding=True))
)
_KNOWN_IN_POSTGRES = sa.text(
    # one look into the index for each name, whatever the planner knows: before it has counted, it takes a tenant for a
    # small part of the table and compares each of her events with each name; the limit keeps it from joining otherwise
    "SELECT found.event_id, found.digest, found.version FROM unnest(CAST(:names AS text[])) AS wanted (name) "
    "CROSS JOIN LATERAL (SELECT event_id, digest, version FROM events "
    "WHERE tenant = :tenant AND event_id = wanted.name LIMIT 1) AS found"
)
_STATE = sa.text("SELECT version, attributes, merged_into FROM subjects WHERE tenant = :tenant AND subject = :subject")
_STATES = "SELECT subject, version, attributes, merged_into FROM subjects WHERE tenant = ? AND subject IN (?, ?, ?)"
_NEWEST = (
    "SELECT event_id, item_id, type, timestamp, value FROM events WHERE tenant = ? AND subject = ? AND NOT undone "
    "AND version <= ? ORDER BY timestamp DESC, event_id DESC LIMIT ?"
)


def append(connection: Connection, tenant: str, entries: Sequence[Entry]) -> list[Outcome]:
    """Log events, each once, and return what became of each, in their order.

    An event whose id is known has no effect: a retry with the same body is answered as the first time, another body is
    a conflict.
    """
    owners = _locked(connection, tenant, sorted({entry.subject for entry in entries}))
    known = _known(connection, tenant, {entry.event.event_id for entry in entries})
    received, outcomes, new = time.time(), [], []
    for entry in entries:
        event_id = entry.event.event_id
        if event_id in known:
            digest, version = known[event_id]
            outcomes.append(Outcome(event_id, "duplicate" if digest == entry.digest else "conflict", version))
            continue
        owner = owners[entry.subject]
        owner.version += 1
        known[event_id] = entry.digest, owner.version
        outcomes.append(Outcome(event_id, "accepted", owner.version))
        new.append(_row(tenant, entry, owner, received))
    if new:
        connection.execute(sa.insert(EVENTS), new)
        _move_on(connection, tenant, {row["subject"]: row["version"] for row in new})
    return outcomes


class _Owner:
    """A subject whose row is locked, and the version it has reached."""

    __slots__ = ("subject", "version")

    def __init__(self, subject: str, version: int) -> None:
        self.subject = subject
        self.version = version


def _locked(connection: Connection, tenant: str, subjects: Sequence[str]) -> dict[str, _Owner]:
    """Lock the rows of subjects, in the order given, and of those that they were merged into."""
    rows = _rows_locked(connection, tenant, subjects)
    # a session leads to a user and no further, see merge
    leads = {subject: into for subject, (_, into) in rows.items() if into is not None}
    rows |= _rows_locked(connection, tenant, sorted(set(leads.values()) - rows.keys()))
    owners = {subject: _Owner(subject, version) for subject, (version, into) in rows.items() if into is None}
    return {subject: owners[leads.get(subject, subject)] for subject in subjects}


def _rows_locked(connection: Connection, tenant: str, subjects: Sequence[str]) -> dict[str, tuple[int, str | None]]:
    """Return the version of each and what it was merged into; whoever is new begins with a version."""
    version, found = first_version(), dict[str, tuple[int, str | None]]()
    for start in range(0, len(subjects), MOST_LOCKED):
        some = subjects[start : start + MOST_LOCKED]
        values = tuple(value for subject in some for value in (tenant, subject, version))
        is_sqlite = connection.dialect.name == "sqlite"
        statement = _subjects_statement(len(some), "subjects.version", is_sqlite=is_sqlite)
        found |= {name: (of, into) for name, of, into in connection.exec_driver_sql(statement, values)}
    return found


@cache
def _subjects_statement(count: int, becomes: str, *, is_sqlite: bool) -> str:
    # one statement for all, and in the driver's words: a statement for each would cost more than all else together
    rows = ", ".join(["(?, ?, ?)" if is_sqlite else "(%s, %s, %s)"] * count)
    return (
        f"INSERT INTO subjects (tenant, subject, version) VALUES {rows} "  # noqa: S608 (places, no values)
        f"ON CONFLICT (tenant, subject) DO UPDATE SET version = {becomes} "
        "RETURNING subject, version, merged_into"
    )


def first_version() -> int:
    """Return a version that nobody had before, so that one who was erased and comes again is told from before."""
    return time.time_ns() // 1_000


def _known(connection: Connection, tenant: str, names: Iterable[str]) -> dict[str, tuple[str, int]]:
    asked = sorted(names)
    statement = _KNOWN if connection.dialect.name == "sqlite" else _KNOWN_IN_POSTGRES
    found: dict[str, tuple[str, int]] = {}
    for start in range(0, len(asked), MOST_NAMES):
        some = {"tenant": tenant, "names": asked[start : start + MOST_NAMES]}
        found |= {row.event_id: (row.digest, row.version) for row in connection.execute(statement, some)}
    return found


def _row(tenant: str, entry: Entry, owner: _Owner, received: float) -> dict[str, Any]:
    event = entry.event
    return {
        "tenant": tenant,
        "event_id": event.event_id,
        "subject": owner.subject,
        "origin": entry.subject,
        "item_id": event.item_id,
        "type": event.type,
        "value": event.value,
        "timestamp": event.timestamp,
        "received": received,
        "recommendation_id": entry.recommendation_id,
        "position": entry.position,
        "context": None if entry.context is None else json.dumps(entry.context),
        "digest": entry.digest,
        "version": owner.version,
        "undone": False,
    }


def _move_on(connection: Connection, tenant: str, versions: dict[str, int]) -> None:
    rows = sorted(versions.items())
    for start in range(0, len(rows), MOST_LOCKED):
        some = rows[start : start + MOST_LOCKED]
        values = tuple(value for subject, version in some for value in (tenant, subject, version))
        is_sqlite = connection.dialect.name == "sqlite"
        connection.exec_driver_sql(_subjects_statement(len(some), "excluded.version", is_sqlite=is_sqlite), values)


def touch(connection: Connection, tenant: str, subject: str) -> int:
    """Give a subject its next version and return it."""
    owner = _locked(connection, tenant, [subject])[subject]
    _move_on(connection, tenant, {owner.subject: owner.version + 1})
    return owner.version + 1


def undo(connection: Connection, tenant: str, event_id: str) -> int:
    """Take an event out of its subject's profile; it stays in the log. Returns the subject's new version.

    Raises:
        NotFound: there is no such event.
    """
    mine = (EVENTS.c.tenant == tenant) & (EVENTS.c.event_id == event_id)
    found = connection.execute(sa.select(EVENTS.c.subject, EVENTS.c.undone).where(mine)).one_or_none()
    if found is None:
        raise NotFound(f"There is no event {event_id!r}.")
    if found.undone:
        return state(connection, tenant, found.subject).version
    connection.execute(sa.update(EVENTS).where(mine).values(undone=True))
    return touch(connection, tenant, found.subject)


def merge(connection: Connection, tenant: str, source: str, target: str) -> int:
    """Give a session's events to a user, those that are still to come as well; returns the user's new version.

    Raises:
        Conflict: the session was merged into somebody else.
    """
    _locked(connection, tenant, [source])
    # read behind the lock: somebody else may be merging the same session
    before = state(connection, tenant, source)
    if before.merged_into not in {None, target}:
        raise Conflict("This session belongs to another user already. A session can be merged once.")
    _locked(connection, tenant, [target])
    both = (EVENTS.c.tenant == tenant) & (EVENTS.c.subject == source)
    connection.execute(sa.update(EVENTS).where(both).values(subject=target))
    row = (SUBJECTS.c.tenant == tenant) & (SUBJECTS.c.subject == source)
    connection.execute(sa.update(SUBJECTS).where(row).values(merged_into=target, version=before.version + 1))
    return touch(connection, tenant, target)


def describe(connection: Connection, tenant: str, subject: str, attributes: dict[str, Any]) -> int:
    """Set what is known of a subject beside its events; returns its new version."""
    owner = _locked(connection, tenant, [subject])[subject]
    row = (SUBJECTS.c.tenant == tenant) & (SUBJECTS.c.subject == owner.subject)
    told = {"attributes": json.dumps(attributes), "version": owner.version + 1}
    connection.execute(sa.update(SUBJECTS).where(row).values(**told))
    return owner.version + 1


def erase(connection: Connection, tenant: str, subject: str) -> Receipt:
    """Remove everything about a subject and the sessions that became it."""
    # nobody may log an event, or become her, between here and the end: a merge locks her too
    _locked(connection, tenant, [subject])
    mine = [subject, *sessions_of(connection, tenant, subject)]
    _locked(connection, tenant, sorted(mine))
    counts = []
    for table in (EVENTS, SHOWN, SUBJECTS):
        gone = sa.delete(table).where(table.c.tenant == tenant, table.c.subject.in_(mine))
        counts.append(connection.execute(gone).rowcount)
    touch(connection, tenant, ERASED)
    return Receipt(*counts)


def sessions_of(connection: Connection, tenant: str, subject: str) -> list[str]:
    """Return the subjects that were merged into one."""
    merged = sa.select(SUBJECTS.c.subject).where(SUBJECTS.c.tenant == tenant, SUBJECTS.c.merged_into == subject)
    return list(connection.execute(merged).scalars())


def state(connection: Connection, tenant: str, subject: str) -> State:
    """Return where a subject stands."""
    row = connection.execute(_STATE, {"tenant": tenant, "subject": subject}).one_or_none()
    if row is None:
        return State()
    return _state(*row)


def _state(version: int, attributes: str | None, merged_into: str | None) -> State:
    return State(version, None if attributes is None else json.loads(attributes), merged_into)


def states(database: Database, tenant: str, subject: str) -> tuple[State, int, int]:
    """Return where a subject stands, and the versions of the tenant's items and of its erasures."""
    at, items_changed, erased = State(), 0, 0
    for name, version, *rest in database.fetch(_STATES, (tenant, subject, ITEMS_CHANGED, ERASED)):
        if name == subject:
            at = _state(version, *rest)
        elif name == ITEMS_CHANGED:
            items_changed = version
        else:
            erased = version
    return at, items_changed, erased


def newest(database: Database, tenant: str, subject: str, most: int, until: int = LAST) -> list[Event]:
    """Return a subject's newest events that were not undone, newest first, as of the version ``until``."""
    return [Event(*row) for row in database.fetch(_NEWEST, (tenant, subject, until, most))]


def everything(connection: Connection, tenant: str) -> Iterator[tuple[str, Event]]:
    """Return every event that was not undone, with whose it is, in a fixed order."""
    asked = (
        sa.select(
            EVENTS.c.subject, EVENTS.c.event_id, EVENTS.c.item_id, EVENTS.c.type, EVENTS.c.timestamp, EVENTS.c.value
        )
        .where(EVENTS.c.tenant == tenant, ~EVENTS.c.undone)
        .order_by(EVENTS.c.subject, EVENTS.c.timestamp, EVENTS.c.event_id)
    )
    return iter([(row[0], Event(*row[1:])) for row in connection.execute(asked)])


def described(connection: Connection, tenant: str) -> dict[str, dict[str, Any]]:
    """Return the attributes of every subject that has some."""
    told = (SUBJECTS.c.tenant == tenant) & SUBJECTS.c.attributes.is_not(None)
    rows = connection.execute(sa.select(SUBJECTS.c.subject, SUBJECTS.c.attributes).where(told))
    return {row.subject: json.loads(row.attributes) for row in rows.all()}


def export(connection: Connection, tenant: str, subject: str) -> list[dict[str, Any]]:
    """Return every event of a subject with all that is logged of it, oldest first."""
    mine = (EVENTS.c.tenant == tenant) & (EVENTS.c.subject == subject)
    rows = connection.execute(sa.select(EVENTS).where(mine).order_by(EVENTS.c.timestamp, EVENTS.c.event_id))
    return [_exported(row) for row in rows]


def _exported(row: Row[Any]) -> dict[str, Any]:
    hidden = {"tenant", "subject", "origin", "digest"}
    # names of columns are more than text to SQLAlchemy
    found = {str(name): value for name, value in row._asdict().items() if name not in hidden and value is not None}
    if row.origin.startswith("session:"):
        found["session_id"] = row.origin.removeprefix("session:")
    if row.context is not None:
        found["context"] = json.loads(row.context)
    return found | {"undone": bool(row.undone)}
