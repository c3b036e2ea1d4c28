"""New items: who will like what nobody has met yet? For known users, and for new ones."""

from dataclasses import replace
from typing import ClassVar, Literal

import numpy as np
import numpy.typing as npt
from pydantic import Field

from warmstart.core.errors import BadInput
from warmstart.core.histories import Histories, Ints
from warmstart.core.tasks import Tasks
from warmstart.data.dataset import Dataset
from warmstart.data.episodes import SHOTS, ColdItems, cold_item_split, cold_user_tasks, item_tasks
from warmstart.data.split import split_users
from warmstart.evaluation.panel import Panel, Popularity, Split
from warmstart.evaluation.protocol import Measurer, Protocol, needed
from warmstart.recommenders.base import Recommender

AMONG_ALL = " among all"
"""What the names of measures end in when cold items are ranked among all items."""


class _ColdItems(Protocol):
    """What both protocols of cold items share."""

    cold: float = Field(default=0.2, gt=0, lt=1)
    """Share of the items without any interaction in training: half for validation, half for the test."""
    likes: Literal["threshold", "all"] = "threshold"
    """What a like is: values from the data set's threshold on, or every event, as published comparisons have it."""
    k: int = Field(default=20, ge=1)
    """Depth of the rankings."""

    @property
    def ranked(self) -> tuple[str, ...]:
        """What is measured of each ranking."""
        shown = [f"{kind}@{self.k}" for kind in ("coverage", "novelty")]
        return (f"recall@{self.k}", f"ndcg@{self.k}", f"hr@{self.k}", "mrr", "auc", *shown)

    @property
    def measures(self) -> tuple[str, ...]:
        """Recall among the cold items first, then the others, then all of them among all items."""
        return (*self.ranked, *(name + AMONG_ALL for name in self.ranked))

    @property
    def notes(self) -> tuple[str, ...]:
        """What counts as a like here."""
        return ("Every event counts as a like, whatever its value.",) if self.likes == "all" else ()

    def measurer(self, model: Recommender, split: Split) -> Measurer:
        """Make a fitted recommender ready to be measured."""
        return Measurer(model, self.ranked)

    def liked(self, data: Dataset) -> Dataset:
        """Return the data with their likes as the protocol has them."""
        if self.likes == "threshold":
            return data
        return replace(data, catalogue=replace(data.catalogue, like_from=None))

    def both_ways(self, data: Dataset, k: int, tasks: Tasks, cold: Ints, popularity: Popularity) -> tuple[Panel, Panel]:
        """Return the tasks twice: ranked among the cold items, and among all."""
        among = np.zeros(data.n_items, dtype=bool)
        among[cold] = True
        users = self.attributes_of(data, tasks.users)
        alone = Panel(k, tasks, popularity, among, users, ties=self.ties(data))
        return alone, replace(alone, candidates=None, label=AMONG_ALL)


class ColdItem(_ColdItems):
    """Known users meet items without any interaction in training.

    A share of the items is made cold; half of them choose settings, half are the test. A user's history of warm items
    is the support. The test ranks all cold items, and all items, without those that the user is known to have met.

    Example:
        >>> import warmstart as ws
        >>> split = ws.ColdItem().split(ws.load_dataset("movielens-small"))
        >>> [(panel.k, panel.label) for panel in split.test]
        [(0, ''), (0, ' among all')]
    """

    title: ClassVar[str] = "Cold item"

    def split(self, data: Dataset | None) -> Split:
        """Split the items; raises ``BadInput`` when nobody liked a cold one."""
        data = self.liked(needed(data, self))
        items = cold_item_split(data, self.seed, self.cold)
        popularity = Popularity.of(items.train)
        chosen = item_tasks(data, items, items.validation)
        validate = self.both_ways(data, 0, chosen, items.validation, popularity)[:1]
        tasks = item_tasks(data, items, items.test)
        met = data.histories.where(np.isin(data.histories.items, items.validation))
        tasks = replace(tasks, hidden=merged(tasks.hidden, met[tasks.users]))
        test = self.both_ways(data, 0, tasks, all_cold(items), popularity)
        _refuse_none(data, len(tasks))
        return Split(self.readable(items.train), None, validate, test, _facts(items, len(tasks)))


class ColdBoth(_ColdItems):
    """New users meet new items: the support is warm, what is asked is cold.

    Users are split 80/10/10 and items as in ``ColdItem``. A test user's first ``pool`` likes of warm items are the
    support pool; the query is the likes of cold test items.

    Example:
        >>> import warmstart as ws
        >>> split = ws.ColdBoth(shots=(1, 5)).split(ws.load_dataset("movielens-small"))
        >>> [(panel.k, panel.label) for panel in split.test]
        [(1, ''), (1, ' among all'), (5, ''), (5, ' among all')]
    """

    title: ClassVar[str] = "Both cold"

    shots: tuple[int, ...] = Field(default=SHOTS, min_length=1)
    """Numbers of events revealed of the new user."""
    pool: int = Field(default=20, ge=1)
    """Size of the support pool; a user needs 5 likes of warm items beyond it, and one of a cold item."""

    def split(self, data: Dataset | None) -> Split:
        """Split users and items; raises ``BadInput`` when no test user liked a cold item."""
        data = self.liked(needed(data, self))
        items = cold_item_split(data, self.seed, self.cold)
        train, validation, test = split_users(data.n_users, self.seed)
        learned = items.train.take_users(train)
        popularity = Popularity.of(learned)
        chosen = self._panels(data, items, validation, items.validation, items.validation, popularity)
        tested = self._panels(data, items, test, items.test, all_cold(items), popularity)
        n = len(tested[0])
        _refuse_none(data, n)
        held_out = self.readable(items.train.take_users(validation))
        only_cold = tuple(panel for panel in chosen if not panel.label)
        facts = {"training users": len(train)} | _facts(items, n)
        return Split(self.readable(learned), held_out, only_cold, tested, facts)

    def _panels(
        self, data: Dataset, items: ColdItems, users: Ints, asked: Ints, ranked: Ints, popularity: Popularity
    ) -> tuple[Panel, ...]:
        events = data.histories.items
        query = data.histories.where(data.liked & np.isin(events, asked))
        met = data.histories.where(np.isin(events, ranked) & ~np.isin(events, asked))
        panels: list[Panel] = []
        for k, tasks in cold_user_tasks(items.train, users, self.shots, "likes", self.pool, self.seed).items():
            keep = np.flatnonzero(query.lengths[tasks.users] > 0)
            rows = tasks.users[keep]
            cold = Tasks(tasks.support[keep], query[rows], merged(tasks.hidden[keep], met[rows]), rows)
            panels += self.both_ways(data, k, cold, ranked, popularity)
        return tuple(panels)


def all_cold(items: ColdItems) -> Ints:
    """Return the cold items of validation and test together."""
    return np.concatenate([items.validation, items.test])


def merged(left: Histories, right: Histories) -> Histories:
    """Return the events of the same users in both, row by row, without times.

    Example:
        >>> from warmstart.core.histories import Histories
        >>> from warmstart.evaluation.cold_item import merged
        >>> merged(Histories.of([[1], [2]]), Histories.of([[], [7, 8]])).items.tolist()
        [1, 2, 7, 8]
    """
    rows = np.concatenate([left.rows, right.rows])
    order = np.argsort(rows, kind="stable")
    items: npt.NDArray[np.int32] = np.concatenate([left.items, right.items])[order]
    return Histories(left.indptr + right.indptr, items, np.concatenate([left.values, right.values])[order])


def _facts(items: ColdItems, n: int) -> dict[str, int]:
    sizes = {"warm items": items.warm, "cold items, validation": items.validation, "cold items, test": items.test}
    return {name: len(found) for name, found in sizes.items()} | {"test users": n}


def _refuse_none(data: Dataset, n: int) -> None:
    if not n:
        raise BadInput(f"No test user of {data.name!r} liked a cold item. Give more data, or a larger share cold=.")
