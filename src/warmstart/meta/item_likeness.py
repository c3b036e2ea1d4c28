"""Several views of items joined into one likeness, by a handful of parameters."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from warmstart.core.histories import Floats
from warmstart.meta.item_text import FIRST_WEIGHTS, Coded, View, joined, likeness, present, take

LEAST_LOG = -4.5
"""Parameters beyond this and its opposite change nothing, and less noise than this makes systems unsolvable."""
NOISE, INTERACTION, OWN = 0.7, 0.4, 0.8
BLOCK = 500
"""Items compared with all others at a time."""


@dataclass(frozen=True, slots=True)
class ItemParameters:
    """How views are joined; the first values were found on MovieLens-1M's validation items.

    Args:
        weights: how much each view counts, positive.
        noise: how little a known item's column is trusted, positive.
        interaction: share, 0 to 1, of items that are alike in several ways at once (the likeness squared).
        own: weight of an event itself beside what it adds to the scores of others, positive.
        lift: factor, at least 1, on what is borrowed, so that it can stand among what is known; not searched.
    """

    weights: tuple[float, ...]
    noise: float = NOISE
    interaction: float = INTERACTION
    own: float = OWN
    lift: float = 1.0

    @classmethod
    def first(cls, views: Sequence[View]) -> Self:
        """Return the values a search begins with."""
        return cls(tuple(FIRST_WEIGHTS[type(view)] for view in views))

    def to_vector(self) -> npt.NDArray[np.float64]:
        """Return logarithms, and the logit of the interaction."""
        logit = np.log(self.interaction / (1 - self.interaction))
        return np.array([*np.log(self.weights), np.log(self.noise), logit, np.log(self.own)])

    @classmethod
    def of_vector(cls, vector: npt.NDArray[np.float64]) -> Self:
        """Take back what ``to_vector`` returned."""
        *weights, noise, logit, own = np.clip(vector, LEAST_LOG, -LEAST_LOG).tolist()
        interaction = 1 / (1 + np.exp(-logit))
        return cls(tuple(map(float, np.exp(weights))), float(np.exp(noise)), float(interaction), float(np.exp(own)))

    def to_header(self) -> dict[str, Any]:
        """Return plain values, ready for JSON."""
        told = {"noise": self.noise, "interaction": self.interaction, "own": self.own, "lift": self.lift}
        return {"weights": list(self.weights), **told}

    @classmethod
    def from_header(cls, header: dict[str, Any]) -> Self:
        """Take back what ``to_header`` returned."""
        return cls(tuple(header["weights"]), header["noise"], header["interaction"], header["own"], header["lift"])


@dataclass(frozen=True, slots=True)
class Likeness:
    """Some items, ready to be compared.

    Args:
        views: what is compared.
        coded: the items as each view sees them.
        known: float32 [m], by view, whether it knows something of an item.
    """

    views: tuple[View, ...]
    coded: tuple[Coded, ...]
    known: tuple[Floats, ...]

    @classmethod
    def of(cls, views: tuple[View, ...], coded: tuple[Coded, ...]) -> Self:
        """Note of which items a view knows something."""
        return cls(views, coded, tuple(map(present, coded)))

    def system(self, parameters: ItemParameters) -> Floats:
        """Return the items' likeness to each other with the noise on the diagonal, float32 [m, m]."""
        m = len(self.known[0]) if self.known else 0
        alike = np.empty((m, m), dtype=np.float32)
        # block by block, for while two sparse views are compared no other thread of the process runs
        for start in range(0, m, BLOCK):
            rows = slice(start, start + BLOCK)
            alike[rows] = self.to(parameters, tuple(take(part, rows) for part in self.coded))
        alike[np.diag_indices_from(alike)] += np.float32(parameters.noise)
        return alike

    def to(self, parameters: ItemParameters, others: tuple[Coded, ...]) -> Floats:
        """Return how alike others are to the items, float32 [others, m]."""
        alike = (likeness(view, left, right) for view, left, right in zip(self.views, others, self.coded, strict=True))
        return mixed(joined(parameters.weights, alike, tuple(map(present, others)), self.known), parameters.interaction)


def mixed(alike: Floats, interaction: float) -> Floats:
    """Return ``(1 - h) k + h k^2``: the square is alike only where several views agree."""
    share = np.float32(interaction)
    return np.asarray(alike * (1 - share + share * alike), dtype=np.float32)
