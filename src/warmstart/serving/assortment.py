"""What can be recommended to one tenant's users: a model with the tenant's own items behind its own."""

import logging
import threading
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, cast
from weakref import WeakSet

import numpy as np
import polars as pl

from warmstart.adaptation.filters import Mask, Shelves
from warmstart.adaptation.policy import vectors_of
from warmstart.core.errors import BadInput, WarmstartError
from warmstart.core.histories import Floats, Histories
from warmstart.meta.index import INDEX_FROM, index_of
from warmstart.meta.recommender import MetaRecommender
from warmstart.recommenders.base import Recommender
from warmstart.recommenders.new_items import TakesNewItems, read_new_items, readable
from warmstart.representation.context import Context
from warmstart.serving.item_facts import TenantShelf
from warmstart.serving.shelf import Served
from warmstart.serving.store.entries import ItemRow

LOG = logging.getLogger(__name__)
MOST_COLUMNS = 256
"""Attributes by which items are described and found: those that most items have."""
_OF_THE_MODEL = ("popularity", "vectors", "indexing")


@dataclass(frozen=True)
class Assortment:
    """What can be recommended to one tenant's users.

    Args:
        served: the model, whose catalogue ends in the tenant's items.
        available: bool [items], what is in stock; None for all.
        rows: what the tenant told of items.
        items_version: of the tenant's items; 0 where there are none.
        added: what is told of the items behind those of the model, by id.
        order: the version of the tenant's items at which these came into their order.
    """

    served: Served
    available: Mask | None = None
    rows: tuple[ItemRow, ...] = ()
    items_version: int = 0
    added: Mapping[str, Mapping[str, Any]] | None = None
    order: int = 0

    def of_items(
        self, rows: Sequence[ItemRow], removed: Iterable[str], items_version: int, bare: Served
    ) -> "Assortment":
        """Return the assortment of a tenant's items of today; ``self`` is what was put together of some before.

        What was put together is gone on with as long as nothing of it has changed, for an item among thousands should
        not cost as much as all of them: its order is that in which the items came.

        Args:
            rows: the items that were put; those that the model knows only lose or regain their availability.
            removed: ids of items that nobody is to see.
            items_version: of all that.
            bare: the model without any tenant's items.
        """
        find, mine = bare.model.catalogue.find, self.added or {}
        told = {row.item_id: row.attributes for row in rows if find(row.item_id) is None}
        goes_on = self.served.version == bare.version and all(told.get(name) == mine[name] for name in mine)
        grown = self if goes_on else Assortment(bare)
        fresh = [row for row in rows if row.item_id in told and row.item_id not in (grown.added or {})]
        grown = _grown(grown, fresh, items_version) if fresh else grown
        hidden = [*removed, *(row.item_id for row in rows if not row.available)]
        found = replace(grown.without(hidden, items_version), rows=tuple(rows))
        return _knowing(found, grown, _OF_THE_MODEL)

    def without(self, hidden: Iterable[str], items_version: int) -> "Assortment":
        """Return the same items, of which some are not to be seen and all others are."""
        places = [self.model.catalogue.find(name) for name in hidden]
        available = np.ones(len(self.model.catalogue), dtype=bool)
        available[[place for place in places if place is not None]] = False
        found = replace(self, available=None if available.all() else available, items_version=items_version)
        return _knowing(found, self, (*_OF_THE_MODEL, "shelves", "table", "told"))

    @property
    def name(self) -> tuple[str, int]:
        """Tells one order of items from another."""
        return self.served.version, self.order

    @property
    def model(self) -> Recommender:
        """The model with the tenant's items."""
        return self.served.model

    @cached_property
    def shelves(self) -> Shelves:
        """The items as requests ask for them: by column and by id."""
        return Shelves(self.model.catalogue, self.table)

    @cached_property
    def table(self) -> pl.DataFrame | None:
        """What the tenant told of items, as columns of text; None for nothing."""
        return pl.DataFrame(item_table(self.rows), strict=False) if self.rows else None

    @cached_property
    def told(self) -> TenantShelf:
        """What may be said of the items."""
        return TenantShelf.of_tenant(self.model, self.rows, self.table)

    @property
    def is_indexed(self) -> bool:
        """Whether the best of very many items can be searched for; the index is built beside the answers."""
        if len(self.model.catalogue) < INDEX_FROM or not isinstance(self.model, MetaRecommender):
            return False
        return not self.indexing.is_alive() and self.model not in _WITHOUT_INDEX

    @cached_property
    def indexing(self) -> threading.Thread:
        """What builds the index; started when it is first asked for."""
        thread = threading.Thread(target=_build_index, args=(self.model,), daemon=True)
        thread.start()
        return thread

    @cached_property
    def popularity(self) -> Floats:
        """What the model says to nobody in particular, float32 [items]."""
        return self.model.scores_of(Histories.of([[]]), Context())

    @cached_property
    def vectors(self) -> Floats:
        """What items are like, float32 [items, r]; raises ``BadInput`` where the model does not know."""
        return vectors_of(self.model)


_WITHOUT_INDEX: WeakSet[Recommender] = WeakSet()


def _build_index(model: MetaRecommender) -> None:
    try:
        index_of(model)
    except (WarmstartError, MemoryError) as error:
        _WITHOUT_INDEX.add(model)
        LOG.warning("without an index every item is scored for every answer: %s", error)


def _grown(before: Assortment, rows: list[ItemRow], items_version: int) -> Assortment:
    """Return an assortment with further items behind the others; those that its model cannot read are left out."""
    model: Any = before.model
    if not isinstance(model, TakesNewItems):
        return before
    reads = _readable(before.model, rows)
    taken = [row for row, is_read in zip(rows, reads, strict=True) if is_read]
    if len(taken) < len(rows):
        LOG.warning("%s items are left out, for no item of the model has such an id", len(rows) - len(taken))
    if not taken:
        return before
    served = Served(before.served.version, cast("Recommender", model.with_items(item_table(taken))))
    added = dict(before.added or {}) | {row.item_id: row.attributes for row in taken}
    return Assortment(served, added=added, order=items_version)


def _knowing(found: Assortment, other: Assortment, names: Sequence[str]) -> Assortment:
    """Let an assortment take over what another one over the same model has worked out."""
    found.__dict__.update({name: other.__dict__[name] for name in names if name in other.__dict__})
    return found


def _readable(model: Recommender, rows: list[ItemRow]) -> list[bool]:
    return readable(model.catalogue, [row.item_id for row in rows])


def item_table(rows: Sequence[ItemRow]) -> dict[str, list[Any]]:
    """Return items as columns of text, each with a value a row; of very many columns those that most items have."""
    counts = Counter(name for row in rows for name in row.attributes)
    kept = sorted(counts, key=lambda name: (name != "title", -counts[name], name))[:MOST_COLUMNS]
    columns: dict[str, list[Any]] = {"item_id": [row.item_id for row in rows]}
    for name in sorted(kept):
        columns[name] = [_as_text(row.attributes.get(name)) for row in rows]
    return columns


def _as_text(value: Any) -> str | None:
    if value is None:
        return None
    return "|".join(map(str, value)) if isinstance(value, list) else str(value)


def check_items(model: Recommender, rows: list[ItemRow]) -> None:
    """Refuse items that the model could not read.

    Raises:
        BadInput: naming every fault.
    """
    new = [row for row in rows if model.catalogue.find(row.item_id) is None]
    if not new or not isinstance(model, TakesNewItems):
        return
    read_new_items(model.catalogue, item_table(new))
    wrong = [row.item_id for row, reads in zip(new, _readable(model, new), strict=True) if not reads]
    if wrong:
        raise BadInput(f"item_id: a whole number is written without signs and zeros before it; came: {wrong[:10]}.")
