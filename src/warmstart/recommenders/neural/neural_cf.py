"""Neural collaborative filtering: a weighted product beside a network over person and item."""

from dataclasses import dataclass
from typing import Annotated

from pydantic import Field

from warmstart.recommenders.neural.arrays import Array, Library
from warmstart.recommenders.neural.base import NeuralRecommender
from warmstart.recommenders.neural.joint import joint_scores, joint_shapes
from warmstart.recommenders.neural.network import Events, Network, Shapes, Weights, pooled
from warmstart.recommenders.neural.settings import NeuralConfig


class NeuralCFConfig(NeuralConfig):
    """Settings of ``neural_cf``."""

    hidden: Annotated[int, Field(ge=2)] = 32
    """Width of the first layer over a person and an item; the second is half as wide."""

    negatives: Annotated[int | None, Field(ge=1)] = 600
    """Items that a step compares, drawn by the root of their frequency; None compares all."""


@dataclass(frozen=True)
class NeuralCFNetwork(Network):
    """GMF and MLP, added.

    Args:
        d: length of an item's vector.
        hidden: width of the first layer.
    """

    d: int
    hidden: int

    def shapes(self) -> Shapes:
        """Return the person's map, the weights of the product and the layers over both."""
        return {"product.gain": (self.d,)} | joint_shapes(self.d, self.hidden, self.hidden // 2)

    def states(self, library: Library, weights: Weights, events: Events) -> Array:
        """Return the person's vector, [n, 1, d]."""
        return library.tanh(pooled(library, events))

    def scores(self, library: Library, weights: Weights, states: Array, items: Array) -> Array:
        """Return the weighted product and what the layers add to it, [n, c]."""
        people = states.reshape(-1, self.d)
        return (people * weights["product.gain"]) @ items.T + joint_scores(library, weights, people, items)

    def width(self, longest: int) -> int:
        """Return how many numbers a person and an item take while they are scored."""
        return 2 * self.hidden


class NeuralCF(NeuralRecommender):
    """Scores are a weighted product of a person's and an item's vector, and what two layers over both add to it.

    x = tanh(sum_i v_i / sqrt(n)),  score = (x * g) . w + relu(relu(x A + w B + b) C + c) . h + prior

    Source: He et al. (2017). There a person has a vector of her own, by number; here it is made from her events, so
    that somebody new has one. That the product carries most of it is known since Rendle et al. (2020).

    Example:
        >>> import warmstart as ws
        >>> model = ws.recommender("neural_cf", epochs=1, factors=8).fit(ws.load_dataset("movielens-small"))
        >>> len(model.recommend([1196, 260], k=3))
        3
    """

    name = "neural_cf"
    config_class = NeuralCFConfig
    config: NeuralCFConfig

    def network(self) -> Network:
        """Return both parts."""
        return NeuralCFNetwork(self.config.factors, self.config.hidden)
