"""What people paste about themselves: a list of titles, a form of attributes, a sentence, or all of them in lines."""

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from typing import Any

from warmstart.data.catalogue import Catalogue
from warmstart.data.titles import Titles

MOST_LINES = 1_000
_BULLET = re.compile(r"^\s*(?:[-*\u2022\u2013]|\d{1,3}[.)])\s+")
_LIKED = frozenset({"like", "likes", "liked", "love", "loved", "favourite", "favourites", "favorite", "favorites"})
_DISLIKED = frozenset({"dislike", "dislikes", "disliked", "hate", "hated"})
_KEY = re.compile(r"^([^\W\d_][\w ]{0,40}?)\s*[:=]\s*(\S.*)$")
_BETWEEN = " \t\u2013:|,;-"
_VALUE = re.compile(rf"^(.*\S)[{_BETWEEN}]+(\d+(?:\.\d+)?)\s*(?:/\s*\d+|stars?|\u2605)?\s*$")


@dataclass
class Told:
    """What a text says of a person.

    Args:
        history: entries of a history, in the order of the lines.
        user: attributes by name.
        text: what is left: a sentence; None for none.
    """

    history: list[tuple[Any, float]] = field(default_factory=list)
    user: dict[str, Any] = field(default_factory=dict)
    text: str | None = None


def looks_pasted(text: str) -> bool:
    r"""Whether a text is more than a sentence: several lines, or one that says what is liked or not.

    Example:
        >>> from warmstart.recommenders.pasted import looks_pasted
        >>> looks_pasted("an animated film for children"), looks_pasted("Heat\nAlien"), looks_pasted("liked: Heat")
        (False, True, True)
    """
    return "\n" in text.strip() or _parted(text.strip())[0] in _LIKED | _DISLIKED


def read_pasted(text: str, titles: Titles, attributes: Collection[str] = ()) -> Told:
    r"""Read a text line by line: titles become events, ``age: 25`` an attribute, and the rest stays a sentence.

    A line may begin with a bullet or a number, end in a value (``Heat (1995): 4.5``), or list several titles behind
    ``liked:`` or ``disliked:``, with semicolons between. A text of one line is a sentence unless it begins so: a title
    alone asks for that title. What fits no item, or several, stays in the sentence.

    Args:
        text: of any length; the first thousand lines are read.
        titles: finds the items.
        attributes: names that the model reads.

    Example:
        >>> from warmstart.data.catalogue import Catalogue
        >>> from warmstart.data.titles import Titles
        >>> from warmstart.recommenders.pasted import read_pasted
        >>> films = Titles(Catalogue([1, 7], ["Heat (1995)", "Alien (1979)"], like_value=5.0, dislike_value=2.0))
        >>> told = read_pasted("- Heat (1995)\n- Alien: 4.5\nage: 25\nsomething slow and dark", films, {"age"})
        >>> told.history, told.user, told.text
        ([(1, 5.0), (7, 4.5)], {'age': '25'}, 'something slow and dark')
        >>> read_pasted("disliked: Heat; Alien", films).history
        [(1, 2.0), (7, 2.0)]
    """
    lines = [line for line in text.split("\n")[:MOST_LINES] if line.strip()]
    by_name, told, rest = {name.casefold(): name for name in attributes}, Told(), list[str]()
    for line in lines:
        bare = _BULLET.sub("", line).strip()
        key, value = _parted(bare)
        if key in by_name:
            told.user[by_name[key]] = value
        elif key in _LIKED or key in _DISLIKED:
            told.history += _listed(value, titles, _worth(titles.catalogue, liked=key in _LIKED), rest)
        else:
            found = _event(bare, titles) if len(lines) > 1 else None
            told.history += [found] if found is not None else []
            rest += [bare] if found is None else []
    told.text = " ".join(rest) or None
    return told


def _parted(line: str) -> tuple[str, str]:
    found = _KEY.match(line)
    return (found[1].casefold(), found[2]) if found else ("", line)


def _listed(text: str, titles: Titles, value: float, rest: list[str]) -> Iterator[tuple[Any, float]]:
    """Yield the titles of a list as events; a comma parts them only where there is no semicolon and it is no title."""
    whole = titles.named(text)
    parts = [text] if whole is not None else text.split(";") if ";" in text else text.split(",")
    for part in parts:
        found = titles.named(part)
        if found is not None:
            yield titles.catalogue.item_ids[found], value
        elif part.strip():
            rest.append(part.strip())


def _event(line: str, titles: Titles) -> tuple[Any, float] | None:
    """Return a line as an event; None where it is no title, with a value behind it or without."""
    found, catalogue = titles.named(line), titles.catalogue
    if found is not None:
        return catalogue.item_ids[found], catalogue.like_value
    valued = _VALUE.match(line)
    found = titles.named(valued[1].rstrip(_BETWEEN)) if valued else None
    return None if found is None or valued is None else (catalogue.item_ids[found], float(valued[2]))


def _worth(catalogue: Catalogue, *, liked: bool) -> float:
    return catalogue.like_value if liked else catalogue.dislike_value
