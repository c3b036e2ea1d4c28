"""The code blocks of a Markdown page, each with the line it starts on."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGES = sorted([ROOT / "README.md", *(ROOT / "docs").rglob("*.md")])

_FENCE = re.compile(r"^```(\w*)\s*$")
_NOT_RUN = re.compile(r"^<!-- not run: (.+) -->$")


@dataclass(frozen=True)
class Block:
    language: str
    code: str
    line: int
    not_run: str | None


def blocks_of(page: Path) -> Iterator[Block]:
    """Yield the fenced blocks; ``<!-- not run: why -->`` on the line above exempts one."""
    code: list[str] = []
    start, language, not_run = 0, "", None
    for number, line in enumerate(page.read_text(encoding="utf-8").splitlines(), 1):
        fence = _FENCE.match(line)
        if start and line == "```":
            yield Block(language, "\n".join(code) + "\n", start, not_run)
            start, not_run = 0, None
        elif start:
            code.append(line)
        elif fence:
            start, language, code = number + 1, fence.group(1), []
        elif line.strip():
            found = _NOT_RUN.match(line)
            not_run = found.group(1) if found else None
