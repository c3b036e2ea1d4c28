"""What is known of somebody right now: her events folded, kept warm, and checked against the store each time."""

import logging
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from warmstart.adaptation.drift import faded
from warmstart.adaptation.fold import Folded, fold
from warmstart.core.errors import BadInput, NotExplainable, StoreUnavailable, WarmstartError
from warmstart.core.events import Event
from warmstart.recommenders.base import Recommender
from warmstart.recommenders.profile import Explains, Profile
from warmstart.representation.context import Context
from warmstart.serving.answers import Reason
from warmstart.serving.assortment import Assortment
from warmstart.serving.assortments import Assortments
from warmstart.serving.profiles import Profiles, Warm
from warmstart.serving.requests import SENTENCE, PersonIn, history_of, sentence_in
from warmstart.serving.settings import LiveConfig
from warmstart.serving.shelf import Shelf
from warmstart.serving.store import kept, log
from warmstart.serving.store.entries import State
from warmstart.serving.store.store import Store

LOG = logging.getLogger(__name__)
MOST_DRIFTING = 20_000
"""Items beyond which no change of taste is looked for: it takes a dozen rankings of all of them."""
SECONDS_BETWEEN_LOOKS = 0.25
"""How often a process asks the store whether another model was activated."""


Indices = npt.NDArray[np.integer]
_NOTHING: Indices = np.zeros(0, dtype=np.int32)


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of somebody at one moment.

    Args:
        assortment: what can be recommended to her, and the model.
        folded: her events.
        context: her attributes and sentence.
        version: of her state in the store; 0 for somebody without one.
        degraded: the store did not answer.
        subject: her name in the store; empty for somebody who is not kept.
        met_since: items met after the moment that is asked about, if it is not now.
    """

    assortment: Assortment
    folded: Folded
    context: Context
    version: int
    degraded: bool = False
    subject: str = ""
    met_since: Indices = field(default_factory=lambda: _NOTHING)

    def profile(self) -> Profile:
        """Return her profile over the model."""
        return Profile.start(self.assortment.model, self.folded.history, self.context)

    def reasons(self, item_id: Any) -> tuple[Reason, ...]:
        """Return what adds up to an item's score, largest first.

        Raises:
            NotExplainable: the model's score is no sum.
        """
        model = self.assortment.model
        catalogue = model.catalogue
        if not isinstance(model, Explains):
            raise NotExplainable(f"The score of {model.name!r} is no sum of contributions. Serve a MetaRecommender.")
        found = model.contributions(self.folded.history, self.context, catalogue.index(item_id))
        parts = sorted(found, key=lambda part: -abs(part.amount))
        ids = [None if part.item is None else str(catalogue.item_ids[part.item]) for part in parts]
        return tuple(Reason(part.kind, part.name, part.amount, name) for part, name in zip(parts, ids, strict=True))


def looks_for_drift(config: LiveConfig, model: Recommender) -> bool:
    """Whether changes of taste are looked for."""
    return config.notice_drift and len(model.catalogue) <= MOST_DRIFTING


def read_attributes(model: Recommender, attributes: Mapping[str, Any]) -> Context:
    """Return what a model reads of somebody's attributes; those that it does not know, or cannot read, say nothing.

    They were kept before this model was trained, or are kept for other ends: no reason to refuse her an answer.
    """
    if not attributes or model.context_encoder is None:
        return Context()
    try:
        return model.encode([attributes], None)
    except BadInput:
        readable = {name: value for name, value in attributes.items() if _is_read(model, name, value)}
        return model.encode([readable], None) if readable else Context()


def _is_read(model: Recommender, name: str, value: Any) -> bool:
    try:
        model.encode([{name: value}], None)
    except BadInput:
        return False
    return True


@dataclass
class Knowledge:
    """Finds out what is known of people.

    The version of a state is read before its events, so what is kept under a version is never older than it says.

    Args:
        shelf: the models.
        store: the log of events.
        config: how events are read.
        drifted: how many times a profile was folded in which a change of taste was noticed.
        assortments: the models with each tenant's own items.
        choosing: held while it is settled which model answers.
    """

    shelf: Shelf
    store: Store
    config: LiveConfig
    profiles: Profiles = field(default_factory=Profiles)
    drifted: int = 0
    choosing: threading.Lock = field(default_factory=threading.Lock)
    assortments: Assortments = field(init=False)
    _next_look: float = 0.0
    _degraded: bool = False

    def __post_init__(self) -> None:
        self.assortments = Assortments(self.shelf, self.store)

    def known(self, tenant: str, subject: str, until: int = log.LAST) -> Known:
        """Return what is known of a subject, or was at the version ``until``.

        When the store does not answer it is what it last said of her.
        """
        try:
            self.look_for_model()
            state, items_version, erased = log.states(self.store.database, tenant, subject)
            if state.merged_into is not None:
                subject = state.merged_into
                state, items_version, erased = log.states(self.store.database, tenant, subject)
            self.profiles.erased(tenant, erased)
            found = self._current(tenant, subject, state, self.assortments.of(tenant, items_version))
            if until < state.version:
                found = self._as_of(tenant, found, until)
        except StoreUnavailable:
            self._tell(degraded=True)
            return self._remembered(tenant, subject)
        if self._degraded:
            self._tell(degraded=False)
        return found

    def _tell(self, *, degraded: bool) -> None:
        """Log it when the store falls silent and when it answers again, not for every answer between."""
        if degraded and not self._degraded:
            LOG.warning("the store does not answer; going on with what is in memory")
        elif self._degraded and not degraded:
            LOG.warning("the store answers again")
        self._degraded = degraded

    def described(self, tenant: str, person: PersonIn) -> Known:
        """Return what a request says of somebody who is not kept."""
        assortment, degraded = self.assortment(tenant)
        profile = assortment.model.profile(history_of(person.history), user=person.user, text=person.text)
        history = profile.history
        return Known(assortment, Folded(history, history.items), profile.context, 0, degraded)

    def assortment(self, tenant: str) -> tuple[Assortment, bool]:
        """Return what a tenant's users can be recommended now, and whether the store did not answer."""
        try:
            self.look_for_model()
            _, items_version, _ = log.states(self.store.database, tenant, "")
            return self.assortments.of(tenant, items_version), False
        except StoreUnavailable:
            return self.assortments.latest(tenant), True

    def events(self, tenant: str, subject: str) -> list[Event]:
        """Return the events that a profile rests on, newest first; none while the store does not answer."""
        try:
            return log.newest(self.store.database, tenant, subject, self.config.feedback.most_events)
        except StoreUnavailable:
            return []

    def take_active_model(self) -> None:
        """Take over the model that was activated last before the first answer; one that is no good changes nothing."""
        wanted = next((row for row in self.store.read(kept.models) if row.activated is not None), None)
        if wanted is not None and wanted.version != self.shelf.present.version:
            try:
                self.shelf.swap(wanted.version, wanted.path)
            except (WarmstartError, OSError):
                LOG.exception("model %s cannot be loaded; %s answers", wanted.version, self.shelf.present.version)

    def look_for_model(self) -> None:
        """Take over the model that was activated last, if another one was; a model that is no good changes nothing."""
        now = time.monotonic()
        if now < self._next_look:
            return
        self._next_look = now + SECONDS_BETWEEN_LOOKS
        if not self.choosing.acquire(blocking=False):
            return  # somebody activates one right now, and what the store said a moment ago is no news
        try:
            wanted = next((row for row in self.store.read(kept.models) if row.activated is not None), None)
            if wanted is not None and wanted.version != self.shelf.present.version:
                self.shelf.swap_later(wanted.version, wanted.path)
        finally:
            self.choosing.release()

    def _current(self, tenant: str, subject: str, state: State, assortment: Assortment) -> Known:
        warm = self.profiles.get(tenant, subject)
        if warm is None or warm.version != state.version or warm.catalogue != assortment.name:
            warm = self._folded(tenant, subject, state, assortment)
            if state.version:
                self.profiles.put(tenant, subject, warm)
        folded = self.profiles.opened(tenant, subject, warm)
        return Known(
            assortment, folded, self._context(tenant, subject, warm, assortment), state.version, subject=subject
        )

    def _context(self, tenant: str, subject: str, warm: Warm, assortment: Assortment) -> Context:
        """Return her attributes and her sentence as the model reads them."""
        return self.profiles.spoken(tenant, subject, warm, lambda text: assortment.model.encode(None, [text]))

    def _as_of(self, tenant: str, now: Known, until: int) -> Known:
        """Return what was known at a version, but for undone events and attributes, which are those of today."""
        most = self.config.feedback.most_events
        events = log.newest(self.store.database, tenant, now.subject, most, until)
        then = self._of_today(fold(events, now.assortment.model.catalogue, self.config.feedback), now.assortment)
        return replace(now, folded=then, version=until, met_since=np.setdiff1d(now.folded.seen, then.seen))

    def _folded(self, tenant: str, subject: str, state: State, assortment: Assortment) -> Warm:
        feedback, events = self.config.feedback, list[Event]()
        if state.version:
            events = log.newest(self.store.database, tenant, subject, feedback.most_events)
        folded = self._of_today(fold(events, assortment.model.catalogue, feedback), assortment)
        attributes, model = state.attributes or {}, assortment.model
        sentence = "" if SENTENCE in model.attribute_names else sentence_in(attributes)
        told = {name: value for name, value in attributes.items() if name != SENTENCE} if sentence else attributes
        return Warm.of(state.version, assortment.name, folded, read_attributes(model, told), sentence)

    def _of_today(self, folded: Folded, assortment: Assortment) -> Folded:
        """Let what came before a change of taste fade."""
        if not looks_for_drift(self.config, assortment.model):
            return folded
        history = faded(assortment.model, folded.history, self.config.drift)
        if history is folded.history:
            return folded
        self.drifted += 1
        return replace(folded, history=history)

    def _remembered(self, tenant: str, subject: str) -> Known:
        assortment = self.assortments.latest(tenant)
        warm = self.profiles.get(tenant, subject)
        if warm is None or warm.catalogue != assortment.name:
            empty = fold([], assortment.model.catalogue, self.config.feedback)
            return Known(assortment, empty, Context(), 0, degraded=True, subject=subject)
        context = self._context(tenant, subject, warm, assortment)
        return Known(assortment, warm.folded(), context, warm.version, degraded=True, subject=subject)
