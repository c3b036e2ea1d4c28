"""How alike two items are by what is known of them: attribute by attribute, words, labels, numbers, meaning."""

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from contextlib import nullcontext, suppress
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

import numpy as np
import polars as pl
from scipy import sparse

from warmstart.core.artefact import Arrays, array_of, pack_csr, unpack_csr
from warmstart.core.errors import MissingExtra
from warmstart.core.histories import Floats
from warmstart.data.attributes import SECONDS_A_YEAR, Levels
from warmstart.data.kinds import find_kinds
from warmstart.data.parse import parse_times, parse_values
from warmstart.data.tfidf import Tfidf
from warmstart.representation.text import Encoder, TextSpace, item_texts, text_columns

Coded: TypeAlias = sparse.csr_matrix | Floats
"""Items as one view sees them: rows of length 1 (or 0 where nothing is known), or numbers [n], NaN where missing."""

MOST_WORDS = 20_000
MOST_LEVELS = 50_000
LEAST_TITLES_WITH_YEAR = 0.5
"""Share of the titles from which years in them count as an attribute."""
WIDTH = 0.25
"""Standard deviations between two numbers at which their likeness has fallen to 1/e."""
YEAR = r"\((1[89]\d\d|20\d\d)\)"


@dataclass(frozen=True, slots=True)
class WordsView:
    """Two texts are alike by the cosine of their TF-IDF rows; a year in brackets is left to ``NumberView``."""

    column: str
    tfidf: Tfidf

    @classmethod
    def fit(cls, column: pl.Series) -> "WordsView":
        """Learn the vocabulary."""
        return cls(column.name, Tfidf.fit(_bare(column), max_words=MOST_WORDS))

    def encode(self, frame: pl.DataFrame) -> Coded:
        """Return unit rows, csr float32 [n, words]."""
        return self.tfidf.encode(_bare(_column(frame, self.column)))

    def to_header(self) -> dict[str, Any]:
        """Return what was learned as plain values, ready for JSON."""
        return {"view": "words", "column": self.column, "tfidf": self.tfidf.to_header()}


@dataclass(frozen=True, slots=True)
class LabelsView:
    """Two sets of labels are alike by their cosine; labels never met say nothing."""

    levels: Levels

    @property
    def column(self) -> str:
        """Where the labels stand."""
        return self.levels.name

    @classmethod
    def fit(cls, column: pl.Series, *, multi: bool) -> "LabelsView":
        """Keep the most frequent labels, however rare the last of them is."""
        blank = replace(Levels.fit(column, multi=multi), levels=(), missing=False)
        counts = Counter(level for value in column.to_list() for level in blank.parts(value))
        kept = sorted(counts.items(), key=lambda entry: (-entry[1], entry[0]))[:MOST_LEVELS]
        return cls(replace(blank, levels=tuple(sorted(level for level, _ in kept))))

    def encode(self, frame: pl.DataFrame) -> Coded:
        """Return unit rows, csr float32 [n, labels]."""
        codes = self.levels.codes(_column(frame, self.column).to_list())
        known = [[place for place in columns if place < len(self.levels.levels)] for columns, _ in codes]
        indptr = np.cumsum([0, *map(len, known)])
        indices = np.array([place for places in known for place in places], dtype=np.int64)
        weights = np.repeat([1 / np.sqrt(max(len(places), 1)) for places in known], np.diff(indptr))
        shape = (len(known), len(self.levels.levels))
        return sparse.csr_matrix((weights.astype(np.float32), indices, indptr), shape=shape)

    def to_header(self) -> dict[str, Any]:
        """Return what was learned as plain values, ready for JSON."""
        return {"view": "labels", "levels": self.levels.to_header()}


@dataclass(frozen=True, slots=True)
class NumberView:
    """Two numbers are alike by ``exp(-|a - b| / width)``, so that 1995 is nearer to 1996 than to 1959.

    Args:
        column: where the number stands.
        form: ``number``, ``date``, or ``year`` for the year in brackets of a title.
        width: in the numbers' own unit; years for dates.
    """

    column: str
    form: str
    width: float

    @classmethod
    def fit(cls, column: pl.Series, form: str) -> "NumberView":
        """Set the width by the spread of the numbers."""
        numbers = cls(column.name, form, 1.0).encode(column.to_frame())
        known = numbers[np.isfinite(numbers)]
        spread = float(known.std()) if len(known) else 0.0
        return cls(column.name, form, WIDTH * spread or 1.0)

    def encode(self, frame: pl.DataFrame) -> Floats:
        """Return the numbers, float32 [n], NaN where one is missing."""
        column = _column(frame, self.column)
        if self.form == "date":
            numbers = parse_times(column) / SECONDS_A_YEAR
        else:
            numbers = parse_values(_years(column) if self.form == "year" else column)
        found = numbers.cast(pl.Float64).fill_null(np.nan).to_numpy().astype(np.float32)
        return np.where(np.isfinite(found), found, np.float32(np.nan))

    def to_header(self) -> dict[str, Any]:
        """Return what was learned as plain values, ready for JSON."""
        return {"view": "number", "column": self.column, "form": self.form, "width": self.width}


@dataclass(frozen=True, slots=True)
class MeaningView:
    """Two items are alike by an encoder's vectors, whitened on the catalogue; needs the extra ``text`` or ``llm``."""

    columns: tuple[str, ...]
    space: TextSpace

    @property
    def column(self) -> str:
        """The columns that are read."""
        return " ".join(self.columns)

    @classmethod
    def fit(
        cls, frame: pl.DataFrame, columns: Sequence[str], encoder: Encoder = "static", dimension: int | None = None
    ) -> "MeaningView":
        """Whiten on the frame's texts."""
        return cls(tuple(columns), TextSpace.fit(item_texts(frame, columns), encoder, dimension=dimension))

    def encode(self, frame: pl.DataFrame) -> Coded:
        """Return unit vectors, float32 [n, p]."""
        given = [name for name in self.columns if name in frame.columns]
        return self.space.encode(item_texts(frame, given) if given else [""] * len(frame))

    def to_header(self) -> dict[str, Any]:
        """Return what was learned as plain values, ready for JSON; the vectors' space is an array."""
        return {"view": "meaning", "columns": list(self.columns), "encoder": self.space.encoder}


View = WordsView | LabelsView | NumberView | MeaningView
FIRST_WEIGHTS = {WordsView: 0.3, LabelsView: 1.0, NumberView: 0.5, MeaningView: 0.5}
"""How much a view counts before any is tried; found on MovieLens-1M's validation items."""


def find_views(
    frame: pl.DataFrame,
    kinds: Mapping[str, str],
    also: Sequence[str],
    encoders: Sequence[Encoder],
    dimension: int | None = None,
) -> tuple[View, ...]:
    """Learn one view an attribute, and one an encoder of the meaning of titles and labels.

    Args:
        frame: one row an item.
        kinds: kinds by column that were told; see ``find_kinds``.
        also: columns that are read although their kind was told to be ``ignore``.
        encoders: whose language-model vectors are wanted; without its package ``static`` is left out.
        dimension: length to which these are shortened; None keeps them as they are.

    Raises:
        MissingExtra: the packages of an encoder other than ``static`` are not installed.

    Example:
        >>> import polars as pl
        >>> from warmstart.meta.item_text import find_views
        >>> films = pl.DataFrame({"item_id": [1, 2], "title": ["Heat (1995)", "Alien (1979)"], "genres": ["A|B", "B"]})
        >>> [(view.column, type(view).__name__) for view in find_views(films, {}, (), ())]
        [('title', 'WordsView'), ('title', 'NumberView'), ('genres', 'LabelsView')]
    """
    told = {name: kind for name, kind in kinds.items() if name in frame.columns and name not in also}
    views = [view for name, kind in find_kinds(frame, told).items() for view in _views_of(frame[name], kind)]
    described = text_columns(frame, told)
    for encoder in encoders if described else ():
        # asked for by default, so it may be absent; the others were asked for by name
        with suppress(MissingExtra) if encoder == "static" else nullcontext():
            views.append(MeaningView.fit(frame, described, encoder, dimension))
    return tuple(views)


def _views_of(column: pl.Series, kind: str) -> list[View]:
    if kind in ("categorical", "multi"):
        return [LabelsView.fit(column, multi=kind == "multi")]
    if kind in ("numeric", "date"):
        return [NumberView.fit(column, "date" if kind == "date" else "number")]
    if kind != "text":
        return []
    views: list[View] = [WordsView.fit(column)]
    dated = column.name == "title" and _years(column).count() >= LEAST_TITLES_WITH_YEAR * max(len(column), 1)
    return [*views, NumberView.fit(column, "year")] if dated else views


def present(coded: Coded) -> Floats:
    """Return 1 for each item of which the view knows something, else 0, float32 [n]."""
    if isinstance(coded, np.ndarray):
        known = np.isfinite(coded) if coded.ndim == 1 else np.abs(coded).sum(axis=1) > 0
    else:
        known = np.diff(coded.indptr) > 0
    return np.asarray(known, dtype=np.float32)


def likeness(view: View, left: Coded, right: Coded) -> Floats:
    """Return how alike each item of ``left`` is to each of ``right``, float32 [n, m] from -1 to 1."""
    if isinstance(view, NumberView):
        apart = np.abs(np.subtract.outer(left, right)) / np.float32(view.width)
        return np.nan_to_num(np.exp(-apart), copy=False, nan=0.0)
    alike = left @ right.T
    return np.asarray(alike if isinstance(alike, np.ndarray) else alike.toarray(), dtype=np.float32)


def joined(
    weights: Sequence[float], alike: Iterable[Floats], left: Sequence[Floats], right: Sequence[Floats]
) -> Floats:
    """Return the weighted mean of several views' likeness over what is known of both items, float32 [n, m].

    Args:
        weights: one a view, positive.
        alike: likeness by each view, [n, m].
        left: presence of the rows' items by view, [n].
        right: presence of the columns' items by view, [m].
    """
    total = np.zeros((len(left[0]), len(right[0])), dtype=np.float32) if left else np.zeros((0, 0), dtype=np.float32)
    for weight, one in zip(weights, alike, strict=True):
        total += np.float32(weight) * one
    for side, axis in ((left, 1), (right, 0)):
        sizes = sum(np.float32(weight) * one for weight, one in zip(weights, side, strict=True))
        total /= np.expand_dims(np.sqrt(np.where(sizes > 0, sizes, 1)), axis)
    return total


def take(coded: Coded, rows: Any) -> Coded:
    """Return some items of a view's coding."""
    return coded[rows]


def pack_view(name: str, view: View, coded: Coded) -> Arrays:
    """Return a view's arrays, named after ``name``."""
    own = pack_csr(name, coded) if sparse.issparse(coded) else {name: coded}
    space = view.space.arrays() if isinstance(view, MeaningView) else {}
    return own | {f"{name}.{part}": array for part, array in space.items()}


def unpack_view(header: dict[str, Any], arrays: Arrays, name: str, n: int) -> tuple[View, Coded]:
    """Take back a view and its coding of ``n`` items; raises ``BadModelFile`` if they do not fit."""
    kind = header["view"]
    if kind == "words":
        words = WordsView(header["column"], Tfidf.from_header(header["tfidf"]))
        return words, unpack_csr(arrays, name, (n, len(words.tfidf)))
    if kind == "labels":
        labels = LabelsView(Levels.from_header(header["levels"]))
        return labels, unpack_csr(arrays, name, (n, len(labels.levels.levels)))
    if kind == "number":
        return NumberView(header["column"], header["form"], float(header["width"])), array_of(arrays, name, (n,))
    space = {part: arrays[f"{name}.{part}"] for part in ("text.centre", "text.whitening") if f"{name}.{part}" in arrays}
    read = TextSpace.of_arrays(space, header.get("encoder", "static"))
    meaning = MeaningView(tuple(header["columns"]), read)
    return meaning, array_of(arrays, name, (n, None))


def _column(frame: pl.DataFrame, name: str) -> pl.Series:
    return frame[name] if name in frame.columns else pl.Series(name, [None] * len(frame), dtype=pl.String)


def _bare(column: pl.Series) -> list[str | None]:
    texts = column.cast(pl.String, strict=False).to_list()
    return [None if text is None else re.sub(YEAR, " ", text[:20_000]) for text in texts]


def _years(column: pl.Series) -> pl.Series:
    return column.cast(pl.String, strict=False).str.extract(YEAR, 1)
