"""From scores to the list that is shown: filters, exploration, diversity, and never an empty answer."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from warmstart.adaptation.diversity import spread_out
from warmstart.adaptation.explore import Belief, belief_of, best_of_each, candidates_of, shares_of_lists
from warmstart.adaptation.filters import Filters, Mask
from warmstart.adaptation.settings import PolicyConfig
from warmstart.core.errors import BadInput
from warmstart.core.histories import Floats
from warmstart.core.ranking import top_k
from warmstart.meta.posterior import item_vectors
from warmstart.meta.recommender import MetaRecommender
from warmstart.recommenders.base import Recommender
from warmstart.recommenders.profile import Profile

Ints = npt.NDArray[np.int64]
Fallback = Literal["popular", "seen", "category", "allow", "nothing"]
FARTHEST = np.float32(1e30)
"""Scores are cut to this size before they are set against similarities."""


@dataclass(frozen=True, slots=True)
class Chosen:
    """The list that a policy decided on.

    Args:
        items: int32 [k], indices in the order to be shown; fewer than k where the filters leave fewer.
        scores: float32 [k], the model's scores, before exploration; NaN where it gave none.
        propensities: float32 [k], probability of each item to be in this list; 1 where nothing is left to chance.
        seen: bool [k], what the person met before.
        fallback: how far the policy had to go: ``popular`` (items without a score), ``seen`` (items met before),
            ``category`` or ``allow`` (that filter was let go), ``nothing`` (all is blocked or out of stock); None if
            the scores and filters sufficed.
    """

    items: npt.NDArray[np.int32]
    scores: Floats
    propensities: Floats
    seen: Mask
    fallback: Fallback | None = None

    def __len__(self) -> int:
        return len(self.items)


def choose(
    scores: Floats,
    k: int,
    filters: Filters | None = None,
    config: PolicyConfig | None = None,
    *,
    popularity: Floats | None = None,
    belief: Callable[[], Belief] | None = None,
    vectors: Floats | None = None,
    rng: np.random.Generator | None = None,
) -> Chosen:
    """Choose the list that is shown: filters, then scores (explored or not), then diversity, then the first ``k``.

    Args:
        scores: float32 [n_items], the model's; NaN and ``-inf`` mean that it says nothing of an item.
        k: how many, at least 1.
        filters: what may be shown; None for everything.
        config: how to choose; None for the ranking by score.
        popularity: float32 [n_items], what fills a list that is short; None fills in order of index.
        belief: asked for how far the scores may be off, only where something is explored.
        vectors: float32 [n_items, r] of length 1 or 0, whose products say how alike two items are; read for diversity.
        rng: source of chance, only read by ``thompson``.

    Raises:
        BadInput: k is less than 1, or what the configuration asks for was not handed in.

    Example:
        >>> import numpy as np
        >>> from warmstart.adaptation.filters import Filters
        >>> from warmstart.adaptation.policy import choose
        >>> scores = np.array([0.1, 0.9, 0.5, np.nan], dtype=np.float32)
        >>> choose(scores, 2, Filters(4).met([1])).items.tolist()
        [2, 0]
        >>> short = choose(scores, 4, Filters(4).without([0]).met([1]))
        >>> short.items.tolist(), short.seen.tolist(), short.fallback
        ([2, 3, 1], [False, False, True], 'seen')
    """
    config, filters = config or _DEFAULT, filters or Filters(len(scores))
    _check(scores, k, filters, config, belief, vectors, rng)
    mask, let_go = filters.relaxed()
    seen = filters.seen if filters.seen is not None else _NONE
    worth = _worth(scores, mask, seen if config.exclude_seen else _NONE)
    items, shares = _best(worth, k, config, belief, vectors, rng)
    reached: Fallback | None = let_go
    if len(items) < k and (config.fill or not len(items)):
        more, cause = _fill(k - len(items), items, mask, seen, popularity, len(scores))
        items, reached = np.concatenate([items, more]), let_go or cause
        shares = np.concatenate([shares, np.ones(len(more), dtype=np.float32)])
    given = scores[items].astype(np.float32, copy=False)
    given = np.where(np.isfinite(given), given, np.float32(np.nan))
    return Chosen(items.astype(np.int32), given, shares, (items[:, None] == seen).any(axis=1), reached)


@dataclass(frozen=True)
class Policy:
    """A policy bound to a model: everything that does not depend on the request is worked out once.

    Args:
        model: a fitted recommender.
        config: how to choose.
        popularity: float32 [n_items], what the model says to nobody in particular.
        vectors: float32 [n_items, r], what items are like; None where nothing is made diverse.

    Example:
        >>> import warmstart as ws
        >>> from warmstart.adaptation.filters import Filters
        >>> from warmstart.adaptation.policy import Policy
        >>> data = ws.load_dataset("movielens-small")
        >>> model = ws.recommender("popularity").fit(data)
        >>> policy, person = Policy.of(model), model.profile([356])
        >>> found = policy.choose(person, k=2)
        >>> [model.catalogue.titles[item] for item in found.items], found.propensities.tolist()
        (['Shawshank Redemption, The (1994)', 'Pulp Fiction (1994)'], [1.0, 1.0])
        >>> only = Filters(data.n_items).met(person.items).only(person.items)
        >>> policy.choose(person, k=2, filters=only).fallback
        'seen'
    """

    model: Recommender
    config: PolicyConfig
    popularity: Floats
    vectors: Floats | None = None

    @classmethod
    def of(cls, model: Recommender, config: PolicyConfig | None = None, vectors: Floats | None = None) -> "Policy":
        """Bind a policy; raises ``BadInput`` at once where the model cannot do what it asks for.

        Args:
            model: a fitted recommender.
            config: how to choose; None for the ranking by score.
            vectors: float32 [n_items, r] of length 1 or 0, what items are like; None takes what the model knows.
        """
        config = config or _DEFAULT
        stranger = model.profile()
        if config.explore != "off":
            belief_of(model, stranger.history)
        if config.diversity and vectors is None:
            vectors = vectors_of(model)
        return cls(model, config, stranger.scores, vectors)

    def choose(
        self,
        profile: Profile,
        k: int = 10,
        filters: Filters | None = None,
        rng: np.random.Generator | None = None,
    ) -> Chosen:
        """Choose a list for one person; without filters only what is in her profile counts as met before."""
        filters = filters or Filters(len(self.popularity)).met(profile.items)
        return choose(
            profile.scores,
            k,
            filters,
            self.config,
            popularity=self.popularity,
            belief=lambda: belief_of(self.model, profile.history),
            vectors=self.vectors,
            rng=rng,
        )


def vectors_of(model: Recommender) -> Floats:
    """Return what a model knows of how alike items are, float32 [n_items, r]; raises ``BadInput`` if it is nothing."""
    tastes = model.learned.prior.tastes if isinstance(model, MetaRecommender) else None
    if tastes is None:
        raise BadInput(f"{model.name!r} does not know which items are alike. Hand in vectors, or set diversity to 0.")
    return item_vectors(tastes)


def _best(
    worth: Floats,
    k: int,
    config: PolicyConfig,
    belief: Callable[[], Belief] | None,
    vectors: Floats | None,
    rng: np.random.Generator | None,
) -> tuple[Ints, Floats]:
    """Return the best items by index, at most k, and the probability of each to be among them."""
    if config.explore == "off" and not config.diversity:
        found = top_k(worth, k)
        return found, np.ones(len(found), dtype=np.float32)
    among, hoped = _hoped(worth, max(config.candidates, 2 * k), config, belief, rng)
    k = min(k, len(among))
    if not k:
        return among, np.zeros(0, dtype=np.float32)
    if vectors is None or not config.diversity:
        lists = best_of_each(hoped, k)
    else:
        lists = spread_out(hoped, vectors[among], k, config.diversity)
    shown = lists[0 if rng is None or len(lists) == 1 else int(rng.integers(len(lists)))]
    return among[shown], shares_of_lists(lists, len(among))[shown]


def _hoped(
    worth: Floats,
    n: int,
    config: PolicyConfig,
    belief: Callable[[], Belief] | None,
    rng: np.random.Generator | None,
) -> tuple[Ints, Floats]:
    """Return the candidates by index and what each list goes by, float32 [lists, candidates]."""
    if belief is None or config.explore == "off":
        among = top_k(worth, n)
        return among, np.minimum(worth[among], FARTHEST)[None]
    believed, bold = belief(), np.float32(config.boldness)
    among, spread = candidates_of(worth, n, believed, config.boldness)
    known = np.minimum(worth[among], FARTHEST)
    if config.explore == "ucb" or rng is None:
        return among, (known + bold * spread)[None]
    return among, known + bold * believed.draws(config.draws, among, rng)


def _worth(scores: Floats, mask: Mask | None, seen: npt.NDArray[np.integer]) -> Floats:
    """Return the scores with ``-inf`` for what may not be shown and what has no score."""
    worth = scores.copy() if mask is None else np.where(mask, scores, np.float32(-np.inf))
    silent = np.isnan(worth)
    if silent.any():
        worth[silent] = -np.inf
    worth[seen] = -np.inf
    return worth


def _fill(
    n: int,
    taken: Ints,
    mask: Mask | None,
    seen: npt.NDArray[np.integer],
    popularity: Floats | None,
    n_items: int,
) -> tuple[Ints, Fallback | None]:
    """Return up to ``n`` further items, popular ones first and those met before last, and how far that went."""
    liked = np.zeros(n_items, dtype=np.float32) if popularity is None else np.nan_to_num(popularity)
    liked = liked if mask is None else np.where(mask, liked, np.float32(-np.inf))
    liked = liked.astype(np.float32)
    liked[taken] = -np.inf
    again = np.full(n_items, -np.inf, dtype=np.float32)
    again[seen] = liked[seen]
    liked[seen] = -np.inf
    fresh = top_k(liked, n)
    known = top_k(again, n - len(fresh))
    cause: Fallback | None = "seen" if len(known) else "popular" if len(fresh) else None
    return np.concatenate([fresh, known]), cause


def _check(
    scores: Floats,
    k: Any,
    filters: Filters,
    config: PolicyConfig,
    belief: Callable[[], Belief] | None,
    vectors: Floats | None,
    rng: np.random.Generator | None,
) -> None:
    if isinstance(k, bool) or not isinstance(k, int | np.integer) or k < 1:
        raise BadInput(f"k must be a whole number of at least 1; came: {k!r}.")
    if filters.n_items != len(scores):
        raise BadInput(f"The filters are of {filters.n_items} items, the scores of {len(scores)}.")
    if config.explore != "off" and belief is None:
        raise BadInput("To explore, hand in what is believed of the person, or set explore to 'off'.")
    if config.explore == "thompson" and rng is None:
        raise BadInput("Drawing from the posterior needs a source of chance: hand in rng.")
    if config.diversity and vectors is None:
        raise BadInput("To choose items unlike each other, hand in their vectors, or set diversity to 0.")


_DEFAULT = PolicyConfig()
_NONE = np.zeros(0, dtype=np.int64)
