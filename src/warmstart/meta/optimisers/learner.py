"""A learner's own settings as a problem: architecture, rates and steps, judged by people it was not fitted on."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from warmstart.core.errors import BadConfig, BadInput
from warmstart.core.histories import Ints
from warmstart.core.run import Run
from warmstart.core.tasks import Tasks
from warmstart.data.dataset import Dataset
from warmstart.meta.exam import ndcg_of_each
from warmstart.meta.optimisers.space import Doubles, Settings, Space, as_json, space_of
from warmstart.recommenders.base import Recommender


@dataclass(frozen=True)
class LearnerProblem:
    """The tunable settings of any recommender; a task is one person after k events, its quality nDCG@10.

    Every setting is fitted once, which is what costs; people it has been asked about are not scored again.

    Args:
        template: whose settings are where to start; it is never fitted itself.
        train: what every setting is fitted on.
        tasks: of other people, by the number of events; see ``cold_user_tasks``. Every k counts alike.
        validation: users handed to ``fit(validation=...)``.
        run: seed of the fits.

    Example:
        >>> import numpy as np
        >>> import warmstart as ws
        >>> from warmstart.data.episodes import cold_user_tasks
        >>> from warmstart.meta.optimisers.learner import LearnerProblem
        >>> from warmstart.meta.optimisers.study import optimise
        >>> data = ws.load_dataset("movielens-small")
        >>> tasks = cold_user_tasks(data, np.arange(550, 610), (1, 5))
        >>> problem = LearnerProblem(ws.recommender("popularity"), data.take_users(range(550)), tasks)
        >>> study = optimise(problem, "reinforce", budget=4 * len(problem.weights))
        >>> len(study.trials), sorted(study.best.settings)
        (4, ['latest_share', 'train_on'])
    """

    template: Recommender
    train: Dataset
    tasks: Mapping[int, Tasks]
    validation: Dataset | None = None
    run: Run = field(default_factory=Run)
    _known: dict[str, Doubles] = field(default_factory=dict, repr=False)

    def __post_init__(self) -> None:
        if not any(len(tasks) for tasks in self.tasks.values()):
            raise BadInput("There are no tasks to judge settings on. Take more people, or a smaller pool.")

    @property
    def space(self) -> Space:
        """The settings that carry a ``Tunable``, starting at the template's own."""
        found = space_of(type(self.template.config), self.template.config.model_dump(mode="json"))
        return Space(found.dimensions, lambda settings: self._built(settings) is not None)

    @property
    def weights(self) -> Doubles:
        """What each task counts: one in all for every k."""
        return np.concatenate([np.full(len(tasks), 1 / len(tasks)) for tasks in self.tasks.values() if len(tasks)])

    def evaluate(self, settings: Settings, tasks: Ints) -> Doubles:
        """Return nDCG@10 of each of some tasks, float64 [len(tasks)]."""
        known = self._known.setdefault(as_json(settings), np.full(len(self.weights), np.nan))
        missing = tasks[np.isnan(known[tasks])]
        if len(missing):
            known[missing] = self._judged(settings, missing)
        return known[tasks]

    def _judged(self, settings: Settings, tasks: Ints) -> Doubles:
        model = self._built(settings)
        if model is None:
            return np.full(len(tasks), -np.inf)
        model.fit(self.train, validation=self.validation, run=self.run)
        found, begin = np.empty(len(tasks)), 0
        for some in self.tasks.values():
            rows = np.flatnonzero((tasks >= begin) & (tasks < begin + len(some)))
            asked = _some(some, tasks[rows] - begin)
            if len(rows):
                found[rows] = ndcg_of_each(model.score(asked.support), asked)
            begin += len(some)
        return found

    def _built(self, settings: Settings) -> Recommender | None:
        """Return an unfitted recommender; None where two settings exclude each other."""
        try:
            return type(self.template)(**(self.template.config.model_dump() | settings))
        except BadConfig:
            return None


def _some(tasks: Tasks, rows: Ints) -> Tasks:
    return Tasks(tasks.support[rows], tasks.query[rows], tasks.hidden[rows], tasks.users[rows])
