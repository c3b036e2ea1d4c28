"""Checks that every link of README and docs leads somewhere: files exist, and so do the headings they point to."""

import re
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[1]
TOP = ("README.md", "CONTRIBUTING.md", "CHANGELOG.md")

_LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")
_HEADING = re.compile(r"^#{1,6}\s+(.+?)\s*$", flags=re.MULTILINE)
_FENCED = re.compile(r"^```.*?^```", flags=re.MULTILINE | re.DOTALL)


def pages() -> list[Path]:
    """Return all pages in the order of their paths."""
    return sorted([*(ROOT / name for name in TOP), *(ROOT / "docs").rglob("*.md")])


def anchor(heading: str) -> str:
    """Return the anchor that Markdown sites give a heading.

    Example:
        >>> anchor("`ws.Dataset` and *friends*")
        'wsdataset-and-friends'
    """
    return re.sub(r"[^\w\- ]", "", heading.lower()).strip().replace(" ", "-")


def dead_links(page: Path) -> Iterator[str]:
    """Yield a sentence for each link of ``page`` that leads nowhere; links to other sites are not followed."""
    text = _FENCED.sub("", page.read_text(encoding="utf-8"))
    for link in _LINK.findall(text):
        if re.match(r"[a-z]+:", link):
            continue
        name, _, fragment = link.partition("#")
        target = (page.parent / name).resolve() if name else page
        if not target.exists():
            yield f"{page.relative_to(ROOT)}: {link} leads to no file"
        elif fragment and fragment not in _anchors(target):
            yield f"{page.relative_to(ROOT)}: {link} leads to no heading"


def _anchors(page: Path) -> set[str]:
    return {anchor(heading) for heading in _HEADING.findall(_FENCED.sub("", page.read_text(encoding="utf-8")))}


def main() -> int:
    """Print all dead links; returns the exit code."""
    dead = [line for page in pages() for line in dead_links(page)]
    for line in dead:
        print(line, file=sys.stderr)
    return 1 if dead else 0


if __name__ == "__main__":
    sys.exit(main())
