"""The base of all settings: declared once, frozen, typed, unknown keys refused."""

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

from pydantic import BaseModel, ConfigDict, ValidationError, model_validator

from warmstart.core.errors import BadConfig

if TYPE_CHECKING:
    # a process that only reads settings need not wait for it
    import numpy as np


class Config(BaseModel):
    """Base of all settings; a field's docstring is its help on the command line and in the docs.

    Example:
        >>> from warmstart.core.config import Config
        >>> class Smoothing(Config):
        ...     strength: float = 1.0
        >>> Smoothing.of(strength=2).strength
        2.0
        >>> Smoothing.of(strenght=2)
        Traceback (most recent call last):
        warmstart.core.errors.BadConfig: Smoothing: strenght: Extra inputs are not permitted (came: 2)
    """

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    @model_validator(mode="before")
    @classmethod
    def _with_lists(cls, given: Any) -> Any:
        """Take ``a,b`` for a list of names, as a command line gives it."""
        if not isinstance(given, dict):
            return given
        kinds = {name: str(field.annotation) for name, field in cls.model_fields.items()}
        listed = {name for name, kind in kinds.items() if "tuple[str" in kind or "tuple[typing.Literal" in kind}
        return {
            name: [part.strip() for part in value.split(",")] if name in listed and isinstance(value, str) else value
            for name, value in given.items()
        }

    @classmethod
    def of(cls, **settings: Any) -> Self:
        """Build from keyword settings, raising one ``BadConfig`` that lists every fault."""
        try:
            return cls(**settings)
        except ValidationError as error:
            raise BadConfig(_all_faults(cls.__name__, error)) from None


def _all_faults(owner: str, error: ValidationError) -> str:
    lines = [
        f"{owner}: {'.'.join(map(str, fault['loc']))}: {fault['msg']} (came: {fault['input']!r})"
        for fault in error.errors()
    ]
    return "\n".join(lines)


@dataclass(frozen=True, slots=True)
class Tunable:
    """The range in which a setting is tuned; put it beside the type: ``Annotated[float, Tunable(1, 1e4, log=True)]``.

    Args:
        low: smallest value.
        high: largest value.
        log: draw evenly in the logarithm.
        choices: instead of a range, the values to choose from.
    """

    low: float = 0.0
    high: float = 1.0
    log: bool = False
    choices: tuple[Any, ...] = ()

    def draw(self, rng: "np.random.Generator") -> Any:
        """Draw one value."""
        if self.choices:
            return self.choices[int(rng.integers(len(self.choices)))]
        if self.log:
            return math.exp(rng.uniform(math.log(self.low), math.log(self.high)))
        return float(rng.uniform(self.low, self.high))


def tunables(config: type[Config]) -> dict[str, Tunable]:
    """Return the settings of ``config`` that carry a ``Tunable``, by name."""
    return {
        name: mark
        for name, field in config.model_fields.items()
        for mark in field.metadata
        if isinstance(mark, Tunable)
    }
