"""A split that somebody else made, measured unchanged."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar, Literal

import numpy as np
import numpy.typing as npt
from pydantic import Field

from warmstart.core.errors import BadInput
from warmstart.core.histories import Histories
from warmstart.core.run import Run
from warmstart.core.tasks import Tasks
from warmstart.data.dataset import Dataset
from warmstart.data.episodes import rating_tasks
from warmstart.evaluation.cold_item import merged
from warmstart.evaluation.foretell import RandomFloor, RatingMeasurer, rating_measures
from warmstart.evaluation.metrics import Bools
from warmstart.evaluation.panel import Panel, Popularity, Split
from warmstart.evaluation.protocol import Measurer, Protocol
from warmstart.evaluation.ready_tables import ReadyTables, aligned, read_tables
from warmstart.recommenders.base import Recommender

LATE = 10
"""Events of a training user that the calibration of ratings asks for, where there is no validation table."""
CALIBRATED_ON = 1000
"""Most training users that such a calibration reads."""


class ReadySplit(Protocol):
    """A folder of tables: what is learned from, what is shown of each user, what is asked.

    ``train``, ``support`` and ``query`` have the columns ``user_id, item_id[, value][, timestamp]`` and are CSV,
    Parquet or JSON lines. Optional are ``validation`` (events of other users, on whom settings are chosen), ``hidden``
    (events whose items are never ranked for their user, beside those of the support), ``items`` and ``users``. Users of
    the support may be new or known; a user who is asked but not shown anything starts from nothing. A query row is
    a like from the threshold on; without values every row is one. The k of the report is the median size of a support.

    Example:
        >>> import tempfile
        >>> import warmstart as ws
        >>> from warmstart.evaluation.ready import ReadySplit
        >>> from warmstart.evaluation.ready_tables import write_tables
        >>> data, protocol = ws.load_dataset("movielens-small"), ws.ColdUser(shots=(5,))
        >>> split = protocol.split(data)
        >>> folder = write_tables(data, split, split.test[0], tempfile.mkdtemp())
        >>> again = ws.evaluate(["popularity"], None, ReadySplit(folder=folder))
        >>> again.mean("popularity") == ws.evaluate(["popularity"], data, protocol).mean("popularity")
        True
    """

    title: ClassVar[str] = "Ready-made split"

    folder: Path
    """Folder of the tables."""
    candidates: Literal["all", "cold", "query"] = "all"
    """What is ranked: all items, those without training events, or only what the user's own query names."""
    kind: Literal["ranking", "rating"] = "ranking"
    """What is measured: rankings of likes, or predicted values and likes of the query's events."""
    like_from: float | Literal["auto"] | None = "auto"
    """The value from which an event is a like; auto looks at the values of the training table."""
    k: int = Field(default=10, ge=1)
    """Depth of the rankings."""

    @property
    def measures(self) -> tuple[str, ...]:
        """First nDCG at k, or the mean absolute error, then the others."""
        if self.kind == "rating":
            return rating_measures(self.k)
        at = [f"{kind}@{self.k}" for kind in ("ndcg", "recall", "hr", "precision", "map")]
        return (*at, "mrr", "auc", *(f"{kind}@{self.k}" for kind in ("coverage", "novelty", "gini")))

    @property
    def notes(self) -> tuple[str, ...]:
        """How to read rankings of a few items."""
        few = f"Only a user's own query items are ranked: read ndcg@{self.k} beside the row 'random floor'."
        return (few,) if self.candidates == "query" or self.kind == "rating" else ()

    def split(self, data: Dataset | None) -> Split:
        """Read the tables.

        Raises:
            BadInput: there is no such folder, a data set was given beside it, or nothing of the query is liked.
            BadTable: tables or columns are missing or faulty; all are listed.
        """
        if data is not None:
            raise BadInput(
                "A ready-made split brings its own data. Call evaluate(models, None, ReadySplit(folder=...))."
            )
        tables = read_tables(self.folder, self.like_from)
        train = tables.train
        if self.attributes and tables.users is None:
            raise BadInput(f"attributes=True, but {self.folder} has no users table. Add one, or leave attributes out.")
        if self.kind == "rating" and train.like_from is None:
            raise BadInput(f"kind='rating' needs values with likes and dislikes; those of {self.folder} have none.")
        popularity = Popularity.of(train)
        tasks, ids, asked = self._tasks(tables)
        test = self._panel(tables, tasks, asked, popularity, ids)
        held_out = tables.events.get("validation")
        facts = {
            "training users": train.n_users,
            "test users": len(tasks),
            "test users met in training": int(np.isin(ids.astype(str), train.user_ids.astype(str)).sum()),
            "query rows that the support shows, left out": self._shown_twice(tables),
            "query rows without a like": int((~tables.events["query"].liked).sum()),
        }
        validate = self._validate(tables, test.k, popularity)
        others = None if held_out is None else self._strangers(held_out, train)
        return Split(self.readable(train), others, validate, (test,), facts)

    def measurer(self, model: Recommender, split: Split) -> Measurer:
        """Make a fitted recommender ready to be measured."""
        if self.kind == "rating":
            return RatingMeasurer(model, split, self.k)
        return Measurer(model, self.measures)

    def extra_rows(self, split: Split) -> Mapping[str, Measurer]:
        """Return the random floor where few items are ranked, and the baseline of ratings."""
        like_from = -np.inf if split.train.like_from is None else split.train.like_from
        floor = {"random floor": RandomFloor(like_from, self.k)}
        if self.kind == "rating":
            return {"item mean + user bias": RatingMeasurer(None, split, self.k), **floor}
        return floor if self.candidates == "query" else {}

    def _tasks(self, tables: ReadyTables) -> tuple[Tasks, npt.NDArray[Any], Histories]:
        """Return the tasks, the ids of their users and, row by row, everything that is asked of them."""
        query = tables.events["query"]
        ids = query.user_ids
        support = tables.of("support", ids)
        asked = _without(query.histories, support, tables.train.n_items)
        likes = asked.where(_liked(asked, tables.train.like_from))
        wanted = asked if self.kind == "rating" else likes
        keep = np.flatnonzero(wanted.lengths > 0)
        if not len(keep):
            raise BadInput(
                f"No user of the query of {self.folder} likes anything new. Check like_from={self.like_from!r}."
            )
        hidden = _without(merged(support, tables.of("hidden", ids)), wanted, tables.train.n_items)
        tasks = Tasks(support[keep], wanted[keep], hidden[keep], keep)
        return tasks, ids[keep], asked[keep]

    def _panel(
        self, tables: ReadyTables, tasks: Tasks, asked: Histories, popularity: Popularity, ids: npt.NDArray[Any]
    ) -> Panel:
        train = tables.train
        users = tables.attributes(ids) if self.attributes else None
        k = int(np.median(tasks.support.lengths))
        return Panel(k, tasks, popularity, self._ranked(train, asked), users, ties=self.ties(train))

    def _ranked(self, train: Dataset, asked: Histories) -> Bools | Histories | None:
        if self.candidates == "query" or self.kind == "rating":
            return asked
        if self.candidates == "all":
            return None
        return np.asarray(np.bincount(train.histories.items, minlength=train.n_items) == 0)

    def _validate(self, tables: ReadyTables, k: int, popularity: Popularity) -> tuple[Panel, ...]:
        """Cut tasks to choose settings on: known users are shown their training events, new ones their first k."""
        train, held_out = tables.train, tables.events.get("validation")
        if held_out is None:
            return self._from_training(train, popularity) if self.kind == "rating" else ()
        known = aligned(train, held_out.user_ids)
        met = known.lengths > 0
        events, place = held_out.histories, _place(held_out.histories)
        first = (place < k) & ~met[events.rows]
        support = merged(known, events.where(first))
        left = _without(events.where(~first), support, train.n_items)
        query = left if self.kind == "rating" else left.where(_liked(left, train.like_from))
        keep = np.flatnonzero(query.lengths > 0)
        if not len(keep):
            return ()
        tasks = Tasks(support[keep], query[keep], support[keep], keep)
        users = tables.attributes(held_out.user_ids[keep]) if self.attributes else None
        return (Panel(k, tasks, popularity, self._ranked(train, left[keep]), users, ties=self.ties(train)),)

    def _from_training(self, train: Dataset, popularity: Popularity) -> tuple[Panel, ...]:
        chosen = Run(seed=self.seed).rng("calibrate").permutation(train.n_users)[:CALIBRATED_ON]
        most = int(train.histories.lengths.max(initial=0))
        late = max(1, min(LATE, most // 2))
        tasks = rating_tasks(train, np.sort(chosen), self.seed, late, late + 1, max(most, late + 1))
        users = self.attributes_of(train, tasks.users)
        return (Panel(0, tasks, popularity, tasks.query, users, ties=self.ties(train)),)

    def _strangers(self, held_out: Dataset, train: Dataset) -> Dataset | None:
        new = np.flatnonzero(~np.isin(held_out.user_ids.astype(str), train.user_ids.astype(str)))
        return self.readable(held_out.take_users(new)) if len(new) else None

    def _shown_twice(self, tables: ReadyTables) -> int:
        query = tables.events["query"]
        shown = tables.of("support", query.user_ids)
        return len(query.histories.items) - len(_without(query.histories, shown, tables.train.n_items).items)


def _without(histories: Histories, others: Histories, n_items: int) -> Histories:
    keep = ~np.isin(histories.rows * n_items + histories.items, others.rows * n_items + others.items)
    return histories.where(np.asarray(keep))


def _liked(histories: Histories, like_from: float | None) -> Bools:
    if like_from is None:
        return np.ones(len(histories.items), dtype=bool)
    return np.asarray(histories.values >= like_from)


def _place(histories: Histories) -> npt.NDArray[np.int64]:
    return np.arange(len(histories.items)) - np.repeat(histories.indptr[:-1], histories.lengths)
