"""Rows of the interactions table to events that can be trusted; every dropped row is accounted for."""

import time
from collections.abc import Iterator, Mapping
from typing import Annotated, Literal

import polars as pl
from pydantic import Field, FiniteFloat

from warmstart.core.config import Config
from warmstart.data.columns import Table
from warmstart.data.parse import parse_ids, parse_times, parse_values
from warmstart.data.report import Ledger

Check = tuple[str, str, pl.Expr]

CLOCK_SKEW = 86400.0
"""Seconds a time may lie ahead of this machine's clock before it counts as in the future."""


class Cleaning(Config):
    """How tables are cleaned."""

    repeats: Literal["last", "max", "sum"] = "last"
    """What becomes of repeated (user, item) pairs: the last, the highest value, or the sum of values."""
    k_core: Annotated[int, Field(ge=0)] = 0
    """Drop users and items with fewer events than this, again and again until none is left; 0 keeps all."""
    like_from: FiniteFloat | Literal["auto"] | None = "auto"
    """The value from which an event is a like; None makes every event one; auto looks at the values."""
    strict: bool = False
    """Raise an error that lists every faulty row, instead of dropping and counting them."""
    now: FiniteFloat | None = None
    """Seconds since 1970 that count as now; later times are in the future. None takes the clock."""


def clean_events(table: Table, found: Mapping[str, str], cleaning: Cleaning, ledger: Ledger) -> pl.DataFrame:
    """Return the usable events: ``row, user, item, value`` and, where there is one, ``time``.

    Args:
        table: the interactions.
        found: names of its columns by role.
        cleaning: the policies.
        ledger: takes what is dropped and merged.
    """
    events = _parsed(table, found, ledger)
    good = events
    for role, problem, bad in _checks(events, cleaning):
        rows = (events if cleaning.strict else good).filter(bad)["row"]
        ledger.bad_rows(table, found[role], problem, rows)
        good = good.filter(~bad)
    return _merged(table, good, cleaning, ledger)


def _parsed(table: Table, found: Mapping[str, str], ledger: Ledger) -> pl.DataFrame:
    frame = table.frame
    events = pl.DataFrame({"user": parse_ids(frame[found["user_id"]]), "item": parse_ids(frame[found["item_id"]])})
    events = events.with_row_index("row")
    if "value" in found:
        raw = frame[found["value"]]
        events = events.with_columns(value=parse_values(raw), no_value=_absent(raw))
    else:
        events = events.with_columns(value=pl.lit(1.0))
    if "timestamp" in found:
        raw = frame[found["timestamp"]]
        if not _absent(raw).all():
            return events.with_columns(time=parse_times(raw), no_time=_absent(raw))
        ledger.note(table.where, f"column {found['timestamp']!r} is empty, so there is no time", len(raw), "kept", [])
    return events


def _absent(raw: pl.Series) -> pl.Series:
    return raw.is_null() | (raw.str.strip_chars() == "") if raw.dtype == pl.String else raw.is_null()


def _checks(events: pl.DataFrame, cleaning: Cleaning) -> Iterator[Check]:
    yield "user_id", "id is missing", pl.col("user").is_null()
    yield "item_id", "id is missing", pl.col("item").is_null()
    if "no_value" in events.columns:
        yield "value", "value is missing", pl.col("no_value")
        yield "value", "value is not a number", pl.col("value").is_null() & ~pl.col("no_value")
        yield "value", "value is not finite", ~pl.col("value").is_finite().fill_null(True)
    if "time" in events.columns:
        now = time.time() if cleaning.now is None else cleaning.now
        yield "timestamp", "time is missing", pl.col("no_time")
        unreadable = (pl.col("time").is_null() & ~pl.col("no_time")) | ~pl.col("time").is_finite().fill_null(True)
        yield "timestamp", "time cannot be read", unreadable
        ahead = pl.col("time").is_finite() & (pl.col("time") > now + CLOCK_SKEW)
        yield "timestamp", "time lies in the future", ahead.fill_null(False)


def _merged(table: Table, events: pl.DataFrame, cleaning: Cleaning, ledger: Ledger) -> pl.DataFrame:
    names = [name for name in ("row", "user", "item", "value", "time") if name in events.columns]
    events = events.select(names)
    # without a time two equal rows may be two events, so they count twice in a sum
    if cleaning.repeats != "sum" or "time" in names:
        once = events.unique(names[1:], keep="first", maintain_order=True)
        _note_fewer(table, events, once, "exact duplicate", ledger)
        events = once
    single = _one_a_pair(events, cleaning.repeats)
    _note_fewer(table, events, single, f"(user, item) pair met before, the {cleaning.repeats} value stays", ledger)
    return single


def _note_fewer(table: Table, before: pl.DataFrame, after: pl.DataFrame, problem: str, ledger: Ledger) -> None:
    if len(before) > len(after):
        lost = before.join(after, on="row", how="anti")
        pairs = (f"row {table.row(row)}: user {user!r}, item {item!r}" for row, user, item, *_ in lost.iter_rows())
        ledger.note(table.where, problem, len(lost), "merged", pairs)


def _one_a_pair(events: pl.DataFrame, repeats: str) -> pl.DataFrame:
    if events.select(pl.struct("user", "item").is_duplicated().any()).item() is False:
        return events
    if repeats == "sum":
        events = events.with_columns(value=pl.col("value").sum().over("user", "item"))
    order = ["time", "row"] if "time" in events.columns else ["row"]
    order = ["value", *order] if repeats == "max" else order
    return events.sort(order).unique(["user", "item"], keep="last", maintain_order=True).sort("row")
