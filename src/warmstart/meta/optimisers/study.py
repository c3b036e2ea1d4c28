"""A study: settings tried one after the other within a budget of task evaluations."""

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from warmstart.core.errors import BadConfig
from warmstart.core.run import Run
from warmstart.meta.optimisers.journal import Journal
from warmstart.meta.optimisers.optimiser import Optimiser, Search, optimiser_of
from warmstart.meta.optimisers.problem import Ask, Differentiable, Problem, mean_quality
from warmstart.meta.optimisers.space import Settings
from warmstart.meta.optimisers.trial import Trial


@dataclass(frozen=True, slots=True)
class Study:
    """All trials, in order; the first is the start.

    Args:
        optimiser: its name.
        trials: what was tried.
        budget: task evaluations that were allowed.
    """

    optimiser: str
    trials: tuple[Trial, ...]
    budget: int

    @property
    def best(self) -> Trial:
        """The best of the trials on all tasks; of equals the first."""
        return max((trial for trial in self.trials if trial.whole), key=lambda trial: trial.quality)

    @property
    def spent(self) -> int:
        """Task evaluations made."""
        return self.trials[-1].spent

    @property
    def curve(self) -> tuple[tuple[int, float], ...]:
        """The best quality on all tasks after so many task evaluations, a point for each trial that raised it."""
        points: list[tuple[int, float]] = []
        for trial in self.trials:
            if trial.whole and (not points or trial.quality > points[-1][1]):
                points.append((trial.spent, trial.quality))
        return tuple(points)

    def best_after(self, evaluations: int) -> float:
        """Return the best quality known after so many task evaluations; NaN before the first."""
        return max((quality for spent, quality in self.curve if spent <= evaluations), default=float("nan"))


def optimise(
    problem: Problem,
    optimiser: str | Optimiser,
    budget: int,
    run: Run | None = None,
    *,
    starts: Sequence[Mapping[str, Any]] = (),
    file: str | Path | None = None,
    purpose: Sequence[str] = ("study",),
) -> Study:
    """Seek the settings of highest quality; the space's start is tried first, so the best is never worse.

    Args:
        problem: space, tasks and judge.
        optimiser: a name of ``OPTIMISERS``, or an instance.
        budget: task evaluations allowed, at least as many as there are tasks; one setting on one task is one.
        run: seed and progress display.
        starts: settings to try before the optimiser is asked, each on all tasks.
        file: JSON lines of finished trials; a study that was broken off goes on and ends as if it had not been.
        purpose: names the random stream, and what the progress display calls it.

    Raises:
        BadConfig: the budget is too small for one setting, or the optimiser cannot work on this problem.
        BadInput: ``file`` holds something else.

    Example:
        >>> import numpy as np
        >>> from warmstart.meta.optimisers.space import Continuous, Space
        >>> from warmstart.meta.optimisers.study import optimise
        >>> class Bowl:
        ...     space = Space({"x": Continuous(0.0, spread=1.0)})
        ...     weights = np.ones(4)
        ...     def evaluate(self, settings, tasks):
        ...         return np.full(len(tasks), -((settings["x"] - 2) ** 2))
        >>> study = optimise(Bowl(), "cmaes", budget=400)
        >>> round(study.best.settings["x"], 1), study.spent
        (2.0, 400)
    """
    chosen, run = optimiser_of(optimiser), run or Run()
    desk = _Desk(problem, budget)
    first = [problem.space.start, *(problem.space.start | dict(one) for one in starts)]
    journal = Journal.open(file, chosen, problem, run.seed, purpose, first)
    trials = _trials(desk, chosen, first, journal, run.rng(*purpose))
    settings = budget // desk.n_tasks
    for place in run.progress.track(range(settings), " ".join(purpose), settings):
        # a tick is what one setting on all tasks takes, however small the portions
        next((trial for trial in trials if trial.spent >= (place + 1) * desk.n_tasks), None)
    for _ in trials:
        pass
    return Study(chosen.name, tuple(desk.trials), budget)


def _trials(
    desk: "_Desk", optimiser: Optimiser, first: Sequence[Settings], journal: Journal, rng: np.random.Generator
) -> Iterator[Trial]:
    """Yield trials until the budget is spent: those of the file, and then new ones."""
    search: Search | None = None
    while True:
        number = len(desk.trials)
        told = journal.trial(number)
        if number < len(first):
            done = desk.take(Ask(first[number]), told)
        else:
            search = search or optimiser.begin(desk.problem, tuple(desk.trials), rng)
            done = desk.recalled(search, told) if told is not None else desk.asked(search)
        if done is None:
            return
        if told is None:
            journal.add(done)
        yield done


@dataclass
class _Desk:
    """Judges settings and counts what it takes."""

    problem: Problem
    budget: int
    trials: list[Trial] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.n_tasks = len(self.problem.weights)
        if not self.n_tasks:
            raise BadConfig("There are no tasks to judge settings on.")
        if self.budget < self.n_tasks:
            raise BadConfig(
                f"budget must allow one setting on all {self.n_tasks} tasks, so at least {self.n_tasks} task "
                f"evaluations; came: {self.budget}."
            )

    @property
    def spent(self) -> int:
        return self.trials[-1].spent if self.trials else 0

    @property
    def left(self) -> int:
        return self.budget - self.spent

    def take(self, asked: Ask, told: Trial | None = None) -> Trial | None:
        """Return the trial of what was asked, from the file or made now; None when the budget does not allow it."""
        cost = asked.cost(self.n_tasks)
        if cost < 1:
            raise BadConfig("An optimiser asked for no task at all.")
        if cost > self.left:
            return None
        done = told or self._judge(asked, cost)
        self.trials.append(done)
        return done

    def asked(self, search: Search) -> Trial | None:
        """Return the trial of what a search asks for next."""
        asked = search.ask()
        done = None if asked is None else self.take(asked)
        if done is not None:
            search.tell(done)
        return done

    def recalled(self, search: Search, told: Trial) -> Trial | None:
        """Return a trial of the file, and let the search know."""
        if told.spent > self.budget:
            return None
        search.recall(told)
        self.trials.append(told)
        return told

    def _judge(self, asked: Ask, cost: int) -> Trial:
        start = time.perf_counter()
        tasks = np.arange(self.n_tasks) if asked.tasks is None else asked.tasks
        listed = None if asked.tasks is None else tuple(int(task) for task in asked.tasks)
        quality, slope = self._answer(asked, tasks)
        spent, seconds = self.spent + cost, time.perf_counter() - start
        return Trial(asked.settings, listed, quality, spent, slope, seconds)

    def _answer(self, asked: Ask, tasks: Any) -> tuple[float, tuple[float, ...] | None]:
        if asked.slope and isinstance(self.problem, Differentiable):
            loss, gradient = self.problem.slope(self.problem.space.vector(asked.settings), tasks)
            return -loss, tuple(gradient.tolist())
        if not self.problem.space.allows(asked.settings):
            return -np.inf, None
        found = np.asarray(self.problem.evaluate(asked.settings, tasks), dtype=np.float64)
        return mean_quality(found, self.problem.weights[tasks]), None
