"""A recommender's measures on a panel, block by block in bounded memory."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from warmstart.core.errors import BadConfig, BadInput
from warmstart.core.histories import Floats, Histories, Ints
from warmstart.evaluation import metrics
from warmstart.evaluation.metrics import Doubles
from warmstart.evaluation.panel import Panel, Popularity
from warmstart.evaluation.statistics import Measured

AT_RANK = {
    "ndcg": metrics.ndcg,
    "recall": metrics.recall,
    "precision": metrics.precision,
    "hr": metrics.hit_rate,
    "map": metrics.average_precision,
}
"""Measures that read the hits of the first k, named such as ``ndcg@10``."""
WHOLE = {"mrr": metrics.reciprocal_rank, "auc": metrics.auc}
"""Measures of the whole ranking."""
OF_LIST = ("novelty", "coverage", "gini")
"""Measures of what was shown, named such as ``coverage@10``; coverage and gini are one number for all users."""
FITNESS = "fitness"
"""Named such as ``fitness@10``: the loss on a task over the loss of popularity on it, where 1 - nDCG is the loss."""
_CELLS = 2**22


class Name(NamedTuple):
    """A measure's name in its parts; ``depth`` is 0 for a measure of the whole ranking."""

    kind: str
    depth: int


def parse(name: str) -> Name:
    """Split a measure's name; raises ``BadConfig`` when there is none of that name.

    Example:
        >>> from warmstart.evaluation.measure import parse
        >>> parse("ndcg@10")
        Name(kind='ndcg', depth=10)
    """
    kind, _, depth = name.partition("@")
    if kind in WHOLE and not depth:
        return Name(kind, 0)
    if kind in (*AT_RANK, *OF_LIST, FITNESS) and depth.isdigit() and int(depth) > 0:
        return Name(kind, int(depth))
    known = ", ".join([f"{kind}@K" for kind in (*AT_RANK, *OF_LIST, FITNESS)] + list(WHOLE))
    raise BadConfig(f"There is no measure {name!r}. There are: {known}.")


def direction(measure: str) -> int:
    """Return 1 where higher is better, -1 where lower is (errors, fitness and gini).

    Example:
        >>> from warmstart.evaluation.measure import direction
        >>> direction("ndcg@10"), direction("mae")
        (1, -1)
    """
    kind = measure.partition(" ")[0].partition("@")[0]
    return -1 if kind in ("mae", "mse", "rmse", "cross_entropy", "gini", FITNESS) else 1


def block_size(n_items: int, most: int) -> int:
    """Return how many users are scored at a time, so that a block stays below about 17 MB.

    Example:
        >>> from warmstart.evaluation.measure import block_size
        >>> block_size(3_706, most=1000), block_size(1_000_000, most=1000)
        (1000, 4)
    """
    return max(1, min(most, _CELLS // max(1, n_items)))


def measure_rankings(blocks: Iterable[Floats], panel: Panel, names: Sequence[str], who: str) -> dict[str, Measured]:
    """Measure scores that come in blocks of users.

    Args:
        blocks: float32 [some users, n_items], in the order of the panel's tasks.
        panel: the tasks and what may be ranked.
        names: measures, such as ``ndcg@10`` or ``auc``.
        who: the recommender's name, for errors.

    Raises:
        BadInput: a score is not a number.
    """
    parsed = {name: parse(name) for name in names}
    depth = max((name.depth for name in parsed.values()), default=0)
    query, popularity = _reordered(panel)
    found: dict[str, list[Doubles]] = {name: [] for name in names}
    shown: dict[str, Ints] = {}
    start = 0
    for block in blocks:
        _check(block, who)
        scores = panel.rankable(block, start)
        scores = scores if panel.ties is None else scores[:, panel.ties]
        top = metrics.top_items(scores, depth) if depth else np.zeros((len(scores), 0), dtype=np.int64)
        for name, parts in parsed.items():
            if parts.kind in ("coverage", "gini"):
                shown[name] = shown.get(name, 0) + _shown(top[:, : parts.depth], scores.shape[1])
            else:
                found[name].append(_of_users(parts, scores, top, query[slice(start, start + len(scores))], popularity))
        start += len(scores)
    joined = {name: _joined(parts, found[name], shown.get(name), panel) for name, parts in parsed.items()}
    fit = {name: parts.depth for name, parts in parsed.items() if parts.kind == FITNESS and len(panel)}
    return joined | {name: _over_popularity(joined[name].values, at, panel) for name, at in fit.items()}


def fitness_of(losses: Doubles, baseline: Doubles) -> Measured:
    """Return each task's loss over the baseline's, pooled: below 1 is better than the baseline.

    The mean is that of all losses over that of all the baseline's, so that a task at which the baseline hardly fails
    does not outweigh all others; a task at which it does not fail at all has no fitness.

    Example:
        >>> import numpy as np
        >>> from warmstart.evaluation.measure import fitness_of
        >>> from warmstart.evaluation.statistics import estimate
        >>> round(estimate([fitness_of(np.array([0.5, 0.0]), np.array([1.0, 0.25]))])[0].mean, 6)
        0.4
    """
    failed = baseline > 0
    values = np.where(failed, losses / np.where(failed, baseline, 1), np.nan)
    return Measured(values, np.where(failed, baseline, 0.0))


def _over_popularity(ndcg: Doubles, depth: int, panel: Panel) -> Measured:
    """Return the fitness of a ranking from its nDCG."""
    counts, name = panel.popularity.counts.astype(np.float32), f"ndcg@{depth}"
    size = block_size(len(counts), len(panel))
    parts = (min(size, len(panel) - start) for start in range(0, len(panel), size))
    popular = measure_rankings((np.tile(counts, (part, 1)) for part in parts), panel, [name], "popularity")
    return fitness_of(1 - ndcg, 1 - popular[name].values)


def _of_users(name: Name, scores: Floats, top: Ints, query: Histories, popularity: Popularity) -> Doubles:
    if name.kind in WHOLE:
        return WHOLE[name.kind](scores, query)
    if name.kind == "novelty":
        return metrics.self_information(top[:, : name.depth], popularity.counts, popularity.n_users)
    hits = metrics.hits_of(top[:, : name.depth], query, scores.shape[1])
    return AT_RANK["ndcg" if name.kind == FITNESS else name.kind](hits, query.lengths, name.depth)


def _reordered(panel: Panel) -> tuple[Histories, Popularity]:
    """Return the query and the popularity with items numbered in the order that breaks ties."""
    query, popularity = panel.tasks.query, panel.popularity
    if panel.ties is None:
        return query, popularity
    places = np.empty(len(panel.ties), dtype=np.int32)
    places[panel.ties] = np.arange(len(panel.ties))
    return replace(query, items=places[query.items]), replace(popularity, counts=popularity.counts[panel.ties])


def _joined(name: Name, parts: list[Doubles], shown: Ints | None, panel: Panel) -> Measured:
    n_items = len(panel.popularity.counts)
    if name.kind == "coverage":
        one = np.nan if shown is None else metrics.coverage(shown, panel.n_candidates(n_items))
        return Measured(np.array([one]))
    if name.kind == "gini":
        return Measured(np.array([np.nan if shown is None else metrics.gini(shown)]))
    return Measured(np.concatenate(parts) if parts else np.zeros(0))


def _shown(top: Ints, n_items: int) -> Ints:
    return np.bincount(top[top >= 0], minlength=n_items)


def _check(scores: Floats, who: str) -> None:
    if np.isnan(scores).any():
        raise BadInput(f"{who!r} scored an item NaN, so nothing can be ranked. A score must be a number.")
