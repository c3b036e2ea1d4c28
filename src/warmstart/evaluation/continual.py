"""New people in every period: how good is a model for those who come next, and does it forget those who came before?"""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated

import numpy as np
import numpy.typing as npt
from pydantic import Field

from warmstart.core.config import Config
from warmstart.core.errors import BadInput
from warmstart.core.histories import Ints
from warmstart.core.run import Run
from warmstart.core.tasks import Tasks
from warmstart.data.dataset import Dataset
from warmstart.data.episodes import cold_user_tasks
from warmstart.evaluation.panel import Panel, Popularity
from warmstart.evaluation.protocol import Measurer, revealing
from warmstart.recommenders.base import Recommender

Doubles = npt.NDArray[np.float64]
Strategy = Callable[[Recommender | None, Sequence[Dataset]], Recommender]
"""From the last model and the data of all periods so far to the next model."""

HEADLINE = "ndcg@10"


class Continual(Config):
    """Users in order of their first event, cut into periods of equally many; a part of each is never learned from.

    After every period a strategy turns the last model and what it may see into the next one. Forward: how good it is
    for the users of the next period, all of them strangers. Backward: how much better or worse it has become, at the
    end, for the users held out of each earlier period than it was right after that period (Lopez-Paz and Ranzato,
    2017).
    """

    periods: Annotated[int, Field(ge=3)] = 6
    """How many periods there are."""
    held_out: Annotated[float, Field(gt=0, lt=1)] = 0.3
    """Share of each period's users that are never learned from."""
    shots: tuple[int, ...] = (0, 1, 5, 20)
    """Numbers of events revealed; measures are means over those above 0."""
    pool: Annotated[int, Field(ge=1)] = 20
    """Size of the support pool; a user needs 5 likes beyond it."""
    seed: Annotated[int, Field(ge=0)] = 0
    """Seed of the draw of those held out."""

    def measure(self, strategies: Mapping[str, Strategy], data: Dataset, run: Run | None = None) -> "list[Course]":
        """Run every strategy through the periods.

        Raises:
            BadInput: the data have no times, or a period has nobody to measure on.

        Example:
            >>> import warmstart as ws
            >>> from warmstart.evaluation.continual import Continual
            >>> def on_all(last, seen):
            ...     return ws.recommender("popularity").fit(seen[-1])
            >>> [course] = Continual(periods=3).measure({"newest": on_all}, ws.load_dataset("movielens-small"))
            >>> course.quality.shape, bool(course.forward > 0)
            ((3, 3), True)
        """
        run = run or Run(seed=self.seed)
        periods = self._periods(data)
        ties = run.rng("ties").permutation(data.n_items).astype(np.int64)
        tracked = run.progress.track(strategies.items(), "strategies", len(strategies))
        return [_course(label, strategy, periods, ties) for label, strategy in tracked]

    def _periods(self, data: Dataset) -> "list[_Period]":
        if data.histories.times is None:
            raise BadInput(f"{data.name!r} has no times, so nobody came before anybody. Give data with times.")
        first = data.histories.times[data.histories.indptr[:-1]]
        parts = np.array_split(np.argsort(first, kind="stable"), self.periods)
        found = []
        for place, part in enumerate(parts):
            order = Run(seed=self.seed).rng("held out", place).permutation(part).astype(np.int64)
            held, rest = np.split(order, [round(self.held_out * len(order))])
            period = _Period(data.take_users(np.sort(rest)), self._tasks(data, held), self._tasks(data, part))
            if not any(map(len, period.held.values())):
                raise BadInput(f"Nobody held out of period {place + 1} has {self.pool + 5} likes. Take fewer periods.")
            found.append(period)
        return found

    def _tasks(self, data: Dataset, users: Ints) -> dict[int, Tasks]:
        return cold_user_tasks(data, np.sort(users), self.shots, "likes", self.pool, self.seed)


@dataclass(frozen=True)
class Course:
    """One strategy through all periods.

    Args:
        label: what it is called.
        quality: float64 [updates, periods], nDCG@10 on the users held out of each period after each update.
        ahead: float64 [updates - 1], on all users of the next period.
        seconds: CPU seconds of each update.
    """

    label: str
    quality: Doubles
    ahead: Doubles
    seconds: tuple[float, ...]

    @property
    def forward(self) -> float:
        """Mean nDCG@10 on the next period's users."""
        return float(self.ahead.mean())

    @property
    def backward(self) -> float:
        """Mean change, by the end, on the users held out of earlier periods; below 0 is forgetting."""
        last = len(self.quality) - 1
        return float(np.mean([self.quality[last, place] - self.quality[place, place] for place in range(last)]))

    @property
    def present(self) -> float:
        """Mean nDCG@10 on the users held out of the period just learned."""
        return float(np.diag(self.quality).mean())


@dataclass(frozen=True)
class _Period:
    """Who is learned from, who is held out, and all of them as those who are to come."""

    learned: Dataset
    held: dict[int, Tasks]
    all: dict[int, Tasks]


def _course(label: str, strategy: Strategy, periods: Sequence[_Period], ties: Ints) -> Course:
    last: Recommender | None = None
    rows, ahead, seconds = [], [], []
    for place, period in enumerate(periods):
        start = time.process_time()
        last = strategy(last, [one.learned for one in periods[: place + 1]])
        seconds.append(time.process_time() - start)
        rows.append([_quality(last, one.held, period.learned, ties) for one in periods])
        ahead += [_quality(last, one.all, period.learned, ties) for one in periods[place + 1 : place + 2]]
    return Course(label, np.array(rows), np.array(ahead), tuple(seconds))


def _quality(model: Recommender, tasks: Mapping[int, Tasks], learned: Dataset, ties: Ints) -> float:
    measurer, popularity = Measurer(model, (HEADLINE,)), Popularity.of(learned)
    found = []
    for k in revealing(tasks):
        measured = measurer(Panel(k, tasks[k], popularity, ties=ties), (HEADLINE,))[HEADLINE]
        found.append(float(np.mean(measured.values)))
    return float(np.mean(found))
