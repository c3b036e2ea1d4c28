"""Items as text, and text as vectors that suit a catalogue."""

import html
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from warmstart.core.artefact import Arrays, array_of
from warmstart.core.errors import BadInput
from warmstart.core.histories import Floats
from warmstart.data.kinds import find_kinds
from warmstart.data.tfidf import tokens
from warmstart.representation.language_model import DIMENSION, StaticVectors, unit_rows

if TYPE_CHECKING:
    import polars as pl

LONGEST = 2_000
"""Characters of an item's text that are kept."""
LABELS = ("categorical", "multi")
"""Kinds of columns whose values are words; numbers, dates and prose are read by other means."""
SHRINKAGE = 1.0
"""Times the mean variance that is added to each before whitening, so that faint directions are not blown up."""
_HOLDING = """a an and any are as at be been but by can could did do does for from had has have i if in into is it
    its just me my no not of on or our out so some that the their them then there these they this those to too up us
    very was we were what when where which who will with would you your"""
"""Words that only hold a sentence together."""
_REQUESTING = """anything best better bored film films find give good great idea kind like liked likes looking movie
    movies need nice please popular rated recommend see seen show something sort suggest surprise thing things today
    tonight top want watch watched watching"""
"""Words that only ask, or ask for something good, which is what popularity answers."""
ASKING = frozenset((*_HOLDING.split(), *_REQUESTING.split()))
"""English words that tell a request from silence and not from another request."""

_TAG = re.compile(r"<[^<>]{1,200}>")
_GAPS = re.compile(r"[\s|]+")


def text_columns(items: "pl.DataFrame", kinds: Mapping[str, str] | None = None) -> list[str]:
    """Return the columns that describe an item in a few words: its title, then labels such as genres; no prose.

    Args:
        items: one row an item.
        kinds: kinds by column that were told; see ``find_kinds``.

    Example:
        >>> import polars as pl
        >>> from warmstart.representation.text import text_columns
        >>> films = pl.DataFrame({"item_id": ["1"], "genres": ["War|Drama"], "year": [1995], "title": ["Heat"]})
        >>> text_columns(films)
        ['title', 'genres']
    """
    import polars as pl

    wordy = (pl.String, pl.Categorical, pl.Enum, pl.List, pl.Array)
    found = find_kinds(items, kinds)
    told = [name for name, kind in found.items() if kind in LABELS and name != "title"]
    labels = [name for name in told if isinstance(items.schema[name], wordy)]
    return [*(["title"] if found.get("title", "ignore") != "ignore" else []), *labels]


def item_texts(items: "pl.DataFrame", columns: Sequence[str] | None = None) -> list[str]:
    """Return one text an item: the columns one after another, without markup, at most 2,000 characters.

    Args:
        items: one row an item.
        columns: which columns, in which order; None takes ``text_columns``. One that the frame lacks counts as empty.

    Raises:
        BadInput: the frame has none of the columns.

    Example:
        >>> import polars as pl
        >>> from warmstart.representation.text import item_texts
        >>> item_texts(pl.DataFrame({"title": ["<b>Heat</b> (1995)", None], "genres": ["Action|Crime", "War"]}))
        ['Heat (1995) Action Crime', 'War']
    """
    wanted = text_columns(items) if columns is None else list(columns)
    present = [name for name in wanted if name in items.columns]
    if wanted and not present:
        raise BadInput(f"The items have none of the columns {wanted} (came: {items.columns}). Give at least one.")
    parts = [_texts_of(items[name]) for name in present]
    return [plain_text(" ".join(row)) for row in zip(*parts, strict=True)] if parts else [""] * len(items)


def plain_text(text: str) -> str:
    """Return text without markup, on one line, at most 2,000 characters.

    Example:
        >>> from warmstart.representation.text import plain_text
        >>> plain_text("Tom &amp; Jerry<br/>War|Drama")
        'Tom & Jerry War Drama'
    """
    # cut first: titles of millions of characters have been seen
    bare = _TAG.sub(" ", html.unescape(text[: 4 * LONGEST]))
    return _GAPS.sub(" ", bare).strip()[:LONGEST]


def telling_words(text: str | None) -> list[str]:
    """Return the words of a text that tell what it is about, in their order: all but those in ``ASKING``.

    Example:
        >>> from warmstart.representation.text import telling_words
        >>> telling_words("I want to watch an animated film for children"), telling_words("something good, please")
        (['animated', 'children'], [])
    """
    return [word for word in tokens(text) if word not in ASKING]


@dataclass(frozen=True, slots=True)
class TextSpace:
    """Vectors of texts, centred and whitened on a catalogue, so that what all items share does not count.

    Source: Su et al. (2021), Whitening Sentence Representations; the shrinkage as Ledoit and Wolf (2004).

    Args:
        centre: float32 [256], the mean over the catalogue.
        whitening: float32 [256, 256].

    Example:
        >>> from warmstart.representation.text import TextSpace
        >>> space = TextSpace.fit(["a ship at sea", "a boat on the ocean", "onion soup", "bread and butter"])
        >>> ship, boat, soup, nothing = space.encode(["ship", "boat", "soup", ""])
        >>> bool(ship @ boat > ship @ soup), float(abs(nothing).sum())
        (True, 0.0)
    """

    centre: Floats
    whitening: Floats

    @classmethod
    def fit(cls, texts: Sequence[str | None]) -> "TextSpace":
        """Fit on the texts of a catalogue; those without a word do not count."""
        vectors = StaticVectors().embed(texts).astype(np.float64)
        vectors = vectors[np.abs(vectors).sum(axis=1) > 0]
        if not len(vectors):
            return cls(np.zeros(DIMENSION, dtype=np.float32), np.eye(DIMENSION, dtype=np.float32))
        centre = vectors.mean(axis=0)
        variances, directions = np.linalg.eigh(np.cov((vectors - centre).T, bias=True))
        lifted = np.maximum(variances, 0) + SHRINKAGE * max(float(variances.mean()), 1e-12)
        whitening = (directions / np.sqrt(lifted)) @ directions.T
        return cls(centre.astype(np.float32), whitening.astype(np.float32))

    def encode(self, texts: Sequence[str | None]) -> Floats:
        """Return unit vectors, float32 [len(texts), 256]; zero for None and for a text without a word."""
        vectors = StaticVectors().embed(texts)
        silent = np.abs(vectors).sum(axis=1) == 0
        whitened = (vectors - self.centre) @ self.whitening
        whitened[silent] = 0
        return unit_rows(whitened)

    def arrays(self) -> Arrays:
        """Return what is to be stored with a model."""
        return {"text.centre": self.centre, "text.whitening": self.whitening}

    @classmethod
    def of_arrays(cls, arrays: Arrays) -> "TextSpace":
        """Take back what ``arrays`` returned; raises ``BadModelFile`` if it does not fit."""
        square = (DIMENSION, DIMENSION)
        return cls(array_of(arrays, "text.centre", (DIMENSION,)), array_of(arrays, "text.whitening", square))


def _texts_of(column: "pl.Series") -> list[str]:
    return [_text_of(value) for value in column.to_list()]


def _text_of(value: Any) -> str:
    if value is None:
        return ""
    return " ".join(_text_of(part) for part in value) if isinstance(value, list) else str(value)
