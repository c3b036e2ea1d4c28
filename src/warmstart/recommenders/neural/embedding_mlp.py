"""Embeddings of a person's events and of an item, read together by a multi-layer perceptron."""

from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import Field

from warmstart.core.config import Tunable
from warmstart.recommenders.neural.arrays import Array, Library
from warmstart.recommenders.neural.base import NeuralRecommender
from warmstart.recommenders.neural.joint import joint_scores, joint_shapes
from warmstart.recommenders.neural.network import Events, Network, Shapes, Weights, pooled
from warmstart.recommenders.neural.settings import NeuralConfig
from warmstart.recommenders.neural.training import Loss

Pooling = Literal["mean", "attention"]


class EmbeddingMLPConfig(NeuralConfig):
    """Settings of ``embedding_mlp``."""

    loss: Annotated[Loss, Tunable(choices=("softmax", "bce", "mse"))] = "bce"
    """What is made small: ``bce``, the cross-entropy of like and not like for each item; ``mse``, the squared distance
    of the probability of a like from 0 and 1; ``softmax``, the cross-entropy over all items."""

    pooling: Annotated[Pooling, Tunable(choices=("mean", "attention"))] = "mean"
    """How events become a person: they all count alike, or as attention says."""

    hidden: Annotated[int, Field(ge=2)] = 64
    """Width of the first layer over a person and an item; the second is half as wide."""

    negatives: Annotated[int | None, Field(ge=1)] = 600
    """Items that a step compares, drawn by the root of their frequency; None compares all."""


@dataclass(frozen=True)
class EmbeddingMLPNetwork(Network):
    """Pooled events and an item, through two layers.

    Args:
        d: length of an item's vector.
        hidden: width of the first layer.
        pooling: see ``EmbeddingMLPConfig``.
    """

    d: int
    hidden: int
    pooling: Pooling

    def shapes(self) -> Shapes:
        """Return the layers, and attention where there is some."""
        attention: Shapes = {"look": (self.d, self.d), "look.sum": (self.d, 1)} if self.pooling == "attention" else {}
        return joint_shapes(self.d, self.hidden, self.hidden // 2) | attention

    def states(self, library: Library, weights: Weights, events: Events) -> Array:
        """Return the person's vector, [n, 1, d]."""
        if self.pooling == "mean":
            return library.tanh(pooled(library, events))
        told = (library.tanh(events.vectors @ weights["look"]) @ weights["look.sum"])[..., 0]
        shares = library.softmax(told + (events.mask - 1) * 1e9)  # [n, longest]
        number = library.sqrt(events.mask.sum(1)[:, None])
        return library.tanh(pooled(library, Events(events.vectors, shares * number * number, events.last)))

    def scores(self, library: Library, weights: Weights, states: Array, items: Array) -> Array:
        """Return what the layers say, [n, c]."""
        return joint_scores(library, weights, states.reshape(-1, self.d), items)

    def width(self, longest: int) -> int:
        """Return how many numbers a person and an item take while they are scored."""
        return 2 * self.hidden


class EmbeddingMLP(NeuralRecommender):
    """Scores are the log odds of a like, by two layers over a person's pooled events and an item.

    x = tanh(sum_i a_i v_i),  score = relu(relu(x A + w B + b) C + c) . h + prior

    A person's number can not be known of somebody new, so she is her events. Losses: cross-entropy (bce), squared
    error (mse), likelihood over the items (softmax).

    Sources: Cheng et al. (2016) for layers over embeddings; He et al. (2017) for the loss; Bahdanau et al. (2015) for
    the attention.

    Example:
        >>> import warmstart as ws
        >>> model = ws.recommender("embedding_mlp", epochs=1, factors=8).fit(ws.load_dataset("movielens-small"))
        >>> len(model.recommend([1196, 260], k=3))
        3
    """

    name = "embedding_mlp"
    config_class = EmbeddingMLPConfig
    config: EmbeddingMLPConfig

    def network(self) -> Network:
        """Return the layers."""
        return EmbeddingMLPNetwork(self.config.factors, self.config.hidden, self.config.pooling)

    def loss(self) -> Loss:
        """Return the loss that is set."""
        return self.config.loss
