"""Writes the results into README.md and docs/figures.md from ``benchmarks/results/*.json``; ``--check`` only compares.

The page has all tables, the README those of ``HEADLINES``. A result file that has something to show holds it under
``readme``, beside the numbers it was made from::

    {"readme": [{"place": 1, "title": "...", "text": "...", "columns": ["model", "k=1"], "rows": [["ease", 0.345]],
                 "digits": 3, "best": "high"}]}

``digits`` are shown of every number; ``best`` ("high", "low" or absent) sets the best of each column in bold.
"""

import json
import sys
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
README = ROOT / "README.md"
FIGURES = ROOT / "docs" / "figures.md"
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
"""Headings of the page, by the first place under each."""
BEGIN, END = "<!-- results: begin -->", "<!-- results: end -->"

Row = Sequence[str | float | None]


def generated(folder: Path = ROOT / "benchmarks" / "results") -> str:
    """Return all tables, chapter by chapter."""
    parts = _parts(folder)
    starts = [*CHAPTERS, float("inf")]
    found = []
    for start, end in pairwise(starts):
        tables = [section(part) for part in parts if start <= float(part["place"]) < end]
        found += [f"## {CHAPTERS[int(start)]}", *tables] if tables else []
    return "\n\n".join(found)


def headlines(folder: Path = ROOT / "benchmarks" / "results") -> str:
    """Return the tables of the README."""
    return "\n\n".join(section(part) for part in _parts(folder) if float(part["place"]) in HEADLINES)


def _parts(folder: Path) -> list[dict[str, Any]]:
    found = [json.loads(file.read_text(encoding="utf-8")) for file in sorted(folder.glob("*.json"))]
    return sorted((part for one in found for part in one.get("readme", ())), key=lambda part: float(part["place"]))


def section(part: dict[str, Any]) -> str:
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
    """Write both files, or with ``--check`` say which are stale; returns the exit code."""
    stale = []
    for file, results in ((README, headlines()), (FIGURES, generated())):
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
