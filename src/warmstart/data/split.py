"""Who and what is held out: seeded permutations, the same on every machine."""

import numpy as np
import numpy.typing as npt

from warmstart.core.errors import BadInput
from warmstart.core.histories import Ints
from warmstart.core.run import Run


def split_users(n_users: int, seed: int = 0, parts: tuple[float, float] = (0.8, 0.1)) -> tuple[Ints, Ints, Ints]:
    """Split users by a seeded permutation.

    Args:
        n_users: how many there are.
        seed: another seed gives another split.
        parts: shares of training and validation; the rest is for the test.

    Returns:
        rows for training, validation and test, each sorted.

    Example:
        >>> from warmstart.data.split import split_users
        >>> [len(part) for part in split_users(100, seed=1)]
        [80, 10, 10]
    """
    train, validation = _checked(parts)
    order = Run(seed=seed).rng("split users").permutation(n_users).astype(np.int64)
    first, second = round(train * n_users), round((train + validation) * n_users)
    return np.sort(order[:first]), np.sort(order[first:second]), np.sort(order[second:])


def split_items(items: int | npt.NDArray[np.integer], seed: int = 0, cold: float = 0.2) -> tuple[Ints, Ints, Ints]:
    """Split items by a seeded permutation.

    Args:
        items: how many there are, or the indices of those that take part (such as all with events).
        seed: another seed gives another split.
        cold: share of items that become cold, above 0 and below 1; half of it is for validation, half for the test.

    Returns:
        warm items, cold items for validation and cold items for the test, each sorted.

    Example:
        >>> from warmstart.data.split import split_items
        >>> [len(part) for part in split_items(50, seed=1)]
        [40, 5, 5]
    """
    if not 0 < cold < 1:
        raise BadInput(f"cold must lie between 0 and 1, such as 0.2; came: {cold!r}.")
    all_items = np.arange(items) if isinstance(items, int) else np.asarray(items)
    order = Run(seed=seed).rng("split items").permutation(all_items).astype(np.int64)
    n_cold = round(cold * len(order))
    validation, test, warm = np.split(order, [n_cold // 2, n_cold])
    return np.sort(warm), np.sort(validation), np.sort(test)


def _checked(parts: tuple[float, float]) -> tuple[float, float]:
    if min(parts) < 0 or sum(parts) > 1:
        raise BadInput(f"parts must be shares of training and validation that sum to at most 1; came: {parts!r}.")
    return parts
