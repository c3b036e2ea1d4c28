"""What ``published.py`` tries to rank a user's ten by: the foretold values, chances, and blends with other models."""

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

Matrix = npt.NDArray[np.float64]
Pair = tuple[Matrix, Matrix]
"""Of the validation and of the test users, float64 [n, 10] each."""
Found = dict[str, Pair]
"""What is foretold, by name."""


def blends(ours: Found, others: Found, labels: Mapping[str, str]) -> Found:
    """Return what the ten could be ranked by, by name.

    Args:
        ours: what one fit foretells.
        others: values that other models foretell.
        labels: what these are called.
    """
    found = {"the median": ours["value"], "the mean": ours["mean"], "the chance of a like": ours["like"]}
    for weight in (0.05, 0.1, 0.2) if "score" in ours else ():
        found[f"the mean + {weight} of the ranking score"] = _sum(ours["mean"], ours["score"], weight)
    for weight in (1.0, 2.0):
        found[f"the mean + {weight:g} of the chance of a like"] = _sum(ours["mean"], ours["like"], weight)
    for name, other in others.items():
        for weight in (0.25, 0.5, 1.0):
            found[f"the mean + {weight:g} of {labels[name]}"] = _sum(ours["mean"], other, weight)
    ranked = _ranks(ours["mean"]), _ranks(ours["like"])
    found["the mean of both ranks within the ten"] = _sum(ranked[0], ranked[1], 1.0)
    return found


def _sum(one: Pair, other: Pair, weight: float) -> Pair:
    return one[0] + weight * other[0], one[1] + weight * other[1]


def _ranks(one: Pair) -> Pair:
    first, second = (np.argsort(np.argsort(part, axis=1, kind="stable"), axis=1).astype(np.float64) for part in one)
    return first, second
