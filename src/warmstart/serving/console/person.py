"""One person as a page shows her: what she said, her list, and why each row stands where it stands."""

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from warmstart.core.errors import NotExplainable, NotFound, StoreUnavailable
from warmstart.core.events import Event
from warmstart.recommenders.profile import Explains
from warmstart.serving.answers import Reason, Recommendations, Recommended, Taste
from warmstart.serving.console.wording import because, change, done
from warmstart.serving.knowing import Known
from warmstart.serving.listing import Choice, listed, personal_scores
from warmstart.serving.requests import Ask
from warmstart.serving.store import log
from warmstart.serving.tenant import Tenant
from warmstart.serving.words import taste_in

SHOWN = 10
"""Rows of a list."""
MOST_REASONS = 2
"""Reasons of a row beside what everybody likes."""
MOST_EVENTS = 200
"""Events that a page shows, the newest."""
LEAST = 0.005
"""A reason that would be written as nothing is left out."""
Key = tuple[int, str, int]
"""What a list rests on: version of the person, of the model, size of the catalogue."""


@dataclass(frozen=True, slots=True)
class Said:
    """An event in words."""

    event_id: str
    item_id: str
    title: str
    type: str
    words: str


@dataclass(frozen=True, slots=True)
class Why:
    """A reason in words; ``event_id`` is the event to forget for it to go, and ``forgets`` says what that is."""

    words: str
    amount: float
    event_id: str | None = None
    forgets: str = ""


@dataclass(frozen=True, slots=True)
class Row:
    """A row of a list.

    Args:
        rank: from 1.
        item_id: as text.
        title: of the item.
        score: as the model gives it; None for what only fills the list.
        why: the largest reasons, but for what everybody likes.
        prior: the part of the score that everybody would see; None where it is no sum.
        move: places gained since the list before, negative for lost; None for a row that is new.
        bar: lengths of the parts of its bar, 0 to 100: what everybody likes, what was said.
    """

    rank: int
    item_id: str
    title: str
    score: float | None
    why: tuple[Why, ...]
    prior: float | None
    move: int | None
    bar: tuple[float, float]


@dataclass(frozen=True, slots=True)
class View:
    """Everything about a person that a page shows.

    Args:
        rows: her list.
        said: her events, newest first.
        found: the list as the engine gave it.
        key: what it rests on.
        moved: whether the rows tell how they moved.
        taste: what stands out among her likes; None where the model has no words for it.
    """

    rows: tuple[Row, ...]
    said: tuple[Said, ...]
    found: Recommendations
    key: Key
    moved: bool = False
    taste: Taste | None = None

    def after(self, before: "View") -> "View":
        """Return this view with what moved since another one."""
        places = {row.item_id: row.rank for row in before.rows}
        rows = [
            replace(row, move=places[row.item_id] - row.rank if row.item_id in places else None) for row in self.rows
        ]
        return replace(self, rows=tuple(rows), moved=True)

    def news(self, before: "View") -> str:
        """Say in a sentence or two what happened since another view."""
        old, now = {one.event_id for one in before.said}, {one.event_id for one in self.said}
        told = [f"You {one.words} {one.title}." for one in reversed(self.said) if one.event_id not in old]
        told += [f"Forgotten that you {one.words} {one.title}." for one in before.said if one.event_id not in now]
        if self.key[1] != before.key[1]:
            told.append("Another model answers now.")
        moves = [row.move for row in self.after(before).rows]
        counts = moves.count(None), sum(m > 0 for m in moves if m), sum(m < 0 for m in moves if m)
        return " ".join([*told[-2:], change(*counts)])


def key_of(known: Known) -> Key:
    """Return what a list for somebody rests on now."""
    return known.version, known.assortment.served.version, len(known.assortment.model.catalogue)


def view_of(tenant: Tenant, subject: str, text: str = "", n: int = SHOWN) -> View:
    """Return a person as she stands now.

    Args:
        tenant: whose person she is.
        subject: as ``entries.session`` and ``entries.user`` name her.
        text: a sentence of hers, which is read and not kept.
        n: rows of the list.
    """
    started, known = time.perf_counter(), tenant.known(subject)
    model, config = known.assortment.model, tenant.live.config
    if text:
        known = replace(known, context=model.encode(None, [text]))
    # nothing is left to chance here, so that whatever moves does so because of what was said
    ask = Ask(n=n, explain=isinstance(model, Explains), explore="off")
    found = listed(known, ask, Choice(config.policy, tenant.live.rng), started, personal_scores(known))
    said = tuple(_said(event, known) for event in events_of(tenant, subject))
    return View(_rows(found.items, said), said, found, key_of(known), taste=_taste(known))


def _taste(known: Known) -> Taste | None:
    try:
        return taste_in(known)
    except NotExplainable:
        return None


def events_of(tenant: Tenant, subject: str, most: int = MOST_EVENTS) -> list[Event]:
    """Return somebody's newest events, newest first; none while the store does not answer."""
    database = tenant.live.store.database
    try:
        state, _, _ = log.states(database, tenant.name, subject)
        return log.newest(database, tenant.name, state.merged_into or subject, most)
    except StoreUnavailable:
        return []


def forget(tenant: Tenant, subject: str, event_id: str) -> int:
    """Take back one of somebody's own events; returns her new version. Raises ``NotFound`` for another's."""
    if all(event.event_id != event_id for event in events_of(tenant, subject, 1000)):
        raise NotFound("This event is not there any more.")
    return tenant.undo(event_id)


def title_of(known: Known, item_id: str) -> str:
    """Return an item's title, or its id where the catalogue does not hold it."""
    catalogue = known.assortment.model.catalogue
    place = catalogue.find(item_id)
    return item_id if place is None else catalogue.titles[place]


def _said(event: Event, known: Known) -> Said:
    return Said(event.event_id, event.item_id, title_of(known, event.item_id), event.type, done(event))


def _rows(items: Sequence[Recommended], said: Sequence[Said]) -> tuple[Row, ...]:
    by_item: dict[str, Said] = {}
    for one in said:
        by_item.setdefault(one.item_id, one)
    longest = max((item.score or 0.0 for item in items), default=0.0)
    return tuple([_row(place, item, by_item, longest) for place, item in enumerate(items, 1)])


def _row(rank: int, item: Recommended, said: dict[str, Said], longest: float) -> Row:
    reasons = item.reason or ()
    prior = sum(one.amount for one in reasons if one.kind == "prior") if reasons else None
    others = [one for one in reasons if one.kind != "prior" and abs(one.amount) >= LEAST]
    # what pulled it up comes before what held it back
    shown = sorted(others, key=lambda one: (one.amount < 0, -abs(one.amount)))[:MOST_REASONS]
    whole = 100 * max(item.score or 0.0, 0.0) / longest if longest > 0 else 0.0
    usual = whole if prior is None else min(whole, 100 * max(prior, 0.0) / longest) if longest > 0 else 0.0
    why = tuple(_why(one, said) for one in shown)
    return Row(rank, _text(item.item_id), item.title, item.score, why, prior, 0, (usual, whole - usual))


def _why(reason: Reason, said: dict[str, Said]) -> Why:
    event = said.get(reason.item_id or "")
    words = because(reason, None if event is None else event.words)
    if event is None:
        return Why(words, reason.amount)
    return Why(words, reason.amount, event.event_id, f"{event.words} {event.title}")


def _text(value: Any) -> str:
    return str(value)
