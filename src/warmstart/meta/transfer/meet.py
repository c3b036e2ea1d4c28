"""A few users of a new catalogue correct the prior that was carried over to it, in closed form.

The k-shot prior shrinks its map towards 0; here it shrinks towards the carried map ``B0``, constant and all. With
``W = [P X, 1]``, ``R = (1 - P) Q`` and the diagonals ``D`` (what a random reveal adds) and ``L`` (the pull),

    B = (W'W + D + L)^-1 (W'R - diag + L B0) = F B0 + K (R + W (D + L)^-1 diag - W F B0),    F = L / (D + L),
    K = (D + L)^-1 W' (I + W (D + L)^-1 W')^-1,

exact, with one system of users x users (ridge regression with a prior mean, as in biased regularisation: Kienzle and
Chellapilla, 2006; Kuzborskij and Orabona, 2013). With nobody met it is ``B0``; with many it is the map from scratch.
"""

from dataclasses import dataclass, replace

import numpy as np
from scipy import linalg, sparse

from warmstart.core.histories import Floats, Ints
from warmstart.meta.kshot import Doubles, Episodes, KShot
from warmstart.meta.maps import DenseMap, FactoredMap, factored
from warmstart.meta.parameters import FEW, MANY
from warmstart.meta.prior import Anchor, Prior
from warmstart.meta.tastes import Tastes
from warmstart.meta.transfer.carry import Carried

POPULARITY_USERS = 30.0
"""Users that the carried popularity counts as."""
CONSTANT_USERS = 10.0
"""Users that the carried constant of the linear voice counts as."""


@dataclass(frozen=True, slots=True)
class Hold:
    """How firmly the carried prior is held on to.

    Args:
        pull: ridge towards the carried map, for one revealed event; it grows with k.
        tastes: how many carried tastes stand beside those of the users met.
        early: share of their tasks that reveal what came first in time.
    """

    pull: float
    tastes: int
    early: float = 0.0


FIRM = Hold(pull=3.0, tastes=512)
"""Taken where too few users were met to choose by."""


def met(
    carried: Carried, episodes: Episodes, hold: Hold, seed: int, popularity_users: float = POPULARITY_USERS
) -> Prior:
    """Return the prior over a new catalogue after its first users.

    Args:
        carried: what another catalogue's prior says of it.
        episodes: the users met; none are fine.
        hold: how firmly the carried prior is held on to.
        seed: of the draw of tastes.
        popularity_users: users that the carried popularity counts as.
    """
    likes, n_users = np.asarray(episodes.query.sum(axis=0)).ravel().astype(np.float64), len(episodes)
    parameters = carried.trusted(likes)
    if not n_users:
        return carried.prior.with_parameters(parameters)
    prior = carried.levelled(likes, n_users)
    popularity = carried.popularity(likes, n_users, popularity_users)
    few, many = (
        Anchor(corrected(anchor.prior, episodes, k, hold.pull), anchor.attributes)
        for anchor, k in zip(prior.anchors, (FEW, MANY), strict=True)
    )
    tastes = with_tastes(prior.tastes, episodes, many.prior, hold.tastes, seed)
    found = replace(prior, popularity=popularity, few=few, many=many, tastes=tastes)
    return found.with_parameters(parameters)


def corrected(
    carried: KShot, episodes: Episodes, k: int, pull: float | Doubles, constant_users: float = CONSTANT_USERS
) -> KShot:
    """Return the k-shot map that stays near a carried one where the users met say nothing.

    Args:
        carried: the map to stay near.
        episodes: the users met.
        k: events revealed in the mean.
        pull: see ``Hold``; one number, or float64 [items].
        constant_users: users that the carried constant counts as.

    Example:
        >>> import numpy as np
        >>> from scipy import sparse
        >>> from warmstart.meta.kshot import Episodes, fit_kshot
        >>> from warmstart.meta.transfer.meet import corrected
        >>> likes = sparse.csr_matrix(np.array([[1, 1, 0], [1, 1, 0], [0, 1, 1]], dtype=np.float32))
        >>> known = fit_kshot(Episodes(likes, likes), k=1, shrinkage=0.1, form="dense", rank=2, seed=0)
        >>> other = sparse.csr_matrix(np.array([[0, 1, 1]], dtype=np.float32))
        >>> firm, loose = (corrected(known, Episodes(other, other), 1, pull) for pull in (1e6, 0.1))
        >>> bool(abs(firm.events.rows - known.events.rows).max() < 1e-3), bool(loose.events.rows[1].argmax() == 2)
        (True, True)
    """
    tasks = episodes.reveals(k)
    revealed = tasks.with_constant
    held = np.append(np.broadcast_to(pull * k, (episodes.n_items,)), constant_users)
    ridge = np.append(tasks.own, 0.0) + held
    kept = held / ridge  # F
    scaled = revealed @ sparse.diags(1 / ridge)
    kernel = (scaled @ revealed.T).toarray()
    kernel[np.diag_indices_from(kernel)] += 1
    left = scaled.T @ linalg.inv(kernel, overwrite_a=True, check_finite=False)  # K, [items + 1, users]
    expected = _said(carried, (revealed @ sparse.diags(kept)).tocsr())
    asked = tasks.hidden + scaled[:, :-1] @ sparse.diags(tasks.removed)
    right = (asked.toarray() - expected).astype(np.float32)
    constant = kept[-1] * carried.constant + left[-1] @ right
    events = _sum(carried.events, kept[:-1].astype(np.float32), left[:-1].astype(np.float32), right)
    return KShot(constant.astype(np.float32), events)


def _said(carried: KShot, weights: sparse.csr_matrix) -> Floats:
    """Return ``weights`` [users, items + 1] times the carried map with its constant as the last row."""
    said: Floats = carried.events.combine(weights[:, :-1].astype(np.float32).tocsr())
    said += weights[:, [-1]].toarray().astype(np.float32) * carried.constant
    return said


def _sum(events: DenseMap | FactoredMap, kept: Floats, left: Floats, right: Floats) -> DenseMap | FactoredMap:
    """Return the map with its rows scaled, and ``left @ right`` added off the diagonal."""
    if isinstance(events, DenseMap):
        rows = left @ right
        rows += kept[:, None] * events.rows
        np.fill_diagonal(rows, 0)
        return DenseMap(rows)
    theirs = events.right if isinstance(events.right, np.ndarray) else events.right.toarray()
    both = np.hstack([events.left * kept[:, None], left])
    return factored(np.ascontiguousarray(both), np.ascontiguousarray(np.vstack([theirs, right])))


def with_tastes(tastes: Tastes | None, episodes: Episodes, profile: KShot, most: int, seed: int) -> Tastes | None:
    """Return at most so many of some tastes beside those of the users met, whom ``profile`` denoises."""
    own = Tastes.fit(episodes, profile, seed) if episodes.query.nnz else None
    if own is None or tastes is None or not most:
        return own or tastes
    return _beside(_some(tastes, most, seed), own)


def _some(tastes: Tastes, most: int, seed: int) -> Tastes:
    """Draw tastes; the logarithms are centred again over those that are left."""
    n = len(tastes.values)
    if n <= most:
        return tastes
    drawn = np.sort(np.random.default_rng(seed).choice(n, most, replace=False))
    keys = tastes.keys[:, drawn]
    return replace(tastes, keys=keys - keys.mean(axis=1, keepdims=True), values=tastes.values[drawn])


def _beside(one: Tastes, other: Tastes) -> Tastes:
    """Return both groups of tastes as one; an event that a group knows nothing of weighs all of its tastes alike."""
    evidence = np.flatnonzero((one.place >= 0) | (other.place >= 0))
    place = np.full(len(one.place), -1, dtype=np.int64)
    place[evidence] = np.arange(len(evidence))
    keys = np.hstack([_keys_of(tastes, evidence) for tastes in (one, other)])
    values = linalg.block_diag(one.values, other.values).astype(np.float32)
    return Tastes(np.ascontiguousarray(keys), place, values, np.vstack([one.outputs, other.outputs]))


def _keys_of(tastes: Tastes, evidence: Ints) -> Floats:
    places = tastes.place[evidence]
    keys = np.zeros((len(evidence), tastes.keys.shape[1]), dtype=np.float32)
    keys[places >= 0] = tastes.keys[places[places >= 0]]
    return keys
