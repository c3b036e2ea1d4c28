"""What value a user would give: a Gaussian over users, learned from many, that her own values turn into hers."""

from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from scipy import sparse

from warmstart.core.artefact import Arrays, array_of
from warmstart.core.errors import BadInput
from warmstart.core.histories import Floats, Histories
from warmstart.core.run import Run
from warmstart.data.dataset import Dataset
from warmstart.data.features import FeatureEncoder
from warmstart.data.kinds import find_kinds
from warmstart.meta.context import UserContext
from warmstart.meta.value_belief import Belief, pairs_of
from warmstart.meta.value_factors import Gaussian, Ratings, Side, posterior, square
from warmstart.meta.value_fit import Choices, ValueConfig, ValueFactors, fit_factors, mapped, rating_episodes
from warmstart.meta.value_scale import ValueScale

if TYPE_CHECKING:
    import polars as pl

Point = Literal["median", "mean"]

STRENGTHS = (0.12, 0.25, 0.5, 0.7, 1.0, 1.4, 2.0)
"""How far users differ around what is expected of them, times what was learned; chosen on validation tasks."""
SCATTER_EVENTS = 16.0
"""Imagined events of the usual scatter that are added to a user's own."""
JUDGES = 500
"""Training users that are set aside, at most, where no validation users are given; at most one in ten."""
FEWEST = 20
"""Training users below which none are set aside, and the scale is fitted on those that were learned from."""


@dataclass(frozen=True)
class ValuePrior:
    """Foretells values of people never seen; adapting to a person is Bayes' rule in closed form.

    A person is a vector, drawn from a Gaussian whose mean depends on her attributes and on which items she chose to
    meet, and which her values move. Values come from it through thresholds, so chances of a like are calibrated.

    Source: Lim and Teh (2007) for the vectors; McCullagh (1980) for the thresholds; seen as meta-learning, the
    hierarchical Bayes of Grant et al. (2018).

    Args:
        factors: the items' vectors and what users' vectors are drawn from.
        scale: the thresholds.
        features: reads the items' table, for items that nobody met; None without one.
        n_attributes: columns of the users' attributes; 0 if none are read.
        strength: what the users' covariance is multiplied by.

    Example:
        >>> import warmstart as ws
        >>> from warmstart.core.histories import Histories
        >>> from warmstart.meta.values import ValuePrior
        >>> prior = ValuePrior.fit(ws.load_dataset("movielens-small"), factors=4, rounds=4)
        >>> glad, sad = prior.predict(Histories.of([[0], [0]], [[5.0], [0.5]]), point="mean").mean(axis=1)
        >>> bool(glad > sad)
        True
    """

    factors: ValueFactors
    scale: ValueScale
    features: FeatureEncoder | None = None
    n_attributes: int = 0
    strength: float = 1.0

    @classmethod
    def fit(
        cls,
        data: Dataset,
        validation: Dataset | None = None,
        run: Run | None = None,
        context: UserContext | None = None,
        **settings: Any,
    ) -> "ValuePrior":
        """Learn from users with values.

        Args:
            data: users to learn from; it must have likes and dislikes.
            validation: users on whom strength and thresholds are chosen; None sets some of ``data`` aside.
            run: seed and progress.
            context: how the users' attributes are read; None reads none.
            **settings: the fields of ``ValueConfig``.

        Raises:
            BadInput: the data have no events, or every event is a like.
            BadConfig: a setting is unknown or out of range.
        """
        if not cls.suits(data):
            raise BadInput(f"Values can be foretold only where there are likes and dislikes; {data.name!r} has none.")
        run, config = run or Run(), ValueConfig.of(**settings)
        learners, judges = _parts(data, validation, run)
        reader = _reader(data)
        described = _described(reader, data.items, data.n_items)
        told = _attributes(context, learners)
        factors = fit_factors(learners.histories, told, described, config, run)
        like_from = float(data.like_from or 0)
        scale = ValueScale.of(learners.histories.values, like_from)
        start = cls(factors, scale, reader, told.shape[1])
        return start._judged(judges, _attributes(context, judges), like_from, run)

    @staticmethod
    def suits(data: Dataset) -> bool:
        """Return whether values can be foretold: whether there are events, and likes are told by their value."""
        return data.like_from is not None and len(data.histories.items) > 0

    def predict(
        self, histories: Histories, attributes: Any | None = None, *, adapt: bool = True, point: Point = "median"
    ) -> Floats:
        """Return the value that each user would give each item, float32 [n, n_items].

        Args:
            histories: what is known of n users; a history may be empty.
            attributes: [n, columns] of ``UserContext``, all zero for a user of whom nothing is known; None for nobody.
            adapt: False leaves the histories unread: what is expected of any user with these attributes.
            point: the ``median`` has the least absolute error (and is a level of the scale), the ``mean`` the least
                squared error.
        """
        belief = self.belief(histories, attributes, adapt=adapt)
        if point == "median":
            return self.scale.median(belief.feelings())
        return self.scale.mean(belief.feelings(), belief.deviations())

    def probability_of_like(self, histories: Histories, attributes: Any | None = None, *, adapt: bool = True) -> Floats:
        """Return the probability that each user would like each item, float32 [n, n_items]; see ``predict``."""
        belief = self.belief(histories, attributes, adapt=adapt)
        return self.scale.chance_of_like(belief.feelings(), belief.deviations())

    def with_items(self, frame: "pl.DataFrame") -> "ValuePrior":
        """Return the prior with the items of ``frame`` after all others, foretold from their features."""
        described = _described(self.features, frame, len(frame))
        vectors = mapped(described, self.factors.item_map)
        spread = np.broadcast_to(np.diag(self.factors.item_spread), (len(frame), vectors.shape[1], vectors.shape[1]))
        old = self.factors.items
        items = Side(np.vstack([old.vectors, vectors]), np.concatenate([old.covariances, spread]))
        return replace(self, factors=replace(self.factors, items=items))

    def belief(self, histories: Histories, attributes: Any | None = None, *, adapt: bool = True) -> Belief:
        """Return what is believed of the users, as a normal distribution of every value; see ``predict``."""
        if not adapt:
            histories = histories.where(np.zeros(len(histories.items), dtype=bool))
        factors = self.factors
        ratings = Ratings.of(histories, len(factors.items.vectors), factors.centre)
        told = np.zeros((len(histories), self.n_attributes), dtype=np.float32)
        if attributes is not None and self.n_attributes:
            told = attributes.toarray() if sparse.issparse(attributes) else np.asarray(attributes)
        means = mapped(np.hstack([told, factors.choices.of(ratings, factors.items)]), factors.user_map)
        drawn = Gaussian(means, factors.user_covariance * np.float32(self.strength))
        users = posterior(ratings, factors.items, drawn, self.factors.noise)
        usual = np.full(len(histories), self.factors.noise, dtype=np.float32)
        belief = Belief(users, usual, factors.items, self._item_pairs, factors.centre)
        return replace(belief, scatter=self._scatter(histories, belief))

    @cached_property
    def _item_pairs(self) -> tuple[Floats, Floats]:
        return pairs_of(self.factors.items)

    def _scatter(self, histories: Histories, belief: Belief) -> Floats:
        """Return how much each user's values scatter around what she feels, drawn to what is usual."""
        gaps = histories.values - belief.feelings_at(histories)
        squares = np.bincount(histories.rows, weights=gaps**2, minlength=len(histories))
        shared = (squares + SCATTER_EVENTS * self.factors.noise) / (histories.lengths + SCATTER_EVENTS)
        return np.asarray(shared, dtype=np.float32)

    def _judged(self, judges: Dataset, attributes: Floats, like_from: float, run: Run) -> "ValuePrior":
        """Choose strength and thresholds on tasks of other users."""
        support, query, users = rating_episodes(judges.histories, run.rng("value tasks"))
        if not len(query.items):
            return self
        tried = [replace(self, strength=strength) for strength in STRENGTHS]
        told = attributes[users]
        gaps = [one.belief(support, told).feelings_at(query) - query.values for one in tried]
        best = tried[int(np.argmin([np.mean(gap**2, dtype=np.float64) for gap in gaps]))]
        belief = best.belief(support, told)
        feelings, deviations = belief.feelings_at(query), belief.deviations_at(query)
        return replace(best, scale=best.scale.fitted(feelings, deviations, query.values, like_from))

    def state(self) -> tuple[dict[str, Any], Arrays]:
        """Return what was learned, for ``restore``: a JSON-able header and arrays named ``values.*``."""
        factors, choices = self.factors, self.factors.choices
        rows, columns = np.triu_indices(factors.items.vectors.shape[1])
        arrays = {
            "values.items": factors.items.vectors,
            "values.item_covariances": factors.items.covariances[:, rows, columns],
            "values.item_map": factors.item_map,
            "values.item_spread": factors.item_spread,
            "values.choices": np.stack([choices.centre, choices.scale]),
            "values.user_map": factors.user_map,
            "values.user_covariance": factors.user_covariance,
        }
        header = {
            "centre": factors.centre,
            "noise": factors.noise,
            "strength": self.strength,
            "n_attributes": self.n_attributes,
            "features": None if self.features is None else self.features.to_header(),
            "scale": self.scale.to_header(),
        }
        return header, arrays | self.scale.arrays("values.scale")

    @classmethod
    def restore(cls, header: dict[str, Any], arrays: Arrays) -> "ValuePrior":
        """Take back what ``state`` returned; raises ``BadModelFile`` if an array does not fit."""
        vectors = array_of(arrays, "values.items", (None, None))
        width, n_attributes = vectors.shape[1], int(header["n_attributes"])
        packed = array_of(arrays, "values.item_covariances", (len(vectors), width * (width + 1) // 2))
        centre, scale = array_of(arrays, "values.choices", (2, width + 1))
        told = header["features"]
        features = None if told is None else FeatureEncoder.from_header(told)
        n_features = 0 if features is None else len(features.names)
        factors = ValueFactors(
            float(header["centre"]),
            Side(vectors, square(packed, width)),
            array_of(arrays, "values.item_map", (1 + n_features, width)),
            array_of(arrays, "values.item_spread", (width,)),
            Choices(centre, scale),
            array_of(arrays, "values.user_map", (1 + n_attributes + width + 1, width)),
            array_of(arrays, "values.user_covariance", (width, width)),
            float(header["noise"]),
        )
        scales = ValueScale.restore(header["scale"], arrays, "values.scale")
        return cls(factors, scales, features, n_attributes, float(header["strength"]))


def _parts(data: Dataset, validation: Dataset | None, run: Run) -> tuple[Dataset, Dataset]:
    """Return whom to learn from, and on whom to choose."""
    if validation is not None and (validation.histories.lengths > 1).any():
        return data, validation
    if data.n_users < FEWEST:
        return data, data
    order = run.rng("value judges").permutation(data.n_users)
    aside = min(JUDGES, data.n_users // 10)
    learners = data.take_users(np.sort(order[aside:]))
    return (learners, data.take_users(np.sort(order[:aside]))) if len(learners.histories.items) else (data, data)


def _attributes(context: UserContext | None, data: Dataset) -> Floats:
    if context is None or data.users is None:
        return np.zeros((data.n_users, 0 if context is None else len(context.mean)), dtype=np.float32)
    return context.centred(data.users)


def _reader(data: Dataset) -> FeatureEncoder | None:
    """Learn to read what describes items in a few words and numbers: titles, labels, years; no prose."""
    if data.items is None:
        return None
    kinds: dict[str, str] = dict(find_kinds(data.items, data.item_kinds))
    brief = {name: "ignore" if kind == "text" and name != "title" else kind for name, kind in kinds.items()}
    return FeatureEncoder.fit(data.items, brief)


def _described(reader: FeatureEncoder | None, frame: "pl.DataFrame | None", n: int) -> sparse.csr_matrix:
    if reader is None or frame is None:
        return sparse.csr_matrix((n, 0 if reader is None else len(reader)), dtype=np.float32)
    return reader.encode(frame)
