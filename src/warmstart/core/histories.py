"""Many users' events side by side: the form in which all mathematics takes histories."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
import numpy.typing as npt
from scipy import sparse

Floats = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Histories:
    """Events of ``n`` users in compressed rows, in each user's order (by time where there is time).

    Args:
        indptr: int64 [n + 1], where each user's events begin.
        items: int32 [events], item indices.
        values: float32 [events], the values as they came (a rating stays a rating).
        times: float64 [events], seconds since 1970, or None without time.
        weights: float32 [events], how much of an event counts as evidence, 0 to 1, or None where all count whole.

    Example:
        >>> from warmstart.core.histories import Histories
        >>> two = Histories.of([[3, 1], []], values=[[5.0, 2.0], []])
        >>> len(two), two.lengths.tolist(), two[0].items.tolist()
        (2, [2, 0], [3, 1])
        >>> two.matrix(4).toarray().tolist()
        [[0.0, 2.0, 0.0, 5.0], [0.0, 0.0, 0.0, 0.0]]
    """

    indptr: npt.NDArray[np.int64]
    items: npt.NDArray[np.int32]
    values: Floats
    times: npt.NDArray[np.float64] | None = None
    weights: Floats | None = None

    @classmethod
    def of(
        cls,
        items: Sequence[Sequence[int]],
        values: Sequence[Sequence[float]] | None = None,
        times: Sequence[Sequence[float]] | None = None,
    ) -> Self:
        """Build from one sequence of item indices a user; values default to 1."""
        indptr = np.concatenate([[0], np.cumsum([len(row) for row in items])]).astype(np.int64)
        flat = np.array([i for row in items for i in row], dtype=np.int32)
        flat_values = np.ones(len(flat)) if values is None else np.array([v for row in values for v in row])
        flat_times = None if times is None else np.array([t for row in times for t in row], dtype=np.float64)
        return cls(indptr, flat, flat_values.astype(np.float32), flat_times)

    def __len__(self) -> int:
        return len(self.indptr) - 1

    @property
    def lengths(self) -> Ints:
        """Number of events of each user, int64 [n]."""
        return np.diff(self.indptr)

    @property
    def rows(self) -> Ints:
        """Row number of each event, int64 [events]."""
        return np.repeat(np.arange(len(self)), self.lengths)

    def __getitem__(self, rows: int | slice | npt.NDArray[np.int64] | npt.NDArray[np.bool_]) -> "Histories":
        """Return the histories of some users, in the order asked for."""
        chosen = np.atleast_1d(np.arange(len(self))[rows])
        lengths = self.lengths[chosen]
        indptr = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
        events = np.arange(indptr[-1]) + np.repeat(self.indptr[chosen] - indptr[:-1], lengths)
        return self._take(events, indptr)

    def where(self, keep: npt.NDArray[np.bool_]) -> "Histories":
        """Return the same users with only the events where ``keep`` (bool [events]) is true."""
        counts = np.concatenate([[0], np.cumsum(keep)]).astype(np.int64)
        return self._take(np.flatnonzero(keep), counts[self.indptr])

    def matrix(self, n_items: int, values: npt.NDArray[np.floating] | None = None) -> sparse.csr_matrix:
        """Return float32 [n, n_items] with ``values`` (default: the events' own); repeats add up."""
        data = (self.values if values is None else values).astype(np.float32, copy=False)
        # a copy of the indices, for scipy sorts and sums in place
        found = sparse.csr_matrix((data.copy(), self.items.copy(), self.indptr.copy()), shape=(len(self), n_items))
        found.sum_duplicates()
        return found

    def _take(self, events: npt.NDArray[np.int64], indptr: npt.NDArray[np.int64]) -> "Histories":
        times = None if self.times is None else self.times[events]
        weights = None if self.weights is None else self.weights[events]
        return Histories(indptr, self.items[events], self.values[events], times, weights)
