"""Evolution: CMA-ES for real numbers, with margins and a categorical distribution where there are other kinds."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Annotated, Any

import numpy as np
import numpy.typing as npt
from pydantic import Field

from warmstart.core.config import Config
from warmstart.meta.optimisers.optimiser import Optimiser, Search, Steps, Stepwise
from warmstart.meta.optimisers.problem import Ask, Problem
from warmstart.meta.optimisers.space import Choice, Continuous, Doubles, Settings, Space, Whole
from warmstart.meta.optimisers.trial import Trial

LEANING = 2.0
"""How many times likelier than another the option is at first with which a study starts."""


class CMAESConfig(Config):
    """Settings of ``cmaes``."""

    population: Annotated[int | None, Field(ge=2)] = None
    """Settings in a generation; None takes 4 + 3 ln(dimensions)."""

    tasks: Annotated[int | None, Field(ge=1)] = None
    """Tasks drawn anew for each generation; None judges on all."""

    check: Annotated[int, Field(ge=1)] = 3
    """Generations on drawn tasks after which the mean is judged on all."""


class CMAES(Optimiser):
    """Covariance matrix adaptation (Hansen and Ostermeier, 2001; with margin: Hamano et al., 2022 and 2025)."""

    name = "cmaes"
    config_class = CMAESConfig
    config: CMAESConfig

    def begin(self, problem: Problem, known: Sequence[Trial], rng: np.random.Generator) -> Search:
        """See ``Optimiser``."""
        return Stepwise(self._steps(problem, known, rng))

    def _steps(self, problem: Problem, known: Sequence[Trial], rng: np.random.Generator) -> Steps:
        n_tasks, start = len(problem.weights), known[0].settings
        engine = _engine(problem.space, start, self.config.population, rng.integers(1 << 31).item())
        drawn = self.config.tasks is not None and self.config.tasks < n_tasks
        generation = 0
        while engine is not None:
            tasks = np.sort(rng.permutation(n_tasks)[: self.config.tasks]) if drawn else None
            points: list[Point] = []
            found: list[float] = []
            for _ in range(engine.population):
                points.append(engine.ask())
                trial = yield Ask(engine.settings_of(points[-1]), tasks)
                found.append(trial.quality)
            engine.tell(points, found)
            generation += 1
            if drawn and generation % self.config.check == 0:
                yield Ask(engine.settings_of(centre_of(points, found)))


@dataclass(frozen=True, slots=True)
class Point:
    """What an algorithm of the package cmaes draws: the numbers, which options, and its own form of both."""

    numbers: Doubles
    picked: npt.NDArray[np.bool_] | None
    raw: Any


def centre_of(points: Sequence[Point], qualities: Sequence[float]) -> Point:
    """Return the mean of the better half of a generation, and the options that most of it took."""
    best = np.argsort(-np.array(qualities), kind="stable")[: max(1, len(points) // 2)]
    chosen = [points[place] for place in best.tolist()]
    votes = [point.picked for point in chosen if point.picked is not None]
    numbers: Doubles = np.mean([point.numbers for point in chosen], axis=0)
    return Point(numbers, np.sum(votes, axis=0) if votes else None, None)


def population_size(dimensions: int) -> int:
    """Return the settings of a generation where nothing else is told (Hansen and Ostermeier, 2001).

    Example:
        >>> from warmstart.meta.optimisers.cmaes import population_size
        >>> population_size(7)
        9
    """
    return 4 + math.floor(3 * math.log(dimensions))


@dataclass(frozen=True)
class _Engine:
    """One of the two algorithms of the package cmaes, and how its points become settings."""

    population: int
    ask: Callable[[], Point]
    tell: Callable[[list[Point], list[float]], None]
    settings_of: Callable[[Point], Settings]


def _engine(space: Space, start: Settings, population: int | None, seed: int) -> _Engine | None:
    """Return the algorithm that suits the space; None where nothing can be chosen."""
    real = len(space.continuous) == len(space.dimensions) > 1  # the plain one wants two numbers at least
    movable = space.continuous or space.wholes or any(len(one.options) > 1 for one in space.choices.values())
    if not movable:
        return None
    return _real(space, start, population, seed) if real else _mixed(space, start, population, seed)


def _real(space: Space, start: Settings, population: int | None, seed: int) -> _Engine:
    from cmaes import CMA  # brings half a second of other imports, which answering does not need

    dimensions = list(space.continuous.values())
    spreads = np.array([one.step for one in dimensions])
    limits = np.array([one.limits for one in dimensions])
    sigma = float(spreads[0])
    optimiser = CMA(
        mean=_inside(space.vector(start), limits),
        sigma=sigma,
        seed=seed,
        population_size=population,
        bounds=limits if np.isfinite(limits).any() else None,
        cov=None if (spreads == sigma).all() else np.diag((spreads / sigma) ** 2),
    )

    def ask() -> Point:
        numbers = optimiser.ask()
        return Point(numbers, None, numbers)

    def tell(points: list[Point], found: list[float]) -> None:
        worst = min((quality for quality in found if math.isfinite(quality)), default=0.0) - 1.0
        heights = [quality if math.isfinite(quality) else worst for quality in found]
        optimiser.tell([(point.raw, -height) for point, height in zip(points, heights, strict=True)])

    return _Engine(optimiser.population_size, ask, tell, lambda point: space.at(point.numbers, start))


def _mixed(space: Space, start: Settings, population: int | None, seed: int) -> _Engine:
    from cmaes import CatCMAwM  # brings half a second of other imports, which answering does not need

    numbers: dict[str, Continuous | Whole] = {**space.continuous, **space.wholes}
    choices = {name: one for name, one in space.choices.items() if len(one.options) > 1}
    ladders = [[one.free(value) for value in range(one.low, one.high + 1)] for one in space.wholes.values()]
    limits = np.array([one.limits for one in space.continuous.values()]).reshape(-1, 2)
    bounds = np.vstack([limits, *([[ladder[0], ladder[-1]]] for ladder in ladders)])
    mean = np.array([one.free(start[name]) for name, one in numbers.items()])
    gaussian = {"mean": _inside(mean, bounds), "sigma": 1.0, "cov": np.diag([one.step**2 for one in numbers.values()])}
    optimiser = CatCMAwM(
        x_space=limits if len(limits) else None,
        z_space=ladders or None,
        c_space=[len(one.options) for one in choices.values()] or None,
        population_size=population,
        cat_param=_leaning(choices, start) if choices else None,
        seed=seed,
        **(gaussian if numbers else {}),
    )

    def ask() -> Point:
        raw = optimiser.ask()
        parts = [part for part in (raw.x, raw.z) if part is not None]
        return Point(np.concatenate(parts) if parts else np.zeros(0), raw.c, raw)

    def tell(points: list[Point], found: list[float]) -> None:
        # ranks: settings of one kind are often equally good, and its penalties cannot take that
        ranks = np.argsort(np.argsort(-np.array(found), kind="stable"))
        optimiser.tell([(point.raw, float(rank)) for point, rank in zip(points, ranks, strict=True)])

    def settings_of(point: Point) -> Settings:
        moved: Settings = {
            name: one.bound(float(x)) for (name, one), x in zip(numbers.items(), point.numbers, strict=True)
        }
        if point.picked is not None:
            places = np.argmax(point.picked, axis=1).tolist()
            moved |= {name: one.options[place] for (name, one), place in zip(choices.items(), places, strict=True)}
        return {name: moved.get(name, start[name]) for name in space.dimensions}

    return _Engine(optimiser.population_size, ask, tell, settings_of)


def _leaning(choices: dict[str, Choice], start: Settings) -> Doubles:
    """Return the first probabilities of the options, float64 [choices, most options]; 0 beyond a choice's own."""
    found = np.zeros((len(choices), max(len(one.options) for one in choices.values())))
    for row, (name, one) in enumerate(choices.items()):
        found[row, : len(one.options)] = 1.0
        place = one.place(start[name])
        if place is not None:
            found[row, place] = LEANING
    found /= found.sum(axis=1, keepdims=True)
    return found


def _inside(mean: Doubles, limits: Doubles) -> Doubles:
    """Return the mean a little within its bounds, where a search can begin."""
    widths = np.where(np.isfinite(limits).all(axis=1), limits[:, 1] - limits[:, 0], 0.0)
    return np.clip(mean, limits[:, 0] + 1e-3 * widths, limits[:, 1] - 1e-3 * widths)
