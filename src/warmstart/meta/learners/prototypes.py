"""People as the mean of what they met: the nearest items are recommended (prototypical networks)."""

from typing import ClassVar

import numpy as np

from warmstart.core.artefact import Arrays
from warmstart.core.histories import Floats
from warmstart.core.run import Run
from warmstart.meta.learners.either import Array, library_of, weighted_mean
from warmstart.meta.learners.learner import SCALARS, VectorLearner, Vectors
from warmstart.meta.learners.shots import Shots
from warmstart.meta.learners.task_set import TaskSet


class Prototypes(VectorLearner):
    """Scores are bias less squared distance to the mean of the events' keys, ``-s(k) |z_i - c|^2``.

    Source: Snell, Swersky and Zemel (2017), Prototypical networks for few-shot learning.

    Example:
        >>> import numpy as np
        >>> from warmstart.meta.learners.prototypes import Prototypes
        >>> from warmstart.meta.prior import Support
        >>> table = np.array([[1, 0], [0.9, 0.1], [-1, 0]], np.float32)
        >>> prior = {"items": table, "keys": table, "bias": np.zeros(3), "sharpness": np.zeros(2)}
        >>> one = Support(np.array([0, 1]), np.array([0]), np.ones(1, np.float32))
        >>> Prototypes().adapt(prior, one).scores().argsort()[0].tolist()
        [2, 1, 0]
    """

    name: ClassVar[str] = "prototypes"

    def beginning(self, vectors: Floats, tasks: TaskSet, run: Run) -> Arrays:
        """Begin with the items' own vectors as keys."""
        return {"keys": vectors, "sharpness": np.zeros(2, np.float32)}

    def adapted(self, prior: dict[str, Array], shots: Shots) -> Vectors:
        """Average the keys; the squared length of an item is one column more of its vector."""
        xp = library_of(shots.weights)
        known = shots.counts > 0
        log_counts = xp.log(xp.where(known, shots.counts, xp.ones_like(shots.counts)))
        sharpness = xp.exp(SCALARS * (prior["sharpness"][0] + prior["sharpness"][1] * log_counts)) * known
        prototypes = weighted_mean(prior["keys"][shots.items], shots.weights)
        vectors = xp.concatenate([2 * sharpness[:, None] * prototypes, -sharpness[:, None]], 1)
        return Vectors(prior["bias"], vectors, prior["table"] if "table" in prior else _with_lengths(prior["items"]))

    def ready(self, prior: Arrays) -> Arrays:
        """Return the prior with the lengths of the items' vectors beside them."""
        return {**prior, "table": _with_lengths(prior["items"])}


def _with_lengths(items: Array) -> Array:
    lengths = (items**2).sum(-1)
    return library_of(items).concatenate([items, (lengths - lengths.mean())[:, None]], 1)
