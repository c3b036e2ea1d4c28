"""Events read one after the other by long short-term memory."""

from dataclasses import dataclass
from typing import Annotated

from pydantic import Field

from warmstart.recommenders.neural.arrays import Array, Library
from warmstart.recommenders.neural.base import NeuralRecommender
from warmstart.recommenders.neural.network import Events, Network, Shapes, Weights
from warmstart.recommenders.neural.recurrent import asked_states, recurrent_shapes
from warmstart.recommenders.neural.settings import NeuralConfig


class LSTMConfig(NeuralConfig):
    """Settings of ``lstm``."""

    longest: Annotated[int, Field(ge=1)] = 30
    """Events of a history that are read: the last ones."""


@dataclass(frozen=True)
class LSTMNetwork(Network):
    """One layer of long short-term memory.

    Args:
        d: length of an item's vector, of the state and of the memory.
    """

    d: int
    ordered = True

    def shapes(self) -> Shapes:
        """Return the maps of four gates: input, forget, output and new."""
        return recurrent_shapes(self.d, 4)

    def states(self, library: Library, weights: Weights, events: Events) -> Array:
        """Return the states that are asked for, [n, m, d]."""
        told = events.vectors @ weights["gates.event"] + weights["gates.bias"]  # [n, longest, 4 d]
        h, d, found = events.vectors[:, 0] * 0, self.d, []
        memory = h
        for place in range(told.shape[1]):
            x = told[:, place] + h @ weights["gates.state"]
            share = library.sigmoid(x[:, : 3 * d])
            memory = share[:, d : 2 * d] * memory + share[:, :d] * library.tanh(x[:, 3 * d :])
            h = share[:, 2 * d :] * library.tanh(memory)
            found.append(h)
        return asked_states(library, weights, found, events)


class LSTM(NeuralRecommender):
    """Scores are products of an item's vector and the state of a network with memory that has read the events in order.

    i, f, o = sigmoid(x W + h U + b),  c' = f * c + i * tanh(x W + h U + b),  h' = o * tanh(c'),
    score = (h' A + a) . w + prior

    Source: Hochreiter and Schmidhuber (1997), with the forget gate of Gers et al. (2000).

    Example:
        >>> import warmstart as ws
        >>> model = ws.recommender("lstm", epochs=1, factors=8).fit(ws.load_dataset("movielens-small"))
        >>> len(model.recommend([1196, 260], k=3))
        3
    """

    name = "lstm"
    config_class = LSTMConfig
    config: LSTMConfig

    def network(self) -> Network:
        """Return the memory."""
        return LSTMNetwork(self.config.factors)
