"""A network that reads a person and an item together."""

from warmstart.recommenders.neural.arrays import Array, Library
from warmstart.recommenders.neural.network import Shapes, Weights


def joint_shapes(d: int, wide: int, narrow: int) -> Shapes:
    """Return two layers and the weights of the sum."""
    first: Shapes = {"joint.person": (d, wide), "joint.item": (d, wide), "joint.first.bias": (wide,)}
    return first | {"joint.second": (wide, narrow), "joint.second.bias": (narrow,), "joint.sum": (narrow, 1)}


def joint_scores(library: Library, weights: Weights, people: Array, items: Array) -> Array:
    """Return what two layers over a person's and an item's vector say, [n, c].

    Args:
        library: numpy or torch.
        weights: those of ``joint_shapes``.
        people: [n, d].
        items: [c, d].
    """
    # the first layer over both vectors is the sum of one over each
    person = people @ weights["joint.person"] + weights["joint.first.bias"]
    item = items @ weights["joint.item"]
    first = library.relu(person[:, None] + item[None])  # [n, c, wide]
    second = library.relu(library.drop(first) @ weights["joint.second"] + weights["joint.second.bias"])
    return (second @ weights["joint.sum"])[..., 0]
