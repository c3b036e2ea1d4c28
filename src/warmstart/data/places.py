"""Where registered data sets are remembered."""

import json
import os
import sys
import tempfile
from pathlib import Path

from warmstart.core.errors import BadInput

REGISTRY = "datasets.json"


def home() -> Path:
    """Return the folder of the user's own Warmstart data; ``WARMSTART_HOME`` overrides the platform's usual place."""
    return _told_home() or _usual("~/Library/Application Support", "XDG_DATA_HOME", "~/.local/share")


def cache_folder() -> Path:
    """Return the user's folder for what can be made anew; ``WARMSTART_HOME`` overrides the platform's usual place."""
    told = _told_home()
    return _usual("~/Library/Caches", "XDG_CACHE_HOME", "~/.cache") if told is None else told / "cache"


def _told_home() -> Path | None:
    told = os.environ.get("WARMSTART_HOME")
    return Path(told).expanduser() if told else None


def _usual(on_mac: str, variable: str, elsewhere: str) -> Path:
    """Return our folder in a platform's usual place; of Linux and its like an environment variable may name another."""
    if sys.platform == "win32":
        usual = os.environ.get("LOCALAPPDATA", "~/AppData/Local")
    elif sys.platform == "darwin":
        usual = on_mac
    else:
        usual = os.environ.get(variable) or elsewhere
    return Path(usual).expanduser() / "warmstart"


def registered() -> dict[str, Path]:
    """Return the registered data sets and where they lie.

    Raises:
        BadInput: the registry is not ours or torn.
    """
    path = home() / REGISTRY
    if not path.is_file():
        return {}
    try:
        entries = json.loads(path.read_text(encoding="utf-8"))
        return {str(name): Path(place) for name, place in entries.items()}
    except (ValueError, AttributeError, TypeError):
        raise BadInput(f"The registry {path} cannot be read. Remove it and register the data sets again.") from None


def register(name: str, path: Path) -> None:
    """Remember under ``name`` where a data set lies; the registry is written whole or not at all."""
    entries = {**registered(), name: path}
    folder = home()
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile("w", dir=folder, suffix=".json", delete=False, encoding="utf-8") as file:
        json.dump({name: str(entries[name]) for name in sorted(entries)}, file, indent=2)
    Path(file.name).replace(folder / REGISTRY)
