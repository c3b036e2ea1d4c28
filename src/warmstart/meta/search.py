"""The meta-optimiser: CMA-ES on the ranking measure itself."""

from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt

from warmstart.core.run import Run
from warmstart.meta.exam import Exam
from warmstart.meta.parameters import MetaParameters, of_vector, to_vector

Doubles = npt.NDArray[np.float64]

SPREAD = 0.4
"""First standard deviation of the search, on the scale of logarithms and logits."""


def climb(
    quality: Callable[[Doubles], float], start: Doubles, evaluations: int, run: Run, what: str
) -> tuple[Doubles, float]:
    """Find the vector of highest quality (CMA-ES; Hansen and Ostermeier, 2001); ``start`` if nothing beats it.

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
    best, highest = start, quality(start)
    from cmaes import CMA  # brings half a second of other imports, which answering does not need

    optimiser = CMA(mean=start, sigma=SPREAD, seed=run.rng(what).integers(1 << 31).item())
    rounds = evaluations // optimiser.population_size
    for _ in run.progress.track(range(rounds), what, rounds):
        tried = [optimiser.ask() for _ in range(optimiser.population_size)]
        found = [quality(vector) for vector in tried]
        optimiser.tell([(vector, -value) for vector, value in zip(tried, found, strict=True)])
        leader = int(np.argmax(found))
        if found[leader] > highest:
            best, highest = tried[leader], found[leader]
    return best, highest


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
