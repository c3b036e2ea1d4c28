"""Formulas that are written once and run on numpy, to answer, and on torch, to be differentiated."""

import sys
from typing import Any

import numpy as np

Array = Any
"""A numpy array or a torch tensor."""


def library_of(array: Array) -> Any:
    """Return the module, numpy or torch, that an array belongs to; torch is never imported for it.

    Example:
        >>> import numpy as np
        >>> from warmstart.meta.learners.either import library_of
        >>> library_of(np.zeros(2)).__name__
        'numpy'
    """
    return np if isinstance(array, np.ndarray | np.generic) else sys.modules["torch"]


def constant(array: Array) -> Array:
    """Return the same numbers, of which no slope is asked.

    Example:
        >>> import numpy as np
        >>> from warmstart.meta.learners.either import constant
        >>> constant(np.ones(2)).tolist()
        [1.0, 1.0]
    """
    return array if isinstance(array, np.ndarray | np.generic) else array.detach()


def affine(vectors: Array, rows: Array, constant: Array) -> Array:
    """Return ``vectors rows' + constant``, [n, items].

    Args:
        vectors: [n, d].
        rows: [items, d].
        constant: [items].

    Example:
        >>> import numpy as np
        >>> from warmstart.meta.learners.either import affine
        >>> affine(np.array([[1.0, 2.0]]), np.eye(2), np.array([0.0, 1.0])).tolist()
        [[1.0, 3.0]]
    """
    if not isinstance(vectors, np.ndarray):
        return library_of(vectors).addmm(constant, vectors, rows.T)  # one pass less
    found = vectors @ rows.T
    found += constant
    return found


def softmax(logits: Array) -> Array:
    """Return the softmax over the last axis.

    Example:
        >>> import numpy as np
        >>> from warmstart.meta.learners.either import softmax
        >>> softmax(np.array([[0.0, 0.0]])).tolist()
        [[0.5, 0.5]]
    """
    if not isinstance(logits, np.ndarray):
        return logits.softmax(-1)
    shifted = np.exp(logits - logits.max(-1)[..., None])
    return shifted / shifted.sum(-1)[..., None]


def logsumexp(logits: Array) -> Array:
    """Return the logarithm of the sum of exponentials over the last axis.

    Example:
        >>> import numpy as np
        >>> from warmstart.meta.learners.either import logsumexp
        >>> logsumexp(np.array([[1000.0, 1000.0]])).round(3).tolist()
        [1000.693]
    """
    if not isinstance(logits, np.ndarray):
        return logits.logsumexp(-1)  # one pass forth and one back
    peak = logits.max(-1)
    return peak + np.log(np.exp(logits - peak[..., None]).sum(-1))


def weighted_mean(rows: Array, weights: Array) -> Array:
    """Return the means over the last axis but one, ``rows [..., k, d]`` by ``weights [..., k]``; 0 without weight.

    Example:
        >>> import numpy as np
        >>> from warmstart.meta.learners.either import weighted_mean
        >>> weighted_mean(np.array([[1.0, 0.0], [3.0, 2.0]]), np.array([1.0, 1.0])).tolist()
        [2.0, 1.0]
    """
    xp = library_of(rows)
    total = weights.sum(-1)[..., None]
    return (rows * weights[..., None]).sum(-2) / xp.where(total > 0, total, xp.ones_like(total))
