"""Two towers, one for the person and one for the item, which meet in a product."""

from dataclasses import dataclass
from typing import Annotated

from pydantic import Field

from warmstart.recommenders.neural.arrays import Array, Library
from warmstart.recommenders.neural.base import NeuralRecommender
from warmstart.recommenders.neural.network import Events, Network, Shapes, Weights, pooled
from warmstart.recommenders.neural.settings import NeuralConfig


class TwoTowerConfig(NeuralConfig):
    """Settings of ``two_tower``."""

    layers: Annotated[int, Field(ge=0)] = 1
    """Layers of the person's tower after the first."""


@dataclass(frozen=True)
class TwoTowerNetwork(Network):
    """The person's tower is a residual network over her pooled events; the item's is its free part and its text.

    Args:
        d: length of an item's vector.
        layers: of the person's tower.
    """

    d: int
    layers: int

    def shapes(self) -> Shapes:
        """Return a matrix and its bias a layer."""
        found: Shapes = {}
        for layer in range(self.layers):
            found |= {f"person.{layer}": (self.d, self.d), f"person.{layer}.bias": (self.d,)}
        return found

    def states(self, library: Library, weights: Weights, events: Events) -> Array:
        """Return the person's vector, [n, 1, d]."""
        x = library.tanh(pooled(library, events))
        for layer in range(self.layers):
            x = x + library.tanh(library.drop(x) @ weights[f"person.{layer}"] + weights[f"person.{layer}.bias"])
        return x


class TwoTower(NeuralRecommender):
    """Scores are products of a person's vector, made from her events, and an item's, made from its id and its text.

    x = tanh(sum_i v_i / sqrt(n)),  u = x + tanh(x W + b),  score = u . w + prior

    Sources: Covington et al. (2016) for the tower over the mean of events; Yi et al. (2019) for the two towers;
    Liang et al. (2018) for the likelihood over all items.

    Example:
        >>> import warmstart as ws
        >>> model = ws.recommender("two_tower", epochs=2, factors=16).fit(ws.load_dataset("movielens-small"))
        >>> len(model.recommend([1196, 260], k=3))
        3
    """

    name = "two_tower"
    config_class = TwoTowerConfig
    config: TwoTowerConfig

    def network(self) -> Network:
        """Return the towers."""
        return TwoTowerNetwork(self.config.factors, self.config.layers)
