"""What people build by hand for new items: a ridge over words for each user, and popularity foretold from words."""

from abc import abstractmethod
from typing import Annotated, Any

import numpy as np
import numpy.typing as npt
from pydantic import Field
from scipy import sparse

from warmstart.core.artefact import Arrays
from warmstart.core.config import Tunable
from warmstart.core.histories import Floats, Histories
from warmstart.core.run import Run
from warmstart.data.dataset import Dataset
from warmstart.data.tfidf import Tfidf
from warmstart.recommenders.base import Recommender
from warmstart.recommenders.content import Content, ContentConfig
from warmstart.recommenders.hybrid import standardised
from warmstart.recommenders.reading import ReadsEvents, learned, seen
from warmstart.representation.context import Context
from warmstart.representation.text import item_texts

COLUMNS = ("title", "genres")
"""What is read unless more is asked for."""
_RIDGE = 3.0

Doubles = npt.NDArray[np.float64]


class NewItemsConfig(ContentConfig):
    """Settings of ``content`` where it is asked for new items: popularity can tell those nothing."""

    popularity: float = 0.0
    """Not tuned: among new items it changes nothing, and among all items it would hide them."""

    sentence: float = 3.0
    """Not tuned: no sentence is given."""


class NewItemsContent(Content):
    """``content``, tuned in what counts for new items."""

    config_class = NewItemsConfig


class ForetoldConfig(ReadsEvents):
    """Settings of rows that add a popularity foretold from words."""

    foretold: Annotated[float, Field(ge=0), Tunable(0, 1.5)] = 0.3
    """Weight of that popularity against the user's own score; both in standard deviations."""

    columns: tuple[str, ...] = COLUMNS
    """Columns of the items that are read."""


class RidgeConfig(ForetoldConfig):
    """Settings of the ridge."""

    penalty: Annotated[float, Field(gt=0), Tunable(0.3, 100, log=True)] = 3.0
    """Pull of a user's weights of words towards zero."""


class _OfWords(Recommender):
    """A linear map from histories to items through words; never saved, only measured."""

    config: ForetoldConfig

    def _fit(self, data: Dataset, validation: Dataset | None, run: Run) -> None:
        present = [] if data.items is None else [name for name in self.config.columns if name in data.items.columns]
        texts = item_texts(data.items, present) if data.items is not None else [""] * data.n_items
        words = Tfidf.fit(texts).encode(texts).astype(np.float64).tocsr()
        counts = np.asarray(learned(data, self.config.train_on).sum(axis=0)).ravel()
        met = np.flatnonzero(counts)
        self._foretold = _foretold(words, met, np.log(counts[met]))
        self._map = np.zeros((data.n_items, data.n_items), dtype=np.float32)
        self._map[met] = self._map_of(words, met)

    @abstractmethod
    def _map_of(self, words: sparse.csr_matrix, met: npt.NDArray[np.int64]) -> Doubles:
        """Return the map from the items met to all, float64 [met, n_items]."""

    def _score(self, histories: Histories, context: Context) -> Floats:
        own = standardised(seen(histories, self.catalogue, self.config.events) @ self._map)
        return own + np.float32(self.config.foretold) * self._foretold

    def _state(self) -> tuple[dict[str, Any], Arrays]:
        raise NotImplementedError("This row is measured, not saved.")

    def _restore(self, header: dict[str, Any], arrays: Arrays) -> None:
        raise NotImplementedError("This row is measured, not saved.")


class WordsRidge(_OfWords):
    """A ridge regression of each user's likes on the words of all items met, in closed form for all users at once."""

    name = "words_ridge"
    config_class = RidgeConfig
    config: RidgeConfig

    def _map_of(self, words: sparse.csr_matrix, met: npt.NDArray[np.int64]) -> Doubles:
        kernel = (words[met] @ words.T).toarray()  # [met, n_items]
        system = kernel[:, met] + self.config.penalty * np.eye(len(met))
        return np.asarray(np.linalg.solve(system, kernel), dtype=np.float64)


class WordsAndPopularity(_OfWords):
    """Similarity of words to the liked items."""

    name = "words_and_popularity"
    config_class = ForetoldConfig

    def _map_of(self, words: sparse.csr_matrix, met: npt.NDArray[np.int64]) -> Doubles:
        return np.asarray((words[met] @ words.T).toarray(), dtype=np.float64)


def _foretold(words: sparse.csr_matrix, met: npt.NDArray[np.int64], target: Doubles) -> Floats:
    """Return the logarithm of popularity as a ridge over words foretells it, standardised, float32 [n_items]."""
    known = words[met]
    system = (known @ known.T).toarray() + _RIDGE * np.eye(len(met))
    weights = known.T @ np.linalg.solve(system, target - target.mean())
    found: Floats = standardised(np.asarray(words @ weights)[None])[0]
    return found
