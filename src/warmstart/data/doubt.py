"""Fake users: histories that hang together no better than chance, and who share an item far more often than chance.

People like things that other people like together. Who invents people must invent likes, and what is drawn at random,
by popularity, or from the best known items does not hang together (Chirita, Nejdl and Zamfir, 2005, look at the
likeness to neighbours; Mehta and Nejdl, 2009, at the covariance with other users). That alone would accuse everybody
with an unusual taste. But fakes must share something more: the item that they were made for. So only those are
suspects who hang together badly *and* like an item that such people like far more often than chance.
"""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
from pydantic import Field
from scipy import sparse
from scipy.special import betainc

from warmstart.core.config import Config
from warmstart.core.histories import Histories, Ints
from warmstart.data.dataset import Dataset

Doubles = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

DENSE = 10_000
"""Items up to which pairs are held in a dense matrix (400 MB), which is several times faster."""
PRIOR = 0.1
"""Added to expected walks, so that pairs of rare items weigh little."""
GROUPS, ALIKE = 16, 100
"""Groups of users by their number of likes, within which coherence is compared, and fewest users in one, about.

Not more, so that fakes of one length are no majority anywhere; not fewer, for long histories hang together less."""
OTHERS = 20
"""Users by whom the share of suspicious ones among those who do not like an item is drawn to that among all."""


class DoubtConfig(Config):
    """When a user is left out of training as a likely fake."""

    below: float = Field(0.2, gt=0, lt=1)
    """Share of the usual coherence, at as many likes, at or below which a history is suspicious."""

    excess: float = Field(2.0, gt=1)
    """How many times more suspicious users than are expected must like an item that was pushed."""

    luck: float = Field(1e-8, gt=0, lt=1)
    """Probability of so many suspicious users by chance, below which they are no accident."""

    least: int = Field(4, ge=2)
    """Fewest suspicious users who can be a group."""

    rounds: int = Field(3, ge=1)
    """How often to look again among those who are left."""


def suspects(data: Dataset, config: DoubtConfig = DoubtConfig()) -> Ints:  # noqa: B008
    """Return the rows of users who are likely made up; the order of users makes no difference.

    Args:
        data: all who would be trained on; only likes are looked at.
        config: thresholds.

    Returns:
        int64, sorted, often empty.

    Example:
        >>> import warmstart as ws
        >>> from warmstart.data.doubt import suspects
        >>> data = ws.load_dataset("movielens-small")
        >>> len(suspects(data)) < 0.02 * data.n_users
        True
    """
    likes = data.likes()
    left = np.arange(len(likes), dtype=np.int64)
    for _ in range(config.rounds):
        found = _suspicious_together(likes[left], data.n_items, config)
        if not found.any():
            break
        left = left[~found]
    return np.setdiff1d(np.arange(len(likes), dtype=np.int64), left)


def without_suspects(data: Dataset, config: DoubtConfig = DoubtConfig()) -> Dataset:  # noqa: B008
    """Return the data without likely fakes; the same object if there are none. What they alone met stays an item."""
    left_out = suspects(data, config)
    return data.take_users(np.setdiff1d(np.arange(data.n_users), left_out)) if len(left_out) else data


def coherence(likes: Histories, n_items: int) -> Doubles:
    """Return how well each user's likes hang together beyond what popularity explains, float64 [n].

    A walker goes from an item to somebody who likes it, and on to another like of that person. Of each pair of a user's
    likes it is asked how many more walks, of all but this user, join them than would if likes were drawn by
    popularity, in standard deviations. A like's fit is the mean over its pairs; the median fit is the user's. It is
    about 0 for likes drawn independently. The median, because fakes lend each other a few strong pairs: the item they
    push, and the best known ones.

    Args:
        likes: one row a user.
        n_items: size of the catalogue.

    Example:
        >>> from warmstart.core.histories import Histories
        >>> from warmstart.data.doubt import coherence
        >>> people = [[0, 1, 2], [0, 1, 2], [3, 4, 5], [3, 4, 5], [0, 3]]
        >>> [round(value, 1) for value in coherence(Histories.of(people), 6).tolist()]
        [0.8, 0.8, 0.8, 0.8, -0.5]
    """
    liked = _binary(likes, n_items)
    lengths, counts = np.diff(liked.indptr), np.asarray(liked.sum(axis=0)).ravel()
    steps = 1 / np.maximum(lengths - 1, 1)
    walks = _reader(sparse.csr_matrix(liked.T @ sparse.diags(steps) @ liked))
    found = np.zeros(len(likes))
    for user in np.flatnonzero(lengths > 1):
        mine = liked.indices[liked.indptr[user] : liked.indptr[user + 1]]
        others = counts[mine] - 1
        expected = np.outer(others, others) / max(len(liked.data) - len(mine), 1)
        excess = (np.maximum(walks(mine) - steps[user], 0) - expected) / np.sqrt(expected + PRIOR)
        np.fill_diagonal(excess, 0)
        found[user] = np.median(excess.sum(axis=1)) / (len(mine) - 1)
    return found


def _suspicious_together(likes: Histories, n_items: int, config: DoubtConfig) -> Bools:
    """Return who hangs together badly and likes an item that such users like far more often than chance, bool [n]."""
    liked = _binary(likes, n_items)
    group = _groups_of_alike(np.diff(liked.indptr))
    values = coherence(likes, n_items)
    usual = np.array([np.median(values[group == one]) for one in range(group.max(initial=-1) + 1)])
    suspicious: Bools = (values <= config.below * usual[group]) & (np.diff(liked.indptr) > 1)
    if not suspicious.any():
        return suspicious
    likers, fans, chance = _fans(liked, suspicious, group)
    many = (fans >= config.least) & (fans > config.excess * likers * chance)
    # the chance of so many among so many, binomial, as the incomplete beta function
    luck = betainc(np.maximum(fans, 1), likers - np.maximum(fans, 1) + 1, chance)
    pushed = many & (luck < config.luck)
    return np.asarray(suspicious & (liked @ pushed.astype(np.float64) > 0))


def _fans(liked: sparse.csr_matrix, suspicious: Bools, group: Ints) -> tuple[Doubles, Doubles, Doubles]:
    """Return of each item how many like it, how many of these are suspicious, and the share that chance would make.

    Chance is the share among those with as many likes who do not like the item, so that fakes of one length do not
    pass for what is usual at that length.
    """
    kinds = np.eye(group.max(initial=0) + 1)[group]
    likers, fans = np.asarray(liked.T @ kinds), np.asarray(liked.T @ (kinds * suspicious[:, None]))
    people, doubted = kinds.sum(axis=0), (kinds * suspicious[:, None]).sum(axis=0)
    others = (doubted - fans + OTHERS * doubted / people) / (people - likers + OTHERS)
    chance = (likers * others).sum(axis=1) / np.maximum(likers.sum(axis=1), 1)
    return likers.sum(axis=1), fans.sum(axis=1), np.clip(chance, 0, 1)


def _groups_of_alike(lengths: npt.NDArray[np.integer]) -> Ints:
    """Return the group of each user: those with about as many likes; users with as many are in the same."""
    parts = min(GROUPS, max(1, len(lengths) // ALIKE))
    edges = np.unique(np.quantile(lengths, np.arange(1, parts) / parts)) if parts > 1 else np.array([])
    return np.unique(np.searchsorted(edges, lengths, side="right"), return_inverse=True)[1].astype(np.int64)


def _reader(walks: sparse.csr_matrix) -> Callable[[npt.NDArray[np.int32]], Doubles]:
    """Return what reads the walks between any two of some items, float64 [items, items]."""
    if walks.shape[0] > DENSE:
        return lambda mine: walks[mine][:, mine].toarray().astype(np.float64)
    table = walks.toarray().astype(np.float32)
    return lambda mine: table[np.ix_(mine, mine)].astype(np.float64)


def _binary(likes: Histories, n_items: int) -> sparse.csr_matrix:
    liked = likes.matrix(n_items, np.ones(len(likes.items))).astype(np.float64)
    liked.data[:] = 1
    return liked
