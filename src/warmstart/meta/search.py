"""The meta-optimiser: CMA-ES on the ranking measure itself."""

from collections.abc import Sequence

import numpy as np
from cmaes import CMA

from warmstart.core.run import Run
from warmstart.meta.exam import Exam
from warmstart.meta.parameters import MetaParameters, of_vector, to_vector

SPREAD = 0.4
"""First standard deviation of the search, on the scale of logarithms and logits."""


def search(
    exams: Sequence[Exam], names: tuple[str, ...], start: MetaParameters, evaluations: int, run: Run
) -> tuple[MetaParameters, float]:
    """Find the parameters that rank best on the exams (CMA-ES; Hansen and Ostermeier, 2001).

    Args:
        exams: tasks to be judged by; every exam counts alike.
        names: which parameters are sought; the others stay as in ``start``.
        start: where to begin; it comes back if nothing beats it.
        evaluations: how many settings are tried, about.
        run: seed and progress display.

    Returns:
        the parameters and their mean nDCG@10; 0 without exams.
    """
    if not exams:
        return start, 0.0

    def quality(parameters: MetaParameters) -> float:
        return float(np.mean([exam.ndcg(parameters) for exam in exams]))

    best, best_quality = start, quality(start)
    optimiser = CMA(mean=to_vector(start, names), sigma=SPREAD, seed=run.seed)
    rounds = evaluations // optimiser.population_size
    for _ in run.progress.track(range(rounds), "meta-optimiser", rounds):
        tried = [optimiser.ask() for _ in range(optimiser.population_size)]
        found = [of_vector(vector, names, start) for vector in tried]
        qualities = [quality(parameters) for parameters in found]
        optimiser.tell([(vector, -value) for vector, value in zip(tried, qualities, strict=True)])
        leader = int(np.argmax(qualities))
        if qualities[leader] > best_quality:
            best, best_quality = found[leader], qualities[leader]
    return best, best_quality
