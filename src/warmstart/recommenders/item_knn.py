"""Neighbourhoods of items: what is liked together."""

from collections.abc import Iterator
from typing import Annotated, Any, Literal

import numpy as np
from pydantic import Field
from scipy import sparse

from warmstart.core.artefact import Arrays, array_of, pack_csr, unpack_csr
from warmstart.core.config import Tunable
from warmstart.core.histories import Floats, Histories
from warmstart.core.run import Run
from warmstart.data.dataset import Dataset
from warmstart.recommenders.base import Recommender
from warmstart.recommenders.neighbours import nearest
from warmstart.recommenders.reading import ReadsEvents, learned, popularity_of, seen, with_popularity
from warmstart.representation.context import Context

BLOCK = 512
"""Items whose similarities are computed at a time."""


class ItemKNNConfig(ReadsEvents):
    """Settings of ``item_knn``."""

    similarity: Annotated[Literal["cosine", "idf", "bm25"], Tunable(choices=("cosine", "idf", "bm25"))] = "idf"
    """``cosine`` of the users who liked both; ``idf`` lets users with few likes speak louder; ``bm25`` as in search."""

    neighbours: Annotated[int, Field(ge=1), Tunable(choices=(50, 100, 200, 500, 1000))] = 500
    """Neighbours that each liked item brings in."""

    power: Annotated[float, Field(ge=0, le=1), Tunable(0.2, 0.6)] = 0.4
    """Power of both norms in the denominator: 0.5 is the cosine, less favours popular items. Not for bm25."""

    shrinkage: Annotated[float, Field(ge=0), Tunable(0.1, 300, log=True)] = 5.0
    """Added to the denominator, so that pairs seen a few times weigh less. Not for bm25."""

    amplify: Annotated[float, Field(gt=0), Tunable(0.5, 2.5)] = 1.0
    """Power to which similarities are raised: above 1 favours the nearest."""

    bm25_k1: Annotated[float, Field(ge=0), Tunable(0.5, 200, log=True)] = 1.2
    """Saturation of bm25."""

    bm25_b: Annotated[float, Field(ge=0, le=1), Tunable(0, 1)] = 0.75
    """How far bm25 divides by an item's popularity."""


class ItemKNN(Recommender):
    """Scores are sums of similarities to the liked items.

    Source: Deshpande and Karypis (2004); shrinkage as Koren (2008), case amplification as Breese et al. (1998).

    Example:
        >>> import warmstart as ws
        >>> model = ws.recommender("item_knn", neighbours=50).fit(ws.load_dataset("movielens-small"))
        >>> model.recommend([1196], k=2).titles
        ['Star Wars: Episode IV - A New Hope (1977)', 'Star Wars: Episode VI - Return of the Jedi (1983)']
    """

    name = "item_knn"
    config_class = ItemKNNConfig
    config: ItemKNNConfig

    def _fit(self, data: Dataset, validation: Dataset | None, run: Run) -> None:
        matrix = learned(data, self.config.train_on)
        self._popularity = popularity_of(matrix)
        weighted = self._weighted(matrix).tocsc()
        starts = range(0, data.n_items, BLOCK)
        tracked = run.progress.track(starts, "item_knn", len(starts))
        blocks = [nearest(block, self.config.neighbours) for block in self._similarities(weighted, tracked)]
        self._similarity = sparse.vstack(blocks, format="csr", dtype=np.float32)

    def _weighted(self, matrix: sparse.csr_matrix) -> sparse.csr_matrix:
        """Weigh every like; the similarity of two items is the product of their columns, divided by their norms."""
        if self.config.similarity == "cosine":
            return matrix.astype(np.float64)
        lengths, counts = np.diff(matrix.indptr), np.bincount(matrix.indices, minlength=matrix.shape[1])
        users = np.maximum(np.log(matrix.shape[1]) - np.log1p(lengths), 0)
        weighted = sparse.diags(users) @ matrix
        if self.config.similarity == "idf":
            return weighted
        k1, b = self.config.bm25_k1, self.config.bm25_b
        relative = counts / max(float(counts.mean()), 1e-12)
        return weighted @ sparse.diags((k1 + 1) / (k1 * (1 - b + b * relative) + 1))

    def _similarities(self, weighted: sparse.csc_matrix, starts: Iterator[int]) -> Iterator[sparse.csr_matrix]:
        """Yield similarities of blocks of items to all items, without those of an item to itself."""
        norms = np.asarray(weighted.multiply(weighted).sum(axis=0)).ravel() ** self.config.power
        for start in starts:
            block = (weighted[:, start : start + BLOCK].T @ weighted).tocoo()
            rows, columns, data = block.row, block.col, block.data
            if self.config.similarity != "bm25":
                data = data / (norms[start + rows] * norms[columns] + self.config.shrinkage)
            data = np.where(start + rows == columns, 0, data**self.config.amplify).astype(np.float32)
            yield sparse.csr_matrix((data, (rows, columns)), shape=block.shape)

    def _score(self, histories: Histories, context: Context) -> Floats:
        scores = (seen(histories, self.catalogue, self.config.events) @ self._similarity).toarray()
        return with_popularity(scores, self._popularity)

    def _state(self) -> tuple[dict[str, Any], Arrays]:
        return {}, {"popularity": self._popularity} | pack_csr("similarity", self._similarity)

    def _restore(self, header: dict[str, Any], arrays: Arrays) -> None:
        n_items = len(self.catalogue)
        self._popularity = array_of(arrays, "popularity", (n_items,))
        self._similarity = unpack_csr(arrays, "similarity", (n_items, n_items))
