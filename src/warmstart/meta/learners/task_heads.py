"""Heads for values and for what comes next, as they are before the outer loop: counted, or solved for."""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import sparse

from warmstart.core.artefact import Arrays
from warmstart.core.histories import Floats, Ints
from warmstart.meta.factors import randomised_svd
from warmstart.meta.learners.learner import ROUNDS
from warmstart.meta.learners.lessons import Lesson, Lessons, gaps_of
from warmstart.meta.learners.shots import Shots
from warmstart.meta.learners.task_set import Batch, TaskSet

LEVEL_SHRINKAGE = 5.0
"""Imagined events of the usual value that are added to each item's own."""
PERSON_SHRINKAGE = (1.0, 2.0, 4.0, 8.0, 16.0)
"""Imagined events without leaning that are tried beside each person's own."""
VALUE_RIDGE = 200.0
"""Shrinkage of what a person's vector adds to an item's values, in events."""
NEXT_GAINS = (0.0, 0.25, 0.5, 1.0, 2.0, 4.0)
"""How much the likeness of items counts in what comes next; the best of them on training people begins."""
SAMPLE = 1000
"""People on whom a number is settled for which few are enough."""
PAIRS = 100_000
"""Pairs of people and items that are multiplied at a time."""
EARLY = 5.0
"""Events from which on a person is no longer at the beginning, where other things come next."""
FORMER = 300.0
"""Imagined events that hold what comes next early, and late, to what comes next at all."""
COMMON = 0.05
"""Share of what is popular at all in what is popular next."""
Doubles = npt.NDArray[np.float64]
Read = Callable[[dict[str, Any], Shots], Any]


def rating_facts(tasks: TaskSet) -> tuple[Floats, Floats]:
    """Return the scale of the values (mean, spread, shrinkage of a person's leaning, low, high) and the items' levels.

    Example:
        >>> import warmstart as ws
        >>> from warmstart.meta.learners.task_heads import rating_facts
        >>> from warmstart.meta.learners.task_set import TaskSet
        >>> facts, level = rating_facts(TaskSet.of(ws.load_dataset("movielens-small")))
        >>> facts.round(1).tolist(), level.shape
        ([3.5, 1.0, 2.0, 0.5, 5.0], (9742,))
    """
    found = tasks.values
    assert found is not None  # noqa: S101  narrows the type
    if not found.nnz:
        return np.array([0, 1, 2, 0, 0], np.float32), np.zeros(tasks.n_items, np.float32)
    mean, spread = float(found.data.mean(dtype=np.float64)), float(found.data.std(dtype=np.float64)) or 1.0
    sums = np.bincount(found.indices, (found.data - mean) / spread, minlength=tasks.n_items)
    level = sums / (np.bincount(found.indices, minlength=tasks.n_items) + LEVEL_SHRINKAGE)
    facts = [mean, spread, 2.0, float(found.data.min()), float(found.data.max())]
    return np.array(facts, np.float32), level.astype(np.float32)


def value_vectors(tasks: TaskSet, facts: Floats, level: Floats, dimension: int, seed: int) -> Floats:
    """Return what sets items apart in their values, float32 [items, d] of mean squared length 1: singular vectors."""
    found = tasks.values
    assert found is not None  # noqa: S101  narrows the type
    vectors = np.zeros((tasks.n_items, dimension))
    if not found.nnz or not dimension:
        return vectors.astype(np.float32)
    gaps = found.astype(np.float64)
    gaps.data = (gaps.data - facts[0]) / facts[1] - level[gaps.indices]
    counts = np.maximum(np.diff(gaps.indptr), 1)
    leaning = np.asarray(gaps.sum(axis=1)).ravel() / (counts + facts[2])
    gaps.data -= np.repeat(leaning, np.diff(gaps.indptr))
    scale = sparse.diags(np.maximum(np.bincount(gaps.indices, minlength=tasks.n_items), 1) ** -0.5)
    _, strengths, directions = randomised_svd(sparse.diags(counts**-0.5) @ gaps @ scale, dimension, seed)
    vectors[:, : len(strengths)] = directions.T * np.sqrt(strengths)
    return (vectors / (np.sqrt((vectors**2).sum(axis=1).mean()) or 1.0)).astype(np.float32)


def rating_head(read: Read, prior: Arrays, lessons: Lessons, rng: np.random.Generator, size: int) -> Arrays:
    """Return the head of values: a person's leaning, items like those she gave much, and each item's own ridge.

    Args:
        read: gives people as the heads read them.
        prior: what there is so far.
        lessons: training users.
        rng: randomness of the draws.
        size: people of a draw.
    """
    facts, level = prior["rating.facts"], prior["rating.level"]
    told, leaning, weight, asked = [], [], [], []
    start = 0
    for batch in _draws(lessons, rng, size):
        shots = batch.shots
        assert isinstance(shots, Lesson)  # noqa: S101  narrows the type
        people = read(prior, shots)
        told.append(people.told.astype(np.float64))
        gaps, counts = gaps_of(prior, shots)
        leaning.append(gaps.sum(-1))
        weight.append(counts.sum(-1))
        off = (shots.given - facts[0]) / facts[1] - level[shots.columns]
        asked.append((shots.rows + start, shots.columns, off))
        start += len(shots)
    features, lean, weights = np.concatenate(told), np.concatenate(leaning), np.concatenate(weight)
    at, item, off = (np.concatenate([one[place] for one in asked]) for place in range(3))
    shrinkage = min(PERSON_SHRINKAGE, key=lambda one: float(((off - (lean / (weights + one))[at]) ** 2).mean()))
    left = off - (lean / (weights + shrinkage))[at]
    width, signed = features.shape[1], np.flatnonzero(np.abs(prior["strengths"]).any(axis=0))
    head = np.zeros((lessons.n_items, width + 2), np.float32)
    head[:, width] = 1
    head[:, signed] = prior["strengths"][:, signed]
    alike = _products(features[:, signed], head[:, signed], at, item)
    gain = float(alike @ left / max(float(alike @ alike), 1e-9))
    head[:, signed] *= np.float32(gain)
    left = left - gain * alike
    order = np.argsort(item, kind="stable")
    ends = np.searchsorted(item[order], np.arange(lessons.n_items + 1))
    for one in np.flatnonzero(np.diff(ends)):
        mine = order[ends[one] : ends[one + 1]]
        head[one, :width] += _ridge(features[at[mine]], left[mine], VALUE_RIDGE)
    found = facts.copy()
    found[2] = shrinkage
    return {"rating.items": head, "rating.facts": found}


def next_head(
    read: Read, prior: Arrays, vectors: Floats, lessons: Lessons, rng: np.random.Generator, size: int
) -> Arrays:
    """Return the head of what comes next: what comes next for all, and items like those a person has met."""
    from scipy.special import logsumexp

    counts = np.zeros((2, lessons.n_items))
    kept: list[tuple[Floats, Lesson, Any]] = []
    known: tuple[list[Floats], list[Floats]] = ([], [])
    for batch in _draws(lessons, rng, size):
        shots = batch.shots
        assert isinstance(shots, Lesson)  # noqa: S101  narrows the type
        told = read(prior, shots).told
        for late, people in enumerate((shots.counts < EARLY, shots.counts >= EARLY)):
            items, weights = shots.following[people].ravel(), shots.follows[people].ravel()
            counts[late] += np.bincount(items, weights, minlength=lessons.n_items)
            known[late].append(np.log1p(shots.counts[people]))
        if sum(len(told) for told, _, _ in kept) < SAMPLE:
            kept.append((told, shots, batch.seen))
    usual = np.bincount(lessons.episodes.support.indices, minlength=lessons.n_items) + 1.0
    usual = counts.sum(axis=0) / max(counts.sum(), 1) * (1 - COMMON) + COMMON * usual / usual.sum()
    early, later = np.log((counts + FORMER * usual) / (counts.sum(axis=1)[:, None] + FORMER))
    far = [float(np.mean(np.concatenate(one))) if sum(map(len, one)) else 0.0 for one in known]
    slope = (later - early) / (far[1] - far[0]) if min(far) > 0 else np.zeros(lessons.n_items)
    bias = (early - slope * far[0] if min(far) > 0 else np.log(usual)).astype(np.float32)
    d = vectors.shape[1]
    drift = np.zeros((lessons.n_items, kept[0][0].shape[1]), np.float32)
    drift[:, d] = slope
    head = np.zeros_like(drift)
    head[:, :d] = vectors
    losses = np.zeros(len(NEXT_GAINS))
    for told, shots, seen in kept:
        alike, common = told @ head.T, bias + told @ drift.T
        for place, gain in enumerate(NEXT_GAINS):
            logits = np.where(seen, -np.inf, common + gain * alike)
            chances = np.take_along_axis(logits, shots.following, 1) - logsumexp(logits, axis=1)[:, None]
            losses[place] -= chances[shots.follows > 0].sum()
    return {"next.bias": bias, "next.items": drift + np.float32(NEXT_GAINS[int(losses.argmin())]) * head}


def _draws(lessons: Lessons, rng: np.random.Generator, size: int) -> Iterator[Batch]:
    for _ in range(ROUNDS):
        users = rng.permutation(lessons.usable)
        for part in np.array_split(users, max(1, round(len(users) / size))):
            yield lessons.draw(part, rng)


def _products(people: Doubles, items: Floats, rows: Ints, columns: Ints) -> Doubles:
    """Return the products of some people's and items' vectors, float64 [pairs], in bounded memory."""
    found = np.empty(len(rows))
    for start in range(0, len(rows), PAIRS):
        part = slice(start, start + PAIRS)
        found[part] = np.einsum("nd,nd->n", people[rows[part]], items[columns[part]])
    return found


def _ridge(features: Doubles, targets: Doubles, shrinkage: float) -> Doubles:
    """Return the weights of a ridge regression, in the smaller of its two forms."""
    n, d = features.shape
    if n < d:
        return np.asarray(features.T @ np.linalg.solve(features @ features.T + shrinkage * np.eye(n), targets))
    return np.asarray(np.linalg.solve(features.T @ features + shrinkage * np.eye(d), features.T @ targets))
