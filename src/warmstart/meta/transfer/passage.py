"""From the items of a catalogue that was learned to those of another: twins by title and year, the rest by text."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
from scipy import sparse

from warmstart.core.errors import BadInput
from warmstart.core.histories import Floats, Ints
from warmstart.data.dataset import Dataset
from warmstart.data.titles import name_of, year_of
from warmstart.meta.item_side import ItemSide

if TYPE_CHECKING:
    import polars as pl

STRONGEST = 50
"""Known items from which an item without a twin borrows at most."""


@dataclass(frozen=True, slots=True)
class Passage:
    """Which known items stand for each new one.

    Args:
        weights: csr float32 [new, known]; a row of an item of which nothing is known is empty.
        twins: bool [new], the items that stand in both catalogues; theirs is a single 1.
        own: weight of an event itself beside what it adds to the scores of others; see ``ItemMap``.
    """

    weights: sparse.csr_matrix
    twins: npt.NDArray[np.bool_]
    own: float

    @classmethod
    def between(cls, side: ItemSide | None, titles: Sequence[str], domain: Dataset) -> "Passage":
        """Find them.

        Args:
            side: what is known of the items that were learned.
            titles: their titles.
            domain: the other catalogue.

        Raises:
            BadInput: one of the catalogues is not described, or they are described by different columns.
        """
        frame, side = _described(side, domain)
        shape = (domain.n_items, len(titles))
        twin = twins_of(titles, domain.catalogue.titles)
        twin[(twin >= 0) & (side.counts[np.maximum(twin, 0)] == 0)] = -1  # nothing was learned of it
        found, rest = np.flatnonzero(twin >= 0), np.flatnonzero(twin < 0)
        same = sparse.csr_matrix((np.ones(len(found), np.float32), (found, twin[found])), shape=shape)
        borrows = side.map_for(frame[rest], len(titles) + rest)
        by_text = _strongest(borrows.weights, STRONGEST).tocoo()
        spread = sparse.csr_matrix((by_text.data, (rest[by_text.row], borrows.anchors[by_text.col])), shape=shape)
        return cls((spread + same).tocsr().astype(np.float32), twin >= 0, borrows.own)


def twins_of(known: Sequence[str], titles: Sequence[str]) -> Ints:
    """Return where each title stands among the known ones by name and year, int64 [titles]; -1 where that is unclear.

    Example:
        >>> from warmstart.meta.transfer.passage import twins_of
        >>> twins_of(["Heat (1995)", "Sabrina (1954)", "Sabrina"], ["HEAT (1995)", "Sabrina (1995)", "Alien (1979)"])
        array([ 0, -1, -1])
    """
    ours, theirs = ([(name_of(title), year_of(title)) for title in some] for some in (known, titles))
    once = {key for counted in (Counter(ours), Counter(theirs)) for key, times in counted.items() if times > 1}
    places = {key: place for place, key in enumerate(ours) if key not in once}
    return np.array([-1 if key in once else places.get(key, -1) for key in theirs], dtype=np.int64)


def _described(side: ItemSide | None, domain: Dataset) -> "tuple[pl.DataFrame, ItemSide]":
    if side is None or not side.views:
        raise BadInput(
            "This model was trained without words of its items, so it has nothing to carry over. Train it with an "
            "items table that has titles, and with item_text=True."
        )
    if domain.items is None:
        raise BadInput(
            f"Nothing describes the items of {domain.name!r}, so nothing can be carried over to them. Give an items "
            "table with titles, such as Dataset.from_frames(interactions, items=items), or train anew with fit(data)."
        )
    read = sorted({name for view in side.views for name in view.column.split()})
    if not set(read) & set(domain.items.columns):
        raise BadInput(
            f"The items of {domain.name!r} have none of the columns that this model reads: {', '.join(read)}. Rename "
            f"yours ({', '.join(domain.items.columns)}), at least the title."
        )
    return domain.items, side


def _strongest(weights: Floats | sparse.csr_matrix, most: int) -> sparse.csr_matrix:
    """Keep the ``most`` largest weights of each row, by size."""
    rows = sparse.csr_matrix(weights)
    if rows.shape[1] <= most:
        return rows
    for row in range(rows.shape[0]):
        part = slice(rows.indptr[row], rows.indptr[row + 1])
        size = np.abs(rows.data[part])
        if len(size) > most:
            size[np.argpartition(-size, most - 1)[:most]] = 0
            rows.data[part][size > 0] = 0
    rows.eliminate_zeros()
    return rows
