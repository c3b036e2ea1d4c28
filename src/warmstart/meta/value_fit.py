"""How the vectors behind the values are learned, and what they are expected to be before any value is known."""

from dataclasses import dataclass
from typing import Annotated, Any

import numpy as np
import numpy.typing as npt
from pydantic import Field
from scipy import sparse

from warmstart.core.config import Config, Tunable
from warmstart.core.histories import Floats, Histories, Ints
from warmstart.core.run import Run
from warmstart.meta.value_factors import Gaussian, Ratings, Side, expected_squares, posterior

MOST_CELLS = 1 << 25
"""Numbers of all covariances of one side; a larger catalogue gets shorter vectors."""
FIRST_SCALE = 0.1
"""Standard deviation of the random vectors that the rounds begin with."""
FIRST_SPREAD = 0.1
"""Variance of the items' vectors that the first round believes in."""
SAMPLE = 20_000
"""Events on which the part of the noise that uncertainty explains is averaged."""
LEAST_ROWS = 2
"""Items (or users) below which nothing is learned from what they share."""
MOST_COLUMNS = 1024
"""Features that are learned from, at most: the commonest."""
ASKED = 10
"""Events of a user that a task asks for, at most."""
LEAST_NOISE = 1e-3
"""Share of the values' variance that is noise at least, so that nothing is ever certain."""


class ValueConfig(Config):
    """Settings of predicted values."""

    factors: Annotated[int, Field(ge=0), Tunable(choices=(4, 8, 16, 24))] = 16
    """Length of the vectors beside the bias; shorter where users or items are few, or too many for memory."""

    rounds: Annotated[int, Field(ge=1), Tunable(choices=(8, 12, 16))] = 10
    """Rounds of alternating updates."""

    user_ridge: Annotated[float, Field(gt=0), Tunable(2, 200, log=True)] = 20.0
    """Imagined users that hold what is known of a user beside her values to have no meaning."""

    item_ridge: Annotated[float, Field(gt=0), Tunable(1, 100, log=True)] = 5.0
    """Imagined items that hold the items' features to have no meaning."""


@dataclass(frozen=True, slots=True)
class Ridge:
    """A linear map from features to vectors, shrunk to the mean; the system is solved once for many right-hand sides.

    Args:
        features: float32 sparse or dense [n, kept columns].
        kept: int64, which columns count; the others are too rare to learn from.
        n_columns: how many there are in all.
        centre: float64 [kept columns], what is taken off each row.
        solved: float64 [kept columns, kept columns], the inverse of the regularised gram matrix.
        weights: float64 [n], how much each row counts.
    """

    features: Any
    kept: Ints
    n_columns: int
    centre: npt.NDArray[np.float64]
    solved: npt.NDArray[np.float64]
    weights: npt.NDArray[np.float64]

    @classmethod
    def of(cls, features: Any, weights: npt.NDArray[np.float64], strength: float) -> "Ridge":
        """Prepare; only the proportions of ``weights`` count, and rows of weight 0 not at all."""
        shares = weights * (np.count_nonzero(weights) / max(float(weights.sum()), 1e-12))
        total = max(float(shares.sum()), 1e-12)
        kept = _common(features, weights > 0)
        chosen = features[:, kept]
        centre = np.asarray(chosen.T @ shares).ravel() / total
        weighted = sparse.diags(shares) @ chosen if sparse.issparse(chosen) else chosen * shares[:, None]
        gram = chosen.T @ weighted
        dense = (gram.toarray() if sparse.issparse(gram) else gram) - total * np.outer(centre, centre)
        return cls(chosen, kept, features.shape[1], centre, np.linalg.inv(dense + strength * np.eye(len(kept))), shares)

    def fit(self, vectors: Floats) -> Floats:
        """Return the map, float32 [1 + columns, vector]: the intercept, then a row a column."""
        mean = self.weights @ vectors / max(float(self.weights.sum()), 1e-12)
        weighted = self.weights[:, None] * (vectors - mean)
        slopes = self.solved @ (np.asarray(self.features.T @ weighted) - np.outer(self.centre, weighted.sum(axis=0)))
        found = np.zeros((1 + self.n_columns, vectors.shape[1]), dtype=np.float32)
        found[0] = mean - self.centre @ slopes
        found[1 + self.kept] = slopes
        return found


def _common(features: Any, counted: npt.NDArray[np.bool_]) -> Ints:
    """Return which columns enough rows have, the commonest if there are too many."""
    chosen = features[np.flatnonzero(counted)]
    counts = chosen.getnnz(axis=0) if sparse.issparse(chosen) else np.count_nonzero(chosen, axis=0)
    enough = np.flatnonzero(counts >= LEAST_ROWS)
    ordered = enough[np.argsort(-counts[enough], kind="stable")]
    kept: Ints = np.sort(ordered[:MOST_COLUMNS]).astype(np.int64)
    return kept


def mapped(features: Any, weights: Floats) -> Floats:
    """Return what a map of ``Ridge.fit`` says of features, float32 [n, vector]."""
    said: Floats = np.asarray(features @ weights[1:] + weights[0], dtype=np.float32)
    return said


@dataclass(frozen=True)
class Choices:
    """What the choice of items says of a user before any value: their mean vector, and how many they are.

    Args:
        centre: float32 [columns].
        scale: float32 [columns].
    """

    centre: Floats
    scale: Floats

    @classmethod
    def fit(cls, ratings: Ratings, items: Side) -> "Choices":
        """Learn centre and scale."""
        raw = _choices(ratings, items)
        return cls(raw.mean(axis=0), np.maximum(raw.std(axis=0), np.float32(1e-3)))

    def of(self, ratings: Ratings, items: Side) -> Floats:
        """Return standardised columns, float32 [n, 2 + factors]."""
        found: Floats = (_choices(ratings, items) - self.centre) / self.scale
        return found


@dataclass(frozen=True, slots=True)
class ValueFactors:
    """What the alternating updates learned.

    Args:
        centre: mean of all values.
        items: every item's vector; of an item that nobody met what its features say.
        item_map: float32 [1 + features, 1 + factors], from features to the vector of such an item.
        item_spread: float32 [1 + factors], variances around that map.
        choices: how a user's choice of items is read.
        user_map: float32 [1 + attributes + choices, 1 + factors], to the mean of a user's vector.
        user_covariance: float32 [1 + factors, 1 + factors], how users differ around that mean.
        noise: variance of values around what the vectors say.
    """

    centre: float
    items: Side
    item_map: Floats
    item_spread: Floats
    choices: Choices
    user_map: Floats
    user_covariance: Floats
    noise: float


def fit_factors(
    histories: Histories, attributes: Floats, features: Any, config: ValueConfig, run: Run | None = None
) -> ValueFactors:
    """Learn vectors of items, and the Gaussian that users' vectors are drawn from, by alternating updates.

    Args:
        histories: n users with values, at least one event in all.
        attributes: float32 [n, columns], none or more.
        features: sparse float32 [n_items, columns], none or more.
        config: settings.
        run: seed and progress.
    """
    run = run or Run()
    rng = run.rng("value factors")
    centre = float(histories.values.mean(dtype=np.float64))
    variance = max(float(histories.values.var(dtype=np.float64)), 1e-6)
    ratings = Ratings.of(histories, features.shape[0], centre)
    shown = Ratings.of(some_of_each(histories, rng), features.shape[0], centre)
    turned, sample = ratings.turned, _sample(len(histories.items), rng)
    counts = np.diff(turned.known.indptr)
    items = _first_items(turned, _width(config.factors, len(histories), features.shape[0]), rng)
    width, noise = items.vectors.shape[1], variance
    drawn_users = Gaussian(np.zeros((len(histories), width), np.float32), np.eye(width, dtype=np.float32))
    drawn_items = Gaussian(np.zeros_like(items.vectors), np.eye(width, dtype=np.float32) * np.float32(FIRST_SPREAD))
    by_features = Ridge.of(features, (counts > 0).astype(np.float64), config.item_ridge)
    for turn in run.progress.track(range(config.rounds), "learning values"):
        users = posterior(ratings, items, drawn_users, noise)
        drawn_users, _, _ = drawn_from(users, shown, items, attributes, config.user_ridge)
        users, items, drawn_users = _whitened(users, items, drawn_users)
        if turn:
            drawn_items = _drawn_items(items, features, by_features, counts > 0)
        items = posterior(turned, users, drawn_items, noise)
        noise = max(expected_squares(ratings, users, items, sample), LEAST_NOISE * variance)
    # events fall on the items that many meet, so a new item is expected to be like those
    new = Ridge.of(features, counts.astype(np.float64), config.item_ridge)
    item_map, spread = new.fit(items.vectors), np.diag(drawn_items.covariance)
    items = with_unmet(items, counts == 0, mapped(features, item_map), spread)
    users = posterior(ratings, items, drawn_users, noise)
    drawn_users, user_map, choices = drawn_from(users, shown, items, attributes, config.user_ridge)
    return ValueFactors(centre, items, item_map, spread, choices, user_map, drawn_users.covariance, noise)


def drawn_from(
    users: Side, shown: Ratings, items: Side, attributes: Floats, strength: float
) -> tuple[Gaussian, Floats, Choices]:
    """Return what the users' vectors are drawn from, given attributes and choices, with both maps to the mean."""
    choices = Choices.fit(shown, items)
    context = np.hstack([attributes, choices.of(shown, items)])
    user_map = Ridge.of(context, np.ones(len(context)), strength).fit(users.vectors)
    means = mapped(context, user_map)
    gaps = users.vectors - means
    covariance = (gaps.T @ gaps + users.covariances.sum(axis=0)) / np.float32(len(gaps))
    return Gaussian(means, covariance), user_map, choices


def with_unmet(items: Side, unmet: npt.NDArray[np.bool_], vectors: Floats, spread: Floats) -> Side:
    """Return the items with the vectors of those that nobody met put in place."""
    found = Side(items.vectors.copy(), items.covariances.copy())
    found.vectors[unmet] = vectors[unmet]
    found.covariances[unmet] = np.diag(spread)
    return found


def some_of_each(histories: Histories, rng: np.random.Generator) -> Histories:
    """Return a random part of each history, from all to nothing, small parts as likely as large ones."""
    lengths = histories.lengths
    kept = np.floor(np.exp(rng.random(len(lengths)) * np.log(lengths + 2.0))).astype(np.int64) - 1
    return histories.where(_shuffled_places(histories, rng) < np.repeat(kept, lengths))


def rating_episodes(histories: Histories, rng: np.random.Generator) -> tuple[Histories, Histories, Ints]:
    """Return support, query and row of tasks: of each user some events are asked for, and some of the rest shown."""
    users = np.flatnonzero(histories.lengths > 1)
    chosen = histories[users]
    asked = _shuffled_places(chosen, rng) < np.minimum(ASKED, chosen.lengths // 2)[chosen.rows]
    return some_of_each(chosen.where(~asked), rng), chosen.where(asked), users


def _shuffled_places(histories: Histories, rng: np.random.Generator) -> Ints:
    """Return the place of each event in a random order of its user's."""
    order = np.lexsort((rng.random(len(histories.items)), histories.rows))
    places = np.empty(len(order), dtype=np.int64)
    places[order] = np.arange(len(order)) - np.repeat(histories.indptr[:-1], histories.lengths)
    return places


def _drawn_items(items: Side, features: Any, by_features: Ridge, met: npt.NDArray[np.bool_]) -> Gaussian:
    means = mapped(features, by_features.fit(items.vectors))
    gaps = (items.vectors - means)[met]
    spread = (gaps**2 + np.einsum("nff->nf", items.covariances[met])).mean(axis=0)
    return Gaussian(means, np.diag(spread))


def _whitened(users: Side, items: Side, drawn: Gaussian) -> tuple[Side, Side, Gaussian]:
    """Turn both sides so that users differ by one in every direction, which leaves all products as they were."""
    inner = drawn.covariance[1:, 1:].astype(np.float64)
    root = np.linalg.cholesky(inner + 1e-6 * np.eye(len(inner)))
    to_users, to_items = np.eye(len(inner) + 1), np.eye(len(inner) + 1)
    to_users[1:, 1:], to_items[1:, 1:] = np.linalg.inv(root), root.T
    ours = to_users.astype(np.float32)
    covariance = (ours @ drawn.covariance @ ours.T).astype(np.float32)
    return users.turned(to_users), items.turned(to_items), Gaussian(drawn.means @ ours.T, covariance)


def _first_items(turned: Ratings, width: int, rng: np.random.Generator) -> Side:
    n_items = turned.values.shape[0]
    vectors = (FIRST_SCALE * rng.standard_normal((n_items, width))).astype(np.float32)
    vectors[:, 0] = np.asarray(turned.values.sum(axis=1)).ravel() / (np.diff(turned.values.indptr) + 5)
    return Side(vectors, np.zeros((n_items, width, width), dtype=np.float32))


def _width(asked: int, n_users: int, n_items: int) -> int:
    affordable = int(np.sqrt(MOST_CELLS / max(n_users, n_items))) - 1
    return 1 + max(0, min(asked, affordable, n_users - 1, n_items - 1))


def _sample(n: int, rng: np.random.Generator) -> npt.NDArray[np.int64]:
    return np.sort(rng.integers(n, size=min(SAMPLE, n)))


def _choices(ratings: Ratings, items: Side) -> Floats:
    lengths = np.diff(ratings.known.indptr).astype(np.float32)[:, None]
    found: Floats = np.hstack([ratings.known @ items.vectors / np.sqrt(np.maximum(lengths, 1)), np.log1p(lengths)])
    return found
