"""From scores to values and chances of a like: what the protocol "rating" asks of every recommender."""

from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

import numpy as np
from scipy.special import expit

from warmstart.core.histories import Floats, Histories
from warmstart.data.dataset import Dataset
from warmstart.evaluation.metrics import Bools, Doubles

ITEM_SHRINKAGE = (1.0, 3.0, 10.0, 30.0)
USER_SHRINKAGE = (0.5, 1.0, 2.0, 4.0, 8.0)
_RIDGE = 10.0
_STEPS = 50


@runtime_checkable
class PredictsValues(Protocol):
    """A recommender that foretells values itself."""

    def predict_values(self, histories: Histories, users: Any | None = None) -> Floats:
        """Return the value that each user would give each item, float32 [n, n_items]."""
        ...


@runtime_checkable
class PredictsLikes(Protocol):
    """A recommender that gives chances of a like itself."""

    def predict_likes(self, histories: Histories, users: Any | None = None) -> Floats:
        """Return the probability that each user would like each item, float32 [n, n_items]."""
        ...


@dataclass(frozen=True, slots=True)
class Biases:
    """Item mean plus user bias, both shrunk (Koren, 2008): the baseline of every rating prediction.

    Args:
        item_means: float64 [n_items], drawn to the mean of all by ``ITEM_SHRINKAGE`` imagined events.
        user_shrinkage: imagined events without bias that are added to each user's own.

    Example:
        >>> import warmstart as ws
        >>> from warmstart.core.histories import Histories
        >>> from warmstart.evaluation.values import Biases
        >>> biases = Biases.of(ws.load_dataset("movielens-small"), item_shrinkage=10, user_shrinkage=2)
        >>> glad, sad = biases.predict(Histories.of([[0], [0]], [[5.0], [1.0]]))[:, 1]
        >>> bool(glad > sad)
        True
    """

    item_means: Doubles
    user_shrinkage: float

    @classmethod
    def of(cls, train: Dataset, item_shrinkage: float, user_shrinkage: float) -> "Biases":
        """Average the values of the training data."""
        events = train.histories
        overall = float(events.values.mean(dtype=np.float64)) if len(events.items) else 0.0
        sums = np.bincount(events.items, weights=events.values, minlength=train.n_items)
        counts = np.bincount(events.items, minlength=train.n_items)
        return cls((sums + item_shrinkage * overall) / (counts + item_shrinkage), user_shrinkage)

    @classmethod
    def chosen(cls, train: Dataset, support: Histories, query: Histories) -> "Biases":
        """Choose both shrinkages by mean absolute error on tasks of other users."""
        grid = [cls.of(train, item, user) for item in ITEM_SHRINKAGE for user in USER_SHRINKAGE]
        if not len(query.items):
            return cls.of(train, 10.0, 2.0)
        return min(grid, key=lambda one: float(np.abs(one.at(support, query) - query.values).mean()))

    def user_bias(self, support: Histories) -> Doubles:
        """Return how far each user's values lie above the items' means, float64 [n]."""
        gaps = support.values - self.item_means[support.items]
        sums = np.bincount(support.rows, weights=gaps, minlength=len(support))
        return np.asarray(sums / (support.lengths + self.user_shrinkage), dtype=np.float64)

    def predict(self, support: Histories) -> Doubles:
        """Return the predicted values of all items, float64 [n, n_items]."""
        return np.asarray(self.user_bias(support)[:, None] + self.item_means, dtype=np.float64)

    def at(self, support: Histories, query: Histories) -> Doubles:
        """Return the predicted values of the query's events only, float64 [events]."""
        return np.asarray(self.user_bias(support)[query.rows] + self.item_means[query.items], dtype=np.float64)


def standardised(scores: Floats, query: Histories) -> Doubles:
    """Return each user's scores at the query's events, in standard deviations from her mean over all items.

    Example:
        >>> import numpy as np
        >>> from warmstart.core.histories import Histories
        >>> from warmstart.evaluation.values import standardised
        >>> standardised(np.array([[1.0, 3.0], [2.0, 2.0]], dtype=np.float32), Histories.of([[1], [0]])).tolist()
        [1.0, 0.0]
    """
    wide = scores.astype(np.float64)
    means, deviations = wide.mean(axis=1), wide.std(axis=1)
    gaps = wide[query.rows, query.items] - means[query.rows]
    return np.asarray(gaps / np.where(deviations > 0, deviations, 1.0)[query.rows], dtype=np.float64)


def slope(gaps: Doubles, scores: Doubles) -> float:
    """Return the weight of standardised scores that explains the gaps best, shrunk to 0 (ridge regression).

    Example:
        >>> import numpy as np
        >>> from warmstart.evaluation.values import slope
        >>> slope(np.array([]), np.array([]))
        0.0
    """
    return float(scores @ gaps / (scores @ scores + _RIDGE))


@dataclass(frozen=True, slots=True)
class Logistic:
    """The chance of a like as a logistic curve over predicted values (Platt, 1999).

    Example:
        >>> import numpy as np
        >>> from warmstart.evaluation.values import Logistic
        >>> curve = Logistic.of(np.array([1.0, 2, 3, 4, 5, 3]), np.array([0, 0, 0, 1, 1, 1], dtype=bool))
        >>> low, high = curve(np.array([1.0, 5.0]))
        >>> bool(low < 0.3), bool(high > 0.7)
        (True, True)
    """

    offset: float
    steepness: float

    @classmethod
    def of(cls, values: Doubles, liked: Bools) -> "Logistic":
        """Fit by Newton's method, with a small pull to 0 that keeps separable data finite."""
        design = np.stack([np.ones(len(values)), values], axis=1)
        weights = np.zeros(2)
        for _ in range(_STEPS):
            chance = expit(design @ weights)
            slopes = design.T @ (liked - chance) - 1e-3 * weights
            curvature = design.T @ (design * (chance * (1 - chance))[:, None]) + 1e-3 * np.eye(2)
            step = np.linalg.solve(curvature, slopes)
            weights += np.clip(step, -5, 5)
            if np.abs(step).max() < 1e-8:
                break
        return cls(float(weights[0]), float(weights[1]))

    def __call__(self, values: Doubles) -> Doubles:
        """Return the chances of a like."""
        return np.asarray(expit(self.offset + self.steepness * values), dtype=np.float64)


def met_in(train: Dataset) -> Bools:
    """Return which items have events in the training data, bool [n_items]."""
    return np.asarray(np.bincount(train.histories.items, minlength=train.n_items) > 0)
