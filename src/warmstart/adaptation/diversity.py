"""A list whose items are good and unlike each other: maximal marginal relevance."""

import numpy as np
import numpy.typing as npt

from warmstart.core.histories import Floats

Ints = npt.NDArray[np.int64]


def spread_out(relevance: Floats, vectors: Floats, k: int, diversity: float) -> Ints:
    """Pick lists by maximal marginal relevance (Carbonell and Goldstein, 1998), several over the same candidates.

    Each step takes the candidate with the largest ``(1 - diversity) relevance - diversity max similarity`` to what was
    taken before it. Relevance is first brought to 0 for a row's worst candidate and 1 for its best, so that a
    ``diversity`` means the same whatever the model's scores are measured in.

    Args:
        relevance: finite float32 [lists, candidates].
        vectors: float32 [candidates, r], rows of length 1 or 0; their products are the similarities.
        k: how many, at most as many as there are candidates.
        diversity: 0 to 1; at 0 only relevance counts, at 1 only the first item's does.

    Returns:
        int64 [lists, k], places of candidates in the order taken.

    Example:
        >>> import numpy as np
        >>> from warmstart.adaptation.diversity import spread_out
        >>> relevance = np.array([[1.0, 0.9, 0.5]], dtype=np.float32)
        >>> vectors = np.array([[1, 0], [1, 0], [0, 1]], dtype=np.float32)
        >>> [spread_out(relevance, vectors, 2, diversity).tolist() for diversity in (0.0, 0.5)]
        [[[0, 1]], [[0, 2]]]
    """
    every = np.arange(len(relevance))
    alike = np.float32(diversity) * (vectors @ vectors.T)  # [candidates, candidates]
    left = np.float32(1 - diversity) * _scaled(relevance)
    nearest = np.full_like(left, -np.inf)
    taken = np.empty((len(relevance), k), dtype=np.int64)
    taken[:, 0] = relevance.argmax(axis=1)
    for step in range(1, k):
        last = taken[:, step - 1]
        left[every, last] = -np.inf
        np.maximum(nearest, alike[last], out=nearest)
        taken[:, step] = (left - nearest).argmax(axis=1)
    return taken


def likeness_within(vectors: Floats) -> float:
    """Return the mean similarity of a list's pairs, 0 for fewer than two items (Ziegler and others, 2005).

    Args:
        vectors: float32 [k, r], rows of length 1 or 0.

    Example:
        >>> import numpy as np
        >>> from warmstart.adaptation.diversity import likeness_within
        >>> likeness_within(np.array([[1, 0], [1, 0], [0, 1]], dtype=np.float32))
        0.3333333333333333
    """
    k = len(vectors)
    if k < 2:
        return 0.0
    alike = vectors.astype(np.float64) @ vectors.T.astype(np.float64)
    return float((alike.sum() - np.trace(alike)) / (k * (k - 1)))


def _scaled(relevance: Floats) -> Floats:
    low = relevance.min(axis=1, keepdims=True)
    width = relevance.max(axis=1, keepdims=True) - low
    found: Floats = (relevance - low) / np.where(width > 0, width, 1)
    return found
