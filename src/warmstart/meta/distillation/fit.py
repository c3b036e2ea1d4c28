"""From a teacher's answers to a student: closed-form ridge regressions, chosen among on held-out users."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import product

import numpy as np
from scipy import sparse

from warmstart.core.histories import Floats, Histories, Ints
from warmstart.core.run import Run
from warmstart.core.tasks import Tasks
from warmstart.data.dataset import Dataset
from warmstart.meta.distillation.form import Form
from warmstart.meta.distillation.lessons import BLOCK, Lesson, adapted_lessons, hidden_likes, whole_lessons
from warmstart.meta.distillation.settings import StudentConfig
from warmstart.meta.distillation.sums import Sums
from warmstart.meta.distillation.teacher import Space, Speak, graded, scores_of
from warmstart.meta.exam import ndcg_of
from warmstart.meta.learners.judges import Judges
from warmstart.meta.learners.learner import item_vectors
from warmstart.meta.learners.task_set import TaskSet
from warmstart.meta.maps import DenseMap, FactoredMap, factored
from warmstart.recommenders.base import Recommender

EXPONENTS, RIDGES, LIKES_SHARES = (0.3, 0.6), (10.0, 100.0), (0.0, 0.15, 0.4)
"""What is tried where nothing is set."""
WRITTEN_OUT = 5_000
"""Items up to which rows are written out."""
RANK = 256
LISTED = 50
"""Depth of the teacher's lists by which the items that events speak for are chosen."""


@dataclass(frozen=True, slots=True)
class Chosen:
    """A student and how it was chosen.

    Args:
        form: the student.
        exponent, ridge, likes_share: what was chosen.
        ndcg: mean nDCG@10 over the numbers of events from one on, on held-out users; 0 without any.
    """

    form: Form
    exponent: float
    ridge: float
    likes_share: float
    ndcg: float


def learned(
    teacher: Recommender | None, data: Dataset, validation: Dataset | None, config: StudentConfig, run: Run
) -> Chosen:
    """Return the student that ranks best on held-out users.

    Args:
        teacher: a fitted recommender over the catalogue of ``data``; None learns from likes alone.
        data: users whose events make the lessons.
        validation: further users to choose by; where they are few, some of ``data`` are held out.
        config: settings.
        run: seed and progress.
    """
    judges = Judges.of(data, validation, run)
    taught = data.take_users(judges.train)
    school = School.of(teacher, taught, config, run)
    exams = [(some, tasks) for k, some, tasks in judges.tasks() if k]
    best, quality = None, -1.0
    for exponent, ridge in product(_tried(config.exponent, school.sums.exponents), _tried(config.ridge, RIDGES)):
        for share, form in school.forms(exponent, ridge):
            mark = _quality(form, exams)
            if mark > quality:
                best, quality = Chosen(form, exponent, ridge, share, mark), mark
    assert best is not None  # noqa: S101  there is something to try always
    return replace(best, form=school.narrowed(best.form))


@dataclass(frozen=True, slots=True)
class School:
    """What a teacher has answered, summed up.

    Args:
        config: settings.
        sums: of all lessons.
        basis: float32 [items, rank], items' vectors by which events are read; None where each has its own row.
        before: float32 [features, width], what the teacher says of each event alone, less what it says of most.
        start: float32 [items], what is said to somebody of whom nothing is known.
        right: float32 [d, items], how answers that are vectors are read; None where they are scores.
        width: numbers of the teacher's answers; what follows are hidden likes.
        listed: int64 [items], how often each stood among the teacher's first.
    """

    config: StudentConfig
    sums: Sums
    basis: Floats | None
    before: Floats | None
    start: Floats
    right: Floats | None
    width: int
    listed: Ints

    @classmethod
    def of(cls, teacher: Recommender | None, data: Dataset, config: StudentConfig, run: Run) -> "School":
        """Hear the teacher, or the likes that were hidden."""
        n, basis = data.n_items, _basis(data, config, run)
        speak, start, right = _speaker(teacher, data, config)
        width = n if right is None else len(right)
        likes = config.lessons == "likes" or (config.lessons == "adapted" and config.likes_share != 0)
        total = (0 if speak is None else width) + (n if likes else 0)
        whole = config.lessons == "histories"
        exponents = EXPONENTS[-1:] if whole else EXPONENTS
        exponents = exponents if config.exponent is None else (config.exponent,)
        sums = Sums(n if basis is None else basis.shape[1], total, exponents)
        listed = np.zeros(n, np.int64)
        lessons = whole_lessons(data) if whole else adapted_lessons(data, config.each, run)
        for lesson in run.progress.track(lessons, "lessons"):
            answers = [] if speak is None else [speak(lesson.shown)]
            answers += [hidden_likes(data, lesson)] if likes else []
            listed += _listed(answers[0], n) if config.columns else 0
            features = _features(lesson, data, basis, exponents[0] if whole else 0.0)
            sums.add(lesson.k, features, answers[0] if len(answers) == 1 else np.hstack(answers))
        sums.close()
        alone = None if speak is None or whole or basis is not None else _alone(speak, data)
        if whole and sums.means:
            start = sums.means[0][1].astype(np.float32)
        return cls(config, sums, basis, alone, start, right, 0 if speak is None else width, listed)

    def forms(self, exponent: float, ridge: float) -> Iterator[tuple[float, Form]]:
        """Yield students with more and more of the hidden likes in what they learn from, and its share."""
        if not self.sums.means:
            yield 0.0, Form((0,), self.start[None], 0.0, _nothing(len(self.start)))
            return
        whole = 0 in self.sums.means
        rows = self.sums.solved(exponent, ridge, self.before)
        shots = tuple(sorted(self.sums.means))
        constants = np.stack([self.sums.constant(k, rows, exponent) for k in shots])
        shots = (0, 1) if whole else (0, *shots)
        if not self.width or self.width == rows.shape[1]:
            yield float(not self.width), self._form(shots, constants, exponent, rows)
            return
        said, liked = slice(0, self.width), slice(self.width, None)
        for share in _tried(self.config.likes_share, LIKES_SHARES):
            part, rest = np.float32(share), np.float32(1 - share)
            mixed = [rest * one[:, said] + part * one[:, liked] for one in (constants, rows)]
            yield share, self._form(shots, mixed[0], exponent, mixed[1])

    def narrowed(self, form: Form) -> Form:
        """Return the student with rows only for the items that the teacher lists most, if that is asked for."""
        wanted = self.config.columns
        if wanted is None or not isinstance(form.events, DenseMap) or wanted >= form.n_items:
            return form
        columns = np.sort(np.argsort(-self.listed, kind="stable")[:wanted]).astype(np.int64)
        return replace(form, events=DenseMap(np.ascontiguousarray(form.events.rows[:, columns])), columns=columns)

    def _form(self, shots: tuple[int, ...], constants: Floats, exponent: float, rows: Floats) -> Form:
        if self.right is not None:
            said = self.start + constants @ self.right
            left = rows if self.basis is None else self.basis @ rows
            return Form(shots, np.vstack([self.start, said]), exponent, factored(left, self.right))
        constants = np.vstack([self.start, constants]).astype(np.float32)
        if self.basis is not None:
            return Form(shots, constants, exponent, factored(self.basis, np.ascontiguousarray(rows)))
        rows = np.ascontiguousarray(rows)
        np.fill_diagonal(rows, 0)
        return Form(shots, constants, exponent, DenseMap(rows))


def _speaker(
    teacher: Recommender | None, data: Dataset, config: StudentConfig
) -> tuple[Speak | None, Floats, Floats | None]:
    """Return what answers, what it says of a stranger, and how its answers are read."""
    if teacher is None or config.lessons == "likes":
        return None, TaskSet.of(data).shares, None
    if config.lessons == "vectors":
        space = Space.of(teacher, data.histories, config.rank or RANK)
        return space.speak, space.start, space.right
    speak = scores_of(teacher)
    return speak, speak(Histories.of([[]]))[0], None


def _basis(data: Dataset, config: StudentConfig, run: Run) -> Floats | None:
    if data.n_items <= WRITTEN_OUT and (config.rank is None or config.lessons == "vectors"):
        return None
    found = item_vectors(TaskSet.of(data), config.rank or RANK, run.seed)
    return found[:, np.any(found != 0, axis=0)] if found.any() else found[:, :1]


def _features(lesson: Lesson, data: Dataset, basis: Floats | None, exponent: float) -> sparse.csr_matrix | Floats:
    support = graded(lesson.shown, data.like_from)
    events = support.matrix(data.n_items, np.maximum(support.counts, 1.0) ** -exponent)
    return events if basis is None else np.asarray(events @ basis)


def _alone(speak: Speak, data: Dataset) -> Floats:
    """Return what one like of each item changes in the answers, against the mean over likes, float32 [items, width]."""
    n, value = data.n_items, data.catalogue.like_value
    ones = Histories(np.arange(n + 1), np.arange(n, dtype=np.int32), np.full(n, value, np.float32))
    said = np.vstack([speak(ones[start : start + BLOCK]) for start in range(0, n, BLOCK)])
    likes = np.bincount(data.likes().items, minlength=n) + 1e-6
    changes: Floats = said - (likes / likes.sum()).astype(np.float32) @ said
    return changes


def _listed(answers: Floats, n: int) -> Ints:
    depth = min(LISTED, n)
    return np.bincount(np.argpartition(-answers, depth - 1, axis=1)[:, :depth].ravel(), minlength=n)


def _nothing(n: int) -> FactoredMap:
    return factored(np.zeros((n, 1), np.float32), np.zeros((1, n), np.float32))


def _tried(given: float | None, others: tuple[float, ...]) -> tuple[float, ...]:
    return others if given is None else (given,)


def _quality(form: Form, exams: list[tuple[Dataset, Tasks]]) -> float:
    marks = [ndcg_of(form.scores(graded(tasks.support, some.like_from)), tasks) for some, tasks in exams]
    return float(np.mean(marks)) if marks else 0.0
