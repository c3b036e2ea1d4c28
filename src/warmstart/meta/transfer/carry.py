"""A prior as another catalogue's items see it: everything that it says of known items, passed on by a sparse map.

With ``T`` [new, known] the passage between the catalogues, popularity is ``T p``, what an event on one new item adds to
the score of another is ``T (B + own I) T'`` without its diagonal, and a taste's profile is ``T`` times its profile.
"""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import sparse

from warmstart.core.histories import Floats
from warmstart.meta.factors import randomised_svd
from warmstart.meta.kshot import Doubles, KShot
from warmstart.meta.maps import DenseMap, FactoredMap, factored
from warmstart.meta.parameters import MetaParameters
from warmstart.meta.prior import Anchor, Prior
from warmstart.meta.tastes import Tastes
from warmstart.meta.transfer.passage import Passage

LARGEST_DENSE = 4_200
"""Items up to which a carried map is written out; beyond, it is held in factors."""
RANK = 400
"""Rank of these factors."""
MOST_LIKED = 0.95
"""Bound on a carried popularity, which text alone can place anywhere."""
BY_TEXT = 0.3
"""What events and tastes count where nothing but text was carried over, beside 1 where all items have twins."""
FEW_LIKES = 20.0
"""Imagined likes beside the real ones when the twins' share of them is found."""
FEW_USERS = 5.0
"""Imagined users beside the real ones when the level of liking is found."""


@dataclass(frozen=True, slots=True)
class Carried:
    """A prior over a catalogue whose users nobody has met yet.

    Args:
        prior: what was carried over.
        twins: bool [items], the items that were met by another name.
    """

    prior: Prior
    twins: npt.NDArray[np.bool_]

    def trusted(self, likes: Doubles) -> MetaParameters:
        """Return parameters in which events count for less, the fewer likes (float64 [items]) go to twins.

        What text alone has carried over is right about items more often than about how they go together.
        """
        usual = self.prior.popularity / max(float(self.prior.popularity.sum()), 1e-12)
        weighed = likes + FEW_LIKES * usual
        share = float(weighed[self.twins].sum() / max(float(weighed.sum()), 1e-12))
        factor = BY_TEXT + (1 - BY_TEXT) * share
        names = ("gain_few", "gain_many", "taste_share_few", "taste_share_many")
        told = self.prior.parameters
        return told.model_copy(update={name: getattr(told, name) * factor for name in names})

    def levelled(self, likes: Doubles, n_users: int) -> Prior:
        """Return the prior at the level of liking that some users show, for twins and for the others.

        Text tells which of several strange items is liked more, and little of how much that is beside known ones.
        """
        return _times(self.prior, self._levels(likes, n_users))

    def popularity(self, likes: Doubles, n_users: int, carried_users: float) -> Floats:
        """Return how popular items are, float32 [items], where what was carried counts as so many users."""
        usual = self.prior.popularity * self._levels(likes, n_users)
        found: Floats = ((likes + carried_users * usual) / max(n_users + carried_users, 1)).astype(np.float32)
        return found

    def _levels(self, likes: Doubles, n_users: int) -> Floats:
        usual = self.prior.popularity.astype(np.float64)
        level = np.ones(len(usual), dtype=np.float32)
        for group in (self.twins, ~self.twins):
            expected = float(usual[group].sum())
            if expected > 0:
                met = float(likes[group].sum())
                level[group] = (met + FEW_USERS * expected) / ((n_users + FEW_USERS) * expected)
        return level


def carried(prior: Prior, passage: Passage, seed: int) -> Carried:
    """Carry a prior over to another catalogue; attributes of people stay behind."""
    few, many = (
        KShot(_passed(anchor.prior.constant, passage), passed_map(anchor.prior.events, passage, seed))
        for anchor in prior.anchors
    )
    popularity = np.clip(_passed(prior.popularity, passage), 0, MOST_LIKED)
    tastes = None if prior.tastes is None else _tastes(prior.tastes, passage.weights)
    parameters = prior.parameters.model_copy(update={"attribute_gain": 1.0})
    nobody, none = np.zeros(0, dtype=np.float32), np.zeros((0, len(popularity)), dtype=np.float32)
    found = Prior(popularity, none, Anchor(few, none), Anchor(many, none), tastes, nobody, parameters)
    return Carried(found, passage.twins)


def _passed(column: Floats, passage: Passage) -> Floats:
    return np.asarray(passage.weights @ column, dtype=np.float32)


@dataclass(frozen=True, slots=True)
class _Product:
    """``T (B + own I) T'``, never written out: large catalogues only multiply by it."""

    events: DenseMap | FactoredMap
    passage: Passage
    turned: bool = False
    dtype: Any = np.dtype(np.float32)

    @property
    def shape(self) -> tuple[int, int]:
        n = self.passage.weights.shape[0]
        return n, n

    @property
    def T(self) -> "_Product":  # noqa: N802 - numpy's name for it
        return replace(self, turned=not self.turned)

    def __matmul__(self, right: Floats) -> Floats:
        known = np.asarray(self.passage.weights.T @ right)
        events = self.events
        if isinstance(events, DenseMap):
            said = (events.rows.T if self.turned else events.rows) @ known
        else:
            left, far = (events.right.T, events.left.T) if self.turned else (events.left, events.right)
            said = np.asarray(left @ np.asarray(far @ known)) - events.diagonal[:, None] * known
        return np.asarray(self.passage.weights @ (said + np.float32(self.passage.own) * known), dtype=np.float32)


def passed_map(events: DenseMap | FactoredMap, passage: Passage, seed: int) -> DenseMap | FactoredMap:
    """Return ``T (B + own I) T'`` without its diagonal, in factors where the catalogue is large."""
    if passage.weights.shape[0] <= LARGEST_DENSE:
        return DenseMap(_written_out(events, passage))
    u, s, vt = randomised_svd(_Product(events, passage), RANK, seed)
    return factored(np.ascontiguousarray(u * s, dtype=np.float32), np.ascontiguousarray(vt, dtype=np.float32))


def _written_out(events: DenseMap | FactoredMap, passage: Passage) -> Floats:
    passed, n_known = passage.weights, passage.weights.shape[1]
    kept = np.full(n_known, passage.own, dtype=np.float32)
    if isinstance(events, DenseMap):
        rows = np.ascontiguousarray(np.asarray(passed @ np.asarray(passed @ events.rows).T).T, dtype=np.float32)
    else:
        far = passed @ events.right.T
        rows = np.asarray(passed @ events.left) @ (far if isinstance(far, np.ndarray) else far.toarray()).T
        kept -= events.diagonal
    rows += (passed @ sparse.diags(kept) @ passed.T).toarray()
    np.fill_diagonal(rows, 0)
    return rows


def _tastes(tastes: Tastes, weights: sparse.csr_matrix) -> Tastes:
    met = np.flatnonzero(tastes.place >= 0)
    known = sparse.csr_matrix(
        (np.ones(len(met), np.float32), (met, tastes.place[met])), shape=(len(tastes.place), len(tastes.keys))
    )
    told = weights @ known  # [new, evidence]
    evidence = np.flatnonzero(np.diff(told.indptr) > 0)
    place = np.full(weights.shape[0], -1, dtype=np.int64)
    place[evidence] = np.arange(len(evidence))
    outputs = np.ascontiguousarray(np.asarray(weights @ tastes.outputs.T, dtype=np.float32).T)
    return Tastes(np.asarray(told[evidence] @ tastes.keys, dtype=np.float32), place, tastes.values, outputs)


def _times(prior: Prior, level: Floats) -> Prior:
    """Multiply every item's column by its level."""
    few, many = (
        Anchor(KShot(anchor.prior.constant * level, _map_times(anchor.prior.events, level)), anchor.attributes * level)
        for anchor in prior.anchors
    )
    tastes = None if prior.tastes is None else replace(prior.tastes, outputs=prior.tastes.outputs * level)
    return replace(prior, popularity=prior.popularity * level, few=few, many=many, tastes=tastes)


def _map_times(events: DenseMap | FactoredMap, level: Floats) -> DenseMap | FactoredMap:
    if isinstance(events, DenseMap):
        return DenseMap(events.rows * level)
    right = events.right
    scaled = right * level if isinstance(right, np.ndarray) else (right @ sparse.diags(level)).tocsr()
    return FactoredMap(events.left, scaled, events.diagonal * level)
