"""The learner of several tasks as a recommender: it ranks by likes or by what comes next, and foretells values."""

from typing import Any

import numpy as np

from warmstart.core.artefact import Arrays
from warmstart.core.errors import BadInput
from warmstart.core.histories import Floats, Histories
from warmstart.core.run import Run
from warmstart.data.dataset import Dataset
from warmstart.meta.context import UserContext
from warmstart.meta.learners.judges import Judges
from warmstart.meta.learners.lessons import Lessons
from warmstart.meta.learners.multitask import MultiTask, MultiTaskConfig, Task, Together
from warmstart.meta.learners.served import ForetellingRecommender, PlacingRecommender, Validate, served
from warmstart.meta.learners.task_set import Batch, TaskSet
from warmstart.representation.context import Context

SEED = 0
DRAWS = 3
"""Times that the people who judge are drawn for values and for what comes next."""


class TogetherRecommender(PlacingRecommender, ForetellingRecommender):
    """Serves ``multitask``: three heads can be asked."""

    config: MultiTaskConfig

    def predict_next(self, histories: Histories, users: Any | None = None) -> Floats:
        """Return how likely each item is to come next for each user, as logits, float32 [n, n_items].

        Raises:
            BadInput: the model was trained without times, or without the task.
        """
        return self._together(histories, self.encode(users, None)).following()  # type: ignore[no-any-return]

    def _fit(self, data: Dataset, validation: Dataset | None, run: Run) -> None:
        if self.config.rank_by == "next" and (data.histories.times is None or "next" not in self.config.tasks):
            raise BadInput("Ranking by what comes next needs times and the task next. Give both, or rank_by='likes'.")
        super()._fit(data, validation, run)

    def _score(self, histories: Histories, context: Context) -> Floats:
        if self.config.rank_by == "likes":
            return super()._score(histories, context)
        return self._together(histories, context).following()  # type: ignore[no-any-return]

    def _together(self, histories: Histories, context: Context) -> Together:
        found = self.adapt(self.support(histories, context))
        assert isinstance(found, Together)  # noqa: S101  narrows the type
        return found

    def _loss(self, judges: Judges, known: UserContext | None, popularity: Floats) -> Validate | None:
        """Return what tells when training ends: the mean over the tasks, each in shares of knowing nothing."""
        ranked = super()._loss(judges, known, popularity)
        if ranked is None:
            return None
        learner, asked = self.learner, _asked(judges, known)
        assert isinstance(learner, MultiTask)  # noqa: S101  narrows the type

        def loss(prior: Arrays) -> float:
            wanted = learner.learned(prior)
            found: dict[Task, list[float]] = {task: [] for task in wanted}
            for batch in asked:
                people = learner.together(prior, batch.shots)
                for task, one in learner.task_losses(people, batch).items():
                    found[task].append(float(one))
            if "like" in found:
                found["like"] = [1 + ranked(prior)]
            return float(np.mean([np.mean(one) for one in found.values() if one]))

        return loss


def _asked(judges: Judges, known: UserContext | None) -> list[Batch]:
    """Return lessons of the people who judge, the same at every look."""
    found, rng = [], np.random.default_rng(SEED)
    for data, by_shots in judges.panels:
        users = np.unique(np.concatenate([np.zeros(0, np.int64), *(tasks.users for tasks in by_shots.values())]))
        lessons = Lessons.over(TaskSet.of(data.take_users(users), known))
        if len(lessons.usable):
            found += [lessons.draw(lessons.usable, rng) for _ in range(DRAWS)]
    return found


MultiTaskRecommender = served(MultiTask, TogetherRecommender)
