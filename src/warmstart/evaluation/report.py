"""What an evaluation found: numbers with intervals, costs, and everything needed to repeat it."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np

from warmstart.core.errors import BadInput
from warmstart.evaluation import files, text
from warmstart.evaluation.cost import Cost
from warmstart.evaluation.protocol import revealing
from warmstart.evaluation.results import Key, Results
from warmstart.evaluation.statistics import Estimate, Measured, estimate

FORMAT = "warmstart report 1"


@dataclass(frozen=True)
class Report(Results):
    """What an evaluation found, as a frame, tables, JSON and a picture.

    ``Results`` says what it holds.

    Example:
        >>> import warmstart as ws
        >>> report = ws.evaluate(["random", "popularity"], ws.load_dataset("movielens-small"))
        >>> report.models, report.shots, report.headline
        (['random', 'popularity'], [0, 1, 2, 3, 5, 10, 20], 'ndcg@10')
        >>> report.best(k=5)
        'popularity'
    """

    @classmethod
    def of(
        cls,
        about: Mapping[str, Any],
        values: Mapping[Key, Measured],
        costs: Mapping[str, Cost] | None = None,
        settings: Mapping[str, Mapping[str, Any]] | None = None,
    ) -> Self:
        """Make a report of every user's measures; the intervals come from ``about["bootstrap_seed"]``."""
        seed, curves = int(about.get("bootstrap_seed", 0)), _curves(values)
        found = estimate(list(values.values()), seed=seed)
        means = estimate(list(curves.values()), seed=seed)
        points, averages = dict(zip(values, found, strict=True)), dict(zip(curves, means, strict=True))
        return cls(about, points, costs or {}, settings or {}, values, averages)

    def beside(self, other: "Report", ending: str) -> "Report":
        """Return this report with the rows of another one on the same tasks, such as those that read attributes.

        Args:
            other: a report on the same test users, k and measures.
            ending: what is added to its labels, such as ``" + attributes"``.

        Raises:
            BadInput: the tasks differ, or a label would occur twice.

        Example:
            >>> import warmstart as ws
            >>> data, protocol = ws.load_dataset("movielens-small"), ws.ColdUser(shots=(0, 5))
            >>> report, other = (ws.evaluate([name], data, protocol) for name in ("random", "popularity"))
            >>> report.beside(other, " (all time)").models
            ['random', 'popularity (all time)']
        """
        mine, theirs = ({(k, measure, one.n) for (_, k, measure), one in r.estimates.items()} for r in (self, other))
        if not theirs <= mine:
            raise BadInput(f"The reports are not on the same tasks: {min(theirs - mine)} is only in the other one.")
        if twice := {label + ending for label in other.models} & set(self.models):
            raise BadInput(f"Both reports would have a row {min(twice)!r}. Give another ending.")
        marks = {
            kind: [*self.about.get(kind, ()), *(label + ending for label in other.about.get(kind, ()))]
            for kind in ("ours", "oracles")
        }
        return Report(
            {**self.about, **marks, f"about rows ending in {ending!r}": other.about},
            {**self.estimates, **{(row[0] + ending, *row[1:]): one for row, one in other.estimates.items()}},
            {**self.costs, **{label + ending: one for label, one in other.costs.items()}},
            {**self.settings, **{label + ending: one for label, one in other.settings.items()}},
            {**self.values, **{(row[0] + ending, *row[1:]): one for row, one in other.values.items()}},
            {**self.means, **{(row[0] + ending, row[1]): one for row, one in other.means.items()}},
        )

    def table(self, measure: str | None = None) -> str:
        """Return one measure (default the headline) as aligned text, the best of each column marked with ``*``."""
        return text.table(self, measure)

    def text(self) -> str:
        """Return everything as text: what was done, a table a measure, costs, settings."""
        return text.whole(self)

    def to_json(self, *, values: bool = False) -> str:
        """Return the report as JSON; ``values`` adds every user's numbers, which paired comparisons need."""
        rows = [
            {"model": model, "k": k, "measure": measure} | _finite(asdict(one))
            for (model, k, measure), one in self.estimates.items()
        ]
        costs = {model: _finite(asdict(cost)) for model, cost in self.costs.items()}
        whole: dict[str, Any] = {"format": FORMAT, "about": self.about, "rows": rows, "costs": costs}
        whole["settings"] = self.settings
        whole["means over k"] = [
            {"model": model, "measure": measure} | _finite(asdict(one)) for (model, measure), one in self.means.items()
        ]
        if values:
            whole["values"] = [
                {"model": key[0], "k": key[1], "measure": key[2]} | _plain(one) for key, one in self.values.items()
            ]
        return json.dumps(whole, indent=1, ensure_ascii=False, allow_nan=False, default=str)

    @classmethod
    def from_json(cls, written: str) -> Self:
        """Read what ``to_json`` wrote; raises ``BadInput`` when it is something else."""
        try:
            whole = json.loads(written)
            if whole["format"] != FORMAT:
                raise BadInput(f"Not a report that this version reads: {whole['format']!r} instead of {FORMAT!r}.")
            return cls(
                whole["about"],
                {_key(row): _estimate(row) for row in whole["rows"]},
                {model: Cost(**{name: _number(v) for name, v in one.items()}) for model, one in whole["costs"].items()},
                whole["settings"],
                {_key(row): _measured(row) for row in whole.get("values", ())},
                {(row["model"], row["measure"]): _estimate(row) for row in whole["means over k"]},
            )
        except (KeyError, TypeError, AttributeError, json.JSONDecodeError) as error:
            raise BadInput(f"Not a report, or a truncated one: {type(error).__name__}: {error}.") from None

    def save(self, folder: str | Path, *, png: bool | None = None) -> Path:
        """Write ``report.json``, ``report.txt``, ``curve.html`` and ``curve.png``; each file whole or not at all.

        Args:
            folder: made if it is not there.
            png: whether to draw it with matplotlib; None does where it is installed.

        Raises:
            MissingExtra: ``png=True`` without matplotlib.
        """
        return files.save(self, self.to_json(), Path(folder), png)


def _curves(values: Mapping[Key, Measured]) -> dict[tuple[str, str], Measured]:
    """Average every user's measure over the k that reveal events, where a curve has several of them."""
    points: dict[tuple[str, str], list[Measured]] = {}
    reveal = revealing(sorted({k for _, k, _ in values}))
    for (model, k, measure), one in values.items():
        if k in reveal:
            points.setdefault((model, measure), []).append(one)
    return {
        key: Measured(np.stack([one.values for one in curve]).mean(axis=0))
        for key, curve in points.items()
        if len(curve) == len(reveal) > 1
        and all(one.weights is None for one in curve)
        and len(set(map(len, curve))) == 1
    }


def _estimate(row: Mapping[str, Any]) -> Estimate:
    return Estimate(_number(row["mean"]), row["low"], row["high"], row["n"])


def _key(row: Mapping[str, Any]) -> Key:
    return str(row["model"]), int(row["k"]), str(row["measure"])


def _finite(numbers: Mapping[str, Any]) -> dict[str, Any]:
    return {name: None if isinstance(n, float) and not np.isfinite(n) else n for name, n in numbers.items()}


def _number(value: float | None) -> float:
    return float("nan") if value is None else value


def _plain(one: Measured) -> dict[str, Any]:
    weights = None if one.weights is None else one.weights.tolist()
    return {"values": [_finite({"v": v})["v"] for v in one.values.tolist()], "weights": weights, "root": one.root}


def _measured(row: Mapping[str, Any]) -> Measured:
    weights = row["weights"]
    values = np.array([_number(value) for value in row["values"]], dtype=np.float64)
    return Measured(values, None if weights is None else np.array(weights, dtype=np.float64), bool(row["root"]))
