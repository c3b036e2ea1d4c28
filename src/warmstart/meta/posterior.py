"""How far a person's scores may be off: the taste posterior read as a distribution, not as its mean.

Prior and evidence weigh the tastes; the score of an item is the mean of what they like. What one person likes is a
draw from the same posterior: a mixture of a few tastes, drawn by their weights, which leaves the linear voice where it
is. Each event stands for one taste more in the mixture, so a stranger is like *somebody*, and after n events the
spread has fallen as the Dirichlet's whose concentration is n (Ferguson, 1973): by ``sqrt(1 + n)``.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from warmstart.core.errors import BadInput
from warmstart.core.histories import Floats
from warmstart.meta.prior import Prior, Support
from warmstart.meta.tastes import Tastes

Indices = npt.NDArray[np.integer]

LEAST_LENGTH = 1e-6
"""Share of the longest vector below which the tastes know an item too little to say what it is like."""


@dataclass(frozen=True, slots=True)
class TastePosterior:
    """A distribution of one person's scores around those that the prior gives.

    Args:
        tastes: what each taste likes.
        weights: float32 [tastes], the posterior; it sums to 1.
        share: of the tastes in a score, 0 to 1.
        mixed: tastes that one draw mixes, at least 1.

    Example:
        >>> import numpy as np
        >>> from warmstart.meta.posterior import TastePosterior
        >>> from warmstart.meta.tastes import Tastes
        >>> likes = np.array([[1, 0, 0.5], [0, 1, 0.5]], dtype=np.float32)  # [tastes, items]
        >>> tastes = Tastes(np.zeros((0, 2), np.float32), np.full(3, -1), np.eye(2, dtype=np.float32), likes)
        >>> torn = TastePosterior(tastes, np.array([0.5, 0.5], np.float32), share=1.0, mixed=1)
        >>> torn.spread(np.arange(3)).tolist()
        [0.5, 0.5, 0.0]
        >>> sorted({tuple(row) for row in torn.draws(20, np.arange(3), np.random.default_rng(0)).tolist()})
        [(-0.5, 0.5, 0.0), (0.5, -0.5, 0.0)]
    """

    tastes: Tastes
    weights: Floats
    share: float
    mixed: int

    @classmethod
    def of(cls, prior: Prior, support: Support) -> "TastePosterior":
        """Weigh the tastes by one person's evidence; raises ``BadInput`` where the prior has no tastes."""
        tastes, at = prior.tastes, prior.parameters.at_one(support.count_of_one)
        if tastes is None:
            raise BadInput("This model has no posterior, for nobody in its data liked anything. Switch exploring off.")
        evidence = tastes.evidence_of(support.items, support.weights * np.float32(at.sharpness))
        weights = np.exp(evidence - evidence.max())
        return cls(tastes, weights / weights.sum(), at.share, 1 + round(support.count_of_one))

    def spread(self, items: Indices) -> Floats:
        """Return the standard deviation of some items' scores, float32 [len(items)]."""
        values = self.tastes.values
        mean = self.weights @ values
        covariance = (values * self.weights[:, None]).T @ values - np.outer(mean, mean)  # [rank, rank]
        columns = self.tastes.outputs[:, items]
        variance = np.einsum("ri,ri->i", columns, covariance @ columns)
        found: Floats = np.sqrt(np.maximum(variance, 0)) * np.float32(self.share / np.sqrt(self.mixed))
        return found

    def draws(self, n: int, items: Indices, rng: np.random.Generator) -> Floats:
        """Draw by how much the scores of some items differ from their mean, float32 [n, len(items)]."""
        totals = np.cumsum(self.weights, dtype=np.float64)
        found = np.searchsorted(totals, rng.random((n, self.mixed)) * totals[-1], side="right")
        values = self.tastes.values
        mixtures = values[np.minimum(found, len(values) - 1)].mean(axis=1) - self.weights @ values  # [n, rank]
        differences: Floats = (mixtures * np.float32(self.share)) @ self.tastes.outputs[:, items]
        return differences


def item_vectors(tastes: Tastes) -> Floats:
    """Return a vector an item, of length 1, float32 [items, rank]: their products say how alike tastes like two items.

    The product of two vectors is the correlation, over the tastes, of what they like of the two items. An item of which
    the tastes know nothing has a vector of zeros and is like no other.
    """
    centred = (tastes.values - tastes.values.mean(axis=0)).astype(np.float64)
    sizes, directions = np.linalg.eigh(centred.T @ centred)
    root = directions * np.sqrt(np.maximum(sizes, 0))  # [rank, rank], root @ root.T is the covariance
    vectors = tastes.outputs.T @ root.astype(np.float32)
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    known = lengths > LEAST_LENGTH * lengths.max(initial=0)
    found: Floats = np.divide(vectors, lengths, out=np.zeros_like(vectors), where=known)
    return found
