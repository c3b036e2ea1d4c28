"""One attribute to numbered columns: levels, bins of numbers, words."""

import itertools
import math
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Protocol

import numpy as np
import polars as pl

from warmstart.core.errors import BadInput
from warmstart.data.kinds import Kind, separator_of
from warmstart.data.parse import parse_times, parse_values
from warmstart.data.tfidf import Tfidf

Code = tuple[Sequence[int], Sequence[float]]

RARE, MISSING = "(rare)", "(missing)"
RARE_BELOW = 5
"""Levels of fewer rows are pooled; less in frames of under 500 rows, so that a hundredth is never rare."""
MOST_LEVELS = 200
MOST_BINS = 10
MOST_WORDS = 5000
CLIP = 3.0
"""Standardised numbers are cut to this many standard deviations."""
SECONDS_A_YEAR = 365.2425 * 86400


class Attribute(Protocol):
    """Encodes the values of one attribute."""

    @property
    def name(self) -> str:
        """The attribute's column in the frame."""
        ...

    @property
    def kind(self) -> Kind:
        """What it is."""
        ...

    @property
    def names(self) -> list[str]:
        """Names of its columns."""
        ...

    def codes(self, values: Sequence[Any]) -> list[Code]:
        """Return the columns of each value, and what stands there."""
        ...

    def to_header(self) -> dict[str, Any]:
        """Return what was learned as plain values, ready for JSON."""
        ...


@dataclass(frozen=True)
class Levels:
    """Categories: one column a level, one for rare and unheard ones, one for missing values if there were any.

    Args:
        name: the attribute.
        levels: those with a column of their own.
        separator: what parts several levels in one text.
        multi: whether a value may hold several levels.
        missing: whether missing values were met.
    """

    name: str
    levels: tuple[str, ...]
    separator: str | None = None
    multi: bool = False
    missing: bool = False

    @classmethod
    def fit(cls, values: pl.Series, *, multi: bool) -> "Levels":
        """Keep the levels that are common enough."""
        blank = cls(values.name, (), separator_of(values) if multi else None, multi)
        found = [blank.parts(value) for value in values.to_list()]
        counts = Counter(level for levels in found for level in levels)
        least = min(RARE_BELOW, math.ceil(len(values) / 100))
        common = [(level, count) for level, count in counts.items() if count >= least]
        kept = sorted(common, key=lambda entry: (-entry[1], entry[0]))[:MOST_LEVELS]
        missing = any(not levels for levels in found)
        return cls(values.name, tuple(sorted(level for level, _ in kept)), blank.separator, multi, missing)

    @property
    def kind(self) -> Kind:
        """``multi`` or ``categorical``."""
        return "multi" if self.multi else "categorical"

    @property
    def names(self) -> list[str]:
        """One a level, such as ``genres=Comedy``."""
        return [f"{self.name}={level}" for level in (*self.levels, RARE, *[MISSING] * self.missing)]

    @cached_property
    def _columns(self) -> dict[str, int]:
        return {level: column for column, level in enumerate(self.levels)}

    def parts(self, value: Any) -> list[str]:
        """Return the levels that a value holds, each once."""
        several: Iterable[Any] = (value,)
        if self.multi and isinstance(value, list | tuple | set | frozenset | np.ndarray):
            several = value
        elif self.multi and isinstance(value, str) and self.separator:
            several = value.split(self.separator)
        texts = (_level(part) for part in several if part is not None)
        return list(dict.fromkeys(text for text in texts if text))

    def codes(self, values: Sequence[Any]) -> list[Code]:
        """Return a one for each level of each value."""
        return _each_once(values, self._code)

    def _code(self, value: Any) -> Code:
        levels = self.parts(value)
        if not levels:
            return ([len(self.levels) + 1], [1.0]) if self.missing else ([], [])
        columns = sorted({self._columns.get(level, len(self.levels)) for level in levels})
        return columns, [1.0] * len(columns)

    def to_header(self) -> dict[str, Any]:
        """Return what was learned as plain values, ready for JSON."""
        told = {"levels": list(self.levels), "separator": self.separator, "missing": self.missing}
        return {"name": self.name, "kind": self.kind, **told}

    @classmethod
    def from_header(cls, header: dict[str, Any]) -> "Levels":
        """Take back what ``to_header`` returned."""
        multi = header["kind"] == "multi"
        return cls(header["name"], tuple(header["levels"]), header["separator"], multi, header["missing"])


@dataclass(frozen=True)
class Bins:
    """Numbers: one standardised column, one a bin between quantiles, one for missing values if there were any.

    Args:
        name: the attribute.
        mean: of the values met.
        deviation: their standard deviation, or 1.
        edges: ascending; bin i holds what is at least ``edges[i - 1]`` and less than ``edges[i]``.
        missing: whether missing values were met.
        date: whether values are dates, which count as years.
    """

    name: str
    mean: float
    deviation: float
    edges: tuple[float, ...]
    missing: bool = False
    date: bool = False

    @classmethod
    def fit(cls, values: pl.Series, *, date: bool) -> "Bins":
        """Place the edges at values met, so that the bins hold about equally many rows."""
        numbers = _years(parse_times(values)) if date else parse_values(values)
        known = np.sort(numbers.filter(numbers.is_finite()).to_numpy())
        if not len(known):
            return cls(values.name, 0.0, 1.0, (), missing=True, date=date)
        edges = np.unique(known)
        if len(edges) > MOST_BINS:
            cuts = known[(np.arange(1, MOST_BINS) * len(known)) // MOST_BINS]
            edges = np.unique(np.floor(cuts) if date else cuts)
        inner = tuple(edges[edges > known[0]].tolist())
        deviation = float(known.std()) or 1.0
        return cls(values.name, float(known.mean()), deviation, inner, len(known) < len(values), date)

    @property
    def kind(self) -> Kind:
        """``date`` or ``numeric``."""
        return "date" if self.date else "numeric"

    @property
    def names(self) -> list[str]:
        """The attribute itself, then one a bin, such as ``age in [18, 25)``."""
        shown = [_short(edge) for edge in self.edges]
        between = [f"{self.name} in [{low}, {high})" for low, high in itertools.pairwise(shown)]
        bins = [f"{self.name} < {shown[0]}", *between, f"{self.name} >= {shown[-1]}"] if shown else []
        return [self.name, *bins, *[f"{self.name}={MISSING}"] * self.missing]

    def codes(self, values: Sequence[Any]) -> list[Code]:
        """Return the standardised number and a one for the bin of each value."""
        return [self._code(number) for number in self._numbers(values)]

    def _code(self, number: float | None) -> Code:
        bins = len(self.edges) + 1 if self.edges else 0
        if number is None:
            return ([1 + bins], [1.0]) if self.missing else ([], [])
        standard = max(-CLIP, min(CLIP, (number - self.mean) / self.deviation))
        if not bins:
            return [0], [standard]
        return [0, 1 + int(np.searchsorted(self.edges, number, side="right"))], [standard, 1.0]

    def _numbers(self, values: Sequence[Any]) -> list[float | None]:
        if self.date:
            found = _years(parse_times(pl.Series(values, strict=False))).to_list()
        else:
            found = [_float(value) for value in values]
        return [None if number is None or not math.isfinite(number) else number for number in found]

    def check(self, values: Sequence[Any]) -> None:
        """Raise ``BadInput`` if a value is given that is no number (or date)."""
        for value, number in zip(values, self._numbers(values), strict=True):
            blank = value is None or (isinstance(value, str) and not value.strip())
            if number is None and not blank:
                what = "a date, such as '2024-05-31'" if self.date else "a finite number"
                raise BadInput(f"The attribute {self.name!r} must be {what}; came: {value!r}.")

    def to_header(self) -> dict[str, Any]:
        """Return what was learned as plain values, ready for JSON."""
        told = {"mean": self.mean, "deviation": self.deviation, "edges": list(self.edges), "missing": self.missing}
        return {"name": self.name, "kind": self.kind, **told}

    @classmethod
    def from_header(cls, header: dict[str, Any]) -> "Bins":
        """Take back what ``to_header`` returned."""
        numbers = (header["mean"], header["deviation"], tuple(header["edges"]))
        return cls(header["name"], *numbers, header["missing"], header["kind"] == "date")


@dataclass(frozen=True)
class Words:
    """Free text: TF-IDF columns, such as ``title~heat``."""

    name: str
    tfidf: Tfidf

    @classmethod
    def fit(cls, values: pl.Series) -> "Words":
        """Keep the words that two texts share, or all where there are few texts."""
        least = 2 if len(values) >= 50 else 1
        return cls(values.name, Tfidf.fit(values.cast(pl.String), min_texts=least, max_words=MOST_WORDS))

    @property
    def kind(self) -> Kind:
        """Always ``text``."""
        return "text"

    @property
    def names(self) -> list[str]:
        """One a word."""
        return [f"{self.name}~{word}" for word in self.tfidf.words]

    def codes(self, values: Sequence[Any]) -> list[Code]:
        """Return the weights of each text's words."""
        return _each_once(values, self._code)

    def _code(self, value: Any) -> Code:
        columns, weights = self.tfidf.code(None if value is None else str(value))
        return columns.tolist(), weights.tolist()

    def to_header(self) -> dict[str, Any]:
        """Return what was learned as plain values, ready for JSON."""
        return {"name": self.name, "kind": "text", "tfidf": self.tfidf.to_header()}

    @classmethod
    def from_header(cls, header: dict[str, Any]) -> "Words":
        """Take back what ``to_header`` returned."""
        return cls(header["name"], Tfidf.from_header(header["tfidf"]))


def fit_attribute(values: pl.Series, kind: Kind) -> Attribute:
    """Learn to encode one attribute of a kind other than ``ignore``."""
    if kind in ("categorical", "multi"):
        return Levels.fit(values, multi=kind == "multi")
    return Words.fit(values) if kind == "text" else Bins.fit(values, date=kind == "date")


def restore_attribute(header: dict[str, Any]) -> Attribute:
    """Take back an attribute from its header."""
    if header["kind"] in ("categorical", "multi"):
        return Levels.from_header(header)
    return Words.from_header(header) if header["kind"] == "text" else Bins.from_header(header)


def _each_once(values: Sequence[Any], code: Callable[[Any], Code]) -> list[Code]:
    """Code each distinct value once; True and 1 are one key of a dictionary, but two levels."""
    known: dict[Any, Code] = {}
    found = []
    for value in values:
        key = (type(value), value) if isinstance(value, str | int | float | None) else None
        if key is None:
            found.append(code(value))
            continue
        if key not in known:
            known[key] = code(value)
        found.append(known[key])
    return found


def _level(part: Any) -> str:
    if isinstance(part, float):
        return "" if math.isnan(part) else _short(part)
    return str(part).strip()


def _short(number: float) -> str:
    return str(int(number)) if number == int(number) else f"{number:g}"


def _float(value: Any) -> float | None:
    try:
        return float(value)
    except (TypeError, ValueError):
        return None


def _years(seconds: pl.Series) -> pl.Series:
    return seconds / SECONDS_A_YEAR + 1970
