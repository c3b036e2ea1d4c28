"""Learning how to learn a person: which tasks judge the meta-parameters, and the search for them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from warmstart.core.histories import Floats, Ints
from warmstart.core.run import Run
from warmstart.core.tasks import Tasks
from warmstart.data.dataset import Dataset
from warmstart.data.episodes import LEAST_QUERY, Support, cold_user_tasks
from warmstart.meta.evidence import support_of
from warmstart.meta.exam import Exam, ndcg_of_each
from warmstart.meta.parameters import MetaParameters
from warmstart.meta.prior import Prior
from warmstart.meta.search import search

ENOUGH_USERS = 400
"""Judging users with enough events from which on nobody else is held out."""
MOST_USERS = 600
"""Users of one exam; more cost time and tell little more."""
MANY_USERS = 4_000
"""Users from which on a tenth of them is held out at a time; of fewer, a fifth."""
POOLS = (20, 10, 5, 2)
"""Sizes of the support pool, tried in turn until a tenth of the users has one."""
SHOTS: dict[Support, tuple[int, ...]] = {"likes": (1, 3, 8, 20), "events": (3, 12)}
HALF_LIVES = (5.0, 20.0)
"""In events; tried beside no decay at all where there is time."""
ATTRIBUTE_GAINS = (0.0, 0.5, 1.0, 1.5)
SHORT, LONG = 20, 80
"""Settings tried for each shrinkage and half-life, and in the end."""


_SOUGHT = ("gain_few", "gain_many", "sharpness_few", "sharpness_many", "taste_share_few", "taste_share_many")


@dataclass(frozen=True, slots=True)
class Solve:
    """How the linear voice is solved for.

    Args:
        shrinkage: added to the diagonal, for one revealed event.
        early: share of the tasks that reveal what came first, 0 to 1.
    """

    shrinkage: float
    early: float = 0.0


SOLVES = (Solve(0.3), Solve(3.0), Solve(30.0))
"""Tried in turn; where one solve is expensive only the first."""
SOLVES_IN_TIME = (Solve(0.3), Solve(3.0, 0.5), Solve(30.0, 0.9))
"""Tried where there is time, the first two where one solve is expensive. What came first is fewer events than all, so
it needs more shrinkage."""
EARLY = (0.0, 0.5, 0.9)
"""Shares tried where there is time and the shrinkage is given."""

FitPrior = Callable[[Dataset, Solve], Prior]


@dataclass(frozen=True, slots=True)
class Fold:
    """Users to learn from and others to judge by."""

    train: Dataset
    judges: Dataset


@dataclass(frozen=True, slots=True)
class Choice:
    """What was chosen, and how good it was: mean nDCG@10 over the judging tasks (0 without any)."""

    solve: Solve
    parameters: MetaParameters
    ndcg: float
    users: int


def choose(
    data: Dataset,
    validation: Dataset | None,
    fit: FitPrior,
    encode: Callable[[Dataset], Floats | None],
    solves: Sequence[Solve],
    run: Run,
) -> Choice:
    """Choose how to solve by trial and the meta-parameters by CMA-ES, on users who were not learned from.

    Args:
        data: training users; where ``validation`` is too small, parts of them are held out in turn.
        validation: further users to judge by, or None.
        fit: learns a prior from data by one way to solve.
        encode: returns the centred attributes of the users of a data set, or None without any.
        solves: what is tried; the first is the default.
        run: seed and progress display.
    """
    pool = pool_of(data)
    folds = folds_of(data, validation, pool, run) if pool else []
    sought = (*_SOUGHT, "dislike_weight") if not data.liked.all() else _SOUGHT
    best = Choice(solves[0], MetaParameters(), 0.0, 0)
    priors: list[Prior] = []
    for solve in run.progress.track(solves, "shrinkage", len(solves)) if folds else ():
        fitted = [fit(fold.train, solve) for fold in folds]
        exams = exams_of(fitted, folds, pool, None, run.seed)
        found, ndcg = search(exams, sought, best.parameters, SHORT, run)
        if not priors or ndcg > best.ndcg:
            best, priors = Choice(solve, found, ndcg, sum(fold.judges.n_users for fold in folds)), fitted
    if not priors:
        return best
    best = _choose_decay(best, priors, folds, pool, sought, run)
    exams = exams_of(priors, folds, pool, best.parameters.half_life, run.seed)
    found, ndcg = search(exams, sought, best.parameters, LONG, run)
    gain = _attribute_gain([prior.with_parameters(found) for prior in priors], folds, pool, encode, run.seed)
    return Choice(best.solve, found.model_copy(update={"attribute_gain": gain}), ndcg, best.users)


def _choose_decay(
    best: Choice, priors: list[Prior], folds: list[Fold], pool: int, sought: tuple[str, ...], run: Run
) -> Choice:
    timed = all(fold.judges.histories.times is not None for fold in folds)
    for half_life in HALF_LIVES if timed else ():
        exams = exams_of(priors, folds, pool, half_life, run.seed)
        start = best.parameters.model_copy(update={"half_life": half_life})
        found, ndcg = search(exams, sought, start, SHORT, run)
        if ndcg > best.ndcg:
            best = Choice(best.solve, found, ndcg, best.users)
    return best


def pool_of(data: Dataset) -> int:
    """Return the largest pool that a tenth of the users has, with likes left to ask for; 0 if none."""
    likes = data.likes().lengths
    fit = (pool for pool in POOLS if (likes >= pool + LEAST_QUERY["likes"]).sum() >= max(1, data.n_users / 10))
    return next(fit, 0)


def folds_of(data: Dataset, validation: Dataset | None, pool: int, run: Run) -> list[Fold]:
    """Return who judges what was learned from whom: the validation users, and parts of ``data`` where these are few."""
    folds = [] if validation is None else [Fold(data, validation)]
    order = run.rng("folds").permutation(data.n_users)
    parts = np.array_split(order, 10 if data.n_users >= MANY_USERS else 5)
    for part in parts if data.n_users >= 2 * len(parts) else ():
        if sum(_usable(fold.judges, pool) for fold in folds) >= ENOUGH_USERS:
            break
        rest = np.setdiff1d(order, part)
        folds.append(Fold(data.take_users(rest), data.take_users(np.sort(part))))
    return [fold for fold in folds if _usable(fold.judges, pool)]


def _usable(data: Dataset, pool: int) -> int:
    return int((data.likes().lengths >= pool + LEAST_QUERY["likes"]).sum())


def exams_of(priors: list[Prior], folds: list[Fold], pool: int, half_life: float | None, seed: int) -> list[Exam]:
    """Return the tasks of each fold's judges, of likes and of all events, as exams of its prior."""
    exams = (
        Exam.of(prior, tasks, fold.judges.like_from, half_life)
        for prior, fold in zip(priors, folds, strict=True)
        for support in SHOTS
        for tasks in _tasks(fold.judges, pool, support, seed)
    )
    return [exam for exam in exams if exam is not None]


def _tasks(judges: Dataset, pool: int, support: Support, seed: int) -> list[Tasks]:
    if support == "events" and judges.liked.all():
        return []
    shots = tuple(k for k in SHOTS[support] if k <= pool)
    return list(cold_user_tasks(judges, _some_users(judges, seed), shots, support, pool, seed).values())


def _some_users(judges: Dataset, seed: int) -> Ints:
    rows = Run(seed=seed).rng("judges").permutation(judges.n_users)[:MOST_USERS]
    return np.sort(rows).astype(np.int64)


def _attribute_gain(
    priors: list[Prior], folds: list[Fold], pool: int, encode: Callable[[Dataset], Floats | None], seed: int
) -> float:
    """Return the gain at which attributes help strangers most; 0, as good as popularity, is among those tried."""
    exams = [
        (prior, tasks, attributes)
        for prior, fold in zip(priors, folds, strict=True)
        for tasks in cold_user_tasks(fold.judges, _some_users(fold.judges, seed), (0, 1), "likes", pool, seed).values()
        if (attributes := encode(fold.judges.take_users(tasks.users))) is not None and len(tasks)
    ]
    if not exams:
        return 1.0
    found = [np.concatenate([_ndcg(*exam, gain) for exam in exams]) for gain in ATTRIBUTE_GAINS]
    best = int(np.argmax([each.mean() for each in found]))
    better = found[best] - found[0]
    # what chance alone could have given is no reason to leave what is as good as popularity
    sure = best and better.mean() > better.std() / np.sqrt(len(better))
    return ATTRIBUTE_GAINS[best] if sure else ATTRIBUTE_GAINS[0]


def _ndcg(prior: Prior, tasks: Tasks, attributes: Floats, gain: float) -> npt.NDArray[np.float64]:
    parameters = prior.parameters.model_copy(update={"attribute_gain": gain})
    support = support_of(tasks.support, None, parameters, attributes)
    return ndcg_of_each(prior.with_parameters(parameters).scores(support), tasks)
