"""The models that a process answers with: the present one, those before it, and each with a tenant's own items."""

import logging
import threading
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any
from weakref import WeakSet

import numpy as np
import polars as pl

from warmstart.adaptation.filters import Mask, Shelves
from warmstart.adaptation.policy import vectors_of
from warmstart.core.errors import NotFound, WarmstartError
from warmstart.core.histories import Floats, Histories
from warmstart.core.seal import version_of
from warmstart.meta.index import INDEX_FROM, index_of
from warmstart.meta.recommender import MetaRecommender
from warmstart.recommenders.base import Recommender
from warmstart.recommenders.new_items import TakesNewItems
from warmstart.recommenders.table import load
from warmstart.representation.context import Context
from warmstart.serving.store.entries import ItemRow

LOG = logging.getLogger(__name__)
KEPT_MODELS = 2
"""Models that stay in memory: the present one, and the one to roll back to."""
KEPT_ASSORTMENTS = 64
"""Tenants whose catalogues stay in memory."""


@dataclass(frozen=True, slots=True)
class Served:
    """A model under the name of its version."""

    version: str
    model: Recommender


@dataclass(frozen=True)
class Assortment:
    """What can be recommended to one tenant's users: a model with the tenant's own items.

    Args:
        served: the model, whose catalogue ends in the tenant's items.
        available: bool [items], what is in stock; None for all.
        rows: what the tenant told of items.
        items_version: of the tenant's items; 0 where there are none.
    """

    served: Served
    available: Mask | None = None
    rows: tuple[ItemRow, ...] = ()
    items_version: int = 0

    @classmethod
    def of(cls, served: Served, rows: list[ItemRow], items_version: int, removed: Sequence[str] = ()) -> "Assortment":
        """Add a tenant's items to a model; those that the model knows only lose or regain their availability."""
        catalogue = served.model.catalogue
        new = [row for row in rows if catalogue.find(row.item_id) is None]
        model = served.model
        if new and isinstance(model, TakesNewItems):
            model = _with_items(model, new)
        gone = [model.catalogue.find(one) for one in (*removed, *(row.item_id for row in rows if not row.available))]
        available = np.ones(len(model.catalogue), dtype=bool)
        available[[place for place in gone if place is not None]] = False
        return cls(Served(served.version, model), None if available.all() else available, tuple(rows), items_version)

    @property
    def name(self) -> tuple[str, int]:
        """Tells one order of items from another: the model's version, and that of the tenant's items."""
        return self.served.version, self.items_version

    @property
    def model(self) -> Recommender:
        """The model with the tenant's items."""
        return self.served.model

    @cached_property
    def shelves(self) -> Shelves:
        """The items as requests ask for them: by column and by id."""
        table = pl.DataFrame(item_table(list(self.rows)), strict=False) if self.rows else None
        return Shelves(self.model.catalogue, table)

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


def _with_items(model: Any, rows: list[ItemRow]) -> Recommender:
    """Add items all at once; if that fails, one by one, leaving out those that cannot be added."""
    try:
        found: Recommender = model.with_items(item_table(rows))
    except WarmstartError:
        if len(rows) == 1:
            LOG.warning("an item cannot be read and is left out")
            return model  # type: ignore[no-any-return]
        middle = len(rows) // 2
        return _with_items(_with_items(model, rows[:middle]), rows[middle:])
    return found


def item_table(rows: list[ItemRow]) -> dict[str, list[Any]]:
    """Return items as columns of text, each with a value a row."""
    names = sorted({name for row in rows for name in row.attributes})
    columns: dict[str, list[Any]] = {"item_id": [row.item_id for row in rows]}
    for name in names:
        columns[name] = [_as_text(row.attributes.get(name)) for row in rows]
    return columns


def _as_text(value: Any) -> str | None:
    if value is None:
        return None
    return "|".join(map(str, value)) if isinstance(value, list) else str(value)


def check_items(model: Recommender, rows: list[ItemRow]) -> None:
    """Refuse items that the model could not read.

    Raises:
        BadTable: naming every fault.
    """
    from warmstart.recommenders.new_items import read_new_items

    new = [row for row in rows if model.catalogue.find(row.item_id) is None]
    if new and isinstance(model, TakesNewItems):
        read_new_items(model.catalogue, item_table(new))


class Shelf:
    """The models of a process, swapped in one assignment, so that no request ever waits for one.

    Args:
        first: what answers to begin with.
        prepare: done to each model before it answers.
    """

    def __init__(self, first: Served, prepare: Callable[[Recommender], None] = lambda _model: None) -> None:
        prepare(first.model)
        self._prepare = prepare
        self._present = first
        self._models: OrderedDict[str, Served] = OrderedDict({first.version: first})
        self._assortments: OrderedDict[tuple[str, str, int], Assortment] = OrderedDict()
        self._loading: threading.Thread | None = None
        self._refused: set[str] = set()
        self._bare_assortment: Assortment | None = None
        self._lock = threading.Lock()

    @property
    def present(self) -> Served:
        """The model that answers now."""
        return self._present

    def swap(self, version: str, path: str | Path) -> Served:
        """Let another model answer; one that is still in memory does so at once.

        Raises:
            BadModelFile: there is no model at ``path``; the present one goes on.
            NotFound: the model there has another version.
        """
        served = self.take(version, path)
        with self._lock:
            self._present = served
        return served

    def take(self, version: str, path: str | Path) -> Served:
        """Take a model into memory, without letting it answer; raises as ``swap`` does."""
        served = self._models.get(version) or self._opened(path)
        if served.version != version:
            raise NotFound(f"The model at {path} is version {served.version}, not {version}. Register it anew.")
        with self._lock:
            self._models[version] = served
            self._models.move_to_end(version)
            while len(self._models) > KEPT_MODELS:
                self._models.popitem(last=False)
        return served

    def _opened(self, path: str | Path) -> Served:
        served = open_model(path)
        self._prepare(served.model)
        return served

    def swap_later(self, version: str, path: str | Path) -> None:
        """Let another model answer as soon as it is loaded, which happens beside the answers of the present one."""
        if version in self._models:
            self.swap(version, path)
        elif version not in self._refused and (self._loading is None or not self._loading.is_alive()):
            self._loading = threading.Thread(target=self._load, args=(version, path), daemon=True)
            self._loading.start()

    def _load(self, version: str, path: str | Path) -> None:
        try:
            self.swap(version, path)
        except (WarmstartError, OSError):
            self._refused.add(version)
            LOG.exception("model %s cannot be loaded; going on with %s", version, self._present.version)

    def assortment(self, tenant: str, items_version: int) -> Assortment | None:
        """Return the present model with a tenant's items, if it has been put together."""
        if not items_version:
            return self._bare()
        return self._assortments.get((tenant, self._present.version, items_version))

    def latest_assortment(self, tenant: str) -> Assortment:
        """Return what was last put together for a tenant, or the bare model."""
        mine = [found for (name, _, _), found in self._assortments.items() if name == tenant]
        current = [found for found in mine if found.served.version == self._present.version]
        return current[-1] if current else self._bare()

    def _bare(self) -> Assortment:
        """Return the present model as it is; one for all, so that what it works out is worked out once."""
        kept = self._bare_assortment
        if kept is None or kept.served is not self._present:
            kept = self._bare_assortment = Assortment(self._present)
        return kept

    def put_together(
        self, tenant: str, items_version: int, rows: list[ItemRow], removed: Sequence[str] = ()
    ) -> Assortment:
        """Put the present model together with a tenant's items, and keep it for the next request."""
        served = self._present
        found = Assortment.of(served, rows, items_version, removed)
        with self._lock:
            self._assortments[tenant, served.version, items_version] = found
            while len(self._assortments) > KEPT_ASSORTMENTS:
                self._assortments.popitem(last=False)
        return found


def open_model(path: str | Path) -> Served:
    """Load a model folder under its version.

    Example:
        >>> from tempfile import TemporaryDirectory
        >>> import warmstart as ws
        >>> from warmstart.serving.shelf import open_model
        >>> with TemporaryDirectory() as room:
        ...     model = ws.recommender("popularity").fit(ws.load_dataset("movielens-small"))
        ...     served = open_model(model.save(f"{room}/model"))
        >>> len(served.version), served.model.name
        (12, 'popularity')
    """
    return Served(version_of(path), load(path))
