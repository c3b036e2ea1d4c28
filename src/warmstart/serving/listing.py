"""From what is known of somebody to the list that is shown."""

import time
import uuid

import numpy as np

from warmstart.adaptation.explore import belief_of
from warmstart.adaptation.policy import Chosen, PolicyConfig, choose
from warmstart.core.histories import Floats
from warmstart.core.ranking import evidence_of
from warmstart.meta.index import top_items
from warmstart.meta.recommender import MetaRecommender
from warmstart.representation.context import Context
from warmstart.serving.answers import Recommendations, Recommended
from warmstart.serving.knowing import Known
from warmstart.serving.requests import Ask

NEVER_LIKED = 0.01
"""Score that keeps an item which nobody likes from being near to everything."""


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


def listed(
    known: Known, ask: Ask, scores: Floats | None, policy: PolicyConfig, rng: np.random.Generator, started: float
) -> Recommendations:
    """Choose what is shown.

    Args:
        known: of whom it is for.
        ask: what the list should be like.
        scores: float32 [items]; None for her own, of very many items only those that an index finds.
        policy: how the server is set to choose, where the request does not say otherwise.
        rng: of what is left to chance.
        started: when the request came, in seconds of ``time.perf_counter``.
    """
    policy = asked_policy(policy, ask)
    chosen = _searched(known, ask, policy) if scores is None else None
    if chosen is None:
        chosen = _chosen(known, ask, personal_scores(known) if scores is None else scores, policy, rng)
    return Recommendations(
        uuid.uuid4().hex,
        _rows(known, ask, chosen),
        evidence_of(len(known.folded)),
        known.version,
        known.assortment.served.version,
        chosen.fallback,
        known.degraded,
        1000 * (time.perf_counter() - started),
    )


def _searched(known: Known, ask: Ask, policy: PolicyConfig) -> Chosen | None:
    """Return the list as an index finds it; None where it cannot say what all items would."""
    assortment, model = known.assortment, known.assortment.model
    narrowed = ask.filter or ask.allow is not None or ask.block or assortment.available is not None
    plain = policy.explore == "off" and not policy.diversity and policy.exclude_seen and not narrowed
    if not plain or known.context.text is not None or not len(known.folded):
        return None
    if not assortment.is_indexed or not isinstance(model, MetaRecommender):
        return None
    out = np.union1d(known.folded.seen, known.folded.history.items)
    items, scores = top_items(model, known.folded.history, known.context, ask.n, out)
    if len(items) < ask.n:
        return None
    return Chosen(
        items.astype(np.int32), scores, np.ones(len(items), dtype=np.float32), np.zeros(len(items), dtype=bool)
    )


def _chosen(known: Known, ask: Ask, scores: Floats, policy: PolicyConfig, rng: np.random.Generator) -> Chosen:
    assortment = known.assortment
    filters = assortment.shelves.filters(
        category=ask.filter,
        allow=ask.allow,
        block=ask.block,
        seen=known.folded.seen,
        available=assortment.available,
    )
    return choose(
        scores,
        ask.n,
        filters,
        policy,
        popularity=assortment.popularity,
        belief=lambda: belief_of(assortment.model, known.folded.history),
        vectors=assortment.vectors if policy.diversity else None,
        rng=rng,
    )


def asked_policy(policy: PolicyConfig, ask: Ask) -> PolicyConfig:
    """Return how the server is set to choose, but for what a request asks otherwise."""
    asked = {"explore": ask.explore, "diversity": ask.diversity, "exclude_seen": ask.exclude_seen}
    other = {name: value for name, value in asked.items() if value is not None and value != getattr(policy, name)}
    return policy.model_copy(update=other) if other else policy


def _rows(known: Known, ask: Ask, chosen: Chosen) -> tuple[Recommended, ...]:
    catalogue = known.assortment.model.catalogue
    ids, titles = catalogue.item_ids, catalogue.titles
    items, silent = chosen.items.tolist(), np.isnan(chosen.scores).tolist()
    rows = zip(items, chosen.scores.tolist(), chosen.propensities.tolist(), silent, strict=True)
    return tuple(
        [
            Recommended(
                ids[item],
                titles[item],
                None if is_silent else score,
                propensity,
                known.reasons(ids[item]) if ask.explain else None,
            )
            for item, score, propensity, is_silent in rows
        ]
    )
