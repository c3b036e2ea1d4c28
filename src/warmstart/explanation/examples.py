"""Made-up facts of the same shape as given ones, so that a prompt shows how just such facts are put into words.

A small model goes on from examples and copies what they hold: an example with a director brings a director into every
text. What is made up here has as many titles, labels, names and reasons as the facts themselves, and never theirs.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from warmstart.explanation.facts import Attribute, Because, Facts, ItemFacts, Met
from warmstart.explanation.lexicon import ROLES

_TITLES = (
    *("The Lamp", "Old Well", "Green Hat", "Paper Boats", "Salt and Iron", "The Ninth Bell", "Low Harbour"),
    *("A Jar of Rain", "Winter Orchard", "Glass Ferry", "The Clockmaker's Son", "Seven Rivers"),
)
_YEARS = (1931, 1962, 1970, 1948, 1983, 1955, 1991, 1977, 1938, 1966, 1959, 1985)
_LABELS = (
    *("Drama", "War", "Comedy", "Western", "Musical", "Mystery", "Romance", "Horror"),
    *("Adventure", "Fantasy", "Crime", "Documentary"),
)
_NAMES = ("Ann Reed", "Tom Vale", "Eva Lund", "Paul Marsh", "Ida Stone", "Karl Webb", "Nora Field", "Hugh Lane")
_OF_A_PERSON = ("town", "hobby", "trade", "school")
STEP = 5
"""How far the stocks are turned from one example to the next."""


@dataclass
class _Renaming:
    """Gives each value another one of its kind, the same one each time."""

    turn: int
    given: dict[str, dict[str, int]] = field(default_factory=dict)

    def place(self, kind: str, value: str, size: int) -> int:
        known = self.given.setdefault(kind, {})
        return (known.setdefault(value, len(known)) + STEP * self.turn) % size

    def one_of(self, kind: str, value: str, stock: Sequence[str]) -> str:
        return stock[self.place(kind, value, len(stock))]


def made_up(facts: Facts, turn: int = 0) -> Facts:
    """Return facts of the same shape about things that do not exist; another ``turn`` gives others.

    Example:
        >>> from warmstart.explanation.examples import made_up
        >>> from warmstart.explanation.facts import Facts, item_facts
        >>> heat = item_facts({"title": "Heat (1995)", "genres": "Crime|Thriller"}, {"genres": "multi"})
        >>> found = made_up(Facts("item", (heat,), what="film")).items[0]
        >>> found.title, found.year, found.labels
        ('The Lamp', 1931, ('Drama', 'War'))
    """
    renaming = _Renaming(turn)
    items = tuple(_item(one, renaming) for one in facts.items)
    events = tuple(_met(one, renaming) for one in facts.events)
    reasons = tuple(_because(one, renaming) for one in facts.reasons)
    return Facts(facts.kind, items, events, reasons, facts.what)


def _item(one: ItemFacts, renaming: _Renaming) -> ItemFacts:
    place = renaming.place("title", f"{one.title} {one.year}", len(_TITLES))
    title = None if one.title is None else _TITLES[place]
    year = None if one.year is None else _YEARS[place]
    return ItemFacts(title, year, tuple(_attribute(part, renaming) for part in one.attributes))


def _attribute(one: Attribute, renaming: _Renaming) -> Attribute:
    form = ROLES[one.role].kind if one.role in ROLES else "labels"
    if form == "number":
        return replace(one, values=tuple(str(137 + 61 * renaming.place("number", value, 7)) for value in one.values))
    kind, stock = ("name", _NAMES) if form == "names" else ("label", _LABELS)
    return replace(one, values=tuple(renaming.one_of(kind, value, stock) for value in one.values))


def _met(one: Met, renaming: _Renaming) -> Met:
    value = None if one.value is None else 2.5 + renaming.place("rating", f"{one.value:g}", 2) / 2
    return Met(_item(one.item, renaming), one.done, value)


def _because(one: Because, renaming: _Renaming) -> Because:
    met = None if one.met is None else _met(one.met, renaming)
    name = renaming.one_of("user", one.name, _OF_A_PERSON) if one.name else ""
    return replace(one, met=met, name=name)
