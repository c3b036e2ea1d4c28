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
LETTERS_A_PIECE = 2.2
"""A word of fewer letters for each piece that the language model cuts it into is unknown to it."""


@dataclass(frozen=True, slots=True)
class LabelReader:
    """Foretells an item's labels from its title, and reads a sentence as if it were a title.

    A ridge regression from the language-model vectors of the titles, and of the labels' own names, to who carries the
    label. So ``frightening ghost story`` finds Horror without naming it. Without the language model every word is
    read by itself: the mean of who carries the label among the titles it stands in.

    Args:
        encoder: reads the items' labels.
        tfidf: the words of the titles and of the labels' names.
        centre: float32 [features], the mean over the titles.
        weights: float32 [features, labels]; 256 features, or one a word without the language model.
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
    centre: Floats
    weights: Floats
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
        """Return how strongly each text asks for each label, float32 [n, labels], in standard deviations of the titles.

        A text without a known word asks for nothing and gives zeros.
        """
        if not self.by_vectors:
            return np.asarray(
                self.tfidf.encode([" ".join(telling_words(text)) for text in texts]) @ self.weights, dtype=np.float32
            )
        known = [" ".join(self._known(text)) for text in texts]
        found = (StaticVectors().embed(known) - self.centre) @ self.weights
        found[[not text for text in known]] = 0
        return np.asarray(found, dtype=np.float32)

    def _known(self, text: str | None) -> list[str]:
        """Return the telling words that stand in the catalogue or that the language model reads in few pieces."""
        model = StaticVectors()

        def is_known(word: str) -> bool:
            return len(self.tfidf.code(word)[0]) > 0 or len(word) >= LETTERS_A_PIECE * model.pieces(word)

        return [word for word in telling_words(text) if is_known(word)]

    def state(self) -> tuple[dict[str, Any], Arrays]:
        """Return what is to be stored with a model."""
        told = {"encoder": self.encoder.to_header(), "tfidf": self.tfidf.to_header(), "by_vectors": self.by_vectors}
        return told, {"labels.centre": self.centre, "labels.weights": self.weights}

    @classmethod
    def restore(cls, header: dict[str, Any], arrays: Arrays) -> "LabelReader":
        """Take back what ``state`` returned; raises ``BadModelFile`` if it does not fit."""
        encoder, tfidf = FeatureEncoder.from_header(header["encoder"]), Tfidf.from_header(header["tfidf"])
        features = DIMENSION if header["by_vectors"] else len(tfidf)
        centre = array_of(arrays, "labels.centre", (features,))
        weights = array_of(arrays, "labels.weights", (features, len(_names(encoder))))
        return cls(encoder, tfidf, centre, weights, header["by_vectors"])


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
    said = features[: len(texts)][counted[: len(texts)] > 0] @ solved
    return np.broadcast_to(centre, DIMENSION).astype(np.float32), _standardised(solved, said)


def _by_words(tfidf: Tfidf, texts: list[str], names: list[str], labels: Floats) -> tuple[Floats, Floats]:
    """Average who carries a label over the texts that a word stands in, as if it stood in some without any label."""
    features, counted = tfidf.encode([*texts, *names]), _weights(texts, names)
    agreed = np.asarray((features.multiply(counted[:, None]).T.tocsr()) @ _targets(labels, len(names)))
    often = np.asarray(features.multiply(features).T @ counted).ravel()
    found = agreed / (often + WORD_RIDGE)[:, None]
    return np.zeros(len(tfidf), dtype=np.float32), _standardised(found, features[: len(texts)] @ found)


def _weights(texts: list[str], names: list[str]) -> npt.NDArray[np.float64]:
    return np.concatenate([np.ones(len(texts)), np.full(len(names), NAME_WEIGHT)])


def _targets(labels: Floats, n_names: int) -> npt.NDArray[np.float64]:
    """Return who carries what, less how usual it is; a label's name carries that label alone."""
    whole = np.vstack([labels, np.eye(n_names, dtype=np.float32)]).astype(np.float64)
    return np.asarray(whole - labels.mean(axis=0))


def _standardised(weights: npt.NDArray[Any], said: npt.NDArray[Any]) -> Floats:
    """Divide by how much the titles' own answers vary, so that a rare label speaks as loud as a common one."""
    spread = said.std(axis=0) if len(said) else np.zeros(weights.shape[1])
    # without titles the names' answers, of about 1, say it
    return np.asarray(weights / np.where(spread > 1e-9, spread, 0.1), dtype=np.float32)


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
