"""The numbers of an evaluation, by row, k and measure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from warmstart.core.errors import BadInput
from warmstart.evaluation.cost import Cost
from warmstart.evaluation.measure import direction
from warmstart.evaluation.protocol import revealing
from warmstart.evaluation.statistics import Comparison, Estimate, Measured, compare

if TYPE_CHECKING:
    import polars as pl

Key = tuple[str, int, str]
"""A number's place: row label, k, measure."""


@dataclass(frozen=True)
class Results:
    """Numbers, costs and settings of the rows of an evaluation; ``Report`` adds how they are shown and kept.

    Args:
        about: protocol, data, split, seeds, machine, date, versions, notes; plain values.
        estimates: means with intervals by (model, k, measure), in the order of rows.
        costs: by model; rows that were not fitted have none.
        settings: chosen settings by model.
        values: every user's measures by (model, k, measure), for paired comparisons.
        means: means over the k that reveal events, with intervals, by (model, measure); none where there is one k.
    """

    about: Mapping[str, Any]
    estimates: Mapping[Key, Estimate]
    costs: Mapping[str, Cost] = field(default_factory=dict)
    settings: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    values: Mapping[Key, Measured] = field(default_factory=dict, repr=False)
    means: Mapping[tuple[str, str], Estimate] = field(default_factory=dict)

    @property
    def models(self) -> list[str]:
        """Row labels, in order."""
        return list(dict.fromkeys(model for model, _, _ in self.estimates))

    @property
    def shots(self) -> list[int]:
        """The k of the learning curve, rising."""
        return sorted({k for _, k, _ in self.estimates})

    @property
    def measures(self) -> list[str]:
        """Names of the measures, the headline first."""
        return list(dict.fromkeys(measure for _, _, measure in self.estimates))

    @property
    def headline(self) -> str:
        """The measure on which settings were chosen."""
        return str(self.about.get("headline") or next(iter(self.measures), ""))

    @property
    def frame(self) -> "pl.DataFrame":
        """The numbers in long form: ``model, k, measure, mean, low, high, n``; k is null in the means over k."""
        import polars as pl

        schema: dict[str, type[pl.DataType]] = {"model": pl.String, "k": pl.Int64, "measure": pl.String}
        schema |= dict.fromkeys(("mean", "low", "high"), pl.Float64) | {"n": pl.Int64}
        rows: list[tuple[Any, ...]] = [(*key, *_numbers(one)) for key, one in self.estimates.items()]
        rows += [(model, None, measure, *_numbers(one)) for (model, measure), one in self.means.items()]
        return pl.DataFrame(rows, schema=schema, orient="row")

    def mean(self, model: str, measure: str | None = None, shots: Sequence[int] | None = None) -> float:
        """Return a row's mean over k; by default over the k that reveal events, and the headline."""
        points = self._points(model, measure or self.headline, shots)
        return float(np.mean([self.estimates[key].mean for key in points])) if points else float("nan")

    def best(self, measure: str | None = None, k: int | None = None) -> str:
        """Return the row that is best at ``k``, or in the mean over k."""
        measure = measure or self.headline
        shots = None if k is None else [k]
        amounts = {model: self.mean(model, measure, shots) for model in self.models}
        known = {model: amount for model, amount in amounts.items() if not np.isnan(amount)}
        if not known:
            raise BadInput(f"No row has {measure!r}. Measures: {', '.join(self.measures)}; k: {self.shots}.")
        return max(known, key=lambda model: known[model] * direction(measure))

    def compare(self, a: str, b: str, measure: str | None = None, k: int | None = None) -> Comparison:
        """Return how row ``a`` stands to row ``b``, paired over users.

        Args:
            a: row label.
            b: row label.
            measure: default the headline.
            k: one point of the curve; None takes the mean over the k that reveal events.

        Raises:
            BadInput: a row is unknown, or the report was read from a file without every user's values.
        """
        name = measure or self.headline
        sides = [self._points(label, name, None if k is None else [k]) for label in (a, b)]
        for label, points in zip((a, b), sides, strict=True):
            if not points:
                raise BadInput(f"The report has no row {label!r} with {name} at k {k}. Rows: {', '.join(self.models)}.")
            if not all(key in self.values for key in points):
                raise BadInput("This report holds no values of single users. Save it with to_json(values=True).")
        left, right = ([self.values[key] for key in points] for points in sides)
        return compare(left, right, seed=int(self.about.get("bootstrap_seed", 0)))

    def _points(self, model: str, measure: str, shots: Sequence[int] | None) -> list[Key]:
        chosen = revealing(self.shots) if shots is None else list(shots)
        return [(model, k, measure) for k in chosen if (model, k, measure) in self.estimates]


def _numbers(one: Estimate) -> tuple[float, float | None, float | None, int]:
    return one.mean, one.low, one.high, one.n
