"""The facts that a text may use, as values: items, what somebody did, what a score rests on; each with its source.

No fact holds an id or a score: a text, and the model that is asked for one, never see them.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from warmstart.data.columns import plain
from warmstart.explanation.lexicon import NOUNS, ROLE_OF, ROLES, Noun
from warmstart.explanation.untrusted import name_of
from warmstart.representation.untrusted import cleaned

Done = Literal["liked", "disliked", "rated", "met"]
"""What somebody did with an item; ``met`` where only that there was an event is known."""
SEPARATORS = re.compile(r"[|;,]")
MOST_VALUES = 8
"""Values of one attribute that are told."""
LONGEST_LIST, MOST_PARTS = 2_000, 40
"""Characters and values of one attribute that are read."""
EARLIEST, LATEST = 1000, 2999
LARGEST = 100_000
"""From here on a number of pages is a slip."""

_YEAR = re.compile(r"\s*\((\d{4})\)\s*$")
_ARTICLE = r"The|A|An|La|Le|Les|L'|El|Los|Las|Il|Lo|Gli|Der|Die|Das|Un|Une|Ein|Eine"
_LAST_ARTICLE = re.compile(rf"([^(),]+(?:, [^(),]+)*), ({_ARTICLE})(?=\s*(?:\(|\)|$))")


@dataclass(frozen=True, slots=True)
class Attribute:
    """What is known of an item under one name: ``role`` is a key of ``ROLES``, or ``other``."""

    role: str
    name: str
    values: tuple[str, ...]
    source: str


@dataclass(frozen=True, slots=True)
class ItemFacts:
    """What is known of one item.

    Args:
        title: as it is said, without the year; None where only an id is known.
        year: when it came out.
        attributes: what else is known.
        source: where the title comes from.
    """

    title: str | None
    year: int | None = None
    attributes: tuple[Attribute, ...] = ()
    source: str = "items.title"

    @property
    def labels(self) -> tuple[str, ...]:
        """The values of the attribute that is its genre, if it has one."""
        return next((one.values for one in self.attributes if one.role == "genre"), ())


@dataclass(frozen=True, slots=True)
class Met:
    """What somebody did with an item; ``value`` is a rating that may be told."""

    item: ItemFacts
    done: Done
    value: float | None = None
    source: str = "history"


@dataclass(frozen=True, slots=True)
class Because:
    """What speaks for or against an item, strongest first in ``Facts.reasons``.

    Args:
        kind: ``event``, ``prior``, ``attribute`` or ``text``.
        speaks_for: whether it raised the score.
        met: the event, where it is one.
        name: the user's attribute, where it is one.
        source: where it comes from.
    """

    kind: Literal["prior", "event", "attribute", "text"]
    speaks_for: bool
    met: Met | None = None
    name: str = ""
    source: str = "contributions"


@dataclass(frozen=True, slots=True)
class Facts:
    """All that one text may say.

    Args:
        kind: a description of one item, a personal text about a list, or why one item has its score.
        items: the item that is described or explained, or those of the list.
        events: what the person did, newest last; nobody else's.
        reasons: what the list or the score rests on, strongest first.
        what: a key of ``NOUNS``, what items are called.

    Example:
        >>> from warmstart.explanation.facts import Facts, item_facts
        >>> film = item_facts({"title": "Matrix, The (1999)", "genres": "Action|Sci-Fi"}, {"genres": "multi"})
        >>> film.title, film.year, film.labels, film.attributes[0].source
        ('The Matrix', 1999, ('Action', 'Sci-Fi'), 'items.genres')
        >>> Facts("item", (film,), what="film").noun.many
        'films'
    """

    kind: Literal["item", "personal", "explanation"]
    items: tuple[ItemFacts, ...]
    events: tuple[Met, ...] = ()
    reasons: tuple[Because, ...] = ()
    what: str = "title"
    noun: Noun = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Look the noun up once."""
        object.__setattr__(self, "noun", NOUNS.get(self.what, NOUNS["title"]))

    @property
    def shared(self) -> tuple[str, ...]:
        """Labels that some item of the list and some liked item both carry, in the order of the list."""
        liked = {label for one in self.events if one.done == "liked" for label in one.item.labels}
        return tuple(dict.fromkeys(label for item in self.items for label in item.labels if label in liked))

    @property
    def strongest(self) -> Because | None:
        """The first reason that speaks for the item."""
        return next((reason for reason in self.reasons if reason.speaks_for), None)


def said_title(raw: Any) -> tuple[str | None, int | None]:
    """Return a title as it is said, and the year in its brackets.

    Example:
        >>> from warmstart.explanation.facts import said_title
        >>> said_title("Matrix, The (1999)"), said_title("Auberge espagnole, L' (2002)"), said_title("")
        (('The Matrix', 1999), ("L'Auberge espagnole", 2002), (None, None))
    """
    shown = cleaned(None if raw is None else str(raw))
    found = _YEAR.search(shown)
    year = _year_of(found.group(1)) if found else None
    bare = _YEAR.sub("", shown) if year is not None else shown
    return _LAST_ARTICLE.sub(_with_article, bare).strip() or None, year


def _with_article(found: re.Match[str]) -> str:
    name, article = found.group(1).strip(), found.group(2)
    return f"{article}{name}" if article.endswith("'") else f"{article} {name}"


def item_facts(row: Mapping[str, Any], kinds: Mapping[str, str], *, title: str | None = None) -> ItemFacts:
    """Read the facts of one item from its row.

    Prose is not read: what a stranger wrote in sentences cannot be told from a claim. Numbers and names are read
    from columns that are known to hold them, such as ``pages`` and ``director``; ids never are.

    Args:
        row: what is known, by column.
        kinds: kinds by column; see ``find_kinds``.
        title: taken where the row has none.
    """
    name, year = said_title(row.get("title") or title)
    read = [_attribute(column, value, kinds.get(column, "ignore")) for column, value in row.items()]
    told = [one for one in read if one is not None]
    years = [int(one.values[0]) for one in told if one.role == "year"]
    # of two years that differ neither is a fact, but the one in the title stands in the title
    own = year if year is not None else (years[0] if len(set(years)) == 1 else None)
    merged = _merged(one for one in told if one.role != "year")
    return ItemFacts(name, own, merged)


def _attribute(column: str, value: Any, kind: str) -> Attribute | None:
    role = ROLE_OF.get(plain(column))
    if value is None or plain(column) in {"title", "itemid"} or (role is None and kind not in {"categorical", "multi"}):
        return None
    form = ROLES[role].kind if role else "labels"
    values = _READERS[form](value, kind)
    name = name_of(column.replace("_", " "))
    if not values or name is None:
        return None
    return Attribute(role or "other", name.lower(), values, f"items.{column}")


def _names(value: Any, kind: str) -> tuple[str, ...]:
    parts: Iterable[Any] = value[:MOST_PARTS] if isinstance(value, list | tuple) else _parts(str(value), kind)
    found = [name for name in map(name_of, parts) if name is not None]
    return tuple(dict.fromkeys(found))[:MOST_VALUES]


def _parts(value: str, kind: str) -> Sequence[str]:
    # cut first: a stranger may have written a million of them
    return SEPARATORS.split(value[:LONGEST_LIST])[:MOST_PARTS] if kind == "multi" or "|" in value else [value]


def _numbers(value: Any, _kind: str) -> tuple[str, ...]:
    number = _whole(value)
    return () if number is None or not 0 < number < LARGEST else (str(number),)


def _years(value: Any, kind: str) -> tuple[str, ...]:
    year = _year_of(str(value).strip()[:4]) if kind == "date" else _year_of(value)
    return () if year is None else (str(year),)


_READERS = {"labels": _names, "names": _names, "number": _numbers, "year": _years}


def _year_of(value: Any) -> int | None:
    number = _whole(value)
    return number if number is not None and EARLIEST <= number <= LATEST else None


def _whole(value: Any) -> int | None:
    try:
        number = float(str(value).strip())
    except ValueError:
        return None
    return int(number) if number.is_integer() else None


def _merged(told: Iterable[Attribute]) -> tuple[Attribute, ...]:
    """Keep one attribute a role and name, so that a role is said once."""
    found: dict[str, Attribute] = {}
    for one in told:
        found.setdefault(one.role if one.role != "other" else one.name, one)
    return tuple(found.values())
