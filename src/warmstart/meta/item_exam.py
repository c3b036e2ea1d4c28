"""Known items that are pretended to be new: what the item side is judged by, and the search on it."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
from scipy import linalg

from warmstart.core.histories import Floats, Histories, Ints
from warmstart.core.run import Run
from warmstart.meta.item_likeness import ItemParameters, Likeness, mixed
from warmstart.meta.item_text import joined, likeness, take
from warmstart.meta.search import climb

MOST_ITEMS = 800
MOST_USERS = 300
FOLDS = 4
LEAST_ITEMS = 60
LEAST_USERS = 20
LEAST_LIKES = 5
"""Likes of a user who judges."""
DEPTH = 20
MOST_LIFT = 5.0
PULL = 2e-3
"""Quality that a step of one logarithm away from the start must earn: little data should move little."""

Doubles = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Fold:
    """One share of the items pretended to be new; indices count the exam's items.

    Args:
        new: int64 [c].
        rest: int64 [r], the others, which lend.
        scores: float32 [users, r], what the prior says without the new items' events.
        seen: float32 [users, r], the events.
        asked: bool [users, c], the likes to be found; no row without one.
        height: what the prior says of the new items it would rank first, had they been known, in the mean.
    """

    new: Ints
    rest: Ints
    scores: Floats
    seen: Floats
    asked: Bools
    height: float

    def borrowed(self, alike: Floats, parameters: ItemParameters) -> Floats:
        """Return the new items' scores, float32 [users, c], before any lift."""
        system = alike[np.ix_(self.rest, self.rest)]
        system[np.diag_indices_from(system)] += np.float32(parameters.noise)
        weights = linalg.solve(system, alike[np.ix_(self.rest, self.new)], assume_a="pos", check_finite=False)
        return np.asarray((self.scores + np.float32(parameters.own) * self.seen) @ weights, dtype=np.float32)


@dataclass(frozen=True, slots=True)
class ItemExam:
    """Some known items, all likeness among them worked out once, and what known users did with them.

    Args:
        alike: float32 [n, n], one a view.
        known: float32 [n], one a view.
        folds: each item is new in one of them.
    """

    alike: tuple[Floats, ...]
    known: tuple[Floats, ...]
    folds: tuple[Fold, ...]

    @classmethod
    def of(
        cls,
        likeness_of: Likeness,
        anchors: Ints,
        known: Histories,
        n_items: int,
        score_of: Callable[[Histories], Floats],
        run: Run,
    ) -> "ItemExam | None":
        """Draw items and users; None where there are too few to judge by."""
        rng = run.rng("item exam")
        described = np.flatnonzero(np.sum(likeness_of.known, axis=0) > 0) if likeness_of.views else anchors[:0]
        able = np.flatnonzero(known.lengths >= LEAST_LIKES)
        if len(described) < LEAST_ITEMS or len(able) < LEAST_USERS:
            return None
        chosen = np.sort(rng.permutation(described)[:MOST_ITEMS])
        judges = known[np.sort(rng.permutation(able)[:MOST_USERS])]
        parts = np.array_split(rng.permutation(len(chosen)), FOLDS)
        folds = (_fold(np.sort(part), anchors[chosen], judges, n_items, score_of) for part in parts)
        coded = tuple(take(part, chosen) for part in likeness_of.coded)
        alike = tuple(likeness(view, part, part) for view, part in zip(likeness_of.views, coded, strict=True))
        return cls(alike, tuple(part[chosen] for part in likeness_of.known), tuple(filter(None, folds)))

    @property
    def unit(self) -> float:
        """What the prior says of items that were met, in the mean: the size of scores."""
        met = [float(np.abs(fold.scores[fold.seen > 0]).mean()) for fold in self.folds if (fold.seen > 0).any()]
        return float(np.mean(met)) if met else 1.0

    def quality(self, parameters: ItemParameters) -> float:
        """Return the mean of nDCG@20 and Recall@20 among the new items."""
        alike = self._joined(parameters)
        found = [_ranked(fold.borrowed(alike, parameters), fold.asked) for fold in self.folds]
        return float(np.mean(found)) if found else 0.0

    def lift(self, parameters: ItemParameters) -> float:
        """Return by how much borrowed scores must grow to stand as high as the items' own, had they been known.

        What is guessed is drawn to the mean, so without a lift new items would hardly ever be shown among known ones.
        """
        alike = self._joined(parameters)
        guessed = sum(_height(fold.borrowed(alike, parameters)) for fold in self.folds)
        known = sum(fold.height for fold in self.folds)
        return float(np.clip(known / guessed, 1.0, MOST_LIFT)) if guessed > 0 else 1.0

    def _joined(self, parameters: ItemParameters) -> Floats:
        return mixed(joined(parameters.weights, self.alike, self.known, self.known), parameters.interaction)


def search_items(exam: ItemExam, start: ItemParameters, trials: int, run: Run) -> ItemParameters:
    """Find the parameters that rank pretended new items best (CMA-ES; Hansen and Ostermeier, 2001).

    Args:
        exam: what they are judged by.
        start: where to begin, ``own`` in units of the exam; it comes back if nothing beats it.
        trials: how many settings are tried, about.
        run: seed and progress display.
    """
    first = start.to_vector()
    first[-1] += np.log(exam.unit)

    def worth(vector: Doubles) -> float:
        return exam.quality(ItemParameters.of_vector(vector)) - PULL * float(((vector - first) ** 2).sum())

    best, _ = climb(worth, first, trials, run, "item search")
    found_best = ItemParameters.of_vector(best)
    return replace(found_best, lift=exam.lift(found_best))


def _fold(
    new: Ints, items: Ints, judges: Histories, n_items: int, score_of: Callable[[Histories], Floats]
) -> Fold | None:
    cold = np.isin(judges.items, items[new])
    asked = judges.where(cold).matrix(n_items)[:, items[new]].toarray() != 0
    rows = np.flatnonzero(asked.any(axis=1))
    if not len(rows):
        return None
    support = judges.where(~cold)[rows]
    rest = np.setdiff1d(np.arange(len(items)), new)
    seen = support.matrix(n_items, np.ones(len(support.items), dtype=np.float32))[:, items[rest]].toarray()
    scores = score_of(support)
    lent, height = np.ascontiguousarray(scores[:, items[rest]]), _height(scores[:, items[new]])
    return Fold(new, rest, lent, seen, asked[rows], height)


def _height(scores: Floats) -> float:
    """Return the mean of each user's highest scores."""
    depth = min(DEPTH, scores.shape[1])
    return float(np.partition(scores, -depth, axis=1)[:, -depth:].mean())


def _ranked(scores: Floats, asked: Bools) -> float:
    depth = min(DEPTH, scores.shape[1])
    best = np.argsort(-scores, axis=1, kind="stable")[:, :depth]
    hits = np.take_along_axis(asked, best, axis=1)
    discounts = 1 / np.log2(np.arange(2, depth + 2))
    likes = asked.sum(axis=1)
    ideal = np.cumsum(discounts)[np.minimum(likes, depth) - 1]
    return float(np.mean((hits @ discounts) / ideal + hits.sum(axis=1) / likes) / 2)
