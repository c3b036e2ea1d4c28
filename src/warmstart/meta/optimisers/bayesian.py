"""Bayesian optimisation: a model of the quality says what is worth trying next (Optuna's samplers)."""

import importlib
import math
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
from pydantic import Field

from warmstart.core.config import Config
from warmstart.core.errors import MissingExtra
from warmstart.meta.optimisers.optimiser import Optimiser, Search
from warmstart.meta.optimisers.problem import Ask, Problem
from warmstart.meta.optimisers.space import Choice, Continuous, Dimension, Space, Whole
from warmstart.meta.optimisers.trial import Trial

if TYPE_CHECKING:
    from optuna.distributions import BaseDistribution
    from optuna.samplers import BaseSampler
    from optuna.trial import FrozenTrial


class TPEConfig(Config):
    """Settings of ``tpe``."""

    startup: Annotated[int, Field(ge=0)] = 10
    """Settings drawn at random before the model speaks."""

    candidates: Annotated[int, Field(ge=1)] = 24
    """Draws from the good settings' density of which the most promising is tried."""

    multivariate: bool = True
    """Model the settings together; without, each by itself."""


class GPConfig(Config):
    """Settings of ``gp``."""

    startup: Annotated[int, Field(ge=0)] = 10
    """Settings drawn at random before the model speaks."""


class TPE(Optimiser):
    """The tree-structured Parzen estimator (Bergstra et al., 2011): densities of good and of other settings."""

    name = "tpe"
    config_class = TPEConfig
    config: TPEConfig

    def begin(self, problem: Problem, known: Sequence[Trial], rng: np.random.Generator) -> Search:
        """See ``Optimiser``; raises ``MissingExtra`` without Optuna."""
        return _Sampled(problem.space, known, rng, self._sampler)

    def _sampler(self, seed: int) -> "BaseSampler":
        from optuna.samplers import TPESampler

        return TPESampler(
            n_startup_trials=self.config.startup,
            n_ei_candidates=self.config.candidates,
            multivariate=self.config.multivariate,
            seed=seed,
        )


class GaussianProcess(Optimiser):
    """Expected improvement under a Gaussian process (Jones et al., 1998; logarithmic: Ament et al., 2023)."""

    name = "gp"
    config_class = GPConfig
    config: GPConfig

    def begin(self, problem: Problem, known: Sequence[Trial], rng: np.random.Generator) -> Search:
        """See ``Optimiser``; raises ``MissingExtra`` without Optuna or torch, which its Gaussian process needs."""
        _needs("torch", "torch")
        return _Sampled(problem.space, known, rng, self._sampler)

    def _sampler(self, seed: int) -> "BaseSampler":
        from optuna.samplers import GPSampler

        return GPSampler(n_startup_trials=self.config.startup, deterministic_objective=True, seed=seed)


class _Sampled:
    """A search by a sampler of Optuna.

    What it tries next depends on nothing but the trials and their number, so that it is rebuilt from the trials alone.
    """

    def __init__(self, space: Space, known: Sequence[Trial], rng: np.random.Generator, sampler: Any) -> None:
        _needs("optuna", "tune")
        self._space, self._sampler, self._seed = space, sampler, rng.integers(1 << 31).item()
        self._box = {name: _distribution(one) for name, one in space.dimensions.items() if _movable(one)}
        self._trials = [_frozen(space, self._box, trial) for trial in known]

    def ask(self) -> Ask | None:
        """See ``Search``."""
        if not self._box:
            return None
        seed = int(np.random.SeedSequence([self._seed, len(self._trials)]).generate_state(1)[0])
        with _quiet() as optuna:
            study = optuna.create_study(direction="maximize", sampler=self._sampler(seed))
            study.add_trials([trial for trial in self._trials if trial is not None])
            values = study.ask(self._box).params
        start = self._space.start
        dimensions = self._space.dimensions.items()
        return Ask({name: _value(one, values[name]) if name in values else start[name] for name, one in dimensions})

    def tell(self, trial: Trial) -> None:
        """See ``Search``."""
        self._trials.append(_frozen(self._space, self._box, trial))

    def recall(self, trial: Trial) -> None:
        """See ``Search``."""
        self.tell(trial)


def _movable(one: Dimension) -> bool:
    return not isinstance(one, Choice) or len(one.options) > 1


def _distribution(one: Dimension) -> "BaseDistribution":
    from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

    if isinstance(one, Choice):
        return CategoricalDistribution(range(len(one.options)))
    if isinstance(one, Whole):
        return IntDistribution(one.low, one.high, log=one.log)
    return FloatDistribution(*one.box)


def _value(one: Dimension, found: Any) -> Any:
    if isinstance(one, Choice):
        return one.options[found]
    return one.bound(found) if isinstance(one, Continuous) else int(found)


def _frozen(space: Space, box: dict[str, "BaseDistribution"], trial: Trial) -> "FrozenTrial | None":
    """Return a trial as Optuna keeps it; None for one outside the box, such as a start that may not be drawn."""
    from optuna.trial import TrialState, create_trial

    values = {name: _inner(space.dimensions[name], trial.settings[name]) for name in box}
    if any(value is None for value in values.values()):
        return None
    if not math.isfinite(trial.quality):
        return create_trial(params=values, distributions=box, state=TrialState.FAIL)
    return create_trial(params=values, distributions=box, value=trial.quality)


def _inner(one: Dimension, value: Any) -> Any:
    """Return a value as Optuna knows it; None where its range does not hold it."""
    if isinstance(one, Choice):
        return one.place(value)
    if isinstance(one, Whole):
        return value if one.low <= value <= one.high else None
    low, high = one.box
    return one.free(value) if low <= one.free(value) <= high else None


def _needs(package: str, extra: str) -> None:
    try:
        importlib.import_module(package)
    except ImportError:
        raise MissingExtra(package, extra=extra) from None


@contextmanager
def _quiet() -> Iterator[Any]:
    """Give Optuna without what it says of studies and of what it calls experimental."""
    import optuna

    before = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
            yield optuna
    finally:
        optuna.logging.set_verbosity(before)
