"""Predicted values and likes of a recommender, calibrated on validation tasks and measured."""

from collections.abc import Iterator, Sequence

import numpy as np

from warmstart.core.histories import Floats, Histories
from warmstart.evaluation.cost import Stopwatch
from warmstart.evaluation.measure import block_size, fitness_of
from warmstart.evaluation.metrics import Doubles
from warmstart.evaluation.panel import Panel, Split
from warmstart.evaluation.protocol import Measurer
from warmstart.evaluation.rating_metrics import (
    cross_entropy,
    like_errors,
    own_ndcg,
    random_ndcg,
    value_errors,
)
from warmstart.evaluation.statistics import Measured
from warmstart.evaluation.values import (
    Biases,
    Logistic,
    PredictsLikes,
    PredictsValues,
    met_in,
    slope,
    standardised,
)
from warmstart.recommenders.base import BATCH, Recommender


def rating_measures(k: int) -> tuple[str, ...]:
    """Return the names of what is measured of predicted values and likes; ``k`` is the depth of nDCG."""
    return ("mae", "rmse", "mse", f"ndcg@{k}", "accuracy", "precision", "recall", "f1", "cross_entropy")


class RatingMeasurer(Measurer):
    """Values and chances of a like, from a recommender or (without one) from the biases alone.

    Args:
        model: a fitted recommender, or None.
        split: its first validation panel is what the calibration is fitted on.
        k: depth of nDCG over a task's own query.
    """

    def __init__(self, model: Recommender | None, split: Split, k: int) -> None:
        self.source: object = model
        self.k = k
        self.measures = (*rating_measures(k), "fitness")
        self.like_from = float(split.train.like_from or 0)
        self.n_items = split.train.n_items
        self._calibrate(split)

    def __call__(
        self, panel: Panel, measures: Sequence[str] | None = None, watch: Stopwatch | None = None
    ) -> dict[str, Measured]:
        """Return the measures of every task of the panel."""
        query, n = panel.tasks.query, len(panel)
        values = np.clip(self._values(panel, self._said(panel, watch or Stopwatch())), *self.range)
        given = self._chances(panel)
        chances = self.curve(values) if given is None else given
        liked = query.values >= self.like_from
        errors = value_errors(query.values, values, query.rows, n)
        found = {
            **errors,
            f"ndcg@{self.k}": own_ndcg(liked, values if given is None else given, query.rows, n, self.k),
            **like_errors(liked, chances >= 0.5, query.rows, n),
            "cross_entropy": cross_entropy(liked, chances, query.rows, n),
            "fitness": fitness_of(errors["mae"].values, self._usual(panel)),
        }
        return {name: found[name] for name in measures or self.measures}

    def _usual(self, panel: Panel) -> Doubles:
        """Return each task's mean absolute error when it is foretold by the biases alone."""
        support, query = panel.tasks.support, panel.tasks.query
        usual = np.clip(self.biases.at(support, query), *self.range)
        return value_errors(query.values, usual, query.rows, len(panel))["mae"].values

    def _calibrate(self, split: Split) -> None:
        """Choose shrinkage, weights of the scores and the curve of likes."""
        panel, train = split.validate[0], split.train
        support, query = panel.tasks.support, panel.tasks.query
        self.range = (float(train.histories.values.min()), float(train.histories.values.max()))
        self.biases = Biases.chosen(train, support, query)
        self.met = met_in(train)
        said, known = self._said(panel, Stopwatch()), self.met[query.items]
        gaps = query.values - self.biases.at(support, query)
        self.weights = (slope(gaps[~known], said[~known]), slope(gaps[known], said[known]))
        self.curve = Logistic.of(self._values(panel, said), query.values >= self.like_from)

    def _values(self, panel: Panel, said: Doubles) -> Doubles:
        if isinstance(self.source, PredictsValues):
            return said
        query = panel.tasks.query
        weights = np.where(self.met[query.items], self.weights[1], self.weights[0])
        return np.asarray(self.biases.at(panel.tasks.support, query) + weights * said, dtype=np.float64)

    def _said(self, panel: Panel, watch: Stopwatch) -> Doubles:
        """Return what the source says of the query's events: values, or standardised scores; 0 without a source."""
        query, found, start = panel.tasks.query, [np.zeros(0)], 0
        for block in watch.track(self._blocks(panel)):
            asked = query[slice(start, start + len(block))]
            found.append(_at(block, asked) if isinstance(self.source, PredictsValues) else standardised(block, asked))
            start += len(block)
        return np.concatenate(found) if start else np.zeros(len(query.items))

    def _blocks(self, panel: Panel) -> Iterator[Floats]:
        if isinstance(self.source, PredictsValues):
            for part in self._parts(panel):
                users = None if panel.users is None else panel.users[part]
                yield self.source.predict_values(panel.tasks.support[part], users)
        elif isinstance(self.source, Recommender):
            size = block_size(self.n_items, BATCH)
            yield from self.source.iter_scores(panel.tasks.support, users=panel.users, batch=size)

    def _chances(self, panel: Panel) -> Doubles | None:
        if not isinstance(self.source, PredictsLikes):
            return None
        found = [np.zeros(0)]
        for part in self._parts(panel):
            users = None if panel.users is None else panel.users[part]
            found.append(_at(self.source.predict_likes(panel.tasks.support[part], users), panel.tasks.query[part]))
        return np.concatenate(found)

    def _parts(self, panel: Panel) -> Iterator[slice]:
        size = block_size(self.n_items, BATCH)
        for start in range(0, len(panel), size):
            yield slice(start, start + size)


class RandomFloor(Measurer):
    """What ranking a task's own query at random reaches; it has no other measure.

    Args:
        like_from: the value from which an event is a like.
        k: depth of nDCG over a task's own query.
    """

    def __init__(self, like_from: float, k: int) -> None:
        self.like_from = like_from
        self.k = k
        self.measures = (f"ndcg@{k}",)

    def __call__(
        self, panel: Panel, measures: Sequence[str] | None = None, watch: Stopwatch | None = None
    ) -> dict[str, Measured]:
        """Return the expected nDCG of every task of the panel."""
        asked = panel.candidates if isinstance(panel.candidates, Histories) else panel.tasks.query
        floor = random_ndcg(asked.values >= self.like_from, asked.rows, len(panel), self.k)
        return {name: floor for name in measures or self.measures if name in self.measures}


def _at(block: Floats, query: Histories) -> Doubles:
    return block[query.rows, query.items].astype(np.float64)
