"""The door to the language model: static vectors of texts, without a network and without torch."""

import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from warmstart.core.errors import MissingExtra
from warmstart.core.histories import Floats

DIMENSION = 256
LONGEST = 2_000
"""Characters of a text that are read."""


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
        cleaned = [_readable(text) for text in texts]
        spoken = sorted((place for place, text in enumerate(cleaned) if text), key=lambda place: len(cleaned[place]))
        vectors = np.zeros((len(cleaned), DIMENSION), dtype=np.float32)
        if spoken:  # in order of length, for a batch is padded to its longest
            vectors[spoken] = self._model.embed([cleaned[place] for place in spoken])
        return unit_rows(vectors)

    def pieces(self, word: str) -> int:
        """Return in how many pieces the model reads a word; one that it hardly knows falls into letters.

        Example:
            >>> from warmstart.representation.language_model import StaticVectors
            >>> [StaticVectors().pieces(word) for word in ("ship", "heartbreaking", "xqzzvkw")]
            [1, 3, 5]
        """
        return len(self._model.tokenizer.encode(_readable(word), add_special_tokens=False).tokens)

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


def _readable(text: str | None) -> str:
    # lone halves of surrogate pairs cannot be tokenized
    return (text or "")[:LONGEST].strip().encode("utf-8", "replace").decode("utf-8")


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
