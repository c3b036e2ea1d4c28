"""Values and likes foretold from what a user did before; writes ``results/rating.json``."""

import argparse
import sys
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

import numpy as np

from benchmarks.rows import Entry, Pool, facts_of, report_of, row_parser
from benchmarks.tables import run, write
from warmstart.core.artefact import Arrays
from warmstart.core.histories import Floats, Histories
from warmstart.core.run import Run
from warmstart.data.builtin import load_dataset
from warmstart.data.dataset import Dataset
from warmstart.evaluation.rating import Rating
from warmstart.evaluation.report import Report
from warmstart.evaluation.values import PredictsLikes, PredictsValues
from warmstart.recommenders.base import Recommender
from warmstart.recommenders.table import recommender, recommender_class
from warmstart.representation.context import Context

OURS, POOLED = "meta", "meta, not adapted"
BIAS, FLOOR = "item mean + user bias", "random floor"
SHOWN = ("mae", "rmse", "ndcg@5", "accuracy", "precision", "recall", "f1", "cross_entropy")
CELLS = {"": "new user", " new item": "new item", " both new": "both new"}


class NotAdapted(Recommender):
    """Our model after training on all users pooled, which reads nothing of the person at hand."""

    name = "meta_not_adapted"
    config_class = recommender_class("meta").config_class

    def _fit(self, data: Dataset, validation: Dataset | None, run: Run) -> None:
        self._model = recommender("meta", **self.config.model_dump()).fit(data, validation=validation, run=run)

    def _score(self, histories: Histories, context: Context) -> Floats:
        return self._model.scores_of_many(_emptied(histories), context)

    def _state(self) -> tuple[dict[str, Any], Arrays]:
        raise NotImplementedError("This row is measured, not saved.")

    def _restore(self, header: dict[str, Any], arrays: Arrays) -> None:
        raise NotImplementedError("This row is measured, not saved.")


class NotAdaptedValues(NotAdapted):
    """The same, for a model that foretells values and chances of a like itself."""

    def predict_values(self, histories: Histories, users: Any | None = None) -> Floats:
        """Return the values foretold for anybody."""
        assert isinstance(self._model, PredictsValues)  # noqa: S101  narrows the type
        return self._model.predict_values(_emptied(histories), users)

    def predict_likes(self, histories: Histories, users: Any | None = None) -> Floats:
        """Return the chances of a like foretold for anybody."""
        assert isinstance(self._model, PredictsLikes)  # noqa: S101  narrows the type
        return self._model.predict_likes(_emptied(histories), users)


def _emptied(histories: Histories) -> Histories:
    return histories.where(np.zeros(len(histories.items), dtype=bool))


def entries() -> list[Entry]:
    """Return the rows; the protocol adds the baseline of biases and the floor."""
    foretells = hasattr(recommender_class("meta"), "predict_values")
    return [
        Entry(OURS, lambda: recommender("meta"), ours=True, tuned=False),
        Entry(POOLED, NotAdaptedValues if foretells else NotAdapted, ours=True, tuned=False),
        Entry("ALS", lambda: recommender("als")),
        Entry("EASE", lambda: recommender("ease")),
        Entry("item-kNN", lambda: recommender("item_knn")),
    ]


def main(arguments: list[str]) -> int:
    """Measure what was asked for and write the table."""
    asked = row_parser(__doc__).parse_args(arguments)
    data, reports = load_dataset(asked.dataset), {}
    for entry in entries():
        if not asked.only or entry.label in asked.only:
            reports[entry.label] = [_measured(entry, data, seed, asked) for seed in asked.seeds]
    pool = Pool.of(reports.values())
    rows = [*reports, *(label for label in (BIAS, FLOOR) if label in pool.rows)]
    content = {
        "readme": _parts(pool, rows, data.name, len(asked.seeds)),
        "about": _ABOUT,
        "data": data.name,
        "seeds": asked.seeds,
        "trials": asked.trials,
        "rows": {label: pool.numbers(label) for label in rows},
        "models": {label: facts_of(by_seed, label) for label, by_seed in reports.items()},
        "comparisons": _comparisons(pool),
    }
    write("rating", content, asked.out)
    return 0


def _measured(entry: Entry, data: Dataset, seed: int, asked: argparse.Namespace) -> Report:
    start = time.perf_counter()
    protocol = Rating(seed=seed, attributes=data.users is not None)
    report = report_of("rating", entry, data, protocol, asked.trials)
    numbers = " ".join(f"{name} {report.mean(entry.label, name):.4f}" for name in SHOWN)
    print(f"{data.name} seed {seed} {entry.label}: {numbers}  ({time.perf_counter() - start:.0f} s)", flush=True)
    return report


def _comparisons(pool: Pool) -> dict[str, Any]:
    """Compare ours with itself before adapting, and with the baseline."""
    found: dict[str, Any] = {}
    for other in (POOLED, BIAS):
        if OURS in pool.rows and other in pool.rows:
            both = [point for point in pool.rows[OURS] if point in pool.rows[other]]
            found[f"against {other}"] = {point[1]: pool.against(OURS, other, point) for point in both}
    return found


def _parts(pool: Pool, rows: list[str], data: str, seeds: int) -> list[dict[str, Any]]:
    numbers = {label: pool.numbers(label) for label in rows}
    name = "MovieLens-1M" if data == "ml-1m" else data
    columns = ["MAE", "RMSE", "nDCG@5", "accuracy", "precision", "recall", "F1"]

    def cell(label: str, measure: str) -> Any:
        return numbers[label].get(measure, {"mean": None})["mean"]

    first = [[label, *(cell(label, measure) for measure in SHOWN[:7])] for label in rows]
    # errors are best low and the rest is best high, so nothing is set in bold
    asked = f"Users with 13 to 100 ratings, asked for their last 10; {seeds} seeds, errors pooled over all ratings."
    value = {"place": 3, "title": f"Values foretold for new users, {name}", "text": asked, "digits": 3}
    parts = [value | {"columns": ["model", *columns], "rows": first}]
    cells = [[label, *(cell(label, "mae" + ending) for ending in CELLS)] for label in rows if label != FLOOR]
    whole = {"place": 3.1, "title": f"Mean absolute error, {name}", "text": "New users, new items, both.", "digits": 3}
    return [*parts, whole | {"columns": ["model", *CELLS.values()], "rows": cells, "best": "low"}]


_ABOUT = (
    "Users split 80/10/10 by seed. A test user with 13 to 100 ratings shows all but the last 10, for which values and "
    "likes are foretold. Recommenders without values get them by a calibration on validation users (item mean, user "
    "bias, their standardised score). The row that is not adapted is the same trained model reading nothing of the "
    "person; the floor ranks her own 10 at random. Recommenders may read the users' attributes."
)

if __name__ == "__main__":
    run(main)
