"""A person as a value: an immutable history bound to a recommender."""

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Literal, Protocol, Self, runtime_checkable

import numpy as np

from warmstart.core.errors import BadInput, NotExplainable
from warmstart.core.histories import Floats, Histories
from warmstart.core.ranking import Ranking, evidence_of, top_k
from warmstart.data.catalogue import Catalogue
from warmstart.representation.context import Context


class Scorer(Protocol):
    """What a profile needs of a recommender."""

    @property
    def name(self) -> str:
        """What rankings call it."""
        ...

    @property
    def catalogue(self) -> Catalogue:
        """The items that can be recommended."""
        ...

    def scores_of(self, history: Histories, context: Context) -> Floats:
        """Score all items for one history, float32 [n_items]."""
        ...


@runtime_checkable
class Explains(Protocol):
    """A recommender whose score is a sum of contributions."""

    def contributions(self, history: Histories, context: Context, item: int) -> "list[Contribution]":
        """Return contributions that add up to the item's score: one an event, one an attribute, the prior."""
        ...


@runtime_checkable
class TellsTaste(Protocol):
    """A recommender that can say in words what somebody likes."""

    def taste_of(self, history: Histories) -> str:
        """Return a sentence that ``text=`` reads; empty where nothing stands out."""
        ...


@runtime_checkable
class Finds(Protocol):
    """A recommender that can search its items by what they are called and what they are."""

    def relevance_of(self, text: str) -> Floats:
        """Return how well each item fits a text, float32 [n_items]; about 1 for one that does, 0 where it does not."""
        ...


PERSONAL = 1.0
"""What being the best of all items for a person adds to an item's relevance in a search; see benchmarks/search.py."""


@dataclass(frozen=True, slots=True)
class Contribution:
    """What one piece of evidence adds to a score; ``item`` is the index of the event's item."""

    kind: Literal["prior", "event", "attribute", "text"]
    name: str
    amount: float
    item: int | None = None


@dataclass(frozen=True, slots=True)
class Explanation:
    """Why an item has its score: contributions that sum to it, largest first."""

    item_id: Any
    title: str
    score: float
    contributions: tuple[Contribution, ...]

    def __iter__(self) -> Iterator[Contribution]:
        return iter(self.contributions)


@dataclass(frozen=True)
class Profile:
    """A person as a value: ``observe`` and ``forget`` return new profiles, the old one never changes.

    An item occurs once; a later event on it takes the earlier one's place. ``weights`` say how much of each event
    counts, 0 to 1, nothing means that all count whole; a recommender that grades no evidence does not read them.

    Example:
        >>> import warmstart as ws
        >>> model = ws.recommender("popularity").fit(ws.load_dataset("movielens-small"))
        >>> before = model.profile()
        >>> after = before.observe(1, 5.0)
        >>> len(before), len(after), after.forget(1) == before
        (0, 1, True)
    """

    scorer: Scorer
    items: tuple[int, ...] = ()
    values: tuple[float, ...] = ()
    times: tuple[float, ...] = ()
    context: Context = Context()
    ignored: tuple[Any, ...] = ()
    weights: tuple[float, ...] = ()

    @classmethod
    def start(cls, scorer: Scorer, history: Histories, context: Context, ignored: tuple[Any, ...] = ()) -> Self:
        """Begin from one history in internal form."""
        times = [math.nan] * len(history.items) if history.times is None else history.times.tolist()
        weights = [1.0] * len(times) if history.weights is None else history.weights.tolist()
        events = zip(history.items.tolist(), history.values.tolist(), times, weights, strict=True)
        latest: dict[int, tuple[int, float, float, float]] = {}
        for event in events:
            latest.pop(event[0], None)
            latest[event[0]] = event
        items, values, kept, parts = zip(*latest.values(), strict=True) if latest else ((), (), (), ())
        return cls(scorer, items, values, kept, context, ignored, () if history.weights is None else parts)

    def __len__(self) -> int:
        return len(self.items)

    def observe(self, item: Any, value: float | None = None, timestamp: float | None = None) -> "Profile":
        """Return the profile with one more event; no value means a like, no timestamp means now, after all others."""
        catalogue = self.scorer.catalogue
        index, worth = catalogue.index(item), catalogue.checked_value(value)
        rest = self._without(index) if index in self.items else self
        when = _checked_time(timestamp)
        later = (place for place, time in enumerate(rest.times) if not (math.isnan(when) or time <= when))
        place = next(later, len(rest.items))
        return Profile(
            self.scorer,
            (*rest.items[:place], index, *rest.items[place:]),
            (*rest.values[:place], worth, *rest.values[place:]),
            (*rest.times[:place], when, *rest.times[place:]),
            self.context,
            self.ignored,
            (*rest.weights[:place], 1.0, *rest.weights[place:]) if rest.weights else (),
        )

    def forget(self, item: Any) -> "Profile":
        """Return the profile without the events on ``item``; the same profile if there are none."""
        index = self.scorer.catalogue.index(item)
        return self._without(index) if index in self.items else self

    @cached_property
    def scores(self) -> Floats:
        """Scores of all items, float32 [n_items]; computed once."""
        return self.scorer.scores_of(self.history, self.context)

    @property
    def history(self) -> Histories:
        """The events in internal form, one row."""
        known_times = bool(self.times) and not any(map(math.isnan, self.times))
        return Histories(
            np.array([0, len(self.items)], dtype=np.int64),
            np.array(self.items, dtype=np.int32),
            np.array(self.values, dtype=np.float32),
            np.array(self.times, dtype=np.float64) if known_times else None,
            np.array(self.weights, dtype=np.float32) if self.weights else None,
        )

    def recommend(self, k: int = 10, *, candidates: Iterable[Any] | None = None, exclude_seen: bool = True) -> Ranking:
        """Return the ``k`` best items.

        Args:
            k: how many, at least 1; more than there are gives what there is.
            candidates: item ids to choose from; None means the whole catalogue.
            exclude_seen: leave out items of the history.
        """
        count = _checked_count(k)
        catalogue, scores = self.scorer.catalogue, self._allowed(candidates, exclude_seen)
        best = top_k(scores, count)
        return Ranking(
            [catalogue.item_ids[item] for item in best],
            [catalogue.titles[item] for item in best],
            scores[best],
            self.scorer.name,
            evidence_of(len(self)),
            self.ignored,
        )

    def explain(self, item: Any) -> Explanation:
        """Return the exact contribution of each event, attribute and the prior to the item's score."""
        if not isinstance(self.scorer, Explains):
            raise NotExplainable(f"The score of {self.scorer.name!r} is no sum of contributions. Use MetaRecommender.")
        catalogue = self.scorer.catalogue
        index = catalogue.index(item)
        parts = self.scorer.contributions(self.history, self.context, index)
        ordered = tuple(sorted(parts, key=lambda part: -abs(part.amount)))
        score = float(self.scores[index])
        return Explanation(catalogue.item_ids[index], catalogue.titles[index], score, ordered)

    def search(self, text: str, k: int = 10) -> Ranking:
        """Return the items that fit a text, those that suit this person first; none where nothing fits.

        Args:
            text: words of a title, labels such as a genre, years.
            k: how many, at least 1.

        Raises:
            NotExplainable: the recommender knows nothing of its items but who met them.

        Example:
            >>> import warmstart as ws
            >>> model = ws.MetaRecommender(tune=False, values=False).fit(ws.load_dataset("movielens-small"))
            >>> model.profile(history=[260]).search("empire strikes back", k=1).titles
            ['Star Wars: Episode V - The Empire Strikes Back (1980)']
            >>> len(model.profile().search("xqzzvkw"))
            0
        """
        count = _checked_count(k)
        if not isinstance(self.scorer, Finds):
            raise NotExplainable(f"{self.scorer.name!r} has no words for its items. Use the recommender 'meta'.")
        fits = self.scorer.relevance_of(text)
        found = np.flatnonzero(fits > 0)
        suits = np.empty(len(found), dtype=np.float32)
        suits[np.argsort(self.scores[found], kind="stable")] = np.arange(1, len(found) + 1) / max(len(found), 1)
        worth = fits[found] + np.float32(PERSONAL) * suits
        best = top_k(worth, count)
        items, catalogue = found[best].tolist(), self.scorer.catalogue
        ids, titles = [catalogue.item_ids[item] for item in items], [catalogue.titles[item] for item in items]
        return Ranking(ids, titles, worth[best], self.scorer.name, evidence_of(len(self)), self.ignored)

    def taste(self) -> str:
        """Return in a sentence what stands out among what this person likes; empty where nothing does.

        She may change it, and what she makes of it can be given back as ``text=``.

        Raises:
            NotExplainable: the recommender knows nothing of its items but who met them.

        Example:
            >>> import warmstart as ws
            >>> model = ws.MetaRecommender(tune=False, values=False).fit(ws.load_dataset("movielens-small"))
            >>> model.profile(history=[588, 364, 594, 595]).taste()
            'I like Musical and Animation.'
        """
        if not isinstance(self.scorer, TellsTaste):
            raise NotExplainable(f"{self.scorer.name!r} has no words for a taste. Use the recommender 'meta'.")
        return self.scorer.taste_of(self.history)

    def _without(self, index: int) -> "Profile":
        keep = [place for place, item in enumerate(self.items) if item != index]
        return replace(
            self,
            items=tuple(self.items[place] for place in keep),
            values=tuple(self.values[place] for place in keep),
            times=tuple(self.times[place] for place in keep),
            weights=tuple(self.weights[place] for place in keep) if self.weights else (),
        )

    def _allowed(self, candidates: Iterable[Any] | None, exclude_seen: bool) -> Floats:
        scores = self.scores
        if isinstance(candidates, str | bytes):
            raise BadInput(f"candidates is a list of item ids; came: {candidates!r}. Put it in a list.")
        if candidates is not None:
            chosen = [self.scorer.catalogue.index(item) for item in candidates]
            masked = np.full_like(scores, -np.inf)
            masked[chosen] = scores[chosen]
            scores = masked
        if exclude_seen and self.items:
            scores = scores.copy()
            scores[list(self.items)] = -np.inf
        return scores


def _checked_count(k: Any) -> int:
    if isinstance(k, bool) or not isinstance(k, int | np.integer) or k < 1:
        raise BadInput(f"k must be a whole number of at least 1; came: {k!r}.")
    return int(k)


def _checked_time(timestamp: Any) -> float:
    if timestamp is None:
        return math.nan
    if not isinstance(timestamp, int | float | np.number) or not math.isfinite(timestamp):
        raise BadInput(f"A timestamp is a finite number of seconds since 1970; came: {timestamp!r}.")
    return float(timestamp)
