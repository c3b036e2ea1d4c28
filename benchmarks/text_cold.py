"""New items judged by known users: how well likeness to what they met finds what they like."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
import numpy.typing as npt
from scipy import sparse

from warmstart.core.histories import Floats, Histories, Ints
from warmstart.evaluation.metrics import hits_of, ndcg, recall, top_items
from warmstart.evaluation.panel import Panel

DEPTH = 20

Doubles = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Numbers:
    """Recall@20 and nDCG@20, means over users."""

    recall: float
    ndcg: float

    @classmethod
    def of(cls, by_user: Doubles) -> Self:
        """Take the means of float64 [n, 2]."""
        first, second = by_user.mean(axis=0).tolist()
        return cls(first, second)

    @property
    def mean(self) -> float:
        """What settings are chosen by."""
        return (self.recall + self.ndcg) / 2


@dataclass(frozen=True, slots=True)
class Cold:
    """Users, their events on warm items and what they liked of the items that are ranked.

    Args:
        support: the events that are known, n rows.
        warm: csr float32 [n, n_items], 1 at each of them.
        cold: int64 [c], the items that are ranked.
        query: the likes among them, by place within ``cold``.
        hidden: bool [n, c], what is known to have been met and is not ranked.
    """

    support: Histories
    warm: sparse.csr_matrix
    cold: Ints
    query: Histories
    hidden: npt.NDArray[np.bool_]

    @classmethod
    def of(cls, panel: Panel, n_items: int, most: int | None = None) -> Self:
        """Take a panel, of at most so many users drawn at random."""
        tasks, among = panel.tasks, panel.candidates
        rows = np.sort(np.random.default_rng(0).permutation(len(tasks))[:most])
        support, query, hidden = tasks.support[rows], tasks.query[rows], tasks.hidden[rows]
        cold = np.flatnonzero(among) if isinstance(among, np.ndarray) else np.arange(n_items)
        places = np.full(n_items, -1, dtype=np.int32)
        places[cold] = np.arange(len(cold))
        asked = Histories(query.indptr, places[query.items], query.values)
        return cls(support, _ones(support, n_items), cold, asked, _ones(hidden, n_items)[:, cold].toarray() > 0)

    def measured(self, scores: Floats) -> Doubles:
        """Return Recall@20 and nDCG@20 of every user, float64 [n, 2], of scores [n, c]."""
        top = top_items(np.where(self.hidden, -np.inf, scores).astype(np.float32), DEPTH)
        hits, likes = hits_of(top, self.query, len(self.cold)), self.query.lengths
        return np.stack([recall(hits, likes, DEPTH), ndcg(hits, likes, DEPTH)], axis=1)

    def alike(self, alike: Floats, neighbours: int | None) -> Doubles:
        """Measure scores that are sums of likeness to the items met.

        Args:
            alike: float32 [n_items, c].
            neighbours: only those among so many nearest of an item count; None takes all.
        """
        if neighbours is not None:
            met = np.asarray(self.warm.sum(axis=0)).ravel() > 0
            alike = np.where(met[:, None], alike, 0)
            least = np.partition(alike, -neighbours, axis=0)[-neighbours]
            alike = np.where(alike >= least, alike, 0)
        return self.measured(np.asarray(self.warm @ np.asarray(alike, dtype=np.float32)))


def ratio_of(one: Doubles, other: Doubles, rounds: int = 1_000) -> dict[str, Sequence[float]]:
    """Return the ratios of the means of two rows over the same users with their 95% intervals (paired bootstrap)."""
    rng, n = np.random.default_rng(0), len(one)
    drawn = np.array([rng.multinomial(n, np.full(n, 1 / n)) for _ in range(rounds)], dtype=np.float64)
    ratios = (drawn @ one) / (drawn @ other)
    low, high = np.quantile(ratios, [0.025, 0.975], axis=0)
    found = one.mean(axis=0) / other.mean(axis=0)
    names = ("recall@20", "ndcg@20")
    return {
        name: [round(float(value), 3) for value in (found[place], low[place], high[place])]
        for place, name in enumerate(names)
    }


def _ones(histories: Histories, n_items: int) -> sparse.csr_matrix:
    return histories.matrix(n_items, np.ones(len(histories.items), dtype=np.float32))
