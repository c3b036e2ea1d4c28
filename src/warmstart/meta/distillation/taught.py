"""A small learner that is trained on what a teacher says, instead of what people liked later."""

from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np

from warmstart.core.errors import BadInput
from warmstart.core.histories import Floats, Histories, Ints
from warmstart.core.run import Run
from warmstart.data.catalogue import Catalogue
from warmstart.data.dataset import Dataset
from warmstart.meta.context import UserContext
from warmstart.meta.distillation.teacher import Speak, scores_of
from warmstart.meta.learners.learner import VectorLearner
from warmstart.meta.learners.served import LearnerRecommender
from warmstart.meta.learners.shots import Shots
from warmstart.meta.learners.task_set import Batch, TaskSet
from warmstart.recommenders.base import Recommender
from warmstart.recommenders.table import recommender_class


@dataclass(frozen=True)
class TaughtTasks(TaskSet):
    """Training users as tasks whose query is what a teacher says after the same events.

    The teacher's scores are brought to the mean and the deviation of the shares of people who like an item, which is
    what learners foretell; some of the hidden likes may be mixed in.

    Args:
        speak: the teacher.
        catalogue: says what value a like has.
        likes_share: share of the hidden likes in the query.
    """

    speak: Speak | None = None
    catalogue: Catalogue | None = None
    likes_share: float = 0.0

    def draw(self, users: Ints, rng: np.random.Generator) -> Batch:
        """Reveal events as ``TaskSet`` does, and ask the teacher."""
        batch = TaskSet.draw(self, users, rng)
        if self.speak is None or self.catalogue is None:
            return batch
        shares = self.shares
        said: Floats = self.speak(histories_of(batch.shots, self.catalogue)) * shares.std() + shares.mean()
        part = np.float32(self.likes_share)
        query = np.where(batch.seen, np.float32(0), (1 - part) * said + part * batch.query)
        return replace(batch, query=query.astype(np.float32))


def histories_of(shots: Shots, catalogue: Catalogue) -> Histories:
    """Return supports as events: what weighs less than a like has the value of a dislike.

    Example:
        >>> import numpy as np
        >>> from warmstart.data.catalogue import Catalogue
        >>> from warmstart.meta.distillation.taught import histories_of
        >>> from warmstart.meta.learners.shots import Shots
        >>> shots = Shots(np.array([[3, 1]]), np.array([[1.0, 0.6]]), np.zeros((1, 0)))
        >>> films = Catalogue(list(range(4)), list("abcd"), like_from=4.0, like_value=4.5, dislike_value=2.0)
        >>> histories_of(shots, films).values.tolist()
        [4.5, 2.0]
    """
    there = shots.weights > 0
    indptr = np.concatenate([[0], np.cumsum(there.sum(axis=1))]).astype(np.int64)
    values = np.where(shots.weights[there] >= 1, catalogue.like_value, catalogue.dislike_value)
    return Histories(indptr, shots.items[there].astype(np.int32), values.astype(np.float32))


def distil_learner(
    name: str,
    teacher: Recommender,
    data: Dataset,
    *,
    validation: Dataset | None = None,
    run: Run | None = None,
    likes_share: float = 0.0,
    **settings: Any,
) -> LearnerRecommender:
    """Train a small learner on a teacher's answers; it is saved, loaded and served as any learner of its name.

    Args:
        name: a learner that makes vectors of people, such as ``prototypes``.
        teacher: a fitted recommender.
        data: training users.
        validation: further users who say when training ends.
        run: seed and progress.
        likes_share: share of the hidden likes in what is learned.
        **settings: of the learner, such as ``dimension``.
    """
    kind = recommender_class(name)
    if not issubclass(kind, LearnerRecommender) or not isinstance(kind(**settings).learner, VectorLearner):
        raise BadInput(f"{name!r} is no learner of vectors. Distil into 'student' or a learner such as 'prototypes'.")
    speak = scores_of(teacher)

    def tasks(_: LearnerRecommender, some: Dataset, users: Ints, known: UserContext | None) -> TaskSet:
        plain = TaskSet.of(some.take_users(users), known)
        parts = {one.name: getattr(plain, one.name) for one in fields(plain)}
        return TaughtTasks(**parts, speak=speak, catalogue=some.catalogue, likes_share=likes_share)

    taught = type(kind.__name__, (kind,), {"_tasks": tasks, "__module__": kind.__module__})
    found: LearnerRecommender = taught(**settings).fit(data, validation=validation, run=run)
    return found
