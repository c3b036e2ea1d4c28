"""A ridge head in closed form, its kernel learned through it (R2D2)."""

from typing import ClassVar

import numpy as np

from warmstart.core.artefact import Arrays
from warmstart.core.histories import Floats
from warmstart.core.run import Run
from warmstart.meta.learners.either import Array, library_of
from warmstart.meta.learners.learner import SCALARS, VectorLearner
from warmstart.meta.learners.shots import Shots
from warmstart.meta.learners.task_set import TaskSet


class R2D2(VectorLearner):
    """Adapts by ridge regression on the events' keys, ``v = K'(K K' + l(k) I)^-1 w``; keys, ridge and gain are learned.

    The solve is of the size of the support, so adapting takes microseconds and is exact.

    Source: Bertinetto et al. (2019), Meta-learning with differentiable closed-form solvers.

    Example:
        >>> import numpy as np
        >>> import warmstart as ws
        >>> from warmstart.meta.learners.learner import LearnerConfig
        >>> from warmstart.meta.learners.ridge import R2D2
        >>> from warmstart.meta.learners.task_set import TaskSet
        >>> from warmstart.meta.prior import Support
        >>> learner = R2D2(LearnerConfig(epochs=0, dimension=16))
        >>> prior = learner.fit(TaskSet.of(ws.load_dataset("movielens-small")))
        >>> event = Support(np.array([0, 1]), np.array([224]), np.ones(1, np.float32))
        >>> learner.adapt(prior, event).scores().shape
        (1, 9742)
    """

    name: ClassVar[str] = "r2d2"

    def beginning(self, vectors: Floats, tasks: TaskSet, run: Run) -> Arrays:
        """Begin with the items' own vectors as keys."""
        return {
            "keys": vectors,
            "items": 2 * vectors,
            "ridge": np.zeros(2, np.float32),
            "gain": np.zeros(2, np.float32),
        }

    def vectors(self, prior: dict[str, Array], shots: Shots) -> Array:
        """Solve one small system a person."""
        xp = library_of(shots.weights)
        keys = prior["keys"][shots.items] * shots.weights[..., None]  # [n, k, d]
        log_counts = xp.log(xp.where(shots.counts > 0, shots.counts, xp.ones_like(shots.counts)))
        ridge, gain = (xp.exp(SCALARS * (prior[name][0] + prior[name][1] * log_counts)) for name in ("ridge", "gain"))
        same = keys @ xp.swapaxes(keys, -1, -2) + ridge[:, None, None] * xp.eye(keys.shape[1], dtype=keys.dtype)
        solved = xp.linalg.solve(same, shots.weights[..., None])
        return (solved * keys).sum(-2) * gain[:, None]
