"""Data sets by name: the packaged sample, those that were registered, those in the folder ``WARMSTART_DATA``."""

import os
import re
from pathlib import Path
from typing import Any

from warmstart.core.errors import BadInput
from warmstart.data.dataset import Dataset
from warmstart.data.places import register, registered
from warmstart.data.read import read

SAMPLE = "movielens-small"
FOLDER = Path(__file__).parent / "sample"
NAME = re.compile(r"[\w][\w.-]*")


def load_dataset(name: str, **options: Any) -> Dataset:
    """Load a data set by its name.

    ``movielens-small`` ships with the package (Harper and Konstan, 2015; its README stands beside it). Others are
    registered once with ``add_dataset``, or are folders in the one that the variable ``WARMSTART_DATA`` names.

    Args:
        name: what it is called.
        **options: those of ``read``.

    Raises:
        BadInput: nothing has that name.

    Example:
        >>> import warmstart as ws
        >>> data = ws.load_dataset("movielens-small")
        >>> data.n_users, data.n_items, len(data.histories.items), data.like_from
        (610, 9742, 100836, 4.0)
    """
    places = datasets()
    if name not in places:
        line = f"warmstart data add {name} --from PATH"
        raise BadInput(f"There is no data set {name!r}. There are: {', '.join(places)}. Register it: {line}")
    return read(places[name], name=options.pop("name", name), **options)


def datasets() -> dict[str, Path]:
    """Return all data sets that can be loaded by name, and where they lie.

    Example:
        >>> from warmstart.data.builtin import datasets
        >>> "movielens-small" in datasets()
        True
    """
    folder = os.environ.get("WARMSTART_DATA")
    found = sorted(Path(folder).expanduser().iterdir()) if folder and Path(folder).expanduser().is_dir() else []
    nearby = {path.name: path for path in found if path.is_dir() and not path.name.startswith(".")}
    return {SAMPLE: FOLDER, **registered(), **nearby}


def add_dataset(name: str, path: str | Path) -> Dataset:
    """Register the data set that lies at ``path``, after reading it once to see that it can be used.

    Args:
        name: what to call it from now on; letters, digits, ``-``, ``_`` and dots.
        path: a folder or file that ``read`` can read.

    Raises:
        BadInput: the name cannot be used, or there is nothing at ``path``.
        BadTable: the tables there cannot be used.
    """
    if not NAME.fullmatch(name) or name == SAMPLE:
        why = "is the packaged sample" if name == SAMPLE else "is not made of letters, digits, '-', '_' and dots"
        raise BadInput(f"{name!r} {why}. Choose another name.")
    place = Path(path).expanduser().resolve()
    data = read(place, name=name)
    register(name, place)
    return data
