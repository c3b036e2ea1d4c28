"""The area under the curve over all answers together, with an interval over users, whose answers belong together."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from warmstart.evaluation.metrics import Doubles
from warmstart.evaluation.statistics import LEVEL, Estimate

DRAWS = 1000
"""Bootstrap samples of users behind every interval."""
_CELLS = 2**22


@dataclass(frozen=True, slots=True)
class Answers:
    """Scores of one row beside the truth.

    Args:
        users: int64 [n], whose each answer is, counted from 0.
        labels: bool [n].
        scores: float64 [n], higher for a likelier yes.
    """

    users: npt.NDArray[np.int64]
    labels: npt.NDArray[np.bool_]
    scores: Doubles

    @classmethod
    def of(cls, users: Sequence[str], labels: npt.ArrayLike, scores: npt.ArrayLike) -> "Answers":
        """Number the users in the order in which they come."""
        places = {user: place for place, user in enumerate(dict.fromkeys(users))}
        told = np.array([places[user] for user in users], dtype=np.int64)
        return cls(told, np.asarray(labels, dtype=bool), np.asarray(scores, dtype=np.float64))

    @property
    def n_users(self) -> int:
        """Number of users."""
        return int(self.users.max(initial=-1)) + 1


def pooled_auc(answers: Answers) -> float:
    """Return the chance that a yes outscores a no, a tie counting half; NaN where there is only one kind.

    Example:
        >>> from warmstart.evaluation.pooled_auc import Answers, pooled_auc
        >>> pooled_auc(Answers.of(["ann", "ann", "bob"], [True, False, False], [0.9, 0.9, 0.1]))
        0.75
    """
    return float(_weighted(answers, np.ones((1, answers.n_users)))[0])


def auc_draws(answers: Answers, seed: int = 0, draws: int = DRAWS) -> Doubles:
    """Return the area in bootstrap samples of users, float64 [draws]; NaN where a sample has only one kind.

    Rows of the same users share their samples, so differences of draws are paired.

    Source: Efron (1979), with users as the unit, as in the cluster bootstrap of Field and Welsh (2007).
    """
    n = answers.n_users
    if n == 0:
        return np.full(draws, np.nan)
    rng, blocks = np.random.default_rng([seed, n]), []
    for start in range(0, draws, step := max(1, _CELLS // max(1, len(answers.users)))):
        counts = rng.multinomial(n, np.full(n, 1 / n), size=min(step, draws - start))
        blocks.append(_weighted(answers, counts.astype(np.float64)))
    return np.concatenate(blocks)


def auc_over_users(answers: Answers, seed: int = 0, draws: int = DRAWS) -> Estimate:
    """Return the area with its 95% interval over users.

    Example:
        >>> from warmstart.evaluation.pooled_auc import Answers, auc_over_users
        >>> users, labels = ["ann", "bob", "eve"] * 4, [True, False, True, False] * 3
        >>> found = auc_over_users(Answers.of(users, labels, labels))
        >>> found.mean, found.low, found.n
        (1.0, 1.0, 3)
    """
    drawn = auc_draws(answers, seed, draws)
    return interval(pooled_auc(answers), drawn, answers.n_users)


def interval(mean: float, drawn: Doubles, n: int) -> Estimate:
    """Return a number with the percentile interval of its bootstrap samples."""
    usable = drawn[np.isfinite(drawn)]
    if n < 2 or not len(usable):
        return Estimate(mean, None, None, n)
    low, high = np.quantile(usable, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return Estimate(mean, float(low), float(high), n)


def _weighted(answers: Answers, counts: Doubles) -> Doubles:
    """Return the area where each user counts so many times, for each row of ``counts`` [draws, users]."""
    order = np.argsort(answers.scores, kind="stable")
    scores, labels = answers.scores[order], answers.labels[order]
    weights = counts[:, answers.users[order]]
    starts = np.flatnonzero(np.diff(scores, prepend=np.nan) != 0)
    yes = np.add.reduceat(weights * labels, starts, axis=1)
    no = np.add.reduceat(weights * ~labels, starts, axis=1)
    below = np.cumsum(no, axis=1) - no / 2
    with np.errstate(invalid="ignore", divide="ignore"):
        found: Doubles = (yes * below).sum(axis=1) / (yes.sum(axis=1) * no.sum(axis=1))
    return found
