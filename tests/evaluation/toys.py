"""A small world of two tastes, and a recommender that says what it is told."""

from typing import Any, ClassVar

import numpy as np
import polars as pl

from warmstart.core.artefact import Arrays
from warmstart.core.histories import Histories
from warmstart.core.run import Run
from warmstart.data.dataset import Dataset
from warmstart.recommenders.base import Recommender
from warmstart.representation.context import Context


def make_data(n_users=80, n_items=60, seed=0, timed=True, rated=True):
    """Users of two tastes who rate 30 to 50 items; early items are the well known ones."""
    rng = np.random.default_rng(seed)
    fame = 1 / (1 + np.arange(n_items)) ** 0.5
    rows = []
    for user in range(n_users):
        taste = np.where(np.arange(n_items) % 2 == user % 2, 2.0, 0.6) * fame
        chosen = rng.choice(n_items, rng.integers(30, 51), replace=False, p=taste / taste.sum())
        for when, item in enumerate(chosen):
            value = np.clip(round(2.6 + 1.6 * (item % 2 == user % 2) + rng.normal(0, 0.7)), 1, 5)
            rows.append((f"u{user:03}", f"i{item:03}", float(value), 1e9 + 100.0 * user + when))
    frame = pl.DataFrame(rows, schema=["user_id", "item_id", "value", "timestamp"], orient="row")
    frame = frame if timed else frame.drop("timestamp")
    frame = frame if rated else frame.drop("value")
    items = pl.DataFrame(
        {"item_id": [f"i{i:03}" for i in range(n_items)], "title": [f"Film {i}" for i in range(n_items)]}
    )
    users = pl.DataFrame(
        {"user_id": [f"u{u:03}" for u in range(n_users)], "club": [str(u % 2) for u in range(n_users)]}
    )
    return Dataset.from_frames(frame, items=items, users=users, name="two tastes")


class Fixed(Recommender):
    """Scores items by a table, the same for everybody; remembers how it was called."""

    name = "fixed"
    calls: ClassVar[list[dict[str, Any]]] = []

    def __init__(self, scores: Any = None, **settings: Any) -> None:
        super().__init__(**settings)
        self.scores = scores

    def _fit(self, data: Dataset, validation: Dataset | None, run: Run) -> None:
        self.seen = data
        Fixed.calls.append({"train": data, "validation": validation})

    def _score(self, histories: Histories, context: Context) -> Any:
        row = np.zeros(len(self.catalogue)) if self.scores is None else np.asarray(self.scores, dtype=float)
        return np.repeat(row[None], len(histories), axis=0)

    def _state(self) -> tuple[dict[str, Any], Arrays]:
        return {}, {}

    def _restore(self, header: dict[str, Any], arrays: Arrays) -> None: ...
