"""How far a learner is trusted: a gate between its answer and popularity, learned on people it was not trained on.

    scores = popularity + g(k) (learner - popularity),    both as shares of people who like an item

``g`` is known at a few numbers of events and interpolated in log(1 + k). A learner that knows nothing after one event
gets 0 there and says what everybody likes; so no learner is worse than popularity but by chance.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from warmstart.core.histories import Floats
from warmstart.core.tasks import Tasks
from warmstart.meta.exam import ndcg_of_each

Doubles = npt.NDArray[np.float64]
Exam = tuple[int, Floats, Tasks]

ANCHORS = (0, 1, 3, 8, 20)
"""Numbers of events at which the gate is learned."""
OPENINGS = (0.0, 0.25, 0.5, 0.75, 1.0, 1.3, 1.7, 2.2)
"""What is tried at each; beyond 1 the learner is taken to be too careful."""
STANDARD_ERRORS = 1.0
"""By how many of them the learner must beat popularity before it is heard."""


@dataclass(frozen=True, slots=True)
class Gate:
    """Openings at the ``ANCHORS``, each 0 (popularity alone) to 1 (the learner alone) or a little beyond.

    Example:
        >>> import numpy as np
        >>> from warmstart.meta.learners.gate import Gate
        >>> Gate((0.0, 1.0, 1.0, 1.0, 0.5)).at(np.array([0, 1, 40])).tolist()
        [0.0, 1.0, 0.5]
    """

    openings: tuple[float, ...] = (1.0,) * len(ANCHORS)

    def at(self, counts: npt.NDArray[np.floating]) -> Floats:
        """Return the opening after so many events, float32 of their shape."""
        return np.asarray(np.interp(np.log1p(counts), np.log1p(ANCHORS), self.openings), dtype=np.float32)

    @classmethod
    def learned(cls, exams: Iterable[Exam], popularity: Floats) -> "tuple[Gate, float]":
        """Choose the opening at each anchor that ranks best, closed where that may be chance.

        Args:
            exams: numbers of events, a learner's scores after them, float32 [n, items], and the tasks that judge them.
            popularity: float32 [items], share of people who like each.

        Returns:
            the gate, and the mean nDCG@10 over the numbers of events from one on at the best openings, sure or not, for
            a learner that is not heard yet must still be seen to get better; 0 without tasks.
        """
        tried: dict[int, list[Doubles]] = {}
        for k, scores, tasks in exams:
            tried.setdefault(k, []).append(_tried(scores, tasks, popularity))
        if not tried:
            return cls(), 0.0
        known = {k: _chosen(np.concatenate(parts, axis=1)) for k, parts in sorted(tried.items())}
        found = np.interp(np.log1p(ANCHORS), np.log1p(list(known)), [opening for opening, _ in known.values()])
        quality = [ndcg for k, (_, ndcg) in known.items() if k] or [0.0]
        return cls(tuple(float(one) for one in found)), float(np.mean(quality))


def _tried(scores: Floats, tasks: Tasks, popularity: Floats) -> Doubles:
    """Return the nDCG of each task at each opening, float64 [openings, n]."""
    tilt = scores - popularity
    return np.stack([ndcg_of_each(popularity + np.float32(one) * tilt, tasks) for one in OPENINGS])


def _chosen(ndcg: Doubles) -> tuple[float, float]:
    best = 1 + int(np.argmax(ndcg[1:].mean(axis=1)))
    gained: Doubles = ndcg[best] - ndcg[0]
    sure = gained.mean() > STANDARD_ERRORS * gained.std() / np.sqrt(len(gained))
    return OPENINGS[best] if sure else 0.0, float(ndcg[best].mean())
