"""Neighbourhoods of people: what those with the same taste liked."""

from typing import Annotated, Any

import numpy as np
from pydantic import Field
from scipy import sparse

from warmstart.core.artefact import Arrays, pack_csr, unpack_csr
from warmstart.core.config import Tunable
from warmstart.core.histories import Floats, Histories
from warmstart.core.run import Run
from warmstart.data.dataset import Dataset
from warmstart.recommenders.base import Recommender
from warmstart.recommenders.neighbours import dense_product, nearest_and_ties
from warmstart.recommenders.reading import ReadsEvents, learned, popularity_of, seen, with_popularity
from warmstart.representation.context import Context

CELLS = 1 << 20
"""Similarities held at a time, about: what fits in the cache of a processor is fastest."""


class UserKNNConfig(ReadsEvents):
    """Settings of ``user_knn``."""

    neighbours: Annotated[int, Field(ge=1), Tunable(choices=(100, 200, 500, 1000, 2000))] = 500
    """Training users who speak; those exactly as near as the last one speak too."""

    length_power: Annotated[float, Field(ge=0), Tunable(0, 1)] = 0.5
    """Power of a neighbour's number of likes by which the overlap is divided; less favours active people."""

    amplify: Annotated[float, Field(gt=0), Tunable(0.5, 6)] = 2.0
    """Power to which similarities are raised: above 1 favours the nearest."""

    rarity: Annotated[float, Field(ge=0), Tunable(0, 2)] = 1.0
    """Power of the inverse document frequency by which a shared item counts; 0 counts all alike."""


class UserKNN(Recommender):
    """Scores are sums over training users, each weighted by how much of the history she shares.

    similarity(s, u) = (sum of idf(i)^rarity over i in s and u / |u|^length_power) ^ amplify

    Source: Herlocker et al. (1999); inverse user frequency and amplification as Breese et al. (1998).

    Example:
        >>> import warmstart as ws
        >>> model = ws.recommender("user_knn").fit(ws.load_dataset("movielens-small"))
        >>> len(model.recommend([1196, 260], k=3))
        3
    """

    name = "user_knn"
    config_class = UserKNNConfig
    config: UserKNNConfig

    def _fit(self, data: Dataset, validation: Dataset | None, run: Run) -> None:
        self._remember(learned(data, self.config.train_on))

    def _remember(self, matrix: sparse.csr_matrix) -> None:
        lengths, counts = np.diff(matrix.indptr), np.bincount(matrix.indices, minlength=matrix.shape[1])
        self._matrix, self._turned = matrix, matrix.T.tocsr()
        self._rarities = np.log1p(matrix.shape[0] / np.maximum(counts, 1)) ** self.config.rarity
        self._shares = (np.maximum(lengths, 1.0) ** -self.config.length_power).astype(np.float32)
        self._popularity = popularity_of(matrix)

    def _score(self, histories: Histories, context: Context) -> Floats:
        support = seen(histories, self.catalogue, self.config.events)
        support.data = self._rarities[support.indices].astype(np.float32)
        step = max(64, CELLS // max(self._matrix.shape[0], 1))
        blocks = [self._block(support[start : start + step]) for start in range(0, len(histories), step)]
        scores = np.concatenate(blocks) if blocks else np.zeros(support.shape, dtype=np.float32)
        return with_popularity(scores, self._popularity)

    def _block(self, support: sparse.csr_matrix) -> Floats:
        near = dense_product(support, self._turned, self._matrix) * self._shares  # [n, training users]
        weights = nearest_and_ties(near, self.config.neighbours)
        # divided by the nearest, so that no power underflows
        peaks = near.max(axis=1, initial=0)
        weights.data = (weights.data / np.repeat(peaks, np.diff(weights.indptr))) ** np.float32(self.config.amplify)
        return dense_product(weights, self._matrix, self._turned)

    def _state(self) -> tuple[dict[str, Any], Arrays]:
        return {"n_users": self._matrix.shape[0]}, pack_csr("matrix", self._matrix)

    def _restore(self, header: dict[str, Any], arrays: Arrays) -> None:
        self._remember(unpack_csr(arrays, "matrix", (header["n_users"], len(self.catalogue))))
