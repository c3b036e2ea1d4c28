"""Random search: the floor that every other optimiser has to rise above (Bergstra and Bengio, 2012)."""

from collections.abc import Sequence

import numpy as np

from warmstart.meta.optimisers.optimiser import Optimiser, Search, Steps, Stepwise
from warmstart.meta.optimisers.problem import Ask, Problem
from warmstart.meta.optimisers.space import as_json
from warmstart.meta.optimisers.trial import Trial

ATTEMPTS = 1_000
"""Draws in a row that bring nothing new, after which there is nothing left to try."""


class RandomSearch(Optimiser):
    """Draws settings evenly from the box, no two alike (Bergstra and Bengio, 2012)."""

    name = "random"

    def begin(self, problem: Problem, known: Sequence[Trial], rng: np.random.Generator) -> Search:
        """See ``Optimiser``."""
        return Stepwise(_steps(problem, known, rng))


def _steps(problem: Problem, known: Sequence[Trial], rng: np.random.Generator) -> Steps:
    tried, vain = {as_json(trial.settings) for trial in known}, 0
    while problem.space.dimensions and vain < ATTEMPTS:
        drawn = problem.space.draw(rng)
        if as_json(drawn) in tried or not problem.space.allows(drawn):
            vain += 1
            continue
        vain = 0
        tried.add(as_json(drawn))
        yield Ask(drawn)
