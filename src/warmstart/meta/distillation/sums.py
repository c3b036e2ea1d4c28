"""What a ridge regression needs of lessons that come one after the other, so that none has to be kept."""

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
from scipy import linalg, sparse

from warmstart.core.histories import Floats

Doubles = npt.NDArray[np.float64]


@dataclass(slots=True)
class _OfOne:
    """Sums of lessons with the same number of events."""

    gram: Floats
    cross: Floats
    told: Doubles
    said: Doubles
    n: int = 0


@dataclass(slots=True)
class Sums:
    """Sums over lessons that come in order of their number of events k, each k less its own mean.

    Events of lessons with k events are scaled by ``k^-exponent``, for several exponents at once.

    Args:
        features: how many features a lesson has.
        width: how many answers.
        exponents: the exponents.
    """

    features: int
    width: int
    exponents: tuple[float, ...]
    means: dict[int, tuple[Doubles, Doubles]] = field(default_factory=dict)
    totals: dict[float, tuple[Floats, Floats]] = field(default_factory=dict)
    _at: int | None = None
    _part: _OfOne | None = None

    def add(self, k: int, features: sparse.csr_matrix | Floats, answers: Floats) -> None:
        """Add one lesson; raises ``ValueError`` where the lessons of one k do not come together."""
        if k != self._at:
            self.close()
            if k in self.means:
                raise ValueError(f"lessons of {k} events must come together")
            self._at = k
        if self._part is None:
            n, width = self.features, self.width
            gram, cross = np.zeros((n, n), np.float32), np.zeros((n, width), np.float32)
            self._part = _OfOne(gram, cross, np.zeros(n), np.zeros(width))
        products = features.T @ features
        self._part.gram += products if isinstance(products, np.ndarray) else products.toarray()
        self._part.cross += features.T @ answers
        self._part.told += np.asarray(features.sum(axis=0), dtype=np.float64).ravel()
        self._part.said += answers.sum(axis=0, dtype=np.float64)
        self._part.n += len(answers)

    def close(self) -> None:
        """Add up what came of the last k."""
        part, k = self._part, self._at
        if part is None or k is None:
            return
        told, said = part.told / part.n, part.said / part.n
        self.means[k] = told, said
        part.gram -= np.outer(told * part.n, told).astype(np.float32)
        part.cross -= np.outer(told * part.n, said).astype(np.float32)
        for exponent in self.exponents:
            scale = np.float32(max(k, 1) ** -exponent)
            gram, cross = self.totals.get(exponent, (np.float32(0), np.float32(0)))
            self.totals[exponent] = np.asarray(gram + scale**2 * part.gram), np.asarray(cross + scale * part.cross)
        self._part = self._at = None

    def solved(self, exponent: float, ridge: float, before: Floats | None = None) -> Floats:
        """Return the map [features, width] that gives the answers best, drawn towards ``before``.

        Args:
            exponent: one of the exponents.
            ridge: lessons' worth of shrinkage.
            before: float32 [features, up to width], a map that is departed from only as far as lessons demand; for
                answers beyond it, and without any, it is 0.

        Example:
            >>> import numpy as np
            >>> from warmstart.meta.distillation.sums import Sums
            >>> sums = Sums(1, 1, (0.0,))
            >>> sums.add(1, np.array([[0.0], [1]], np.float32), np.array([[5.0], [7]], np.float32))
            >>> sums.close()
            >>> float(sums.solved(0.0, 1e-6)[0, 0].round(3)), float(sums.constant(1, np.array([[2.0]]))[0])
            (2.0, 5.0)
        """
        gram, cross = self.totals[exponent]
        system = gram.copy()
        system[np.diag_indices_from(system)] += np.float32(ridge)
        known = np.zeros((self.features, 0), np.float32) if before is None else before
        right = cross.copy()
        right[:, : known.shape[1]] -= gram @ known
        factor = linalg.cho_factor(system, overwrite_a=True, check_finite=False)
        found: Floats = linalg.cho_solve(factor, right, overwrite_b=True, check_finite=False).astype(np.float32)
        found[:, : known.shape[1]] += known
        return found

    def constant(self, k: int, rows: Floats, exponent: float = 0.0) -> Floats:
        """Return the constants that go with a map [features, width] at a number of events, float32 [width]."""
        told, said = self.means[k]
        found: Floats = (said - max(k, 1) ** -exponent * (told @ rows)).astype(np.float32)
        return found
