"""Vectors of users and items behind the values, each known with its uncertainty, and the priors both are drawn from.

A value is the mean of all values, plus the item's and the user's bias, plus the product of their vectors, plus noise.
Seen from a user, an item's vector is evidence and hers is unknown; seen from an item it is the reverse, so one update
serves both. Source: Lim and Teh (2007), Variational Bayesian Approach to Movie Rating Prediction.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt
from scipy import sparse

from warmstart.core.histories import Floats, Histories


@dataclass(frozen=True)
class Side:
    """All users, or all items: a Gaussian over the vector of each, the bias first.

    Args:
        vectors: float32 [n, 1 + factors], the means.
        covariances: float32 [n, 1 + factors, 1 + factors].
    """

    vectors: Floats
    covariances: Floats

    @cached_property
    def design(self) -> Floats:
        """What the other side's vectors are multiplied by: a one for the bias, then the vector; [n, 1 + factors]."""
        design: Floats = self.vectors.copy()
        design[:, 0] = 1
        return design

    @cached_property
    def pairs(self) -> Floats:
        """Expected products of the design with itself, the upper triangle, [n, pairs]."""
        rows, columns = np.triu_indices(self.vectors.shape[1])
        uncertain = self.covariances[:, rows, columns]
        uncertain[:, rows == 0] = 0
        expected: Floats = self.design[:, rows] * self.design[:, columns] + uncertain
        return expected

    @cached_property
    def offsets(self) -> Floats:
        """Expected products of the design with the bias, [n, 1 + factors]."""
        offsets: Floats = self.design * self.vectors[:, :1]
        offsets[:, 1:] += self.covariances[:, 0, 1:]
        return offsets

    def turned(self, turn: npt.NDArray[np.floating]) -> "Side":
        """Return the vectors in other coordinates, ``turn @ vector``."""
        turn = turn.astype(np.float32)
        return Side(self.vectors @ turn.T, turn @ self.covariances @ turn.T)


@dataclass(frozen=True, slots=True)
class Gaussian:
    """What vectors are drawn from: a mean each, float32 [n, 1 + factors], and one covariance for all."""

    means: Floats
    covariance: Floats


@dataclass(frozen=True, slots=True)
class Ratings:
    """Values less their mean, and where there are any, float32 sparse [n, of the other side]."""

    values: sparse.csr_matrix
    known: sparse.csr_matrix

    @classmethod
    def of(cls, histories: Histories, n_items: int, centre: float) -> "Ratings":
        """Read histories."""
        known = histories.matrix(n_items, np.ones(len(histories.items)))
        return cls(histories.matrix(n_items, histories.values - np.float32(centre)), known)

    @property
    def turned(self) -> "Ratings":
        """The same from the other side."""
        return Ratings(self.values.T.tocsr(), self.known.T.tocsr())


def posterior(ratings: Ratings, other: Side, prior: Gaussian, noise: float) -> Side:
    """Return each row's vector given its values and the other side's vectors: Bayes' rule, in closed form.

    Args:
        ratings: n rows.
        other: the side that the columns belong to.
        prior: what the rows' vectors are drawn from.
        noise: variance of a value around what the vectors say.

    Example:
        >>> import numpy as np
        >>> from warmstart.core.histories import Histories
        >>> from warmstart.meta.value_factors import Gaussian, Ratings, Side, posterior
        >>> items = Side(np.zeros((2, 1), np.float32), np.zeros((2, 1, 1), np.float32))
        >>> prior = Gaussian(np.zeros((1, 1), np.float32), np.ones((1, 1), np.float32))
        >>> ratings = Ratings.of(Histories.of([[0]], [[5.0]]), 2, centre=3.0)
        >>> posterior(ratings, items, prior, noise=1.0).vectors.tolist()
        [[1.0]]
    """
    width = other.vectors.shape[1]
    precision = np.linalg.inv(prior.covariance)
    precisions = square(ratings.known @ other.pairs, width) / np.float32(noise) + precision
    covariances = np.linalg.inv(precisions).astype(np.float32)
    pull = (ratings.values @ other.design - ratings.known @ other.offsets) / np.float32(noise)
    return Side(times(covariances, pull + prior.means @ precision), covariances)


def expected_squares(ratings: Ratings, users: Side, items: Side, sample: npt.NDArray[np.int64]) -> float:
    """Return the mean squared distance of values from what the vectors say, with the vectors' own uncertainty.

    Args:
        ratings: one row a user.
        users: their vectors.
        items: the items' vectors.
        sample: events on which the part that uncertainty makes is averaged.
    """
    rows = np.repeat(np.arange(len(users.vectors)), np.diff(ratings.values.indptr))
    columns = ratings.values.indices
    told = users.vectors[rows, 0] + items.vectors[columns, 0]
    told += np.einsum("ef,ef->e", users.vectors[rows, 1:], items.vectors[columns, 1:])
    rows, columns = rows[sample], columns[sample]
    ours, theirs = users.covariances[rows], items.covariances[columns]
    uncertain = _quadratic(ours, items.design[columns]) + _quadratic(theirs, users.design[rows])
    uncertain += np.einsum("efg,efg->e", ours[:, 1:, 1:], theirs[:, 1:, 1:])
    return float(np.mean((ratings.values.data - told) ** 2, dtype=np.float64) + uncertain.mean(dtype=np.float64))


def times(matrices: Floats, vectors: Floats) -> Floats:
    """Multiply each vector by its matrix, [n, k, k] by [n, k] to [n, k]."""
    product: Floats = np.matmul(matrices, vectors[:, :, None])[:, :, 0]
    return product


def _quadratic(matrices: Floats, vectors: Floats) -> Floats:
    product: Floats = np.einsum("ef,ef->e", times(matrices, vectors), vectors)
    return product


def square(triangles: Floats, width: int) -> Floats:
    """Return symmetric matrices, [n, width, width], from their upper triangles, [n, pairs]."""
    rows, columns = np.triu_indices(width)
    full = np.empty((len(triangles), width, width), dtype=np.float32)
    full[:, rows, columns] = triangles
    full[:, columns, rows] = triangles
    return full
