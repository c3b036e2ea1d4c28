"""From a normal belief about what a user feels to the value she would write down, on a scale of few levels."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.special import ndtr

from warmstart.core.artefact import Arrays, array_of
from warmstart.core.histories import Floats
from warmstart.data.likes import MOST_LEVELS

Doubles = npt.NDArray[np.float64]
Numbers = npt.NDArray[np.floating]

LEAST_CHANCE = 1e-9
BELIEF = 0.5
"""Weight of the belief that people round to the nearest level, in squared logarithms of the thresholds' distances."""


@dataclass(frozen=True, slots=True)
class ValueScale:
    """Thresholds between the levels of a scale: a value is written down when the feeling lies between its two.

    Source: McCullagh (1980), Regression Models for Ordinal Data, with a normal link and a known spread a case.

    Args:
        levels: float64 [levels], ascending; only the lowest and highest value where values are not ``counted``.
        cuts: float64, ascending: the feelings from which the next level is written down; only that from which an
            event is a like where values are not ``counted``.
        like: place in ``cuts`` of the threshold of a like; -1 if every level is a like, ``len(cuts)`` if none is.
        counted: whether values take few levels, so that a foretold value is one of them.
        stretch: what the standard deviation of feelings is multiplied by.
        balanced: the chance from which as many events are called likes as are likes.
    """

    levels: Doubles
    cuts: Doubles
    like: int
    counted: bool = True
    stretch: float = 1.0
    balanced: float = 0.5

    @classmethod
    def of(cls, values: Numbers, like_from: float) -> "ValueScale":
        """Return the scale of people who round to the nearest level.

        Example:
            >>> import numpy as np
            >>> from warmstart.meta.value_scale import ValueScale
            >>> scale = ValueScale.of(np.array([1.0, 2, 3, 4, 5]), like_from=4)
            >>> scale.cuts.tolist(), scale.median(np.array([3.2, 4.9])).tolist()
            ([1.5, 2.5, 3.5, 4.5], [3.0, 5.0])
        """
        levels = np.unique(values.astype(np.float64))
        if len(levels) > MOST_LEVELS:
            return cls(levels[[0, -1]], np.array([float(like_from)]), 0, counted=False)
        return cls(levels, (levels[1:] + levels[:-1]) / 2, int(np.searchsorted(levels, like_from)) - 1)

    def median(self, feelings: Numbers) -> Floats:
        """Return the value that is as often exceeded as not, which has the least absolute error."""
        if not self.counted:
            return np.clip(feelings, self.levels[0], self.levels[-1]).astype(np.float32)
        return self.levels.astype(np.float32)[np.searchsorted(self.cuts.astype(np.float32), feelings, side="right")]

    def mean(self, feelings: Numbers, deviations: Numbers) -> Floats:
        """Return the expected value, which has the least squared error."""
        if not self.counted:
            return self.median(feelings)
        found = np.full(feelings.shape, self.levels[0], dtype=np.float32)
        for cut, step in zip(self.cuts, np.diff(self.levels), strict=True):
            found += np.float32(step) * self._above(cut, feelings, deviations)
        return found

    def chance_of_like(self, feelings: Numbers, deviations: Numbers) -> Floats:
        """Return the probability of a like, float32 in [0, 1]."""
        if not 0 <= self.like < len(self.cuts):
            return np.full(feelings.shape, 1.0 if self.like < 0 else 0.0, dtype=np.float32)
        return self._above(self.cuts[self.like], feelings, deviations)

    def fitted(self, feelings: Numbers, deviations: Numbers, values: Numbers, like_from: float) -> "ValueScale":
        """Return the scale that makes these values likeliest, drawn to people who round to the nearest level.

        Args:
            feelings: float32 [events], what was believed.
            deviations: float32 [events], how surely.
            values: float32 [events], what was written down.
            like_from: the value from which an event is a like.
        """
        from scipy.optimize import minimize

        if not len(self.cuts) or not len(values):
            return self
        bounds = self.levels[1:] if self.counted else np.array([like_from])
        codes = np.searchsorted(bounds, values, side="right")
        start = np.concatenate([[self.cuts[0]], np.log(np.diff(self.cuts)), [0.0]])
        evidence = (start, feelings.astype(np.float64), deviations.astype(np.float64), codes)
        found = minimize(_surprise, start, evidence, jac=True, method="L-BFGS-B").x
        told = replace(self, cuts=_cuts(found[:-1]), stretch=float(np.exp(found[-1])))
        return replace(told, balanced=_balanced(told.chance_of_like(feelings, deviations), values >= like_from))

    def _above(self, cut: float, feelings: Numbers, deviations: Numbers) -> Floats:
        chance: Floats = ndtr((feelings - np.float32(cut)) / (np.float32(self.stretch) * deviations))
        return chance.astype(np.float32, copy=False)

    def arrays(self, name: str) -> Arrays:
        """Return what is to be stored with a model."""
        return {f"{name}.levels": self.levels, f"{name}.cuts": self.cuts}

    def to_header(self) -> dict[str, Any]:
        """Return the rest as plain values, ready for JSON."""
        return {"like": self.like, "counted": self.counted, "stretch": self.stretch, "balanced": self.balanced}

    @classmethod
    def restore(cls, header: dict[str, Any], arrays: Arrays, name: str) -> "ValueScale":
        """Take back what ``to_header`` and ``arrays`` returned; raises ``BadModelFile`` if it does not fit."""
        levels = array_of(arrays, f"{name}.levels", (None,))
        cuts = array_of(arrays, f"{name}.cuts", (len(levels) - 1 if header["counted"] else 1,))
        numbers = float(header["stretch"]), float(header["balanced"])
        return cls(levels, cuts, int(header["like"]), bool(header["counted"]), *numbers)


def _cuts(parameters: Doubles) -> Doubles:
    return np.cumsum(np.concatenate([parameters[:1], np.exp(parameters[1:])]))


def _surprise(
    parameters: Doubles, start: Doubles, feelings: Doubles, deviations: Doubles, codes: npt.NDArray[np.int64]
) -> tuple[float, Doubles]:
    """Return the negative logarithm of the likelihood and its gradient in first cut, log distances and log stretch."""
    cuts, stretch = _cuts(parameters[:-1]), np.exp(parameters[-1])
    ends = np.concatenate([[-np.inf], cuts, [np.inf]])
    low, high = ((ends[codes + place] - feelings) / (stretch * deviations) for place in (0, 1))
    chance = np.maximum(ndtr(high) - ndtr(low), LEAST_CHANCE)
    at_low, at_high = _density(low) / chance, _density(high) / chance
    scaled = 1 / (stretch * deviations)
    by_end = np.bincount(codes, at_low * scaled, len(ends)) - np.bincount(codes + 1, at_high * scaled, len(ends))
    # moving one cut moves all above it too
    by_cut = np.cumsum(by_end[1:-1][::-1])[::-1] * np.concatenate([[1.0], np.exp(parameters[1:-1])])
    by_stretch = np.sum(at_high * np.where(np.isfinite(high), high, 0) - at_low * np.where(np.isfinite(low), low, 0))
    off = parameters - start
    surprise = -np.log(chance).sum() + BELIEF * (off @ off)
    return float(surprise), np.concatenate([by_cut, [by_stretch]]) + 2 * BELIEF * off


def _density(z: Doubles) -> Doubles:
    density: Doubles = np.exp(-0.5 * z**2) / np.sqrt(2 * np.pi)
    return density


def _balanced(chances: Floats, liked: npt.NDArray[np.bool_]) -> float:
    likes = int(liked.sum())
    if not 0 < likes < len(liked):
        return 0.5
    ordered = np.sort(chances)[::-1].astype(np.float64)
    return float((ordered[likes - 1] + ordered[likes]) / 2)
