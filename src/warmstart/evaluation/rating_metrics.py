"""Measures of predicted values and likes over each user's own few query items, pooled over users.

The inputs are flat: one entry an event of the query, with ``rows`` saying whose it is. Accuracy, precision,
recall, F1, MAE, MSE, RMSE and cross-entropy are pooled: every event of every user counts alike. nDCG is a mean over
users, and ranking a handful of items is easy, so ``random_ndcg`` gives what a coin would reach.
"""

import numpy as np
import numpy.typing as npt

from warmstart.core.histories import Ints
from warmstart.evaluation.metrics import Bools, Doubles, ndcg
from warmstart.evaluation.statistics import Measured

Numbers = npt.NDArray[np.floating]
_CERTAIN = 1e-7


def value_errors(truth: Numbers, predicted: Numbers, rows: Ints, n: int) -> dict[str, Measured]:
    """Return MAE, MSE and RMSE of predicted values.

    Args:
        truth: float [events], values as they came.
        predicted: float [events].
        rows: int64 [events], whose each is, below ``n``.
        n: number of users.

    Example:
        >>> import numpy as np
        >>> from warmstart.evaluation.rating_metrics import value_errors
        >>> from warmstart.evaluation.statistics import estimate
        >>> found = value_errors(np.array([3.0, 5.0]), np.array([4.0, 2.0]), np.array([0, 1]), 2)
        >>> {name: round(estimate([one])[0].mean, 3) for name, one in found.items()}
        {'mae': 2.0, 'mse': 5.0, 'rmse': 2.236}
    """
    gap = predicted.astype(np.float64) - truth
    squares = _pooled(gap**2, rows, n)
    return {
        "mae": _pooled(np.abs(gap), rows, n),
        "mse": squares,
        "rmse": Measured(squares.values, squares.weights, root=True),
    }


def like_errors(liked: Bools, predicted: Bools, rows: Ints, n: int) -> dict[str, Measured]:
    """Return accuracy, and precision, recall and F1 of the likes.

    Args:
        liked: bool [events], the truth.
        predicted: bool [events].
        rows: int64 [events], whose each is, below ``n``.
        n: number of users.

    Example:
        >>> import numpy as np
        >>> from warmstart.evaluation.rating_metrics import like_errors
        >>> from warmstart.evaluation.statistics import estimate
        >>> found = like_errors(np.array([True, False]), np.array([True, True]), np.array([0, 0]), 1)
        >>> {name: round(estimate([one])[0].mean, 3) for name, one in found.items()}
        {'accuracy': 0.5, 'precision': 0.5, 'recall': 1.0, 'f1': 0.667}
    """
    both, said, true = (_count(which, rows, n) for which in (liked & predicted, predicted, liked))
    return {
        "accuracy": _pooled((liked == predicted).astype(np.float64), rows, n),
        "precision": _share(both, said),
        "recall": _share(both, true),
        "f1": _share(2 * both, said + true),
    }


def cross_entropy(liked: Bools, probability: Numbers, rows: Ints, n: int) -> Measured:
    """Return the mean negative log-likelihood of the likes, in nats.

    Args:
        liked: bool [events], the truth.
        probability: float [events], of a like, in [0, 1]; kept 1e-7 away from certainty.
        rows: int64 [events], whose each is, below ``n``.
        n: number of users.

    Example:
        >>> import numpy as np
        >>> from warmstart.evaluation.rating_metrics import cross_entropy
        >>> cross_entropy(np.array([True, False]), np.array([0.5, 0.5]), np.array([0, 0]), 1).values.round(4).tolist()
        [0.6931]
    """
    sure = np.clip(probability.astype(np.float64), _CERTAIN, 1 - _CERTAIN)
    return _pooled(-np.log(np.where(liked, sure, 1 - sure)), rows, n)


def own_ndcg(liked: Bools, predicted: Numbers, rows: Ints, n: int, k: int) -> Measured:
    """Return nDCG@k of ranking each user's own query events by prediction, ties in order of event; likes are the gain.

    Users without a like among their query events have none.

    Args:
        liked: bool [events], the truth.
        predicted: float [events].
        rows: int64 [events], whose each is, rising, below ``n``.
        n: number of users.
        k: depth.

    Example:
        >>> import numpy as np
        >>> from warmstart.evaluation.rating_metrics import own_ndcg
        >>> liked, rows = np.array([False, True]), np.array([0, 0])
        >>> own_ndcg(liked, np.array([0.2, 0.9]), rows, 1, k=5).values.tolist()
        [1.0]
    """
    sizes = np.bincount(rows, minlength=n)
    order = np.lexsort((np.arange(len(rows)), -predicted.astype(np.float64), rows))
    ranks = np.arange(len(rows)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    hits = np.zeros((n, k), dtype=bool)
    first = ranks < k
    hits[rows[order][first], ranks[first]] = liked[order][first]
    return Measured(ndcg(hits, _count(liked, rows, n).astype(np.int64), k))


def random_ndcg(liked: Bools, rows: Ints, n: int, k: int) -> Measured:
    """Return the expected ``own_ndcg`` of a random order, in closed form: every rank is a like with the user's share.

    Example:
        >>> import numpy as np
        >>> from warmstart.evaluation.rating_metrics import random_ndcg
        >>> random_ndcg(np.array([True] * 5 + [False] * 5), np.zeros(10, dtype=np.int64), 1, k=5).values.tolist()
        [0.5]
    """
    sizes, likes = np.bincount(rows, minlength=n), _count(liked, rows, n)
    gains = np.concatenate([[0.0], np.cumsum(1 / np.log2(np.arange(2, k + 2)))])
    with np.errstate(invalid="ignore", divide="ignore"):
        expected = likes / sizes * gains[np.minimum(sizes, k)] / gains[np.minimum(likes.astype(np.int64), k)]
    return Measured(np.where(likes > 0, expected, np.nan))


def _pooled(amounts: Doubles, rows: Ints, n: int) -> Measured:
    return _share(_total(amounts, rows, n), _total(np.ones(len(rows)), rows, n))


def _share(top: Doubles, bottom: Doubles) -> Measured:
    with np.errstate(invalid="ignore", divide="ignore"):
        return Measured(top / bottom, bottom)


def _count(which: Bools, rows: Ints, n: int) -> Doubles:
    return _total(which.astype(np.float64), rows, n)


def _total(amounts: Doubles, rows: Ints, n: int) -> Doubles:
    return np.bincount(rows, weights=amounts, minlength=n).astype(np.float64)
