"""Which labels of a catalogue, such as genres, a sentence asks for."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
from scipy import sparse

from warmstart.core.artefact import Arrays, array_of
from warmstart.core.errors import MissingExtra
from warmstart.core.histories import Floats
from warmstart.core.run import Run
from warmstart.data.attributes import Levels
from warmstart.data.features import FeatureEncoder
from warmstart.data.tfidf import Tfidf
from warmstart.representation.language_model import DIMENSION, StaticVectors
from warmstart.representation.text import telling_words

if TYPE_CHECKING:
    import polars as pl

RIDGE = 0.3
"""Times the mean variance that is added before solving; ten times less or more gave the same."""
NAME_WEIGHT = 30.0
"""Titles that a label's own name counts as; at none a sentence of labels is misread, ten times more gave the same."""
WORD_RIDGE = 3.0
"""Texts that a word counts as silent in, where words are read one by one."""
MOST_TITLES = 50_000
"""Titles that are learned from, evenly spaced over the catalogue; more would say the same and fill the memory."""
MOST_WORDS = 20_000
CHATTER = 4_000
"""Sentences of words at random that a label's answers are compared with."""
MOST_CHATTER_WORDS = 5
HEARD_ABOVE = 0.8
"""Share of the sentences of words at random whose best label is not heard."""
WORDS_SILENCE = 1.5
"""Standard deviations of the titles' own answers below which nothing is heard where words are read one by one."""
LETTERS_A_PIECE = 2.2
"""A word of fewer letters for each piece that the language model cuts it into is unknown to it."""


@dataclass(frozen=True, slots=True)
class LabelReader:
    """Foretells an item's labels from its title, and reads a sentence as if it were a title.

    A ridge regression from the language-model vectors of the titles, and of the labels' own names, to who carries the
    label. So ``frightening ghost story`` finds Horror without naming it. Without the language model every word is
    read by itself: the mean of who carries the label among the titles it stands in.

    Every sentence is a little like some label. What the language model says of words at random is therefore the
    measure: an answer counts in their standard deviations, from where the best label of four in five of them ends.

    Args:
        encoder: reads the items' labels.
        tfidf: the words of the titles and of the labels' names.
        weights: float32 [features, labels]; 256 features, or one a word without the language model.
        bias: float32 [labels], added so that what is not heard is below zero.
        by_vectors: whether the language model is asked.

    Example:
        >>> import polars as pl
        >>> from warmstart.representation.labels import LabelReader
        >>> titles = ["night of the vampires", "the ghost ship", "my funny wedding", "a silly bride"] * 3
        >>> items = pl.DataFrame({"genres": ["Horror", "Horror", "Comedy", "Comedy"] * 3})
        >>> reader = LabelReader.fit(items, {"genres": "categorical"}, titles)
        >>> reader.names, (reader.read(["a scary phantom", "laughter", "xqzzvkw"]) > 0).tolist()
        (('Comedy', 'Horror'), [[False, True], [True, False], [False, False]])
    """

    encoder: FeatureEncoder
    tfidf: Tfidf
    weights: Floats
    bias: Floats
    by_vectors: bool

    @classmethod
    def fit(cls, items: "pl.DataFrame", kinds: Mapping[str, str], titles: Sequence[str]) -> "LabelReader":
        """Learn from a catalogue.

        Args:
            items: the columns of labels only, one row an item.
            kinds: ``categorical`` or ``multi`` by column.
            titles: one an item, empty where there is none.
        """
        encoder = FeatureEncoder.fit(items, kinds)
        names = [_bare(name) for name in _names(encoder)]
        some = np.arange(len(titles))[:: max(1, -(-len(titles) // MOST_TITLES))]
        texts = [_bare(titles[place]) for place in some.tolist()]
        tfidf = Tfidf.fit([*texts, *names], max_words=MOST_WORDS)
        labels = _marked(encoder, items)[some].toarray()
        try:
            learned = (*_by_vectors(texts, names, labels), True)
        except MissingExtra:
            # without language-model vectors words alone must do
            learned = (*_by_words(tfidf, texts, names, labels), False)
        return cls(encoder, tfidf, *learned)

    @property
    def names(self) -> tuple[str, ...]:
        """The labels; rare ones and missing values are none."""
        return _names(self.encoder)

    def carried(self, items: "pl.DataFrame") -> sparse.csr_matrix:
        """Return which item carries which label, float32 [items, labels] of zeros and ones."""
        return _marked(self.encoder, items)

    def read(self, texts: Sequence[str | None]) -> Floats:
        """Return how strongly each text asks for each label, float32 [n, labels], in standard deviations.

        What is not above zero is not asked for; a text without a known word gives zeros.
        """
        known = [" ".join(word for word in telling_words(text) if self._knows(word)) for text in texts]
        encoded = StaticVectors().embed(known) if self.by_vectors else self.tfidf.encode(known)
        found = np.asarray(encoded @ self.weights + self.bias, dtype=np.float32)
        found[[not text for text in known]] = 0
        return found

    def _knows(self, word: str) -> bool:
        """Return whether a word stands in the catalogue or the language model reads it in few pieces."""
        if len(self.tfidf.code(word)[0]) > 0:
            return True
        return self.by_vectors and len(word) >= LETTERS_A_PIECE * StaticVectors().pieces(word)

    def state(self) -> tuple[dict[str, Any], Arrays]:
        """Return what is to be stored with a model."""
        told = {"encoder": self.encoder.to_header(), "tfidf": self.tfidf.to_header(), "by_vectors": self.by_vectors}
        return told, {"labels.weights": self.weights, "labels.bias": self.bias}

    @classmethod
    def restore(cls, header: dict[str, Any], arrays: Arrays) -> "LabelReader":
        """Take back what ``state`` returned; raises ``BadModelFile`` if it does not fit."""
        encoder, tfidf = FeatureEncoder.from_header(header["encoder"]), Tfidf.from_header(header["tfidf"])
        features = DIMENSION if header["by_vectors"] else len(tfidf)
        weights = array_of(arrays, "labels.weights", (features, len(_names(encoder))))
        bias = array_of(arrays, "labels.bias", (len(_names(encoder)),))
        return cls(encoder, tfidf, weights, bias, header["by_vectors"])


def _by_vectors(texts: list[str], names: list[str], labels: Floats) -> tuple[Floats, Floats]:
    """Solve the ridge regression; a text without a word counts nothing."""
    vectors = StaticVectors().embed([*texts, *names]).astype(np.float64)
    counted = (np.abs(vectors).sum(axis=1) > 0) * _weights(texts, names)
    centre = vectors[: len(texts)][counted[: len(texts)] > 0].mean(axis=0) if counted[: len(texts)].any() else 0
    features = vectors - centre
    weighted = features * counted[:, None]
    square = weighted.T @ features
    ridge = RIDGE * max(float(np.trace(square)) / DIMENSION, 1e-12)
    solved = np.linalg.solve(square + ridge * np.eye(DIMENSION), weighted.T @ _targets(labels, len(names)))
    return _against_chatter(solved)


def _against_chatter(solved: npt.NDArray[np.float64]) -> tuple[Floats, Floats]:
    """Return weights and bias that count answers from where those to words at random end."""
    said = StaticVectors().embed(_chatter()) @ solved
    usual, spread = said.mean(axis=0), np.maximum(said.std(axis=0), 1e-9)
    if not solved.shape[1]:  # columns of labels without a label
        return solved.astype(np.float32), np.zeros(0, np.float32)
    best = ((said - usual) / spread).max(axis=1)
    silence = float(np.quantile(best, HEARD_ABOVE))
    return (solved / spread).astype(np.float32), (-usual / spread - silence).astype(np.float32)


def _chatter() -> list[str]:
    """Return sentences of a few words at random that the language model reads in one piece."""
    rng, words = Run(seed=0).rng("chatter"), StaticVectors().vocabulary()
    counts = rng.integers(1, MOST_CHATTER_WORDS + 1, CHATTER).tolist()
    return [" ".join(words[place] for place in rng.integers(0, len(words), count).tolist()) for count in counts]


def _by_words(tfidf: Tfidf, texts: list[str], names: list[str], labels: Floats) -> tuple[Floats, Floats]:
    """Average who carries a label over the texts that a word stands in, as if it stood in some without any label."""
    features, counted = tfidf.encode([*texts, *names]), _weights(texts, names)
    agreed = np.asarray((features.multiply(counted[:, None]).T.tocsr()) @ _targets(labels, len(names)))
    often = np.asarray(features.multiply(features).T @ counted).ravel()
    found = agreed / (often + WORD_RIDGE)[:, None]
    said = features[: len(texts)] @ found
    spread = said.std(axis=0) if len(said) else np.zeros(len(names))
    # without titles the names' answers, of about 1, say how much answers vary
    weights = np.asarray(found / np.where(spread > 1e-9, spread, 0.1), dtype=np.float32)
    return weights, np.full(len(names), -WORDS_SILENCE, dtype=np.float32)


def _weights(texts: list[str], names: list[str]) -> npt.NDArray[np.float64]:
    return np.concatenate([np.ones(len(texts)), np.full(len(names), NAME_WEIGHT)])


def _targets(labels: Floats, n_names: int) -> npt.NDArray[np.float64]:
    """Return who carries what, less how usual it is; a label's name carries that label alone."""
    whole = np.vstack([labels, np.eye(n_names, dtype=np.float32)]).astype(np.float64)
    return np.asarray(whole - labels.mean(axis=0))


def _names(encoder: FeatureEncoder) -> tuple[str, ...]:
    return tuple(level for one in encoder.attributes if isinstance(one, Levels) for level in one.levels)


def _marked(encoder: FeatureEncoder, items: "pl.DataFrame") -> sparse.csr_matrix:
    kept: list[int] = []
    start = 0
    for one in encoder.attributes:
        if isinstance(one, Levels):
            kept += range(start, start + len(one.levels))
        start += len(one.names)
    present = [one.name for one in encoder.attributes if one.name in items.columns]
    if not present:
        return sparse.csr_matrix((len(items), len(kept)), dtype=np.float32)
    return sparse.csr_matrix(encoder.encode(items.select(present))[:, kept])


def _bare(text: str | None) -> str:
    """Return a text's telling words; all of it where it has none, such as the title ``It``."""
    return " ".join(telling_words(text)) or (text or "")
