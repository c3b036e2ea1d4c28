"""What is learned from many users, and how it turns a few events into scores of all items."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import sparse

from warmstart.core.artefact import Arrays, array_of
from warmstart.core.histories import Floats, Ints
from warmstart.meta.kshot import Episodes, Form, KShot, fit_kshot
from warmstart.meta.maps import event_map_of
from warmstart.meta.parameters import FEW, MANY, MetaParameters, nearness_to_many
from warmstart.meta.tastes import Tastes

Doubles = npt.NDArray[np.float64]

ATTRIBUTE_RIDGE = 30.0
"""Users' worth of shrinkage on what an attribute adds."""


@dataclass(frozen=True, slots=True)
class Support:
    """Graded evidence of a batch of users, in compressed rows.

    Args:
        indptr: int64 [n + 1], where each user's events begin.
        items: int32 [events], item indices.
        weights: float32 [events], what each event weighs.
        attributes: float32 [n, columns] less the training users' mean, all zero where nothing is known; None for all.
        whole: float64 [n], how many whole events each user's come to; None where every event counts whole.
    """

    indptr: Ints
    items: npt.NDArray[np.int32]
    weights: Floats
    attributes: Floats | None = None
    whole: Doubles | None = None

    def __len__(self) -> int:
        return len(self.indptr) - 1

    @property
    def counts(self) -> Doubles:
        """How many events each user has, float64 [n]; those that count in part add up."""
        return np.diff(self.indptr).astype(np.float64) if self.whole is None else self.whole

    @property
    def count_of_one(self) -> float:
        """The same of a single user, as a plain number."""
        return len(self.items) if self.whole is None else float(self.whole[0])

    def matrix(self, n_items: int, factors: Doubles | None = None) -> sparse.csr_matrix:
        """Return float32 [n, n_items], each row times its factor."""
        weights = self.weights
        if factors is not None:
            weights = weights * np.repeat(factors, np.diff(self.indptr)).astype(np.float32)
        return sparse.csr_matrix((weights, self.items, self.indptr), shape=(len(self), n_items))


@dataclass(frozen=True, slots=True)
class Anchor:
    """The linear voice for about ``k`` events.

    Args:
        prior: constant and map of events.
        attributes: float32 [columns, items], what an attribute adds; no rows without attributes.
    """

    prior: KShot
    attributes: Floats


@dataclass(frozen=True, slots=True)
class Prior:
    """The k-shot prior at three anchors, the taste posterior, and the numbers that join them.

    ``score = (1 - share) (constant + gain sum_i w_i B_i + attributes) + share taste``, all of it depending on k.

    Args:
        popularity: float32 [items], share of users who like the item: the answer to nobody in particular.
        greeting: float32 [columns, items], what an attribute adds before any event.
        few, many: the linear voice at one and at twenty events.
        tastes: the second voice; None where nobody likes anything.
        mean_attributes: float32 [columns], of the training users.
        parameters: what joins the voices.
    """

    popularity: Floats
    greeting: Floats
    few: Anchor
    many: Anchor
    tastes: Tastes | None
    mean_attributes: Floats
    parameters: MetaParameters

    @classmethod
    def fit(
        cls,
        episodes: Episodes,
        attributes: Floats,
        shrinkage: float,
        form: Form,
        rank: int,
        seed: int,
    ) -> "Prior":
        """Learn from training users; the parameters are the defaults until a meta-optimiser sets them.

        Args:
            episodes: training users.
            attributes: float32 [users, columns], zero columns without attributes.
            shrinkage: added to the diagonal; see ``fit_kshot``.
            form: how the linear map is held.
            rank: of the low-rank form.
            seed: of the random projections and of the draw of tastes.
        """
        mean = attributes.mean(axis=0) if len(attributes) else np.zeros(attributes.shape[1], dtype=np.float32)
        centred = attributes - mean
        popularity = np.asarray(episodes.query.sum(axis=0)).ravel() / max(len(episodes), 1)
        few, many = (fit_kshot(episodes, k, shrinkage, form, rank, seed) for k in (FEW, MANY))
        liked = bool(episodes.query.nnz)
        return cls(
            popularity.astype(np.float32),
            _attribute_rows(centred, episodes, 0, None),
            Anchor(few, _attribute_rows(centred, episodes, FEW, few)),
            Anchor(many, _attribute_rows(centred, episodes, MANY, many)),
            Tastes.fit(episodes, many, seed) if liked else None,
            mean.astype(np.float32),
            MetaParameters(),
        )

    def with_parameters(self, parameters: MetaParameters) -> "Prior":
        """Return the same prior with other numbers."""
        return replace(self, parameters=parameters)

    @property
    def n_items(self) -> int:
        """Number of items."""
        return len(self.popularity)

    @property
    def anchors(self) -> tuple[Anchor, Anchor]:
        """The linear voice at few and at many events."""
        return self.few, self.many

    def scores(self, support: Support) -> Floats:
        """Score all items for a batch, float32 [n, items]."""
        if len(support) == 1:
            return self._scores_one(support)[None]
        linear = self._linear(support)
        share = self._share(support.counts)
        if self.tastes is not None and share.any():
            sharpness = _column(self.parameters.at("sharpness", support.counts))
            spoken = self.tastes.scores(self.tastes.evidence(support.matrix(self.n_items)) * sharpness)
            linear *= _column(1 - share)
            spoken *= _column(share)
            linear += spoken
        return linear

    def _scores_one(self, support: Support) -> Floats:
        """Score all items for one user, float32 [items]: the same without a batch's overhead."""
        if not len(support.items):
            found: Floats = self._linear(support)[0]
            return found
        items, weights, at = support.items, support.weights, self.parameters.at_one(support.count_of_one)
        share = at.share if self.tastes is not None else 0.0
        told, gain = support.attributes, self.parameters.attribute_gain
        scores = np.zeros(self.n_items, dtype=np.float32)
        # every factor goes onto something small, for a pass over all items costs as much as an event
        for anchor, part in zip(self.anchors, (1 - at.near, at.near), strict=True):
            factor = np.float32((1 - share) * part)
            if factor:
                scores += factor * anchor.prior.constant
                scores += anchor.prior.events.combine_one(items, weights * np.float32(factor * at.gain))
                if told is not None:
                    scores += (told[0] * np.float32(factor * gain)) @ anchor.attributes
        if self.tastes is not None and share:
            evidence = self.tastes.evidence_of(items, weights * np.float32(at.sharpness))
            scores += self.tastes.scores(evidence, share)
        return scores

    def contributions(self, support: Support, item: int) -> tuple[float, Doubles, Doubles]:
        """Split one user's score of an item into the prior's, each event's and each attribute column's part.

        Returns:
            the prior's amount, float64 [events] in order of ``support.items``, float64 [columns]; they sum to the
            score.
        """
        items, weights = support.items, support.weights
        attributes = np.zeros(len(self.mean_attributes))
        if support.attributes is not None:
            attributes = support.attributes[0] * self.parameters.attribute_gain
        if not len(items):
            return float(self.popularity[item]), np.zeros(len(items)), attributes * self.greeting[:, item]
        near, gain, sharpness, share = self.parameters.at_one(support.count_of_one)
        start, events, columns = 0.0, np.zeros(len(items)), np.zeros(len(attributes))
        for anchor, part in zip(self.anchors, (1 - near, near), strict=True):
            start += (1 - share) * part * float(anchor.prior.constant[item])
            events += (1 - share) * part * gain * weights * anchor.prior.events.entries(items, item)
            columns += (1 - share) * part * attributes * anchor.attributes[:, item]
        if self.tastes is not None and share:
            parts = self.tastes.parts_of(items) * (weights * sharpness)[:, None]
            unmoved, moved = self.tastes.contributions(parts, item)
            start, events = start + share * unmoved, events + share * moved
        return start, events, columns

    def arrays(self) -> Arrays:
        """Return what is to be stored with a model; the parameters travel in its header."""
        found = {"popularity": self.popularity, "greeting": self.greeting, "mean_attributes": self.mean_attributes}
        for name, anchor in zip(("few", "many"), self.anchors, strict=True):
            found |= {f"{name}.constant": anchor.prior.constant, f"{name}.attributes": anchor.attributes}
            found |= anchor.prior.events.arrays(name)
        return found | (self.tastes.arrays() if self.tastes is not None else {})

    @classmethod
    def of_arrays(cls, arrays: Arrays, n_items: int, parameters: MetaParameters, with_tastes: bool) -> "Prior":
        """Take back what ``arrays`` returned; raises ``BadModelFile`` if it does not fit."""
        mean = array_of(arrays, "mean_attributes", (None,))
        few, many = (_anchor_of(arrays, name, n_items, len(mean)) for name in ("few", "many"))
        tastes = Tastes.of_arrays(arrays, n_items) if with_tastes else None
        popularity = array_of(arrays, "popularity", (n_items,))
        greeting = array_of(arrays, "greeting", (len(mean), n_items))
        return cls(popularity, greeting, few, many, tastes, mean, parameters)

    def _linear(self, support: Support) -> Floats:
        near, gain, known = nearness_to_many(support.counts), self._gain(support.counts), support.counts > 0
        shares = (known * (1 - near), known * near)
        scores: Floats = _column(~known) * self.popularity
        if support.attributes is not None:
            scores += (support.attributes * _column(~known * self.parameters.attribute_gain)) @ self.greeting
        for anchor, share in zip(self.anchors, shares, strict=True):
            if share.any():
                scores += _column(share) * anchor.prior.constant
                scores += anchor.prior.events.combine(support.matrix(self.n_items, gain * share))
                if support.attributes is not None:
                    scores += (support.attributes * _column(share * self.parameters.attribute_gain)) @ anchor.attributes
        return scores

    def _gain(self, counts: Doubles) -> Doubles:
        return self.parameters.at("gain", counts)

    def _share(self, counts: Doubles) -> Doubles:
        return self.parameters.at("taste_share", counts) * (counts > 0)


def _attribute_rows(centred: Floats, episodes: Episodes, k: int, prior: KShot | None) -> Floats:
    """Regress on the attributes what the constant and the revealed events leave to be said."""
    if not centred.shape[1]:
        return np.zeros((0, episodes.n_items), dtype=np.float32)
    columns = centred.astype(np.float64)
    tasks = episodes.reveals(k)
    told = columns[tasks.user] * tasks.weight[:, None]
    # the constant drops out, for the columns are centred
    left = tasks.hidden.T.dot(told).T
    if prior is not None:
        expected = sparse.csr_matrix(np.asarray(tasks.seen.T.dot(told)).T)
        left = left - prior.events.combine(expected.astype(np.float32))
    gram = columns.T @ columns + ATTRIBUTE_RIDGE * np.eye(columns.shape[1])
    found: Floats = np.linalg.solve(gram, left).astype(np.float32)
    return found


def _anchor_of(arrays: Arrays, name: str, n_items: int, n_columns: int) -> Anchor:
    constant = array_of(arrays, f"{name}.constant", (n_items,))
    attributes = array_of(arrays, f"{name}.attributes", (n_columns, n_items))
    return Anchor(KShot(constant, event_map_of(arrays, name, n_items)), attributes)


def _column(values: npt.NDArray[Any]) -> Floats:
    return values.astype(np.float32)[:, None]
