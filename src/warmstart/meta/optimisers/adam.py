"""Gradient: Adam on a smooth loss of the same tasks, checked by the quality itself."""

from collections.abc import Sequence
from typing import Annotated

import numpy as np
from pydantic import Field

from warmstart.core.config import Config
from warmstart.core.errors import BadConfig
from warmstart.meta.optimisers.optimiser import Optimiser, Search, Steps, Stepwise
from warmstart.meta.optimisers.problem import Ask, Differentiable, Problem
from warmstart.meta.optimisers.trial import Trial


class AdamConfig(Config):
    """Settings of ``adam``."""

    rate: Annotated[float, Field(gt=0)] = 0.05
    """Size of a step on the free scale."""

    tasks: Annotated[int | None, Field(ge=1)] = 64
    """Tasks drawn anew for each step; None takes all."""

    check: Annotated[int, Field(ge=1)] = 20
    """Steps after which the setting is judged by its quality on all tasks."""

    momentum: Annotated[float, Field(ge=0, lt=1)] = 0.9
    """How much of the mean of the gradients is kept at each step."""

    memory: Annotated[float, Field(ge=0, lt=1)] = 0.99
    """How much of the mean of their squares is kept."""


class Adam(Optimiser):
    """Adam (Kingma and Ba, 2015) on the problem's smooth loss; the best of what was checked is kept."""

    name = "adam"
    config_class = AdamConfig
    config: AdamConfig

    def begin(self, problem: Problem, known: Sequence[Trial], rng: np.random.Generator) -> Search:
        """See ``Optimiser``; raises ``BadConfig`` where there is no slope."""
        if not isinstance(problem, Differentiable) or not problem.space.continuous:
            raise BadConfig(
                "adam follows a gradient, and this problem has none: its settings are judged by a ranking measure or "
                "are no real numbers. Use random, cmaes, tpe, gp or reinforce."
            )
        return Stepwise(self._steps(problem, known, rng))

    def _steps(self, problem: Problem, known: Sequence[Trial], rng: np.random.Generator) -> Steps:
        space, n_tasks, config, start = problem.space, len(problem.weights), self.config, known[0].settings
        vector = space.vector(start)
        mean, square = np.zeros_like(vector), np.zeros_like(vector)
        size = min(config.tasks or n_tasks, n_tasks)
        step = 0
        while True:
            tasks = np.sort(rng.permutation(n_tasks)[:size])
            trial = yield Ask(space.at(vector, start), tasks, slope=True)
            step += 1
            slope = np.array(trial.slope)
            if np.isfinite(slope).all():
                mean = config.momentum * mean + (1 - config.momentum) * slope
                square = config.memory * square + (1 - config.memory) * slope**2
            forward = mean / (1 - config.momentum**step)
            size_of = np.sqrt(square / (1 - config.memory**step)) + 1e-12
            # back through the scale, so that no edge is left behind
            vector = space.vector(space.at(vector - config.rate * forward / size_of, start))
            if step % config.check == 0:
                yield Ask(space.at(vector, start))
