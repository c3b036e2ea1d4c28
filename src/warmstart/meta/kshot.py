"""The k-shot prior: the best linear map from a few revealed events to everything else, in closed form.

Draw a user, reveal each event with probability ``p = min(k / n, MOST_REVEALED)``, and ask for the likes that stay
hidden. The expectation over all reveals is known without sampling one, so the best map from the revealed events and
a constant to the hidden likes is one linear system. With ``X`` the graded events (one row a user), ``Q`` the likes:

    A = (P X)'(P X) + D,   D = diag(sum_u p (1 - p) x^2) + shrinkage      (and a column of ones for the constant)
    C = (P X)'((1 - P) Q)  without its diagonal,       B = A^-1 C,  diag(B) = 0

A user's own column of ones makes the constant; at k = 0 it is popularity.

People are not met at random: what they begin with is not what they come to. Where there is time, a share ``early`` of
the tasks reveals the first events and asks for what came after them. These reveals are certain, so they need neither
``D`` nor a removed diagonal: they are further rows of the same system, a few sizes ``j`` for each ``k``, their events
times ``(k / j)^(1/2)`` so that each row says as much.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
from scipy import linalg, sparse

from warmstart.core.histories import Floats, Ints
from warmstart.core.threads import all_threads
from warmstart.meta.factors import randomised_svd
from warmstart.meta.maps import DenseMap, FactoredMap, factored

Form = Literal["dense", "users", "low-rank"]
Doubles = npt.NDArray[np.float64]

MOST_REVEALED = 0.7
"""Largest share of a history that is revealed, so that something is left to ask for."""
LARGEST_EXACT = 20_000
"""Items up to which the map is exact; beyond, its rank is limited."""
FIRST_EVENTS = {1: (1, 3, 8), 20: (3, 8, 20)}
"""Sizes of the reveals in time order that stand for about ``k`` events; of another ``k``, that one alone."""
LARGEST_FIRST_SHARE = 0.5
"""Largest share of a history that is revealed in time order."""
CONSTANT_SHRINKAGE = 1e-6
"""Added to the constant's diagonal, a share of the users: keeps the system solvable, moves nothing."""


@dataclass(frozen=True, slots=True)
class Reveals:
    """All tasks of about ``k`` events in expectation: ``W = [seen, weight]`` and ``R = hidden``, one row a task.

    Args:
        seen: float64 [tasks, items], what is revealed.
        hidden: float64 [tasks, items], the likes that are asked for.
        weight: float64 [tasks], root of what a task counts; ``seen`` and ``hidden`` are multiplied by it already.
        user: int64 [tasks], whose task it is.
        own: float64 [items], what random reveals add to the diagonal of ``seen' seen``.
        removed: float64 [items], what is to be taken off the diagonal of ``seen' hidden``.
    """

    seen: sparse.csr_matrix
    hidden: sparse.csr_matrix
    weight: Doubles
    user: Ints
    own: Doubles
    removed: Doubles

    @property
    def with_constant(self) -> sparse.csr_matrix:
        """``W``, float64 [tasks, items + 1]: the last column is the constant's."""
        return sparse.hstack([self.seen, sparse.csr_matrix(self.weight[:, None])], format="csr")


@dataclass(frozen=True, slots=True)
class Episodes:
    """Training users as matrices.

    Args:
        support: float32 [users, items], graded events: 1 for a like, less for an event that is none.
        query: float32 [users, items], 1 for a like.
        places: float32 [users, items] where ``support`` has an event, its place in time from 1 on; None without time.
        early: share of the tasks that reveal what came first, 0 to 1; the others reveal at random.
    """

    support: sparse.csr_matrix
    query: sparse.csr_matrix
    places: sparse.csr_matrix | None = None
    early: float = 0.0

    def __len__(self) -> int:
        return int(self.support.shape[0])

    @property
    def n_items(self) -> int:
        """Number of items."""
        return int(self.support.shape[1])

    def revealed(self, k: int) -> Doubles:
        """Return the probability with which each user's events are revealed at random, float64 [users]."""
        counts = np.diff(self.support.indptr)
        shares: Doubles = np.minimum(k / np.maximum(counts, 1), MOST_REVEALED)
        return shares

    def reveals(self, k: int) -> Reveals:
        """Return the tasks of about ``k`` events."""
        if self.places is None or not self.early:
            return self._at_random(k, 1.0)
        sizes = FIRST_EVENTS.get(k, (k,))
        parts = [self._first(size, k, self.early / len(sizes)) for size in sizes]
        if self.early < 1:
            parts.append(self._at_random(k, 1 - self.early))
        return Reveals(
            sparse.vstack([part.seen for part in parts], format="csr"),
            sparse.vstack([part.hidden for part in parts], format="csr"),
            np.concatenate([part.weight for part in parts]),
            np.concatenate([part.user for part in parts]),
            np.sum([part.own for part in parts], axis=0),
            np.sum([part.removed for part in parts], axis=0),
        )

    def split(self, size: int) -> tuple[sparse.csr_matrix, sparse.csr_matrix]:
        """Part each user's first ``size`` events from the likes after them, [users, items] each; without time, none."""
        if self.places is None:
            return self.support * 0, self.query
        most = np.minimum(size, np.diff(self.places.indptr) * LARGEST_FIRST_SHARE)
        first = self.places.copy()
        first.data = (first.data <= np.repeat(most, np.diff(first.indptr))).astype(np.float32)
        first.eliminate_zeros()
        later = (self.query - self.query.multiply(first)).tocsr()
        later.eliminate_zeros()
        return self.support.multiply(first).tocsr(), later

    def _at_random(self, k: int, share: float) -> Reveals:
        p, weight = self.revealed(k), np.full(len(self), share**0.5)
        support, query = self.support.astype(np.float64), self.query.astype(np.float64)
        seen, hidden = (sparse.diags(weight * p) @ support).tocsr(), (sparse.diags(weight * (1 - p)) @ query).tocsr()
        own = share * np.asarray(support.power(2).T @ (p * (1 - p))).ravel()
        removed = np.asarray(seen.multiply(hidden).sum(axis=0)).ravel()
        return Reveals(seen, hidden, weight, np.arange(len(self)), own, removed)

    def _first(self, size: int, k: int, share: float) -> Reveals:
        seen, hidden = (part.astype(np.float64) for part in self.split(size))
        nothing, weight = np.zeros(self.n_items), share**0.5
        seen, hidden = seen * (weight * (k / max(size, 1)) ** 0.5), hidden * weight
        return Reveals(seen, hidden, np.full(len(self), weight), np.arange(len(self)), nothing, nothing)

    def met(self) -> Ints:
        """Return the items that somebody has an event on, in order."""
        return np.union1d(self.support.indices, self.query.indices).astype(np.int64)

    def of_users(self, rows: Ints) -> "Episodes":
        """Return some of the users."""
        places = None if self.places is None else self.places[rows]
        return Episodes(self.support[rows], self.query[rows], places, self.early)

    def over(self, items: Ints) -> "Episodes":
        """Return the same users with some items only."""
        places = None if self.places is None else self.places[:, items]
        return Episodes(self.support[:, items], self.query[:, items], places, self.early)


@dataclass(frozen=True, slots=True)
class KShot:
    """The prior for about ``k`` events: ``score = constant + sum_i weight_i events[i]``."""

    constant: Floats
    events: DenseMap | FactoredMap


def form_for(n_users: int, n_items: int) -> Form:
    """Choose the form by size: dense, in the space of users where they are fewer, or of limited rank.

    Example:
        >>> from warmstart.meta.kshot import form_for
        >>> form_for(6040, 3706), form_for(610, 9742), form_for(100_000, 1_000_000)
        ('dense', 'users', 'low-rank')
    """
    if n_items > LARGEST_EXACT:
        return "low-rank"
    return "dense" if n_users >= n_items else "users"


def fit_kshot(episodes: Episodes, k: int, shrinkage: float, form: Form, rank: int, seed: int) -> KShot:
    """Solve for the prior at ``k`` revealed events.

    Args:
        episodes: training users.
        k: events revealed in the mean, at least 1.
        shrinkage: added to the diagonal of ``A``, for one revealed event; it grows with ``k``.
        form: how the map is held; ``dense`` and ``users`` give the same scores.
        rank: of the low-rank form.
        seed: of the low-rank form's random projection.

    Returns:
        constant float32 [items] and the map of events.

    Example:
        >>> import numpy as np
        >>> from scipy import sparse
        >>> from warmstart.meta.kshot import Episodes, fit_kshot
        >>> likes = sparse.csr_matrix(np.array([[1, 1, 0], [1, 1, 0], [0, 0, 1]], dtype=np.float32))
        >>> prior = fit_kshot(Episodes(likes, likes), k=1, shrinkage=0.1, form="dense", rank=2, seed=0)
        >>> int(prior.events.rows[0].argmax())
        1
    """
    met = episodes.met()
    if form == "users" and episodes.early and len(episodes.reveals(k).user) > len(met):
        form = "dense"  # several tasks a user may be more than there are items
    if form == "users" or len(met) == episodes.n_items:
        return _solved(_System.of(episodes, k, shrinkage), form, rank, seed)
    # most items of a huge catalogue may never have been met: their rows and columns are zero, and cost in these forms
    found = _solved(_System.of(episodes.over(met), k, shrinkage), form, rank, seed)
    constant = np.zeros(episodes.n_items, dtype=np.float32)
    constant[met] = found.constant
    return KShot(constant, found.events.spread(met, episodes.n_items))


@dataclass(frozen=True, slots=True)
class _System:
    """``(D + W'W) B = W'R - diag(removed)``, the last row and column being the constant's."""

    revealed: sparse.csr_matrix  # W = [P X, 1], [users, items + 1]
    hidden: sparse.csr_matrix  # R = (1 - P) Q, [users, items]
    ridge: Doubles  # D, [items + 1]
    removed: Doubles  # the diagonal of (P X)'R, [items]

    @classmethod
    def of(cls, episodes: Episodes, k: int, shrinkage: float) -> "_System":
        tasks = episodes.reveals(k)
        ridge = np.append(tasks.own + shrinkage * k, CONSTANT_SHRINKAGE * len(episodes))
        return cls(tasks.with_constant, tasks.hidden, ridge, tasks.removed)


def _solved(system: _System, form: Form, rank: int, seed: int) -> KShot:
    if form == "dense":
        return _dense(system)
    return _in_user_space(system) if form == "users" else _low_rank(system, rank, seed)


def _dense(system: _System) -> KShot:
    gram = (system.revealed.T @ system.revealed).toarray()
    gram[np.diag_indices_from(gram)] += system.ridge
    target = (system.revealed.T @ system.hidden).toarray()
    np.fill_diagonal(target, 0)
    with all_threads():
        factor = linalg.cho_factor(gram, overwrite_a=True, check_finite=False)
        rows = linalg.cho_solve(factor, target, overwrite_b=True, check_finite=False).astype(np.float32)
    constant = rows[-1].copy()
    rows = rows[:-1]
    np.fill_diagonal(rows, 0)
    return KShot(constant, DenseMap(rows))


def _in_user_space(system: _System) -> KShot:
    """Solve by Woodbury's identity: exact, with matrices of users x users only.

    The constant's tiny ridge would make the kernel ill-conditioned. It joins as an update of rank one, after the
    inverse of what the items alone make; that one is found to a millionth in single precision, in half the time.
    """
    items, weight = system.revealed[:, :-1], system.revealed[:, [-1]].toarray().ravel()
    scaled = (items @ sparse.diags(1 / system.ridge[:-1])).tocsr()  # X D^-1
    kernel = (scaled @ items.T).astype(np.float32).toarray()
    kernel[np.diag_indices_from(kernel)] += 1
    # inverted, for then the many columns on its right may stay sparse
    inverse = linalg.inv(kernel, overwrite_a=True, check_finite=False, assume_a="pos")
    constant = inverse @ weight.astype(np.float32)
    shared = constant / np.float32(system.ridge[-1] + weight @ constant)
    inverse -= np.outer(constant, shared)
    left = scaled.T.tocsr().astype(np.float32) @ inverse
    return _parted(left, shared, (system.hidden + scaled @ sparse.diags(system.removed)).tocsr())


def _low_rank(system: _System, rank: int, seed: int) -> KShot:
    """Solve in the leading directions of ``W D^-1/2``, the only ones that the ridge lets through."""
    half = np.sqrt(1 / system.ridge)
    whitened = (system.revealed @ sparse.diags(half)).tocsr()
    u, s, vt = randomised_svd(whitened, rank, seed)
    left = (vt.T * half[:, None]) * (s / (1 + s**2))
    scaled = whitened @ sparse.diags(half)
    right = u.T @ (system.hidden + scaled[:, :-1] @ sparse.diags(system.removed))
    return _parted(left[:-1], left[-1], right)


def _parted(left: Doubles | Floats, own: Doubles | Floats, right: Doubles | sparse.csr_matrix) -> KShot:
    """Return the prior ``[left; own] @ right``, whose row ``own`` is the constant's."""
    dense = isinstance(right, np.ndarray)
    right = np.ascontiguousarray(right, dtype=np.float32) if dense else right.astype(np.float32)
    constant = np.asarray(own @ right, dtype=np.float32).ravel()
    return KShot(constant, factored(np.ascontiguousarray(left, dtype=np.float32), right))
