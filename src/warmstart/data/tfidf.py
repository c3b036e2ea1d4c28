"""Words of any language to weighted sparse columns."""

import functools
import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import Any, Literal, Self

import numpy as np
import numpy.typing as npt
from scipy import sparse

from warmstart.core.histories import Floats

LONGEST_TEXT = 20_000
"""Characters of a text that are read; what comes later says little new."""
CJK = r"\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0002fa1f"
"""Scripts that write words without spaces: Hiragana, Katakana and Han."""
Grams = Literal["words", "pairs", "characters"]
"""What a text is cut into: words, words and pairs of neighbours, or pieces of three to five letters of each word."""
SHORTEST, LONGEST_GRAM = 3, 5
"""Letters of a piece, the spaces around a word counted."""
LONGEST_CJK = 3
"""In scripts without spaces pieces have one to three signs."""


def tokens(text: str | None) -> list[str]:
    """Cut a text into words: letters, digits and their marks in any script; in Chinese and Japanese pairs.

    Example:
        >>> from warmstart.data.tfidf import tokens
        >>> tokens("Amélie (2001), the FILM"), tokens("東京物語"), tokens(None)
        (['amélie', '2001', 'the', 'film'], ['東京', '京物', '物語'], [])
    """
    if not text:
        return []
    words = _pattern().findall(unicodedata.normalize("NFKC", text[:LONGEST_TEXT]).casefold())
    return [part for word in words for part in (_pairs(word) if _is_cjk(word) else (word,))]


def grams(text: str | None, kind: Grams = "words") -> list[str]:
    """Cut a text into words, words and pairs of them, or pieces of words; the last forgive endings and misspellings.

    Example:
        >>> from warmstart.data.tfidf import grams
        >>> grams("The Alien", "pairs"), grams("Ran", "characters")
        (['the', 'alien', 'the alien'], [' ra', 'ran', 'an ', ' ran', 'ran ', ' ran '])
    """
    if kind == "words":
        return tokens(text)
    if kind == "pairs":
        found = tokens(text)
        return [*found, *(f"{first} {second}" for first, second in pairwise(found))]
    words = _pattern().findall(unicodedata.normalize("NFKC", (text or "")[:LONGEST_TEXT]).casefold())
    return [piece for word in words for piece in _pieces(word)]


def words_of(text: str) -> Iterator[int]:
    """Yield where each word of a text ends; in Chinese and Japanese two signs count as a word.

    Example:
        >>> from warmstart.data.tfidf import words_of
        >>> list(words_of("Amélie, a film")), list(words_of("七人の侍!"))
        ([6, 9, 14], [2, 4])
    """
    for found in _pattern().finditer(text):
        if _is_cjk(found.group()):
            yield from range(found.start() + 2, found.end(), 2)
        yield found.end()


def _pieces(word: str) -> Iterator[str]:
    """Yield the n-grams of a word; one that is no longer than n is given once."""
    spaced, shortest, longest = (word, 1, LONGEST_CJK) if _is_cjk(word) else (f" {word} ", SHORTEST, LONGEST_GRAM)
    for n in range(shortest, longest + 1):
        yield from (spaced[place : place + n] for place in range(max(len(spaced) - n, 0) + 1))
        if len(spaced) <= n:
            return


@functools.cache
def _pattern() -> re.Pattern[str]:
    # \w leaves out the marks that carry vowels in many scripts
    blocks = (*range(0x300, 0x1E00), *range(0xA800, 0xAC00))
    marks = "".join(chr(code) for code in blocks if unicodedata.category(chr(code)).startswith("M"))
    return re.compile(rf"[{CJK}]+|(?:[^\W_{CJK}]|[{marks}])+")


def _is_cjk(word: str) -> bool:
    return word[0] >= "\u3040" and re.match(f"[{CJK}]", word) is not None


def _pairs(word: str) -> list[str]:
    return [word] if len(word) == 1 else [word[place : place + 2] for place in range(len(word) - 1)]


@dataclass(frozen=True)
class Tfidf:
    """Term frequency times inverse document frequency (Spärck Jones, 1972), smoothed, rows of length 1.

    A word that stands in ``df`` of ``n`` texts weighs ``ln((1 + n) / (1 + df)) + 1``.

    Args:
        words: the vocabulary, in order of the columns.
        counts: in how many texts each word stands.
        n_texts: how many texts were read.
        sublinear: count a word that comes t times as ``1 + ln t``.
        cut: what counts as a word; see ``grams``.

    Example:
        >>> from warmstart.data.tfidf import Tfidf
        >>> tfidf = Tfidf.fit(["The Heat", "The Alien", "The Thing"])
        >>> tfidf.words, tfidf.encode(["alien heat", "unheard"]).toarray().astype(float).round(3).tolist()
        (('alien', 'heat', 'the', 'thing'), [[0.707, 0.707, 0.0, 0.0], [0.0, 0.0, 0.0, 0.0]])
    """

    words: tuple[str, ...]
    counts: tuple[int, ...]
    n_texts: int
    sublinear: bool = True
    cut: Grams = "words"

    @classmethod
    def fit(
        cls,
        texts: Iterable[str | None],
        *,
        min_texts: int = 1,
        max_share: float = 1.0,
        max_words: int | None = None,
        sublinear: bool = True,
        cut: Grams = "words",
    ) -> Self:
        """Learn the vocabulary.

        Args:
            texts: one a row; None is an empty one.
            min_texts: leave out words of fewer texts.
            max_share: leave out words of more than this share of the texts, 0 to 1.
            max_words: keep only so many words, those of the most texts.
            sublinear: see the class.
            cut: see the class.
        """
        found: Counter[str] = Counter()
        n_texts = 0
        for text in texts:
            found.update(set(grams(text, cut)))
            n_texts += 1
        kept = [(word, count) for word, count in found.items() if min_texts <= count <= max_share * n_texts]
        kept = sorted(sorted(kept, key=lambda entry: (-entry[1], entry[0]))[:max_words])
        return cls(tuple(word for word, _ in kept), tuple(count for _, count in kept), n_texts, sublinear, cut)

    def __len__(self) -> int:
        return len(self.words)

    @cached_property
    def idf(self) -> Floats:
        """The weight of each word, float32 [words]."""
        return (np.log((1 + self.n_texts) / (1 + np.array(self.counts, dtype=np.float64))) + 1).astype(np.float32)

    @cached_property
    def _columns(self) -> dict[str, int]:
        return {word: column for column, word in enumerate(self.words)}

    def encode(self, texts: Sequence[str | None]) -> sparse.csr_matrix:
        """Return float32 [texts, words], rows of length 1, zero for a text without a known word."""
        found = [self.code(text) for text in texts]
        indptr = np.concatenate([[0], np.cumsum([len(columns) for columns, _ in found])]).astype(np.int64)
        indices = np.concatenate([columns for columns, _ in found] or [np.zeros(0, dtype=np.int64)])
        weights = np.concatenate([weights for _, weights in found] or [np.zeros(0, dtype=np.float32)])
        return sparse.csr_matrix((weights, indices, indptr), shape=(len(found), len(self)))

    def code(self, text: str | None) -> tuple[npt.NDArray[np.int64], Floats]:
        """Return the columns of one text, ascending, and their weights."""
        known = Counter(self._columns[word] for word in grams(text, self.cut) if word in self._columns)
        columns = np.array(sorted(known), dtype=np.int64)
        times = np.array([known[column] for column in columns.tolist()], dtype=np.float32)
        weights = (1 + np.log(times) if self.sublinear else times) * self.idf[columns]
        length = np.sqrt((weights * weights).sum(dtype=np.float64))
        return columns, (weights / (length or 1.0)).astype(np.float32)

    def to_header(self) -> dict[str, Any]:
        """Return what was learned as plain values, ready for JSON."""
        learned = {"words": list(self.words), "counts": list(self.counts), "n_texts": self.n_texts}
        return learned | {"sublinear": self.sublinear, "cut": self.cut}

    @classmethod
    def from_header(cls, header: dict[str, Any]) -> Self:
        """Take back what ``to_header`` returned."""
        told: Grams = header.get("cut", "words")  # models from before there were others do not say
        return cls(tuple(header["words"]), tuple(header["counts"]), header["n_texts"], header["sublinear"], told)
