"""The door to language models: one protocol, a table of those that there are, and the light one of static vectors."""

import difflib
import importlib
import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any, Literal, Protocol, cast, runtime_checkable

import numpy as np
import numpy.typing as npt

from warmstart.core.errors import BadInput, MissingExtra, Unsupported
from warmstart.core.histories import Floats
from warmstart.core.run import Run

DIMENSION = 256
LONGEST = 2_000
"""Characters of a text that are read."""
LANGUAGE_MODELS: dict[str, str] = {
    "static": "warmstart.representation.language_model:StaticVectors",
    "minilm": "warmstart.representation.sentence_encoder:SentenceEncoder",
    "smollm2": "warmstart.representation.causal_model:CausalModel",
    "http": "warmstart.representation.remote_model:RemoteModel",
}
"""Name to ``module:class``; a module is imported when its model is asked for. ``http`` stands for every address."""


@dataclass(frozen=True, slots=True)
class Generated:
    """What a language model wrote to one prompt.

    Args:
        text: without the prompt and without the stop string that ended it.
        tokens_in: tokens of the prompt.
        tokens_out: tokens that were written.
        ended: ``stop`` by a stop string or of itself, ``length`` at ``max_tokens``, ``deadline`` when time was up.
    """

    text: str
    tokens_in: int
    tokens_out: int
    ended: Literal["stop", "length", "deadline"]


class Generates(Protocol):
    """What writes: as much of a language model as texts need."""

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
        """Return what the model writes to each prompt.

        Args:
            prompts: each is answered for itself.
            max_tokens: written to one prompt at most; from 1.
            temperature: 0 takes the likeliest token each time; larger is more random.
            seed: of the randomness.
            stop: writing ends before any of these.
            deadline: seconds from now for all prompts together; what is written by then comes back.
        """
        ...


@runtime_checkable
class LanguageModel(Generates, Protocol):
    """What every language model offers; one that cannot do a thing raises ``Unsupported``."""

    @property
    def name(self) -> str:
        """The weights and the settings that shape its answers; the cache keeps apart what differs in it."""
        ...

    def embed(self, texts: Sequence[str | None]) -> Floats:
        """Return rows of length 1, float32 [len(texts), d]; zero for None and for a text without a word."""
        ...

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
        """Yield what ``generate`` would write to this prompt, piece by piece."""
        ...

    def log_probability(self, prompts: Sequence[str], continuations: Sequence[str]) -> Floats:
        """Return log p(continuations[i] | prompts[i]), float32 [len(prompts)]."""
        ...

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        """Return of how many tokens each text is made."""
        ...


def open_language_model(
    name: str = "static", *, cache: bool | str | Path = False, run: Run | None = None, **settings: Any
) -> LanguageModel:
    """Open a language model by its name.

    Args:
        name: ``static``, ``minilm``, ``smollm2``, or the address of an OpenAI-compatible server and the model there:
            ``http://127.0.0.1:8000/v1#model``.
        cache: keep answers on disk: True in the user's cache folder, or a folder of your own.
        run: who sees how far long work with a cache is.
        **settings: what the model's class takes.

    Raises:
        BadInput: there is no such model, or the address has no model.
        BadConfig: settings are unknown or out of range.
        MissingExtra: the packages of the model are not installed.

    Example:
        >>> from warmstart.representation.language_model import open_language_model
        >>> open_language_model("static").embed(["a ship at sea", None]).shape
        (2, 256)
    """
    remote = name.startswith(("http://", "https://"))
    place = LANGUAGE_MODELS.get("http" if remote else name)
    if place is None or name == "http":
        close = difflib.get_close_matches(name, LANGUAGE_MODELS, n=2, cutoff=0.4)
        nearest = f" Nearest: {', '.join(close)}." if close else ""
        raise BadInput(f"There is no language model {name!r}.{nearest} Take static, minilm, smollm2 or an address.")
    module, _, attribute = place.partition(":")
    found = getattr(importlib.import_module(module), attribute)
    model = cast("LanguageModel", found(name, **settings) if remote else found(**settings))
    if cache is False:
        return model
    cached = importlib.import_module("warmstart.representation.text_cache").CachedModel
    return cast("LanguageModel", cached(model, None if cache is True else Path(cache).expanduser(), run or Run()))


def cannot(name: str, what: str) -> Unsupported:
    """Return the error of a model that is asked for what its kind does not do.

    Example:
        >>> from warmstart.representation.language_model import cannot
        >>> print(cannot("static", "write"))
        The language model 'static' cannot write. Take one that can, such as 'smollm2' or a server's address.
    """
    return Unsupported(
        f"The language model {name!r} cannot {what}. Take one that can, such as 'smollm2' or a server's address."
    )


class StaticVectors:
    """Means of token vectors that were taken from a large language model (the package wordllama, extra ``text``).

    Source: Miller (2024), WordLlama: Recycled Token Embeddings from Large Language Models.

    Example:
        >>> from warmstart.representation.language_model import StaticVectors
        >>> ship, boat, soup = StaticVectors().embed(["a ship at sea", "a boat on the ocean", "onion soup"])
        >>> bool(ship @ boat > ship @ soup)
        True
    """

    def __init__(self) -> None:
        self._model = _wordllama()

    def embed(self, texts: Sequence[str | None]) -> Floats:
        """Return unit vectors, float32 [len(texts), 256]; zero for None and for a text without a word.

        Args:
            texts: the first 2,000 characters of each are read.
        """
        cleaned = [readable(text) for text in texts]
        spoken = sorted((place for place, text in enumerate(cleaned) if text), key=lambda place: len(cleaned[place]))
        vectors = np.zeros((len(cleaned), DIMENSION), dtype=np.float32)
        if spoken:  # in order of length, for a batch is padded to its longest
            vectors[spoken] = self._model.embed([cleaned[place] for place in spoken])
        return unit_rows(vectors)

    @property
    def name(self) -> str:
        """The package whose vectors these are, and its version."""
        return f"wordllama {_version()}"

    def generate(self, prompts: Sequence[str], **_how: Any) -> list[Generated]:
        """Vectors of words cannot write."""
        raise cannot("static", "write")

    def stream(self, prompt: str, **_how: Any) -> Iterator[str]:
        """Vectors of words cannot write."""
        raise cannot("static", "write")

    def log_probability(self, prompts: Sequence[str], continuations: Sequence[str]) -> Floats:
        """Vectors of words give no probabilities."""
        raise cannot("static", "tell how likely a text is")

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        """Return of how many tokens each text is made, of the 2,000 characters that are read."""
        read = [readable(text) for text in texts]
        # a batch is padded to its longest
        return [sum(one.attention_mask) for one in self._model.tokenizer.encode_batch(read, add_special_tokens=False)]

    def pieces(self, word: str) -> int:
        """Return in how many pieces the model reads a word; one that it hardly knows falls into letters.

        Example:
            >>> from warmstart.representation.language_model import StaticVectors
            >>> [StaticVectors().pieces(word) for word in ("ship", "heartbreaking", "xqzzvkw")]
            [1, 3, 5]
        """
        return len(self._model.tokenizer.encode(readable(word), add_special_tokens=False).tokens)

    def vocabulary(self) -> list[str]:
        """Return the words of more than three letters that the model reads in one piece, in the order of the alphabet.

        Example:
            >>> from warmstart.representation.language_model import StaticVectors
            >>> words = StaticVectors().vocabulary()
            >>> "ship" in words, "xqzzvkw" in words
            (True, False)
        """
        begins = "▁"  # how the tokenizer marks a word's first piece
        pieces = self._model.tokenizer.get_vocab()
        words = {piece[1:].lower() for piece in pieces if piece.startswith(begins)}
        return sorted(word for word in words if len(word) > 3 and word.isalpha())


def unit_rows(vectors: npt.NDArray[np.floating]) -> Floats:
    """Return rows of length 1; a row of zeros stays one.

    Example:
        >>> import numpy as np
        >>> from warmstart.representation.language_model import unit_rows
        >>> unit_rows(np.array([[0, 2], [0, 0]], dtype=np.float32)).tolist()
        [[0.0, 1.0], [0.0, 0.0]]
    """
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.asarray(vectors / np.where(lengths > 1e-12, lengths, 1), dtype=np.float32)


def readable(text: str | None, longest: int | None = LONGEST, *, strip: bool = True) -> str:
    """Return what a tokenizer can read: cut to so many characters, lone halves of surrogate pairs replaced.

    Example:
        >>> from warmstart.representation.language_model import readable
        >>> readable(" a ship "), readable(None), readable("a ship", 3, strip=False)
        ('a ship', '', 'a s')
    """
    cut = (text or "")[:longest]
    return (cut.strip() if strip else cut).encode("utf-8", "replace").decode("utf-8")


@cache
def _version() -> str:
    return version("wordllama")


@cache
def _wordllama() -> Any:
    with _logging_as_it_was():
        try:
            import wordllama
        except ImportError:
            raise MissingExtra("wordllama", extra="text") from None
        # the weights lie in the package itself, so nothing is ever fetched
        return wordllama.WordLlama.load(cache_dir=Path(wordllama.__file__).parent, disable_download=True)


@contextmanager
def _logging_as_it_was() -> Iterator[None]:
    """Undo what importing wordllama does to the program's logging: it gives the root a handler and a level."""
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    try:
        yield
    finally:
        root.handlers[:] = handlers
        root.setLevel(level)
