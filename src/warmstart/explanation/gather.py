"""Facts gathered from what the other rooms hold: data sets, profiles, rankings and explanations."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from warmstart.core.ranking import Ranking
from warmstart.data.catalogue import Catalogue
from warmstart.data.columns import find_columns
from warmstart.data.dataset import Dataset
from warmstart.data.files import load_table, stem
from warmstart.data.kinds import find_kinds
from warmstart.data.read import read
from warmstart.explanation.facts import Because, Facts, ItemFacts, Met, item_facts
from warmstart.explanation.lexicon import NOUNS
from warmstart.explanation.untrusted import name_of
from warmstart.recommenders.new_items import read_new_items
from warmstart.recommenders.profile import Contribution, Explains, Explanation, Profile

if TYPE_CHECKING:
    import polars as pl

MOST_EVENTS = 3
"""Events that a text names."""
MOST_LISTED = 5
"""Items of a list that a text names."""
WORTH_SAYING = 0.05
"""Share of the largest contribution from which another is worth a word."""
_FILMS = ("movielens", "ml-")
_CALLED = {
    "movies": "film",
    "films": "film",
    "books": "book",
    "songs": "song",
    "tracks": "song",
    "artists": "artist",
    "games": "game",
    "courses": "course",
    "articles": "article",
    "news": "article",
    "videos": "video",
    "products": "product",
    "recipes": "recipe",
}
"""What the items of a file are called, by its name."""


@dataclass(frozen=True)
class Shelf:
    """The facts of a catalogue's items, read when they are asked for.

    Args:
        catalogue: the items.
        items: frame whose row i describes item i, or None: then only titles are known.
        kinds: kinds of columns that were told.
        what: a key of ``NOUNS``.

    Example:
        >>> import warmstart as ws
        >>> from warmstart.explanation.gather import Shelf
        >>> shelf = Shelf.of(ws.load_dataset("movielens-small"))
        >>> shelf.what, shelf.item(0).title, shelf.item(0).labels[:2]
        ('film', 'Toy Story', ('Adventure', 'Animation'))
    """

    catalogue: Catalogue
    items: "pl.DataFrame | None" = None
    kinds: Mapping[str, str] | None = None
    what: str = "title"

    @classmethod
    def of(cls, data: Dataset, what: str | None = None) -> "Shelf":
        """Return the shelf of a data set; what its items are called is told, or known of MovieLens."""
        known = "film" if data.name.lower().startswith(_FILMS) else "title"
        return cls(data.catalogue, data.items, data.item_kinds, what if what in NOUNS else known)

    @classmethod
    def of_file(cls, path: Path, what: str | None = None) -> "Shelf":
        """Return the shelf of one file: a table of items, or of interactions, of which only ids or titles are known.

        Raises:
            BadTable: the table cannot be used; all faults are listed.
        """
        table = load_table(path, "items")
        if not find_columns(replace(table, kind="interactions"))[1]:
            return cls.of(read(path), what)
        catalogue, items = read_new_items(Catalogue([], []), table)
        return cls(catalogue, items, None, what or _CALLED.get(stem(path).casefold(), "title"))

    def item(self, index: int) -> ItemFacts:
        """Return the facts of the item with index ``index``."""
        title = self.catalogue.titles[index]
        named = None if title == str(self.catalogue.item_ids[index]) else title
        row = {} if self.items is None else self.items.row(index, named=True)
        return item_facts({**row, "title": named}, self._kinds)

    def describing(self, index: int) -> Facts:
        """Return the facts of a description of one item."""
        return Facts("item", (self.item(index),), what=self.what)

    @cached_property
    def _kinds(self) -> Mapping[str, str]:
        return {} if self.items is None else {**find_kinds(self.items, None), **(self.kinds or {})}


def met_of(profile: Profile, shelf: Shelf) -> tuple[Met, ...]:
    """Return what somebody did, in the order of the profile.

    A value from ``like_from`` on is a like, one as low as a bare dislike is one; a rating between them is told.
    """
    return tuple(_met(shelf, *event) for event in zip(profile.items, profile.values, strict=True))


def _met(shelf: Shelf, index: int, value: float) -> Met:
    catalogue = shelf.catalogue
    item = shelf.item(index)
    if catalogue.like_from is None:
        return Met(item, "met")
    if value >= catalogue.like_from:
        return Met(item, "liked")
    return Met(item, "disliked") if value <= catalogue.dislike_value else Met(item, "rated", value)


def personal_facts(profile: Profile, ranking: Ranking, shelf: Shelf) -> Facts:
    """Return the facts of a text about a list: its first items, the person's events, and which of them brought it.

    That an event brought the list is a fact only where the recommender's scores are sums of contributions; then the
    events that gave the listed items most are named. Else the text says what was done, and that here is a list.

    Args:
        profile: whose list it is; nobody else's events are ever read.
        ranking: the list.
        shelf: the facts of the items.
    """
    listed = [shelf.catalogue.index(item) for item in ranking.item_ids[:MOST_LISTED]]
    met = dict(zip(profile.items, met_of(profile, shelf), strict=True))
    # "because you disliked" may be so, but nobody would say it of a whole list
    wanted = {index: one for index, one in met.items() if one.done in {"liked", "met"}}
    reasons = tuple(_reasons(_added_up(profile, listed), wanted, positive=True)) if len(profile) else ()
    if not len(profile) and ranking.source != "random":
        reasons = (Because("prior", speaks_for=True),)
    events = tuple(reason.met for reason in reasons if reason.met is not None) or tuple(met.values())[-MOST_EVENTS:]
    return Facts("personal", tuple(shelf.item(index) for index in listed), events, reasons, shelf.what)


def explanation_facts(profile: Profile, explanation: Explanation, shelf: Shelf) -> Facts:
    """Return the facts of the wording of an explanation: the item, and what speaks for and against it, in order.

    Example:
        >>> import warmstart as ws
        >>> from warmstart.explanation.gather import Shelf, explanation_facts
        >>> data = ws.load_dataset("movielens-small")
        >>> profile = ws.MetaRecommender(tune=False, values=False).fit(data).profile([1, 2])
        >>> facts = explanation_facts(profile, profile.explain(3114), Shelf.of(data))
        >>> facts.items[0].title, {reason.kind for reason in facts.reasons} <= {"event", "prior"}
        ('Toy Story 2', True)
    """
    met = dict(zip(profile.items, met_of(profile, shelf), strict=True))
    target = shelf.item(shelf.catalogue.index(explanation.item_id))
    reasons = tuple(_reasons(explanation.contributions, met, positive=False))
    events = tuple(reason.met for reason in reasons if reason.met is not None)
    return Facts("explanation", (target,), events, reasons, shelf.what)


def _added_up(profile: Profile, listed: list[int]) -> list[Contribution]:
    """Add up each event's contributions to the listed items; none where the recommender cannot say."""
    if not isinstance(profile.scorer, Explains) or not listed:
        return []
    sums: dict[int, float] = {}
    for item in listed:
        for part in profile.scorer.contributions(profile.history, profile.context, item):
            if part.kind == "event" and part.item is not None:
                sums[part.item] = sums.get(part.item, 0.0) + part.amount
    return [Contribution("event", "", amount, item) for item, amount in sums.items()]


def _reasons(parts: Iterable[Contribution], met: Mapping[int, Met], *, positive: bool) -> list[Because]:
    ordered = sorted((part for part in parts if part.amount), key=lambda part: -abs(part.amount))
    worth = [part for part in ordered if abs(part.amount) >= WORTH_SAYING * abs(ordered[0].amount)]
    found: list[Because] = []
    for part in worth:
        reason = _reason(part, met)
        same = sum(one.speaks_for == (part.amount > 0) for one in found)
        if reason is not None and same < MOST_EVENTS and (reason.speaks_for or not positive):
            found.append(reason)
    return found


def _reason(part: Contribution, met: Mapping[int, Met]) -> Because | None:
    if part.kind == "event":
        done = met.get(-1 if part.item is None else part.item)
        # an event on an item without a title cannot be named
        return None if done is None or done.item.title is None else Because("event", part.amount > 0, done)
    if part.kind == "attribute":
        name = name_of(part.name.replace("_", " "))
        return None if name is None else Because("attribute", part.amount > 0, name=name.lower())
    return Because(part.kind, part.amount > 0)
