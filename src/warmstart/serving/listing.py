"""From what is known of somebody to the list that is shown."""

import time
from dataclasses import dataclass
from itertools import repeat
from math import isnan
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from warmstart.adaptation.explore import belief_of
from warmstart.adaptation.policy import Fallback, choose
from warmstart.adaptation.settings import PolicyConfig
from warmstart.core.errors import BadInput
from warmstart.core.histories import Floats
from warmstart.core.ranking import evidence_of, top_k
from warmstart.meta.index import top_items
from warmstart.meta.recommender import MetaRecommender
from warmstart.representation.context import Context
from warmstart.serving.answers import InExperiment, Recommendations, Recommended
from warmstart.serving.knowing import Known
from warmstart.serving.names import Place, list_name, place_in
from warmstart.serving.requests import MOST_RECOMMENDED, Ask

Indices = npt.NDArray[np.integer]
NEVER_LIKED = 0.01
"""Score that keeps an item which nobody likes from being near to everything."""


@dataclass(frozen=True, slots=True)
class Choice:
    """How lists are chosen, where a request does not say otherwise.

    Args:
        policy: how a list is made of scores.
        rng: of what is left to chance.
        experiment: what made it so.
    """

    policy: PolicyConfig
    rng: np.random.Generator
    experiment: InExperiment | None = None


class _Found(NamedTuple):
    """What is shown: indices in order, their scores, the probability of each; none where nothing was left to chance."""

    items: Indices
    scores: Floats
    propensities: Floats | None = None
    fallback: Fallback | None = None


def personal_scores(known: Known) -> Floats:
    """Return the scores of all items for somebody, float32 [items]."""
    return known.assortment.model.scores_of(known.folded.history, known.context)


def scores_beside(known: Known) -> Floats:
    """Return what a history of one item adds to the others, over the root of what they have without, float32 [items].

    So a film that everybody likes is near to none.
    """
    usual = known.assortment.popularity
    moved = known.assortment.model.scores_of(known.folded.history, Context()) - usual
    return np.asarray(moved / np.sqrt(np.maximum(usual, 0) + NEVER_LIKED), dtype=np.float32)


def listed(known: Known, ask: Ask, choice: Choice, started: float, scores: Floats | None = None) -> Recommendations:
    """Choose what is shown.

    Args:
        known: of whom it is for, as of the page before if there is one.
        ask: what the list should be like.
        choice: how to choose, where the request does not say otherwise.
        started: when the request came, in seconds of ``time.perf_counter``.
        scores: float32 [items]; None for her own, of very many items only those that an index finds.
    """
    policy = asked_policy(choice.policy, ask)
    if ask.after is None:
        found, end = _found(known, ask, policy, choice.rng, scores), ask.n
    else:
        found, end = _page(known, ask, policy, choice.rng, scores)
    return Recommendations(
        list_name(Place(known.version, end)),
        _rows(known, ask, found),
        evidence_of(len(known.folded)),
        known.version,
        known.assortment.served.version,
        found.fallback,
        known.degraded,
        1000 * (time.perf_counter() - started),
        choice.experiment,
    )


def _found(known: Known, ask: Ask, policy: PolicyConfig, rng: np.random.Generator, scores: Floats | None) -> _Found:
    plain = _is_plain(known, ask, policy)
    found = _searched(known, ask) if plain and scores is None else None
    if found is None:
        everything = personal_scores(known) if scores is None else scores
        found = _best(known, ask, everything) if plain else None
        found = found or _chosen(known, ask, everything, policy, rng)
    return found


def _page(
    known: Known, ask: Ask, policy: PolicyConfig, rng: np.random.Generator, scores: Floats | None
) -> tuple[_Found, int]:
    """Return the next page, and how far into the list it reaches; what she met since is passed over."""
    if policy.explore != "off":
        raise BadInput("after: a list that was left to chance has no next page. Ask with explore=off.")
    start = place_in(ask.after or "").shown
    if start + ask.n > MOST_RECOMMENDED:
        raise BadInput(f"after: a list ends after {MOST_RECOMMENDED} items. Narrow it with filter or allow.")
    wide = ask.model_copy(update={"n": start + ask.n + len(known.met_since)})
    whole = _found(known, wide, policy, rng, scores)
    fresh = np.flatnonzero(~np.isin(whole.items, known.met_since))
    rows = fresh[fresh >= start][: ask.n]
    end = min(int(rows[-1]) + 1, MOST_RECOMMENDED) if len(rows) else start
    return _Found(whole.items[rows], whole.scores[rows], None, whole.fallback), end


def _is_plain(known: Known, ask: Ask, policy: PolicyConfig) -> bool:
    """Whether the list is the ranking by score, less what she met: what most requests ask for."""
    narrowed = ask.filter or ask.allow is not None or ask.block or known.assortment.available is not None
    return not narrowed and policy.explore == "off" and not policy.diversity and policy.exclude_seen


def _searched(known: Known, ask: Ask) -> _Found | None:
    """Return the list as an index finds it; None where it cannot say what all items would."""
    assortment, model = known.assortment, known.assortment.model
    if not assortment.is_indexed or not isinstance(model, MetaRecommender):
        return None
    if known.context.text is not None or not len(known.folded):
        return None
    out = np.union1d(known.folded.seen, known.folded.history.items)
    items, scores = top_items(model, known.folded.history, known.context, ask.n, out)
    return _Found(items, scores) if len(items) == ask.n else None


def _best(known: Known, ask: Ask, scores: Floats) -> _Found | None:
    """Return the ranking by score; None where it is too short, for then the policy knows how to go on."""
    worth = scores.copy()
    worth[known.folded.seen] = -np.inf
    items = top_k(worth, ask.n)
    return _Found(items, scores[items]) if len(items) == ask.n else None


def _chosen(known: Known, ask: Ask, scores: Floats, policy: PolicyConfig, rng: np.random.Generator) -> _Found:
    assortment = known.assortment
    filters = assortment.shelves.filters(
        category=ask.filter,
        allow=ask.allow,
        block=ask.block,
        seen=known.folded.seen,
        available=assortment.available,
    )
    found = choose(
        scores,
        ask.n,
        filters,
        policy,
        popularity=assortment.popularity,
        belief=lambda: belief_of(assortment.model, known.folded.history),
        vectors=assortment.vectors if policy.diversity else None,
        rng=rng,
    )
    return _Found(found.items, found.scores, found.propensities, found.fallback)


def asked_policy(policy: PolicyConfig, ask: Ask) -> PolicyConfig:
    """Return how the server is set to choose, but for what a request asks otherwise."""
    if ask.explore is None and ask.diversity is None and ask.exclude_seen == policy.exclude_seen:
        return policy
    asked = {"explore": ask.explore, "diversity": ask.diversity, "exclude_seen": ask.exclude_seen}
    return policy.model_copy(update={name: value for name, value in asked.items() if value is not None})


def _rows(known: Known, ask: Ask, found: _Found) -> tuple[Recommended, ...]:
    catalogue = known.assortment.model.catalogue
    ids, titles = catalogue.item_ids, catalogue.titles
    shares = repeat(1.0, len(found.items)) if found.propensities is None else found.propensities.tolist()
    rows = zip(found.items.tolist(), found.scores.tolist(), shares, strict=True)
    return tuple(
        [
            Recommended(
                ids[item],
                titles[item],
                None if isnan(score) else score,
                propensity,
                known.reasons(ids[item]) if ask.explain else None,
            )
            for item, score, propensity in rows
        ]
    )
