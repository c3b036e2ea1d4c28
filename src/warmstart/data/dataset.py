"""The checked form of three tables, in which everything else reads them."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import numpy.typing as npt

from warmstart.core.histories import Histories
from warmstart.data.catalogue import Catalogue

if TYPE_CHECKING:
    import polars as pl

    from warmstart.data.report import CleaningReport


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
        item_kinds: kinds of item attributes that were told, by column; see ``FeatureEncoder``.
        user_kinds: the same for users.
        report: what cleaning found, or None for data that were not cleaned.
    """

    name: str
    catalogue: Catalogue
    user_ids: npt.NDArray[Any]
    histories: Histories
    items: "pl.DataFrame | None" = None
    users: "pl.DataFrame | None" = None
    item_kinds: Mapping[str, str] = field(default_factory=dict)
    user_kinds: Mapping[str, str] = field(default_factory=dict)
    report: "CleaningReport | None" = None

    @classmethod
    def from_frames(
        cls,
        interactions: Any,
        items: Any | None = None,
        users: Any | None = None,
        *,
        name: str = "data",
        columns: Mapping[str, str] | None = None,
        like_from: float | Literal["auto"] | None = "auto",
        repeats: Literal["last", "max", "sum"] = "last",
        k_core: int = 0,
        strict: bool = False,
        now: float | None = None,
        item_kinds: Mapping[str, str] | None = None,
        user_kinds: Mapping[str, str] | None = None,
    ) -> "Dataset":
        """Clean and index three tables; what was dropped and why stands in ``report``.

        Args:
            interactions: polars, pandas or Arrow table with user and item ids, and values and times if there are any.
            items: what is known of items; its items count even if nobody met them.
            users: what is known of users; those without events are left out.
            name: what reports call the data.
            columns: your column names to ours (``user_id, item_id, value, timestamp, title``), where the usual names
                do not find them.
            like_from: the value from which an event is a like; None makes every event one; ``auto`` looks at values.
            repeats: what stays of a repeated (user, item) pair: the ``last``, the ``max`` or the ``sum`` of values.
            k_core: drop users and items with fewer events than this until none is left; 0 keeps all.
            strict: raise an error that lists every faulty row, instead of dropping and counting them.
            now: seconds since 1970 from which times count as future; None takes the clock.
            item_kinds: kinds of item attributes by column, such as ``{"year": "numeric", "plot": "ignore"}``.
            user_kinds: the same for users.

        Raises:
            BadTable: a table cannot be used; all faults are listed.
            BadConfig: a policy is unknown or out of range.

        Example:
            >>> import polars as pl
            >>> from warmstart.data.dataset import Dataset
            >>> ratings = pl.DataFrame({"user": ["ann", "ann", "bob"], "movie": [50, 2, 50], "rating": [5, 2, 4]})
            >>> data = Dataset.from_frames(ratings)
            >>> data.n_users, data.item_ids, data.like_from, data.liked.tolist()
            (2, [2, 50], 4.0, [True, False, True])
        """
        from warmstart.data.assemble import assemble
        from warmstart.data.clean import Cleaning
        from warmstart.data.frames import to_table

        cleaning = Cleaning.of(like_from=like_from, repeats=repeats, k_core=k_core, strict=strict, now=now)
        given = {"interactions": interactions, "items": items, "users": users}
        tables = [to_table(table, kind) for kind, table in given.items() if table is not None or kind == "interactions"]
        parts = assemble(tables, columns or {}, cleaning)
        return cls(name, *parts[:5], item_kinds or {}, user_kinds or {}, parts.report)

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
