"""What an attribute is: found by looking at its values, or told."""

from collections.abc import Mapping
from typing import Literal, get_args

import polars as pl

from warmstart.core.errors import BadInput
from warmstart.data.columns import plain
from warmstart.data.parse import parse_dates
from warmstart.data.text import typed
from warmstart.data.tfidf import tokens

Kind = Literal["categorical", "multi", "numeric", "date", "text", "ignore"]
KINDS = get_args(Kind)
IDS = ("item_id", "user_id")
SEPARATORS = ("|", ";", ",")

LOOKED_AT = 2000
"""Values from which a kind is told."""
FEW_ROWS = 20
"""In so small a frame distinct values say nothing."""
MOSTLY = 0.95
MANY_LEVELS = 0.5
"""Share of distinct values from which an attribute has a level of its own for nearly everybody."""
LONGEST_LEVEL = 60


def find_kinds(frame: pl.DataFrame, told: Mapping[str, str] | None = None) -> dict[str, Kind]:
    """Find the kind of each attribute of a frame.

    Args:
        frame: one row an item or user.
        told: kinds by column that overrule what is found.

    Raises:
        BadInput: ``told`` names a column or a kind that does not exist.

    Example:
        >>> import polars as pl
        >>> from warmstart.data.kinds import find_kinds
        >>> frame = pl.DataFrame({"genres": ["Drama|War", "Comedy"], "year": [1990, 2001], "seen": ["2020-01-02"] * 2})
        >>> find_kinds(frame, {"year": "ignore"})
        {'genres': 'multi', 'year': 'ignore', 'seen': 'date'}
    """
    told = told or {}
    wrong = [f"{name}={kind!r}" for name, kind in told.items() if name not in frame.columns or kind not in KINDS]
    if wrong:
        known = f"Columns: {', '.join(frame.columns)}. Kinds: {', '.join(KINDS)}."
        raise BadInput(f"These kinds cannot be used: {', '.join(wrong)}. {known}")
    found = {column.name: _kind(column) for column in frame if column.name not in told}
    return {name: _named(told[name]) if name in told else found[name] for name in frame.columns}


def separator_of(values: pl.Series) -> str | None:
    """Return what parts the values of a multi-valued attribute; None if it has one value a row (or lists)."""
    if values.dtype != pl.String:
        return None
    filled = values.drop_nulls()
    shares = {mark: filled.str.contains(mark, literal=True).mean() or 0 for mark in SEPARATORS}
    best = max(SEPARATORS, key=lambda mark: shares[mark])
    return best if shares[best] else None


def _named(kind: str) -> Kind:
    return next(name for name in KINDS if name == kind)


def _kind(column: pl.Series) -> Kind:
    values = column.drop_nulls()
    if plain(column.name) in map(plain, IDS) or len(values) == 0 or column.dtype in (pl.Struct, pl.Binary, pl.Object):
        return "ignore"
    if column.dtype.is_nested():
        return "multi"
    if column.dtype.is_temporal():
        return "date"
    if column.dtype.is_numeric():
        return _kind_of_numbers(values)
    return _kind_of_text(values.cast(pl.String))


def _kind_of_numbers(values: pl.Series) -> Kind:
    distinct = values.n_unique()
    if values.dtype.is_integer() and len(values) >= FEW_ROWS and distinct == len(values):
        return "ignore"
    return "categorical" if distinct <= 2 else "numeric"


def _kind_of_text(values: pl.Series) -> Kind:
    seen = values.head(LOOKED_AT)
    if typed(seen).dtype.is_numeric():
        return _kind_of_numbers(typed(values))
    if _share(parse_dates(seen).is_not_null()) >= MOSTLY:
        return "date"
    if _is_multi(seen):
        return "multi"
    if values.n_unique() <= MANY_LEVELS * len(values):
        return "categorical"
    return _kind_of_unlike(values, seen)


def _kind_of_unlike(values: pl.Series, seen: pl.Series) -> Kind:
    """Tell texts from names and addresses, of which nearly every row has its own."""
    if _share(seen.str.contains("^https?://")) == 1:
        return "ignore"
    words = [len(tokens(text)) for text in seen.to_list()]
    if plain(values.name) == "title" or sum(words) >= 2 * len(words):
        return "text"
    return "ignore" if len(values) >= FEW_ROWS else "categorical"


def _is_multi(values: pl.Series) -> bool:
    mark = separator_of(values)
    if mark is None:
        return False
    parts = values.str.split(mark).explode().str.strip_chars()
    short = (parts.str.len_chars() <= LONGEST_LEVEL).all()
    share = _share(values.str.contains(mark, literal=True))
    if mark == "|":
        return short and share > 0.01
    # commas and semicolons stand in sentences and titles as well, so their parts must recur
    return short and share > 0.2 and len(values) >= FEW_ROWS and parts.n_unique() <= 0.3 * len(parts)


def _share(values: pl.Series) -> float:
    return int(values.sum()) / max(len(values), 1)
