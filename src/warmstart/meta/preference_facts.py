"""What can be read off a title without anybody's opinion of it: who it is, its year, its words, its genres."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from warmstart.core.histories import Floats, Ints
from warmstart.meta.preference_titles import TitleIndex, name_of, plain_of, year_of
from warmstart.representation.language_model import StaticVectors, unit_rows

if TYPE_CHECKING:
    import polars as pl

Doubles = npt.NDArray[np.float64]

_BRACKETS = re.compile(r"[(\[][^()\[\]]*[)\]]")
_LAST = re.compile(r"^(.*),\s*([\w']+)\s*$")


@dataclass(frozen=True, slots=True)
class TitleFacts:
    """Facts of n titles, a row each.

    Args:
        keys: name and year; titles of one key are the same thing.
        years: float64 [n], NaN where none is told.
        words: float32 [n, 256], vectors of length 1, zero for a title without a word.
        genres: float32 [n, genres], of length 1, zero where none is known.
    """

    keys: Sequence[str]
    years: Doubles
    words: Floats
    genres: Floats

    def __len__(self) -> int:
        return len(self.keys)

    def take(self, places: Ints) -> "TitleFacts":
        """Return the facts of some titles."""
        keys = [self.keys[place] for place in places.tolist()]
        return TitleFacts(keys, self.years[places], self.words[places], self.genres[places])


@dataclass(frozen=True)
class TitleReader:
    """Reads facts off titles; genres are looked up in a table of items, if there is one.

    Args:
        titles: titles of the items of that table.
        labels: genres of each of them.

    Example:
        >>> from warmstart.meta.preference_facts import TitleReader
        >>> facts = TitleReader(["Heat (1995)"], [["Crime"]]).read(["Heat (1995)", "Casino (1995)", "Up"])
        >>> facts.years.tolist(), facts.genres.ravel().tolist()
        ([1995.0, 1995.0, nan], [1.0, 0.0, 0.0])
    """

    titles: Sequence[str] = ()
    labels: Sequence[Sequence[str]] = ()

    @classmethod
    def of(cls, items: "pl.DataFrame | None", column: str = "genres") -> "TitleReader":
        """Take titles and genres of an items table; nobody's opinions are in it."""
        if items is None or not {"title", column} <= set(items.columns):
            return cls()
        told = [str(row or "") for row in items[column].to_list()]
        titles = [str(title or "") for title in items["title"].to_list()]
        return cls(titles, [[label for label in row.split("|") if label] for row in told])

    def read(self, titles: Sequence[str]) -> TitleFacts:
        """Return the facts of titles, in their order."""
        words = StaticVectors().embed([spoken(title) for title in titles])
        return TitleFacts([key_of(title) for title in titles], years_of(titles), words, self._genres(titles))

    def _genres(self, titles: Sequence[str]) -> Floats:
        if not self.titles:
            return np.zeros((len(titles), 0), dtype=np.float32)
        return unit_rows(self._carried[self._index.places(titles)])

    @cached_property
    def _index(self) -> TitleIndex:
        return TitleIndex(self.titles, [0.0] * len(self.titles))

    @cached_property
    def _carried(self) -> Floats:
        """Which item carries which genre; the last row is of a stranger, who carries none."""
        names = {name: place for place, name in enumerate(sorted({one for row in self.labels for one in row}))}
        found = np.zeros((len(self.titles) + 1, len(names)), dtype=np.float32)
        for row, labels in enumerate(self.labels):
            found[row, [names[label] for label in labels]] = 1
        return found


def years_of(titles: Sequence[str]) -> Doubles:
    """Return the years that titles tell, NaN where one tells none, float64 [n]."""
    return np.array([np.nan if (year := year_of(title)) is None else year for title in titles], dtype=np.float64)


def spoken(title: str) -> str:
    """Return a title as one says it: no year, no brackets, the article in front.

    Example:
        >>> from warmstart.meta.preference_facts import spoken
        >>> spoken("Matrix, The (1999)"), spoken("(500)")
        ('The Matrix', '(500)')
    """
    plain = plain_of(title)
    bare = " ".join(_BRACKETS.sub(" ", plain).split()) or plain
    turned = _LAST.match(bare)
    return f"{turned.group(2)} {turned.group(1)}" if turned and len(turned.group(2)) <= 3 else bare


def key_of(title: str) -> str:
    """Return what two spellings of one title have in common.

    Example:
        >>> from warmstart.meta.preference_facts import key_of
        >>> key_of("Matrix, The (1999)") == key_of("The MATRIX (1999)")
        True
    """
    return f"{name_of(spoken(title))} {year_of(title) or ''}"
