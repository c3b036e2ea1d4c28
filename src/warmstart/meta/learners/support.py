"""What a learner reads of people: graded evidence, and the values behind it."""

from dataclasses import dataclass

import numpy as np

from warmstart.core.histories import Floats, Histories
from warmstart.meta.evidence import TRAINING_DISLIKE, support_of
from warmstart.meta.parameters import MetaParameters
from warmstart.meta.prior import Support

EVIDENCE = MetaParameters(dislike_weight=TRAINING_DISLIKE)
"""What events weigh: as in the training tasks."""


@dataclass(frozen=True, slots=True)
class ValuedSupport(Support):
    """Graded evidence of a batch of users, with what each event was given.

    Args:
        values: float32 [events], as they came; 1 where every event is a like.
    """

    values: Floats | None = None

    @classmethod
    def of(cls, histories: Histories, like_from: float | None, attributes: Floats | None = None) -> "ValuedSupport":
        """Read histories.

        Args:
            histories: what is known of n users.
            like_from: the value from which an event is a like; None where every event is one.
            attributes: float32 [n, columns] less the training users' mean; None for all.

        Example:
            >>> from warmstart.core.histories import Histories
            >>> from warmstart.meta.learners.support import ValuedSupport
            >>> one = ValuedSupport.of(Histories.of([[0, 1]], [[5.0, 1.0]]), like_from=4.0)
            >>> one.values.tolist(), bool(one.weights[0] > one.weights[1])
            ([5.0, 1.0], True)
        """
        found = support_of(histories, like_from, EVIDENCE, attributes)
        values = np.ones_like(found.weights) if like_from is None else np.asarray(histories.values, dtype=np.float32)
        return cls(found.indptr, found.items, found.weights, found.attributes, found.whole, values)
