"""Linear maps from events to scores of all items, in the form that fits the catalogue's size."""

from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
import numpy.typing as npt
from scipy import sparse

from warmstart.core.artefact import Arrays, array_of, pack_csr, unpack_csr
from warmstart.core.histories import Floats, Ints

Indices = npt.NDArray[np.integer]

WIDE = 5_000
"""Columns beyond which it pays to know which hold anything, for a pass costs as much as the columns it reads."""
SPARSELY = 0.75
"""Share of the columns up to which those that hold anything are kept apart."""


@dataclass(frozen=True, slots=True)
class Narrow:
    """A wide matrix without its empty columns, for in a large catalogue most items may never have been met.

    Args:
        columns: int64, those kept, in order; None where all are.
        rows: float32 [r, len(columns)].
        width: columns of the whole matrix.

    Example:
        >>> import numpy as np
        >>> from warmstart.meta.maps import Narrow
        >>> wide = np.zeros((2, 30_000), dtype=np.float32)
        >>> wide[:, 7] = 1, 2
        >>> found = Narrow.of(wide)
        >>> found.columns.tolist(), float(found.combine(np.ones(2, dtype=np.float32))[7])
        ([7], 3.0)
    """

    columns: Ints | None
    rows: Floats
    width: int

    @classmethod
    def of(cls, matrix: Floats) -> "Narrow":
        """Leave out the empty columns where that pays."""
        width = matrix.shape[1]
        if width <= WIDE:
            return cls(None, matrix, width)
        filled = np.zeros(width, dtype=bool)
        for row in matrix:
            filled |= row != 0
        columns = np.flatnonzero(filled)
        if len(columns) > SPARSELY * width:
            return cls(None, matrix, width)
        return cls(columns, np.ascontiguousarray(matrix[:, columns]), width)

    def combine(self, weights: Floats) -> Floats:
        """Return ``weights @ matrix``, float32 [..., r] to [..., width]."""
        found: Floats = weights @ self.rows
        if self.columns is None:
            return found
        whole = np.zeros((*weights.shape[:-1], self.width), dtype=np.float32)
        whole[..., self.columns] = found
        return whole


class EventMap(Protocol):
    """A matrix [items, items] whose row i is what one event on item i adds to every score; its diagonal is 0."""

    def combine(self, support: sparse.csr_matrix, columns: Ints | None = None) -> Floats:
        """Return ``support [n, items] @ rows``, float32 [n, items], or [n, len(columns)] for some items only.

        Over a large catalogue a batch of full rows is the largest thing in memory, so nothing is worked out that is
        not asked for.
        """
        ...

    def combine_one(self, items: Indices, weights: Floats) -> Floats:
        """Return the weighted sum of a few rows, float32 [items]; the hot path of one user."""
        ...

    def entries(self, items: Indices, target: int) -> Floats:
        """Return what an event on each of ``items`` adds to the score of ``target``, float32 [len(items)]."""
        ...

    def spread(self, places: Ints, n_items: int) -> "EventMap":
        """Return the map over ``n_items`` items in which item i stands at ``places[i]``; the others' part is zero."""
        ...

    def arrays(self, name: str) -> Arrays:
        """Return the arrays that ``event_map_of`` takes back, named after ``name``."""
        ...


@dataclass(frozen=True, slots=True)
class DenseMap:
    """All rows written out, float32 [items, items]."""

    rows: Floats

    def combine(self, support: sparse.csr_matrix, columns: Ints | None = None) -> Floats:
        """See ``EventMap``."""
        found: Floats = np.asarray(support @ (self.rows if columns is None else self.rows[:, columns]))
        return found

    def combine_one(self, items: Indices, weights: Floats) -> Floats:
        """See ``EventMap``."""
        found: Floats = weights @ self.rows[items]
        return found

    def entries(self, items: Indices, target: int) -> Floats:
        """See ``EventMap``."""
        found: Floats = self.rows[items, target]
        return found

    def arrays(self, name: str) -> Arrays:
        """See ``EventMap``."""
        return {f"{name}.rows": self.rows}

    def spread(self, places: Ints, n_items: int) -> "DenseMap":
        """See ``EventMap``."""
        rows = np.zeros((n_items, n_items), dtype=np.float32)
        rows[np.ix_(places, places)] = self.rows
        return DenseMap(rows)


@dataclass(frozen=True, slots=True)
class FactoredMap:
    """Rows as ``left @ right`` less their diagonal.

    Args:
        left: float32 [items, r].
        right: [r, items], dense for a low-rank form or sparse where r counts training users.
    """

    left: Floats
    right: Floats | sparse.csr_matrix
    diagonal: Floats
    _narrow: Narrow | None = field(init=False, repr=False, compare=False)
    _turned: sparse.csc_matrix | None = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        dense = isinstance(self.right, np.ndarray)
        object.__setattr__(self, "_narrow", Narrow.of(self.right) if dense else None)
        # the same numbers seen from the other side: turning them for every answer costs as much as the answer
        object.__setattr__(self, "_turned", None if dense else self.right.T)

    def combine(self, support: sparse.csr_matrix, columns: Ints | None = None) -> Floats:
        """See ``EventMap``."""
        right = self.right if columns is None else self.right[:, columns]
        scores = np.ascontiguousarray(np.asarray(support @ self.left) @ right, dtype=np.float32)
        own = support.multiply(self.diagonal).tocsr()  # what events say of their own items
        own = (own if columns is None else own[:, columns]).tocoo()
        scores[own.row, own.col] -= own.data
        return scores

    def combine_one(self, items: Indices, weights: Floats) -> Floats:
        """See ``EventMap``."""
        mixed: Floats = weights @ self.left[items]
        if self._narrow is not None:
            scores = self._narrow.combine(mixed)
        else:
            scores = np.asarray(self.right.T @ mixed if self._turned is None else self._turned @ mixed)
        scores[items] -= weights * self.diagonal[items]
        return scores

    def entries(self, items: Indices, target: int) -> Floats:
        """See ``EventMap``."""
        column = self.right[:, [target]]
        dense = column if isinstance(column, np.ndarray) else column.toarray()
        found: Floats = (self.left[items] @ dense)[:, 0]
        return np.where(items == target, 0, found).astype(np.float32)

    def arrays(self, name: str) -> Arrays:
        """See ``EventMap``."""
        right = self.right
        packed = {f"{name}.right": right} if isinstance(right, np.ndarray) else pack_csr(f"{name}.right", right)
        return {f"{name}.left": self.left, f"{name}.diagonal": self.diagonal, **packed}

    def spread(self, places: Ints, n_items: int) -> "FactoredMap":
        """See ``EventMap``."""
        left = np.zeros((n_items, self.left.shape[1]), dtype=np.float32)
        diagonal = np.zeros(n_items, dtype=np.float32)
        left[places], diagonal[places] = self.left, self.diagonal
        shape, small = (self.left.shape[1], n_items), self.right
        if isinstance(small, np.ndarray):
            right: Floats | sparse.csr_matrix = np.zeros(shape, dtype=np.float32)
            right[:, places] = small
        else:
            right = sparse.csr_matrix((small.data, places[small.indices], small.indptr), shape=shape)
        return FactoredMap(left, right, diagonal)


def factored(left: Floats, right: Floats | sparse.csr_matrix) -> FactoredMap:
    """Return the map ``left @ right`` with its diagonal taken off.

    Args:
        left: float32 [items, r].
        right: float32 [r, items].
    """
    if isinstance(right, np.ndarray):
        diagonal = np.einsum("ir,ri->i", left, right)
    else:
        diagonal = np.asarray(right.T.multiply(left).sum(axis=1)).ravel()
    return FactoredMap(left, right, diagonal.astype(np.float32))


def event_map_of(arrays: Arrays, name: str, n_items: int) -> DenseMap | FactoredMap:
    """Rebuild a map from its arrays; raises ``BadModelFile`` if they do not fit."""
    if f"{name}.rows" in arrays:
        return DenseMap(array_of(arrays, f"{name}.rows", (n_items, n_items)))
    left = array_of(arrays, f"{name}.left", (n_items, None))
    shape = (left.shape[1], n_items)
    dense = f"{name}.right" in arrays
    right = array_of(arrays, f"{name}.right", shape) if dense else unpack_csr(arrays, f"{name}.right", shape)
    return FactoredMap(left, right, array_of(arrays, f"{name}.diagonal", (n_items,)))
