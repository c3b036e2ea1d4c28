"""Files and folders to a data set."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from warmstart.core.errors import BadInput, BadTable, Fault
from warmstart.data.columns import Table, find_columns
from warmstart.data.dataset import Dataset
from warmstart.data.files import SUFFIXES, load_table, stem, suffix
from warmstart.data.movielens import Native, read_movielens

Source = str | Path | Sequence[str | Path] | Mapping[str, str | Path]

STEMS = {
    "interactions": (
        *("interactions", "ratings", "events", "reviews", "train", "feedback", "clicks", "plays", "views", "purchases"),
        *("user_artists", "transactions", "orders", "logs", "likes", "behaviors", "inter"),
    ),
    "items": (
        *("items", "movies", "books", "products", "songs", "tracks", "artists", "news", "articles", "videos", "games"),
        *("courses", "recipes", "catalogue", "catalog", "item"),
    ),
    "users": ("users", "customers", "members", "people", "visitors", "user"),
}
"""File names, without endings, by which a table of a folder is known."""

DOCUMENTS = ("README", "LICENSE", "LICENCE", "NOTICE", "CHANGELOG")
"""Text files that are no tables."""


def read(
    source: Source,
    *,
    columns: Mapping[str, str] | None = None,
    name: str | None = None,
    item_kinds: Mapping[str, str] | None = None,
    **options: Any,
) -> Dataset:
    r"""Read a folder or files: CSV or TSV of any delimiter and encoding, JSON lines, Parquet, gzip of these, MovieLens.

    In a folder the tables are known by their names (``ratings``, ``items``, ``users`` and the like), else by their
    columns. A single file holds the interactions.

    Args:
        source: a folder, a file, several files, or a mapping, as ``{"interactions": "log.csv", "items": "shop.csv"}``.
        columns: your column names to ours, where the usual names do not find them.
        name: what reports call the data; the folder's or file's name by default.
        item_kinds: kinds of item attributes by column; they overrule those of a published form.
        **options: the others of ``Dataset.from_frames``.

    Raises:
        BadInput: there is no such file, or no table in the folder.
        BadTable: a table cannot be used; all faults are listed.

    Example:
        >>> import pathlib, tempfile
        >>> import warmstart as ws
        >>> folder = pathlib.Path(tempfile.mkdtemp())
        >>> _ = (folder / "ratings.csv").write_text("user;movie;stars\nann;Heat;5\nbob;Alien;1\n")
        >>> ws.read(folder).item_ids
        ['Alien', 'Heat']
    """
    native = _load(source)
    tables = {table.kind: table for table in native.tables}
    if "interactions" not in tables:
        raise BadInput(f"{source} holds no interactions. Name the file: ws.read({{'interactions': 'log.csv'}}).")
    kinds = {**native.item_kinds, **(item_kinds or {})}
    three = (tables["interactions"], tables.get("items"), tables.get("users"))
    return Dataset.from_frames(*three, name=name or _name(source), columns=columns, item_kinds=kinds, **options)


def _load(source: Source) -> Native:
    if isinstance(source, Mapping):
        return Native(_all_tables({kind: Path(path).expanduser() for kind, path in source.items()}))
    if isinstance(source, str | Path):
        path = Path(source).expanduser()
        if not path.is_dir():
            return Native([load_table(path, "interactions")])
        return read_movielens(path) or Native(_folder(path))
    return Native(_all_tables(_kinds([Path(path).expanduser() for path in source])))


def _all_tables(paths: Mapping[str, Path]) -> list[Table]:
    """Read files and raise the faults of all of them together."""
    wrong = sorted(set(paths).difference(STEMS))
    if wrong:
        raise BadInput(f"Tables are called {', '.join(STEMS)}; came: {', '.join(map(repr, wrong))}.")
    tables: list[Table] = []
    faults: list[Fault] = []
    for kind, path in paths.items():
        try:
            tables.append(load_table(path, kind))
        except BadTable as error:
            faults += error.faults
    if faults:
        raise BadTable(faults)
    return tables


def _folder(folder: Path) -> list[Table]:
    paths = sorted(path for path in folder.iterdir() if path.is_file() and suffix(path) in SUFFIXES)
    paths = [path for path in paths if not path.name.startswith((".", "_")) and stem(path).upper() not in DOCUMENTS]
    if not paths:
        raise BadInput(f"The folder {folder} holds no table. Known endings: {', '.join(SUFFIXES)}, each also with .gz.")
    kinds = _kinds(paths)
    tables = _all_tables(kinds)
    aside = ", ".join(path.name for path in paths if path not in kinds.values())
    if aside:
        tables[0] = replace(tables[0], notes=(*tables[0].notes, f"other files of the folder were left aside ({aside})"))
    return tables


def _kinds(paths: Sequence[Path]) -> dict[str, Path]:
    """Tell which file is which table: by its name, else, if no other can be, as the interactions."""
    found: dict[str, Path] = {}
    for kind, stems in STEMS.items():
        named = [path for word in stems for path in paths if stem(path).casefold() == word]
        if named:
            found[kind] = named[0]
    if "interactions" not in found:
        found["interactions"] = _only_events([path for path in paths if path not in found.values()], paths)
    return {kind: found[kind] for kind in STEMS if kind in found}


def _only_events(left: Sequence[Path], paths: Sequence[Path]) -> Path:
    fitting = left if len(left) == 1 else [path for path in left if _has_both_ids(path)]
    if len(fitting) == 1:
        return fitting[0]
    names = ", ".join(path.name for path in paths)
    cure = "Name them: ws.read({'interactions': ..., 'items': ..., 'users': ...})."
    raise BadInput(f"It is not clear which file holds the interactions: {names}. {cure}")


def _has_both_ids(path: Path) -> bool:
    try:
        return not find_columns(load_table(path, "interactions"))[1]
    except BadTable:
        return False


def _name(source: Source) -> str:
    if isinstance(source, str | Path):
        path = Path(source).expanduser().resolve()
        return path.name if path.is_dir() else stem(path)
    first = next(iter(source.values())) if isinstance(source, Mapping) else source[0]
    return stem(Path(first))
