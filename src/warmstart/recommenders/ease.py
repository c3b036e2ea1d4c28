"""A linear model of items from items, in closed form."""

from dataclasses import dataclass
from typing import Annotated, Any

import numpy as np
import numpy.typing as npt
from pydantic import Field
from scipy import sparse
from scipy.linalg import lapack

from warmstart.core.artefact import Arrays, array_of, pack_csr, unpack_csr
from warmstart.core.config import Tunable
from warmstart.core.errors import BadInput
from warmstart.core.histories import Floats, Histories
from warmstart.core.run import Run
from warmstart.data.dataset import Dataset
from warmstart.recommenders.base import Recommender
from warmstart.recommenders.reading import ReadsEvents, learned, popularity_of, seen, with_popularity
from warmstart.representation.context import Context

LARGEST = 20_000
"""Largest side of the matrix that is inverted: 3.2 GB of float64."""


class EASEConfig(ReadsEvents):
    """Settings of ``ease``."""

    regularisation: Annotated[float, Field(gt=0), Tunable(10, 10_000, log=True)] = 500.0
    """Added to the diagonal; more data of the same kind need more."""


@dataclass(frozen=True, slots=True)
class OverItems:
    """The map as it is: ``weights`` float32 [n_items, n_items]."""

    weights: Floats

    @classmethod
    def learn(cls, matrix: sparse.csr_matrix, regularisation: float) -> "OverItems":
        """Solve over the items."""
        inverse = _inverse((matrix.T @ matrix).toarray(), regularisation)
        weights = inverse / -np.diag(inverse)
        np.fill_diagonal(weights, 0)
        return cls(weights.astype(np.float32))

    def apply(self, support: sparse.csr_matrix) -> Floats:
        """Return s B, float32 [n, n_items]."""
        return np.asarray(support @ self.weights)

    def arrays(self) -> Arrays:
        """Return what is to be stored."""
        return {"weights": self.weights}


@dataclass(frozen=True, slots=True)
class OverUsers:
    """The same map when there are fewer users than items, never formed: two short products instead of a wide matrix.

    Args:
        matrix: float32 [n_users, n_items], what the training users liked.
        inverse: float32 [n_users, n_users], K = (X X' + regularisation I)^-1.
        own: float32 [n_items], the diagonal of X' K X.
    """

    matrix: sparse.csr_matrix
    inverse: Floats
    own: Floats

    @classmethod
    def learn(cls, matrix: sparse.csr_matrix, regularisation: float) -> "OverUsers":
        """Solve over the users (Woodbury's identity)."""
        inverse = _inverse((matrix @ matrix.T).toarray(), regularisation)
        own = np.asarray(matrix.multiply((matrix.T @ inverse).T).sum(axis=0)).ravel()
        return cls(matrix, inverse.astype(np.float32), own.astype(np.float32))

    def apply(self, support: sparse.csr_matrix) -> Floats:
        """Return s B, float32 [n, n_items]."""
        shared = (support @ self.matrix.T).toarray() @ self.inverse  # [n, n_users]
        mapped = (self.matrix.T @ shared.T).T  # s X' K X
        return np.asarray((mapped - support.multiply(self.own)) / (1 - self.own), dtype=np.float32)

    def arrays(self) -> Arrays:
        """Return what is to be stored."""
        return {"inverse": self.inverse, "own": self.own} | pack_csr("matrix", self.matrix)


class EASE(Recommender):
    """The linear map from likes to likes with least squared error that may not map an item to itself.

    P = (X'X + regularisation I)^-1,  B = I - P / diag(P),  scores = s B

    Source: Steck (2019), Embarrassingly Shallow Autoencoders for Sparse Data.

    Example:
        >>> import warmstart as ws
        >>> model = ws.recommender("ease", regularisation=100).fit(ws.load_dataset("movielens-small"))
        >>> model.recommend([1196], k=2).titles
        ['Star Wars: Episode IV - A New Hope (1977)', 'Star Wars: Episode VI - Return of the Jedi (1983)']
    """

    name = "ease"
    config_class = EASEConfig
    config: EASEConfig

    def _fit(self, data: Dataset, validation: Dataset | None, run: Run) -> None:
        matrix = learned(data, self.config.train_on)
        matrix = matrix[np.diff(matrix.indptr) > 0]
        if min(matrix.shape) > LARGEST:
            raise BadInput(
                f"EASE inverts a matrix over items or users, here {min(matrix.shape)} of them, at most {LARGEST}. "
                "Use item_knn, als or meta for data of this size."
            )
        self._popularity = popularity_of(matrix)
        form: type[OverUsers | OverItems] = OverUsers if matrix.shape[0] < matrix.shape[1] else OverItems
        self._map = form.learn(matrix, self.config.regularisation)

    def _score(self, histories: Histories, context: Context) -> Floats:
        return with_popularity(self._map.apply(seen(histories, self.catalogue, self.config.events)), self._popularity)

    def _state(self) -> tuple[dict[str, Any], Arrays]:
        return {}, {"popularity": self._popularity} | self._map.arrays()

    def _restore(self, header: dict[str, Any], arrays: Arrays) -> None:
        n_items = len(self.catalogue)
        self._popularity = array_of(arrays, "popularity", (n_items,))
        if "weights" in arrays:
            self._map = OverItems(array_of(arrays, "weights", (n_items, n_items)))
            return
        n_users = len(array_of(arrays, "inverse", (None, None)))
        inverse, own = array_of(arrays, "inverse", (n_users, n_users)), array_of(arrays, "own", (n_items,))
        self._map = OverUsers(unpack_csr(arrays, "matrix", (n_users, n_items)), inverse, own)


def _inverse(gram: npt.NDArray[np.floating], regularisation: float) -> npt.NDArray[np.float64]:
    """Invert ``gram + regularisation I`` by Cholesky: half the work of a general inverse."""
    if not len(gram):
        return np.zeros((0, 0))
    lifted = gram.astype(np.float64, order="F")
    lifted[np.diag_indices_from(lifted)] += regularisation
    factor, _ = lapack.dpotrf(lifted, lower=True, overwrite_a=True)
    lower, _ = lapack.dpotri(factor, lower=True, overwrite_c=True)
    return np.asarray(np.tril(lower) + np.tril(lower, -1).T)
