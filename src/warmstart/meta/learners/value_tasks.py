"""Many users as tasks whose values are asked for, beside what describes items and people, attribute by attribute."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from scipy import sparse

from warmstart.core.histories import Floats, Histories, Ints
from warmstart.data.features import FeatureEncoder
from warmstart.meta.context import UserContext
from warmstart.meta.learners.either import Array
from warmstart.meta.learners.lessons import ValuedShots
from warmstart.meta.learners.task_set import Batch, TaskSet

SEED = 0
"""Of the items that count as not liked where there are no values."""


@dataclass(frozen=True, slots=True)
class Described:
    """What describes items or people: columns, and which attribute each belongs to.

    Args:
        rows: float32 [n, columns].
        owners: int64 [columns], the attribute's number from 0 on.
    """

    rows: sparse.csr_matrix
    owners: Ints

    @classmethod
    def nothing(cls, n: int) -> "Described":
        """Return n rows without columns."""
        return cls(sparse.csr_matrix((n, 0), dtype=np.float32), np.zeros(0, np.int64))

    @classmethod
    def of(cls, encoder: FeatureEncoder, frame: Any) -> "Described":
        """Encode a frame; several levels of one attribute share its weight, so that embeddings are averaged.

        Example:
            >>> import polars as pl
            >>> from warmstart.data.features import FeatureEncoder
            >>> from warmstart.meta.learners.value_tasks import Described
            >>> films = pl.DataFrame({"item_id": [1, 2], "genres": ["Drama|War", "War"]})
            >>> found = Described.of(FeatureEncoder.fit(films), films)
            >>> found.rows.toarray().tolist()
            [[0.5, 0.5, 0.0], [0.0, 1.0, 0.0]]
        """
        owners = owners_of(encoder)
        rows, several = encoder.encode(frame), [attribute.kind == "multi" for attribute in encoder.attributes]
        shared = np.array(several, dtype=bool)[owners] if len(owners) else np.zeros(0, dtype=bool)
        entry = np.repeat(np.arange(rows.shape[0]), np.diff(rows.indptr))
        groups = entry * (len(several) + 1) + owners[rows.indices]
        sums = np.bincount(groups, np.abs(rows.data))
        weights = np.where(shared[rows.indices], rows.data / np.maximum(sums[groups], 1e-9), rows.data)
        return cls(sparse.csr_matrix((weights.astype(np.float32), rows.indices, rows.indptr), shape=rows.shape), owners)


def owners_of(encoder: FeatureEncoder) -> Ints:
    """Return which attribute each column of an encoder belongs to, int64 [columns]."""
    widths = [len(attribute.names) for attribute in encoder.attributes]
    return np.repeat(np.arange(len(widths)), widths).astype(np.int64)


@dataclass(frozen=True, slots=True)
class ValueShots(ValuedShots):
    """What is revealed of a batch of people while training, and the items asked for.

    Args:
        described: float32 [distinct, columns], what describes the items of this batch.
        own: int64 [n, k], rows of ``described`` of the revealed items.
        asked: int64 [n, q], rows of ``described`` of the items asked for.
        asked_items: int64 [n, q], these items.
    """

    described: Array
    own: Array
    asked: Array
    asked_items: Array

    def to(self, make: Any) -> "ValueShots":
        """Return the same with every array changed by ``make``, such as ``torch.from_numpy``."""
        plain = (self.items, self.weights, self.attributes, self.values)
        return ValueShots(*map(make, (*plain, self.described, self.own, self.asked, self.asked_items)))


@dataclass(frozen=True, slots=True)
class ValueTasks(TaskSet):
    """The same training users, of whom some events are revealed and the values of up to ``query`` others asked for.

    Where every event is a like, a like is worth 1, and as many items that a user did not meet are worth 0 and only
    asked for (negative sampling).

    Args:
        events: items and values of each user.
        items: what describes the items.
        people: int64 [columns of ``attributes``], the attribute each column belongs to.
        query: events asked for at most.
        most: events revealed at most.
        few: whether fewer events are revealed than there are: a number drawn evenly in its logarithm.
    """

    events: Histories = field(default_factory=lambda: Histories.of([]))
    items: Described = field(default_factory=lambda: Described.nothing(0))
    people: Ints = field(default_factory=lambda: np.zeros(0, np.int64))
    query: int = 10
    most: int = 100
    few: bool = True

    @classmethod
    def over(
        cls, tasks: TaskSet, items: Described | None = None, known: UserContext | None = None, **settings: Any
    ) -> "ValueTasks":
        """Return the tasks over training users.

        Args:
            tasks: training users.
            items: what describes the items; None for nothing.
            known: how the attributes were read; None takes all columns for one attribute.
            **settings: ``query``, ``most`` and ``few``.

        Example:
            >>> import numpy as np
            >>> import warmstart as ws
            >>> from warmstart.meta.learners.task_set import TaskSet
            >>> from warmstart.meta.learners.value_tasks import ValueTasks
            >>> tasks = ValueTasks.over(TaskSet.of(ws.load_dataset("movielens-small")))
            >>> batch = tasks.draw(np.array([3, 4]), np.random.default_rng(0))
            >>> batch.query.shape, sorted(set(batch.query[0].tolist()))
            ((2, 10), [1.0, 3.0, 4.0, 5.0])
        """
        columns = tasks.attributes.shape[1]
        people = np.zeros(columns, np.int64) if known is None else owners_of(known.encoder)
        told = items or Described.nothing(tasks.n_items)
        plain = (tasks.episodes, tasks.attributes, tasks.places, tasks.values)
        return cls(*plain, _events(tasks), told, people[:columns], **settings)

    @property
    def usable(self) -> Ints:
        """Users with events to reveal and to ask for, int64."""
        return np.flatnonzero(self.events.lengths > 1)

    def draw(self, users: Ints, rng: np.random.Generator) -> Batch:
        """Reveal some events of each user, and ask for the values of others.

        Args:
            users: rows of ``events``.
            rng: randomness.

        Returns:
            ``query`` is float32 [n, q], the values asked for; ``seen`` is True where nothing is asked.
        """
        events = self.events[users]
        lengths = events.lengths
        asked = np.minimum(self.query, lengths // 2)
        shown = np.minimum(lengths - asked, self.most)
        if self.few:
            shown = np.minimum(np.exp(rng.uniform(0, np.log(shown + 1))).astype(np.int64), shown)
        order = np.lexsort((rng.random(len(events.items)), events.rows))
        place = np.arange(len(order)) - np.repeat(events.indptr[:-1], lengths)
        support = _cut(events, order, place < shown[events.rows], place)
        ask = (place >= shown[events.rows]) & (place < (shown + asked)[events.rows])
        query = _cut(events, order, ask, place - shown[events.rows])
        distinct, rows = np.unique(np.concatenate([support[0].ravel(), query[0].ravel()]), return_inverse=True)
        own, sought = np.split(rows.astype(np.int64), [support[0].size])
        weights = (support[2] & ((self.values is not None) | (support[1] > 0))).astype(np.float32)
        shots = ValueShots(
            support[0],
            weights,
            self.attributes[users],
            support[1],
            self.items.rows[distinct].toarray(),
            own.reshape(support[0].shape),
            sought.reshape(query[0].shape),
            query[0],
        )
        return Batch(shots, query[1], ~query[2])


def _cut(events: Histories, order: Ints, kept: Any, place: Ints) -> tuple[Ints, Floats, Any]:
    """Return items, values and which there are of the events of each user that are kept, padded, [n, width]."""
    width = int((place[kept].max(initial=0)) + 1)
    at = (events.rows[kept], place[kept])
    shape = (len(events), width)
    items, values, there = np.zeros(shape, np.int64), np.zeros(shape, np.float32), np.zeros(shape, dtype=bool)
    items[at], values[at], there[at] = events.items[order[kept]], events.values[order[kept]], True
    return items, values, there


def _events(tasks: TaskSet) -> Histories:
    """Return the values of all events; without values 1 for each, and 0 for as many items that were not met."""
    met = tasks.episodes.support
    if tasks.values is not None:
        rows = tasks.values
        return Histories(rows.indptr.astype(np.int64), rows.indices.astype(np.int32), rows.data.astype(np.float32))
    rng, users = np.random.default_rng(SEED), np.repeat(np.arange(met.shape[0]), np.diff(met.indptr))
    drawn = rng.integers(0, met.shape[1], len(users))
    fresh = np.asarray(met[users, drawn]).ravel() == 0
    pairs = np.unique(np.stack([users[fresh], drawn[fresh]]), axis=1)
    rows, items = np.concatenate([users, pairs[0]]), np.concatenate([met.indices, pairs[1]])
    values = np.repeat([1.0, 0.0], [len(users), pairs.shape[1]]).astype(np.float32)
    order = np.argsort(rows, kind="stable")
    indptr = np.concatenate([[0], np.cumsum(np.bincount(rows, minlength=met.shape[0]))]).astype(np.int64)
    return Histories(indptr, items[order].astype(np.int32), values[order])
