"""REINFORCE: the settings are drawn by a policy that is moved towards what was better than its mean."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any

import numpy as np
from pydantic import Field

from warmstart.core.config import Config
from warmstart.meta.optimisers.optimiser import Optimiser, Search, Steps, Stepwise
from warmstart.meta.optimisers.problem import Ask, Problem
from warmstart.meta.optimisers.space import Choice, Continuous, Doubles, Settings, Space, Whole
from warmstart.meta.optimisers.trial import Trial

LEANING = 2.0
"""How many times likelier than another the option is at first with which a study starts."""
NARROWEST = 0.05
"""Standard deviations never fall below this part of the first: a policy that draws nothing new learns nothing."""


class ReinforceConfig(Config):
    """Settings of ``reinforce``."""

    draws: Annotated[int, Field(ge=2)] = 8
    """Settings drawn from the policy between two steps; their mean quality is the baseline."""

    tasks: Annotated[int | None, Field(ge=1)] = None
    """Tasks drawn anew for each step; None judges on all."""

    rate: Annotated[float, Field(gt=0)] = 1.0
    """Size of a step in the means, in units of the policy's own width; and in the log-odds of options."""

    width_rate: Annotated[float, Field(ge=0)] = 0.2
    """Size of a step in the logarithm of the widths."""

    check: Annotated[int, Field(ge=1)] = 3
    """Steps on drawn tasks after which the policy's likeliest settings are judged on all."""


class Reinforce(Optimiser):
    """Policy gradient with a baseline over Gaussian and categorical units (Williams, 1992)."""

    name = "reinforce"
    config_class = ReinforceConfig
    config: ReinforceConfig

    def begin(self, problem: Problem, known: Sequence[Trial], rng: np.random.Generator) -> Search:
        """See ``Optimiser``."""
        return Stepwise(self._steps(problem, known, rng))

    def _steps(self, problem: Problem, known: Sequence[Trial], rng: np.random.Generator) -> Steps:
        space, n_tasks, config = problem.space, len(problem.weights), self.config
        policy = _Policy.of(space, known[0].settings)
        drawn = config.tasks is not None and config.tasks < n_tasks
        step = 0
        while space.dimensions:
            tasks = np.sort(rng.permutation(n_tasks)[: config.tasks]) if drawn else None
            actions: list[_Action] = []
            rewards: list[float] = []
            for _ in range(config.draws):
                actions.append(policy.act(rng))
                trial = yield Ask(policy.settings_of(actions[-1]), tasks)
                rewards.append(trial.quality)
            policy = policy.moved(actions, _advantages(rewards), config.rate, config.width_rate)
            step += 1
            if step % config.check == 0:
                yield Ask(policy.likeliest())


@dataclass(frozen=True, slots=True)
class _Action:
    """What a policy drew: float64 [numbers], and an option of each choice."""

    numbers: Doubles
    options: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class _Policy:
    """A factorised policy: a Gaussian for each number, a softmax over the options of each choice.

    Args:
        space: what is chosen.
        means, widths: float64 [numbers], on the free scale.
        least: float64 [numbers], below which no width falls.
        logits: float64 [options], one array a choice.
    """

    space: Space
    means: Doubles
    widths: Doubles
    least: Doubles
    logits: tuple[Doubles, ...]

    @classmethod
    def of(cls, space: Space, start: Settings) -> "_Policy":
        numbers = _numbers(space)
        means = np.array([one.free(start[name]) for name, one in numbers.items()])
        widths = np.array([one.step for one in numbers.values()])
        logits = tuple(_first_logits(one, start[name]) for name, one in space.choices.items())
        return cls(space, means, widths, NARROWEST * widths, logits)

    def act(self, rng: np.random.Generator) -> _Action:
        numbers = self.means + self.widths * rng.standard_normal(len(self.means))
        options = tuple(int(rng.choice(len(one), p=_softmax(one))) for one in self.logits)
        return _Action(numbers, options)

    def settings_of(self, action: _Action) -> Settings:
        found: dict[str, Any] = {
            name: one.bound(float(x))
            for (name, one), x in zip(_numbers(self.space).items(), action.numbers, strict=True)
        }
        choices = self.space.choices.items()
        found |= {name: one.options[place] for (name, one), place in zip(choices, action.options, strict=True)}
        return {name: found[name] for name in self.space.dimensions}

    def likeliest(self) -> Settings:
        return self.settings_of(_Action(self.means, tuple(int(np.argmax(one)) for one in self.logits)))

    def moved(self, actions: Sequence[_Action], advantages: Doubles, rate: float, width_rate: float) -> "_Policy":
        """Take a step along ``mean(advantage * grad log p)``, in the units that Williams (1992, section 6) gives."""
        away = (np.array([one.numbers for one in actions]) - self.means) / self.widths  # [draws, numbers]
        means = self.means + rate * self.widths * (advantages @ away) / len(actions)
        growth = width_rate * (advantages @ (away**2 - 1)) / len(actions)
        widths = np.maximum(self.widths * np.exp(np.clip(growth, -0.5, 0.5)), self.least)
        logits = []
        for place, one in enumerate(self.logits):
            picked = np.eye(len(one))[[action.options[place] for action in actions]]  # [draws, options]
            logits.append(one + rate * (advantages @ (picked - _softmax(one))) / len(actions))
        return _Policy(self.space, means, widths, self.least, tuple(logits))


def _numbers(space: Space) -> dict[str, Continuous | Whole]:
    return {**space.continuous, **space.wholes}


def _first_logits(choice: Choice, start: Any) -> Doubles:
    logits, place = np.zeros(len(choice.options)), choice.place(start)
    if place is not None:
        logits[place] = np.log(LEANING)
    return logits


def _advantages(rewards: Sequence[float]) -> Doubles:
    """Return rewards less their mean, in units of their deviation; what failed counts as the worst."""
    found = np.array(rewards, dtype=np.float64)
    good = np.isfinite(found)
    if not good.any():
        return np.zeros(len(found))
    found[~good] = found[good].min()
    spread = float(found.std())
    return (found - found.mean()) / spread if spread > 0 else np.zeros(len(found))


def _softmax(logits: Doubles) -> Doubles:
    weights = np.exp(logits - logits.max())
    shares: Doubles = weights / weights.sum()
    return shares
