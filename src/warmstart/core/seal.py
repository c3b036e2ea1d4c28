"""What a model folder says of itself and how it is sealed; read without what it takes to read the model."""

import hashlib
import json
from pathlib import Path
from typing import Any, NoReturn

from warmstart.core.errors import BadModelFile

FORMAT = "warmstart model"
VERSION = 1
ABOUT = "model.json"
TENSORS = "arrays.safetensors"


def version_of(path: str | Path) -> str:
    """Return the version of a model folder: of what seals its header and its tensors, so the same model has the same.

    Raises:
        BadModelFile: the folder is absent, foreign, newer or changed; its tensors are not looked at.

    Example:
        >>> import tempfile
        >>> from pathlib import Path
        >>> from warmstart.core.artefact import write_artefact
        >>> from warmstart.core.seal import version_of
        >>> with tempfile.TemporaryDirectory() as room:
        ...     folders = [write_artefact(Path(room) / name, {"name": "ease"}, {}) for name in ("one", "two")]
        ...     version_of(folders[0]) == version_of(folders[1]), len(version_of(folders[0]))
        (True, 12)
    """
    about = read_about(Path(path))
    seals = about["header_sha256"] + about["tensors_sha256"]
    return hashlib.sha256(seals.encode()).hexdigest()[:12]


def read_about(path: Path) -> dict[str, Any]:
    """Return what a model folder says of itself; raises ``BadModelFile`` unless it is whole and of our format."""
    if not path.is_dir():
        raise BadModelFile(f"{path} is not a folder, so it holds no model. Pass the folder that save(path) returned.")
    file = path / ABOUT
    try:
        about = json.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise BadModelFile(f"{path} has no {ABOUT}, so it is no Warmstart model.") from None
    except (OSError, ValueError, RecursionError) as error:
        raise BadModelFile(f"{file} cannot be read as JSON: {error}. Save the model again.") from error
    _check_about(file, about)
    return dict(about)


def _check_about(file: Path, about: Any) -> None:
    if not isinstance(about, dict) or about.get("format") != FORMAT:
        raise BadModelFile(f"{file} was not written by Warmstart.")
    version = about.get("version")
    if not isinstance(version, int) or version < 1:
        _changed(file)
    if version > VERSION:
        raise BadModelFile(f"{file} is of format {version}; this Warmstart reads up to {VERSION}. Update Warmstart.")
    header = about.get("header")
    if not isinstance(header, dict) or header_sha256(header) != about.get("header_sha256"):
        _changed(file)
    if not isinstance(about.get("tensors_sha256"), str):
        _changed(file)


def _changed(file: Path) -> NoReturn:
    raise BadModelFile(f"{file} is incomplete or was changed since it was saved. Save the model again.")


def header_sha256(header: dict[str, Any]) -> str:
    """Return the seal of a header."""
    return hashlib.sha256(json.dumps(header).encode("utf-8")).hexdigest()


def sha256_of(file: Path) -> str:
    """Return the seal of a file."""
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
