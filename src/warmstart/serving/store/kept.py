"""What is kept beside the log: items, answers to retries, lists that were shown, keys and models."""

import json
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from warmstart.core.errors import Conflict, NotFound
from warmstart.serving.store.entries import ITEMS_CHANGED, ItemRow, Shown
from warmstart.serving.store.log import touch
from warmstart.serving.store.schema import ANSWERS, EVENTS, ITEMS, KEYS, MODELS, SHOWN, SUBJECTS

KEPT_SECONDS = 86_400.0
"""How long an answer waits for a retry."""

_REMOVED = "null"
"""What stands for the attributes of an item that was removed."""
_PUT_ITEM = sa.text(
    "INSERT INTO items (tenant, item_id, attributes, available) VALUES (:tenant, :item_id, :attributes, :available) "
    "ON CONFLICT (tenant, item_id) DO UPDATE SET attributes = excluded.attributes, available = excluded.available"
)


def put_items(connection: Connection, tenant: str, items: Sequence[ItemRow]) -> int:
    """Add items or take the place of those of the same id; returns the catalogue's new version."""
    rows = [
        {
            "tenant": tenant,
            "item_id": item.item_id,
            "attributes": json.dumps(dict(item.attributes)),
            "available": item.available,
        }
        for item in items
    ]
    if rows:
        connection.execute(_PUT_ITEM, rows)
    return touch(connection, tenant, ITEMS_CHANGED)


def remove_items(connection: Connection, tenant: str, item_ids: Iterable[str], known: Callable[[str], bool]) -> int:
    """Remove items; returns how many there were.

    They stay removed until they are put again: a model knows an item from the log as well, that of today or the next.

    Args:
        connection: in a transaction.
        tenant: whose items.
        item_ids: which.
        known: whether the model holds an item that nobody put.
    """
    asked = sorted(set(item_ids))
    mine = (ITEMS.c.tenant == tenant) & ITEMS.c.item_id.in_(asked)
    kept = {row.item_id: row.attributes for row in connection.execute(sa.select(ITEMS).where(mine))}
    there = [one for one in asked if (kept[one] != _REMOVED if one in kept else known(one))]
    rows = [{"tenant": tenant, "item_id": one, "attributes": _REMOVED, "available": False} for one in there]
    if rows:
        connection.execute(_PUT_ITEM, rows)
        touch(connection, tenant, ITEMS_CHANGED)
    return len(rows)


def items(connection: Connection, tenant: str, after: str = "", most: int | None = None) -> list[ItemRow]:
    """Return the items that were put, in order of id, from behind ``after`` on."""
    mine = (ITEMS.c.tenant == tenant) & (ITEMS.c.item_id > after) & (ITEMS.c.attributes != _REMOVED)
    rows = connection.execute(sa.select(ITEMS).where(mine).order_by(ITEMS.c.item_id).limit(most))
    return [ItemRow(row.item_id, json.loads(row.attributes), bool(row.available)) for row in rows]


def removed(connection: Connection, tenant: str) -> list[str]:
    """Return the ids of the items that were removed."""
    mine = (ITEMS.c.tenant == tenant) & (ITEMS.c.attributes == _REMOVED)
    return list(connection.execute(sa.select(ITEMS.c.item_id).where(mine)).scalars())


def hidden(connection: Connection, tenant: str) -> list[str]:
    """Return the ids of the items that nobody is to see now: out of stock, or removed."""
    mine = (ITEMS.c.tenant == tenant) & ~ITEMS.c.available
    return list(connection.execute(sa.select(ITEMS.c.item_id).where(mine)).scalars())


def item(connection: Connection, tenant: str, item_id: str) -> ItemRow | None:
    """Return an item that was put; None for one that never was. Raises ``NotFound`` for one that was removed."""
    mine = (ITEMS.c.tenant == tenant) & (ITEMS.c.item_id == item_id)
    row = connection.execute(sa.select(ITEMS).where(mine)).one_or_none()
    if row is None:
        return None
    if row.attributes == _REMOVED:
        raise NotFound("This item was removed.")
    return ItemRow(row.item_id, json.loads(row.attributes), bool(row.available))


def answer_of(connection: Connection, tenant: str, key: str, digest: str) -> Any | None:
    """Return what a request was answered before; None if it is new.

    Raises:
        Conflict: the key came before with another body.
    """
    mine = (ANSWERS.c.tenant == tenant) & (ANSWERS.c.key == key)
    row = connection.execute(sa.select(ANSWERS.c.digest, ANSWERS.c.answer).where(mine)).one_or_none()
    if row is None:
        return None
    if row.digest != digest:
        raise Conflict("This Idempotency-Key came before with another body. Use a new key for a new request.")
    return json.loads(row.answer)


def keep_answer(connection: Connection, tenant: str, key: str, digest: str, answer: Any) -> None:
    """Keep an answer for a retry, and drop those that nobody will ask for any more."""
    now = time.time()
    connection.execute(sa.delete(ANSWERS).where(ANSWERS.c.created < now - KEPT_SECONDS))
    row = {"tenant": tenant, "key": key, "digest": digest, "answer": json.dumps(answer), "created": now}
    connection.execute(sa.insert(ANSWERS), [row])


def log_shown(connection: Connection, tenant: str, shown: Sequence[Shown]) -> None:
    """Log lists as they were shown."""
    rows = [
        {
            "tenant": tenant,
            "recommendation_id": one.recommendation_id,
            "subject": one.subject,
            "items": json.dumps(one.items),
            "propensities": json.dumps(one.propensities),
            "model_version": one.model_version,
            "created": one.created,
        }
        for one in shown
    ]
    if rows:
        connection.execute(sa.insert(SHOWN), rows)


def shown(connection: Connection, tenant: str, recommendation_id: str) -> Shown:
    """Return a list that was shown; raises ``NotFound``."""
    mine = (SHOWN.c.tenant == tenant) & (SHOWN.c.recommendation_id == recommendation_id)
    row = connection.execute(sa.select(SHOWN).where(mine)).one_or_none()
    if row is None:
        raise NotFound(f"There is no recommendation {recommendation_id!r} in the log.")
    lists = tuple(json.loads(row.items)), tuple(json.loads(row.propensities))
    return Shown(row.recommendation_id, row.subject, *lists, row.model_version, row.created, row.reward)


def shown_to(connection: Connection, tenant: str, subject: str) -> list[dict[str, Any]]:
    """Return the lists that were shown to a subject, oldest first."""
    mine = (SHOWN.c.tenant == tenant) & (SHOWN.c.subject == subject)
    rows = connection.execute(sa.select(SHOWN).where(mine).order_by(SHOWN.c.created))
    return [
        {
            "recommendation_id": row.recommendation_id,
            "items": json.loads(row.items),
            "model_version": row.model_version,
            "created": row.created,
            "reward": row.reward,
        }
        for row in rows
    ]


def reward(connection: Connection, tenant: str, recommendation_id: str, value: float) -> None:
    """Say what a list that was shown was worth; raises ``NotFound``, and ``Conflict`` for a second, other reward."""
    before = shown(connection, tenant, recommendation_id).reward
    if before not in {None, value}:
        raise Conflict(f"This recommendation was rewarded with {before} already.")
    mine = (SHOWN.c.tenant == tenant) & (SHOWN.c.recommendation_id == recommendation_id)
    connection.execute(sa.update(SHOWN).where(mine).values(reward=value))


@dataclass(frozen=True, slots=True)
class Key:
    """An access key as it is kept: of its secret only the hash."""

    key_id: str
    secret_hash: str
    tenant: str
    role: str
    name: str
    created: float
    revoked: float | None = None


def add_key(connection: Connection, key: Key) -> None:
    """Keep a new key."""
    row = {name: getattr(key, name) for name in ("key_id", "secret_hash", "tenant", "role", "name", "created")}
    connection.execute(sa.insert(KEYS), [row])


def revoke_key(connection: Connection, key_id: str) -> None:
    """Let a key open nothing any more; raises ``NotFound``."""
    changed = connection.execute(sa.update(KEYS).where(KEYS.c.key_id == key_id).values(revoked=time.time()))
    if not changed.rowcount:
        raise NotFound(f"There is no key {key_id!r}.")


def keys(connection: Connection) -> list[Key]:
    """Return all keys, revoked ones as well, oldest first."""
    return [Key(**row._asdict()) for row in connection.execute(sa.select(KEYS).order_by(KEYS.c.created))]


def sizes(connection: Connection, tenant: str) -> dict[str, int]:
    """Return how many people, events and items a tenant has."""
    tables = {"people": SUBJECTS, "events": EVENTS, "items": ITEMS, "lists shown": SHOWN}
    counts = {
        name: connection.execute(sa.select(sa.func.count()).select_from(table).where(table.c.tenant == tenant)).scalar()
        for name, table in tables.items()
    }
    internal = sa.select(sa.func.count()).where(SUBJECTS.c.tenant == tenant, SUBJECTS.c.subject.startswith("#"))
    found = {name: int(count or 0) for name, count in counts.items()}
    return found | {"people": found["people"] - int(connection.execute(internal).scalar() or 0)}


@dataclass(frozen=True, slots=True)
class ModelRow:
    """A trained model that servers may answer with."""

    version: str
    path: str
    created: float
    activated: float | None


def add_model(connection: Connection, version: str, path: str, *, activate: bool = True) -> None:
    """Register a model, or change where it lies; activating makes it the one that answers."""
    now = time.time()
    known = MODELS.c.version == version
    if connection.execute(sa.select(MODELS.c.version).where(known)).one_or_none() is None:
        connection.execute(sa.insert(MODELS), [{"version": version, "path": path, "created": now}])
    else:
        connection.execute(sa.update(MODELS).where(known).values(path=path))
    if activate:
        activate_model(connection, version)


def activate_model(connection: Connection, version: str) -> None:
    """Let a registered model answer from now on; raises ``NotFound``."""
    changed = connection.execute(sa.update(MODELS).where(MODELS.c.version == version).values(activated=time.time()))
    if not changed.rowcount:
        raise NotFound(f"There is no model {version!r}.")


def models(connection: Connection) -> list[ModelRow]:
    """Return all models, the one that answers first."""
    order = (MODELS.c.activated.is_(None), MODELS.c.activated.desc(), MODELS.c.created.desc())
    return [ModelRow(**row._asdict()) for row in connection.execute(sa.select(MODELS).order_by(*order))]
