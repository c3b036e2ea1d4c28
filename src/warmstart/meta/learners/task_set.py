"""Many users as many tasks: what a learner is trained on."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import sparse

from warmstart.core.histories import Floats, Ints
from warmstart.data.dataset import Dataset
from warmstart.meta.context import UserContext
from warmstart.meta.evidence import episodes_of, places_of
from warmstart.meta.kshot import Episodes
from warmstart.meta.learners.shots import Shots

MOST_SHOTS = 20
"""Events that are revealed at most in training."""
LARGEST_SHARE = 0.5
"""Share of a person's events that is revealed at most, so that there is something to ask for."""
LEAST_EVENTS = 2


@dataclass(frozen=True, slots=True)
class Batch:
    """Tasks of one training step.

    Args:
        shots: what is revealed.
        query: float32 [n, items], 1 for each like that is asked for.
        seen: bool [n, items], what is revealed and so never ranked.
    """

    shots: Shots
    query: Floats
    seen: npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class TaskSet:
    """Training users as tasks: each draw reveals some events of a person and asks for the likes that stay hidden.

    Args:
        episodes: graded events and likes of every user.
        attributes: float32 [users, columns] less their mean; no columns without attributes.
        places: float32 [users, items] where ``episodes.support`` has an event, its place in time from 1 on; None
            without time.
        values: float32 [users, items] where ``episodes.support`` has an event, what it was given; None where every
            event is a like.
    """

    episodes: Episodes
    attributes: Floats
    places: sparse.csr_matrix | None = None
    values: sparse.csr_matrix | None = None

    @classmethod
    def of(cls, data: Dataset, context: UserContext | None = None) -> "TaskSet":
        """Read the users of a data set.

        Example:
            >>> import numpy as np
            >>> import warmstart as ws
            >>> from warmstart.meta.learners.task_set import TaskSet
            >>> tasks = TaskSet.of(ws.load_dataset("movielens-small"))
            >>> batch = tasks.draw(np.array([3, 4]), np.random.default_rng(0))
            >>> len(batch.shots), batch.query.shape, bool((batch.query * batch.seen).any())
            (2, (2, 9742), False)
        """
        told = np.zeros((data.n_users, 0), np.float32) if context is None else context.centred(data.users)
        values = None if data.like_from is None else data.histories.matrix(data.n_items, data.histories.values)
        return cls(episodes_of(data), told, places_of(data), values)

    def __len__(self) -> int:
        return len(self.episodes)

    @property
    def n_items(self) -> int:
        """Number of items."""
        return self.episodes.n_items

    @property
    def shares(self) -> Floats:
        """Share of the users who like each item, float32 [items]."""
        likes = np.bincount(self.episodes.query.indices, minlength=self.n_items)
        return np.asarray(likes / max(len(self), 1), dtype=np.float32)

    @property
    def log_popularity(self) -> Floats:
        """Logarithm of the share of all likes that each item has, float32 [items]; one like is added to each."""
        likes = np.bincount(self.episodes.query.indices, minlength=self.n_items) + 1.0
        return np.asarray(np.log(likes / likes.sum()), dtype=np.float32)

    @property
    def usable(self) -> Ints:
        """Users with enough events to reveal one and ask for another, int64."""
        events = np.diff(self.episodes.support.indptr) >= LEAST_EVENTS
        return np.flatnonzero(events & (np.diff(self.episodes.query.indptr) > 0))

    def draw(self, users: Ints, rng: np.random.Generator) -> Batch:
        """Reveal of each user a random number of events, 1 to 20, evenly in its logarithm.

        Where there is time these are the earliest, for so are people met: what they begin with is not what they come
        to. Elsewhere they are drawn.

        Args:
            users: rows of ``episodes``.
            rng: randomness.
        """
        events = self.episodes.support[users]
        lengths = np.diff(events.indptr)
        counts = np.exp(rng.uniform(0, np.log(MOST_SHOTS + 1), len(users))).astype(np.int64)
        counts = np.maximum(np.minimum(counts, (lengths * LARGEST_SHARE).astype(np.int64)), 1)
        rows = np.repeat(np.arange(len(users)), lengths)
        order = np.lexsort((self._keys(users, rng, len(rows)), rows))
        place = np.arange(len(rows)) - events.indptr[:-1][rows]
        shown = order[place < counts[rows]]
        at = place[place < counts[rows]]
        width = int(counts.max(initial=1))
        items, weights = np.zeros((len(users), width), np.int64), np.zeros((len(users), width), np.float32)
        items[rows[shown], at], weights[rows[shown], at] = events.indices[shown], events.data[shown]
        seen = np.zeros((len(users), self.n_items), dtype=bool)
        seen[rows[shown], events.indices[shown]] = True
        query = np.where(seen, np.float32(0), self.episodes.query[users].toarray())
        return Batch(Shots(items, weights, self.attributes[users]), query, seen)

    def _keys(self, users: Ints, rng: np.random.Generator, count: int) -> npt.NDArray[np.float64]:
        """Return by what the events of the users are ordered before the first are revealed."""
        return rng.random(count) if self.places is None else self.places[users].data.astype(np.float64)
