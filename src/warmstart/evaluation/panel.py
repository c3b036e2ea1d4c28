"""What a protocol makes of a data set: a part to learn from and tasks to be measured on."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from warmstart.core.histories import Floats, Histories, Ints
from warmstart.core.tasks import Tasks
from warmstart.data.dataset import Dataset
from warmstart.evaluation.metrics import Bools

if TYPE_CHECKING:
    import polars as pl


@dataclass(frozen=True, slots=True)
class Popularity:
    """How many of ``n_users`` training users liked each item, int64 [n_items]; what novelty is measured against."""

    counts: Ints
    n_users: int

    @classmethod
    def of(cls, train: Dataset) -> "Popularity":
        """Count the likes of a training set."""
        return cls(np.bincount(train.likes().items, minlength=train.n_items), train.n_users)


@dataclass(frozen=True, slots=True)
class Panel:
    """Tasks that are measured together: one point of a learning curve.

    Args:
        k: how many events are known of what is new.
        tasks: support, query and hidden events of n users.
        popularity: likes in the training data.
        candidates: which items are ranked: bool [n_items], or each task's own items (n rows); None means all.
        users: attributes that the recommender may read, n rows; None when it may read none.
        label: what is added to the names of its measures, to tell panels of the same k apart.
        ties: int64 [n_items], the order in which items of the same score are ranked; None ranks them by index.
            Catalogues often run from the well known to the obscure, so an index can tell more than a recommender.
    """

    k: int
    tasks: Tasks
    popularity: Popularity
    candidates: Bools | Histories | None = None
    users: "pl.DataFrame | None" = None
    label: str = ""
    ties: Ints | None = None

    def __len__(self) -> int:
        return len(self.tasks)

    def rankable(self, scores: Floats, start: int) -> Floats:
        """Return a copy of ``scores`` of the tasks from ``start`` on, ``-inf`` where an item may not be ranked."""
        part = slice(start, start + len(scores))
        allowed = scores.copy()
        if isinstance(self.candidates, Histories):
            own = self.candidates[part]
            allowed = np.full_like(scores, -np.inf)
            allowed[own.rows, own.items] = scores[own.rows, own.items]
        elif self.candidates is not None:
            allowed[:, ~self.candidates] = -np.inf
        hidden = self.tasks.hidden[part]
        allowed[hidden.rows, hidden.items] = -np.inf
        return allowed

    def n_candidates(self, n_items: int) -> int:
        """Return how many items can be shown to anybody."""
        if isinstance(self.candidates, Histories):
            return len(np.unique(self.candidates.items))
        return n_items if self.candidates is None else int(self.candidates.sum())


@dataclass(frozen=True, slots=True)
class Split:
    """A data set, split.

    Args:
        train: what recommenders learn from.
        validation: whole histories of other users, on whom a recommender chooses what it chooses by itself, or None.
        validate: panels on which settings are chosen.
        test: panels that are reported.
        facts: numbers about the split, for the report.
    """

    train: Dataset
    validation: Dataset | None
    validate: tuple[Panel, ...]
    test: tuple[Panel, ...]
    facts: Mapping[str, Any] = field(default_factory=dict)

    def __iter__(self) -> Iterator[Panel]:
        return iter(self.test)
