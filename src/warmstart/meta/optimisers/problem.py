"""What a meta-optimiser is given: a space, tasks, and somebody who judges a setting on some of them."""

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np

from warmstart.core.histories import Ints
from warmstart.meta.optimisers.space import Doubles, Settings, Space


@runtime_checkable
class Problem(Protocol):
    """Tasks on which settings are judged; to judge one setting on one task is one *task evaluation*."""

    @property
    def space(self) -> Space:
        """What may be chosen."""
        ...

    @property
    def weights(self) -> Doubles:
        """How much each task counts in the quality of a setting, float64 [tasks]."""
        ...

    def evaluate(self, settings: Settings, tasks: Ints) -> Doubles:
        """Return the quality on each of some tasks, float64 [len(tasks)]; higher is better, NaN where it failed."""
        ...


@runtime_checkable
class Differentiable(Problem, Protocol):
    """A problem that has a smooth loss whose slope is known."""

    def slope(self, vector: Doubles, tasks: Ints) -> tuple[float, Doubles]:
        """Return the mean loss on some tasks and its gradient.

        Args:
            vector: float64 [continuous], the real numbers of the space on their free scale; the rest is at its start.
            tasks: int64 [n].

        Returns:
            the loss, lower is better, and float64 [continuous].
        """
        ...


@dataclass(frozen=True, slots=True)
class Ask:
    """What an optimiser wants to know next.

    Args:
        settings: what is to be judged.
        tasks: int64 [n], on which tasks; None means all, and only then is it a candidate for the best.
        slope: ask for the loss and its gradient instead of the quality.
    """

    settings: Settings
    tasks: Ints | None = None
    slope: bool = False

    def cost(self, n_tasks: int) -> int:
        """Return the task evaluations that an answer takes."""
        return n_tasks if self.tasks is None else len(self.tasks)


def mean_quality(found: Doubles, weights: Doubles) -> float:
    """Return the weighted mean quality; -inf where one is no number."""
    same = bool((weights == weights[0]).all())
    mean = float(np.mean(found) if same else np.sum(found * weights) / np.sum(weights))
    return mean if np.isfinite(mean) else -np.inf
