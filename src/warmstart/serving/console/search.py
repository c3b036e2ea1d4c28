"""Titles while they are being typed: what begins so, what holds it, what is spelt like it, the best known first."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np

from warmstart.core.histories import Histories
from warmstart.data.catalogue import Catalogue
from warmstart.data.titles import Titles, name_of
from warmstart.recommenders.base import Recommender
from warmstart.representation.context import Context

LONGEST = 100
"""Letters of a search that are read."""
STEP = 5
"""Of the best-known titles every so manieth is offered, for neighbours in fame are often of one kind."""

KEPT = 8
"""Catalogues whose names stay in memory."""


@dataclass(frozen=True, slots=True)
class Hit:
    """An item that can be picked."""

    item_id: str
    title: str


@dataclass(frozen=True)
class Finder:
    """Finds the items of a model.

    Args:
        model: whose catalogue is searched.

    Example:
        >>> import warmstart as ws
        >>> from warmstart.serving.console.search import Finder
        >>> finder = Finder(ws.recommender("popularity").fit(ws.load_dataset("movielens-small")))
        >>> [hit.title for hit in finder.find("star w", 1)], [hit.title for hit in finder.find("spirted away", 1)]
        (['Star Wars: Episode IV - A New Hope (1977)'], ['Spirited Away (Sen to Chihiro no kamikakushi) (2001)'])
    """

    model: Recommender

    @staticmethod
    @lru_cache(maxsize=KEPT)
    def of(model: Recommender) -> "Finder":
        """Return the finder of a model, the same one as long as few others were asked for since."""
        return Finder(model)

    def find(self, text: str, n: int = 8) -> list[Hit]:
        """Return up to ``n`` items whose titles fit what was typed so far, or are spelt like it where none does."""
        return self.called(text, n) or self.spelt_like(text, n)

    def called(self, text: str, n: int) -> list[Hit]:
        """Return up to ``n`` items whose titles begin with or hold what was typed so far."""
        wanted = _wanted(text)
        return [self._hit(place) for place in self._holding(wanted, n)] if wanted else []

    def spelt_like(self, text: str, n: int) -> list[Hit]:
        """Return up to ``n`` items whose titles are spelt much like what was typed."""
        wanted, titles = _wanted(text), Titles(self._catalogue)
        near = titles.nearest(wanted, n) if wanted else []
        return [self._hit(self._catalogue.index_of_title(title)) for title in near]

    def well_known(self, start: int = 0, n: int = 12) -> list[Hit]:
        """Return ``n`` titles that many know, of several kinds; ``start`` counts those that were passed over."""
        best = self._by_fame[: min(len(self._by_fame), 40 * n)]
        order = np.concatenate([best[first : first + STEP * n : STEP] for first in self._starts(len(best), n)])
        return [self._hit(place) for place in np.resize(order, start + n)[start:].tolist()] if len(order) else []

    @staticmethod
    def _starts(size: int, n: int) -> Iterator[int]:
        """Yield where each round over a stretch of titles begins, stretch by stretch."""
        for stretch in range(0, max(size, 1), STEP * n):
            yield from range(stretch, stretch + STEP)

    def _holding(self, wanted: str, n: int) -> list[int]:
        words, beginnings, holding = wanted.split(), list[int](), list[int]()
        for place in self._by_fame.tolist():
            name = self._names[place]
            if f" {wanted}" in name:
                beginnings.append(place)
            elif all(word in name for word in words):
                holding.append(place)
            if len(beginnings) >= n:
                break
        return [*beginnings, *holding][:n]

    def _hit(self, place: int) -> Hit:
        return Hit(str(self._catalogue.item_ids[place]), self._catalogue.titles[place])

    @property
    def _catalogue(self) -> Catalogue:
        return self.model.catalogue

    @cached_property
    def _names(self) -> list[str]:
        return [f" {name_of(title)}" for title in self._catalogue.titles]

    @cached_property
    def _by_fame(self) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
        return np.argsort(-self.model.scores_of(Histories.of([[]]), Context()), kind="stable")


def _wanted(text: str) -> str:
    return name_of(text[:LONGEST]) if text.strip() else ""
