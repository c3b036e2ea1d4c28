"""The checked form of three tables, in which everything else reads them."""

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from warmstart.core.histories import Histories
from warmstart.data.catalogue import Catalogue

if TYPE_CHECKING:
    import polars as pl


@dataclass(frozen=True)
class Dataset:
    """Users' histories over a catalogue, with whatever is known of users and items.

    Args:
        name: what reports call it.
        catalogue: the items, in the order of all score columns.
        user_ids: ids as they came, in the order of ``histories``.
        histories: one row a user, in order of time where there is time.
        items: frame whose row i describes item i (first column ``item_id``), or None.
        users: frame whose row u describes user u (first column ``user_id``), or None.
    """

    name: str
    catalogue: Catalogue
    user_ids: npt.NDArray[Any]
    histories: Histories
    items: "pl.DataFrame | None" = None
    users: "pl.DataFrame | None" = None

    @property
    def n_users(self) -> int:
        """Number of users."""
        return len(self.histories)

    @property
    def n_items(self) -> int:
        """Number of items, those without events included."""
        return len(self.catalogue)

    @property
    def item_ids(self) -> list[Any]:
        """Ids as they came, in the order of all score columns."""
        return list(self.catalogue.item_ids)

    @property
    def like_from(self) -> float | None:
        """The value from which an event is a like; None when every event is one."""
        return self.catalogue.like_from

    @property
    def liked(self) -> npt.NDArray[np.bool_]:
        """Whether each event is a like, bool [events]."""
        if self.like_from is None:
            return np.ones(len(self.histories.items), dtype=bool)
        return self.histories.values >= self.like_from

    def likes(self) -> Histories:
        """Return the histories with only the likes."""
        return self.histories.where(self.liked)

    def take_users(self, rows: npt.NDArray[np.int64]) -> "Dataset":
        """Return the data of some users; the catalogue stays whole."""
        users = None if self.users is None else self.users[rows]
        return replace(self, user_ids=self.user_ids[rows], histories=self.histories[rows], users=users)

    def take_events(self, keep: npt.NDArray[np.bool_]) -> "Dataset":
        """Return the same users and items with only the events where ``keep`` (bool [events]) is true."""
        return replace(self, histories=self.histories.where(keep))
