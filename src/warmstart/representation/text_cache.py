"""What a language model answered before, kept on disk: a second run asks it nothing, an interrupted one goes on."""

import json
import logging
import os
import sqlite3
import struct
import time
import uuid
import zlib
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import astuple
from hashlib import blake2b
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from warmstart.core.errors import BadInput
from warmstart.core.histories import Floats
from warmstart.core.run import Run
from warmstart.data.places import cache_folder
from warmstart.representation.language_model import Generated, LanguageModel

T = TypeVar("T")
FILE = "answers-1.sqlite"
"""The number is that of the layout; another one starts an empty file."""
PATIENCE = 30.0
"""Seconds that a process waits while another one writes."""
ASKED_AT_ONCE = 500
FIRST, LARGEST, LASTING = 16, 4096, 0.5
"""Texts of the first portion and of the largest; portions grow until one takes so many seconds."""
_LAYOUT = (
    "CREATE TABLE IF NOT EXISTS models (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE);"
    "CREATE TABLE IF NOT EXISTS answers (key BLOB PRIMARY KEY, model INTEGER NOT NULL, value BLOB, sum INTEGER)"
)
logger = logging.getLogger(__name__)


class TextCache:
    """Values by the hash of what was asked, in one SQLite file that several processes may share.

    Every value carries a checksum: one that was damaged is not found, and so is made anew. A file that is damaged as a
    whole is set aside.

    Args:
        folder: where the file lies; None takes ``cache_folder()``.

    Raises:
        BadInput: nothing can be written there.

    Example:
        >>> import tempfile
        >>> from pathlib import Path
        >>> from warmstart.representation.text_cache import TextCache
        >>> with tempfile.TemporaryDirectory() as room:
        ...     cache = TextCache(Path(room))
        ...     cache.put({b"question": b"answer"}, "oracle")
        ...     found = cache.get([b"question", b"another"]), cache.forget("oracle"), cache.get([b"question"])
        >>> found
        ({b'question': b'answer'}, 1, {})
    """

    def __init__(self, folder: Path | None = None) -> None:
        self.path = (folder or cache_folder()) / FILE
        try:
            self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            # what was generated may tell of people, so it is its owner's
            os.close(os.open(self.path, os.O_CREAT | os.O_RDWR, 0o600))
        except OSError as error:
            why = error.strerror or error
            raise BadInput(f"The cache cannot be kept in {self.path.parent}: {why}. Choose another folder.") from error
        self._safely(lambda database: database.executescript(_LAYOUT))

    def get(self, keys: Collection[bytes]) -> dict[bytes, bytes]:
        """Return the values of those keys that are there and whole."""
        wanted = list(dict.fromkeys(keys))
        parts = [wanted[start : start + ASKED_AT_ONCE] for start in range(0, len(wanted), ASKED_AT_ONCE)]
        try:
            rows = self._safely(lambda database: [row for part in parts for row in _rows(database, part)])
        except sqlite3.OperationalError as error:
            logger.warning("The cache %s could not be read (%s): the model is asked.", self.path, error)
            return {}
        return {key: value for key, value, kept in rows if isinstance(value, bytes) and _sum(key, value) == kept}

    def put(self, entries: Mapping[bytes, bytes], model: str) -> None:
        """Keep values, all or none; when the disk is full they are not kept, which is said in the log."""
        try:
            self._safely(lambda database: _insert(database, entries, model))
        except sqlite3.OperationalError as error:
            logger.warning("Answers of the language model could not be kept in %s: %s", self.path, error)

    def forget(self, model: str | None = None) -> int:
        """Remove what a model answered, or everything, and return how many answers that were."""
        one = "DELETE FROM answers WHERE model = (SELECT id FROM models WHERE name = ?)"
        asked: tuple[Any, ...] = ("DELETE FROM answers",) if model is None else (one, (model,))
        return self._safely(lambda database: int(database.execute(*asked).rowcount))

    def _safely(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Do something within a transaction; if the file turns out to be damaged, do it with an empty one."""
        try:
            with self._opened() as database:
                return work(database)
        except sqlite3.OperationalError:
            raise
        except sqlite3.DatabaseError as error:
            logger.warning("The cache %s is damaged (%s) and begun anew.", self.path, error)
            self._set_aside()
        with self._opened() as database:
            database.executescript(_LAYOUT)
            return work(database)

    @contextmanager
    def _opened(self) -> Iterator[sqlite3.Connection]:
        # one connection a piece of work: nothing is shared between threads, or with a process that was forked off
        with closing(sqlite3.connect(self.path, timeout=PATIENCE)) as database, database:
            database.execute("PRAGMA synchronous = NORMAL")
            yield database

    def _set_aside(self) -> None:
        with suppress(FileNotFoundError):  # another process may have done so
            self.path.replace(self.path.with_name(f"{FILE}.{uuid.uuid4().hex[:8]}.damaged"))
        self.path.with_name(f"{FILE}-journal").unlink(missing_ok=True)


class CachedModel:
    """A language model that is asked nothing twice; portions are kept as they come, so work that was stopped goes on.

    What is drawn at random is not kept, and of what has a deadline only what was finished. Texts are kept as hashes;
    what a model wrote is kept as it is.

    Args:
        model: the one that is asked.
        folder: of the cache; None takes the user's.
        run: who sees how far it is.

    Example:
        >>> import tempfile
        >>> from pathlib import Path
        >>> from warmstart.representation.language_model import open_language_model
        >>> with tempfile.TemporaryDirectory() as room:
        ...     first = open_language_model("static", cache=room).embed(["a ship at sea"])
        ...     again = open_language_model("static", cache=room).embed(["a ship at sea"])
        >>> bool((first == again).all())
        True
    """

    def __init__(self, model: LanguageModel, folder: Path | None = None, run: Run | None = None) -> None:
        self.model = model
        self.cache = TextCache(folder)
        self._progress = (run or Run()).progress

    @property
    def name(self) -> str:
        """The name of the model that is asked."""
        return self.model.name

    def embed(self, texts: Sequence[str | None]) -> Floats:
        """Return the model's vectors; see ``LanguageModel.embed``."""
        said = [text or "" for text in texts]
        keys = self._keys("embed", {}, said)
        found = self.cache.get(keys)
        asked = {key: text for key, text in zip(keys, said, strict=True) if key not in found}

        def answer(portion: Sequence[str]) -> list[bytes]:
            return [row.tobytes() for row in np.asarray(self.model.embed(portion), dtype=np.float32)]

        # portions of like length, for they are padded to the longest
        found |= self._made("embedding", asked, answer, order=len)
        if len({len(found[key]) for key in keys}) > 1:  # a server has put another model under the same name
            found = self._made("embedding", dict(zip(keys, said, strict=True)), answer, order=len)
        if not keys:
            return self.model.embed([])
        whole = np.frombuffer(b"".join(found[key] for key in keys), dtype=np.float32)
        return whole.reshape(len(keys), -1).copy()

    def generate(
        self,
        prompts: Sequence[str],
        *,
        max_tokens: int = 128,
        temperature: float = 0.0,
        seed: int = 0,
        stop: Sequence[str] = (),
        deadline: float | None = None,
    ) -> list[Generated]:
        """Return what the model writes, from the cache at temperature 0; see ``LanguageModel.generate``."""
        how: dict[str, Any] = {"max_tokens": max_tokens, "stop": list(stop)}
        if temperature > 0:
            return self.model.generate(prompts, temperature=temperature, seed=seed, deadline=deadline, **how)
        end = None if deadline is None else time.monotonic() + deadline
        keys = self._keys("generate", how, prompts)
        found = self.cache.get(keys)
        asked = {key: prompt for key, prompt in zip(keys, prompts, strict=True) if key not in found}

        def answer(portion: Sequence[str]) -> list[bytes]:
            left = None if end is None else max(end - time.monotonic(), 0.0)
            return [_packed(one) for one in self.model.generate(portion, seed=seed, deadline=left, **how)]

        found |= self._made("writing", asked, answer, keep=lambda value: _unpacked(value).ended != "deadline")
        return [_unpacked(found[key]) for key in keys]

    def stream(
        self,
        prompt: str,
        *,
        max_tokens: int = 128,
        temperature: float = 0.0,
        seed: int = 0,
        stop: Sequence[str] = (),
        deadline: float | None = None,
    ) -> Iterator[str]:
        """Yield what the model writes, in one piece if it is in the cache; see ``LanguageModel.stream``."""
        how: dict[str, Any] = {"max_tokens": max_tokens, "stop": list(stop)}
        found = self.cache.get(self._keys("generate", how, [prompt])) if temperature <= 0 else {}
        if found:
            return iter([_unpacked(value).text for value in found.values()])
        return self.model.stream(prompt, temperature=temperature, seed=seed, deadline=deadline, **how)

    def log_probability(self, prompts: Sequence[str], continuations: Sequence[str]) -> Floats:
        """Return the model's log-probabilities; see ``LanguageModel.log_probability``."""
        pairs = list(zip(prompts, continuations, strict=True))
        keys = self._keys("log_probability", {}, [f"{len(prompt)} {prompt}{then}" for prompt, then in pairs])
        found = self.cache.get(keys)
        asked = {key: pair for key, pair in zip(keys, pairs, strict=True) if key not in found}

        def answer(portion: Sequence[tuple[str, str]]) -> list[bytes]:
            values = self.model.log_probability([one for one, _ in portion], [then for _, then in portion])
            return [struct.pack("<f", value) for value in values.tolist()]

        found |= self._made("weighing", asked, answer)
        return np.array([struct.unpack("<f", found[key])[0] for key in keys], dtype=np.float32)

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        """Return the model's counts, which are not kept."""
        return self.model.count_tokens(texts)

    def _keys(self, what: str, how: Mapping[str, Any], texts: Sequence[str]) -> list[bytes]:
        begun = blake2b(json.dumps([what, self.name, how], sort_keys=True).encode() + b"\n", digest_size=20)
        return [_finished(begun, text) for text in texts]

    def _made(
        self,
        what: str,
        asked: Mapping[bytes, T],
        answer: Callable[[Sequence[T]], list[bytes]],
        order: Callable[[T], Any] = lambda one: one,
        keep: Callable[[bytes], bool] = lambda _value: True,
    ) -> dict[bytes, bytes]:
        """Ask the model portion by portion, keep each at once and return all."""
        # in order of the text unless told otherwise, so that those which begin alike come together
        keys = sorted(asked, key=lambda key: order(asked[key]))
        made: dict[bytes, bytes] = {}

        def work() -> Iterator[bytes]:
            for portion in _portions(keys):
                fresh = dict(zip(portion, answer([asked[key] for key in portion]), strict=True))
                self.cache.put({key: value for key, value in fresh.items() if keep(value)}, self.name)
                made.update(fresh)
                yield from portion

        if keys:
            for _ in self._progress.track(work(), f"{what} ({self.name})", total=len(keys)):
                pass
        return made


def _portions(keys: Sequence[bytes]) -> Iterator[Sequence[bytes]]:
    """Yield portions that double until one of them takes long enough to be worth keeping by itself."""
    size, start = FIRST, 0
    while start < len(keys):
        begun = time.monotonic()
        yield keys[start : start + size]
        start += size
        if time.monotonic() - begun < LASTING:
            size = min(2 * size, LARGEST)


def _finished(begun: "blake2b", text: str) -> bytes:
    whole = begun.copy()
    whole.update(text.encode("utf-8", "surrogatepass"))
    return whole.digest()


def _packed(one: Generated) -> bytes:
    return json.dumps(astuple(one)).encode()


def _unpacked(value: bytes) -> Generated:
    return Generated(*json.loads(value))


def _sum(key: bytes, value: bytes) -> int:
    return zlib.crc32(value, zlib.crc32(key))


def _rows(database: sqlite3.Connection, keys: Sequence[bytes]) -> list[tuple[bytes, Any, Any]]:
    marks = ",".join("?" * len(keys))
    return database.execute(f"SELECT key, value, sum FROM answers WHERE key IN ({marks})", keys).fetchall()  # noqa: S608 -- only marks


def _insert(database: sqlite3.Connection, entries: Mapping[bytes, bytes], model: str) -> None:
    database.execute("INSERT OR IGNORE INTO models (name) VALUES (?)", (model,))
    (number,) = database.execute("SELECT id FROM models WHERE name = ?", (model,)).fetchone()
    rows = [(key, number, value, _sum(key, value)) for key, value in entries.items()]
    database.executemany("INSERT OR REPLACE INTO answers VALUES (?, ?, ?, ?)", rows)
