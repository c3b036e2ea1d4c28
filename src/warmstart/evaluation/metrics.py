"""Ranking measures for many users at once, and measures of the catalogue.

Every measure of a user reads the hits of a ranking, bool [n, depth] (is the item at this rank one of the
query?), and the size of the query, int64 [n]. A user with an empty query has no measure: NaN, which means leave out.
Gains are binary. Rankings break ties by index, exactly as ``core.ranking.top_k`` does.
"""

import numpy as np
import numpy.typing as npt

from warmstart.core.histories import Floats, Histories, Ints

Bools = npt.NDArray[np.bool_]
Doubles = npt.NDArray[np.float64]


def top_items(scores: Floats, k: int) -> Ints:
    """Return the ``k`` best items of every user, best first, ties in order of index; -1 where there is none left.

    Args:
        scores: float32 [n, n_items]; ``-inf`` is never ranked.
        k: how many, at least 1.

    Returns:
        int64 [n, min(k, n_items)].

    Example:
        >>> import numpy as np
        >>> from warmstart.evaluation.metrics import top_items
        >>> top_items(np.array([[1, 3, 1, -np.inf]], dtype=np.float32), 4).tolist()
        [[1, 0, 2, -1]]
    """
    k = min(k, scores.shape[1])
    keys = _sort_keys(scores)
    best = np.argpartition(keys, -k, axis=1)[:, -k:]
    order = np.argsort(np.take_along_axis(keys, best, axis=1), axis=1)[:, ::-1]
    best = np.take_along_axis(best, order, axis=1)
    ranked = np.take_along_axis(scores, best, axis=1) > -np.inf
    return np.where(ranked, best, -1)


def _sort_keys(scores: Floats) -> npt.NDArray[np.uint64]:
    # the bits of a float rise with its value once the sign is folded; the lower half breaks ties by index
    bits = (scores.astype(np.float32, copy=False) + np.float32(0)).view(np.uint32)
    rising = np.where(bits >> 31, ~bits, bits | np.uint32(1 << 31)).astype(np.uint64)
    places = np.arange(scores.shape[1], dtype=np.uint64)
    return (rising << np.uint64(32)) | (np.uint64(2**32 - 1) - places)


def hits_of(top: Ints, query: Histories, n_items: int) -> Bools:
    """Say which ranked items are in the user's query, bool [n, depth].

    Example:
        >>> import numpy as np
        >>> from warmstart.core.histories import Histories
        >>> from warmstart.evaluation.metrics import hits_of
        >>> hits_of(np.array([[4, 0, -1]]), Histories.of([[0, 2]]), 5).tolist()
        [[False, True, False]]
    """
    rows = np.arange(len(top))[:, None]
    found: Bools = np.isin(rows * n_items + top, query.rows * n_items + query.items)
    return found & (top >= 0)


def ndcg(hits: Bools, relevant: Ints, k: int) -> Doubles:
    """Return the normalised discounted cumulative gain of the first ``k`` (Järvelin and Kekäläinen, 2002).

    Gains are binary, the discount is 1 / log2(rank + 1), the ideal has ``min(relevant, k)`` hits on top.

    Example:
        >>> import numpy as np
        >>> from warmstart.evaluation.metrics import ndcg
        >>> ndcg(np.array([[False, True]]), np.array([1]), k=2).round(4).tolist()
        [0.6309]
    """
    discounts = 1 / np.log2(np.arange(2, k + 2))
    ideal = np.concatenate([[np.nan], np.cumsum(discounts)])[np.minimum(relevant, k)]
    gains = (hits[:, :k] * discounts[: hits.shape[1]]).sum(axis=1)
    return np.asarray(gains / ideal, dtype=np.float64)


def recall(hits: Bools, relevant: Ints, k: int) -> Doubles:
    """Return the share of the query among the first ``k``: hits / size of the query (not its minimum with k).

    Example:
        >>> import numpy as np
        >>> from warmstart.evaluation.metrics import recall
        >>> recall(np.array([[False, True]]), np.array([4]), k=2).tolist()
        [0.25]
    """
    return _n_hits(hits, k) / _or_nan(relevant)


def precision(hits: Bools, relevant: Ints, k: int) -> Doubles:
    """Return the share of the first ``k`` places that hold a hit; places left empty count as misses.

    Example:
        >>> import numpy as np
        >>> from warmstart.evaluation.metrics import precision
        >>> precision(np.array([[False, True]]), np.array([4]), k=2).tolist()
        [0.5]
    """
    return np.where(relevant > 0, _n_hits(hits, k) / k, np.nan)


def hit_rate(hits: Bools, relevant: Ints, k: int) -> Doubles:
    """Return 1 for every user with a hit among the first ``k``, else 0.

    Example:
        >>> import numpy as np
        >>> from warmstart.evaluation.metrics import hit_rate
        >>> hit_rate(np.array([[False, True], [False, False]]), np.array([4, 1]), k=2).tolist()
        [1.0, 0.0]
    """
    return np.where(relevant > 0, (_n_hits(hits, k) > 0).astype(np.float64), np.nan)


def average_precision(hits: Bools, relevant: Ints, k: int) -> Doubles:
    """Return the mean precision at the hits among the first ``k``, over ``min(relevant, k)``, so that 1 can be reached.

    Its mean over users is MAP@k.

    Example:
        >>> import numpy as np
        >>> from warmstart.evaluation.metrics import average_precision
        >>> average_precision(np.array([[True, False, True]]), np.array([2]), k=3).round(4).tolist()
        [0.8333]
    """
    first = hits[:, :k]
    at_rank = np.cumsum(first, axis=1) / np.arange(1, first.shape[1] + 1)
    return np.asarray((at_rank * first).sum(axis=1) / _or_nan(np.minimum(relevant, k)), dtype=np.float64)


def reciprocal_rank(scores: Floats, query: Histories) -> Doubles:
    """Return 1 / rank of the best query item in the whole ranking, 0 when none is ranked; its mean is the MRR.

    Args:
        scores: float32 [n, n_items]; ``-inf`` is never ranked.
        query: the items to be found, n rows.

    Example:
        >>> import numpy as np
        >>> from warmstart.core.histories import Histories
        >>> from warmstart.evaluation.metrics import reciprocal_rank
        >>> reciprocal_rank(np.array([[3, 1, 2]], dtype=np.float32), Histories.of([[1, 2]])).tolist()
        [0.5]
    """
    return np.array([_reciprocal_rank(row, _items(query, user)) for user, row in enumerate(scores)])


def auc(scores: Floats, query: Histories) -> Doubles:
    """Return the chance that a query item outranks another ranked item, ties counting half (Hanley and McNeil, 1982).

    NaN for a user whose ranked items are all in the query, or none of them.

    Args:
        scores: float32 [n, n_items]; ``-inf`` is never ranked.
        query: the items to be found, n rows.

    Example:
        >>> import numpy as np
        >>> from warmstart.core.histories import Histories
        >>> from warmstart.evaluation.metrics import auc
        >>> auc(np.array([[3, 1, 2, -np.inf]], dtype=np.float32), Histories.of([[2]])).tolist()
        [0.5]
    """
    return np.array([_auc(row, _items(query, user)) for user, row in enumerate(scores)])


def _reciprocal_rank(row: Floats, items: npt.NDArray[np.int32]) -> float:
    if not len(items):
        return np.nan
    best = row[items].max()
    if best == -np.inf:
        return 0.0
    first = items[row[items] == best].min()
    return 1 / (1 + np.count_nonzero(row > best) + np.count_nonzero(row[:first] == best))


def _auc(row: Floats, items: npt.NDArray[np.int32]) -> float:
    found = np.sort(row[items][row[items] > -np.inf])
    ranked = np.sort(row[row > -np.inf])
    n_others = len(ranked) - len(found)
    if not len(found) or not n_others:
        return np.nan
    below = _places(ranked, found) - _places(found, found)
    return float(below.sum() / (len(found) * n_others))


def _places(row: Floats, values: Floats) -> Doubles:
    both = np.searchsorted(row, values, "left") + np.searchsorted(row, values, "right")
    return both.astype(np.float64) / 2


def self_information(top: Ints, counts: Ints, n_users: int) -> Doubles:
    """Return the mean surprise of a user's list in bits, -log2 of an item's share of users (Zhou et al., 2010).

    One imagined user who liked everything keeps it finite. The mean over users is the novelty.

    Args:
        top: int64 [n, k], ranked items, -1 for an empty place.
        counts: int64 [n_items], how many training users liked each item.
        n_users: number of training users.

    Example:
        >>> import numpy as np
        >>> from warmstart.evaluation.metrics import self_information
        >>> self_information(np.array([[0, 1]]), np.array([7, 1]), n_users=7).tolist()
        [1.0]
    """
    bits = np.append(-np.log2((counts + 1) / (n_users + 1)), np.nan)[top]
    filled = top >= 0
    return np.asarray(np.where(filled, bits, 0).sum(axis=1) / _or_nan(filled.sum(axis=1)), dtype=np.float64)


def coverage(shown: Ints, n_candidates: int) -> float:
    """Return the share of the candidates that was shown to anybody.

    Args:
        shown: int64 [n_items], how often each item was shown.
        n_candidates: how many items could have been shown.

    Example:
        >>> import numpy as np
        >>> from warmstart.evaluation.metrics import coverage
        >>> coverage(np.array([5, 0, 1, 0]), 4)
        0.5
    """
    return float(np.count_nonzero(shown)) / n_candidates if n_candidates else np.nan


def gini(shown: Ints) -> float:
    """Return how unevenly the places went to the items: 0 for all alike, near 1 for all to one (Gini, 1912).

    Example:
        >>> import numpy as np
        >>> from warmstart.evaluation.metrics import gini
        >>> gini(np.array([2, 2, 2, 2])), gini(np.array([0, 0, 0, 8]))
        (0.0, 0.75)
    """
    n, total = len(shown), shown.sum()
    if not total:
        return np.nan
    ranks = 2 * np.arange(1, n + 1) - n - 1
    return float(ranks @ np.sort(shown) / (n * total))


def _n_hits(hits: Bools, k: int) -> Doubles:
    return np.asarray(hits[:, :k].sum(axis=1), dtype=np.float64)


def _or_nan(sizes: Ints) -> Doubles:
    return np.where(sizes > 0, sizes.astype(np.float64), np.nan)


def _items(query: Histories, user: int) -> npt.NDArray[np.int32]:
    return query.items[query.indptr[user] : query.indptr[user + 1]]
