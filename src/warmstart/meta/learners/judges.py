"""People whom a learner is not trained on: they say when training ends and how far the learner is trusted."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from warmstart.core.histories import Ints
from warmstart.core.run import Run
from warmstart.core.tasks import Tasks
from warmstart.data.dataset import Dataset
from warmstart.data.episodes import LEAST_QUERY, cold_user_tasks
from warmstart.meta.choose import pool_of
from warmstart.meta.learners.gate import ANCHORS

ENOUGH = 300
"""Judges with enough events from which on nobody is taken out of the training users."""
MOST = 400
"""Judges at most; more cost time and tell little more."""
HELD_OUT = 0.2
"""Share of the training users that is held out at most."""


@dataclass(frozen=True, slots=True)
class Judges:
    """Tasks of people who are not trained on.

    Args:
        train: int64, rows of the data set that are left to train on.
        panels: data sets and the tasks cut from them, by number of events.
        people: the same data sets, and which of their users judge; those with too few likes for a task among them.
    """

    train: Ints
    panels: tuple[tuple[Dataset, dict[int, Tasks]], ...]
    people: tuple[tuple[Dataset, Ints], ...] = ()

    @classmethod
    def of(cls, data: Dataset, validation: Dataset | None, run: Run) -> "Judges":
        """Take the validation users, and training users where those are too few.

        Example:
            >>> import warmstart as ws
            >>> from warmstart.core.run import Run
            >>> from warmstart.meta.learners.judges import Judges
            >>> judges = Judges.of(ws.load_dataset("movielens-small"), None, Run())
            >>> len(judges.train), [k for k, _, _ in judges.tasks()]
            (488, [0, 1, 3, 8, 20])
        """
        every, people = np.arange(data.n_users), []
        if validation is not None:
            people.append((validation, np.arange(validation.n_users)[:MOST]))
        panels = [_panel(some, rows, run.seed) for some, rows in people]
        missing = ENOUGH - sum(_size(tasks) for _, tasks in panels)
        pool = pool_of(data)
        if missing <= 0 or not pool:
            return cls(every, tuple(panels), tuple(people))
        able = np.flatnonzero(data.likes().lengths >= pool + LEAST_QUERY["likes"])
        drawn = run.rng("judges").permutation(able)[: min(missing, round(HELD_OUT * data.n_users))]
        people.append((data, np.sort(drawn)))
        panels.append(_panel(data, np.sort(drawn), run.seed))
        return cls(np.setdiff1d(every, drawn), tuple(panels), tuple(people))

    def tasks(self) -> Iterator[tuple[int, Dataset, Tasks]]:
        """Yield the number of events, the data set and the tasks of each panel."""
        for data, by_shots in self.panels:
            for k, tasks in by_shots.items():
                if len(tasks):
                    yield k, data, tasks


def attributes_of(data: Dataset, rows: Ints) -> Any:
    """Return the attributes of some people as a frame; None where the data have none."""
    return None if data.users is None else data.take_users(rows).users


def _panel(data: Dataset, rows: Ints, seed: int) -> tuple[Dataset, dict[int, Tasks]]:
    pool = pool_of(data)
    shots = tuple(k for k in ANCHORS if k <= pool)
    return data, (cold_user_tasks(data, rows, shots, "likes", pool, seed) if pool else {})


def _size(tasks: dict[int, Tasks]) -> int:
    return max((len(one) for one in tasks.values()), default=0)
