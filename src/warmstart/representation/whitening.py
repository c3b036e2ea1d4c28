"""Vectors of a catalogue made rounder and shorter: centring, whitening and projection, fitted once and kept."""

from dataclasses import dataclass
from typing import Literal, Self

import numpy as np
import numpy.typing as npt

from warmstart.core.artefact import Arrays, array_of
from warmstart.core.errors import BadInput
from warmstart.core.histories import Floats
from warmstart.representation.language_model import unit_rows

Whitening = Literal["none", "centred", "top", "whitened", "soft"]
SHRINKAGE = 1.0
"""Times the mean variance that is added to each before soft whitening, so that faint directions are not blown up."""
FAINT = 1e-6
"""Share of the mean variance below which a direction holds nothing but rounding."""
DIRECTIONS_A_TOP = 100
"""One first direction is taken away by ``top`` for so many of the vectors' length, as its paper has it."""

Doubles = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class VectorSpace:
    """A linear map that makes vectors suit a catalogue: what all items share does not count, and less is stored.

    Sources: Su et al. (2021), Whitening Sentence Representations, also for the projection; the shrinkage of ``soft``
    as Ledoit and Wolf (2004); ``top`` from Mu and Viswanath (2018), All-but-the-Top.

    Args:
        centre: float32 [d], the mean over the catalogue.
        axes: float32 [d, p], what centred vectors are multiplied with.

    Example:
        >>> import numpy as np
        >>> from warmstart.representation.whitening import VectorSpace
        >>> vectors = np.random.default_rng(0).normal(1, [4, 2, 1, 1], size=(50, 4)).astype(np.float32)
        >>> space = VectorSpace.fit(vectors, "soft", dimension=2)
        >>> space.encode(vectors).shape, float(np.abs(space.encode(np.zeros((1, 4), dtype=np.float32))).sum())
        ((50, 2), 0.0)
    """

    centre: Floats
    axes: Floats

    @classmethod
    def fit(cls, vectors: Floats, whitening: Whitening = "soft", dimension: int | None = None) -> Self:
        """Learn the map from a catalogue's vectors; rows of zeros do not count.

        Args:
            vectors: float32 [n, d].
            whitening: ``none`` leaves directions as they are, ``centred`` takes the mean away, ``top`` also the
                directions of most variance, ``whitened`` gives all directions the same variance, ``soft`` nearly so.
            dimension: keep so many directions, those of most variance; None keeps all.

        Raises:
            BadInput: there is no such whitening, or ``dimension`` is less than 1.
        """
        if dimension is not None and dimension < 1:
            raise BadInput(f"dimension is at least 1, or None for all (came: {dimension}).")
        known = np.asarray(vectors, dtype=np.float64)
        known, d = known[np.abs(known).sum(axis=1) > 0], known.shape[1]
        if not len(known):
            return cls(np.zeros(d, dtype=np.float32), np.eye(d, min(dimension or d, d), dtype=np.float32))
        centre = np.zeros(d) if whitening == "none" else known.mean(axis=0)
        found, directions = np.linalg.eigh((known - centre).T @ (known - centre) / len(known))
        variances, directions = np.maximum(found[::-1], 0), directions[:, ::-1]
        first = -(-d // DIRECTIONS_A_TOP) if whitening == "top" else 0
        kept = slice(first, None if dimension is None else first + dimension)
        axes = directions[:, kept] * _scales(variances, whitening)[kept]
        # turned back where nothing is left out: the same cosines, whatever the signs of the directions
        turned = axes @ directions[:, kept].T if dimension is None else axes
        return cls(centre.astype(np.float32), turned.astype(np.float32))

    @property
    def dimension(self) -> int:
        """Length of the vectors that come out."""
        return int(self.axes.shape[1])

    def encode(self, vectors: Floats) -> Floats:
        """Return unit rows, float32 [n, p]; a row of zeros stays one."""
        silent = np.abs(vectors).sum(axis=1) == 0
        mapped = (vectors - self.centre) @ self.axes
        mapped[silent] = 0
        return unit_rows(mapped)

    def arrays(self, name: str) -> Arrays:
        """Return what is to be stored with a model, under names that begin with ``name``."""
        return {f"{name}.centre": self.centre, f"{name}.whitening": self.axes}

    @classmethod
    def of_arrays(cls, arrays: Arrays, name: str) -> Self:
        """Take back what ``arrays`` returned; raises ``BadModelFile`` if it does not fit."""
        centre = array_of(arrays, f"{name}.centre", (None,))
        return cls(centre, array_of(arrays, f"{name}.whitening", (len(centre), None)))


def _scales(variances: Doubles, whitening: Whitening) -> Doubles:
    """Return what each direction is multiplied with, float64 [d]."""
    mean = max(float(variances.mean()), 1e-12)
    if whitening == "soft":
        return np.asarray(1 / np.sqrt(variances + SHRINKAGE * mean), dtype=np.float64)
    if whitening == "whitened":
        # a direction in which the catalogue does not vary tells nothing apart
        told = variances > FAINT * mean
        return np.where(told, 1 / np.sqrt(np.where(told, variances, 1)), 0.0)
    if whitening not in ("none", "centred", "top"):
        raise BadInput(f"There is no whitening {whitening!r}. Take none, centred, top, whitened or soft.")
    return np.ones_like(variances)
