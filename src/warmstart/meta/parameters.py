"""The handful of numbers that learning to learn is about; the meta-optimiser finds them on validation tasks."""

import math
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from warmstart.core.config import Config

FEW, MANY = 1, 20
"""Numbers of events between which everything that depends on k is interpolated in log k."""


class MetaParameters(Config):
    """How much each kind of evidence counts, after one event (``few``) and after twenty (``many``)."""

    gain_few: float = 1.0
    """Factor on what events add in the linear map, after one event."""
    gain_many: float = 1.0
    """The same after twenty events."""
    sharpness_few: float = 1.0
    """Inverse temperature of the taste posterior after one event."""
    sharpness_many: float = 0.4
    """The same after twenty events: events of one person are not independent, so each counts for less."""
    taste_share_few: float = 0.6
    """Share of the taste posterior in a score after one event, 0 to 1; the rest is the linear map's."""
    taste_share_many: float = 0.5
    """The same after twenty events."""
    dislike_weight: float = 0.5
    """What an event that is no like weighs as evidence, where a like weighs 1."""
    half_life: float | None = None
    """Events after which an event's weight has halved, in data with time; None when recency does not count."""
    attribute_gain: float = 1.0
    """Factor on what user attributes add."""

    def at(self, name: str, counts: npt.NDArray[np.floating]) -> npt.NDArray[np.float64]:
        """Interpolate ``name`` (without ``_few``, ``_many``) at the numbers of events, float64 of their shape.

        Example:
            >>> import numpy as np
            >>> from warmstart.meta.parameters import MetaParameters
            >>> MetaParameters(gain_few=1.0, gain_many=3.0).at("gain", np.array([0, 1, 20, 50])).tolist()
            [1.0, 1.0, 3.0, 3.0]
        """
        few, many = getattr(self, f"{name}_few"), getattr(self, f"{name}_many")
        values: npt.NDArray[np.float64] = few + (many - few) * nearness_to_many(counts)
        return values

    def at_one(self, count: float) -> "Numbers":
        """Interpolate for one user with at least one event, in plain numbers: numpy costs more than the sum."""
        near = math.log(min(max(count, FEW), MANY)) / math.log(MANY)
        return Numbers(
            near,
            self.gain_few + (self.gain_many - self.gain_few) * near,
            self.sharpness_few + (self.sharpness_many - self.sharpness_few) * near,
            self.taste_share_few + (self.taste_share_many - self.taste_share_few) * near,
        )


class Numbers(NamedTuple):
    """What depends on k, at one k."""

    near: float
    gain: float
    sharpness: float
    share: float


def nearness_to_many(counts: npt.NDArray[np.floating]) -> npt.NDArray[np.float64]:
    """Return 0 at one event or none, 1 from twenty on, linear in log k between."""
    near: npt.NDArray[np.float64] = np.log(np.clip(counts, FEW, MANY)) / math.log(MANY)
    return near


_LOG = ("gain_few", "gain_many", "sharpness_few", "sharpness_many", "dislike_weight", "attribute_gain")
_LOGIT = ("taste_share_few", "taste_share_many")


def to_vector(parameters: MetaParameters, names: tuple[str, ...]) -> npt.NDArray[np.float64]:
    """Return the named parameters on a scale where any real number is allowed."""
    return np.array([_free(name, getattr(parameters, name)) for name in names])


def of_vector(vector: npt.NDArray[np.float64], names: tuple[str, ...], others: MetaParameters) -> MetaParameters:
    """Undo ``to_vector``; what is not named is taken from ``others``.

    Example:
        >>> from warmstart.meta.parameters import MetaParameters, of_vector, to_vector
        >>> names = ("gain_few", "taste_share_few")
        >>> of_vector(to_vector(MetaParameters(gain_few=2.0), names), names, MetaParameters()).gain_few
        2.0
    """
    found: dict[str, Any] = {name: _bound(name, float(value)) for name, value in zip(names, vector, strict=True)}
    return others.model_copy(update=found)


def _free(name: str, value: float) -> float:
    if name in _LOGIT:
        clipped = min(max(value, 1e-3), 1 - 1e-3)
        return math.log(clipped / (1 - clipped))
    return math.log(max(value, 1e-3))


def _bound(name: str, value: float) -> float:
    clipped = min(max(value, -7.0), 7.0)
    return 1 / (1 + math.exp(-clipped)) if name in _LOGIT else math.exp(clipped)
