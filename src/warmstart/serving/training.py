"""From the log to a data set that can be trained on, and from tables into the log."""

import hashlib
import math
from collections.abc import Iterator, Sequence
from concurrent.futures import Future
from functools import partial
from itertools import islice
from typing import Any, Literal

import numpy as np
import polars as pl

from warmstart.adaptation.feedback import Feedback
from warmstart.adaptation.fold import fold
from warmstart.core.errors import BadInput
from warmstart.core.events import Event
from warmstart.core.run import Run
from warmstart.data.catalogue import Catalogue
from warmstart.data.dataset import Dataset
from warmstart.data.likes import LikeRule, like_rule
from warmstart.serving.assortment import item_table
from warmstart.serving.requests import SENTENCE
from warmstart.serving.store import kept, log
from warmstart.serving.store.entries import Entry, ItemRow, digest_of, user
from warmstart.serving.store.store import Store

LikeFrom = float | Literal["auto"] | None
STRONG = 0.5
"""Share of the largest weight in the log that an event must have to be trained on."""
ALL = 1 << 62
PART = 500
"""Events or items that are imported in one change."""
WAITING_PARTS = 8
"""Changes that may wait to be written while further ones are read."""


def dataset_of(store: Store, tenant: str, feedback: Feedback | None = None, like_from: LikeFrom = "auto") -> Dataset:
    """Return what a tenant's people did as a data set; whoever was erased is not in it.

    Sessions that never became a user are people as well. Of each person's items the events are folded as for an
    answer; those that weigh less than half of the strongest in the log are left out.

    Args:
        store: the log.
        tenant: whose.
        feedback: what each type of event says; None for the known ones.
        like_from: the value from which a rating is a like; see ``Dataset.from_frames``.

    Raises:
        BadInput: there is nothing to train on.

    Example:
        >>> from tempfile import TemporaryDirectory
        >>> from warmstart.core.events import Event
        >>> from warmstart.serving.store.entries import Entry, user
        >>> from warmstart.serving.store.store import Store
        >>> from warmstart.serving.training import dataset_of
        >>> with TemporaryDirectory() as folder:
        ...     store = Store.open(f"sqlite:///{folder}/w.db")
        ...     said = [("1", "ann", "heat", "like"), ("2", "ann", "up", "dislike"), ("3", "bob", "up", "like")]
        ...     entries = [Entry(Event(id, item, kind, 0.0), user(who), id) for id, who, item, kind in said]
        ...     done = store.log("shop", entries).result()
        ...     data = dataset_of(store, "shop")
        ...     store.close()
        >>> data.n_users, data.item_ids, data.liked.tolist()
        (2, ['heat', 'up'], [True, False, True])
    """
    feedback = (feedback or Feedback()).model_copy(update={"most_events": ALL})
    people = _people(store, tenant)
    rows = store.read(lambda connection: kept.items(connection, tenant))
    catalogue = _catalogue(people, rows, feedback, like_from)
    table = _interactions(people, catalogue, feedback)
    if not len(table):
        raise BadInput("The store holds no event that says anything. Send events first, or import tables.")
    described = item_table(rows)
    items = pl.DataFrame(described, strict=False) if len(described) > 1 else None
    users, name = _users(store, tenant), f"store of {tenant}"
    return Dataset.from_frames(table, items=items, users=users, name=name, like_from=catalogue.like_from)


def _people(store: Store, tenant: str) -> dict[str, list[Event]]:
    found: dict[str, list[Event]] = {}
    for subject, event in store.read(lambda connection: log.everything(connection, tenant)):
        found.setdefault(subject, []).append(event)
    return found


def _catalogue(
    people: dict[str, list[Event]], rows: Sequence[ItemRow], feedback: Feedback, like_from: LikeFrom
) -> Catalogue:
    events = [event for mine in people.values() for event in mine]
    ids = sorted({event.item_id for event in events} | {row.item_id for row in rows})
    rule = _rule(events, feedback, like_from)
    return Catalogue(ids, ids, rule.like_from, rule.like_value, rule.dislike_value)


def _rule(events: Sequence[Event], feedback: Feedback, like_from: LikeFrom) -> LikeRule:
    """Return what a like is: by the ratings where there are some, else by what types say."""
    rated = [event.value for event in events if event.value is not None and feedback.kind(event.type).says == "value"]
    if rated:
        return like_rule(np.array(rated, dtype=np.float64), like_from)
    if any(feedback.kind(event.type).says == "dislike" for event in events):
        return LikeRule(1.0, 1.0, 0.0, "a like or a dislike")
    return LikeRule(None, 1.0, 0.0, "every event is a like")


def _interactions(people: dict[str, list[Event]], catalogue: Catalogue, feedback: Feedback) -> pl.DataFrame:
    columns: dict[str, list[Any]] = {"user_id": [], "item_id": [], "value": [], "timestamp": [], "weight": []}
    for subject, events in people.items():
        history = fold(events, catalogue, feedback).history
        count = len(history.items)
        columns["user_id"] += [subject] * count
        columns["item_id"] += [catalogue.item_ids[item] for item in history.items.tolist()]
        columns["value"] += history.values.tolist()
        columns["timestamp"] += [] if history.times is None else history.times.tolist()
        columns["weight"] += [1.0] * count if history.weights is None else history.weights.tolist()
    table = pl.DataFrame(columns, strict=False)
    if not len(table):
        return table
    return table.filter(pl.col("weight") >= STRONG * pl.col("weight").max()).drop("weight")


def _users(store: Store, tenant: str) -> pl.DataFrame | None:
    told = store.read(lambda connection: log.described(connection, tenant))
    if not told:
        return None
    # what somebody wrote of herself is for her own lists, and no attribute to learn from
    names = sorted({name for attributes in told.values() for name in attributes} - {SENTENCE})
    if not names:
        return None
    columns: dict[str, list[Any]] = {"user_id": list(told)}
    columns |= {name: [attributes.get(name) for attributes in told.values()] for name in names}
    return pl.DataFrame(columns, strict=False)


def import_data(store: Store, data: Dataset, tenant: str, run: Run | None = None) -> tuple[int, int]:
    """Log the events of a data set and put its items; what was imported before has no second effect.

    Returns:
        how many events are new, and how many items were put.
    """
    run = run or Run()
    items_put = 0
    for part in _parts(run.progress.track(_item_rows(data), "items", data.n_items)):
        store.write(partial(kept.put_items, tenant=tenant, items=part)).result()
        items_put += len(part)
    waiting: list[Future[Any]] = []
    new = 0
    for part in _parts(run.progress.track(_entries(data), "events", len(data.histories.items))):
        waiting.append(store.log(tenant, part))
        if len(waiting) >= WAITING_PARTS:
            new += _accepted(waiting.pop(0))
    return new + sum(map(_accepted, waiting)), items_put


def _accepted(future: "Future[Any]") -> int:
    return sum(outcome.status == "accepted" for outcome in future.result())


def _parts(rows: Iterator[Any]) -> Iterator[list[Any]]:
    while part := list(islice(rows, PART)):
        yield part


def _item_rows(data: Dataset) -> Iterator[ItemRow]:
    catalogue = data.catalogue
    table = None if data.items is None else data.items.drop("item_id").to_dicts()
    for place, item in enumerate(catalogue.item_ids):
        told = {} if table is None else {name: value for name, value in table[place].items() if _is_told(value)}
        yield ItemRow(str(item), {"title": catalogue.titles[place]} | told)


def _is_told(value: Any) -> bool:
    return isinstance(value, str | int | bool | list) or (isinstance(value, float) and math.isfinite(value))


def _entries(data: Dataset) -> Iterator[Entry]:
    ids, names = data.catalogue.item_ids, data.user_ids.tolist()
    kind = "like" if data.like_from is None else "rating"
    for place, name in enumerate(names):
        history = data.histories[place]
        times = [0.0] * len(history.items) if history.times is None else history.times.tolist()
        for item, value, time in zip(history.items.tolist(), history.values.tolist(), times, strict=True):
            yield _entry(str(name), str(ids[item]), kind, float(value), float(time))


def _entry(name: str, item: str, kind: str, value: float, time: float) -> Entry:
    body = digest_of([name, item, kind, value, time])
    # the id tells nothing of the person, and the same row has the same
    event_id = "import-" + hashlib.sha256(f"{name}\0{item}".encode()).hexdigest()[:32]
    return Entry(Event(event_id, item, kind, time, value), user(name), body)
