"""Writes results into README.md and the pages of docs from ``benchmarks/results/*.json``; ``--check`` only compares.

docs/figures.md has all tables, the README those of ``HEADLINES``, other pages those of their subject. A result
file that has something to show holds it under ``readme``, beside the numbers it was made from::

    {"readme": [{"place": 1, "title": "...", "text": "...", "columns": ["model", "k=1"], "rows": [["ease", 0.345]],
                 "digits": 3, "best": "high"}]}

``digits`` are shown of every number; ``best`` ("high", "low" or absent) sets the best of each column in bold.
"""

import json
import sys
from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
README = ROOT / "README.md"
DOCS = ROOT / "docs"
RESULTS = ROOT / "benchmarks" / "results"
HEADLINES = (1.0, 2.0, 3.0, 4.0, 6.0, 9.2)
"""Places of the tables that the README shows."""
CHAPTERS = {
    1: "New users",
    2: "New items",
    3: "Values, text and language models",
    4: "Cost and growth",
    6: "The live server",
    9: "Learning to learn elsewhere",
}
"""Headings of docs/figures.md, by the first place under each."""
SUBJECTS: dict[str, tuple[tuple[str, str], ...]] = {
    "distillation": (("distillation", "tables"),),
    "learners": (("learners", "tables"), ("meta_speed", "readme")),
    "neural": (("neural", "tables"),),
    "transfer": (("transfer", "readme"),),
}
"""Pages of docs, and which tables of which results they show."""
FAMILIES: dict[str, tuple[str, ...]] = {
    "gradient": ("maml", "maml, fixed rates", "maml, learned rates", "fomaml", "anil", "meta_sgd", "reptile"),
    "closed-forms": ("meta", "r2d2", "prototypes"),
    "processes": ("cnp", "attentive"),
    "melu": ("melu",),
    "several-tasks": ("multitask",),
}
"""Pages of docs/learners, and the rows of the learners' tables that belong there."""
BESIDE = ("meta", "popularity", "item-kNN", "user-kNN", "hybrid")
"""Rows that stand beside those of every family."""
BEGIN, END = "<!-- results: begin -->", "<!-- results: end -->"

Row = Sequence[str | float | None]
Part = dict[str, Any]


def generated(folder: Path = RESULTS) -> str:
    """Return all tables, chapter by chapter."""
    parts = _parts(folder)
    starts = [*CHAPTERS, float("inf")]
    found = []
    for start, end in pairwise(starts):
        tables = [section(part) for part in parts if start <= float(part["place"]) < end]
        found += [f"## {CHAPTERS[int(start)]}", *tables] if tables else []
    return "\n\n".join(found)


def headlines(folder: Path = RESULTS) -> str:
    """Return the tables of the README."""
    return _sections(part for part in _parts(folder) if float(part["place"]) in HEADLINES)


def pages() -> Iterator[tuple[Path, str]]:
    """Yield every page and the tables between its markers."""
    yield README, headlines()
    yield DOCS / "figures.md", generated()
    for name, tables in SUBJECTS.items():
        yield DOCS / f"{name}.md", _sections(part for file, key in tables for part in _tables(file, key))
    for name, labels in FAMILIES.items():
        yield DOCS / "learners" / f"{name}.md", _sections(_of_family(name, labels))


def _of_family(name: str, labels: Sequence[str]) -> Iterator[Part]:
    for part in _tables("learners", "tables"):
        title = part["title"].replace("All learners", "Learners")
        yield _with_rows(part, {*labels, *BESIDE}) | {"title": title}
    speed = (_with_rows(part, {*labels}) for part in _tables("meta_speed", "readme"))
    yield from (part for part in speed if part["rows"])
    yield from _tables("multitask", "tables") if name == "several-tasks" else ()


def _with_rows(part: Part, labels: set[str]) -> Part:
    return part | {"rows": [row for row in part["rows"] if row[0] in labels]}


def _tables(file: str, key: str) -> list[Part]:
    return list(json.loads((RESULTS / f"{file}.json").read_text(encoding="utf-8"))[key])


def _sections(parts: Iterable[Part]) -> str:
    return "\n\n".join(section(part) for part in parts)


def _parts(folder: Path) -> list[Part]:
    found = [json.loads(file.read_text(encoding="utf-8")) for file in sorted(folder.glob("*.json"))]
    return sorted((part for one in found for part in one.get("readme", ())), key=lambda part: float(part["place"]))


def section(part: Part) -> str:
    """Return one table with its title and text.

    Example:
        >>> print(section({"title": "Speed", "text": "Less is better.", "columns": ["what", "ms"], "best": "low",
        ...                "rows": [["a", 2.25], ["b", 1.0]], "digits": 1}))
        **Speed.** Less is better.
        <BLANKLINE>
        | what | ms |
        |---|---|
        | a | 2.2 |
        | b | **1.0** |
    """
    rows, digits = part["rows"], int(part.get("digits", 3))
    stars = [_best([row[place] for row in rows], part.get("best")) for place in range(len(part["columns"]))]
    lines = ["| " + " | ".join(part["columns"]) + " |", "|" + "---|" * len(part["columns"])]
    for row in rows:
        cells = [_cell(value, digits, star) for value, star in zip(row, stars, strict=True)]
        lines.append("| " + " | ".join(cells) + " |")
    return f"**{part['title']}.** {part['text']}\n\n" + "\n".join(lines)


def filled(readme: str, results: str) -> str:
    """Return a page with new results between its markers."""
    before, begin, rest = readme.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not (begin and end):
        raise SystemExit(f"A page lacks the markers {BEGIN} and {END}.")
    return f"{before}{BEGIN}\n\n{results}\n\n{END}{after}" if results else f"{before}{BEGIN}\n{END}{after}"


def main(arguments: list[str]) -> int:
    """Write all pages, or with ``--check`` say which are stale; returns the exit code."""
    stale = []
    for file, results in pages():
        old = file.read_text(encoding="utf-8")
        if (new := filled(old, results)) != old:
            stale.append(file)
            if "--check" not in arguments:
                file.write_text(new, encoding="utf-8")
    if stale and "--check" in arguments:
        names = ", ".join(str(file.relative_to(ROOT)) for file in stale)
        print(f"Not what the results say: {names}. Run: python benchmarks/readme.py", file=sys.stderr)
        return 1
    return 0


def _best(values: Row, which: str | None) -> float | None:
    numbers = [value for value in values if isinstance(value, int | float)]
    if which is None or not numbers:
        return None
    return {"high": max, "low": min}[which](numbers)


def _cell(value: str | float | None, digits: int, best: float | None) -> str:
    if not isinstance(value, int | float):
        return value or "-"
    text = f"{value:,}" if isinstance(value, int) else f"{value:,.{digits}f}"
    return f"**{text}**" if value == best else text


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
