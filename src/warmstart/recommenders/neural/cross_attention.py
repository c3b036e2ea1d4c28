"""Attention between each candidate and a person's events."""

from dataclasses import dataclass
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from warmstart.recommenders.neural.arrays import Array, Library
from warmstart.recommenders.neural.base import NeuralRecommender
from warmstart.recommenders.neural.network import Events, Network, Shapes, Weights, pooled
from warmstart.recommenders.neural.settings import NeuralConfig


class CrossAttentionConfig(NeuralConfig):
    """Settings of ``cross_attention``."""

    factors: Annotated[int, Field(ge=1)] = 64
    """Length of an item's vectors."""

    heads: Annotated[int, Field(ge=1)] = 2
    """Heads of attention; ``factors`` must be a multiple of them."""

    negatives: Annotated[int | None, Field(ge=1)] = 600
    """Items that a step compares, drawn by the root of their frequency; None compares all."""

    pretrain: Literal["none", "masked"] = "none"
    """What is learned first from all events, liked or not: nothing, or which events are missing from a history."""

    @model_validator(mode="after")
    def _heads_fit(self) -> Self:
        if self.factors % self.heads:
            raise ValueError(f"factors ({self.factors}) must be a multiple of heads ({self.heads})")
        return self


@dataclass(frozen=True)
class CrossAttentionNetwork(Network):
    """A candidate asks, a person's events answer.

    Args:
        d: length of an item's vector.
        heads: of attention.
    """

    d: int
    heads: int
    vector = False

    def shapes(self) -> Shapes:
        """Return the maps of what asks, what answers, what is answered and how it is weighed."""
        return {f"cross.{part}": (self.d, self.d) for part in ("asks", "answers", "says", "weighs")}

    def states(self, library: Library, weights: Weights, events: Events) -> Array:
        """Return what each event answers and says, the pooled person and the mask, [n, longest, 3 d + 1]."""
        answers, says = events.vectors @ weights["cross.answers"], events.vectors @ weights["cross.says"]
        whole = library.tanh(pooled(library, events)) + says * 0
        return library.join([answers, says, whole, events.mask[..., None]], -1)

    def scores(self, library: Library, weights: Weights, states: Array, items: Array) -> Array:
        """Return the product with the pooled person and those with the events each head looks at, [n, c]."""
        d, e = self.d, self.d // self.heads
        answers, says = states[..., :d], states[..., d : 2 * d]
        whole, mask = states[:, 0, 2 * d : 3 * d], states[..., -1]
        asks, weighs = items @ weights["cross.asks"], items @ weights["cross.weighs"]
        found = whole @ items.T
        root = library.sqrt(mask.sum(1))[:, None]
        for head in range(self.heads):
            part = slice(head * e, (head + 1) * e)
            # no softmax: how much there is to look at counts too (Zhou et al., 2018)
            looks = library.sigmoid(asks[:, part] @ answers[..., part].swapaxes(1, 2) / e**0.5)  # [n, c, longest]
            worth = weighs[:, part] @ says[..., part].swapaxes(1, 2)
            found = found + (looks * worth * mask[:, None]).sum(-1) / root
        return found

    def width(self, longest: int) -> int:
        """Return how many numbers a person and an item take while they are scored."""
        return 3 * longest


class CrossAttention(NeuralRecommender):
    """Scores let each candidate look at those of a person's events that bear on it.

    a_ci = sigmoid(q_c . k_i / sqrt(e)),  score_c = x . w_c + sum_heads sum_i a_ci (v_i . o_c) / sqrt(n) + prior

    Source: Zhou et al. (2018), Deep Interest Network, whose attention is not normalised either; products in the place
    of its small network make all items affordable.

    Example:
        >>> import warmstart as ws
        >>> model = ws.recommender("cross_attention", epochs=1, factors=8).fit(ws.load_dataset("movielens-small"))
        >>> len(model.recommend([1196, 260], k=3))
        3
    """

    name = "cross_attention"
    config_class = CrossAttentionConfig
    config: CrossAttentionConfig

    def network(self) -> Network:
        """Return the attention."""
        return CrossAttentionNetwork(self.config.factors, self.config.heads)
