"""Weights on this machine: inside an installed package, or in a folder of the user's."""

import hashlib
import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

from warmstart.core.errors import MissingExtra

SAMPLED, SAMPLES = 2**20, 16
"""Bytes and places of a large file that its fingerprint is made of."""
TALKATIVE = ("transformers", "sentence_transformers", "peft", "torch")


def packaged(package: str, pattern: str, install: str | None = None) -> Path:
    """Return the first file of a package that fits a pattern; the package itself is not imported.

    Args:
        package: as it is installed, with hyphens.
        pattern: as for ``Path.rglob``.
        install: the line that installs it, where the extra ``llm`` does not.

    Raises:
        MissingExtra: it is not installed.
    """
    found = find_spec(package.replace("-", "_"))
    files = sorted(Path(str(found.origin)).parent.rglob(pattern)) if found and found.origin else []
    if not files:
        raise MissingExtra(package, extra="llm", line=install)
    return files[0]


def fingerprint(path: Path) -> str:
    """Return a short hash of a file or a folder: of small files all, of large ones their length and samples.

    Example:
        >>> import tempfile
        >>> from pathlib import Path
        >>> from warmstart.representation.local_weights import fingerprint
        >>> with tempfile.TemporaryDirectory() as room:
        ...     file = Path(room) / "weights"
        ...     _ = file.write_bytes(b"one")
        ...     one = fingerprint(file)
        ...     _ = file.write_bytes(b"two")
        ...     one == fingerprint(file)
        False
    """
    found = hashlib.blake2b(digest_size=8)
    for file in [path] if path.is_file() else sorted(one for one in path.rglob("*") if one.is_file()):
        size = file.stat().st_size
        found.update(f"{file.relative_to(path).as_posix()} {size}\n".encode())
        with file.open("rb") as stream:
            for place in range(0, size, max(size // SAMPLES, SAMPLED)):
                stream.seek(place)
                found.update(stream.read(SAMPLED))
    return found.hexdigest()


@contextmanager
def quiet() -> Iterator[None]:
    """Keep what libraries say while they load weights, and their bars, out of the program's output, but for errors.

    Raises:
        MissingExtra: transformers is not installed.
    """
    try:
        from transformers.utils import logging as told
    except ImportError as error:
        raise MissingExtra(error.name or "transformers", extra="llm") from None
    levels = {name: logging.getLogger(name).level for name in TALKATIVE}
    bars = told.is_progress_bar_enabled()
    for name in TALKATIVE:
        logging.getLogger(name).setLevel(logging.ERROR)
    told.disable_progress_bar()
    try:
        with warnings.catch_warnings():
            # what these libraries tell one another of their next versions
            warnings.simplefilter("ignore", FutureWarning)
            warnings.simplefilter("ignore", DeprecationWarning)
            yield
    finally:
        for name, level in levels.items():
            logging.getLogger(name).setLevel(level)
        if bars:
            told.enable_progress_bar()
