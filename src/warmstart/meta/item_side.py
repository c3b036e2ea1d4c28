"""Items with few events or none: their scores are borrowed from known items that are described alike.

A new item's column of scores is a linear combination of known items' columns, found by kernel ridge regression from
what is known of items (titles, labels, numbers, meaning) to their columns, as in a Gaussian process over items:

    score(new) = M (score(known) + own * seen),    M = k(new, known) (k(known, known) + noise I)^-1

``score`` is whatever a linear prior says of known items and ``seen`` marks the events themselves, which a map with an
empty diagonal leaves out. M knows no user, so scores stay sums of contributions, one an event.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Annotated, Any, Self

import numpy as np
import polars as pl
from pydantic import Field
from scipy import linalg, sparse

from warmstart.core.artefact import Arrays, array_of
from warmstart.core.config import Config, Tunable
from warmstart.core.errors import BadInput, BadModelFile
from warmstart.core.histories import Floats, Histories, Ints
from warmstart.core.run import Run
from warmstart.meta.item_exam import ItemExam, search_items
from warmstart.meta.item_likeness import ItemParameters, Likeness
from warmstart.meta.item_text import Coded, View, find_views, pack_view, take, unpack_view
from warmstart.representation.text import Encoder

ScoreOf = Callable[[Histories], Floats]
BLOCK = 1_000
"""Items mapped at a time."""
LEAST_SHARE = 0.5
"""Share of the description from which a known item borrows; below, its own events are left to speak alone."""
WORK = 3e11
"""Multiplications spent on mapping a whole catalogue: beyond 20,000 items there are fewer anchors."""
FEWEST_ANCHORS = 200


class ItemSideConfig(Config):
    """Settings of the item side."""

    also: tuple[str, ...] = ()
    """Columns of the items that are read although their kind was told to be ``ignore``, such as ``("director",)``."""

    encoders: tuple[Encoder, ...] = ("static",)
    """The language models whose vectors of titles and labels are compared too; ``static`` only where the extra ``text``
    is installed, the others need the extra ``llm``."""

    dimension: Annotated[int | None, Field(ge=1)] = None
    """Length to which these vectors are shortened, such as 64 or 128; None keeps them as they are."""

    anchors: Annotated[int, Field(ge=1)] = 4_000
    """Known items from which is borrowed: those with the most events."""

    trials: Annotated[int, Field(ge=0)] = 24
    """Settings tried by the meta-optimiser on known items that are pretended to be new; 0 keeps the first ones."""

    text_events: Annotated[float, Field(gt=0), Tunable(0.5, 50, log=True)] = 5.0
    """Events that an item's description counts as: with so many of its own both speak alike."""

    largest: Annotated[int, Field(ge=1)] = 1 << 25
    """Cells of a map that are held in full (128 MB); beyond, an item borrows from its strongest anchors only."""


@dataclass(frozen=True, slots=True)
class ItemMap:
    """From which known items some items borrow their scores; linear, so it maps scores and contributions alike.

    Args:
        items: int64 [n], columns that borrow, each once.
        anchors: int64 [m], columns that lend.
        weights: float32 [n, m].
        shares: float32 [n], how much is borrowed; the rest is the item's own score. 1 for an item without events.
        own: weight of an event itself beside what it adds to the scores of others.
    """

    items: Ints
    anchors: Ints
    weights: Floats | sparse.csr_matrix
    shares: Floats
    own: float

    def __len__(self) -> int:
        return len(self.items)

    def lend(self, scores: Floats, seen: sparse.csr_matrix | None = None) -> Floats:
        """Return scores in which the items have borrowed theirs; the rest is unchanged.

        Args:
            scores: float32 [b, n_items] of users, or what one event adds to all scores.
            seen: float32 [b, n_items], the weight of each user's events, or of the one; None for a constant.

        Example:
            >>> import numpy as np
            >>> from warmstart.meta.item_side import ItemMap
            >>> one = np.ones(1, dtype=np.float32)
            >>> borrows = ItemMap(np.array([2]), np.array([0, 1]), np.array([[0.5, 0.25]]), one, own=0.1)
            >>> borrows.lend(np.array([[4.0, 8.0, 0.0]])).tolist()
            [[4.0, 8.0, 4.0]]
        """
        lent = np.array(scores)
        if not len(self):
            return lent
        source = np.asarray(scores)[:, self.anchors]
        if seen is not None:
            source = source + self.own * seen[:, self.anchors].toarray()
        borrowed = np.asarray((self.weights @ source.T).T)
        lent[:, self.items] = (1 - self.shares) * lent[:, self.items] + self.shares * borrowed
        return lent

    def matrix(self, n_items: int) -> sparse.csr_matrix:
        """Return the map alone, float32 [n, n_items]: shares are counted in, own events and scores are not."""
        weights = sparse.csr_matrix(self.weights)
        scaled = (sparse.diags(self.shares) @ weights).tocsr()
        shape = (len(self), n_items)
        return sparse.csr_matrix((scaled.data, self.anchors[scaled.indices], scaled.indptr), shape=shape)


@dataclass(frozen=True)
class ItemSide:
    """What is known of items, and how much of it tells who will like them.

    Sources: joint kernels of Basilico and Hofmann (2004), Unifying Collaborative and Content-Based Filtering;
    attribute-to-factor mappings of Gantner et al. (2010); the regression as in Rasmussen and Williams (2006).

    Args:
        config: the settings.
        views: what is compared, one an attribute.
        coded: the anchors as each view sees them.
        anchors: int64 [m], catalogue indices of the items that lend.
        counts: int64 [n_items], events of each item of the catalogue.
        parameters: weights of the views and the rest, found on items pretended to be new.
    """

    config: ItemSideConfig
    views: tuple[View, ...]
    coded: tuple[Coded, ...]
    anchors: Ints
    counts: Ints
    parameters: ItemParameters

    @classmethod
    def fit(
        cls,
        items: pl.DataFrame | None,
        known: Histories,
        n_items: int,
        *,
        kinds: Mapping[str, str] | None = None,
        score_of: ScoreOf | None = None,
        config: ItemSideConfig | None = None,
        run: Run | None = None,
    ) -> Self:
        """Learn how items are alike, and by CMA-ES how much each attribute tells.

        Args:
            items: one row an item of the catalogue, or None: then nothing is ever borrowed.
            known: histories of known users, only the events that count (the likes).
            n_items: size of the catalogue.
            kinds: kinds of the items' columns that were told.
            score_of: what a prior says of all items given histories, float32 [n, n_items]; None keeps the first
                parameters.
            config: the settings.
            run: seed and progress display.
        """
        config, run = config or ItemSideConfig(), run or Run()
        counts = np.bincount(known.items, minlength=n_items).astype(np.int64)
        if items is not None and len(items) != n_items:
            raise BadInput(f"items must have one row an item of the catalogue: {n_items}; came: {len(items)}.")
        views: tuple[View, ...] = ()
        if items is not None:
            views = find_views(items, kinds or {}, config.also, config.encoders, config.dimension)
        anchors = _lenders(counts, config.anchors)
        coded = () if items is None else tuple(view.encode(items[anchors]) for view in views)
        side = cls(config, views, coded, anchors, counts, ItemParameters.first(views))
        return side if score_of is None else side.searched(known, score_of, run)

    def searched(self, known: Histories, score_of: ScoreOf, run: Run) -> Self:
        """Return the same with the parameters that rank known items best when they are pretended to be new."""
        exam = ItemExam.of(self.likeness, self.anchors, known, len(self.counts), score_of, run)
        if exam is None:
            return self
        return replace(self, parameters=search_items(exam, self.parameters, self.config.trials, run))

    @cached_property
    def likeness(self) -> Likeness:
        """The anchors as they are compared."""
        return Likeness.of(self.views, self.coded)

    @cached_property
    def _factor(self) -> tuple[Floats, bool]:
        """The anchors' system as Cholesky left it, float32 [m, m]: kept, for every new item asks for it."""
        system = self.likeness.system(self.parameters)
        return linalg.cho_factor(system, lower=True, overwrite_a=True, check_finite=False)  # type: ignore[no-any-return]

    def poor(self, least_share: float = LEAST_SHARE) -> Ints:
        """Return the catalogue's items whose description speaks for at least ``least_share`` of them, int64.

        A share of 1 gives those without any event, 0.5 those with at most ``text_events``.
        """
        if not self.views:
            return np.zeros(0, dtype=np.int64)
        return np.flatnonzero(self._shares(self.counts) >= least_share)

    def map_for(self, frame: pl.DataFrame, items: Ints) -> ItemMap:
        """Return from which known items some items borrow.

        Args:
            frame: their descriptions, one row an item; columns that are missing say nothing.
            items: int64 [n], their columns: catalogue indices, or numbers beyond the catalogue for new items. An
                anchor never lends to itself.

        Example:
            >>> import numpy as np, polars as pl
            >>> from warmstart.core.histories import Histories
            >>> from warmstart.meta.item_side import ItemSide
            >>> films = pl.DataFrame({"item_id": [1, 2, 3], "genres": ["War|Drama", "Comedy", "War"]})
            >>> side = ItemSide.fit(films, Histories.of([[0, 1], [0]]), n_items=3)
            >>> found = side.map_for(films[[2]], np.array([2]))
            >>> bool(found.weights[0, 0] > found.weights[0, 1]), found.shares.tolist()
            (True, [1.0])
        """
        places = np.asarray(items, dtype=np.int64)
        if len(frame) != len(places):
            raise BadInput(f"frame and items must be of one length; came: {len(frame)} and {len(places)}.")
        shares = self._shares_of(places)
        if not self.views or not len(self.anchors):
            return ItemMap(places, self.anchors[:0], np.zeros((len(places), 0), dtype=np.float32), shares, 0.0)
        coded = tuple(view.encode(frame) for view in self.views)
        weights = self._weights(coded, places) * np.float32(self.parameters.lift)
        return ItemMap(places, self.anchors, weights, shares, self.parameters.own)

    def _weights(self, coded: tuple[Coded, ...], places: Ints) -> Floats | sparse.csr_matrix:
        factor, m = self._factor, len(self.anchors)
        strongest = m if len(places) * m <= self.config.largest else max(1, self.config.largest // len(places))
        blocks = []
        for start in range(0, len(places), BLOCK):
            rows = slice(start, start + BLOCK)
            alike = self.likeness.to(self.parameters, tuple(take(part, rows) for part in coded))  # [block, m]
            solved = linalg.cho_solve(factor, alike.T, check_finite=False).T
            blocks.append(_strongest(self._without_self(factor, solved, places[rows]), strongest))
        stack = sparse.vstack if strongest < m else np.vstack
        return stack(blocks) if blocks else np.zeros((0, m), dtype=np.float32)

    def _without_self(self, factor: Any, weights: Floats, places: Ints) -> Floats:
        """Replace the rows of anchors by what they were if they had been left out (in closed form)."""
        found = np.searchsorted(self.anchors, places)
        inside = np.flatnonzero(self.anchors[np.minimum(found, len(self.anchors) - 1)] == places)
        if not len(inside):
            return weights
        units = np.zeros((len(self.anchors), len(inside)), dtype=np.float32)
        units[found[inside], np.arange(len(inside))] = 1
        inverse = linalg.cho_solve(factor, units, overwrite_b=True, check_finite=False).T  # [inside, m]
        rows = np.arange(len(inside))
        left_out = -inverse / inverse[rows, found[inside]][:, None]
        left_out[rows, found[inside]] = 0
        weights = np.array(weights)
        weights[inside] = left_out
        return weights

    def _shares(self, counts: Ints) -> Floats:
        """Return ``c / (n + c)``, float32 [n]."""
        return (self.config.text_events / (counts + self.config.text_events)).astype(np.float32)

    def _shares_of(self, places: Ints) -> Floats:
        inside = places < len(self.counts)
        return self._shares(np.where(inside, self.counts[np.where(inside, places, 0)] if len(self.counts) else 0, 0))

    def state(self) -> tuple[dict[str, Any], Arrays]:
        """Return what is to be stored with a model: plain values and arrays whose names begin with ``item.``."""
        header = {
            "config": self.config.model_dump(mode="json"),
            "views": [view.to_header() for view in self.views],
            "parameters": self.parameters.to_header(),
            "n_items": len(self.counts),
        }
        arrays: Arrays = {"item.anchors": self.anchors, "item.counts": self.counts}
        for place, (view, coded) in enumerate(zip(self.views, self.coded, strict=True)):
            arrays |= pack_view(f"item.{place}", view, coded)
        return header, arrays

    @classmethod
    def restore(cls, header: dict[str, Any], arrays: Arrays) -> Self:
        """Take back what ``state`` returned; raises ``BadModelFile`` if the arrays do not fit."""
        anchors = array_of(arrays, "item.anchors", (None,), kind="i")
        counts = array_of(arrays, "item.counts", (int(header["n_items"]),), kind="i")
        found = [unpack_view(told, arrays, f"item.{place}", len(anchors)) for place, told in enumerate(header["views"])]
        if not ((np.diff(anchors) > 0).all() and (counts[anchors[-1:]] >= 0).all() and (anchors[:1] >= 0).all()):
            raise BadModelFile("The model's anchors of items are not in order. Save the model again.")
        views, coded = tuple(view for view, _ in found), tuple(part for _, part in found)
        parameters = ItemParameters.from_header(header["parameters"])
        told = {name: value for name, value in header["config"].items() if name != "meaning"}  # of older models
        return cls(ItemSideConfig.of(**told), views, coded, anchors, counts, parameters)


def _lenders(counts: Ints, most: int) -> Ints:
    """Return the items with the most events, in order of the catalogue; fewer of them where there are many items."""
    affordable = max(FEWEST_ANCHORS, int(np.sqrt(WORK / max(len(counts), 1))))
    found = np.argsort(-counts, kind="stable")[: min(most, affordable, int((counts > 0).sum()))]
    return np.sort(found).astype(np.int64)


def _strongest(weights: Floats, k: int) -> Floats | sparse.csr_matrix:
    """Keep the ``k`` largest weights of each row, by size; all of them as a dense array."""
    n, m = weights.shape
    if k >= m:
        return weights.astype(np.float32, copy=False)
    kept = np.sort(np.argpartition(-np.abs(weights), k - 1, axis=1)[:, :k], axis=1)
    data = np.take_along_axis(weights, kept, axis=1).ravel().astype(np.float32)
    return sparse.csr_matrix((data, kept.ravel(), np.arange(n + 1) * k), shape=(n, m))
