"""Which column is which: found by the usual names, or told."""

import difflib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import polars as pl

from warmstart.core.errors import Fault

USER = ("userid", "user", "uid", "customerid", "customer", "visitorid", "reviewerid", "memberid", "accountid", "person")
ITEM = (
    *("itemid", "item", "iid", "movieid", "movie", "productid", "product", "asin", "parentasin", "isbn", "sku"),
    *("bookid", "trackid", "songid", "artistid", "newsid", "articleid", "videoid", "gameid", "courseid", "businessid"),
)
VALUE = (
    *("value", "rating", "score", "stars", "overall", "bookrating", "preference", "weight", "count", "plays"),
    *("playcount", "listens", "quantity", "label", "feedback", "strength"),
)
TIME = (
    *("timestamp", "time", "ts", "datetime", "date", "unixreviewtime", "reviewtime", "eventtime", "createdat", "when"),
)
TITLE = ("title", "name", "movietitle", "itemname", "itemtitle", "productname", "producttitle", "booktitle", "headline")

USUAL = {"user_id": USER, "item_id": ITEM, "value": VALUE, "timestamp": TIME, "title": TITLE}
"""The names under which a column is found, plain form, best first."""
ROLES = {
    "interactions": ("user_id", "item_id", "value", "timestamp"),
    "items": ("item_id", "title"),
    "users": ("user_id",),
}
NEEDED = {"interactions": ("user_id", "item_id"), "items": ("item_id",), "users": ("user_id",)}


@dataclass(frozen=True, slots=True)
class Table:
    """A frame with what faults say about it.

    Args:
        frame: the rows that could be read.
        where: file or table.
        kind: a key of ``ROLES``.
        torn: rows of the source that have more cells than the header, with their text.
        notes: how the source was understood, where that was not obvious.
    """

    frame: pl.DataFrame
    where: str
    kind: str
    torn: tuple[tuple[int, str], ...] = ()
    notes: tuple[str, ...] = ()

    def row(self, place: int) -> int:
        """Return the row number in the source, from 1, of the row at ``place`` of the frame, from 0."""
        row = place + 1
        for torn, _ in self.torn:
            row += torn <= row
        return row


def plain(name: str) -> str:
    """Return a column name without case, separators and a ``:type`` ending.

    Example:
        >>> from warmstart.data.columns import plain
        >>> plain("movie_Id"), plain("user_id:token")
        ('movieid', 'userid')
    """
    return re.sub(r"[\W_]", "", name.rpartition(":")[0] or name).casefold()


def find_columns(table: Table) -> tuple[dict[str, str], list[Fault]]:
    """Find the columns of a table's roles; returns names by role and the faults.

    Example:
        >>> import polars as pl
        >>> from warmstart.data.columns import Table, find_columns
        >>> reviews = pl.DataFrame({"userId": [1], "asin": ["x"], "stars": [5]})
        >>> find_columns(Table(reviews, "reviews.csv", "interactions"))
        ({'user_id': 'userId', 'item_id': 'asin', 'value': 'stars'}, [])
    """
    found: dict[str, str] = {}
    for role in ROLES[table.kind]:
        name = _find(table, role, taken=set(found.values()))
        if name is not None:
            found[role] = name
    faults = [_missing(table, role) for role in NEEDED[table.kind] if role not in found]
    return found, faults


def renamed(table: Table, columns: Mapping[str, str]) -> tuple[Table, list[Fault]]:
    """Return the table with the columns it has of ``columns`` (their name to ours) renamed, and the faults."""
    frame, faults = table.frame, []
    wanted = {old: new for old, new in columns.items() if old in frame.columns and old != new}
    for old, new in wanted.items():
        if new in frame.columns and new not in wanted:
            problem = f"the column {old!r} cannot be called {new!r}, for there is one already"
            faults.append(Fault(table.where, problem, f"Rename or drop the column {new!r}."))
    return (table, faults) if faults else (replace(table, frame=frame.rename(wanted)), [])


def strangers(tables: Sequence[Table], columns: Mapping[str, str]) -> list[Fault]:
    """Return a fault for each entry of ``columns`` that names a column of no table."""
    present = {name for table in tables for name in table.frame.columns}
    where = ", ".join(table.where for table in tables)
    return [
        Fault(where, "columns= names a column that no table has", _cure(old, new, present), column=old)
        for old, new in columns.items()
        if old not in present
    ]


def _cure(old: str, new: str, present: set[str]) -> str:
    if new in present:
        return f"Write it the other way round: columns={{{new!r}: {old!r}}}."
    close = difflib.get_close_matches(old, sorted(present), n=3, cutoff=0.4)
    return f"Nearest: {', '.join(close)}." if close else f"There are: {', '.join(sorted(present))}."


def _find(table: Table, role: str, taken: set[str]) -> str | None:
    by_plain = {plain(name): name for name in reversed(table.frame.columns) if name not in taken}
    if role in table.frame.columns:
        return role
    names = [*USUAL[role], "id"] if table.kind in ("items", "users") and role in ("item_id", "user_id") else USUAL[role]
    return next((by_plain[name] for name in names if name in by_plain), None)


def _missing(table: Table, role: str) -> Fault:
    there = ", ".join(repr(name) for name in table.frame.columns) or "none"
    example = table.frame.columns[0] if table.frame.columns else "your column"
    cure = f"Columns there: {there}. Say which it is, such as columns={{{example!r}: {role!r}}}."
    return Fault(table.where, "column is missing", cure, column=role)
