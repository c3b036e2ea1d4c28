"""Self-attention over a person's events."""

from dataclasses import dataclass
from typing import Annotated, Self

import numpy as np
from pydantic import Field, model_validator

from warmstart.recommenders.neural.arrays import Array, Library, normalised
from warmstart.recommenders.neural.base import NeuralRecommender
from warmstart.recommenders.neural.network import Events, Network, Shapes, Weights
from warmstart.recommenders.neural.recurrent import rows_of
from warmstart.recommenders.neural.settings import NeuralConfig

FAR = -1e9
"""Added where attention may not look."""


class SASRecConfig(NeuralConfig):
    """Settings of ``sasrec``."""

    longest: Annotated[int, Field(ge=1)] = 30
    """Events of a history that are read: the last ones."""

    blocks: Annotated[int, Field(ge=1)] = 1
    """Blocks of attention and a feed-forward layer, one above the other."""

    heads: Annotated[int, Field(ge=1)] = 2
    """Heads of attention; ``factors`` must be a multiple of them."""

    @model_validator(mode="after")
    def _heads_fit(self) -> Self:
        if self.factors % self.heads:
            raise ValueError(f"factors ({self.factors}) must be a multiple of heads ({self.heads})")
        return self


@dataclass(frozen=True)
class SASRecNetwork(Network):
    """A causal Transformer.

    Args:
        d: length of an item's vector.
        blocks: one above the other.
        heads: of attention.
        longest: events that are read.
    """

    d: int
    blocks: int
    heads: int
    longest: int
    ordered = True

    def shapes(self) -> Shapes:
        """Return places, and for each block attention, feed-forward and two normalisations."""
        d, found = self.d, {"places": (self.longest, self.d), "answer.gain": (self.d,), "answer.bias": (self.d,)}
        for block in range(self.blocks):
            name = f"block.{block}"
            found |= {f"{name}.attend": (d, 3 * d), f"{name}.attend.bias": (3 * d,), f"{name}.joined": (d, d)}
            found |= {f"{name}.wide": (d, d), f"{name}.wide.bias": (d,), f"{name}.narrow": (d, d)}
            found |= {f"{name}.{side}.{part}": (d,) for side in ("first", "second") for part in ("gain", "bias")}
        return found

    def states(self, library: Library, weights: Weights, events: Events) -> Array:
        """Return the states that are asked for, [n, m, d]."""
        length = events.mask.shape[1]
        x = (events.vectors + weights["places"][:length]) * events.mask[..., None]
        later = library.constant(np.triu(np.full((length, length), FAR, dtype=np.float32), 1))
        for block in range(self.blocks):
            name = f"block.{block}"
            y = _normal(library, weights, f"{name}.first", x)
            x = x + library.drop(self._attended(library, weights, name, y, later))
            y = _normal(library, weights, f"{name}.second", x)
            y = library.relu(y @ weights[f"{name}.wide"] + weights[f"{name}.wide.bias"])
            x = x + library.drop(y) @ weights[f"{name}.narrow"]
        return _normal(library, weights, "answer", x[library.constant(rows_of(events)), events.last])

    def _attended(self, library: Library, weights: Weights, name: str, x: Array, later: Array) -> Array:
        """Return what each event takes from those up to it, [n, longest, d]."""
        n, length, d = x.shape
        parts = x @ weights[f"{name}.attend"] + weights[f"{name}.attend.bias"]
        parts = parts.reshape(n, length, 3, self.heads, d // self.heads).swapaxes(1, 3)  # [n, heads, 3, longest, e]
        query, key, value = parts[:, :, 0], parts[:, :, 1], parts[:, :, 2]
        shares = library.softmax(query @ key.swapaxes(2, 3) / (d // self.heads) ** 0.5 + later)
        joined = (shares @ value).swapaxes(1, 2).reshape(n, length, d)
        return joined @ weights[f"{name}.joined"]


def _normal(library: Library, weights: Weights, name: str, x: Array) -> Array:
    return normalised(library, x, weights[f"{name}.gain"], weights[f"{name}.bias"])


class SASRec(NeuralRecommender):
    """Scores are products of an item's vector and what self-attention makes of the last events.

    x = v + place,  x = x + attention(norm(x)),  x = x + relu(norm(x) W) V,  score = norm(x_last) . w + prior

    Sources: Kang and McAuley (2018). As first published it was trained with one negative item an event, which makes it
    overconfident and weak (Petrov and Macdonald, 2023); with a likelihood over all items it is strong (Klenitskiy and
    Vasilev, 2023), and so it is trained here. Every state foretells all that follows, not the next event alone.

    Example:
        >>> import warmstart as ws
        >>> model = ws.recommender("sasrec", epochs=1, factors=8).fit(ws.load_dataset("movielens-small"))
        >>> len(model.recommend([1196, 260], k=3))
        3
    """

    name = "sasrec"
    config_class = SASRecConfig
    config: SASRecConfig

    def network(self) -> Network:
        """Return the Transformer."""
        config = self.config
        return SASRecNetwork(config.factors, config.blocks, config.heads, config.longest)
