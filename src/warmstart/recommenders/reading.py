"""How recommenders read histories: which events speak, and what is said when none does."""

from typing import Annotated, Literal

import numpy as np
import numpy.typing as npt
from scipy import sparse

from warmstart.core.config import Config, Tunable
from warmstart.core.errors import BadInput
from warmstart.core.histories import Floats, Histories
from warmstart.data.catalogue import Catalogue
from warmstart.data.dataset import Dataset

Events = Literal["likes", "all"]
TIE_BREAK = 1e-6
"""Share of a row's largest score that popularity may add: enough to order what the evidence leaves equal."""


class ReadsEvents(Config):
    """Which events speak; for recommenders that know only seen and not seen."""

    events: Annotated[Events, Tunable(choices=("likes", "all"))] = "likes"
    """Events of a history that count: the likes, or all of any value."""

    train_on: Annotated[Events, Tunable(choices=("likes", "all"))] = "likes"
    """Events of the data that are learned from: the likes, or all of any value."""


def checked(histories: Histories, n_items: int) -> Histories:
    """Return histories with one event an item (the last one), after checking indices and values.

    Example:
        >>> from warmstart.core.histories import Histories
        >>> from warmstart.recommenders.reading import checked
        >>> checked(Histories.of([[2, 1, 2]], [[1.0, 2.0, 3.0]]), 3).values.tolist()
        [2.0, 3.0]
    """
    if len(histories.items) and not 0 <= int(histories.items.min()) <= int(histories.items.max()) < n_items:
        raise BadInput(f"Histories hold item indices outside 0 to {n_items - 1}. Build them from the same catalogue.")
    if not np.isfinite(histories.values).all():
        raise BadInput("Histories hold values that are NaN or infinite. Remove those events.")
    keys = histories.rows[::-1] * n_items + histories.items[::-1]
    _, last = np.unique(keys, return_index=True)
    if len(last) == len(keys):
        return histories
    keep = np.zeros(len(keys), dtype=bool)
    keep[len(keys) - 1 - last] = True
    return histories.where(keep)


def seen(histories: Histories, catalogue: Catalogue, events: Events) -> sparse.csr_matrix:
    """Return a float32 [n, n_items] matrix with 1 where an event speaks.

    Example:
        >>> from warmstart.core.histories import Histories
        >>> from warmstart.data.catalogue import Catalogue
        >>> from warmstart.recommenders.reading import seen
        >>> films = Catalogue([1, 2], ["Heat", "Alien"], like_from=4.0)
        >>> seen(Histories.of([[0, 1]], [[5.0, 2.0]]), films, "likes").toarray().tolist()
        [[1.0, 0.0]]
    """
    if events == "likes" and catalogue.like_from is not None:
        histories = histories.where(histories.values >= catalogue.like_from)
    matrix = histories.matrix(len(catalogue), np.ones(len(histories.items), dtype=np.float32))
    np.minimum(matrix.data, 1, out=matrix.data)
    return matrix


def learned(data: Dataset, events: Events) -> sparse.csr_matrix:
    """Return what is learned from, float32 [n_users, n_items] of ones."""
    return seen(data.histories, data.catalogue, events)


def popularity_of(matrix: sparse.csr_matrix) -> Floats:
    """Return how often each item occurs as a share of the most frequent one, float32 [n_items]."""
    counts = np.bincount(matrix.indices, minlength=matrix.shape[1])
    return (counts / max(int(counts.max(initial=0)), 1)).astype(np.float32)


def with_popularity(scores: npt.NDArray[np.floating], popularity: Floats) -> Floats:
    """Order by popularity what the evidence leaves equal; a row without evidence is popularity itself.

    Args:
        scores: [n, n_items], all zero in a row without evidence.
        popularity: float32 [n_items] in 0 to 1.

    Example:
        >>> import numpy as np
        >>> from warmstart.recommenders.reading import with_popularity
        >>> with_popularity(np.array([[0.0, 0.0]]), np.array([0.5, 1.0], dtype=np.float32)).tolist()
        [[0.5, 1.0]]
    """
    peaks = np.abs(scores).max(axis=1, initial=0)  # [n]
    shares = np.where(peaks > 0, TIE_BREAK * peaks, 1).astype(np.float32)
    return (scores + shares[:, None] * popularity).astype(np.float32, copy=False)
