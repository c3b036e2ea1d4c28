"""The pages on learners in ``docs``, filled from the committed results: the whole table, and each family its rows."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from benchmarks import readme, trials

DOCS = trials.ROOT / "docs"
RESULTS = trials.ROOT / "benchmarks" / "results"
FAMILIES: dict[str, tuple[str, ...]] = {
    "gradient": ("maml", "maml, fixed rates", "maml, learned rates", "fomaml", "anil", "meta_sgd", "reptile"),
    "closed-forms": ("meta", "r2d2", "prototypes"),
    "processes": ("cnp", "attentive"),
    "melu": ("melu",),
    "several-tasks": ("multitask",),
}
"""Pages of ``docs/learners`` and the rows of the table that belong there."""
BESIDE = ("meta", "popularity", "item-kNN", "user-kNN", "hybrid")
"""Rows that stand beside those of every family."""

Part = dict[str, Any]


def pages() -> Iterator[tuple[Path, str]]:
    """Yield every page and what it should say."""
    table, speed, together = (
        _tables("learners", "tables"),
        _tables("meta_speed", "readme"),
        _tables("multitask", "tables"),
    )
    yield _filled(DOCS / "learners.md", table + speed)
    for name, labels in FAMILIES.items():
        own = [_rows(part, labels, "Learners") for part in table] + [_rows(part, labels) for part in speed]
        own += together if name == "several-tasks" else []
        yield _filled(DOCS / "learners" / f"{name}.md", [part for part in own if part["rows"]])


def stale() -> list[Path]:
    """Return the pages that do not say what the results say."""
    return [file for file, text in pages() if file.read_text(encoding="utf-8") != text]


def write() -> None:
    """Fill all pages."""
    for file, text in pages():
        file.write_text(text, encoding="utf-8")


def _tables(file: str, key: str) -> list[Part]:
    return list(json.loads((RESULTS / f"{file}.json").read_text(encoding="utf-8"))[key])


def _rows(part: Part, labels: tuple[str, ...], title: str = "") -> Part:
    """Return a table with the rows of one family; under a new title beside rows that everybody knows."""
    shown = {*labels, *BESIDE} if title else {*labels}
    rows = [row for row in part["rows"] if row[0] in shown]
    return part | {"rows": rows, "title": part["title"].replace("All learners", title)}


def _filled(file: Path, parts: list[Part]) -> tuple[Path, str]:
    sections = "\n\n".join(readme.section(part) for part in parts)
    return file, readme.filled(file.read_text(encoding="utf-8"), sections)
