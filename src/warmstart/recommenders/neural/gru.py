"""Events read one after the other by gated recurrent units."""

from dataclasses import dataclass
from typing import Annotated

from pydantic import Field

from warmstart.recommenders.neural.arrays import Array, Library
from warmstart.recommenders.neural.base import NeuralRecommender
from warmstart.recommenders.neural.network import Events, Network, Shapes, Weights
from warmstart.recommenders.neural.recurrent import asked_states, recurrent_shapes
from warmstart.recommenders.neural.settings import NeuralConfig


class GRUConfig(NeuralConfig):
    """Settings of ``gru``."""

    longest: Annotated[int, Field(ge=1)] = 30
    """Events of a history that are read: the last ones."""


@dataclass(frozen=True)
class GRUNetwork(Network):
    """One layer of gated recurrent units.

    Args:
        d: length of an item's vector and of the state.
    """

    d: int
    ordered = True

    def shapes(self) -> Shapes:
        """Return the maps of three gates: reset, update and new."""
        return recurrent_shapes(self.d, 3)

    def states(self, library: Library, weights: Weights, events: Events) -> Array:
        """Return the states that are asked for, [n, m, d]."""
        told = events.vectors @ weights["gates.event"] + weights["gates.bias"]  # [n, longest, 3 d]
        h, d, found = events.vectors[:, 0] * 0, self.d, []
        for place in range(told.shape[1]):
            x, kept = told[:, place], h @ weights["gates.state"]
            share = library.sigmoid(x[:, : 2 * d] + kept[:, : 2 * d])
            fresh = library.tanh(x[:, 2 * d :] + share[:, :d] * kept[:, 2 * d :])
            h = fresh + share[:, d:] * (h - fresh)
            found.append(h)
        return asked_states(library, weights, found, events)


class GRU(NeuralRecommender):
    """Scores are products of an item's vector and the state of a recurrent network that has read the events in order.

    r, z = sigmoid(x W + h U + b),  n = tanh(x W + r * (h U) + b),  h' = n + z * (h - n),
    score = (h' A + a) . w + prior

    Sources: Hidasi et al. (2016), GRU4Rec; units by Cho et al. (2014). Every state foretells all that follows, not the
    next event alone, with a likelihood over all items.

    Example:
        >>> import warmstart as ws
        >>> model = ws.recommender("gru", epochs=1, factors=8).fit(ws.load_dataset("movielens-small"))
        >>> len(model.recommend([1196, 260], k=3))
        3
    """

    name = "gru"
    config_class = GRUConfig
    config: GRUConfig

    def network(self) -> Network:
        """Return the units."""
        return GRUNetwork(self.config.factors)
