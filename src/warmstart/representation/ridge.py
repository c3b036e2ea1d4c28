"""Ridge regression with a constant that is not shrunk."""

from typing import Any

import numpy as np
import numpy.typing as npt

Reals = npt.NDArray[np.floating]


def ridge(features: Reals, targets: Reals, shrinkage: float, weights: Reals | None = None) -> tuple[Any, Any]:
    """Return slopes, float64 [d] or [d, columns], and the constant, by ridge regression (Hoerl and Kennard, 1970).

    Args:
        features: [n, d].
        targets: [n] or [n, columns].
        shrinkage: what is added to the diagonal, above 0.
        weights: [n], what each row counts; None counts all alike.

    Example:
        >>> import numpy as np
        >>> from warmstart.representation.ridge import ridge
        >>> slopes, constant = ridge(np.array([[0.0], [1.0], [2.0]]), np.array([5.0, 7.0, 9.0]), 1e-9)
        >>> slopes.round(3).tolist(), round(float(constant), 3)
        ([2.0], 5.0)
    """
    counted = np.ones(len(features)) if weights is None else np.asarray(weights, dtype=np.float64)
    centre, level = (np.average(one, axis=0, weights=counted) for one in (features, targets))
    apart = features - centre
    weighted = apart.T * counted
    slopes = np.linalg.solve(weighted @ apart + shrinkage * np.eye(features.shape[1]), weighted @ (targets - level))
    return slopes, level - centre @ slopes
