"""What an item's text says of it, as a short vector that a network maps into its own space."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol, Self

import numpy as np
import numpy.typing as npt
from scipy import sparse
from scipy.sparse.linalg import svds

from warmstart.core.artefact import Arrays, array_of
from warmstart.core.histories import Floats
from warmstart.data.dataset import Dataset
from warmstart.data.tfidf import Tfidf
from warmstart.recommenders.neural.settings import Text
from warmstart.representation.language_model import unit_rows
from warmstart.representation.text import TextSpace, item_texts, text_columns

MOST_WORDS = 5_000
DIMENSION = 128


@dataclass(frozen=True, slots=True)
class WordSpace:
    """Words to vectors: TF-IDF and its first directions (latent semantic analysis, Deerwester et al., 1990).

    Args:
        tfidf: the vocabulary.
        basis: float32 [words, p].
    """

    tfidf: Tfidf
    basis: Floats

    @classmethod
    def fit(cls, texts: Sequence[str], rng: np.random.Generator) -> Self:
        """Learn from the texts of a catalogue."""
        tfidf = Tfidf.fit(texts, min_texts=2 if len(texts) > 100 else 1, max_words=MOST_WORDS)
        return cls(tfidf, _basis(tfidf.encode(texts), rng))

    @property
    def dimension(self) -> int:
        """Length of the vectors."""
        return int(self.basis.shape[1])

    def encode(self, texts: Sequence[str | None]) -> Floats:
        """Return unit rows, float32 [len(texts), p]; zero for a text without a known word."""
        return unit_rows(np.asarray(self.tfidf.encode(texts) @ self.basis, dtype=np.float32))


def _basis(words: sparse.csr_matrix, rng: np.random.Generator) -> Floats:
    """Return the first right singular vectors, [words, p]; their signs do not matter, but they must not change."""
    side = min(words.shape)
    if side <= 2 * DIMENSION:
        found = np.linalg.svd(words.toarray().astype(np.float64), full_matrices=False)[2] if side else np.zeros((0, 0))
        return np.ascontiguousarray(found[:DIMENSION].T.reshape(words.shape[1], -1), dtype=np.float32)
    _, values, found = svds(words.astype(np.float64), k=DIMENSION, v0=rng.normal(size=side))
    return np.ascontiguousarray(found[np.argsort(-values)].T, dtype=np.float32)


class Reader(Protocol):
    """What reads the texts of items for a network."""

    @property
    def dimension(self) -> int:
        """Length of the vectors that a network makes of them."""
        ...

    def encode(self, texts: Sequence[str | None]) -> npt.NDArray[Any]:
        """Return one row a text."""
        ...

    def new(self, frame: Any, titles: Sequence[str]) -> npt.NDArray[Any]:
        """Return one row for every new item of a frame."""
        ...

    def state(self) -> tuple[dict[str, Any], Arrays]:
        """Return what is to be stored."""
        ...


@dataclass(frozen=True, slots=True)
class ItemText:
    """Reads the columns of a catalogue that describe its items.

    Args:
        columns: which; empty where there are titles only.
        space: what turns texts into vectors.
    """

    columns: list[str]
    space: WordSpace | TextSpace

    @classmethod
    def fit(cls, texts: Sequence[str], columns: list[str], kind: Text, rng: np.random.Generator) -> Self:
        """Learn a space from the texts of a catalogue."""
        return cls(columns, WordSpace.fit(texts, rng) if kind == "words" else TextSpace.fit(texts))

    @property
    def dimension(self) -> int:
        """Length of the vectors."""
        return self.space.dimension if isinstance(self.space, WordSpace) else self.space.space.dimension

    def encode(self, texts: Sequence[str | None]) -> Floats:
        """Return one vector a text, float32 [len(texts), p]."""
        return self.space.encode(texts)

    def new(self, frame: Any, titles: Sequence[str]) -> Floats:
        """Return one vector for every new item of a frame."""
        return self.encode(item_texts(frame, self.columns) if self.columns else titles)

    def state(self) -> tuple[dict[str, Any], Arrays]:
        """Return what is to be stored."""
        if isinstance(self.space, TextSpace):
            return {"columns": self.columns}, self.space.arrays()
        return {"columns": self.columns, "words": self.space.tfidf.to_header()}, {"text.basis": self.space.basis}

    @classmethod
    def of_state(cls, header: dict[str, Any], arrays: Arrays) -> Self:
        """Take back what ``state`` returned."""
        if "words" not in header:
            return cls(list(header["columns"]), TextSpace.of_arrays(arrays))
        tfidf = Tfidf.from_header(header["words"])
        return cls(list(header["columns"]), WordSpace(tfidf, array_of(arrays, "text.basis", (len(tfidf), None))))


def described(data: Dataset) -> tuple[list[str], list[str]]:
    """Return the columns that describe the items and the items' texts; their titles where nothing describes them."""
    found = [] if data.items is None else text_columns(data.items, data.item_kinds)
    if data.items is None or not found:
        return [], list(data.catalogue.titles)
    return found, item_texts(data.items, found)
