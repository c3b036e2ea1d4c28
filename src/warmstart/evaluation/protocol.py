"""The contract of all protocols: split a data set, measure a recommender on the parts held out."""

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from pydantic import Field, ValidationError

from warmstart.core.config import Config
from warmstart.core.errors import BadConfig, BadInput
from warmstart.core.histories import Ints
from warmstart.core.run import Run
from warmstart.data.dataset import Dataset
from warmstart.evaluation.cost import Stopwatch
from warmstart.evaluation.measure import block_size, measure_rankings
from warmstart.evaluation.panel import Panel, Split
from warmstart.evaluation.statistics import Measured
from warmstart.recommenders.base import BATCH, Recommender

if TYPE_CHECKING:
    import polars as pl


class Measurer:
    """A fitted recommender, ready to be measured on panels: here, by the rankings that its scores make."""

    def __init__(self, model: Recommender, measures: Sequence[str]) -> None:
        self.model = model
        self.measures = tuple(measures)

    def __call__(
        self, panel: Panel, measures: Sequence[str] | None = None, watch: Stopwatch | None = None
    ) -> dict[str, Measured]:
        """Return the measures of every task of the panel.

        Args:
            panel: tasks to be measured on.
            measures: which of them; None means all of the protocol.
            watch: adds up what scoring costs, without the measuring.
        """
        blocks = self.model.iter_scores(
            panel.tasks.support,
            users=panel.users,
            batch=block_size(len(self.model.catalogue), BATCH),
        )
        watched = (watch or Stopwatch()).track(blocks)
        return measure_rankings(watched, panel, measures or self.measures, self.model.name)


class Protocol(Config):
    """Base of all protocols; the fields are its settings and stand in every report."""

    title: ClassVar[str]

    seed: int = Field(default=0, ge=0)
    """Seed of every random choice of the split."""
    attributes: bool = False
    """Let recommenders read the users' attributes; such rows belong in a table of their own."""

    def __init__(self, **settings: Any) -> None:
        try:
            super().__init__(**settings)
        except ValidationError as error:
            faults = (
                f"{'.'.join(map(str, one['loc']))}: {one['msg']} (came: {one['input']!r})" for one in error.errors()
            )
            raise BadConfig("\n".join(f"{type(self).__name__}: {fault}" for fault in faults)) from None

    @property
    @abstractmethod
    def measures(self) -> tuple[str, ...]:
        """What is measured; the first is the headline, on which settings are chosen."""

    @property
    def starts(self) -> tuple[Mapping[str, Any], ...]:
        """Settings with which every competitor that has them is tried before any is drawn; the first are its own."""
        return ({},)

    @property
    def notes(self) -> tuple[str, ...]:
        """What a reader of the report must know."""
        return ()

    @abstractmethod
    def split(self, data: Dataset | None) -> Split:
        """Split the data; raises ``BadInput`` when they are too small for the protocol."""

    def measurer(self, model: Recommender, split: Split) -> Measurer:
        """Make a fitted recommender ready to be measured."""
        return Measurer(model, self.measures)

    def extra_rows(self, split: Split) -> Mapping[str, Measurer]:
        """Return rows that belong in every table of this protocol and are no recommenders, by label."""
        return {}

    def ties(self, data: Dataset) -> Ints:
        """Return the seeded order in which items of the same score are ranked; see ``Panel``."""
        return Run(seed=self.seed).rng("ties").permutation(data.n_items).astype(np.int64)

    def attributes_of(self, data: Dataset, users: Ints) -> "pl.DataFrame | None":
        """Return the attributes of some users, or None when recommenders may read none."""
        return data.users[users] if self.attributes and data.users is not None else None

    def readable(self, data: Dataset) -> Dataset:
        """Return the data with what recommenders may read: without users' attributes unless they are allowed."""
        return data if self.attributes else replace(data, users=None)


def needed(data: Dataset | None, protocol: Protocol) -> Dataset:
    """Return the data; raises ``BadInput`` without any, or when users' attributes are wanted and there are none."""
    if data is None:
        raise BadInput(f"{type(protocol).__name__} needs a data set, such as ws.load_dataset('movielens-small').")
    if protocol.attributes and data.users is None:
        raise BadInput(f"attributes=True, but {data.name!r} has no users table. Give one, or leave attributes out.")
    return data


def revealing(shots: Sequence[int] | Mapping[int, Any]) -> list[int]:
    """Return the k over which a curve is averaged: those that reveal events; all of them if none does.

    Example:
        >>> from warmstart.evaluation.protocol import revealing
        >>> revealing([0, 1, 5]), revealing([0])
        ([1, 5], [0])
    """
    return [k for k in shots if k > 0] or list(shots)
