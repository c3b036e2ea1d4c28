"""The one contract of all meta-optimisers, and the table of their names."""

import difflib
import importlib
from abc import ABC, abstractmethod
from collections.abc import Generator, Sequence
from typing import Any, ClassVar, Protocol

import numpy as np

from warmstart.core.config import Config
from warmstart.core.errors import BadInput
from warmstart.meta.optimisers.problem import Ask, Problem
from warmstart.meta.optimisers.space import as_json
from warmstart.meta.optimisers.trial import Trial

OPTIMISERS: dict[str, str] = {
    "random": "warmstart.meta.optimisers.random:RandomSearch",
    "cmaes": "warmstart.meta.optimisers.cmaes:CMAES",
    "tpe": "warmstart.meta.optimisers.bayesian:TPE",
    "gp": "warmstart.meta.optimisers.bayesian:GaussianProcess",
    "reinforce": "warmstart.meta.optimisers.reinforce:Reinforce",
    "adam": "warmstart.meta.optimisers.adam:Adam",
}
"""Name to ``module:class``; a module is imported when its optimiser is asked for."""

Steps = Generator[Ask, Trial, None]
"""An optimiser written as it is told: ``trial = yield Ask(settings)``."""


class Search(Protocol):
    """An optimiser at work on one problem."""

    def ask(self) -> Ask | None:
        """Return what to try next; None when there is nothing left."""
        ...

    def tell(self, trial: Trial) -> None:
        """Take the answer to the last ``ask``."""
        ...

    def recall(self, trial: Trial) -> None:
        """Take a trial of an earlier run of the same study, in order; raises ``BadInput`` if it cannot be one."""
        ...


class Optimiser(ABC):
    """Base of all meta-optimisers.

    Args:
        **settings: the fields of ``config_class``; unknown or wrong ones raise ``BadConfig``.
    """

    name: ClassVar[str]
    config_class: ClassVar[type[Config]] = Config

    def __init__(self, **settings: Any) -> None:
        self.config = self.config_class.of(**settings)

    @abstractmethod
    def begin(self, problem: Problem, known: Sequence[Trial], rng: np.random.Generator) -> Search:
        """Begin a search.

        Args:
            problem: what is to be optimised; an optimiser asks it nothing but its space and number of tasks.
            known: trials that were made before the first ``ask``: the start and whatever else was to be tried.
            rng: the only source of chance.

        Raises:
            BadConfig: this optimiser cannot work on this problem.
        """


class Stepwise:
    """A search that goes from ``yield`` to ``yield``; an earlier run is recalled by taking the same steps again."""

    def __init__(self, steps: Steps) -> None:
        self._steps = steps
        self._next: Ask | None = next(steps, None)

    def ask(self) -> Ask | None:
        """See ``Search``."""
        return self._next

    def tell(self, trial: Trial) -> None:
        """See ``Search``."""
        try:
            self._next = self._steps.send(trial)
        except StopIteration:
            self._next = None

    def recall(self, trial: Trial) -> None:
        """See ``Search``."""
        asked = self._next
        if asked is None or not _same(asked, trial):
            raise BadInput("The file's trials are not those of this study. Name another file.")
        self.tell(trial)


def optimiser_class(name: str) -> type[Optimiser]:
    """Return the class of an optimiser; raises ``BadInput`` naming the nearest names.

    Example:
        >>> from warmstart.meta.optimisers.optimiser import optimiser_class
        >>> optimiser_class("cmaes").__name__
        'CMAES'
    """
    place = OPTIMISERS.get(name)
    if place is None:
        close = difflib.get_close_matches(str(name), OPTIMISERS, n=3, cutoff=0.4)
        nearest = f" Nearest: {', '.join(close)}." if close else ""
        raise BadInput(f"There is no meta-optimiser {name!r}.{nearest} There are: {', '.join(OPTIMISERS)}.")
    module, _, attribute = place.partition(":")
    found: type[Optimiser] = getattr(importlib.import_module(module), attribute)
    return found


def optimiser_of(given: str | Optimiser) -> Optimiser:
    """Return an instance: itself, or the one of that name with its own settings."""
    return optimiser_class(given)() if isinstance(given, str) else given


def _same(asked: Ask, trial: Trial) -> bool:
    tasks = None if asked.tasks is None else tuple(asked.tasks.tolist())
    slope = trial.slope is not None
    return as_json(asked.settings) == as_json(trial.settings) and tasks == trial.tasks and asked.slope == slope
