"""What the items say of themselves: words and language-model vectors, for items and people nobody has met."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Self

import numpy as np
from pydantic import Field
from scipy import sparse

from warmstart.core.artefact import Arrays, array_of, pack_csr, unpack_csr
from warmstart.core.config import Tunable
from warmstart.core.histories import Floats, Histories
from warmstart.core.run import Run
from warmstart.data.dataset import Dataset
from warmstart.data.tfidf import Grams, Tfidf
from warmstart.recommenders.base import Recommender
from warmstart.recommenders.neighbours import nearest, nearest_and_ties
from warmstart.recommenders.new_items import read_new_items
from warmstart.recommenders.reading import ReadsEvents, learned, popularity_of, seen, with_popularity
from warmstart.representation.context import Context
from warmstart.representation.text import Encoder, TextSpace, item_texts, text_columns
from warmstart.representation.whitening import Whitening

MOST_WORDS = 20_000
CELLS = 1 << 22
"""Similarities of items that are held at a time: 16 MB of float32."""
NEVER_MET = 1e-3
"""Popularity, as a share of the most popular item's, that an item without events is credited with."""


class ContentConfig(ReadsEvents):
    """Settings of ``content``."""

    words: Annotated[float, Field(ge=0, le=1), Tunable(0, 1)] = 0.7
    """Share of the words' similarity (TF-IDF); the rest is language-model vectors, which need the extra ``text``."""

    neighbours: Annotated[int | None, Field(ge=1), Tunable(choices=(None, 20, 50, 100, 200))] = None
    """An item is compared with so many of its nearest; None compares it with the mean of all liked items."""

    sentence: Annotated[float, Field(ge=0), Tunable(choices=(1.0, 3.0, 10.0))] = 3.0
    """How many liked items a sentence counts as."""

    popularity: Annotated[float, Field(ge=0), Tunable(0, 1)] = 0.0
    """Power of an item's popularity by which its similarity is multiplied; 0 gives new items the same chance."""

    columns: tuple[str, ...] | None = None
    """Columns of the items that are read; None takes the title and labels such as genres, no prose."""

    cut: Grams = "words"
    """What texts are cut into for TF-IDF: words, words and pairs of neighbours, or pieces of three to five letters."""

    encoder: Encoder = "static"
    """The language model whose vectors are compared; all but ``static`` need the extra ``llm`` and time."""

    whitening: Whitening = "soft"
    """How its vectors are made to suit the catalogue; see ``VectorSpace.fit``."""

    dimension: Annotated[int | None, Field(ge=1)] = None
    """Length to which its vectors are shortened, such as 64 or 128; None keeps them as they are."""


@dataclass(frozen=True, slots=True)
class Reader:
    """Turns texts into vectors: first the words' columns, then those of the language model; rows of length 1.

    Args:
        tfidf: the vocabulary.
        space: the language-model vectors of the catalogue, or None if they count nothing.
        words: share of the words.
    """

    tfidf: Tfidf
    space: TextSpace | None
    words: float

    @classmethod
    def fit(cls, texts: Sequence[str], config: ContentConfig) -> "Reader":
        """Learn vocabulary and space from the catalogue."""
        tfidf = Tfidf.fit(texts, max_words=MOST_WORDS, cut=config.cut)
        if config.words == 1:
            return cls(tfidf, None, config.words)
        space = TextSpace.fit(texts, config.encoder, whitening=config.whitening, dimension=config.dimension)
        return cls(tfidf, space, config.words)

    def read(self, texts: Sequence[str | None]) -> tuple[sparse.csr_matrix, Floats]:
        """Return words float32 [n, vocabulary] and vectors float32 [n, p or 0], weighted by the roots of shares."""
        vectors = np.zeros((len(texts), 0), dtype=np.float32) if self.space is None else self.space.encode(texts)
        by_words = self.tfidf.encode(texts) * np.float32(np.sqrt(self.words))
        return by_words.astype(np.float32), vectors * np.float32(np.sqrt(1 - self.words))

    def encode(self, users: Any | None, texts: Sequence[str | None] | None) -> Context:
        """Encode sentences; attributes of users are not read."""
        if texts is None:
            return Context()
        words, vectors = self.read(texts)
        return Context(text=np.hstack([words.toarray(), vectors]))


class Content(Recommender):
    """Scores are similarities of an item's text to those of the liked items, and to a sentence.

    Example:
        >>> import warmstart as ws
        >>> model = ws.recommender("content").fit(ws.load_dataset("movielens-small"))
        >>> model.recommend(text="toy story", k=2).titles
        ['Toy Story (1995)', 'Toy Story 2 (1999)']
        >>> longer = model.with_items({"item_id": [-1], "title": ["Toy Story 9"], "genres": ["Comedy"]})
        >>> "Toy Story 9" in longer.recommend(text="toy story", k=4).titles
        True
    """

    name = "content"
    config_class = ContentConfig
    config: ContentConfig

    def _fit(self, data: Dataset, validation: Dataset | None, run: Run) -> None:
        self._columns, texts = _described(data, self.config.columns)
        self._popularity = popularity_of(learned(data, self.config.train_on))
        reader = Reader.fit(texts, self.config)
        self._bind(reader, *reader.read(texts))

    def _bind(self, reader: Reader, words: sparse.csr_matrix, vectors: Floats) -> None:
        self.context_encoder = self._reader = reader
        self._words, self._vectors = words, vectors
        self._shares = np.maximum(self._popularity, NEVER_MET) ** np.float32(self.config.popularity)
        self._near = None if self.config.neighbours is None else _neighbours(words, vectors, self.config.neighbours)

    def with_items(self, frame: Any) -> Self:
        """Return a new model whose catalogue ends in the items of ``frame``; see ``TakesNewItems``."""
        catalogue, described = read_new_items(self.catalogue, frame)
        titles = catalogue.titles[len(self.catalogue) :]
        words, vectors = self._reader.read(item_texts(described, self._columns) if self._columns else titles)
        header, arrays = self._state()
        longer = {
            "popularity": np.concatenate([self._popularity, np.zeros(len(titles), dtype=np.float32)]),
            "vectors": np.vstack([self._vectors, vectors]),
            **pack_csr("words", sparse.vstack([self._words, words], format="csr")),
        }
        return self.of_state(self.config.model_dump(), catalogue, header, arrays | longer)

    def _score(self, histories: Histories, context: Context) -> Floats:
        support = seen(histories, self.catalogue, self.config.events)
        if self._near is None:
            scores = self._alike((support @ self._words).toarray(), support @ self._vectors)
        else:
            scores = (support @ self._near).toarray()
        if context.text is not None:
            n_words = self._words.shape[1]
            scores = scores + self.config.sentence * self._alike(context.text[:, :n_words], context.text[:, n_words:])
        return with_popularity(scores * self._shares, self._popularity)

    def _alike(self, words: Floats, vectors: Floats) -> Floats:
        """Return similarities of people to all items, float32 [n, n_items]."""
        return np.asarray((self._words @ words.T).T + vectors @ self._vectors.T)

    def _state(self) -> tuple[dict[str, Any], Arrays]:
        header = {"columns": self._columns, "tfidf": self._reader.tfidf.to_header()}
        space = {} if self._reader.space is None else self._reader.space.arrays()
        own = {"popularity": self._popularity, "vectors": self._vectors}
        return header, own | space | pack_csr("words", self._words)

    def _restore(self, header: dict[str, Any], arrays: Arrays) -> None:
        n_items, words = len(self.catalogue), self.config.words
        tfidf = Tfidf.from_header(header["tfidf"])
        space = TextSpace.of_arrays(arrays, self.config.encoder) if words < 1 else None
        reader = Reader(tfidf, space, words)
        self._columns = list(header["columns"])
        self._popularity = array_of(arrays, "popularity", (n_items,))
        vectors = array_of(arrays, "vectors", (n_items, None))
        self._bind(reader, unpack_csr(arrays, "words", (n_items, len(tfidf))), vectors)


def _described(data: Dataset, columns: Sequence[str] | None) -> tuple[list[str], list[str]]:
    """Return the columns that are read and the items' texts; the titles where nothing describes the items."""
    found = list(columns or ([] if data.items is None else text_columns(data.items, data.item_kinds)))
    if data.items is None or not found:
        return [], list(data.catalogue.titles)
    return found, item_texts(data.items, found)


def _neighbours(words: sparse.csr_matrix, vectors: Floats, k: int) -> sparse.csr_matrix:
    """Return similarities float32 [liked item, item]: in each column only those of the item's ``k`` nearest others."""
    blocks, step = [], max(1, CELLS // words.shape[0])
    for start in range(0, words.shape[0], step):
        part = slice(start, start + step)
        alike = (words[part] @ words.T).toarray() + vectors[part] @ vectors.T
        rows = np.arange(len(alike))
        alike[rows, start + rows] = 0
        blocks.append(nearest(nearest_and_ties(alike, k), k))
    return sparse.vstack(blocks, format="csr", dtype=np.float32).T.tocsr()
