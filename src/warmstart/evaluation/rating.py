"""Values and likes of a user's last events, foretold from those before."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, ClassVar, Literal

import numpy as np
from pydantic import Field

from warmstart.core.errors import BadInput
from warmstart.core.histories import Histories, Ints
from warmstart.core.tasks import Tasks
from warmstart.data.dataset import Dataset
from warmstart.data.episodes import ColdItems, cold_item_split, rating_tasks
from warmstart.data.split import split_users
from warmstart.evaluation.cold_item import all_cold, merged
from warmstart.evaluation.foretell import RandomFloor, RatingMeasurer, rating_measures
from warmstart.evaluation.metrics import Bools
from warmstart.evaluation.panel import Panel, Popularity, Split
from warmstart.evaluation.protocol import Measurer, Protocol, needed
from warmstart.recommenders.base import Recommender

Cell = Literal["user", "item", "both"]
LABELS: Mapping[Cell, str] = {"user": "", "item": " new item", "both": " both new"}


class Rating(Protocol):
    """What value will she give? Asked of a user's last events, whether she, the item, or both are new.

    Users are split 80/10/10. A user with ``least`` to ``most`` events is shown all but the last ``query`` of them.
    Items are held out only where a cell of new items is asked for; a user's support there is of new items too, as in
    the published protocol (Lee et al., 2019). Recommenders without values of their own are given them by a calibration
    on validation users: item mean, user bias, and their standardised score times one weight for items of the training
    data and one for others. A logistic curve over the values, fitted on the same users, makes chances of a like.

    Example:
        >>> import warmstart as ws
        >>> split = ws.Rating(new=("user",)).split(ws.load_dataset("movielens-small"))
        >>> [(panel.label, panel.tasks.query.lengths.max()) for panel in split.test]
        [('', np.int64(10))]
    """

    title: ClassVar[str] = "Rating"

    new: tuple[Cell, ...] = Field(default=("user", "item", "both"), min_length=1)
    """What is new: the ``user``, the ``item`` or ``both``; each has measures of its own."""
    shots: tuple[int, ...] = ()
    """Numbers of events revealed; none given reveals everything before the query, and k is the median of new users."""
    query: int = Field(default=10, ge=1)
    """Events asked for, the user's last."""
    least: int = Field(default=13, ge=2)
    """Fewest events of a user who takes part."""
    most: int = Field(default=100, ge=2)
    """Most events of a user who takes part."""
    cold: float = Field(default=0.2, gt=0, lt=1)
    """Share of the items that are new."""
    k: int = Field(default=5, ge=1)
    """Depth of nDCG over a user's own query."""

    @property
    def measures(self) -> tuple[str, ...]:
        """Mean absolute error of the first cell first."""
        return tuple(kind + LABELS[cell] for cell in self.new for kind in (*rating_measures(self.k), "fitness"))

    @property
    def notes(self) -> tuple[str, ...]:
        """How to read nDCG over so few items."""
        return (
            f"ndcg@{self.k} ranks a user's own {self.query} query items only: read it beside the row 'random floor'.",
            "Accuracy, precision, recall, f1, errors and cross-entropy are pooled over all events asked for.",
        )

    def split(self, data: Dataset | None) -> Split:
        """Split users (and items); raises ``BadInput`` without values, or when no user has enough events."""
        data = needed(data, self)
        if data.like_from is None:
            raise BadInput(f"Rating needs values with likes and dislikes, but in {data.name!r} every event is a like.")
        items = self._items(data)
        train, validation, test = split_users(data.n_users, self.seed)
        learned = items.train.take_users(train)
        popularity = Popularity.of(learned)
        chosen = self._tasks(data, validation, items.warm)
        chosen = replace(chosen, query=merged(chosen.query, _on(data, chosen.users, items.validation)))
        cells: dict[Cell, Tasks] = {"user": self._tasks(data, test, items.warm)}
        if len(items.test):
            cells["item"] = self._tasks(data, train, all_cold(items))
            cells["both"] = self._tasks(data, test, all_cold(items))
        usual = int(np.median(cells["user"].support.lengths)) if len(cells["user"]) else 0
        panels = [self._panels(data, cells[cell], popularity, LABELS[cell], usual) for cell in self.new]
        if not any(len(panel) for group in panels for panel in group):
            raise BadInput(
                f"No test user of {data.name!r} has {self.least} to {self.most} events. Give a smaller least=."
            )
        facts = {f"tasks with {cell} new": len(cells[cell]) for cell in self.new}
        return Split(
            self.readable(learned),
            self.readable(items.train.take_users(validation)),
            self._panels(data, chosen, popularity, "")[-1:],
            tuple(panel for group in panels for panel in group if len(panel)),
            {"training users": len(train), "validation tasks": len(chosen)} | facts,
        )

    def measurer(self, model: Recommender, split: Split) -> Measurer:
        """Calibrate a fitted recommender on the validation tasks."""
        return RatingMeasurer(model, split, self.k)

    def extra_rows(self, split: Split) -> Mapping[str, Measurer]:
        """Return the baseline "item mean + user bias" and the floor of a random order."""
        return {
            "item mean + user bias": RatingMeasurer(None, split, self.k),
            "random floor": RandomFloor(float(split.train.like_from or 0), self.k),
        }

    def _items(self, data: Dataset) -> ColdItems:
        if set(self.new) - {"user"}:
            return cold_item_split(data, self.seed, self.cold)
        nothing = np.zeros(0, dtype=np.int64)
        return ColdItems(data, np.arange(data.n_items), nothing, nothing)

    def _tasks(self, data: Dataset, users: Ints, items: Ints) -> Tasks:
        least = max(self.least, self.query + max(self.shots, default=1))
        return rating_tasks(data, users, self.seed, self.query, least, max(self.most, least), items)

    def _panels(self, data: Dataset, tasks: Tasks, popularity: Popularity, label: str, k: int = 0) -> tuple[Panel, ...]:
        users = self.attributes_of(data, tasks.users)
        if not self.shots:
            return (Panel(k, tasks, popularity, tasks.query, users, label),)
        cut = {k: replace(tasks, support=_first(tasks.support, k)) for k in self.shots}
        return tuple(Panel(k, one, popularity, one.query, users, label) for k, one in cut.items())


def _first(histories: Histories, k: int) -> Histories:
    place = np.arange(len(histories.items)) - np.repeat(histories.indptr[:-1], histories.lengths)
    keep: Bools = place < k
    return histories.where(keep)


def _on(data: Dataset, users: Ints, items: Ints) -> Histories:
    chosen: Any = data.histories[users]
    found: Histories = chosen.where(np.isin(chosen.items, items))
    return found
