"""What may be said of a tenant's items: what was put, and the labels that the model read of its own."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import polars as pl

from warmstart.data.attributes import Levels
from warmstart.data.kinds import find_kinds
from warmstart.explanation.facts import Facts, ItemFacts, item_facts
from warmstart.explanation.gather import Shelf
from warmstart.meta.recommender import MetaRecommender
from warmstart.recommenders.base import Recommender
from warmstart.serving.store.entries import ItemRow


@dataclass(frozen=True)
class TenantShelf(Shelf):
    """The facts of a tenant's items, each read when it is asked for.

    A table of them all would have to be built anew with every item that is put.

    Args:
        told: what was put, by item id.
        model: which knows the labels of the items that it was trained with.
    """

    told: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    model: Recommender | None = None

    @classmethod
    def of_tenant(
        cls, model: Recommender, rows: Sequence[ItemRow] = (), table: pl.DataFrame | None = None
    ) -> "TenantShelf":
        """Return the shelf of a tenant.

        Args:
            model: with the tenant's items.
            rows: what was put.
            table: the same as columns, from which their kinds are told.

        Example:
            >>> import warmstart as ws
            >>> from warmstart.serving.item_facts import TenantShelf
            >>> model = ws.MetaRecommender(tune=False, values=False).fit(ws.load_dataset("movielens-small"))
            >>> shelf = TenantShelf.of_tenant(model)
            >>> shelf.item(0).title, shelf.item(0).labels[:2]
            ('Toy Story', ('Adventure', 'Animation'))
        """
        kinds = {} if table is None else find_kinds(table)
        labels = dict.fromkeys((one.name for one in _levels(model)), "multi")
        told = {row.item_id: row.attributes for row in rows}
        return cls(model.catalogue, None, {**kinds, **labels}, told=told, model=model)

    def item(self, index: int) -> ItemFacts:
        """Return the facts of the item with index ``index``; what was put goes before what the model read."""
        name, title = str(self.catalogue.item_ids[index]), self.catalogue.titles[index]
        return self._facts_of(name, index, None if title == name else title)

    def describing_put(self, item_id: str) -> Facts:
        """Return the facts of a description of an item by its id, whether the model can read it or not."""
        index = self.catalogue.find(item_id)
        return (
            Facts("item", (self._facts_of(item_id, None, None),), what=self.what)
            if index is None
            else self.describing(index)
        )

    def _facts_of(self, name: str, index: int | None, title: str | None) -> ItemFacts:
        put = self.told.get(name, {})
        read = dict(self._read_labels(index)) if index is not None else {}
        row = {**read, **put, "title": title if title is not None else put.get("title")}
        return item_facts(row, self.kinds or {})

    def _read_labels(self, index: int) -> Iterator[tuple[str, list[str]]]:
        """Yield the labels that the model read of an item, by column."""
        model = self.model
        if not isinstance(model, MetaRecommender) or model.learned.sentence is None:
            return
        rows = model.learned.sentence.carried
        carried = set(rows.indices[rows.indptr[index] : rows.indptr[index + 1]].tolist())
        place = 0
        for column in _levels(model):
            labels = [level for number, level in enumerate(column.levels, place) if number in carried]
            place += len(column.levels)
            if labels:
                yield column.name, labels


def _levels(model: Recommender) -> list[Levels]:
    sentence = model.learned.sentence if isinstance(model, MetaRecommender) else None
    if sentence is None or sentence.labels is None:
        return []
    return [one for one in sentence.labels.encoder.attributes if isinstance(one, Levels)]
