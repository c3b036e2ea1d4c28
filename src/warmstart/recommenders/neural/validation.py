"""How good a network is for people it was not trained on, after each of the first events."""

from collections.abc import Callable, Sequence

import numpy as np

from warmstart.core.histories import Floats, Histories
from warmstart.core.tasks import Tasks
from warmstart.data.dataset import Dataset
from warmstart.data.episodes import cold_user_tasks
from warmstart.data.split import split_users

SHOTS = (1, 2, 5, 10, 20)
POOLS = (20, 10, 5, 2)
"""Sizes of the support pool: the first that leaves enough people."""
LEAST_PEOPLE = 20
MOST_PEOPLE = 400
HELD_OUT = 0.1
"""Share of the training users who are asked where no others are given."""


def ndcg(scores: Floats, tasks: Tasks) -> float:
    """Return the mean nDCG@10 of the queries among all items but the hidden ones (Järvelin and Kekäläinen, 2002)."""
    scores = scores.copy()
    scores[tasks.hidden.rows, tasks.hidden.items] = -np.inf
    k = min(10, scores.shape[1])
    first = np.argpartition(-scores, k - 1, axis=1)[:, :k]
    best = np.take_along_axis(first, np.argsort(-np.take_along_axis(scores, first, 1), axis=1, kind="stable"), 1)
    hits = np.take_along_axis(tasks.query.matrix(scores.shape[1], np.ones(len(tasks.query.items))).toarray(), best, 1)
    discounts = 1 / np.log2(np.arange(k) + 2)
    ideal = np.cumsum(discounts)[np.minimum(tasks.query.lengths, k) - 1]
    return float(((hits > 0) @ discounts / ideal).mean())


def loss_of(panels: Sequence[Tasks], score: Callable[[Histories], Floats]) -> float:
    """Return 1 - nDCG@10, the mean over the numbers of events."""
    return 1 - float(np.mean([ndcg(score(tasks.support), tasks) for tasks in panels]))


def panels_of(data: Dataset, seed: int) -> list[Tasks]:
    """Return tasks of at most 400 people after 1, 2, 5, 10 and 20 likes, or fewer where histories are short."""
    rows = np.arange(min(data.n_users, 4 * MOST_PEOPLE))
    for pool in POOLS:
        tasks = cold_user_tasks(data, rows, [k for k in SHOTS if k <= pool], "likes", pool, seed)
        if len(tasks[1]) >= min(LEAST_PEOPLE, max(data.n_users // 2, 1)):
            return [_some(one) for one in tasks.values()]
    return []


def _some(tasks: Tasks) -> Tasks:
    few = slice(0, MOST_PEOPLE)
    return Tasks(tasks.support[few], tasks.query[few], tasks.hidden[few], tasks.users[few])


def held_out(data: Dataset, seed: int) -> tuple[Dataset, list[Tasks]]:
    """Set some users apart for validation; none where there are too few to spare any."""
    if data.n_users < 2 * LEAST_PEOPLE:
        return data, []
    kept, asked, _ = split_users(data.n_users, seed, (1 - HELD_OUT, HELD_OUT))
    panels = panels_of(data.take_users(asked), seed)
    return (data.take_users(kept), panels) if panels else (data, [])
