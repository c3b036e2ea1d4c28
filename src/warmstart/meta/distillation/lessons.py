"""Lessons: few events of a training user are shown, the teacher says what it makes of them."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from warmstart.core.histories import Floats, Histories, Ints
from warmstart.core.run import Run
from warmstart.data.dataset import Dataset
from warmstart.recommenders.hybrid import standardised

SHOTS = (1, 2, 3, 5, 10, 20)
"""Numbers of events after which the teacher is asked."""
BLOCK = 500
"""People asked about at a time."""
MOST_ROUNDS = 20
"""Times at most that one person's events are drawn for one number of events."""
MIXED_KINDS = 4
"""Every fourth round shows events of any kind where there are dislikes, the others likes."""


@dataclass(frozen=True, slots=True)
class Lesson:
    """Some people with as many events.

    Args:
        k: their number; 0 for whole histories.
        shown: the events that are shown.
        users: int64 [n], rows of the training users.
    """

    k: int
    shown: Histories
    users: Ints


def adapted_lessons(data: Dataset, each: int, run: Run) -> Iterator[Lesson]:
    """Yield lessons of 1 to 20 events, about ``each`` people for every number.

    In round r the events are drawn of a person's earliest ``k (1 + r)``: people are met in the order of time, and the
    same k events would teach no more the second time. Without time every round draws of all.

    Args:
        data: training users, with or without likes that stay hidden.
        each: lessons of each number of events.
        run: seed.

    Example:
        >>> import warmstart as ws
        >>> from warmstart.core.run import Run
        >>> from warmstart.meta.distillation.lessons import adapted_lessons
        >>> lessons = list(adapted_lessons(ws.load_dataset("movielens-small"), 600, Run()))
        >>> sorted({lesson.k for lesson in lessons}), max(lesson.shown.lengths.max() for lesson in lessons)
        ([1, 2, 3, 5, 10, 20], np.int64(20))
    """
    kinds = (data.likes(), data.likes() if data.liked.all() else data.histories)
    for k in SHOTS:
        rng = run.rng("lessons", k)
        able = np.flatnonzero(kinds[0].lengths > k)
        for turn in range(min(MOST_ROUNDS, -(-each // max(len(able), 1))) if len(able) else 0):
            source = kinds[turn % MIXED_KINDS == MIXED_KINDS - 1]
            users = rng.permutation(able)[:each]
            for start in range(0, len(users), BLOCK):
                part = np.sort(users[start : start + BLOCK])
                yield Lesson(k, _drawn(source[part], k, turn, rng), part)


def whole_lessons(data: Dataset) -> Iterator[Lesson]:
    """Yield whole histories: what a teacher says of people it knows well."""
    users = np.flatnonzero(data.likes().lengths > 0)
    for start in range(0, len(users), BLOCK):
        part = users[start : start + BLOCK]
        yield Lesson(0, data.histories[part], part)


def _drawn(histories: Histories, k: int, turn: int, rng: np.random.Generator) -> Histories:
    """Keep k events of each person, in order."""
    rows, places = histories.rows, np.arange(len(histories.items)) - histories.indptr[:-1][histories.rows]
    if histories.times is None:
        within = np.ones(len(rows), dtype=bool)
    else:
        order = np.lexsort((histories.times, rows))
        ranks = np.empty(len(rows), dtype=np.int64)
        ranks[order] = places
        within = ranks < k * (1 + turn)
    keys = np.where(within, rng.random(len(rows)), 2.0)
    order = np.lexsort((keys, rows))
    kept = np.zeros(len(rows), dtype=bool)
    kept[order[places < k]] = True
    return histories.where(kept)


def hidden_likes(data: Dataset, lesson: Lesson) -> Floats:
    """Return the likes that a lesson does not show, each person's to mean 0 and deviation 1, float32 [n, items]."""
    likes = data.likes()[lesson.users].matrix(data.n_items).toarray()
    asked = (likes > 0).astype(np.float32)
    asked[lesson.shown.rows, lesson.shown.items] = 0
    return standardised(asked)
