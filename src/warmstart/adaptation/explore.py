"""Exploration by the posterior: ranking by a draw, or by an upper bound, of what the person may like."""

from typing import Protocol

import numpy as np
import numpy.typing as npt

from warmstart.core.errors import BadInput
from warmstart.core.histories import Floats, Histories
from warmstart.core.ranking import top_k
from warmstart.meta.posterior import TastePosterior
from warmstart.meta.recommender import MetaRecommender
from warmstart.recommenders.base import Recommender

Indices = npt.NDArray[np.integer]
Ints = npt.NDArray[np.int64]

WIDE = 2
"""Times the candidates that are looked at, by score, to find those with the highest optimistic score."""
OPTIMISM = 2.0
"""Standard deviations above the score at which a candidate is hoped for."""


class Belief(Protocol):
    """What exploring needs to know of one person: how far the scores may be off, and together with which others."""

    def spread(self, items: Indices) -> Floats:
        """Return the standard deviation of some items' scores, float32 [len(items)]."""
        ...

    def draws(self, n: int, items: Indices, rng: np.random.Generator) -> Floats:
        """Draw by how much the scores of some items differ from their mean, float32 [n, len(items)]."""
        ...


def belief_of(model: Recommender, history: Histories) -> Belief:
    """Return what a model's posterior says of one person; raises ``BadInput`` for a model that has none.

    Example:
        >>> import warmstart as ws
        >>> from warmstart.adaptation.explore import belief_of
        >>> model = ws.recommender("popularity").fit(ws.load_dataset("movielens-small"))
        >>> belief_of(model, model.profile().history)
        Traceback (most recent call last):
        warmstart.core.errors.BadInput: 'popularity' has no posterior to explore by. Use 'meta' or set explore to 'off'.
    """
    if not isinstance(model, MetaRecommender):
        raise BadInput(f"{model.name!r} has no posterior to explore by. Use 'meta' or set explore to 'off'.")
    return TastePosterior.of(model.learned.prior, model.learned.support(history))


def candidates_of(worth: Floats, n: int, belief: Belief, boldness: float) -> tuple[Ints, Floats]:
    """Return the ``n`` items with the highest optimistic score by index, best score first, and their spread.

    Args:
        worth: float32 [n_items], ``-inf`` for what may not be shown.
        n: how many.
        belief: how far the scores may be off.
        boldness: factor on that.
    """
    wide = top_k(worth, WIDE * n)
    spread = belief.spread(wide)
    kept = np.sort(top_k(worth[wide] + np.float32(OPTIMISM * boldness) * spread, n))
    return wide[kept], spread[kept]


def best_of_each(scores: Floats, k: int) -> Ints:
    """Return the places of the ``k`` highest scores of each row, int64 [rows, k], best first."""
    if len(scores) == 1:
        return top_k(scores[0], k)[None]
    best = np.argpartition(-scores, min(k, scores.shape[1] - 1), axis=1)[:, :k]
    order = np.argsort(-np.take_along_axis(scores, best, axis=1), axis=1, kind="stable")
    found: Ints = np.take_along_axis(best, order, axis=1)
    return found


def shares_of_lists(lists: Ints, n: int) -> Floats:
    """Return in which share of the lists each candidate stands, float32 [n]; they sum to the length of a list.

    Where one of these lists is served, each with the same chance, this is no estimate: it is the probability that an
    item was shown, given the lists that were drawn (Horvitz and Thompson, 1952, for what such weights are good for).

    Example:
        >>> import numpy as np
        >>> from warmstart.adaptation.explore import shares_of_lists
        >>> shares_of_lists(np.array([[0, 1], [0, 2]]), 4).tolist()
        [1.0, 0.5, 0.5, 0.0]
    """
    counts = np.bincount(lists.ravel(), minlength=n)
    found: Floats = (counts / len(lists)).astype(np.float32)
    return found
