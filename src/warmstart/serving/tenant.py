"""The service of one tenant, in the process of the engine."""

import logging
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import replace
from functools import partial
from typing import Any, Protocol, TypeVar

import numpy as np

from warmstart.core.errors import BadInput, NotFound, Overloaded, StoreUnavailable
from warmstart.explanation.lexicon import Language
from warmstart.serving.answers import Description, Erased, Explained, Export, Recommendations, Recorded, Taste
from warmstart.serving.assortment import check_items
from warmstart.serving.knowing import Knowledge, Known
from warmstart.serving.listing import Choice, listed, scores_beside
from warmstart.serving.names import place_in
from warmstart.serving.recording import logged
from warmstart.serving.requests import MOST_ITEMS, Ask, InWords, ItemIn, PersonIn, SearchIn, checked, checked_each
from warmstart.serving.scenarios import policy_for
from warmstart.serving.settings import LiveConfig
from warmstart.serving.shelf import Shelf
from warmstart.serving.store import kept, log
from warmstart.serving.store.entries import Entry, ItemRow, Shown, session, user
from warmstart.serving.store.store import Store
from warmstart.serving.words import Teller, described, searched, stated_in, taste_in

LOG = logging.getLogger(__name__)
T = TypeVar("T")
PATIENCE = 30.0
"""Seconds that an embedded caller waits for a commit."""


class Engine(Protocol):
    """What a tenant's service needs of the engine."""

    config: LiveConfig
    shelf: Shelf
    store: Store
    knowledge: Knowledge
    rng: np.random.Generator

    def activate(self, version: str) -> None:
        """Let a registered model answer."""
        ...


class Tenant:
    """The service of one tenant, in this process; ``Client`` is the same over HTTP."""

    __slots__ = ("live", "name")

    def __init__(self, live: Engine, name: str) -> None:
        self.live = live
        self.name = name

    # -- events

    def record(self, events: Sequence[Mapping[str, Any]], *, idempotency_key: str | None = None) -> Recorded:
        """Log what people did; when this returns it is durable, and the next answer of any process rests on it.

        Args:
            events: mappings with the fields of ``EventIn``.
            idempotency_key: names this request; sent again with the same events, it is answered as the first time.

        Raises:
            BadInput: there are none or too many; a faulty one among them is rejected by itself.
            Conflict: the key came before with other events.
            StoreUnavailable: nothing is acknowledged.
        """
        return self.recording(events, idempotency_key).result(timeout=PATIENCE)

    def recording(self, events: Sequence[Any], idempotency_key: str | None = None) -> "Future[Recorded]":
        """Do the same without waiting."""
        return logged(self.live.store, self.name, events, idempotency_key, self._unknown)

    def undo(self, event_id: str) -> int:
        """Take an event out of its person's profile; returns her new version. Raises ``NotFound``."""
        return self._write(lambda connection: log.undo(connection, self.name, event_id))

    def merge(self, user_id: str, session_id: str) -> int:
        """Give what was done before login to the user; returns her new version. Raises ``Conflict``."""
        return self._write(lambda connection: log.merge(connection, self.name, session(session_id), user(user_id)))

    # -- answers

    def recommend(self, user_id: str | None = None, *, session_id: str | None = None, **ask: Any) -> Recommendations:
        """Recommend to somebody who is kept; whoever is unknown gets what the prior says.

        Args:
            user_id: who; either this or ``session_id``.
            session_id: who, before login.
            **ask: the fields of ``Ask``.
        """
        return self.answer(_subject(user_id, session_id), checked(Ask, ask), time.perf_counter())

    def answer(self, subject: str, ask: Ask, started: float) -> Recommendations:
        """Recommend to a subject of the store; ``started`` is when the request came, of ``time.perf_counter``."""
        known = self.known(subject) if ask.after is None else self._known_then(subject, ask.after)
        return self._answer(known, ask, started)

    def recommend_to(self, **person: Any) -> Recommendations:
        """Recommend to somebody of whom nothing is kept; the fields are those of ``PersonIn``."""
        started = time.perf_counter()
        asked = checked(PersonIn, person)
        return self._answer(self.live.knowledge.described(self.name, asked), asked, started)

    def reward(self, recommendation_id: str, value: float) -> None:
        """Say what a list was worth that was logged: left to chance, or any if the engine is set so.

        Raises:
            NotFound: no such list was logged.
            Conflict: it was said to be worth something else.
        """
        self._write(lambda connection: kept.reward(connection, self.name, recommendation_id, float(value)))

    def explain(self, user_id: str, item_id: Any, language: Language | None = None) -> Explained:
        """Say why an item has its score for a user; the reasons sum to it.

        Args:
            user_id: who.
            item_id: what.
            language: ``en`` or ``zh`` to have it in words as well.

        Raises:
            UnknownItem: nobody knows the item.
        """
        known = self.known(user(user_id))
        why, reasons = known.profile().explain(item_id), known.reasons(item_id)
        spoken = None if language is None else checked(InWords, {"language": language}).language
        text = None if spoken is None else self._teller(known, spoken).of_score(why)
        return Explained(
            why.item_id, why.title, why.score, reasons, known.version, known.assortment.served.version, text
        )

    def search(
        self, text: str, user_id: str | None = None, *, session_id: str | None = None, **ask: Any
    ) -> Recommendations:
        """Return the items that fit a text, those that suit somebody first; nothing where nothing fits.

        Args:
            text: words of titles, labels such as genres, years.
            user_id: whom they are to suit; without her and a session they suit everybody.
            session_id: the same, before login.
            **ask: the other fields of ``SearchIn``.
        """
        return self.found(checked(SearchIn, {"q": text} | ask), user_id, session_id)

    def found(self, ask: SearchIn, user_id: str | None = None, session_id: str | None = None) -> Recommendations:
        """Do the same for a request that was checked."""
        started = time.perf_counter()
        found = searched(self._somebody(user_id, session_id, ask.after), ask)
        return replace(found, took_ms=1000 * (time.perf_counter() - started))

    def taste(self, user_id: str | None = None, *, session_id: str | None = None) -> Taste:
        """Return in a sentence what stands out among what somebody likes; ``text=`` reads what she makes of it."""
        return taste_in(self.known(_subject(user_id, session_id)))

    def description(self, item_id: Any, language: Language = "en") -> Description:
        """Return what an item is, in words that say nothing but what was put or the model read.

        Raises:
            UnknownItem: nobody knows the item.
            NotFound: it was removed.
        """
        spoken, item = checked(InWords, {"language": language}).language, self.item(str(item_id))
        assortment, _ = self.live.knowledge.assortment(self.name)
        shelf = replace(assortment.told, what=self.live.config.what)
        return described(shelf, item.item_id, spoken, assortment.served.version)

    def similar(self, item_id: Any, n: int = 10) -> Recommendations:
        """Return what is liked more than usual by those who like an item. Raises ``UnknownItem``.

        The score is what one like of the item adds to another's, over the root of what that has without it: a film that
        everybody likes is near to none.
        """
        started = time.perf_counter()
        person = checked(PersonIn, {"history": [item_id], "n": n})
        known = self.live.knowledge.described(self.name, person)
        choice = Choice(self.live.config.policy, self.live.rng)
        return listed(known, person, choice, started, scores_beside(known))

    # -- people

    def describe(self, user_id: str, attributes: Mapping[str, Any]) -> int:
        """Set what is known of a user beside her events, ``text`` being a sentence of hers; returns her new version."""
        told = dict(attributes)
        return self._write(lambda connection: log.describe(connection, self.name, user(user_id), told))

    def export(self, user_id: str) -> Export:
        """Return everything that is kept about a user. Raises ``NotFound``."""
        subject = user(user_id)

        def found(connection: Any) -> Export:
            state = log.state(connection, self.name, subject)
            if not state.version:
                raise NotFound("Nothing is kept about this user.")
            attributes = None if state.attributes is None else dict(state.attributes)
            sessions = [name.removeprefix("session:") for name in log.sessions_of(connection, self.name, subject)]
            shown = kept.shown_to(connection, self.name, subject)
            events = log.export(connection, self.name, subject)
            return Export(user_id, state.version, attributes, tuple(events), tuple(sessions), tuple(shown))

        return self.live.store.read(found)

    def erase(self, user_id: str) -> Erased:
        """Remove everything about a user, and return the receipt; the next answer is a stranger's."""
        receipt = self._write(lambda connection: log.erase(connection, self.name, user(user_id)))
        self.live.store.database.scrub()
        self.live.knowledge.profiles.drop(self.name, user(user_id))
        return Erased(user_id, receipt.events, receipt.recommendations, receipt.profiles, time.time())

    # -- items

    def put_items(self, items: Sequence[Mapping[str, Any]]) -> int:
        """Add items or change them; returns how many. Those with a title or labels can be recommended at once.

        Raises:
            BadInput: naming every fault; nothing is changed then.
        """
        if not 1 <= len(items) <= MOST_ITEMS:
            raise BadInput(f"A request carries 1 to {MOST_ITEMS} items; came: {len(items)}.")
        # of an item that comes twice in one request the last counts
        rows = list({row.item_id: row for row in map(_item_row, checked_each(ItemIn, items))}.values())
        check_items(self.live.shelf.present.model, rows)
        version = self._write(lambda connection: kept.put_items(connection, self.name, rows))
        self.live.knowledge.assortments.settle(self.name, version)
        return len(rows)

    def items(self, after: str = "", n: int = 100) -> list[ItemRow]:
        """Return the items that were put, in order of id, from behind ``after`` on."""
        return self.live.store.read(lambda connection: kept.items(connection, self.name, after, n))

    def item(self, item_id: str) -> ItemRow:
        """Return an item as it was put, or as the model knows it.

        Raises:
            UnknownItem: neither knows it.
            NotFound: it was removed.
        """
        found = self.live.store.read(lambda connection: kept.item(connection, self.name, item_id))
        if found is not None:
            return found
        catalogue = self.live.shelf.present.model.catalogue
        place = catalogue.index(item_id)
        return ItemRow(str(catalogue.item_ids[place]), {"title": catalogue.titles[place]})

    def remove_items(self, item_ids: Sequence[str]) -> int:
        """Remove items, those of the model as well, until they are put again; returns how many there were."""
        find = self.live.shelf.present.model.catalogue.find
        removal = partial(
            kept.remove_items, tenant=self.name, item_ids=item_ids, known=lambda one: find(one) is not None
        )
        return self._write(removal)

    # -- how it is done

    def known(self, subject: str) -> Known:
        """Return what is known of a subject now; see ``user`` and ``session`` of the store."""
        return self.live.knowledge.known(self.name, subject)

    def _answer(self, known: Known, ask: Ask, started: float) -> Recommendations:
        policy, experiment = policy_for(self.live.config, ask.scenario, self.name, known.subject)
        found = listed(known, ask, Choice(policy, self.live.rng, experiment), started)
        if ask.language is not None:
            text = self._teller(known, ask.language).of_list(found)
            found = replace(found, text=text, took_ms=1000 * (time.perf_counter() - started))
        if known.subject and self._is_logged(found, ask.explore or policy.explore):
            self._log_shown(known, found)
        return found

    def _somebody(self, user_id: str | None, session_id: str | None, page: str | None) -> Known:
        if user_id is None and session_id is None:
            return self.live.knowledge.described(self.name, PersonIn())
        subject = _subject(user_id, session_id)
        return self.known(subject) if page is None else self._known_then(subject, page)

    def _teller(self, known: Known, language: Language) -> Teller:
        config = self.live.config
        events = () if not known.subject else self.live.knowledge.events(self.name, known.subject)
        shelf = replace(known.assortment.told, what=config.what)
        stated = stated_in(events, config.feedback) if known.subject else None
        return Teller(known, shelf, stated, language)

    def _is_logged(self, found: Recommendations, explore: str) -> bool:
        if self.live.config.log_lists == "all":
            return bool(found.items)
        return explore != "off" and any(row.propensity < 1 for row in found.items)

    def _known_then(self, subject: str, page: str) -> Known:
        return self.live.knowledge.known(self.name, subject, place_in(page).version)

    def _log_shown(self, known: Known, found: Recommendations) -> None:
        """Log a list without waiting: an answer is worth more than its place in the log."""
        items = tuple(str(row.item_id) for row in found.items)
        propensities = tuple(row.propensity for row in found.items)
        row = Shown(
            found.recommendation_id, known.subject, items, propensities, known.assortment.served.version, time.time()
        )
        try:
            self.live.store.write(lambda connection: kept.log_shown(connection, self.name, [row]))
        except (StoreUnavailable, Overloaded):
            LOG.warning("a list that was shown could not be logged")

    def _unknown(self, entries: Sequence[Entry]) -> tuple[str, ...]:
        """Return the items that neither the model nor, as far as this process has seen, the tenant knows."""
        catalogue = self.live.knowledge.assortments.latest(self.name).model.catalogue
        return tuple(dict.fromkeys(e.event.item_id for e in entries if catalogue.find(e.event.item_id) is None))

    def _write(self, work: Callable[[Any], T]) -> T:
        return self.live.store.write(work).result(timeout=PATIENCE)


def _subject(user_id: str | None, session_id: str | None) -> str:
    if (user_id is None) == (session_id is None):
        raise BadInput("Give either user_id or session_id.")
    return user(user_id) if user_id is not None else session(str(session_id))


def _item_row(item: ItemIn) -> ItemRow:
    told = {"title": item.title} if item.title is not None else {}
    return ItemRow(item.item_id, told | (item.model_extra or {}), item.available)
