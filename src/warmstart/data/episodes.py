"""Tasks as the protocols cut them: what of a person is shown, what is asked, what is never ranked."""

import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from warmstart.core.errors import BadInput
from warmstart.core.histories import Histories, Ints
from warmstart.core.tasks import Tasks
from warmstart.data.dataset import Dataset
from warmstart.data.split import split_items

Support = Literal["likes", "events"]
Mask = npt.NDArray[np.bool_]
Draws = npt.NDArray[np.uint64]

SHOTS = (0, 1, 2, 3, 5, 10, 20)
LEAST_QUERY = {"likes": 5, "events": 25}
"""What a user needs beyond the support pool: with a pool of 20, 25 likes or 45 events."""


def cold_user_tasks(
    data: Dataset,
    users: npt.NDArray[np.integer],
    shots: Sequence[int] = SHOTS,
    support: Support = "likes",
    pool: int = 20,
    seed: int = 0,
) -> dict[int, Tasks]:
    """Cut the tasks of the protocol "cold user, k shots".

    A user's first ``pool`` likes (or events of any value) in order of time, or in a seeded order without time, are
    the support pool; the likes after it are the query. The support is the first k of the pool; the query and the
    hidden events (the whole pool) are the same for every k.

    Args:
        data: where the users come from.
        users: rows of the users that are tested; those with too few likes (events) are left out.
        shots: sizes k of the support, 0 to ``pool``.
        support: what the pool is made of.
        pool: size of the pool, at least 1.
        seed: of the order of data without time.

    Returns:
        one batch of tasks a shot, with the same users in the same order.

    Raises:
        BadInput: a shot is negative or larger than the pool.

    Example:
        >>> import warmstart as ws
        >>> from warmstart.data.episodes import cold_user_tasks
        >>> from warmstart.data.split import split_users
        >>> data = ws.load_dataset("movielens-small")
        >>> tasks = cold_user_tasks(data, split_users(data.n_users)[2], shots=(0, 5))
        >>> sorted(tasks), tasks[5].support.lengths.max(), tasks[0].hidden.lengths.max()
        ([0, 5], np.int64(5), np.int64(20))
    """
    wrong = [k for k in shots if not 0 <= k <= pool]
    if wrong or pool < 1:
        raise BadInput(f"Every shot must lie between 0 and the pool of {pool} (at least 1); came: {list(shots)}.")
    ordered, liked = _in_order(data, np.asarray(users, dtype=np.int64), seed)
    counted = liked if support == "likes" else np.ones_like(liked)
    place = _place(ordered, counted)
    pooled = counted & (place < pool)
    asked = liked & ~pooled & (place >= pool)
    totals, queries = _per_user(ordered, counted), _per_user(ordered, asked)
    fit = np.flatnonzero((totals >= pool + LEAST_QUERY[support]) & (queries > 0))
    query, hidden = ordered.where(asked)[fit], ordered.where(pooled)[fit]
    chosen = np.asarray(users, dtype=np.int64)[fit]
    return {k: Tasks(ordered.where(pooled & (place < k))[fit], query, hidden, chosen) for k in shots}


@dataclass(frozen=True, slots=True)
class ColdItems:
    """Items without any interaction in training, and what users did with them.

    Args:
        train: the data without the events on cold items; the catalogue stays whole.
        warm: int64, indices of the items with events in training.
        validation: int64, indices of the cold items for validation.
        test: int64, indices of the cold items for the test.
    """

    train: Dataset
    warm: Ints
    validation: Ints
    test: Ints


def cold_item_split(data: Dataset, seed: int = 0, cold: float = 0.2) -> ColdItems:
    """Make a share of the items with events cold: half of them for validation, half for the test.

    Example:
        >>> import warmstart as ws
        >>> from warmstart.data.episodes import cold_item_split
        >>> split = cold_item_split(ws.load_dataset("movielens-small"))
        >>> len(split.warm), len(split.validation), len(split.test)
        (7779, 972, 973)
    """
    warm, validation, test = split_items(np.unique(data.histories.items), seed, cold)
    return ColdItems(data.take_events(np.isin(data.histories.items, warm)), warm, validation, test)


def item_tasks(data: Dataset, split: ColdItems, cold: npt.NDArray[np.integer]) -> Tasks:
    """Cut the tasks of known users over some cold items: support and hidden the warm events, query the cold likes.

    Args:
        data: the whole data.
        split: what ``cold_item_split`` made of it.
        cold: the cold items asked for, ``split.validation`` or ``split.test``.
    """
    query = data.histories.where(data.liked & np.isin(data.histories.items, cold))
    warm = split.train.histories
    rows = np.flatnonzero((query.lengths > 0) & (warm.lengths > 0))
    return Tasks(warm[rows], query[rows], warm[rows], rows.astype(np.int64))


def rating_tasks(
    data: Dataset,
    users: npt.NDArray[np.integer] | None = None,
    seed: int = 0,
    query: int = 10,
    least: int = 13,
    most: int = 100,
    items: npt.NDArray[np.integer] | None = None,
) -> Tasks:
    """Cut the tasks of the protocol "rating": the last ``query`` events of a user are asked, the rest are shown.

    Args:
        data: where the users come from.
        users: rows of the users that are tested; None takes all.
        seed: of the order of data without time.
        query: events asked for.
        least: fewest events of a user who takes part, more than ``query``.
        most: most events of such a user.
        items: only events on these items count (and are shown and asked); None takes all.

    Raises:
        BadInput: ``least`` leaves nothing to show.
    """
    if not 0 < query < least <= most:
        raise BadInput(f"query < least <= most must hold; came: query={query}, least={least}, most={most}.")
    rows = np.arange(data.n_users) if users is None else np.asarray(users, dtype=np.int64)
    ordered, _ = _in_order(data, rows, seed)
    if items is not None:
        ordered = ordered.where(np.isin(ordered.items, items))
    fit = np.flatnonzero((ordered.lengths >= least) & (ordered.lengths <= most))
    left = ordered[fit]
    asked = left.lengths[left.rows] - _place(left, np.ones(len(left.items), dtype=bool)) <= query
    shown = left.where(~asked)
    return Tasks(shown, left.where(asked), shown, rows[fit].astype(np.int64))


def _in_order(data: Dataset, users: Ints, seed: int) -> tuple[Histories, Mask]:
    """Return the users' histories in order of time, or shuffled by seed and user, and which events are likes."""
    chosen = data.histories[users]
    if chosen.times is None:
        order = np.lexsort((_draws(chosen, data.user_ids[users], data.item_ids, seed), chosen.rows))
        chosen = Histories(chosen.indptr, chosen.items[order], chosen.values[order])
    if data.like_from is None:
        return chosen, np.ones(len(chosen.items), dtype=bool)
    return chosen, chosen.values >= data.like_from


def _draws(histories: Histories, user_ids: npt.NDArray[Any], item_ids: Sequence[Any], seed: int) -> Draws:
    """Return a random number an event that depends on the seed and the two ids only, never on their neighbours."""
    users = np.array([zlib.crc32(str(user).encode()) for user in user_ids], dtype=np.uint64)
    items = np.array([zlib.crc32(str(item).encode()) for item in item_ids], dtype=np.uint64)
    pairs = (users[histories.rows] << np.uint64(32)) | items[histories.items]
    return _mixed(pairs ^ _mixed(np.array([seed], dtype=np.uint64)))


def _mixed(words: Draws) -> Draws:
    """Mix 64-bit words (splitmix64: Steele, Lea and Flood, 2014)."""
    words = words + np.uint64(0x9E3779B97F4A7C15)
    words = (words ^ (words >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    words = (words ^ (words >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    mixed: Draws = words ^ (words >> np.uint64(31))
    return mixed


def _place(histories: Histories, counted: Mask) -> Ints:
    """Return how many counted events of the same user come before each event, int64 [events]."""
    before = np.concatenate([[0], np.cumsum(counted)])
    place: Ints = before[:-1] - before[histories.indptr[:-1]][histories.rows]
    return place


def _per_user(histories: Histories, counted: Mask) -> Ints:
    sums = np.concatenate([[0], np.cumsum(counted)])
    totals: Ints = sums[histories.indptr[1:]] - sums[histories.indptr[:-1]]
    return totals
