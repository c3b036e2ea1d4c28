"""Vectors of items: a free part, learned from who met them, and a part mapped from what their text says."""

from dataclasses import dataclass

import numpy as np

from warmstart.core.artefact import Arrays
from warmstart.core.histories import Floats
from warmstart.recommenders.neural.arrays import Array, Library
from warmstart.recommenders.neural.network import Shapes, Weights
from warmstart.representation.ridge import ridge

TEXT_SHRINKAGE = 3.0
"""Ridge of what texts foretell of popularity, for vectors of length 1; 30 was worse on cold items of MovieLens-100K."""


@dataclass(frozen=True, slots=True)
class Items:
    """Items as a network uses them.

    Args:
        read: [items, d], as events of a history.
        asked: [items, d], as candidates.
        prior: [items], added to a score.
    """

    read: Array
    asked: Array
    prior: Array

    @classmethod
    def of(cls, weights: Weights, rows: Array, text: Array | None, known: Array) -> "Items":
        """Put the vectors of some items together.

        Args:
            weights: those of ``item_shapes``.
            rows: [some], which items.
            text: [some, p], what their texts say, or None without text.
            known: [some], 1 for an item with a free part, 0 for one that has only its text.
        """
        free = weights["item.read"][rows], weights["item.asked"][rows], weights["item.prior"][rows]
        read, asked, prior = free[0] * known[:, None], free[1] * known[:, None], free[2] * known
        if text is None:
            return cls(read, asked, prior)
        told = cls.told(weights, text)
        # how popular an item is that people meet, its free part says better than any text
        return cls(read + told.read, asked + told.asked, prior + (1 - known) * told.prior)

    @classmethod
    def told(cls, weights: Weights, text: Array) -> "Items":
        """Return what is known of items by their text alone."""
        prior = text @ weights["text.prior"] + weights["text.level"]
        return cls(text @ weights["text.read"], text @ weights["text.asked"], prior)

    def events(self, library: Library, weights: Weights, places: Array, disliked: Array, mask: Array) -> Array:
        """Return the vectors of events, [n, longest, d]; that of a dislike is bent, dimension by dimension."""
        bent = 1 + disliked[..., None] * weights["event.bent"]
        return library.drop(self.read[places] * bent * mask[..., None])


def item_shapes(n_items: int, d: int, p: int) -> Shapes:
    """Return the shapes of the weights that make item vectors.

    Args:
        n_items: items.
        d: length of the vectors.
        p: length of the text vectors; 0 without text.
    """
    shapes: Shapes = {"item.read": (n_items, d), "item.asked": (n_items, d), "item.prior": (n_items,)}
    return shapes | {"event.bent": (d,)} | text_shapes(d, p)


def text_shapes(d: int, p: int) -> Shapes:
    """Return the shapes of the maps from texts to item vectors."""
    return {"text.read": (p, d), "text.asked": (p, d), "text.prior": (p,), "text.level": (1,)} if p else {}


def started_items(shapes: Shapes, counts: Floats, text: Array | None, rng: np.random.Generator) -> Arrays:
    """Return weights to begin with: small vectors, as prior how often an item is met, or what its text says of that.

    Args:
        shapes: those of ``item_shapes``.
        counts: [items], how often each is met.
        text: [items, p], what their texts say; rows that a network has yet to read, and None, foretell nothing.
        rng: of the vectors.
    """
    found = {}
    for name, shape in shapes.items():
        inputs = shape[0] if name.startswith("text") else shape[-1]
        still = name.endswith((".prior", ".bent", ".level"))
        scale = 0.0 if still else (0.1 if name.endswith("asked") else 1.0) / np.sqrt(inputs)
        found[name] = rng.normal(0, scale, shape).astype(np.float32)
    prior = np.log(counts + 0.5)
    prior -= prior.mean()
    found["item.prior"] = prior.astype(np.float32)
    if text is not None and np.issubdtype(text.dtype, np.floating) and (counts > 0).any():
        found |= _foretold(text[counts > 0], prior[counts > 0])
    return found


def _foretold(text: Array, prior: Floats) -> Arrays:
    """Return the weights that foretell from texts how often items are met, by ridge regression.

    The level makes up for the logarithm: many rest below what is foretold, and the few above are most of what is met.
    """
    slopes, _ = ridge(text, prior, TEXT_SHRINKAGE)
    level = np.log(np.mean(np.exp(prior - text @ slopes)))
    return {"text.prior": slopes.astype(np.float32), "text.level": np.array([level], dtype=np.float32)}
