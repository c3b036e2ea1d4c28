"""The one result of every recommendation: items in order, with what spoke for them."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    import polars as pl

Evidence = Literal["prior", "few-shot", "known"]
KNOWN_FROM = 20
"""From so many events on a user counts as known."""
STRIDE, LONG = 256, 16_384
"""Scores of which only the best is looked at first, and the length from which on that pays."""


@dataclass(frozen=True, slots=True)
class RankedItem:
    """One row of a ranking; ``rank`` starts at 1."""

    rank: int
    item_id: Any
    title: str
    score: float


@dataclass(frozen=True, slots=True)
class Ranking:
    """Items in descending order of score.

    Args:
        item_ids: ids as they came with the data, k of them.
        titles: a title each; the id's text where the data have none.
        scores: float32 [k], descending.
        source: name of the recommender that spoke.
        evidence: ``prior`` (no usable event), ``few-shot`` (1 to 19) or ``known``.
        ignored: history entries that were skipped because the catalogue does not hold them.

    Example:
        >>> import numpy as np
        >>> from warmstart.core.ranking import Ranking
        >>> ranking = Ranking(["b"], ["Heat"], np.array([0.5], dtype=np.float32), "popularity", "prior")
        >>> [(row.rank, row.item_id, row.title) for row in ranking]
        [(1, 'b', 'Heat')]
    """

    item_ids: list[Any]
    titles: list[str]
    scores: npt.NDArray[np.float32]
    source: str
    evidence: Evidence
    ignored: tuple[Any, ...] = ()

    def __len__(self) -> int:
        return len(self.item_ids)

    def __iter__(self) -> Iterator[RankedItem]:
        for place, (item, title, score) in enumerate(zip(self.item_ids, self.titles, self.scores, strict=True)):
            yield RankedItem(place + 1, item, title, float(score))

    def to_frame(self) -> "pl.DataFrame":
        """Return a polars frame with the columns ``rank, item_id, title, score``."""
        import polars as pl

        ranks = np.arange(1, len(self) + 1)
        return pl.DataFrame({"rank": ranks, "item_id": self.item_ids, "title": self.titles, "score": self.scores})


def evidence_of(n_events: int) -> Evidence:
    """Say how much evidence a ranking over ``n_events`` usable events rests on."""
    if n_events == 0:
        return "prior"
    return "few-shot" if n_events < KNOWN_FROM else "known"


def top_k(scores: npt.NDArray[np.floating], k: int) -> npt.NDArray[np.int64]:
    """Return the indices of the ``k`` highest scores, ties in order of index; ``-inf`` never counts.

    Args:
        scores: float [n_items].
        k: how many, at least 0; more than there are gives what there is.

    Example:
        >>> import numpy as np
        >>> from warmstart.core.ranking import top_k
        >>> top_k(np.array([1.0, 3.0, 1.0, -np.inf]), 2).tolist()
        [1, 0]
    """
    k = min(k, len(scores))
    if k <= 0:
        return np.zeros(0, dtype=np.int64)
    promising = _promising(scores, k)
    if promising is not None:
        return promising[top_k(scores[promising], k)]
    threshold = np.partition(scores, -k)[-k]
    chosen = np.flatnonzero(scores >= threshold if threshold > -np.inf else scores > threshold)
    if len(chosen) > k:
        level = scores[chosen] == threshold
        chosen = np.concatenate([chosen[~level], chosen[level][: k - int((~level).sum())]])
    return chosen[np.argsort(-scores[chosen], kind="stable")]


def _promising(scores: npt.NDArray[np.floating], k: int) -> npt.NDArray[np.int64] | None:
    """Return some places, in order, that hold the ``k`` highest scores; None where looking for them does not pay.

    The k-th best of the strides' maxima is a score that k scores reach, and maxima are found in one quick pass.
    """
    strides = len(scores) // STRIDE
    if len(scores) < LONG or k > strides // 8:
        return None
    maxima = scores[: strides * STRIDE].reshape(strides, STRIDE).max(axis=1)
    least = np.partition(maxima, -k)[-k]
    found = np.flatnonzero(scores >= least)
    return found if len(found) < len(scores) // 8 else None
