"""Titles from anywhere, matched to the items of a catalogue without asking back; a stranger stays a stranger."""

import difflib
import html
import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

from warmstart.data.titles import ARTICLE

LONGEST = 300
"""Characters of a title that count."""
NEARLY = 0.9
"""Likeness of two spellings (``difflib``) from which they are taken for one, if the years agree."""
APART = 1
"""Years by which two editions of one title may differ."""

_YEAR = re.compile(r"[(\[]\s*((?:18|19|20)\d\d)\s*(?:[-\u2013/][^)\]]{0,6})?[)\]]")
_BRACKETS = re.compile(r"[(\[]([^()\[\]]*)[)\]]")
_FIRST = re.compile(rf"^(?:{ARTICLE}) (?=\S)")
_LAST = re.compile(rf"^(.*),\s*({ARTICLE})\s*$", flags=re.DOTALL)
_ALIAS = re.compile(r"\b(?:a\.\s?k\.\s?a\b\.?|aka\b)[:,]?", flags=re.IGNORECASE)
_AUTHOR = re.compile(r"^(.+?)[\"\u201d']*\s*,?\s+(?:written\s+by|by)\s+\S.*$", flags=re.IGNORECASE | re.DOTALL)
_INITIALS = re.compile(r"(?<=\b[^\W\d]) (?=[^\W\d]\b)")
_QUOTES = str.maketrans("", "", '\\"\u201c\u201d\u201e\u00ab\u00bb')


def plain_of(title: str) -> str:
    r"""Return a title without quotes, escapes and needless space.

    Example:
        >>> from warmstart.meta.preference_titles import plain_of
        >>> plain_of('\\"Tom &amp; Huck (1995)\\" ')
        'Tom & Huck (1995)'
    """
    return " ".join(html.unescape(title[: 4 * LONGEST]).translate(_QUOTES).split())[:LONGEST]


def year_of(title: str) -> int | None:
    """Return the last year in brackets.

    Example:
        >>> from warmstart.meta.preference_titles import year_of
        >>> year_of("Matrix, The (1999)"), year_of("Blade Runner 2049"), year_of("Lost (2004-2010)")
        (1999, None, 2004)
    """
    found = _YEAR.findall(title)
    return int(found[-1]) if found else None


def name_of(text: str) -> str:
    """Return a title's words only: no case, accents, punctuation, or article at either end.

    Example:
        >>> from warmstart.meta.preference_titles import name_of
        >>> name_of("Matrix, The"), name_of("The Matrix"), name_of("Amélie & Co.")
        ('matrix', 'matrix', 'amelie and co')
    """
    lowered = _LAST.sub(r"\2 \1", text.casefold().replace("&", " and ").strip(" ,.;:-"))
    letters = unicodedata.normalize("NFKD", lowered.replace("'", "").replace("\u2019", ""))
    kept = "".join(mark if mark.isalnum() else " " for mark in letters if not unicodedata.combining(mark))
    words = _INITIALS.sub("", " ".join(kept.split()))
    return _FIRST.sub("", words) or words or lowered


def names_of(title: str) -> list[str]:
    """Return all names of a title, the fullest first: with what stands in brackets, without it, and every alias.

    Example:
        >>> from warmstart.meta.preference_titles import names_of
        >>> names_of("Seven (a.k.a. Se7en) (1995)")
        ['seven se7en', 'seven', 'se7en']
    """
    bare = _YEAR.sub(" ", plain_of(title))
    outside, inside = _BRACKETS.sub(" ", bare), _BRACKETS.findall(bare)
    said = [_ALIAS.sub(" ", bare), *_ALIAS.split(outside), *(_ALIAS.sub(" ", part) for part in inside)]
    return [name for name in dict.fromkeys(map(name_of, said)) if name]


def parts_of(title: str) -> list[str]:
    """Return the names of what stands between colons and dashes, the last first; none where there is one part only.

    Example:
        >>> from warmstart.meta.preference_titles import parts_of
        >>> parts_of("Star Wars: Episode V - The Empire Strikes Back (1980)")
        ['empire strikes back', 'star wars']
    """
    bare = _BRACKETS.sub(" ", _YEAR.sub(" ", plain_of(title)))
    found = [part for part in re.split(r":\s| - |\s\u2013\s", bare) if part.strip()]
    ends = [name_of(found[-1]), name_of(found[0])] if len(found) > 1 else []
    return [name for name in ends if len(name) > 3]


@dataclass(frozen=True)
class TitleIndex:
    """Finds the item that a title names, by ever looser readings; the first that fits wins.

    1. the name and the year; 2. the name, a year apart; 3. the name where one side tells no year; 4. a part of the name
    (``Star Wars`` of ``Star Wars: Episode IV``) in the same year; 5. nearly the same letters in the same year;
    6. all of this without ``by AUTHOR``. Of several that fit, the best known wins.

    Args:
        titles: one an item.
        fame: how well known each item is, in the same order.

    Example:
        >>> from warmstart.meta.preference_titles import TitleIndex
        >>> index = TitleIndex(["Matrix, The (1999)", "Sabrina (1954)", "Sabrina (1995)"], [9, 1, 2])
        >>> [index.find(title) for title in ("The Matrix", "Sabrina (1954)", "sabrina", "Sabrina (2010)")]
        [0, 1, 2, None]
    """

    titles: Sequence[str]
    fame: Sequence[float]

    def find(self, title: str) -> int | None:
        """Return the place of the item that a title names, or None."""
        found = self._found(title)
        author = _AUTHOR.match(plain_of(title)) if found is None else None
        return self._found(author.group(1)) if author else found

    def places(self, titles: Sequence[str]) -> list[int]:
        """Return the places of many titles, -1 for strangers; each different title is looked up once."""
        known = {title: self.find(title) for title in dict.fromkeys(titles)}
        return [-1 if known[title] is None else int(known[title] or 0) for title in titles]

    def _found(self, title: str) -> int | None:
        year, names = year_of(title), names_of(title)
        named = [place for name in names for place in self._by_name.get(name, ())]
        best = self._best(named, year)
        if best is not None or year is None:
            return best
        same = self._in_year.get(year, {})
        parted = [place for name in (*names, *parts_of(title)) for place in same.get(name, ())]
        return self._most_famous(parted) if parted else self._nearly(names, same)

    def _best(self, places: Sequence[int], year: int | None) -> int | None:
        if year is None:
            return self._most_famous(places)
        dated = [(place, abs(told - year)) for place in places if (told := self._years[place]) is not None]
        for apart in range(APART + 1):
            fitting = [place for place, years in dated if years == apart]
            if fitting:
                return self._most_famous(fitting)
        return self._most_famous([place for place in places if self._years[place] is None])

    def _nearly(self, names: Sequence[str], same: dict[str, list[int]]) -> int | None:
        for name in names[:2]:
            joined = [other for other in same if other.replace(" ", "") == name.replace(" ", "")]
            if joined:
                return self._most_famous(same[joined[0]])
            close = difflib.get_close_matches(name, same, n=1, cutoff=NEARLY) if len(name) > 5 else []
            if close and _numbers(close[0]) == _numbers(name):
                return self._most_famous(same[close[0]])
        return None

    def _most_famous(self, places: Sequence[int]) -> int | None:
        return max(places, key=lambda place: (self.fame[place], -place), default=None)

    @cached_property
    def _years(self) -> list[int | None]:
        return [year_of(title) for title in self.titles]

    @cached_property
    def _by_name(self) -> dict[str, list[int]]:
        return _listed((name, place) for place, title in enumerate(self.titles) for name in names_of(title))

    @cached_property
    def _in_year(self) -> dict[int, dict[str, list[int]]]:
        """Names and parts of names of the items of each year."""
        years: defaultdict[int, dict[str, list[int]]] = defaultdict(dict)
        for place, (title, year) in enumerate(zip(self.titles, self._years, strict=True)):
            for name in dict.fromkeys((*names_of(title), *parts_of(title))) if year is not None else ():
                years[year or 0].setdefault(name, []).append(place)
        return dict(years)


def _listed(pairs: Iterator[tuple[str, int]]) -> dict[str, list[int]]:
    found: defaultdict[str, list[int]] = defaultdict(list)
    for name, place in pairs:
        found[name].append(place)
    return dict(found)


def _numbers(name: str) -> list[str]:
    """Return the words that tell one part of a series from another."""
    counting = {"i", "ii", "iii", "iv", "v", "vi", "vii", "viii", "ix", "x"}
    return [word for word in name.split() if word in counting or word.isdigit()]
