"""Three tables to the parts of a ``Dataset``: ids to indices, rows aligned, everything accounted for."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

import numpy as np
import numpy.typing as npt
import polars as pl

from warmstart.core.errors import BadTable, Fault
from warmstart.core.histories import Histories
from warmstart.data.catalogue import Catalogue
from warmstart.data.clean import Cleaning, clean_events
from warmstart.data.columns import Table, find_columns, renamed, strangers
from warmstart.data.likes import LikeRule, like_rule
from warmstart.data.parse import parse_ids
from warmstart.data.report import CleaningReport, Ledger

LONGEST_TITLE = 500
"""Titles are shown cut after so many characters; the items frame keeps them whole."""

Kind = Literal["items", "users"]
DESCRIPTIONS: tuple[Kind, ...] = ("items", "users")


class Parts(NamedTuple):
    """What a ``Dataset`` is made of, beside its name."""

    catalogue: Catalogue
    user_ids: npt.NDArray[Any]
    histories: Histories
    items: pl.DataFrame | None
    users: pl.DataFrame | None
    report: CleaningReport


@dataclass(frozen=True, slots=True)
class _Sheet:
    """A table with the names of its columns by role."""

    table: Table
    found: dict[str, str]


def assemble(tables: Sequence[Table], columns: Mapping[str, str], cleaning: Cleaning) -> Parts:
    """Clean and align the tables (interactions first; items and users if there are any).

    Raises:
        BadTable: a table cannot be used at all, or a row cannot and ``cleaning.strict`` is set; all faults are listed.
    """
    sheets = _sheets(tables, columns)
    ledger = Ledger(cleaning.strict)
    for sheet in sheets.values():
        ledger.source(sheet.table)
    events = clean_events(sheets["interactions"].table, sheets["interactions"].found, cleaning, ledger)
    about = {kind: _described(sheets[kind], ledger) for kind in DESCRIPTIONS if kind in sheets}
    ledger.settle()
    events = _core(events, cleaning.k_core, sheets["interactions"].table, ledger)
    _refuse_nothing(events, sheets["interactions"].table, ledger)
    users = _rows("user", events, None, about.get("users"))
    items = _rows("item", events, cleaning.k_core or None, about.get("items"))
    _note_strangers(events, about, sheets, ledger, cleaning)
    rule = like_rule(events["value"].to_numpy(), cleaning.like_from)
    report = CleaningReport(
        sheets["interactions"].table.frame.height,
        events.height,
        {sheet.table.where: sheet.found for sheet in sheets.values()},
        tuple(ledger.findings),
        rule.words,
    )
    return Parts(
        _catalogue(items, sheets.get("items"), rule),
        _ids(users["id"]),
        _histories(events, users, items),
        _aligned(items, sheets.get("items"), "item_id"),
        _aligned(users, sheets.get("users"), "user_id"),
        report,
    )


def _sheets(tables: Sequence[Table], columns: Mapping[str, str]) -> dict[str, _Sheet]:
    faults = strangers(tables, columns)
    sheets = {}
    for table in tables:
        named, wrong = renamed(table, columns)
        found, missing = find_columns(named)
        faults += wrong + missing + _empty(named)
        sheets[table.kind] = _Sheet(named, found)
    if faults:
        raise BadTable(faults)
    return sheets


def _empty(table: Table) -> list[Fault]:
    if table.frame.height:
        return []
    return [Fault(table.where, "there is a header but no row", "Give a table with at least one row.")]


def _described(sheet: _Sheet, ledger: Ledger) -> pl.DataFrame:
    """Return ``key`` (the id's text), ``id`` and ``place`` of the rows of an items or users table that can be used."""
    role = "item_id" if sheet.table.kind == "items" else "user_id"
    ids = parse_ids(sheet.table.frame[sheet.found[role]]).alias("id")
    rows = pl.DataFrame({"key": ids.cast(pl.String), "id": ids}).with_row_index("place")
    ledger.bad_rows(sheet.table, sheet.found[role], "id is missing", rows.filter(pl.col("id").is_null())["place"])
    rows = rows.drop_nulls("id")
    once = rows.unique("key", keep="first", maintain_order=True)
    again = rows.join(once, on="place", how="anti")
    ledger.note(sheet.table.where, "id met before, the first row stays", len(again), "dropped", again["id"].to_list())
    return once


def _core(events: pl.DataFrame, k: int, table: Table, ledger: Ledger) -> pl.DataFrame:
    left = events
    while k > 1:
        enough = (pl.len().over("user") >= k) & (pl.len().over("item") >= k)
        fewer = left.filter(enough)
        if len(fewer) == len(left):
            break
        left = fewer
    ledger.note(table.where, f"event outside the {k}-core of users and items", len(events) - len(left), "dropped", [])
    return left


def _refuse_nothing(events: pl.DataFrame, table: Table, ledger: Ledger) -> None:
    if events.height == 0:
        why = "; ".join(map(str, ledger.findings))
        raise BadTable([Fault(table.where, "no row can be used", f"Correct the rows: {why}.")])


def _rows(side: str, events: pl.DataFrame, k_core: int | None, about: pl.DataFrame | None) -> pl.DataFrame:
    """Return ``key, id, index, place`` of the users or items of the data, in the order of their indices.

    Users: those with events, in order of their ids. Items: those of the items table in its order (with a k-core only
    those with events), then the others in order of their ids.
    """
    met = pl.DataFrame({"id": events[side].unique().sort()}).with_columns(key=pl.col("id").cast(pl.String))
    if about is None:
        return met.with_columns(place=pl.lit(None, pl.UInt32)).with_row_index("index")
    as_text = about["id"].dtype != met["id"].dtype
    met, about = (frame.with_columns(id="key") if as_text else frame for frame in (met, about))
    known = met.join(about.select("key", "place"), on="key", how="left", maintain_order="left")
    if side == "item" and not k_core:
        cold = about.join(met, on="key", how="anti").select("id", "key", "place")
        known = pl.concat([known, cold]).sort("place", nulls_last=True, maintain_order=True)
    elif side == "item":
        known = known.sort("place", nulls_last=True, maintain_order=True)
    return known.with_row_index("index")


def _note_strangers(
    events: pl.DataFrame,
    about: Mapping[Kind, pl.DataFrame],
    sheets: Mapping[str, _Sheet],
    ledger: Ledger,
    cleaning: Cleaning,
) -> None:
    for kind in about:
        side = kind.removesuffix("s")
        met = pl.DataFrame({"key": events[side].unique().sort().cast(pl.String)})
        lost = met.join(about[kind], on="key", how="anti", maintain_order="left")["key"].to_list()
        where = sheets["interactions"].table.where
        ledger.note(where, f"{side} of an event that {sheets[kind].table.where} does not hold", len(lost), "kept", lost)
        idle = about[kind].join(met, on="key", how="anti", maintain_order="left")["key"].to_list()
        stay = kind == "items" and not cleaning.k_core
        problem = f"{side} without a usable event"
        ledger.note(sheets[kind].table.where, problem, len(idle), "kept" if stay else "dropped", idle)


def _ids(ids: pl.Series) -> npt.NDArray[Any]:
    return ids.to_numpy() if ids.dtype.is_integer() else np.array(ids.to_list(), dtype=object)


def _catalogue(items: pl.DataFrame, sheet: _Sheet | None, rule: LikeRule) -> Catalogue:
    titles = items["key"]
    if sheet is not None and "title" in sheet.found:
        given = sheet.table.frame[sheet.found["title"]].cast(pl.String, strict=False).gather(items["place"])
        given = given.set(given.str.strip_chars() == "", None)
        titles = given.str.slice(0, LONGEST_TITLE).fill_null(titles)
    ids = items["id"].to_list()
    return Catalogue(ids, titles.to_list(), rule.like_from, rule.like_value, rule.dislike_value)


def _histories(events: pl.DataFrame, users: pl.DataFrame, items: pl.DataFrame) -> Histories:
    user, item = (_indices(events[side], rows) for side, rows in (("user", users), ("item", items)))
    times = events["time"].to_numpy() if "time" in events.columns else None
    order = np.lexsort((user,) if times is None else (times, user))
    indptr = np.concatenate([[0], np.cumsum(np.bincount(user, minlength=len(users)))]).astype(np.int64)
    values = events["value"].to_numpy().astype(np.float32)[order]
    return Histories(indptr, item[order].astype(np.int32), values, None if times is None else times[order])


def _indices(ids: pl.Series, rows: pl.DataFrame) -> npt.NDArray[np.int64]:
    # the few distinct ids are matched by text, the many events by their rank among them
    distinct = ids.unique().sort()
    keys = pl.DataFrame({"key": distinct.cast(pl.String)})
    places = keys.join(rows.select("key", "index"), on="key", how="left", maintain_order="left")["index"].to_numpy()
    ranks = pl.DataFrame({"id": distinct}).with_row_index("rank")
    by_event = pl.DataFrame({"id": ids}).join(ranks, on="id", how="left", maintain_order="left")["rank"].to_numpy()
    indices: npt.NDArray[np.int64] = places.astype(np.int64)[by_event]
    return indices


def _aligned(rows: pl.DataFrame, sheet: _Sheet | None, role: str) -> pl.DataFrame | None:
    """Return the table in the order of indices, its id column first, nulls where it has no row."""
    if sheet is None:
        return None
    names = {name: role for role, name in sheet.found.items()}
    taken = sheet.table.frame.select(pl.all().gather(rows["place"]))
    taken = taken.drop(sheet.found[role]).rename({old: new for old, new in names.items() if new not in (role, old)})
    return taken.insert_column(0, rows["id"].alias(role))
