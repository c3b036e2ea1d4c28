"""Matrix factorisation of implicit feedback; people are folded in from their histories."""

from typing import Annotated, Any

import numpy as np
from pydantic import Field
from scipy import sparse

from warmstart.core.artefact import Arrays, array_of
from warmstart.core.config import Tunable
from warmstart.core.errors import MissingExtra
from warmstart.core.histories import Floats, Histories
from warmstart.core.run import Run
from warmstart.core.threads import one_thread
from warmstart.data.dataset import Dataset
from warmstart.recommenders.base import Recommender
from warmstart.recommenders.reading import ReadsEvents, learned, popularity_of, seen, with_popularity
from warmstart.representation.context import Context


class ALSConfig(ReadsEvents):
    """Settings of ``als``."""

    factors: Annotated[int, Field(ge=1), Tunable(choices=(8, 16, 32, 64, 128))] = 32
    """Length of the vectors of items and people."""

    regularisation: Annotated[float, Field(gt=0), Tunable(0.1, 100, log=True)] = 10.0
    """Pull of all vectors towards zero."""

    confidence: Annotated[float, Field(gt=0), Tunable(1, 40, log=True)] = 2.5
    """Weight of a like against that of an item not met, which is 1."""

    iterations: Annotated[int, Field(ge=1), Tunable(choices=(10, 15, 20))] = 15
    """Rounds of alternating least squares."""


class ALS(Recommender):
    """Likes are products of an item's and a person's vector; a person's vector solves a small linear system.

    Fitting needs the package implicit (extra ``als``); folding people in and loading do not.

    Source: Hu, Koren and Volinsky (2008), Collaborative Filtering for Implicit Feedback Datasets.

    Example:
        >>> import warmstart as ws
        >>> model = ws.recommender("als", factors=16, iterations=5).fit(ws.load_dataset("movielens-small"))
        >>> len(model.recommend([1196, 260], k=3))
        3
    """

    name = "als"
    config_class = ALSConfig
    config: ALSConfig

    def _fit(self, data: Dataset, validation: Dataset | None, run: Run) -> None:
        matrix = learned(data, self.config.train_on)
        self._popularity = popularity_of(matrix)
        self._remember(_item_factors(matrix, self.config, int(run.rng("als").integers(2**31))))

    def _remember(self, factors: Floats) -> None:
        self._factors = factors
        wide = factors.astype(np.float64)
        self._gram = wide.T @ wide + self.config.regularisation * np.eye(wide.shape[1])

    def _score(self, histories: Histories, context: Context) -> Floats:
        support = seen(histories, self.catalogue, self.config.events)
        people = np.zeros((support.shape[0], self._factors.shape[1]), dtype=np.float32)
        for person in np.flatnonzero(np.diff(support.indptr)):
            items = support.indices[support.indptr[person] : support.indptr[person + 1]]
            people[person] = self._fold_in(self._factors[items].astype(np.float64))
        return with_popularity(people @ self._factors.T, self._popularity)

    def _fold_in(self, liked: np.ndarray[Any, np.dtype[np.float64]]) -> Any:
        """Return the person's vector given the vectors of the items liked, [likes, factors] to [factors]."""
        confidence = self.config.confidence
        # less 1, for the gram holds every item with confidence 1 already
        system = self._gram + (confidence - 1) * (liked.T @ liked)
        return np.linalg.solve(system, confidence * liked.sum(axis=0))

    def _state(self) -> tuple[dict[str, Any], Arrays]:
        return {}, {"popularity": self._popularity, "factors": self._factors}

    def _restore(self, header: dict[str, Any], arrays: Arrays) -> None:
        self._popularity = array_of(arrays, "popularity", (len(self.catalogue),))
        self._remember(array_of(arrays, "factors", (len(self.catalogue), self.config.factors)))


def _item_factors(matrix: sparse.csr_matrix, config: ALSConfig, seed: int) -> Floats:
    """Fit with the package implicit, the one door to it; float32 [n_items, factors]."""
    try:
        from implicit.cpu.als import AlternatingLeastSquares
    except ImportError:
        raise MissingExtra("implicit", extra="als") from None
    if matrix.nnz == 0:
        return np.zeros((matrix.shape[1], config.factors), dtype=np.float32)
    # implicit runs its own threads and slows down tenfold beside those of the linear algebra
    with one_thread():
        model = AlternatingLeastSquares(
            factors=config.factors,
            regularization=config.regularisation,
            alpha=config.confidence,
            iterations=config.iterations,
            random_state=seed,
        )
        model.fit(matrix, show_progress=False)
    return np.asarray(model.item_factors)
