"""What may be shown: category, allowed, blocked, met before and in stock, as masks over the items."""

import difflib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import polars as pl

from warmstart.core.errors import BadInput
from warmstart.data.attributes import Levels
from warmstart.data.catalogue import Catalogue, OnUnknown
from warmstart.data.columns import plain
from warmstart.data.kinds import IDS, find_kinds, separator_of

Mask = npt.NDArray[np.bool_]
Indices = npt.NDArray[np.integer]
LetGo = Literal["category", "allow", "nothing"]

MOST_NAMED = 20
"""Levels of a column that an error names."""


@dataclass(frozen=True, slots=True)
class Filters:
    """What a request leaves of the catalogue; each step returns a new value, and their order does not matter.

    Args:
        n_items: size of the catalogue.
        possible: bool [n_items], neither blocked nor out of stock; None for all.
        category: bool [n_items], of the categories asked for; None for all.
        allow: bool [n_items], of the items asked for; None for all.
        seen: indices of the items that the person met before.

    Example:
        >>> import numpy as np
        >>> from warmstart.adaptation.filters import Filters
        >>> some = Filters(4).without([0]).only([0, 1, 2]).in_stock(np.array([True, True, False, True]))
        >>> some.allowed().tolist()
        [False, True, False, False]
        >>> mask, let_go = some.within(np.array([True, False, True, True])).relaxed()
        >>> mask.tolist(), let_go
        ([False, True, False, False], 'category')
    """

    n_items: int
    possible: Mask | None = None
    category: Mask | None = None
    allow: Mask | None = None
    seen: Indices | None = None

    def within(self, mask: Mask) -> "Filters":
        """Keep to the items of one more category, bool [n_items]."""
        return replace(self, category=_both(self.category, self._checked(mask)))

    def only(self, items: Sequence[int] | Indices) -> "Filters":
        """Keep to some items, by index."""
        return replace(self, allow=_both(self.allow, _marked(self.n_items, items)))

    def without(self, items: Sequence[int] | Indices) -> "Filters":
        """Block some items, by index."""
        return replace(self, possible=_both(self.possible, ~_marked(self.n_items, items)))

    def in_stock(self, available: Mask) -> "Filters":
        """Keep to what is in stock, bool [n_items]."""
        return replace(self, possible=_both(self.possible, self._checked(available)))

    def met(self, items: Sequence[int] | Indices) -> "Filters":
        """Say which items the person met before, by index."""
        found = np.asarray(items, dtype=np.int64)
        return replace(self, seen=found if self.seen is None else np.union1d(self.seen, found))

    def allowed(self) -> Mask | None:
        """Return what all filters allow but for what was met before, bool [n_items]; None for everything."""
        return _both(_both(self.possible, self.category), self.allow)

    def relaxed(self) -> tuple[Mask | None, LetGo | None]:
        """Return the narrowest of the masks that leave anything, and which filter was let go for it.

        Category goes first, then what was asked for by id as well; what is blocked or out of stock never comes back.
        """
        steps: list[tuple[Mask | None, LetGo | None]] = [(self.allowed(), None)]
        if self.category is not None:
            steps.append((_both(self.possible, self.allow), "category"))
        if self.allow is not None:
            steps.append((self.possible, "allow"))
        for mask, let_go in steps:
            if self.n_items and (mask is None or mask.any()):
                return mask, let_go
        return np.zeros(self.n_items, dtype=bool), "nothing"

    def _checked(self, mask: Mask) -> Mask:
        if mask.shape != (self.n_items,) or mask.dtype != np.bool_:
            came = f"{mask.dtype} of shape {mask.shape}"
            raise BadInput(f"A mask must be bool with one entry for each of the {self.n_items} items; came: {came}.")
        return mask


class Shelves:
    """The catalogue as requests ask for it: by the values of the item table's columns and by id.

    A column is read once, when it is first asked for; from then on a filter costs microseconds.

    Args:
        catalogue: the items, in the order of all score columns.
        items: the item table, with a column ``item_id``; rows in any order, items that are not in it have no labels.

    Example:
        >>> import polars as pl
        >>> from warmstart.adaptation.filters import Shelves
        >>> from warmstart.data.catalogue import Catalogue
        >>> films = Catalogue([1, 2, 3], ["Heat", "Alien", "Up"])
        >>> table = pl.DataFrame({"item_id": [1, 2, 3], "genres": ["Crime|Drama", "Sci-Fi|Horror", "Drama"]})
        >>> shelves = Shelves(films, table)
        >>> shelves.filters(category={"genres": "Drama"}, block=[3]).allowed().tolist()
        [True, False, False]
        >>> shelves.filters(category={"genres": "Drame"})
        Traceback (most recent call last):
        warmstart.core.errors.BadInput: There is no 'Drame' in 'genres'. There are: Crime, Drama, Horror, Sci-Fi.
    """

    def __init__(self, catalogue: Catalogue, items: pl.DataFrame | None = None) -> None:
        self.catalogue = catalogue
        self._places = np.zeros(0, dtype=np.int64)
        self._columns: dict[str, Levels] = {}
        self._table = items
        if items is not None:
            places = [catalogue.find(item) for item in items["item_id"].to_list()]
            self._places = np.array([-1 if place is None else place for place in places], dtype=np.int64)
            self._columns = _readers(items)
        self._levels: dict[str, dict[str, npt.NDArray[np.int64]]] = {}

    @property
    def columns(self) -> list[str]:
        """Columns that a category may name."""
        return list(self._columns)

    def levels(self, column: str) -> list[str]:
        """Return what a column of the item table holds, sorted; raises ``BadInput`` naming the columns there are."""
        return list(self._of(column))

    def filters(
        self,
        *,
        category: Mapping[str, Any] | None = None,
        allow: Iterable[Any] | None = None,
        block: Iterable[Any] | None = None,
        seen: Sequence[int] | Indices = (),
        available: Mask | None = None,
        on_unknown: OnUnknown = "raise",
    ) -> Filters:
        """Turn what a request says into filters.

        Args:
            category: level, or levels of which one is enough, by column; several columns must all fit.
            allow: item ids to choose from; None for all.
            block: item ids never to be shown; those that the catalogue does not hold cannot be anyway.
            seen: indices of the items that the person met before.
            available: bool [n_items], what is in stock; None for all.
            on_unknown: what to do with ids in ``allow`` that the catalogue does not hold.

        Raises:
            BadInput: a column or level is unknown; the message names what there is.
            UnknownItem: an id in ``allow`` is unknown.
        """
        found = Filters(len(self.catalogue), seen=np.asarray(seen, dtype=np.int64) if len(seen) else None)
        for column, asked in (category or {}).items():
            found = found.within(self.mask(column, asked))
        if allow is not None:
            found = found.only(self._indices("allow", allow, on_unknown))
        blocked = [] if block is None else self._indices("block", block, "ignore")
        if blocked:
            found = found.without(blocked)
        return found if available is None else found.in_stock(available)

    def mask(self, column: str, asked: Any) -> Mask:
        """Return the items that carry one of the levels asked for in a column, bool [n_items]."""
        several = asked if isinstance(asked, list | tuple | set | frozenset) else [asked]
        levels, mask = self._of(column), np.zeros(len(self.catalogue), dtype=bool)
        for one in several:
            found = levels.get(str(one).strip())
            if found is None:
                raise BadInput(f"There is no {one!r} in {column!r}. {_listed(str(one), levels)}")
            mask[found] = True
        return mask

    def _of(self, column: str) -> dict[str, npt.NDArray[np.int64]]:
        found = self._levels.get(column)
        if found is None:
            found = self._levels[column] = self._read(column)
        return found

    def _read(self, column: str) -> dict[str, npt.NDArray[np.int64]]:
        reader = self._columns.get(column)
        if reader is None or self._table is None:
            known = f"There are: {', '.join(self._columns)}." if self._columns else "This model has no item table."
            raise BadInput(f"Items have no column {column!r} to be chosen by. {known}")
        carriers: dict[str, list[int]] = {}
        for place, value in zip(self._places.tolist(), self._table[column].to_list(), strict=True):
            for level in reader.parts(value) if place >= 0 else ():
                carriers.setdefault(level, []).append(place)
        return {level: np.array(carriers[level], dtype=np.int64) for level in sorted(carriers)}

    def _indices(self, name: str, ids: Iterable[Any], on_unknown: OnUnknown) -> list[int]:
        if isinstance(ids, str | bytes) or not isinstance(ids, Iterable):
            raise BadInput(f"{name} is a list of item ids; came: {ids!r}. Put it in a list.")
        find = self.catalogue.index if on_unknown == "raise" else self.catalogue.find
        return [place for place in map(find, ids) if place is not None]


def _readers(items: pl.DataFrame) -> dict[str, Levels]:
    """Return what parts the values of each column; prose, ids and titles are nothing to choose by."""
    kinds = find_kinds(items)
    left_out = {*map(plain, IDS), "title"}
    names = [name for name, kind in kinds.items() if kind not in ("text", "ignore") and plain(name) not in left_out]
    multi = {name: kinds[name] == "multi" for name in names}
    return {name: Levels(name, (), separator_of(items[name]) if multi[name] else None, multi[name]) for name in names}


def _listed(asked: str, levels: Mapping[str, Any]) -> str:
    if len(levels) <= MOST_NAMED:
        return f"There are: {', '.join(levels)}."
    close = difflib.get_close_matches(asked, levels, n=3, cutoff=0.5)
    named = ", ".join(dict.fromkeys([*close, *list(levels)[: MOST_NAMED - len(close)]]))
    return f"Of {len(levels)} there are: {named}, ..."


def _marked(n_items: int, items: Sequence[int] | Indices) -> Mask:
    mask = np.zeros(n_items, dtype=bool)
    mask[np.asarray(items, dtype=np.int64)] = True
    return mask


def _both(one: Mask | None, other: Mask | None) -> Mask | None:
    if one is None or other is None:
        return other if one is None else one
    return one & other
