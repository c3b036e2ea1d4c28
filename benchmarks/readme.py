"""Writes the results into README.md from ``benchmarks/results/*.json``; ``--check`` only compares.

A result file that has something for the README holds it under ``readme``, beside the numbers it was made from::

    {"readme": [{"place": 1, "title": "...", "text": "...", "columns": ["model", "k=1"], "rows": [["ease", 0.345]],
                 "digits": 3, "best": "high"}]}

``digits`` are shown of every number; ``best`` ("high", "low" or absent) sets the best of each column in bold.
"""

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
README = ROOT / "README.md"
BEGIN, END = "<!-- results: begin -->", "<!-- results: end -->"

Row = Sequence[str | float | None]


def generated(folder: Path = ROOT / "benchmarks" / "results") -> str:
    """Return what stands between the markers."""
    found = [json.loads(file.read_text(encoding="utf-8")) for file in sorted(folder.glob("*.json"))]
    parts = [part for one in found for part in one.get("readme", ())]
    return "\n\n".join(section(part) for part in sorted(parts, key=lambda part: float(part["place"])))


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
    """Return the README with new results between its markers."""
    before, begin, rest = readme.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not (begin and end):
        raise SystemExit(f"README.md lacks the markers {BEGIN} and {END}.")
    return f"{before}{BEGIN}\n\n{results}\n\n{END}{after}" if results else f"{before}{BEGIN}\n{END}{after}"


def main(arguments: list[str]) -> int:
    """Write README.md, or with ``--check`` say whether it is stale; returns the exit code."""
    old = README.read_text(encoding="utf-8")
    new = filled(old, generated())
    if "--check" in arguments:
        if old != new:
            print("README.md is stale. Run: python benchmarks/readme.py", file=sys.stderr)
        return int(old != new)
    README.write_text(new, encoding="utf-8")
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
