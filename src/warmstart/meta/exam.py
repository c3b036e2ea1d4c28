"""Validation tasks in the form in which thousands of parameter settings are judged on them quickly."""

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
from scipy import sparse

from warmstart.core.histories import Floats, Histories, Ints
from warmstart.core.tasks import Tasks
from warmstart.meta.evidence import support_of
from warmstart.meta.parameters import MetaParameters, nearness_to_many
from warmstart.meta.prior import Prior
from warmstart.meta.tastes import Tastes

Bools = npt.NDArray[np.bool_]

DEPTH = 10
"""nDCG is taken at this depth."""
MOST_COLUMNS = 1_500
"""Items that are ranked: those that are liked or asked for most."""
_DISCOUNTS = 1 / np.log2(np.arange(2, DEPTH + 2))


@dataclass(frozen=True, slots=True)
class Exam:
    """Tasks of one size that judge a prior; no user of theirs was learned from.

    All that does not depend on the parameters is worked out once.

    Args:
        count: events in each support.
        tastes: the prior's second voice, over the columns that are ranked.
        constant: float32 [columns], what the linear voice says without events.
        added: float32 [n, columns], what the events add at gain 1: the likes and, where there are some, the others.
        evidence: float32 [n, tastes], what they say of the tastes, likewise.
        asked: bool [n, columns], the likes to be found.
        hidden: bool [n, columns], never ranked.
        ideal: float64 [n], nDCG's denominator.
    """

    count: int
    tastes: Tastes
    constant: Floats
    added: tuple[Floats, ...]
    evidence: tuple[Floats, ...]
    asked: Bools
    hidden: Bools
    ideal: npt.NDArray[np.float64]

    @classmethod
    def of(cls, prior: Prior, tasks: Tasks, like_from: float | None, half_life: float | None) -> "Exam | None":
        """Work out what tasks of one size need of a prior; None when there is nothing to judge."""
        if not len(tasks) or prior.tastes is None:
            return None
        columns = _columns(prior, tasks.query)
        count = int(tasks.support.lengths[0])
        near = np.float32(nearness_to_many(np.array(count)))
        kinds = _kinds(tasks.support, prior.n_items, like_from, half_life)
        few, many = prior.anchors
        return cls(
            count,
            prior.tastes.over(columns),
            ((1 - near) * few.prior.constant + near * many.prior.constant)[columns],
            tuple(_added(prior, kind, near, columns) for kind in kinds),
            tuple(prior.tastes.evidence(kind) for kind in kinds),
            _cells(tasks.query, columns, prior.n_items),
            _cells(tasks.hidden, columns, prior.n_items),
            _ideal(tasks),
        )

    def ndcg(self, parameters: MetaParameters) -> float:
        """Return the mean nDCG@10 of the tasks under some parameters."""
        return float(np.mean(self.ndcg_of_each(parameters)))

    def ndcg_of_each(self, parameters: MetaParameters) -> npt.NDArray[np.float64]:
        """Return each task's nDCG@10 under some parameters, float64 [n]."""
        count = np.array(self.count)
        gain, sharpness, share = (
            np.float32(parameters.at(name, count)) for name in ("gain", "sharpness", "taste_share")
        )
        scores = self.tastes.scores(_joined(self.evidence, parameters.dislike_weight) * sharpness, float(share))
        scores += (1 - share) * (self.constant + gain * _joined(self.added, parameters.dislike_weight))
        scores[self.hidden] = -np.inf
        found: npt.NDArray[np.float64] = _gains(scores, self.asked) / self.ideal
        return found

    def __len__(self) -> int:
        return len(self.ideal)

    def take(self, rows: Ints) -> "Exam":
        """Return the exam of some of its tasks."""
        added, evidence = (tuple(part[rows] for part in parts) for parts in (self.added, self.evidence))
        asked, hidden, ideal = self.asked[rows], self.hidden[rows], self.ideal[rows]
        return replace(self, added=added, evidence=evidence, asked=asked, hidden=hidden, ideal=ideal)


def ndcg_of(scores: Floats, tasks: Tasks) -> float:
    """Return the mean nDCG@10 of scores [n, items] on tasks; what is hidden is not ranked."""
    return float(np.mean(ndcg_of_each(scores, tasks)))


def ndcg_of_each(scores: Floats, tasks: Tasks) -> npt.NDArray[np.float64]:
    """Return each task's nDCG@10, float64 [n]; see ``ndcg_of``."""
    every = np.arange(scores.shape[1])
    asked, hidden = (_cells(part, every, scores.shape[1]) for part in (tasks.query, tasks.hidden))
    found: npt.NDArray[np.float64] = _gains(np.where(hidden, -np.inf, scores), asked) / _ideal(tasks)
    return found


def _kinds(
    support: Histories, n_items: int, like_from: float | None, half_life: float | None
) -> tuple[sparse.csr_matrix, ...]:
    """Return the likes and, where there are some, the other events, each weighing 1 but for its age."""
    events = support_of(support, None, MetaParameters(half_life=half_life)).matrix(n_items)
    liked = np.ones(len(support.items), dtype=bool) if like_from is None else support.values >= like_from
    return (events,) if liked.all() else (_only(events, liked), _only(events, ~liked))


def _only(events: sparse.csr_matrix, kept: Bools) -> sparse.csr_matrix:
    data = np.where(kept, events.data, 0).astype(np.float32)
    return sparse.csr_matrix((data, events.indices, events.indptr), shape=events.shape)


def _added(prior: Prior, events: sparse.csr_matrix, near: np.float32, columns: Ints) -> Floats:
    voices = [(anchor.prior.events, share) for anchor, share in zip(prior.anchors, (1 - near, near), strict=True)]
    parts = [voice.combine(events * share, columns) for voice, share in voices if share]
    return parts[0] if len(parts) == 1 else parts[0] + parts[1]


def _joined(parts: tuple[Floats, ...], dislike_weight: float) -> Floats:
    likes, *others = parts
    return likes + np.float32(dislike_weight) * others[0] if others else likes


def _columns(prior: Prior, query: Histories) -> Ints:
    """Return the items that are worth ranking, in order."""
    asked = np.bincount(query.items, minlength=prior.n_items)
    worth = prior.popularity / max(float(prior.popularity.max()), 1e-12) + asked / max(int(asked.max()), 1)
    return np.sort(np.argsort(-worth, kind="stable")[:MOST_COLUMNS])


def _cells(histories: Histories, columns: Ints, n_items: int) -> Bools:
    marked = np.zeros((len(histories), n_items), dtype=bool)
    marked[histories.rows, histories.items] = True
    return marked if len(columns) == n_items else marked[:, columns]


def _ideal(tasks: Tasks) -> npt.NDArray[np.float64]:
    found: npt.NDArray[np.float64] = np.cumsum(_DISCOUNTS)[np.minimum(tasks.query.lengths, DEPTH) - 1]
    return found


def _gains(scores: Floats, asked: Bools) -> npt.NDArray[np.float64]:
    """Return the discounted gains of the first ten, float64 [n]."""
    depth = min(DEPTH, scores.shape[1])
    best = np.argpartition(-scores, depth - 1, axis=1)[:, :depth]
    order = np.argsort(-np.take_along_axis(scores, best, axis=1), axis=1)
    hits = np.take_along_axis(asked, np.take_along_axis(best, order, axis=1), axis=1)
    found: npt.NDArray[np.float64] = hits @ _DISCOUNTS[:depth]
    return found
