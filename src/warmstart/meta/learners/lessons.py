"""Tasks with more to ask for than likes: what each hidden event was given, and what came next in time."""

from dataclasses import dataclass, fields
from typing import Any

import numpy as np

from warmstart.core.histories import Ints
from warmstart.meta.evidence import TRAINING_DISLIKE
from warmstart.meta.learners.either import Array, library_of
from warmstart.meta.learners.shots import Shots
from warmstart.meta.learners.support import ValuedSupport
from warmstart.meta.learners.task_set import Batch, TaskSet
from warmstart.meta.prior import Support

NEXT = 5
"""Events after the revealed ones that count as next while training; more of them tell more of few people."""


@dataclass(frozen=True, slots=True)
class ValuedShots(Shots):
    """Supports with what each event was given.

    Args:
        values: float32 [n, k], as they came; anything where there is no event.
    """

    values: Array

    @classmethod
    def of(cls, support: Support, n_columns: int, most: int) -> Shots:
        """Pad supports; the values are left out where the support has none.

        Example:
            >>> import numpy as np
            >>> from warmstart.core.histories import Histories
            >>> from warmstart.meta.learners.lessons import ValuedShots
            >>> from warmstart.meta.learners.support import ValuedSupport
            >>> one = ValuedSupport.of(Histories.of([[0, 1]], [[5.0, 1.0]]), like_from=4.0)
            >>> ValuedShots.of(one, n_columns=0, most=9).values.tolist()
            [[5.0, 1.0]]
        """
        plain = Shots.of(support, n_columns, most)
        if not isinstance(support, ValuedSupport) or support.values is None:
            return plain
        padded = Shots.of(Support(support.indptr, support.items, support.values), 0, most).weights
        return cls(plain.items, plain.weights, plain.attributes, padded)


@dataclass(frozen=True, slots=True)
class Lesson(ValuedShots):
    """What is revealed of a batch of people while training, and what is asked for beside their likes.

    Args:
        rows, columns: int64 [asked], whose value of which item is asked for.
        given: float32 [asked], that value.
        following: int64 [n, next], the items that came next in time; 0 where there is none.
        follows: float32 [n, next], 1 where there is one.
    """

    rows: Array
    columns: Array
    given: Array
    following: Array
    follows: Array

    def to(self, make: Any) -> "Lesson":
        """Return the same with every array changed by ``make``, such as ``torch.from_numpy``."""
        return Lesson(**{field.name: make(getattr(self, field.name)) for field in fields(self)})


@dataclass(frozen=True, slots=True)
class Lessons(TaskSet):
    """The same training users and the same draws, with all that can be asked for."""

    @classmethod
    def over(cls, tasks: TaskSet) -> "Lessons":
        """Return the lessons over training users.

        Example:
            >>> import numpy as np
            >>> import warmstart as ws
            >>> from warmstart.meta.learners.lessons import Lessons
            >>> from warmstart.meta.learners.task_set import TaskSet
            >>> lessons = Lessons.over(TaskSet.of(ws.load_dataset("movielens-small")))
            >>> shots = lessons.draw(np.array([3, 4]), np.random.default_rng(0)).shots
            >>> shots.following.shape, bool(len(shots.given) > 10)
            ((2, 5), True)
        """
        return cls(tasks.episodes, tasks.attributes, tasks.places, tasks.values)

    def draw(self, users: Ints, rng: np.random.Generator) -> Batch:
        """Reveal what ``TaskSet`` reveals, and ask for values and for what came next, where there are any.

        Args:
            users: rows of ``episodes``.
            rng: randomness; as much of it is used as by ``TaskSet``.
        """
        batch = TaskSet.draw(self, users, rng)
        shots, seen = batch.shots, batch.seen
        rows, columns, given = self._asked(users, seen)
        following, follows = self._following(users, seen)
        values = np.zeros_like(shots.weights)
        if self.values is not None:
            at = shots.weights > 0
            values[at] = np.asarray(self.values[users[np.nonzero(at)[0]], shots.items[at]]).ravel()
        told = Lesson(shots.items, shots.weights, shots.attributes, values, rows, columns, given, following, follows)
        return Batch(told, batch.query, seen)

    def _asked(self, users: Ints, seen: Any) -> tuple[Ints, Ints, Any]:
        if self.values is None:
            return np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros(0, np.float32)
        found = self.values[users]
        rows = np.repeat(np.arange(len(users)), np.diff(found.indptr))
        kept = ~seen[rows, found.indices]
        return rows[kept], found.indices[kept].astype(np.int64), found.data[kept]

    def _following(self, users: Ints, seen: Any) -> tuple[Ints, Any]:
        items, follows = np.zeros((len(users), NEXT), np.int64), np.zeros((len(users), NEXT), np.float32)
        if self.places is None:
            return items, follows
        found = self.places[users]
        rows = np.repeat(np.arange(len(users)), np.diff(found.indptr))
        hidden = np.flatnonzero(~seen[rows, found.indices])
        order = hidden[np.lexsort((found.data[hidden], rows[hidden]))]
        starts = np.searchsorted(rows[order], np.arange(len(users)))
        place = np.arange(len(order)) - starts[rows[order]]
        first = order[place < NEXT]
        at = rows[first], place[place < NEXT]
        items[at], follows[at] = found.indices[first], 1
        return items, follows


def gaps_of(prior: dict[str, Array], shots: ValuedShots) -> tuple[Array, Array]:
    """Return by how many standard deviations each event's value lies above the item's, and its weight in that.

    Returns:
        gaps [n, k], 0 where there is no event, and weights [n, k], 1 where an event counts whole.
    """
    xp = library_of(shots.weights)
    weight = xp.clip(shots.weights / TRAINING_DISLIKE, 0, 1)
    facts = prior["rating.facts"]
    return ((shots.values - facts[0]) / facts[1] - prior["rating.level"][shots.items]) * weight, weight
