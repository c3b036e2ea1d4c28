"""A report on disk: JSON, text, page and picture, each file whole or not at all."""

import uuid
from importlib.util import find_spec
from pathlib import Path

from warmstart.core.errors import BadInput
from warmstart.evaluation.page import draw_page
from warmstart.evaluation.picture import draw_png
from warmstart.evaluation.results import Results
from warmstart.evaluation.text import whole


def save(results: Results, as_json: str, folder: Path, png: bool | None) -> Path:
    """Write the four files of a report and return the folder; ``Report.save`` says more."""
    contents = {
        "report.json": as_json.encode(),
        "report.txt": whole(results).encode(),
        "curve.html": draw_page(results).encode(),
    }
    if png or (png is None and find_spec("matplotlib") is not None):
        contents["curve.png"] = draw_png(results)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, content in contents.items():
            write_whole(folder / name, content)
    except OSError as error:
        why = error.strerror or error
        raise BadInput(f"The report cannot be written to {folder}: {why}. Choose another folder.") from error
    return folder


def write_whole(path: Path, content: bytes) -> None:
    """Write a file next to its place and move it there, so that nobody ever reads half of it."""
    fresh = path.with_name(f".{path.name}.{uuid.uuid4().hex}.new")
    try:
        fresh.write_bytes(content)
        fresh.replace(path)
    finally:
        fresh.unlink(missing_ok=True)
