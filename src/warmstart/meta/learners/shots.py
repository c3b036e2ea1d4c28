"""Few-shot supports side by side: the form in which learners read what is known of many people."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from warmstart.meta.learners.either import Array
from warmstart.meta.prior import Support


@dataclass(frozen=True, slots=True)
class Shots:
    """Supports of a batch of tasks, padded to the longest; numpy arrays, or tensors while training.

    Args:
        items: int64 [n, k], item indices; 0 where there is no event.
        weights: float32 [n, k], what each event weighs as evidence; 0 where there is none.
        attributes: float32 [n, columns], what is known of the people less the training users' mean.
    """

    items: Array
    weights: Array
    attributes: Array

    @classmethod
    def of(cls, support: Support, n_columns: int, most: int) -> "Shots":
        """Pad supports; of longer ones the latest ``most`` events are read.

        Args:
            support: graded evidence of a batch of people.
            n_columns: attributes that are known of a person.
            most: events at most, at least 1.

        Example:
            >>> import numpy as np
            >>> from warmstart.meta.learners.shots import Shots
            >>> from warmstart.meta.prior import Support
            >>> two = Support(np.array([0, 3, 3]), np.array([7, 8, 9]), np.array([1, 0.6, 1], np.float32))
            >>> shots = Shots.of(two, n_columns=0, most=2)
            >>> shots.items.tolist(), shots.weights.tolist()[1]
            ([[8, 9], [0, 0]], [0.0, 0.0])
        """
        told = support.attributes
        attributes = np.zeros((len(support), n_columns), dtype=np.float32) if told is None or not n_columns else told
        if len(support) == 1 and len(support.items):  # somebody who waits for an answer: nothing to pad
            items, weights = support.items[None, -most:], support.weights[None, -most:]
            return cls(items.astype(np.int64), weights.astype(np.float32), attributes)
        lengths = np.diff(support.indptr)
        rows = np.repeat(np.arange(len(support)), lengths)
        place = np.arange(len(support.items)) - support.indptr[:-1][rows] - np.maximum(lengths - most, 0)[rows]
        kept = place >= 0
        width = int(min(lengths.max(initial=1), most)) or 1
        items = np.zeros((len(support), width), dtype=np.int64)
        weights = np.zeros((len(support), width), dtype=np.float32)
        items[rows[kept], place[kept]] = support.items[kept]
        weights[rows[kept], place[kept]] = support.weights[kept]
        return cls(items, weights, attributes)

    def __len__(self) -> int:
        return int(self.items.shape[0])

    @property
    def counts(self) -> Array:
        """How much evidence each task has, [n]: the sum of its weights."""
        return self.weights.sum(-1)

    def to(self, make: Any) -> "Shots":
        """Return the same with every array changed by ``make``, such as ``torch.from_numpy``."""
        return Shots(make(self.items), make(self.weights), make(self.attributes))
