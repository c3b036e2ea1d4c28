"""Titles as people write them, matched to the items of a catalogue; several matches are named, never guessed."""

import difflib
import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

from warmstart.core.errors import BadInput, UnknownItem
from warmstart.data.catalogue import Catalogue

_YEAR = re.compile(r"\s*\((\d{4})\)\s*$")
_BRACKETS = re.compile(r"\(([^()]*)\)")
ARTICLE = r"the|a|an|la|le|les|l'|el|los|las|il|lo|gli|der|die|das|un|une|ein|eine"
"""Articles that stand in front of a title, or behind it and a comma."""
_FIRST_ARTICLE = re.compile(rf"^(?:{ARTICLE}) (?=\S)")
_LAST_ARTICLE = re.compile(rf"^(.*),\s*({ARTICLE})\s*$", flags=re.DOTALL)
_ALIAS = re.compile(r"^(?:a\.?k\.?a\.?)\s+")
_LONGEST = 300
"""Characters of a title that count; a longer one is compared by its beginning."""


def year_of(title: str) -> int | None:
    """Return the year in brackets at the end of a title.

    Example:
        >>> from warmstart.data.titles import year_of
        >>> year_of("Matrix, The (1999)"), year_of("Matrix")
        (1999, None)
    """
    found = _YEAR.search(title[-20:])
    return int(found.group(1)) if found else None


def name_of(title: str) -> str:
    """Return a title without year, case, accents and punctuation, its article in front.

    Example:
        >>> from warmstart.data.titles import name_of
        >>> name_of("Matrix, The (1999)"), name_of("Amélie & Co.")
        ('the matrix', 'amelie and co')
    """
    plain = _YEAR.sub("", title)[:_LONGEST].casefold().replace("&", " and ").strip()
    plain = _LAST_ARTICLE.sub(r"\2 \1", plain)
    letters = unicodedata.normalize("NFKD", plain)
    kept = "".join(mark if mark.isalnum() else " " for mark in letters if not unicodedata.combining(mark))
    return " ".join(kept.split()) or plain


def _without_article(name: str) -> str:
    return _FIRST_ARTICLE.sub("", name)


def _names(title: str) -> Iterator[str]:
    """Yield all names of an item: with brackets, without them, and each bracket that holds another title."""
    bare = _YEAR.sub("", title)[:_LONGEST]
    yield name_of(bare)
    yield name_of(_BRACKETS.sub("", bare))
    for other in _BRACKETS.findall(bare):
        yield name_of(_ALIAS.sub("", other.casefold()))


@dataclass(frozen=True)
class Titles:
    """Finds items by title, or by id written as ``id:ID``.

    Case, accents, punctuation and the place of the article do not matter; the article itself and the year can be left
    out as long as one item fits best.

    Args:
        catalogue: the items.

    Example:
        >>> from warmstart.data.catalogue import Catalogue
        >>> from warmstart.data.titles import Titles
        >>> titles = Titles(Catalogue([1, 7, 9], ["Matrix, The (1999)", "Sabrina (1954)", "Sabrina (1995)"]))
        >>> titles.find("the matrix"), titles.find("Sabrina (1995)"), titles.find("id:7")
        (0, 2, 1)
        >>> titles.find("sabrina")
        Traceback (most recent call last):
        warmstart.core.errors.BadInput: 'sabrina' fits several items: Sabrina (1954) [id:7], Sabrina (1995) [id:9]. ...
    """

    catalogue: Catalogue

    def find(self, text: str) -> int:
        """Return the index of the one item that ``text`` names.

        Raises:
            UnknownItem: no item fits; the message names the nearest titles.
            BadInput: several items fit; the message names them with their ids.
        """
        wanted = text.strip()
        if wanted.startswith("id:"):
            return self.catalogue.index(wanted.removeprefix("id:").strip())
        found = self._candidates(wanted)
        if not found:
            raise UnknownItem(wanted, self.nearest(wanted))
        if len(found) > 1:
            raise BadInput(f"{wanted!r} fits several items: {self._list(found)}. Write the year, or id:ID for one.")
        return found[0]

    def named(self, text: str) -> int | None:
        """Return the index of the one item that ``text`` names; None where none does, or several do.

        Nobody is told what would have been near, for finding that out takes a thousand times as long.

        Example:
            >>> from warmstart.data.catalogue import Catalogue
            >>> from warmstart.data.titles import Titles
            >>> titles = Titles(Catalogue([1, 7, 9], ["Matrix, The (1999)", "Sabrina (1954)", "Sabrina (1995)"]))
            >>> titles.named("the matrix"), titles.named("sabrina"), titles.named("something slow and dark")
            (0, None, None)
        """
        found = self._candidates(text.strip())
        return found[0] if len(found) == 1 else None

    def nearest(self, text: str, n: int = 3) -> list[str]:
        """Return the ``n`` titles nearest to ``text``: those that hold it, then by spelling."""
        wanted = name_of(text)
        holding = sorted((name for name in self._by_name if wanted and wanted in name), key=len)[:n]
        close = difflib.get_close_matches(wanted, self._by_name, n=n, cutoff=0.6)
        places = [place for name in dict.fromkeys(holding + close) for place in self._by_name[name]]
        return [self.catalogue.titles[place] for place in dict.fromkeys(places)][:n]

    def _candidates(self, wanted: str) -> list[int]:
        exact = self._by_title.get(wanted.casefold(), [])
        if exact:
            return exact
        name, year = name_of(wanted), year_of(wanted)
        for named in (self._by_name.get(name, []), self._without_article.get(_without_article(name), [])):
            fitting = [place for place in named if year is None or year_of(self.catalogue.titles[place]) == year]
            if fitting:
                return list(dict.fromkeys(fitting + self._by_id.get(wanted, [])))
        return self._by_id.get(wanted, [])

    def _list(self, places: list[int], shown: int = 5) -> str:
        listed = [f"{self.catalogue.titles[place]} [id:{self.catalogue.item_ids[place]}]" for place in places]
        rest = len(listed) - shown
        return ", ".join(listed[:shown]) + (f" and {rest} more" if rest > 0 else "")

    @cached_property
    def _without_article(self) -> dict[str, list[int]]:
        places: defaultdict[str, list[int]] = defaultdict(list)
        for name, found in self._by_name.items():
            places[_without_article(name)] += found
        return {name: list(dict.fromkeys(found)) for name, found in places.items()}

    @cached_property
    def _by_id(self) -> dict[str, list[int]]:
        return {str(item): [place] for place, item in enumerate(self.catalogue.item_ids)}

    @cached_property
    def _by_title(self) -> dict[str, list[int]]:
        places: defaultdict[str, list[int]] = defaultdict(list)
        for place, title in enumerate(self.catalogue.titles):
            places[title.strip().casefold()].append(place)
        return dict(places)

    @cached_property
    def _by_name(self) -> dict[str, list[int]]:
        places: defaultdict[str, list[int]] = defaultdict(list)
        for place, title in enumerate(self.catalogue.titles):
            for name in dict.fromkeys(_names(title)):
                places[name].append(place)
        return dict(places)
