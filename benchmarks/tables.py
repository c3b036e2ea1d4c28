"""What every results file holds beside its numbers, and how it is written."""

import json
import os
import platform
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any, NoReturn

from warmstart import __version__
from warmstart.core.errors import WarmstartError
from warmstart.evaluation.files import write_whole

RESULTS = Path(__file__).with_name("results")
PACKAGES = ("numpy", "scipy", "polars", "implicit", "cmaes", "wordllama")


def write(name: str, content: dict[str, Any], folder: Path | None = None) -> Path:
    """Write ``results/NAME.json`` whole, with date, cores and versions, and return its path."""
    path = (folder or RESULTS) / f"{name}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    whole = {"benchmark": name, "date": datetime.now(UTC).isoformat(timespec="seconds"), "machine": machine()} | content
    write_whole(path, (json.dumps(whole, indent=1, ensure_ascii=False, allow_nan=False) + "\n").encode())
    return path


def run(main: Callable[[list[str]], int]) -> NoReturn:
    """Run a benchmark as a command; an error of ours, such as data that are not there, is a sentence and no trace."""
    try:
        sys.exit(main(sys.argv[1:]))
    except WarmstartError as error:
        sys.exit(str(error))


def machine() -> dict[str, Any]:
    """Return what a reader must know of the machine and the versions."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    facts = {"cores": cores, "platform": f"{platform.system()} {platform.machine()}"}
    versions = {name: version(name) for name in PACKAGES}
    return facts | {"python": platform.python_version(), "warmstart": __version__} | versions


def rounded(value: float | None, digits: int = 4) -> float | None:
    """Return a number as results files hold it."""
    return None if value is None else round(float(value), digits)
