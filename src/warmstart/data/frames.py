"""Tables of any library in; polars frames out."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import polars as pl

from warmstart.core.errors import BadInput, BadTable, Fault
from warmstart.data.columns import Table

Row = Mapping[str, Any]


def to_polars(table: Any, where: str) -> pl.DataFrame:
    """Turn a polars, pandas or Arrow table, a mapping of columns or a list of rows into a polars frame.

    Args:
        table: what the caller has.
        where: what errors call the table.

    Raises:
        BadInput: it is none of these.
        BadTable: two columns have one name.

    Example:
        >>> from warmstart.data.frames import to_polars
        >>> to_polars({"user": [1, 2], "item": ["a", "b"]}, "interactions").columns
        ['user', 'item']
    """
    if isinstance(table, pl.DataFrame):
        return table
    if isinstance(table, pl.LazyFrame):
        return table.collect()
    if type(table).__module__.partition(".")[0] == "pandas" and hasattr(table, "columns"):
        return _from_pandas(table, where)
    return _from_other(table, where)


def to_table(table: Any, kind: str) -> Table:
    """Turn what the caller has into a ``Table`` of a kind; a ready ``Table`` stays as it is."""
    return table if isinstance(table, Table) else Table(to_polars(table, kind), kind, kind)


def _from_other(table: Any, where: str) -> pl.DataFrame:
    is_rows = isinstance(table, list | tuple) and all(isinstance(row, Mapping) for row in table)
    if not (is_rows or isinstance(table, Mapping) or hasattr(table, "__arrow_c_stream__")):
        cure = "Pass a polars, pandas or Arrow table, a mapping of columns or a list of rows."
        raise BadInput(f"{where}: {type(table).__name__!r} is no table. {cure}")
    try:
        if is_rows:
            return pl.DataFrame(table, strict=False, infer_schema_length=None)
        return pl.DataFrame(table, strict=False)
    except (pl.exceptions.PolarsError, TypeError, ValueError) as error:
        raise BadTable([Fault(where, f"cannot be read as a table: {error}", "Columns must be equally long.")]) from None


def _from_pandas(table: Any, where: str) -> pl.DataFrame:
    names = [str(name) for name in table.columns]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        cure = "Rename or drop one of them."
        raise BadTable([Fault(where, "name of more than one column", cure, column=name) for name in twice])
    # column by column, for the way through Arrow needs a package that pandas itself does not
    return pl.DataFrame([_series(name, table.iloc[:, place]) for place, name in enumerate(names)])


def _series(name: str, column: Any) -> pl.Series:
    kind = column.dtype.kind
    if kind == "M":
        return pl.Series(name, column.to_numpy(dtype="datetime64[us]"))
    if isinstance(column.dtype, np.dtype) and kind in "iufb":
        return pl.Series(name, column.to_numpy(), nan_to_null=kind == "f")
    missing = column.isna().tolist()
    values = [None if lost else value for value, lost in zip(column.tolist(), missing, strict=True)]
    return pl.Series(name, values, strict=False)
