"""Baselines of ``published.py``: item means, a ridge over genres, and a ridge over factors learned from values."""

from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
from scipy import sparse

from warmstart.core.histories import Histories
from warmstart.core.run import Run
from warmstart.core.tasks import Tasks
from warmstart.data.dataset import Dataset
from warmstart.data.features import FeatureEncoder
from warmstart.evaluation.values import ITEM_SHRINKAGE, USER_SHRINKAGE, Biases

if TYPE_CHECKING:
    from benchmarks.published import Split
    from benchmarks.published_blends import Found, Pair

Matrix = npt.NDArray[np.float64]
RIDGES = (3.0, 10.0, 30.0, 100.0, 300.0)
FACTORS = (8, 16)
PENALTIES = (0.12,)
"""Shrinkage of the factors in training, an event."""
ROUNDS = 6


def item_mean(split: "Split") -> "Found":
    """Foretell each item's mean, drawn to the mean of all."""
    return chosen(split, (_biases(one, split) for one in _means(split, (0.0,))))


def genre_ridge(split: "Split") -> "Found":
    """Foretell item mean, user bias and the person's ridge over genres on what these leave."""
    items = split.train.items
    assert items is not None  # noqa: S101  narrows the type
    labels = items.select("item_id", "genres")
    genres = FeatureEncoder.fit(labels).encode(labels).toarray().astype(np.float64)
    return chosen(
        split, (one for biases in _means(split, USER_SHRINKAGE[1:4]) for one in _headed(split, biases, genres))
    )


def als_ridge(split: "Split") -> "Found":
    """Foretell item mean, user bias and a ridge over factors by alternating least squares (Zhou et al., 2008)."""
    biases = Biases.chosen(split.train, split.panels[0].support, split.panels[0].query)
    learned = (factors_of(split.train, biases, d, penalty) for d in FACTORS for penalty in PENALTIES)
    return chosen(split, (one for factors in learned for one in _headed(split, biases, factors)))


def chosen(split: "Split", tried: "Iterable[Pair]") -> "Found":
    """Return what foretells values best and what ranks best, each on validation users."""
    pairs, truth = list(tried), split.truth[0]
    value = min(pairs, key=lambda pair: float(np.abs(pair[0] - truth).mean()))
    return {"value": value, "rank": max(pairs, key=lambda pair: float(ndcg(pair[0], truth).mean()))}


def ndcg(predicted: Matrix, truth: Matrix, k: int = 5) -> Matrix:
    """Return nDCG@k of each user, where the k best rated of her events are relevant; float64 [n].

    Where the k-th best has the value of others, these share what places are left: the mean over all ways to break
    the tie. Ties in the prediction are broken by place.

    Args:
        predicted: float64 [n, q].
        truth: float64 [n, q], the values.
        k: depth, and how many are relevant.

    Example:
        >>> import numpy as np
        >>> from benchmarks.published_rows import ndcg
        >>> ndcg(np.array([[3.0, 2.0, 1.0]]), np.array([[5.0, 4.0, 4.0]]), k=2).round(3).tolist()
        [0.807]
    """
    last = -np.sort(-truth, axis=1)[:, k - 1 : k]
    above, level = truth > last, truth == last
    relevant = above + level * (k - above.sum(axis=1, keepdims=True)) / level.sum(axis=1, keepdims=True)
    discounts = 1 / np.log2(np.arange(2, k + 2))
    first = np.argsort(-predicted, axis=1, kind="stable")[:, :k]
    found: Matrix = np.take_along_axis(relevant, first, axis=1) @ discounts / discounts.sum()
    return found


def factors_of(train: Dataset, biases: Biases, dimension: int, penalty: float) -> Matrix:
    """Return the items' factors, float64 [items, d], of what item means and user biases leave of the values.

    Args:
        train: users to learn from.
        biases: item means and shrinkage of user biases.
        dimension: length of the factors.
        penalty: shrinkage an event.
    """
    events = train.histories
    left = events.values - biases.at(events, events)
    matrix = sparse.csr_matrix((left, events.items, events.indptr), shape=(len(events), train.n_items))
    found = Run(seed=0).rng("factors").normal(0, 0.1, (train.n_items, dimension))
    for _ in range(ROUNDS):
        users = _solved(matrix, found, penalty)
        found = _solved(matrix.T.tocsr(), users, penalty)
    return found


def _solved(matrix: sparse.csr_matrix, other: Matrix, penalty: float) -> Matrix:
    found, eye = np.zeros((matrix.shape[0], other.shape[1])), np.eye(other.shape[1])
    for row, (start, end) in enumerate(zip(matrix.indptr[:-1], matrix.indptr[1:], strict=True)):
        if end > start:
            met = other[matrix.indices[start:end]]
            found[row] = np.linalg.solve(
                met.T @ met + penalty * (end - start + 1) * eye, met.T @ matrix.data[start:end]
            )
    return found


def _means(split: "Split", shrinkages: Iterable[float]) -> list[Biases]:
    return [Biases.of(split.train, item, user) for item in ITEM_SHRINKAGE for user in shrinkages]


def _biases(biases: Biases, split: "Split") -> "Pair":
    return split.both(lambda _, tasks: np.tile(biases.item_means, (len(tasks), 1)))


def _headed(split: "Split", biases: Biases, features: Matrix) -> "Iterator[Pair]":
    """Yield what biases and a ridge over features foretell, for every size of the ridge."""
    for ridge in RIDGES:
        yield split.both(_ridge(biases, features, ridge))


def _ridge(biases: Biases, features: Matrix, ridge: float) -> Callable[[Dataset, Tasks], npt.NDArray[np.floating]]:
    def told(_: Dataset, tasks: Tasks) -> npt.NDArray[np.floating]:
        return biases.predict(tasks.support) + _heads(tasks.support, biases, features, ridge) @ features.T

    return told


def _heads(support: Histories, biases: Biases, features: Matrix, ridge: float) -> Matrix:
    """Return each user's weights of the features, float64 [n, d], from what the biases leave of her values."""
    left = support.values - biases.at(support, support)
    # the size of the features differs, the ridge should not
    scale = float((features**2).sum(axis=1).mean()) / features.shape[1]
    found = np.zeros((len(support), features.shape[1]))
    for user in range(len(support)):
        part = slice(support.indptr[user], support.indptr[user + 1])
        met = features[support.items[part]]
        gram = met.T @ met + ridge * scale * np.eye(features.shape[1])
        found[user] = np.linalg.solve(gram, met.T @ left[part])
    return found
