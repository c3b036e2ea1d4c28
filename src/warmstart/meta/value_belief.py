"""What is believed of users' values, given what they said: a normal distribution for every user and item."""

from dataclasses import dataclass

import numpy as np

from warmstart.core.histories import Floats, Histories
from warmstart.meta.value_factors import Side

LEAST_VARIANCE = np.float32(1e-9)


@dataclass(frozen=True, slots=True)
class Belief:
    """Users' vectors beside the items': how each user feels about each item, and how surely.

    Args:
        users: the vectors of n users.
        scatter: float32 [n], variance of each user's values around what she feels.
        items: the items' vectors.
        item_pairs: expected products of the items' vectors and their covariances, see ``pairs_of``.
        centre: mean of all values.
    """

    users: Side
    scatter: Floats
    items: Side
    item_pairs: tuple[Floats, Floats]
    centre: float

    def feelings(self) -> Floats:
        """Return the means, on the scale of the values, float32 [n, n_items]."""
        found: Floats = self.users.vectors @ self.items.design.T
        found += self.items.vectors[:, 0] + np.float32(self.centre)
        return found

    def feelings_at(self, events: Histories) -> Floats:
        """Return the means at some events of the users only, float32 [events]."""
        alike = np.einsum("ef,ef->e", self.users.vectors[events.rows], self.items.design[events.items])
        found: Floats = alike + self.items.vectors[events.items, 0] + np.float32(self.centre)
        return found

    def deviations(self) -> Floats:
        """Return the standard deviations, float32 [n, n_items]: both vectors' uncertainty, and the scatter."""
        (ours, design), (theirs, of_items) = _user_pairs(self.users), self.item_pairs
        variances: Floats = ours @ theirs.T + design @ of_items.T + self.scatter[:, None]
        found: Floats = np.sqrt(np.maximum(variances, LEAST_VARIANCE))
        return found

    def deviations_at(self, events: Histories) -> Floats:
        """Return the standard deviations at some events of the users only, float32 [events]."""
        rows, items = events.rows, events.items
        (ours, design), (theirs, of_items) = _user_pairs(self.users), self.item_pairs
        variances = np.einsum("ep,ep->e", ours[rows], theirs[items])
        variances += np.einsum("ep,ep->e", design[rows], of_items[items]) + self.scatter[rows]
        found: Floats = np.sqrt(np.maximum(variances, LEAST_VARIANCE))
        return found


def pairs_of(items: Side) -> tuple[Floats, Floats]:
    """Return expected products and covariances of vectors, [n, pairs] each, those off the diagonal counted twice."""
    rows, columns = np.triu_indices(items.vectors.shape[1])
    twice = np.where(rows == columns, np.float32(1), np.float32(2))
    return items.pairs * twice, items.covariances[:, rows, columns] * twice


def _user_pairs(users: Side) -> tuple[Floats, Floats]:
    rows, columns = np.triu_indices(users.vectors.shape[1])
    return users.covariances[:, rows, columns], users.design[:, rows] * users.design[:, columns]
