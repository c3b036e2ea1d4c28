"""Items that were not there in training: who can take them, and how they are read."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Protocol, Self, runtime_checkable

import polars as pl

from warmstart.core.errors import BadTable, Fault
from warmstart.data.assemble import LONGEST_TITLE
from warmstart.data.catalogue import Catalogue
from warmstart.data.columns import Table, find_columns
from warmstart.data.frames import to_table
from warmstart.data.parse import parse_ids


@runtime_checkable
class TakesNewItems(Protocol):
    """A recommender that can score items it never saw in training, from what is known of them."""

    def with_items(self, frame: Any) -> Self:
        """Return a new model whose catalogue ends in the items of ``frame``; the old model is unchanged.

        Args:
            frame: a polars, pandas or Arrow table with ``item_id`` and the columns that describe an item.

        Raises:
            BadTable: ids are missing, repeated or in the catalogue already; all faults are listed.
        """
        ...


def read_new_items(catalogue: Catalogue, table: Any) -> tuple[Catalogue, pl.DataFrame]:
    """Return the catalogue with the new items behind the old ones, and the checked frame of the new ones.

    Example:
        >>> from warmstart.data.catalogue import Catalogue
        >>> from warmstart.recommenders.new_items import read_new_items
        >>> longer, frame = read_new_items(Catalogue([1], ["Heat"]), {"item_id": [2], "title": ["Alien"]})
        >>> longer.item_ids, longer.titles, frame.columns
        ([1, 2], ['Heat', 'Alien'], ['item_id', 'title'])
    """
    sheet = to_table(table, "items")
    found, faults = find_columns(sheet)
    if faults:
        raise BadTable(faults)
    frame = sheet.frame.rename({name: role for role, name in found.items() if name != role})
    ids = _like_the_old(catalogue, parse_ids(frame["item_id"]))
    _refuse_bad_ids(catalogue, ids, sheet)
    frame = frame.with_columns(ids.alias("item_id"))
    titles = _titles(frame)
    return replace(
        catalogue,
        item_ids=[*catalogue.item_ids, *ids.to_list()],
        titles=[*catalogue.titles, *titles],
    ), frame


def readable(catalogue: Catalogue, ids: Sequence[str]) -> list[bool]:
    """Return which ids could be those of new items: written as the catalogue's are, not among them, and none twice.

    Example:
        >>> from warmstart.data.catalogue import Catalogue
        >>> from warmstart.recommenders.new_items import readable
        >>> readable(Catalogue([1], ["Heat"]), ["2", "1", "two", "2", "03"])
        [True, False, False, False, False]
    """
    met, found = set[str](), []
    for item, came in zip(_like_the_old(catalogue, parse_ids(pl.Series("item_id", ids))).to_list(), ids, strict=True):
        found.append(item is not None and str(item) == came and came not in met and catalogue.find(item) is None)
        met.add(came)
    return found


def _like_the_old(catalogue: Catalogue, ids: pl.Series) -> pl.Series:
    """Ids are all integers or all text; text that is no number among integers becomes null."""
    whole = len(catalogue) > 0 and not isinstance(catalogue.item_ids[0], str)
    return ids.cast(pl.Int64 if whole else pl.String, strict=False)


def _refuse_bad_ids(catalogue: Catalogue, ids: pl.Series, sheet: Table) -> None:
    column = find_columns(sheet)[0]["item_id"]
    came, met = sheet.frame[column].to_list(), set[str]()
    faults = []
    for place, item in enumerate(ids.to_list()):
        problem, cure = _problem(item, came[place], catalogue, met)
        if problem:
            faults.append(Fault(sheet.where, problem, cure, column, sheet.row(place), repr(came[place])))
        met.add(str(item))
    if faults:
        raise BadTable(faults)


def _problem(item: Any, came: Any, catalogue: Catalogue, met: set[str]) -> tuple[str, str]:
    if item is None and came is not None and str(came).strip():
        return "id is no whole number, as those of the catalogue are", "Give ids of one kind."
    if item is None:
        return "id is missing", "Give every item an id."
    if catalogue.find(item) is not None:
        return "item is in the catalogue already", "Leave it out."
    if str(item) in met:
        return "id occurs twice", "Keep one row."
    return "", ""


def _titles(frame: pl.DataFrame) -> list[str]:
    names = frame["item_id"].cast(pl.String)
    if "title" not in frame.columns:
        return names.to_list()
    given = frame["title"].cast(pl.String, strict=False)
    return given.set(given.str.strip_chars() == "", None).str.slice(0, LONGEST_TITLE).fill_null(names).to_list()
