"""What a network is: named weights, a way from events to a state, and a way from a state to scores of items."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from warmstart.core.artefact import Arrays
from warmstart.recommenders.neural.arrays import Array, Library

Weights = Mapping[str, Array]
Shapes = dict[str, tuple[int, ...]]


@dataclass(frozen=True, slots=True)
class Events:
    """Histories as a network reads them, padded at the end to the longest.

    Args:
        vectors: [n, longest, d], the vectors of the items in each person's order.
        mask: [n, longest], 1 for an event and 0 for what fills the row up.
        last: [n, m], places of the events after which a state is asked for.
    """

    vectors: Array
    mask: Array
    last: Array


class Network(ABC):
    """One architecture; its forward pass is written once and runs in torch for training, in numpy for answering.

    Letters: n people, m states a person, d length of an item's vector, c items that are scored.
    """

    ordered: ClassVar[bool] = False
    """Whether a state reads only what comes before it, so that one pass gives a state after each event."""
    vector: ClassVar[bool] = True
    """Whether a person's state is a vector, which contrastive pre-training compares."""

    @abstractmethod
    def shapes(self) -> Shapes:
        """Return the shape of every weight by name; those that end in ``.bias`` begin at 0, in ``.gain`` at 1."""

    @abstractmethod
    def states(self, library: Library, weights: Weights, events: Events) -> Array:
        """Return what events make of people, [n, m, ...]."""

    def scores(self, library: Library, weights: Weights, states: Array, items: Array) -> Array:
        """Return how well items fit states, [n * m, c]: products of vectors unless a network knows better.

        Args:
            library: numpy or torch.
            weights: by name.
            states: what ``states`` returned.
            items: [c, d], the vectors of the items that are scored.
        """
        return states.reshape(-1, states.shape[-1]) @ items.T

    def told(self, library: Library, weights: Weights, text: Array) -> Array:
        """Return what texts say of items as vectors, [c, p]; they come as such, unless a network reads the words."""
        return text

    def width(self, longest: int) -> int:
        """Return how many numbers a person and an item take while they are scored."""
        return 1


def started(shapes: Shapes, rng: np.random.Generator) -> Arrays:
    """Return weights to begin with: normal, of variance 1 / inputs (Glorot and Bengio, 2010).

    Example:
        >>> import numpy as np
        >>> from warmstart.recommenders.neural.network import started
        >>> {name: one.shape for name, one in started({"a.bias": (3,)}, np.random.default_rng(0)).items()}
        {'a.bias': (3,)}
    """
    return {name: _started(name, shape, rng) for name, shape in shapes.items()}


def _started(name: str, shape: tuple[int, ...], rng: np.random.Generator) -> Array:
    if name.endswith(".bias"):
        return np.zeros(shape, dtype=np.float32)
    if name.endswith(".gain"):
        return np.ones(shape, dtype=np.float32)
    inputs = int(np.prod(shape[:-1])) if len(shape) > 1 else shape[0]
    return rng.normal(0, 1 / np.sqrt(max(inputs, 1)), shape).astype(np.float32)


def pooled(library: Library, events: Events) -> Array:
    """Return the sum of a person's vectors over the root of their number, [n, 1, d]: its length tells how many came."""
    number = events.mask.sum(1)[:, None]
    total = (events.vectors * events.mask[..., None]).sum(1)
    return (total / library.sqrt(number + (number == 0)))[:, None]
