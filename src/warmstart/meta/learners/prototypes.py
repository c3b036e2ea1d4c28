"""People as the mean of what they met (prototypical networks)."""

from typing import ClassVar

import numpy as np

from warmstart.core.artefact import Arrays
from warmstart.core.histories import Floats
from warmstart.core.run import Run
from warmstart.meta.learners.either import Array, library_of, weighted_mean
from warmstart.meta.learners.learner import SCALARS, VectorLearner
from warmstart.meta.learners.shots import Shots
from warmstart.meta.learners.task_set import TaskSet


class Prototypes(VectorLearner):
    """A person is the mean of her events' keys, longer the more events there are; scores are linear in it.

    Nearness to a prototype by squared distance is linear in the prototype but for the length of the item's own
    vector, which the items' bias stands for (Snell et al., section 2.4).

    Source: Snell, Swersky and Zemel (2017), Prototypical networks for few-shot learning.

    Example:
        >>> import numpy as np
        >>> from warmstart.meta.learners.prototypes import Prototypes
        >>> from warmstart.meta.learners.shots import Shots
        >>> prior = {"keys": np.array([[1.0, 0], [0, 1]]), "sharpness": np.zeros(2)}
        >>> two = Shots(np.array([[0, 1]]), np.array([[1.0, 1]]), np.zeros((1, 0)))
        >>> Prototypes().vectors(prior, two).tolist()
        [[0.5, 0.5]]
    """

    name: ClassVar[str] = "prototypes"

    def beginning(self, vectors: Floats, tasks: TaskSet, run: Run) -> Arrays:
        """Begin with the items' vectors as keys, and a length that grows with the events."""
        return {"keys": vectors, "sharpness": np.array([0, 0.05], np.float32)}

    def vectors(self, prior: dict[str, Array], shots: Shots) -> Array:
        """Average the keys."""
        xp = library_of(shots.weights)
        log_counts = xp.log(xp.where(shots.counts > 0, shots.counts, xp.ones_like(shots.counts)))
        sharpness = xp.exp(SCALARS * (prior["sharpness"][0] + prior["sharpness"][1] * log_counts))
        return sharpness[:, None] * weighted_mean(prior["keys"][shots.items], shots.weights)
