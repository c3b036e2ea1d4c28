"""What a teacher says: scores of all items, brought to one scale; or people as vectors, where it makes some."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from warmstart.core.errors import BadInput
from warmstart.core.histories import Floats, Histories
from warmstart.meta.evidence import TRAINING_DISLIKE, support_of
from warmstart.meta.learners.learner import Vectors
from warmstart.meta.learners.served import LearnerRecommender
from warmstart.meta.parameters import MetaParameters
from warmstart.meta.prior import Support
from warmstart.recommenders.base import Recommender
from warmstart.recommenders.hybrid import standardised
from warmstart.representation.context import Context

Speak = Callable[[Histories], Floats]
"""Histories in, what is to be learned out: float32 [n, width]."""
EVIDENCE = MetaParameters(dislike_weight=TRAINING_DISLIKE)
"""What events weigh for a student: as in the training tasks of all learners."""
_NO_VECTORS = (
    "The teacher {!r} makes no vectors of people, so there are none to be matched. Take lessons='adapted', or a "
    "learner such as attentive as the teacher."
)
SAMPLE = 1000
"""People whose vectors say which directions matter."""


def graded(histories: Histories, like_from: float | None) -> Support:
    """Return events as the student reads them: a like weighs 1, what is none less."""
    return support_of(histories, like_from, EVIDENCE)


def scores_of(teacher: Recommender) -> Speak:
    """Return what scores people as the teacher does, each to mean 0 and deviation 1, for only their order matters."""
    return lambda histories: standardised(teacher.scores_of_many(histories, Context()))


@dataclass(frozen=True, slots=True)
class Space:
    """A teacher's people in few numbers: ``scores = start + speak(histories) @ right``.

    Args:
        speak: float32 [n, d] of histories.
        start: float32 [items].
        right: float32 [d, items].
    """

    speak: Speak
    start: Floats
    right: Floats

    @classmethod
    def of(cls, teacher: Recommender, people: Histories, dimension: int) -> "Space":
        """Project the vectors that a learner makes of people onto what tells most of their scores.

        With ``V`` the vectors of a sample of people and ``O`` the items' readers, the best ``V P R`` for ``V O'`` of
        rank ``d`` is a singular value decomposition (Eckart and Young, 1936).

        Raises:
            BadInput: the teacher makes no vectors.
        """
        if not isinstance(teacher, LearnerRecommender):
            raise BadInput(_NO_VECTORS.format(teacher.name))
        popularity = teacher.prior["popularity"]
        first = _vectors(teacher, people[:1])
        readers = np.column_stack([first.items, first.bias - popularity]).T.astype(np.float64)  # [D + 1, items]

        def wide(histories: Histories) -> Floats:
            counts = histories.lengths.astype(np.float64)
            opening = (teacher.gate.at(counts) * (counts > 0))[:, None]
            vectors = _vectors(teacher, histories).vectors
            return np.asarray(np.hstack([vectors, np.ones_like(opening)]) * opening, dtype=np.float32)

        sample = wide(people[:SAMPLE]).astype(np.float64)
        _, sizes, axes = np.linalg.svd(sample / np.sqrt(max(len(sample), 1)), full_matrices=False)
        kept = sizes > 1e-6 * max(sizes.max(initial=0), 1e-12)
        left, strengths, right = np.linalg.svd((sizes[kept, None] * axes[kept]) @ readers, full_matrices=False)
        d = min(dimension, len(strengths))
        projection = (axes[kept].T / sizes[kept]) @ (left[:, :d] * strengths[:d])
        narrow = projection.astype(np.float32)
        return cls(lambda some: wide(some) @ narrow, popularity, np.ascontiguousarray(right[:d], dtype=np.float32))


def _vectors(teacher: LearnerRecommender, histories: Histories) -> Vectors:
    found = teacher.adapt(teacher.support(histories, Context()))
    if not isinstance(found, Vectors):
        raise BadInput(_NO_VECTORS.format(teacher.name))
    return found
