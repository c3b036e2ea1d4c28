"""The blend as a problem: how much each voice of the k-shot prior counts, judged by people not learned from."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from warmstart.core.errors import BadConfig, BadInput
from warmstart.core.histories import Ints
from warmstart.core.run import Run
from warmstart.data.dataset import Dataset
from warmstart.data.episodes import Support, cold_user_tasks
from warmstart.meta.exam import Exam
from warmstart.meta.optimisers.blend_slope import slope_of
from warmstart.meta.optimisers.space import Choice, Continuous, Dimension, Doubles, Settings, Space
from warmstart.meta.parameters import MetaParameters
from warmstart.meta.prior import Prior

NAMES = ("gain_few", "gain_many", "sharpness_few", "sharpness_many", "taste_share_few", "taste_share_many")
"""What is sought; ``dislike_weight`` too, where people have events that are no likes."""
SHARES = ("taste_share_few", "taste_share_many")
SPREAD = 0.4
"""First standard deviation, on the scale of logarithms and logits."""
SHOTS: Mapping[Support, tuple[int, ...]] = {"likes": (1, 3, 8, 20), "events": (3, 12)}
MOST_USERS = 600
"""People of one exam; more cost time and tell little more."""


class Sitting(NamedTuple):
    """The same tasks under priors of several shrinkages."""

    by_shrinkage: Mapping[float, Exam]

    def __len__(self) -> int:
        return len(next(iter(self.by_shrinkage.values())))


@dataclass(frozen=True)
class BlendProblem:
    """The blend of the k-shot prior: gain, sharpness and share per k, and the shrinkage where several were learned.

    A task is one person after one number of events; every number of events counts alike in the mean.

    Args:
        sittings: tasks of one size each.
        start: where to begin.
        names: which parameters are sought.

    Example:
        >>> import warmstart as ws
        >>> from warmstart.meta.optimisers.blend import BlendProblem
        >>> from warmstart.meta.optimisers.study import optimise
        >>> data = ws.load_dataset("movielens-small")
        >>> problem = BlendProblem.of(data.take_users(range(500)), data.take_users(range(500, 610)))
        >>> study = optimise(problem, "cmaes", budget=30 * len(problem.weights))
        >>> study.best.quality > study.trials[0].quality
        True
    """

    sittings: tuple[Sitting, ...]
    start: MetaParameters = MetaParameters()
    names: tuple[str, ...] = NAMES

    @classmethod
    def of(
        cls,
        train: Dataset,
        judges: Dataset,
        *,
        shrinkages: Sequence[float] = (0.3,),
        pool: int = 20,
        shots: Mapping[Support, tuple[int, ...]] = SHOTS,
        run: Run | None = None,
    ) -> "BlendProblem":
        """Learn priors from some people and cut the tasks of others.

        Args:
            train: whom the priors are learned from, without attributes.
            judges: other people; those with too few likes for ``pool`` are left out.
            shrinkages: of the priors; with more than one it is a choice, of which the first is the start.
            pool: likes of a person that may be shown.
            shots: how many of them are, by the kind of events that count.
            run: seed.

        Raises:
            BadInput: nobody can judge.
        """
        if not shrinkages:
            raise BadConfig("shrinkages must name at least one.")
        seed = (run or Run()).seed
        priors = {shrinkage: _prior(train, shrinkage, seed) for shrinkage in shrinkages}
        drawn = np.random.default_rng(seed).permutation(judges.n_users)[:MOST_USERS]
        users = np.sort(drawn).astype(np.int64)
        sittings = []
        for support, sizes in shots.items():
            if support == "events" and judges.liked.all():
                continue
            for tasks in cold_user_tasks(judges, users, sizes, support, pool, seed).values():
                exams = {key: Exam.of(prior, tasks, judges.like_from, None) for key, prior in priors.items()}
                found = {key: exam for key, exam in exams.items() if exam is not None}
                sittings += [Sitting(found)] if found else []
        if not sittings:
            raise BadInput(f"Nobody among the {judges.n_users} judges has enough likes for a pool of {pool}.")
        names = NAMES if judges.liked.all() else (*NAMES, "dislike_weight")
        return cls(tuple(sittings), names=names)

    @property
    def space(self) -> Space:
        """The parameters on logarithms and logits, and the shrinkage where there are several."""
        found: dict[str, Dimension] = {
            name: Continuous(float(getattr(self.start, name)), SPREAD, "logit" if name in SHARES else "log")
            for name in self.names
        }
        shrinkages = tuple(self.sittings[0].by_shrinkage)
        return Space(found | ({"shrinkage": Choice(shrinkages[0], shrinkages)} if len(shrinkages) > 1 else {}))

    @property
    def weights(self) -> Doubles:
        """What each task counts: one in all for every number of events."""
        return np.concatenate([np.full(len(one), 1 / len(one)) for one in self.sittings])

    def parameters(self, settings: Settings) -> MetaParameters:
        """Return settings as the prior takes them."""
        return self.start.model_copy(update={name: settings[name] for name in self.names})

    def evaluate(self, settings: Settings, tasks: Ints) -> Doubles:
        """Return nDCG@10 of each of some tasks, float64 [len(tasks)]."""
        parameters = self.parameters(settings)
        parts = [(rows, exam.ndcg_of_each(parameters)) for rows, exam in self._exams(tasks, self._shrinkage(settings))]
        found = np.empty(len(tasks))
        for rows, quality in parts:
            found[rows] = quality
        return found

    def slope(self, vector: Doubles, tasks: Ints) -> tuple[float, Doubles]:
        """Return the softmax cross-entropy of some tasks and its gradient; see ``slope_of`` and ``Differentiable``."""
        settings = self.space.at(vector, self.space.start)
        parameters, weights = self.parameters(settings), self.weights[tasks]
        loss, gradient = 0.0, dict.fromkeys(self.names, 0.0)
        for rows, exam in self._exams(tasks, self._shrinkage(settings)):
            part, slopes = slope_of(exam, parameters, weights[rows] / weights.sum())
            loss += part
            for name in self.names:
                gradient[name] += slopes[name]
        return loss, np.array([gradient[name] * _rate(name, settings[name]) for name in self.names])

    def _shrinkage(self, settings: Settings) -> float:
        first = next(iter(self.sittings[0].by_shrinkage))
        return float(settings.get("shrinkage", first))

    def _exams(self, tasks: Ints, shrinkage: float) -> Iterator[tuple[Ints, Exam]]:
        """Yield the exams that hold some tasks, cut to them, and where in ``tasks`` they stand."""
        begin = 0
        for one in self.sittings:
            exam, end = one.by_shrinkage[shrinkage], begin + len(one)
            rows = np.flatnonzero((tasks >= begin) & (tasks < end))
            if len(rows):
                inside = tasks[rows] - begin
                whole = len(inside) == len(exam) and bool((np.diff(inside) == 1).all())
                yield rows, exam if whole else exam.take(inside)
            begin = end


def _prior(train: Dataset, shrinkage: float, seed: int) -> Prior:
    from warmstart.meta.evidence import episodes_of
    from warmstart.meta.kshot import form_for

    form, rank = form_for(train.n_users, train.n_items), 64
    nothing_told = np.zeros((train.n_users, 0), dtype=np.float32)
    return Prior.fit(episodes_of(train), nothing_told, shrinkage, form, rank, seed)


def _rate(name: str, value: float) -> float:
    """Return how fast a parameter moves with its logarithm or logit."""
    return value * (1 - value) if name in SHARES else value
