"""MeLU as a recommender: it reads the items' table, foretells values, and takes items that nobody met."""

from typing import Any, Self

import numpy as np

from warmstart.core.artefact import Arrays
from warmstart.core.histories import Floats, Ints
from warmstart.data.dataset import Dataset
from warmstart.data.features import FeatureEncoder
from warmstart.data.kinds import find_kinds
from warmstart.meta.context import UserContext
from warmstart.meta.learners.judges import Judges
from warmstart.meta.learners.melu import MeLU, MeLUConfig, embedded, squared_error
from warmstart.meta.learners.served import ForetellingRecommender, Validate
from warmstart.meta.learners.task_set import TaskSet
from warmstart.meta.learners.value_tasks import Described, ValueTasks
from warmstart.recommenders.new_items import read_new_items

JUDGE = 0
"""Seed by which the judges' events are revealed, the same at every look."""


class MeLURecommender(ForetellingRecommender):
    """Foretells values from what the items' table and a person's attributes say, adapted by a few steps on her values.

    Source: Lee, Im, Jang, Cho and Chung (2019), MeLU: Meta-learned user preference estimator for cold-start
    recommendation.
    """

    name = "melu"
    config_class = MeLUConfig
    config: MeLUConfig

    @property
    def learner(self) -> MeLU:
        """The learner, with the settings of this recommender."""
        return MeLU(self.config)

    def with_items(self, frame: Any) -> Self:
        """Return a new model whose catalogue ends in the items of ``frame``; see ``TakesNewItems``.

        Nobody likes the new ones yet, so that they stand behind where the gate keeps to popularity.
        """
        catalogue, table = read_new_items(self.catalogue, frame)
        rows = np.zeros((len(table), 0), np.float32) if self.reader is None else Described.of(self.reader, table).rows
        return self._longer(catalogue, embedded(self.prior, rows))

    def _tasks(self, data: Dataset, users: Ints, known: UserContext | None) -> TaskSet:
        self.reader = reader_of(data, self.config.item_kinds)
        self._items = Described.nothing(data.n_items) if self.reader is None else Described.of(self.reader, data.items)
        tasks = TaskSet.of(data.take_users(users), known)
        return ValueTasks.over(tasks, self._items, known, **self.learner.drawing)

    def _loss(self, judges: Judges, known: UserContext | None, popularity: Floats) -> Validate | None:
        """Return the squared error of the values of people who are not trained on."""
        batches = []
        for data, rows in judges.people:
            drawn = ValueTasks.over(
                TaskSet.of(data.take_users(rows), known), self._items, known, **self.learner.drawing
            )
            if len(drawn.usable):
                batches.append(drawn.draw(drawn.usable, np.random.default_rng(JUDGE)))
        if not batches:
            return None

        def loss(prior: Arrays) -> float:
            sums, counts = zip(*(squared_error(self.learner, prior, batch) for batch in batches), strict=True)
            return float(sum(sums) / max(sum(counts), 1))

        return loss

    def _state(self) -> tuple[dict[str, Any], Arrays]:
        header, arrays = super()._state()
        return header | {"reader": None if self.reader is None else self.reader.to_header()}, arrays

    def _restore(self, header: dict[str, Any], arrays: Arrays) -> None:
        super()._restore(header, arrays)
        self.reader = None if header["reader"] is None else FeatureEncoder.from_header(header["reader"])
        if len(self.prior["items"]) != len(self.catalogue):
            raise ValueError("the items do not fit")


def reader_of(data: Dataset, told: dict[str, str]) -> FeatureEncoder | None:
    """Learn to read the items' table without its texts, unless it has nothing else; None without a table.

    Args:
        data: whose items are read.
        told: kinds of columns that overrule the data set's.

    Example:
        >>> import warmstart as ws
        >>> from warmstart.meta.learners.melu_served import reader_of
        >>> reader_of(ws.load_dataset("movielens-small"), {}).names[:2]
        ['genres=Action', 'genres=Adventure']
    """
    if data.items is None:
        return None
    known = {name: kind for name, kind in (dict(data.item_kinds) | told).items() if name in data.items.columns}
    kinds = find_kinds(data.items, known)
    used = {name: kind for name, kind in kinds.items() if kind != "ignore"}
    if any(kind != "text" for kind in used.values()):
        used = {name: kind for name, kind in used.items() if kind != "text"}
    found = FeatureEncoder.fit(data.items, {name: used.get(name, "ignore") for name in kinds})
    return found if found.names else None
