"""The meta-optimiser: CMA-ES on the ranking measure itself."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from warmstart.core.histories import Ints
from warmstart.core.run import Run
from warmstart.meta.exam import Exam
from warmstart.meta.optimisers.cmaes import population_size
from warmstart.meta.optimisers.space import Continuous, Doubles, Settings, Space
from warmstart.meta.optimisers.study import optimise
from warmstart.meta.parameters import MetaParameters, of_vector, to_vector

SPREAD = 0.4
"""First standard deviation of the search, on the scale of logarithms and logits."""


@dataclass(frozen=True, slots=True)
class _Heights:
    """One task: a number to be made high, by real numbers without names."""

    quality: Callable[[Doubles], float]
    space: Space
    weights: Doubles

    def evaluate(self, settings: Settings, tasks: Ints) -> Doubles:
        return np.array([self.quality(np.array(list(settings.values())))])


def climb(
    quality: Callable[[Doubles], float], start: Doubles, evaluations: int, run: Run, what: str
) -> tuple[Doubles, float]:
    """Find the vector of highest quality by whole generations of CMA-ES; ``start`` if nothing beats it.

    Args:
        quality: what is to be made high.
        start: float64 [parameters], on a scale where any real number is allowed and a step of 0.4 means something.
        evaluations: how many vectors are tried, about.
        run: seed and progress display.
        what: what the progress display calls it.

    Example:
        >>> import numpy as np
        >>> from warmstart.core.run import Run
        >>> from warmstart.meta.search import climb
        >>> best, _ = climb(lambda x: -float(((x - 1) ** 2).sum()), np.zeros(3), 300, Run(), "example")
        >>> best.round(1).tolist()
        [1.0, 1.0, 1.0]
    """
    size = population_size(len(start))
    space = Space({f"x{place}": Continuous(float(x), SPREAD) for place, x in enumerate(start)})
    problem = _Heights(quality, space, np.ones(1))
    best = optimise(problem, "cmaes", 1 + evaluations // size * size, run, purpose=(what,)).best
    return space.vector(best.settings), best.quality


def search(
    exams: Sequence[Exam], names: tuple[str, ...], start: MetaParameters, evaluations: int, run: Run
) -> tuple[MetaParameters, float]:
    """Find the parameters that rank best on the exams, every exam counting alike.

    Args:
        exams: tasks to be judged by.
        names: which parameters are sought; the others stay as in ``start``.
        start: where to begin.
        evaluations: how many settings are tried, about.
        run: seed and progress display.

    Returns:
        the parameters and their mean nDCG@10; 0 without exams.
    """
    if not exams:
        return start, 0.0

    def quality(vector: Doubles) -> float:
        parameters = of_vector(vector, names, start)
        return float(np.mean([exam.ndcg(parameters) for exam in exams]))

    best, highest = climb(quality, to_vector(start, names), evaluations, run, "meta-optimiser")
    return of_vector(best, names, start), highest
