"""What a meta-optimiser may choose: named numbers on a free scale, whole numbers, and choices."""

import json
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from warmstart.core.config import Config, Tunable, tunables
from warmstart.core.errors import BadConfig

Doubles = npt.NDArray[np.float64]
Settings = dict[str, Any]
Scale = Literal["linear", "log", "logit"]

EDGE = 7.0
"""A logarithm or logit never leaves -7 to 7: a factor of a thousand, or a share of one in a thousand."""
REACH = 4.0
"""Where nothing bounds a number, those who need a box are given so many spreads to either side of its start."""
PART = 5.0
"""Spreads in a bounded range, where no spread is told."""


@dataclass(frozen=True, slots=True)
class Continuous:
    """A real number, moved on a scale where every step means as much as another.

    Args:
        start: where to begin.
        spread: a first standard deviation, in units of the free scale; None takes a fifth of the range.
        scale: ``log`` for what is positive, ``logit`` for shares between 0 and 1.
        low, high: the range, if it has one.

    Example:
        >>> from warmstart.meta.optimisers.space import Continuous
        >>> rate = Continuous(0.1, scale="log", low=0.001, high=1.0)
        >>> round(rate.bound(rate.free(0.1)), 12), rate.bound(99.0)
        (0.1, 1.0)
    """

    start: float
    spread: float | None = None
    scale: Scale = "linear"
    low: float = -math.inf
    high: float = math.inf

    def __post_init__(self) -> None:
        bounded = math.isfinite(self.low) and math.isfinite(self.high)
        if not self.low < self.high:
            raise BadConfig(f"low must be less than high; came: {self.low} and {self.high}.")
        if self.spread is None and not bounded:
            raise BadConfig("A number without a range needs a spread: the size of a first step on its scale.")
        if self.spread is not None and not self.spread > 0:
            raise BadConfig(f"spread must be above 0; came: {self.spread}.")
        if self.scale == "log" and bounded and self.low <= 0:
            raise BadConfig(f"A number on a logarithmic scale must be positive; came: low={self.low}.")

    @property
    def limits(self) -> tuple[float, float]:
        """The range on the free scale."""
        return self.free(self.low), self.free(self.high)

    @property
    def step(self) -> float:
        """The first standard deviation on the free scale."""
        low, high = self.limits
        return (high - low) / PART if self.spread is None else self.spread

    @property
    def box(self) -> tuple[float, float]:
        """The range on the free scale for those who draw from a box."""
        low, high = self.limits
        centre, reach = self.free(self.start), REACH * self.step
        bounded = math.isfinite(self.low), math.isfinite(self.high)
        return low if bounded[0] else centre - reach, high if bounded[1] else centre + reach

    def free(self, value: float) -> float:
        """Return the number on the free scale."""
        if self.scale == "linear":
            return float(value)
        if self.scale == "log":
            return math.log(min(max(value, math.exp(-EDGE)), math.exp(EDGE))) if math.isinf(self.high) else _log(value)
        clipped = min(max(value, _logistic(-EDGE)), _logistic(EDGE))
        return math.log(clipped / (1 - clipped))

    def bound(self, free: float) -> float:
        """Undo ``free``; what lies outside the range comes back to its edge."""
        if self.scale == "linear":
            value = float(free)
        elif self.scale == "log":
            value = math.exp(min(max(free, -EDGE), EDGE) if math.isinf(self.high) else min(free, 700.0))
        else:
            value = _logistic(min(max(free, -EDGE), EDGE))
        return min(max(value, self.low), self.high)

    def draw(self, rng: np.random.Generator) -> float:
        """Draw evenly from the box."""
        return self.bound(float(rng.uniform(*self.box)))


@dataclass(frozen=True, slots=True)
class Whole:
    """A whole number between ``low`` and ``high``, both among those that may be chosen; ``log`` counts in factors."""

    start: int
    low: int
    high: int
    log: bool = False

    def __post_init__(self) -> None:
        if not self.low < self.high:
            raise BadConfig(f"low must be less than high; came: {self.low} and {self.high}.")
        if self.log and self.low < 1:
            raise BadConfig(f"A whole number on a logarithmic scale starts at 1; came: low={self.low}.")

    @property
    def box(self) -> tuple[float, float]:
        """The range on the free scale."""
        return self.free(self.low), self.free(self.high)

    @property
    def step(self) -> float:
        """The first standard deviation on the free scale."""
        low, high = self.box
        return (high - low) / PART

    def free(self, value: float) -> float:
        """Return the number on the free scale."""
        return math.log(max(value, 1)) if self.log else float(value)

    def bound(self, free: float) -> int:
        """Return the nearest whole number in the range."""
        low, high = self.box
        clipped = min(max(free, low), high)
        return min(max(round(math.exp(clipped) if self.log else clipped), self.low), self.high)

    def draw(self, rng: np.random.Generator) -> int:
        """Draw evenly on the free scale."""
        return self.bound(float(rng.uniform(*self.box)))


@dataclass(frozen=True, slots=True)
class Choice:
    """One of several values, of which none is nearer to another."""

    start: Any
    options: tuple[Any, ...]

    def __post_init__(self) -> None:
        if not self.options:
            raise BadConfig("A choice needs at least one option.")

    def draw(self, rng: np.random.Generator) -> Any:
        """Draw an option."""
        return self.options[int(rng.integers(len(self.options)))]

    def place(self, value: Any) -> int | None:
        """Return which option a value is, as JSON holds them; None where it is none."""
        written = [as_json(option) for option in self.options]
        return written.index(as_json(value)) if as_json(value) in written else None


Dimension = Continuous | Whole | Choice


@dataclass(frozen=True, slots=True)
class Space:
    """Named dimensions, in order; and which of their combinations exclude each other.

    Args:
        dimensions: by name.
        allowed: says whether settings may be combined; None allows all.

    Example:
        >>> import numpy as np
        >>> from warmstart.meta.optimisers.space import Choice, Continuous, Space
        >>> space = Space({"gain": Continuous(1.0, 0.4, "log"), "kind": Choice("a", ("a", "b"))})
        >>> space.start
        {'gain': 1.0, 'kind': 'a'}
        >>> sorted(space.draw(np.random.default_rng(0)))
        ['gain', 'kind']
    """

    dimensions: Mapping[str, Dimension]
    allowed: Callable[[Settings], bool] | None = field(default=None, repr=False)

    @property
    def start(self) -> Settings:
        """Where to begin."""
        return {name: one.start for name, one in self.dimensions.items()}

    @property
    def continuous(self) -> dict[str, Continuous]:
        """The real numbers."""
        return {name: one for name, one in self.dimensions.items() if isinstance(one, Continuous)}

    @property
    def wholes(self) -> dict[str, Whole]:
        """The whole numbers."""
        return {name: one for name, one in self.dimensions.items() if isinstance(one, Whole)}

    @property
    def choices(self) -> dict[str, Choice]:
        """The choices."""
        return {name: one for name, one in self.dimensions.items() if isinstance(one, Choice)}

    def allows(self, settings: Settings) -> bool:
        """Say whether settings may be combined."""
        return self.allowed is None or self.allowed(settings)

    def draw(self, rng: np.random.Generator) -> Settings:
        """Draw all dimensions, each by itself."""
        return {name: one.draw(rng) for name, one in self.dimensions.items()}

    def vector(self, settings: Mapping[str, Any]) -> Doubles:
        """Return the real numbers of settings on their free scale, float64 [continuous]."""
        return np.array([one.free(settings[name]) for name, one in self.continuous.items()], dtype=np.float64)

    def at(self, vector: Doubles, others: Mapping[str, Any]) -> Settings:
        """Undo ``vector``; what is no real number is taken from ``others``."""
        moved = {name: one.bound(float(x)) for (name, one), x in zip(self.continuous.items(), vector, strict=True)}
        return {name: moved.get(name, others[name]) for name in self.dimensions}


def space_of(config: type[Config], own: Mapping[str, Any]) -> Space:
    """Return the space of the settings that carry a ``Tunable``, starting at ``own``.

    Example:
        >>> from warmstart.meta.optimisers.space import space_of
        >>> from warmstart.recommenders.ease import EASE
        >>> space_of(EASE.config_class, {"regularisation": 300.0, "events": "likes", "train_on": "all"}).start
        {'events': 'likes', 'train_on': 'all', 'regularisation': 300.0}
    """
    return Space({name: _dimension(config, name, mark, own[name]) for name, mark in tunables(config).items()})


def as_json(value: Any) -> str:
    """Write a value so that equal ones look alike."""
    return json.dumps(value, sort_keys=True, default=str)


def _dimension(config: type[Config], name: str, mark: Tunable, own: Any) -> Dimension:
    if mark.choices:
        return Choice(own, mark.choices)
    if config.model_fields[name].annotation is int:
        return Whole(own, round(mark.low), round(mark.high), mark.log)
    return Continuous(own, None, "log" if mark.log else "linear", mark.low, mark.high)


def _log(value: float) -> float:
    return math.log(value) if value > 0 else -math.inf


def _logistic(free: float) -> float:
    return 1 / (1 + math.exp(-free))
