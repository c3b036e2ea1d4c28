"""Templates; the only door to jinja2, and everything put into them is escaped."""

import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.responses import HTMLResponse

from warmstart import __version__
from warmstart.serving.console import wording

TEMPLATES = Path(__file__).parent / "templates"
_YEAR = re.compile(r"^(.*\S)\s+(\(\d{4}\))$", flags=re.DOTALL)


def page(template: str, told: Mapping[str, Any], status: int = 200) -> HTMLResponse:
    """Return a template as a response."""
    return HTMLResponse(text(template, told), status)


def text(template: str, told: Mapping[str, Any]) -> str:
    """Return a template filled in."""
    return _environment().get_template(template).render(**told)


@cache
def _environment() -> Environment:
    made = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters["amount"] = wording.amount
    made.filters["title_parts"] = title_parts
    made.globals["version"] = __version__
    return made


def title_parts(title: str) -> tuple[str, str]:
    """Return a title and the year in brackets at its end, empty where there is none.

    Example:
        >>> from warmstart.serving.console.render import title_parts
        >>> title_parts("Heat (1995)"), title_parts("Heat")
        (('Heat', '(1995)'), ('Heat', ''))
    """
    found = _YEAR.match(title)
    return (found.group(1), found.group(2)) if found else (title, "")
