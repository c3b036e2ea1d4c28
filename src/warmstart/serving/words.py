"""What the service says in words: what fits a search, what somebody likes, what an item is, why a list is so."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from warmstart.adaptation.feedback import Feedback
from warmstart.core.errors import BadInput
from warmstart.core.events import Event
from warmstart.core.histories import Histories
from warmstart.core.ranking import Ranking, evidence_of
from warmstart.explanation.facts import Facts, Met
from warmstart.explanation.gather import explanation_facts, personal_facts
from warmstart.explanation.lexicon import Language
from warmstart.explanation.writer import describe
from warmstart.meta.recommender import MetaRecommender
from warmstart.meta.taste_words import DECADE, stands_out
from warmstart.recommenders.profile import Explanation
from warmstart.serving.answers import Description, FactKind, Recommendations, Recommended, Taste, TasteFact
from warmstart.serving.item_facts import TenantShelf
from warmstart.serving.knowing import Known
from warmstart.serving.names import Place, list_name, place_in
from warmstart.serving.requests import MOST_RECOMMENDED, SearchIn

STATED = frozenset({"like", "dislike", "rating"})
"""Types of events by which somebody says that she likes something or not; after any other it is in her history."""


def searched(known: Known, ask: SearchIn) -> Recommendations:
    """Return what fits a text, what suits her first; nothing where nothing fits.

    Args:
        known: of whom it is for, as of the page before if there is one.
        ask: what to look for.

    Raises:
        NotExplainable: the model knows nothing of its items but who met them.
    """
    start = 0 if ask.after is None else place_in(ask.after).shown
    if start + ask.n > MOST_RECOMMENDED:
        raise BadInput(f"after: a list ends after {MOST_RECOMMENDED} items. Narrow it with filter or allow.")
    fitting = _allowed(known, ask, start + ask.n)
    rows = fitting[start : start + ask.n]
    return Recommendations(
        list_name(Place(known.version, start + len(rows))),
        tuple(rows),
        evidence_of(len(known.folded)),
        known.version,
        known.assortment.served.version,
        degraded=known.degraded,
    )


def _allowed(known: Known, ask: SearchIn, n: int) -> list[Recommended]:
    """Return the ``n`` best of what fits and may be shown."""
    assortment = known.assortment
    catalogue = assortment.model.catalogue
    filters = assortment.shelves.filters(
        category=ask.filter, allow=ask.allow, block=ask.block, available=assortment.available
    )
    mask = (filters.without(known.folded.seen) if ask.exclude_seen else filters).allowed()
    hidden = 0 if mask is None else int((~mask).sum())
    found = known.profile().search(ask.q, k=n + hidden)
    rows = zip(found.item_ids, found.titles, found.scores.tolist(), strict=True)
    shown = (row for row in rows if mask is None or mask[catalogue.index(row[0])])
    return [Recommended(*row) for row, _ in zip(shown, range(n), strict=False)]


def taste_in(known: Known) -> Taste:
    """Return in a sentence what stands out among what somebody likes, and the facts that it rests on.

    Raises:
        NotExplainable: the model knows nothing of its items but who met them.
    """
    model, profile = known.assortment.model, known.profile()
    text, liked = profile.taste(), profile.history
    told: tuple[TasteFact, ...] = ()
    if isinstance(model, MetaRecommender):
        liked = model.liked_of(liked)
        told = tuple(_told(model, liked))
    return Taste(text, told, len(liked.items), known.version, known.assortment.served.version, known.degraded)


def _told(model: MetaRecommender, liked: Histories) -> Iterator[TasteFact]:
    """Yield what a sentence about a taste names, each with how it stands among her likes and everybody's."""
    sentence = model.learned.sentence
    if sentence is None:
        return
    found = stands_out(sentence, liked.items, liked.weights)
    names, usual = () if sentence.labels is None else sentence.labels.names, sentence.usual()
    carried = sentence.carried[liked.items].toarray() > 0
    for label in found.labels:
        yield _fact(model, liked, ("label", names[label], float(usual[label])), carried[:, label])
    if found.decade:
        decades, popularity = sentence.titles.years // DECADE * DECADE, sentence.popularity
        in_it = decades == found.decade
        share = float(popularity[in_it].sum()) / max(float(popularity[decades > 0].sum()), 1e-12)
        yield _fact(model, liked, ("decade", f"{found.decade}s", share), in_it[liked.items])


def _fact(
    model: MetaRecommender, liked: Histories, about: tuple[FactKind, str, float], carried: npt.NDArray[np.bool_]
) -> TasteFact:
    kind, name, usual = about
    weights = np.ones(len(liked.items), dtype=np.float32) if liked.weights is None else liked.weights
    share = float(weights[carried].sum()) / max(float(weights.sum()), 1e-12)
    ids = tuple(str(model.catalogue.item_ids[item]) for item in liked.items[carried].tolist())
    return TasteFact(kind, name, share, usual, ids)


@dataclass(frozen=True, slots=True)
class Teller:
    """Says why, in sentences that templates make of facts.

    Args:
        known: who is told.
        shelf: the facts of the items.
        stated: ids of the items that she said she likes or not, None for all; of any other event the text says only
            that the item is in her history, for whoever bought or opened something may not like it.
        language: of the texts.
    """

    known: Known
    shelf: TenantShelf
    stated: frozenset[str] | None
    language: Language

    def of_list(self, found: Recommendations) -> str:
        """Return why a list is suggested; empty for one without scores."""
        rows = [row for row in found.items if row.score is not None]
        if not rows:
            return ""
        ids, titles = [row.item_id for row in rows], [row.title for row in rows]
        scores, source = np.zeros(len(ids), dtype=np.float32), self.known.assortment.model.name
        ranking = Ranking(ids, titles, scores, source, evidence_of(len(self.known.folded)))
        return self._said(personal_facts(self.known.profile(), ranking, self.shelf))

    def of_score(self, why: Explanation) -> str:
        """Return an explanation in a sentence or two."""
        return self._said(explanation_facts(self.known.profile(), why, self.shelf))

    def _said(self, facts: Facts) -> str:
        unstated = frozenset(map(self.shelf.item, self._unstated()))

        def met(one: Met) -> Met:
            return Met(one.item, "met") if one.item in unstated else one

        reasons = (one if one.met is None else replace(one, met=met(one.met)) for one in facts.reasons)
        told = replace(facts, events=tuple(map(met, facts.events)), reasons=tuple(reasons))
        return describe(told, language=self.language).text

    def _unstated(self) -> Iterator[int]:
        ids, stated = self.shelf.catalogue.item_ids, self.stated
        if stated is not None:
            yield from (item for item in self.known.folded.history.items.tolist() if str(ids[item]) not in stated)


def described(shelf: TenantShelf, item_id: str, language: Language, model_version: str) -> Description:
    """Return what an item is, in a sentence or two of a template."""
    text = describe(shelf.describing_put(item_id), language=language).text
    return Description(item_id, language, text, model_version)


def stated_in(events: Iterable[Event], feedback: Feedback) -> frozenset[str]:
    """Return the items of which somebody said whether she likes them, and did nothing else that counts.

    Example:
        >>> from warmstart.adaptation.feedback import Feedback
        >>> from warmstart.core.events import Event
        >>> from warmstart.serving.words import stated_in
        >>> said = [("1", "heat", "like"), ("2", "alien", "rating"), ("3", "alien", "click"), ("4", "up", "purchase")]
        >>> sorted(stated_in([Event(*one, 0.0) for one in said], Feedback()))
        ['heat']
    """
    counting = [event for event in events if feedback.kind(event.type).weight]
    done = {event.item_id for event in counting if event.type not in STATED}
    return frozenset({event.item_id for event in counting} - done)
