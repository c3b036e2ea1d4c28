"""The form of a student: a constant for each number of events, and a row of scores for each event."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from warmstart.core.artefact import Arrays, array_of
from warmstart.core.histories import Floats, Ints
from warmstart.meta.maps import DenseMap, FactoredMap, event_map_of
from warmstart.meta.prior import Support

Indices = npt.NDArray[np.integer]


@dataclass(frozen=True, slots=True)
class Form:
    """A k-shot prior that keeps one map for all k: ``score = constant(k) + k^-exponent sum_i weight_i B_i``.

    The constants are known at some numbers of events and interpolated in log k. What one event says is one row of
    ``B``, so observing is adding a row, and every score is a sum of contributions.

    Args:
        shots: numbers of events at which the constants are known, 0 first, in order.
        constants: float32 [shots, items].
        exponent: how much less each event says beside many others; 0 adds rows up, 1 takes their mean.
        events: the map ``B``.
        columns: int64, the items that events speak for, in order, or None for all; others have their constant.

    Example:
        >>> import numpy as np
        >>> from warmstart.meta.distillation.form import Form
        >>> from warmstart.meta.maps import DenseMap
        >>> from warmstart.meta.prior import Support
        >>> rows = np.array([[0, 2.0], [1, 0]], np.float32)
        >>> form = Form((0, 1), np.array([[0.5, 0], [0, 0.5]], np.float32), 1.0, DenseMap(rows))
        >>> form.scores(Support(np.array([0, 0, 2]), np.array([0, 1]), np.ones(2, np.float32))).tolist()
        [[0.5, 0.0], [0.5, 1.5]]
    """

    shots: tuple[int, ...]
    constants: Floats
    exponent: float
    events: DenseMap | FactoredMap
    columns: Ints | None = None
    _table: Floats = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_table", _filled(self.shots, self.constants))

    @property
    def n_items(self) -> int:
        """Number of items."""
        return int(self.constants.shape[1])

    def gain(self, count: float) -> float:
        """Return what a row is multiplied by among ``count`` events."""
        return float(max(count, 1.0) ** -self.exponent)

    def constant(self, count: float) -> Floats:
        """Return the constants at a number of events, float32 [items]; a new array."""
        last = len(self._table) - 1
        low = min(int(count), last)
        part = min(count, last) - low
        found: Floats = self._table[low].copy()
        if part:
            found += np.float32(part) * (self._table[low + 1] - found)
        return found

    def one(self, items: Sequence[int], weights: Floats | None, count: float) -> Floats:
        """Score all items for one person, float32 [items]; the hot path.

        Args:
            items: the items of her events.
            weights: float32, what each weighs; None where all weigh 1.
            count: how many events that comes to.
        """
        scores = self.constant(count)
        if not items:
            return scores
        added = self._sum(items, weights)
        added *= np.float32(self.gain(count))
        if self.columns is None:
            scores += added
        else:
            scores[self.columns] += added
        return scores

    def _sum(self, items: Sequence[int], weights: Floats | None) -> Floats:
        """Add up the rows of a few events, float32 [columns]; a new array."""
        if weights is None and isinstance(self.events, DenseMap):
            # one after the other: gathering them first would read and write them all once more
            rows = self.events.rows
            added: Floats = rows[items[0]].copy()
            for item in items[1:]:
                added += rows[item]
            return added
        weights = np.ones(len(items), np.float32) if weights is None else weights
        return self.events.combine_one(np.asarray(items), weights)

    def scores(self, support: Support) -> Floats:
        """Score all items for a batch, float32 [n, items]."""
        counts, last = support.counts, len(self._table) - 1
        low = np.minimum(counts.astype(np.int64), last)
        part = (np.minimum(counts, last) - low).astype(np.float32)[:, None]
        scores: Floats = (1 - part) * self._table[low] + part * self._table[np.minimum(low + 1, last)]
        added = self.events.combine(support.matrix(self.n_items, np.maximum(counts, 1.0) ** -self.exponent))
        if self.columns is None:
            scores += added
        else:
            scores[:, self.columns] += added
        return scores

    def contributions(self, items: Indices, weights: Floats, count: float, target: int) -> tuple[float, Floats]:
        """Split a score into the constant and what each event adds, float32 [events]; they sum to the score."""
        start = float(self.constant(count)[target])
        place = target if self.columns is None else int(np.searchsorted(self.columns, target))
        spoken = self.columns is None or (place < len(self.columns) and self.columns[place] == target)
        if not spoken or not len(items):
            return start, np.zeros(len(items), np.float32)
        return start, weights * np.float32(self.gain(count)) * self.events.entries(items, place)

    def state(self) -> tuple[dict[str, Any], Arrays]:
        """Return a JSON-able header and arrays by name."""
        arrays: Arrays = {"constants": self.constants} | self.events.arrays("events")
        if self.columns is not None:
            arrays["columns"] = self.columns
        return {"shots": list(self.shots), "exponent": self.exponent, "narrow": self.columns is not None}, arrays

    @classmethod
    def restore(cls, header: dict[str, Any], arrays: Arrays, n_items: int) -> "Form":
        """Take back what ``state`` returned; raises ``BadModelFile`` where it does not fit."""
        shots = tuple(int(one) for one in header["shots"])
        constants = array_of(arrays, "constants", (len(shots), n_items))
        if not header["narrow"]:
            return cls(shots, constants, float(header["exponent"]), event_map_of(arrays, "events", n_items))
        columns = array_of(arrays, "columns", (None,), "i")
        rows = array_of(arrays, "events.rows", (n_items, len(columns)))
        if len(columns) and not 0 <= int(columns.min()) <= int(columns.max()) < n_items:
            raise ValueError("the columns point outside the catalogue")
        return cls(shots, constants, float(header["exponent"]), DenseMap(rows), columns)


def _filled(shots: Sequence[int], rows: Floats) -> Floats:
    """Interpolate rows in log k at every number of events up to the last, float32 [last + 1, items]; 0 has its own."""
    if len(shots) == 1:
        return rows
    scale, at = (np.log(np.maximum(one, 0.5)) for one in (np.asarray(shots), np.arange(shots[-1] + 1)))
    high = np.clip(np.searchsorted(scale, at, side="right"), 1, len(shots) - 1)
    part = ((at - scale[high - 1]) / (scale[high] - scale[high - 1])).astype(np.float32)[:, None]
    found: Floats = (1 - part) * rows[high - 1] + part * rows[high]
    return found
