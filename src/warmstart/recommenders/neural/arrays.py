"""The few operations that networks are written in, so that one forward pass runs in torch and in numpy."""

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np

Array = Any
"""A numpy array or a torch tensor; a network does not ask which."""


class Library(Protocol):
    """What numpy and torch call differently; all else a network says with operators and methods both have."""

    def relu(self, x: Array) -> Array:
        """Return what is positive."""
        ...

    def tanh(self, x: Array) -> Array:
        """Return the hyperbolic tangent."""
        ...

    def sigmoid(self, x: Array) -> Array:
        """Return the logistic function."""
        ...

    def softmax(self, x: Array) -> Array:
        """Return shares along the last axis."""
        ...

    def sqrt(self, x: Array) -> Array:
        """Return the root of each number."""
        ...

    def largest(self, x: Array, axis: int) -> Array:
        """Return the largest number along one axis."""
        ...

    def join(self, parts: Sequence[Array], axis: int) -> Array:
        """Put arrays one behind the other along an axis."""
        ...

    def pile(self, parts: Sequence[Array], axis: int) -> Array:
        """Put arrays of one shape beside each other along a new axis."""
        ...

    def constant(self, x: Any) -> Array:
        """Take a numpy array as one of this library's own, on its device."""
        ...

    def drop(self, x: Array) -> Array:
        """Set some numbers to zero while training (Srivastava et al., 2014); serving returns them as they are."""
        ...


class Numpy:
    """The operations for answering.

    Example:
        >>> import numpy as np
        >>> from warmstart.recommenders.neural.arrays import Numpy
        >>> Numpy().softmax(np.array([0.0, 0.0])).tolist()
        [0.5, 0.5]
    """

    def relu(self, x: Array) -> Array:
        """Return what is positive."""
        return np.maximum(x, 0)

    def tanh(self, x: Array) -> Array:
        """Return the hyperbolic tangent."""
        return np.tanh(x)

    def sigmoid(self, x: Array) -> Array:
        """Return the logistic function, by way of tanh, which never overflows."""
        return 0.5 * np.tanh(0.5 * x) + 0.5

    def softmax(self, x: Array) -> Array:
        """Return shares along the last axis."""
        raised = np.exp(x - x.max(-1, keepdims=True))
        return raised / raised.sum(-1, keepdims=True)

    def sqrt(self, x: Array) -> Array:
        """Return the root of each number."""
        return np.sqrt(x)

    def largest(self, x: Array, axis: int) -> Array:
        """Return the largest number along one axis."""
        return x.max(axis)

    def join(self, parts: Sequence[Array], axis: int) -> Array:
        """Put arrays one behind the other along an axis."""
        return np.concatenate(parts, axis)

    def pile(self, parts: Sequence[Array], axis: int) -> Array:
        """Put arrays of one shape beside each other along a new axis."""
        return np.stack(parts, axis)

    def constant(self, x: Any) -> Array:
        """Return it as it is."""
        return x

    def drop(self, x: Array) -> Array:
        """Return it as it is."""
        return x


NUMPY: Library = Numpy()


def normalised(library: Library, x: Array, gain: Array, shift: Array) -> Array:
    """Return rows of mean 0 and variance 1, then scaled and shifted: layer normalisation (Ba et al., 2016).

    Example:
        >>> import numpy as np
        >>> from warmstart.recommenders.neural.arrays import NUMPY, normalised
        >>> normalised(NUMPY, np.array([[1.0, 3.0]]), 1.0, 0.0).round(3).tolist()
        [[-1.0, 1.0]]
    """
    centred = x - x.mean(-1)[..., None]
    variance = (centred * centred).mean(-1)[..., None]
    return centred / library.sqrt(variance + 1e-5) * gain + shift
