"""How firmly to hold on to a carried prior: by a rule while few users were met, by trial once there are enough."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

from warmstart.core.histories import Floats
from warmstart.core.run import Run
from warmstart.core.tasks import Tasks
from warmstart.data.dataset import Dataset
from warmstart.data.episodes import LEAST_QUERY, cold_user_tasks
from warmstart.meta.choose import HALF_LIVES, Choice, Fold, Solve, exams_of, folds_of, pool_of
from warmstart.meta.evidence import episodes_of
from warmstart.meta.exam import Exam, ndcg_of
from warmstart.meta.kshot import Doubles
from warmstart.meta.parameters import MetaParameters, of_vector, to_vector
from warmstart.meta.prior import Prior
from warmstart.meta.search import climb
from warmstart.meta.transfer.carry import Carried
from warmstart.meta.transfer.meet import FIRM, POPULARITY_USERS, Hold, met

HOLDS = (FIRM, Hold(3.0, 0), Hold(0.3, 0))
"""What is tried, from the firmest to the loosest."""
HOLDS_IN_TIME = (*HOLDS, Hold(3.0, 512, 0.5), Hold(30.0, 512, 0.9))
"""What is tried where events have times."""
FEWEST_JUDGES = 50
"""Users with enough events below which the rule decides; on fewer the best of several settings is mostly luck."""
EVALUATIONS = 80
"""Settings of the meta-parameters that are tried under the best hold."""
PULL = 0.1
"""Quality, times the number of judges, that a step of one logarithm away from the carried parameters must earn."""

T = TypeVar("T")

_SOUGHT = ("gain_few", "gain_many", "sharpness_few", "sharpness_many", "taste_share_few", "taste_share_many")


def judges_of(data: Dataset) -> int:
    """Return how many users of a data set have enough events to judge a prior."""
    pool = pool_of(data)
    return int((data.likes().lengths >= pool + LEAST_QUERY["likes"]).sum()) if pool else 0


def held(carried: Carried, data: Dataset, run: Run, *, by_trial: bool) -> tuple[Prior, Choice]:
    """Return the prior after the users of ``data``, and how it was chosen.

    Args:
        carried: what another catalogue's prior says of this one.
        data: the users met.
        run: seed and progress display.
        by_trial: whether settings are tried on users held out in turn; else the rule decides.
    """
    if not by_trial:
        found = met(carried, episodes_of(data), FIRM, run.seed)
        return found, Choice(Solve(FIRM.pull), found.parameters, 0.0, 0)
    trial = _Trial(carried, folds_of(data, None, pool_of(data), run), pool_of(data), judges_of(data), run)
    start = trial.rule(data)
    holds = HOLDS if data.histories.times is None else HOLDS_IN_TIME
    tried = {one: trial.exams(one, start.half_life) for one in holds}
    hold = trial.best(tried, start)
    trusted, exams = trial.decayed(hold, start, tried[hold])
    parameters, ndcg = _searched(exams, trusted, trial.judges, not data.liked.all(), run)
    prior = met(carried, episodes_of(data, hold.early), hold, run.seed, trial.popularity_users())
    return prior.with_parameters(parameters), Choice(Solve(hold.pull, hold.early), parameters, ndcg, trial.judges)


@dataclass(frozen=True, slots=True)
class _Trial:
    """Users held out in turn, and what the others make of the carried prior."""

    carried: Carried
    folds: list[Fold]
    pool: int
    judges: int
    run: Run

    def rule(self, data: Dataset) -> MetaParameters:
        return self.carried.trusted(np.bincount(data.likes().items, minlength=data.n_items).astype(np.float64))

    def exams(self, hold: Hold, half_life: float | None) -> list[Exam]:
        # one fold at a time, for over a large catalogue each prior fills hundreds of megabytes
        found = []
        for fold in self.folds:
            prior = met(self.carried, episodes_of(fold.train, hold.early), hold, self.run.seed)
            found += exams_of([prior], [fold], self.pool, half_life, self.run.seed)
        return found

    def decayed(self, hold: Hold, start: MetaParameters, known: list[Exam]) -> tuple[MetaParameters, list[Exam]]:
        """Try whether recency counts here, where events have times."""
        timed = all(fold.judges.histories.times is not None for fold in self.folds)
        exams = {start.half_life: known}
        for half_life in (None, *HALF_LIVES) if timed else ():
            if half_life not in exams:
                exams[half_life] = self.exams(hold, half_life)
        best = self.best(exams, start)
        return start.model_copy(update={"half_life": best}), exams[best]

    def best(self, tried: Mapping[T, list[Exam]], parameters: MetaParameters) -> T:
        """Return the first of what was tried, or what is better by more than the standard error of the difference."""
        names = list(tried)
        found = [np.concatenate([exam.ndcg_of_each(parameters) for exam in tried[name]]) for name in names]
        leader = 0
        for place in range(1, len(names)):
            gain = found[place] - found[leader]
            # a user's tasks of several sizes are not independent, so users are counted and not tasks
            if gain.mean() > gain.std() / np.sqrt(self.judges):
                leader = place
        return names[leader]

    def popularity_users(self) -> float:
        """Return how many users the carried popularity counts as, all or nothing: what serves strangers better."""
        sums = {POPULARITY_USERS: 0.0, 0.0: 0.0}
        for fold in self.folds:
            rows = np.arange(fold.judges.n_users)
            tasks = cold_user_tasks(fold.judges, rows, (0,), "likes", self.pool, self.run.seed)[0]
            likes = np.bincount(fold.train.likes().items, minlength=fold.train.n_items).astype(np.float64)
            for users in sums if len(tasks) else ():
                popularity = self.carried.popularity(likes, fold.train.n_users, users)
                sums[users] += len(tasks) * ndcg_of(_for_all(popularity, tasks), tasks)
        return max(sums, key=lambda users: sums[users])


def _for_all(popularity: Floats, tasks: Tasks) -> Floats:
    return np.repeat(popularity[None], len(tasks), axis=0)


def _quality(exams: list[Exam], parameters: MetaParameters) -> float:
    return float(np.mean([exam.ndcg(parameters) for exam in exams])) if exams else 0.0


def _searched(
    exams: list[Exam], start: MetaParameters, judges: int, has_dislikes: bool, run: Run
) -> tuple[MetaParameters, float]:
    """Move the parameters where that earns more than luck would (CMA-ES with a pull towards the start)."""
    names = (*_SOUGHT, "dislike_weight") if has_dislikes else _SOUGHT
    origin = to_vector(start, names)

    def earned(vector: Doubles) -> float:
        return _quality(exams, of_vector(vector, names, start)) - PULL / judges * float(((vector - origin) ** 2).sum())

    best, _ = climb(earned, origin, EVALUATIONS, run, "transfer")
    found = of_vector(best, names, start)
    return found, _quality(exams, found)
