"""Convolution over the words of an item's text: items that are nothing but what is said of them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Literal

import numpy as np
import numpy.typing as npt
from pydantic import Field

from warmstart.core.artefact import Arrays
from warmstart.core.run import Run
from warmstart.data.dataset import Dataset
from warmstart.data.tfidf import Tfidf, tokens
from warmstart.recommenders.neural.arrays import Array, Library
from warmstart.recommenders.neural.base import NeuralRecommender
from warmstart.recommenders.neural.network import Events, Network, Shapes, Weights, pooled
from warmstart.recommenders.neural.settings import NeuralConfig
from warmstart.recommenders.neural.text import MOST_WORDS, Reader
from warmstart.representation.text import item_texts

WIDTHS = (1, 2, 3)
"""Words that a filter reads at a time."""
LONGEST_TEXT = 24
"""Words of a text that are read."""


class TextCNNConfig(NeuralConfig):
    """Settings of ``text_cnn``."""

    text: Literal["words"] = "words"
    """What is read of an item's title and labels: its words, in their order."""

    words: Annotated[int, Field(ge=1)] = 32
    """Length of a word's vector."""

    filters: Annotated[int, Field(ge=1)] = 48
    """Filters of each width, of one, two and three words."""

    negatives: Annotated[int | None, Field(ge=1)] = 600
    """Items that a step compares, drawn by the root of their frequency; None compares all."""


@dataclass(frozen=True)
class Words:
    """Texts as numbers of words.

    Args:
        tfidf: the vocabulary.
        columns: what is read of an item; empty where there are titles only.
        dimension: length of the vector that the network makes of a text.
    """

    tfidf: Tfidf
    columns: list[str]
    dimension: int

    def encode(self, texts: Sequence[str | None]) -> npt.NDArray[np.int64]:
        """Return int64 [len(texts), LONGEST_TEXT]: from 1 for a word that is known, 0 where there are no more."""
        places = {word: place for place, word in enumerate(self.tfidf.words, 1)}
        found = np.zeros((len(texts), LONGEST_TEXT), dtype=np.int64)
        for row, text in enumerate(texts):
            known = [places[word] for word in tokens(text) if word in places][:LONGEST_TEXT]
            found[row, : len(known)] = known
        return found

    def new(self, frame: Any, titles: Sequence[str]) -> npt.NDArray[np.int64]:
        """Return one row for every new item of a frame."""
        return self.encode(item_texts(frame, self.columns) if self.columns else titles)

    def state(self) -> tuple[dict[str, Any], Arrays]:
        """Return what is to be stored."""
        return {"columns": self.columns, "words": self.tfidf.to_header()}, {}


@dataclass(frozen=True)
class TextCNNNetwork(Network):
    """Filters over words for items, the pooled events for people.

    Args:
        d: length of an item's vector.
        vocabulary: words that are known.
        words: length of a word's vector.
        filters: of each width.
    """

    d: int
    vocabulary: int
    words: int
    filters: int

    def shapes(self) -> Shapes:
        """Return the words' vectors, the filters and the person's layer."""
        filters = {f"filter.{width}": (width * self.words, self.filters) for width in WIDTHS}
        biases = {f"filter.{width}.bias": (self.filters,) for width in WIDTHS}
        person: Shapes = {"person": (self.d, self.d), "person.bias": (self.d,)}
        return {"vocabulary": (self.vocabulary + 1, self.words)} | filters | biases | person

    def told(self, library: Library, weights: Weights, text: Array) -> Array:
        """Return of each filter how strongly it speaks where it speaks most, [c, filters * widths]."""
        there = (text > 0)[..., None]
        x = weights["vocabulary"][text] * there  # [c, longest, words]
        found = []
        for width in WIDTHS:
            end = x.shape[1] - width + 1
            side = library.join([x[:, start : start + end] for start in range(width)], -1)  # [c, end, width * words]
            spoken = library.relu(side @ weights[f"filter.{width}"] + weights[f"filter.{width}.bias"])
            found.append(library.largest(spoken * there[:, :end], 1))
        return library.drop(library.join(found, -1))

    def states(self, library: Library, weights: Weights, events: Events) -> Array:
        """Return the person's vector, [n, 1, d]."""
        x = library.tanh(pooled(library, events))
        return x + library.tanh(library.drop(x) @ weights["person"] + weights["person.bias"])


class TextCNN(NeuralRecommender):
    """Scores are products of a person's vector and an item's, which is what filters find in the words of its text.

    f = max over places of relu(words . F + b),  v = f A,  w = f B,  prior = f . c,  score = u . w + prior

    An item nobody has met and one that everybody knows are read alike.

    Sources: Kim (2014) for the filters; Zheng et al. (2017) for items as their texts.

    Example:
        >>> import warmstart as ws
        >>> model = ws.recommender("text_cnn", epochs=1, factors=8).fit(ws.load_dataset("movielens-small"))
        >>> longer = model.with_items({"item_id": [-1], "title": ["Toy Story 9"], "genres": ["Comedy"]})
        >>> longer.score([[1]]).shape[1] - model.score([[1]]).shape[1]
        1
    """

    name = "text_cnn"
    config_class = TextCNNConfig
    config: TextCNNConfig
    free: ClassVar[bool] = False

    def network(self) -> Network:
        """Return the filters."""
        config, known = self.config, self._reader
        vocabulary = len(known.tfidf) if isinstance(known, Words) else 0
        return TextCNNNetwork(config.factors, vocabulary, config.words, config.filters)

    def reader(self, data: Dataset, texts: list[str], columns: list[str], run: Run) -> Reader | None:
        """Return the vocabulary of the catalogue."""
        tfidf = Tfidf.fit(texts, min_texts=2 if len(texts) > 100 else 1, max_words=MOST_WORDS)
        return Words(tfidf, columns, len(WIDTHS) * self.config.filters)

    def reader_of(self, header: dict[str, Any], arrays: Arrays) -> Reader:
        """Take back the vocabulary."""
        found = Tfidf.from_header(header["words"])
        return Words(found, list(header["columns"]), len(WIDTHS) * self.config.filters)
