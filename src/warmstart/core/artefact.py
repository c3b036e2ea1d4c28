"""Models on disk: a folder of ``model.json`` and ``arrays.safetensors``, whole or not at all, never executed."""

import json
import os
import shutil
import struct
import uuid
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file
from scipy import sparse

from warmstart.core.errors import BadInput, BadModelFile
from warmstart.core.seal import ABOUT, FORMAT, TENSORS, VERSION, header_sha256, read_about, sha256_of

Arrays = dict[str, npt.NDArray[Any]]

TYPES = {"F64": "<f8", "F32": "<f4", "F16": "<f2", "BOOL": "?"} | {
    f"{letter}{8 * size}": f"<{kind}{size}" for letter, kind in ("Ii", "Uu") for size in (1, 2, 4, 8)
}
"""What safetensors and numpy call the same types."""


def write_artefact(path: Path, header: dict[str, Any], arrays: Arrays) -> Path:
    """Write a model folder, whole or not at all; an older Warmstart model at ``path`` is replaced.

    Args:
        path: the folder; missing parents are made.
        header: what JSON can hold; numpy numbers become plain ones.
        arrays: numeric arrays by name.

    Raises:
        BadInput: ``path`` is something other than a Warmstart model, or cannot be written.

    Example:
        >>> import tempfile
        >>> import numpy as np
        >>> from pathlib import Path
        >>> from warmstart.core.artefact import read_artefact, write_artefact
        >>> with tempfile.TemporaryDirectory() as room:
        ...     folder = write_artefact(Path(room) / "model", {"name": "ease"}, {"weights": np.eye(2)})
        ...     header, arrays = read_artefact(folder)
        >>> header, arrays["weights"].tolist()
        ({'name': 'ease'}, [[1.0, 0.0], [0.0, 1.0]])
    """
    place = Path(path).resolve()
    refuse_to_replace_foreign(place)
    fresh = place.parent / f".{place.name}.{uuid.uuid4().hex}.new"
    try:
        fresh.mkdir(parents=True)
        _write_files(fresh, header, arrays)
        _move_into_place(fresh, place)
    except OSError as error:
        why = error.strerror or error
        raise BadInput(f"The model cannot be written to {path}: {why}. Choose another path.") from error
    finally:
        shutil.rmtree(fresh, ignore_errors=True)
    return Path(path)


def read_artefact(path: Path) -> tuple[dict[str, Any], Arrays]:
    """Read a model folder; nothing in it is executed.

    The arrays are mapped, not copied: memory holds what is looked at, and processes that serve one model share it. So
    a model in use may be replaced by ``write_artefact``, which leaves the old file to its holders, but not edited.

    Returns:
        the header as it was written, and read-only arrays by name.

    Raises:
        BadModelFile: the folder is absent, foreign, newer, truncated or changed.
    """
    path = Path(path)
    about = read_about(path)
    file = path / TENSORS
    if not file.is_file():
        raise BadModelFile(f"{path} has no {TENSORS}. Save the model again.")
    if sha256_of(file) != about["tensors_sha256"]:
        raise BadModelFile(f"{file} is truncated or was changed since it was saved. Save the model again.")
    try:
        return about["header"], _mapped(file)
    except (SafetensorError, KeyError, TypeError, ValueError, OverflowError, MemoryError) as error:
        raise BadModelFile(f"{file} does not hold tensors: {error}. Save the model again.") from error


def _mapped(file: Path) -> Arrays:
    """Return the arrays of a safetensors file as read-only views of it."""
    with safe_open(file, framework="numpy"), file.open("rb") as stream:  # which checks that places and shapes fit
        (length,) = struct.unpack("<Q", stream.read(8))
        entries = json.loads(stream.read(length))
    entries.pop("__metadata__", None)
    # Windows lets nobody replace a file that is mapped
    whole = np.memmap(file, np.uint8, "r") if os.name == "posix" else np.frombuffer(file.read_bytes(), np.uint8)
    body = np.asarray(whole)[8 + length :]
    return {name: _view(body, entry) for name, entry in entries.items()}


def _view(body: npt.NDArray[np.uint8], entry: dict[str, Any]) -> npt.NDArray[Any]:
    start, end = entry["data_offsets"]
    return body[start:end].view(TYPES[entry["dtype"]]).reshape(entry["shape"])


def array_of(arrays: Arrays, name: str, shape: tuple[int | None, ...], kind: str = "f") -> npt.NDArray[Any]:
    """Return one array of an artefact after checking it.

    Args:
        arrays: what ``read_artefact`` returned.
        name: which one.
        shape: the shape it must have; None where any length will do.
        kind: numpy's letter for the type it must have: ``f`` real, ``i`` whole, ``b`` true or false.

    Raises:
        BadModelFile: it is absent or of another shape or type.
    """
    array = arrays.get(name)
    if array is None:
        raise BadModelFile(f"The model lacks its array {name!r}. Save it again with this version.")
    fits = array.ndim == len(shape) and all(want in (None, came) for want, came in zip(shape, array.shape, strict=True))
    if array.dtype.kind != kind or not fits:
        came = f"{array.dtype} {list(array.shape)}"
        raise BadModelFile(f"The model's array {name!r} does not fit the rest of it (came: {came}). Save it again.")
    return array


def pack_csr(name: str, matrix: sparse.csr_matrix) -> Arrays:
    """Return a sparse matrix as three arrays, ``name.data``, ``name.indices`` and ``name.indptr``.

    Example:
        >>> from scipy import sparse
        >>> from warmstart.core.artefact import pack_csr, unpack_csr
        >>> unpack_csr(pack_csr("x", sparse.csr_matrix([[0.0, 2.0]])), "x", (1, 2)).toarray().tolist()
        [[0.0, 2.0]]
    """
    parts = {"data": matrix.data, "indices": matrix.indices, "indptr": matrix.indptr}
    return {f"{name}.{part}": array for part, array in parts.items()}


def unpack_csr(arrays: Arrays, name: str, shape: tuple[int, int]) -> sparse.csr_matrix:
    """Return the sparse matrix that ``pack_csr`` stored; raises ``BadModelFile`` unless every index is in bounds."""
    indptr = array_of(arrays, f"{name}.indptr", (shape[0] + 1,), kind="i")
    n_stored = int(indptr[-1])
    indices = array_of(arrays, f"{name}.indices", (n_stored,), kind="i")
    data = array_of(arrays, f"{name}.data", (n_stored,))
    ordered = indptr[0] == 0 and bool((np.diff(indptr) >= 0).all())
    if not ordered or (n_stored and not 0 <= int(indices.min()) <= int(indices.max()) < shape[1]):
        raise BadModelFile(f"The model's sparse matrix {name!r} points outside itself. Save the model again.")
    # scipy picks one index type for both and may sort in place, so it gets copies
    return sparse.csr_matrix((data, indices.copy(), indptr.copy()), shape=shape)


def _write_files(folder: Path, header: dict[str, Any], arrays: Arrays) -> None:
    save_file({name: np.asarray(array, order="C") for name, array in arrays.items()}, folder / TENSORS)
    plain = json.loads(json.dumps(header, allow_nan=False, default=_plain))
    about = {
        "format": FORMAT,
        "version": VERSION,
        "tensors_sha256": sha256_of(folder / TENSORS),
        "header_sha256": header_sha256(plain),
        "header": plain,
    }
    (folder / ABOUT).write_text(json.dumps(about) + "\n", encoding="utf-8")


def _plain(value: Any) -> Any:
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, np.ndarray):
        return value.tolist()
    raise TypeError(f"A model header holds only what JSON can hold; came: {type(value).__name__}.")


def refuse_to_replace_foreign(path: Path) -> None:
    """Raise ``BadInput`` when ``path`` holds something other than a Warmstart model, before work is spent on one."""
    if not path.exists():
        return
    if path.is_dir():
        others = sorted(entry.name for entry in path.iterdir() if entry.name not in (ABOUT, TENSORS))
        if not others and (not any(path.iterdir()) or _is_ours(path)):
            return
    raise BadInput(f"{path} exists and is no Warmstart model, so it is not replaced. Choose another path.")


def _is_ours(path: Path) -> bool:
    try:
        about = json.loads((path / ABOUT).read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return False
    return isinstance(about, dict) and about.get("format") == FORMAT


def _move_into_place(fresh: Path, path: Path) -> None:
    if not path.exists():
        fresh.rename(path)
        return
    older = fresh.with_suffix(".old")
    path.rename(older)
    try:
        fresh.rename(path)
    except OSError:
        older.rename(path)
        raise
    shutil.rmtree(older, ignore_errors=True)
