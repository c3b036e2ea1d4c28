"""One file to one frame: delimited text, JSON lines or Parquet, each also gzipped."""

import gzip
import io
import json
import zlib
from pathlib import Path

import polars as pl

from warmstart.core.errors import BadInput, BadTable, Fault
from warmstart.data.columns import Table
from warmstart.data.text import decode, first_line, parse_delimited

DELIMITED = (".csv", ".tsv", ".txt", ".dat", ".data", ".tab", ".psv", ".inter", ".item", ".user", ".test", ".base")
SUFFIXES = (*DELIMITED, ".parquet", ".pq", ".jsonl", ".ndjson", ".json")
GZIP = b"\x1f\x8b"
PARQUET = b"PAR1"
INTERACTIONS = ["user_id", "item_id", "value", "timestamp"]
"""What the columns of an all-number table without a header are taken for."""


def stem(path: Path) -> str:
    """Return a file name without its endings.

    Example:
        >>> from pathlib import Path
        >>> from warmstart.data.files import stem
        >>> stem(Path("data/ratings.csv.gz"))
        'ratings'
    """
    return path.name.split(".")[0]


def suffix(path: Path) -> str:
    """Return the ending that tells the format, in lower case, without ``.gz``."""
    name = path.name.lower()
    return Path(name.removesuffix(".gz")).suffix


def load_bytes(path: Path) -> bytes:
    """Return what a file holds, unpacked if it is gzip.

    Raises:
        BadInput: there is no such file.
        BadTable: it is empty or a torn gzip.
    """
    if not path.is_file():
        raise BadInput(f"There is no file {path}. Give the path of a table or of a folder with tables.")
    raw = path.read_bytes()
    if raw.startswith(GZIP):
        try:
            raw = gzip.decompress(raw)
        except (OSError, EOFError, zlib.error):
            raise BadTable([Fault(path.name, "the gzip is torn or no gzip", "Fetch or pack the file again.")]) from None
    if not raw:
        raise BadTable([Fault(path.name, "the file is empty", "Give a table with a header and at least one row.")])
    return raw


def load_table(path: Path, kind: str, names: list[str] | None = None) -> Table:
    """Read one file; its format is told by its content, its encoding, delimiter and types are found.

    Args:
        path: the file.
        kind: ``interactions``, ``items`` or ``users``.
        names: names of the columns of delimited text that has no header.
    """
    raw = load_bytes(path)
    if raw.startswith(PARQUET):
        return Table(_parquet(raw, path), path.name, kind)
    text = decode(raw, path.name)
    if suffix(path) in (".jsonl", ".ndjson", ".json") or text.lstrip()[:1] in "{[":
        return Table(_json(text, path), path.name, kind)
    notes: tuple[str, ...] = ()
    if names is None and kind == "interactions":
        names = _without_header(text)
        notes = () if names is None else (f"no header, so the columns are taken as {', '.join(names)}",)
    frame, torn = parse_delimited(text, path.name, names)
    return Table(frame, path.name, kind, torn, notes)


def _without_header(text: str) -> list[str] | None:
    frame, _ = parse_delimited(first_line(text) + "\n", "first line", [])
    numbers = all(dtype.is_numeric() for dtype in frame.dtypes)
    return INTERACTIONS[: frame.width] if numbers and 2 <= frame.width <= len(INTERACTIONS) else None


def _parquet(raw: bytes, path: Path) -> pl.DataFrame:
    try:
        return pl.read_parquet(io.BytesIO(raw))
    except (pl.exceptions.PolarsError, OSError) as error:
        raise BadTable([Fault(path.name, f"the Parquet cannot be read: {error}", "Write the file again.")]) from None


def _json(text: str, path: Path) -> pl.DataFrame:
    """Read one object a line, or one list of objects."""
    if text.lstrip().startswith("["):
        return _objects([text], path)
    return _objects(text.split("\n"), path)


def _objects(lines: list[str], path: Path) -> pl.DataFrame:
    rows: list[dict[str, object]] = []
    faults = []
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            found = json.loads(line)
        except json.JSONDecodeError as error:
            found = str(error)
        objects = found if isinstance(found, list) else [found]
        if all(isinstance(one, dict) for one in objects):
            rows += objects
        else:
            cure = 'Write one object a line, such as {"user_id": 1, "item_id": 2}.'
            faults.append(Fault(path.name, "no JSON object", cure, row=number, value=line[:60]))
    if faults:
        raise BadTable(faults)
    return pl.DataFrame(rows, strict=False, infer_schema_length=None)
