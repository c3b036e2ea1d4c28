"""What cleaning found: stated, counted, with examples."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import polars as pl

from warmstart.core.errors import BadTable, Fault
from warmstart.data.columns import Table

Treatment = Literal["dropped", "merged", "kept"]
EXAMPLES = 3
LONGEST_VALUE = 60


@dataclass(frozen=True, slots=True)
class Finding:
    """One kind of fault: how many rows (or ids) have it, what was done with them, and some of them."""

    table: str
    problem: str
    count: int
    treatment: Treatment
    examples: tuple[str, ...] = ()

    def __str__(self) -> str:
        such_as = f" (such as {'; '.join(self.examples)})" if self.examples else ""
        return f"{self.table}: {self.problem}: {self.count:,} {self.treatment}{such_as}"


@dataclass(frozen=True, slots=True)
class CleaningReport:
    """What came, what was dropped and why, and how the tables were understood.

    Args:
        events_read: rows of the interactions table.
        events_kept: events after cleaning.
        columns: by table, which of its columns was taken for what.
        findings: every kind of fault that occurred.
        like_rule: in words, from which value on an event is a like.
    """

    events_read: int = 0
    events_kept: int = 0
    columns: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    findings: tuple[Finding, ...] = ()
    like_rule: str = ""

    def __iter__(self) -> Iterator[Finding]:
        return iter(self.findings)

    def to_dict(self) -> dict[str, Any]:
        """Return the report as plain values, ready for JSON."""
        return {
            "events_read": self.events_read,
            "events_kept": self.events_kept,
            "columns": {table: dict(found) for table, found in self.columns.items()},
            "findings": [
                {
                    "table": finding.table,
                    "problem": finding.problem,
                    "count": finding.count,
                    "treatment": finding.treatment,
                    "examples": list(finding.examples),
                }
                for finding in self.findings
            ],
            "like_rule": self.like_rule,
        }


class Ledger:
    """Collects findings while tables are cleaned.

    Args:
        strict: raise a ``BadTable`` with every faulty row, instead of counting them.
    """

    def __init__(self, strict: bool = False) -> None:
        self.strict = strict
        self.findings: list[Finding] = []
        self.faults: list[Fault] = []

    def note(
        self, where: str, problem: str, count: int, treatment: Treatment, examples: Iterator[Any] | list[Any]
    ) -> None:
        """Write down one finding, unless it is about nothing."""
        if count:
            shown = tuple(short(example) for example, _ in zip(examples, range(EXAMPLES), strict=False))
            self.findings.append(Finding(where, problem, count, treatment, shown))

    def bad_rows(self, table: Table, column: str, problem: str, rows: pl.Series) -> None:
        """Write down rows (places in the table, from 0) that cannot be used because of ``column``."""
        raw = table.frame[column]
        shown = (f"row {table.row(row)}" + ("" if raw[row] is None else f": {short(raw[row])!r}") for row in rows)
        self.note(table.where, f"column {column!r}: {problem}", len(rows), "dropped", shown)
        if self.strict:
            cure = "Correct the row, or read without strict=True to drop it."
            for row in rows.to_list():
                came = None if raw[row] is None else short(raw[row])
                self.faults.append(Fault(table.where, problem, cure, column, table.row(row), came))

    def source(self, table: Table) -> None:
        """Write down what reading a table's source brought up: torn rows and what had to be assumed."""
        for remark in table.notes:
            self.findings.append(Finding(table.where, remark, len(table.frame), "kept"))
        problem = "row has more cells than the header"
        shown = [f"row {row}: {short(text)!r}" for row, text in table.torn]
        self.note(table.where, problem, len(table.torn), "dropped", shown)
        if self.strict:
            cure = "Put cells that hold the delimiter into quotes."
            self.faults += [Fault(table.where, problem, cure, row=row, value=short(text)) for row, text in table.torn]

    def settle(self) -> None:
        """Raise all faults that strictness has gathered."""
        if self.faults:
            raise BadTable(sorted(self.faults, key=lambda fault: (fault.where, fault.row or 0)))


def short(value: Any) -> str:
    """Return a value's text, cut where it is long."""
    text = str(value)
    return text if len(text) <= LONGEST_VALUE else text[: LONGEST_VALUE - 1] + "…"
