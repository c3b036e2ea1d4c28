"""The tables of a ready-made split on disk: read over one catalogue, and written."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
import polars as pl

from warmstart.core.errors import BadInput, BadTable, Fault
from warmstart.core.histories import Histories
from warmstart.data.columns import Table, find_columns
from warmstart.data.dataset import Dataset
from warmstart.data.files import SUFFIXES, load_table, stem, suffix
from warmstart.data.parse import parse_ids
from warmstart.evaluation.files import write_whole
from warmstart.evaluation.panel import Panel, Split

NEEDED = ("train", "support", "query")
EVENTS = (*NEEDED, "validation", "hidden")
DESCRIBING = ("items", "users")
MAY_BE_EMPTY = ("support", "hidden")
Form = Literal["parquet", "csv"]


@dataclass(frozen=True, slots=True)
class ReadyTables:
    """The tables of a ready-made split, all over the catalogue of ``train``.

    Args:
        train: what is learned from.
        events: ``support``, ``query`` and, where they are there, ``validation`` and ``hidden``.
        users: the users table as it came, or None.
        user_column: its column of ids.
    """

    train: Dataset
    events: Mapping[str, Dataset]
    users: pl.DataFrame | None
    user_column: str = "user_id"

    def of(self, name: str, user_ids: np.ndarray[Any, Any]) -> Histories:
        """Return the events of a table for these users, in this order; users it does not hold have none."""
        return aligned(self.events[name], user_ids) if name in self.events else nothing(len(user_ids))

    def attributes(self, user_ids: np.ndarray[Any, Any]) -> pl.DataFrame | None:
        """Return the rows of the users table for these users, in this order; nulls where it has none."""
        if self.users is None:
            return None
        wanted = pl.DataFrame({"_key": [str(user) for user in user_ids]})
        known = self.users.rename({self.user_column: "user_id"})
        known = known.with_columns(_key=parse_ids(known["user_id"]).cast(pl.String)).unique("_key", keep="first")
        return wanted.join(known, on="_key", how="left", maintain_order="left").select(known.columns).drop("_key")


def read_tables(folder: Path, like_from: float | Literal["auto"] | None) -> ReadyTables:
    """Read the tables of a folder; raises ``BadTable`` with every fault of all of them."""
    tables, found = _checked(_load(folder))
    items = _all_items(tables, found)
    users = tables.get("users")
    train = Dataset.from_frames(tables["train"], items=items, users=users, name=folder.name, like_from=like_from)
    events = {
        name: _events(tables[name], found[name], items, train)
        for name in EVENTS[1:]
        if name in tables and tables[name].frame.height
    }
    if "items" not in tables:
        train = replace(train, items=None)
    return ReadyTables(train, events, None if users is None else users.frame, found.get("users", {}).get("user_id", ""))


def aligned(data: Dataset, user_ids: np.ndarray[Any, Any]) -> Histories:
    """Return the histories of these users in this order, matched by the text of their ids; empty for strangers."""
    rows = {str(user): row for row, user in enumerate(data.user_ids)}
    places = np.array([rows.get(str(user), -1) for user in user_ids], dtype=np.int64)
    lengths = np.append(data.histories.lengths, 0)[places]
    known = data.histories[places[places >= 0]]
    indptr = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
    return Histories(indptr, known.items, known.values, known.times)


def nothing(n: int) -> Histories:
    """Return the histories of ``n`` users without any event."""
    return Histories.of([[]] * n)


def write_tables(data: Dataset, split: Split, panel: Panel, folder: str | Path, form: Form = "parquet") -> Path:
    """Write one panel of a protocol's split as a ready-made split, so that others can be measured on the same.

    Args:
        data: the data set that was split.
        split: what ``protocol.split(data)`` returned.
        panel: one of ``split.test``.
        folder: made if it is not there.
        form: ``parquet`` or ``csv``.
    """
    place, ids = Path(folder), data.user_ids[panel.tasks.users]
    query = panel.candidates if isinstance(panel.candidates, Histories) else panel.tasks.query
    frames = {
        "train": _frame(split.train, split.train.user_ids, split.train.histories),
        "support": _frame(data, ids, panel.tasks.support),
        "query": _frame(data, ids, query),
        "hidden": _frame(data, ids, panel.tasks.hidden),
    }
    if split.validation is not None:
        frames["validation"] = _frame(data, split.validation.user_ids, split.validation.histories)
    titles = pl.DataFrame({"item_id": data.item_ids, "title": list(data.catalogue.titles)})
    frames["items"] = titles if data.items is None else data.items
    if data.users is not None:
        frames["users"] = data.users
    place.mkdir(parents=True, exist_ok=True)
    for name, frame in frames.items():
        write_whole(place / f"{name}.{form}", _bytes(frame, form))
    return place


def _bytes(frame: pl.DataFrame, form: Form) -> bytes:
    import io

    written = io.BytesIO()
    if form == "csv":
        frame.write_csv(written)
    else:
        frame.write_parquet(written)
    return written.getvalue()


def _frame(data: Dataset, user_ids: np.ndarray[Any, Any], events: Histories) -> pl.DataFrame:
    item_ids = np.array(data.item_ids, dtype=object)
    columns: dict[str, Any] = {
        "user_id": pl.Series(user_ids[events.rows].tolist(), dtype=_type(user_ids)),
        "item_id": pl.Series(item_ids[events.items].tolist(), dtype=_type(np.array(data.item_ids[:1]))),
        "value": events.values.astype(np.float64),
    }
    return pl.DataFrame(columns if events.times is None else columns | {"timestamp": events.times})


def _type(ids: np.ndarray[Any, Any]) -> type[pl.DataType]:
    return pl.Int64 if ids.dtype.kind in "iu" else pl.String


def _load(folder: Path) -> dict[str, Table]:
    if not folder.is_dir():
        raise BadInput(f"There is no folder {folder}. Give one with the tables train, support and query.")
    paths: dict[str, list[Path]] = {}
    for path in sorted(folder.iterdir()):
        if path.is_file() and suffix(path) in SUFFIXES and stem(path) in (*EVENTS, *DESCRIBING):
            paths.setdefault(stem(path), []).append(path)
    tables: dict[str, Table] = {}
    faults: list[Fault] = []
    for name, found in paths.items():
        try:
            tables[name] = load_table(found[0], name if name in DESCRIBING else "interactions")
        except BadTable as error:
            faults += error.faults
        if len(found) > 1:
            names = ", ".join(path.name for path in found)
            faults.append(Fault(folder.name, f"two files for one table ({names})", "Remove one of them."))
    for name in NEEDED:
        if name not in paths:
            cure = f"Add {name}.csv or {name}.parquet with user_id, item_id and, where there are any, value, timestamp."
            faults.append(Fault(folder.name, f"the table {name!r} is missing", cure))
    if faults:
        raise BadTable(faults)
    return tables


def _checked(tables: dict[str, Table]) -> tuple[dict[str, Table], dict[str, dict[str, str]]]:
    faults: list[Fault] = []
    columns: dict[str, dict[str, str]] = {}
    for name, table in tables.items():
        columns[name], missing = find_columns(table)
        faults += missing
        if not table.frame.height and name not in MAY_BE_EMPTY and not missing:
            faults.append(Fault(table.where, "there is a header but no row", "Give a table with at least one row."))
    if faults:
        raise BadTable(faults)
    return tables, columns


def _all_items(tables: Mapping[str, Table], found: Mapping[str, Mapping[str, str]]) -> Table:
    """Return the items table, lengthened by the items that only events name."""
    met = [
        parse_ids(tables[name].frame[found[name]["item_id"]]).drop_nulls().cast(pl.String)
        for name in EVENTS
        if name in tables
    ]
    ids = pl.concat([one.alias("item_id") for one in met]).unique().sort()
    if all(parse_ids(tables[name].frame[found[name]["item_id"]]).dtype.is_integer() for name in NEEDED):
        ids = ids.to_frame().sort(pl.col("item_id").cast(pl.Int64, strict=False)).to_series()
    if "items" not in tables:
        return Table(pl.DataFrame({"item_id": ids}), "items", "items")
    described, column = tables["items"], found["items"]["item_id"]
    known = parse_ids(described.frame[column]).cast(pl.String)
    new = pl.DataFrame({column: ids.filter(~ids.is_in(known.drop_nulls().implode()))})
    if not new.height:
        return described
    frame = pl.concat([described.frame.with_columns(known.alias(column)), new], how="diagonal")
    return replace(described, frame=frame)


def _events(table: Table, found: Mapping[str, str], items: Table, train: Dataset) -> Dataset:
    """Read a table of events over the catalogue of ``train``; events without values are likes."""
    data = Dataset.from_frames(table, items=items, name=table.where, like_from=train.like_from)
    histories = data.histories
    if "value" not in found:
        liked = np.full(len(histories.items), train.catalogue.like_value, dtype=np.float32)
        histories = replace(histories, values=liked)
    return replace(data, catalogue=train.catalogue, histories=histories, items=train.items)
