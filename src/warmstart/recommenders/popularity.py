"""The same list for everybody: what most people liked."""

import logging
from typing import Annotated, Any, Self

import numpy as np
from pydantic import Field, model_validator

from warmstart.core.artefact import Arrays, array_of
from warmstart.core.config import Config, Tunable
from warmstart.core.histories import Floats, Histories
from warmstart.core.run import Run
from warmstart.data.dataset import Dataset
from warmstart.recommenders.base import Recommender
from warmstart.recommenders.reading import Events, seen
from warmstart.representation.context import Context

logger = logging.getLogger(__name__)
DAY = 86_400.0


class PopularityConfig(Config):
    """Settings of ``popularity``."""

    train_on: Annotated[Events, Tunable(choices=("likes", "all"))] = "likes"
    """Events that are counted: the likes, or all of any value."""

    latest_share: Annotated[float, Field(gt=0, le=1), Tunable(choices=(0.1, 0.3, 1.0))] = 1.0
    """Share of the latest events that is counted; 1 counts all time. Data without time are counted whole."""

    latest_days: Annotated[float | None, Field(gt=0)] = None
    """Days before the last event that are counted; None counts all. Data without time are counted whole."""

    @model_validator(mode="after")
    def _one_window(self) -> Self:
        if self.latest_days is not None and self.latest_share < 1:
            raise ValueError("latest_share and latest_days are two ways to say one thing; give one of them")
        return self


class Popularity(Recommender):
    """The share of people who liked an item, of all time or recently, whatever the history.

    Example:
        >>> import warmstart as ws
        >>> model = ws.recommender("popularity").fit(ws.load_dataset("movielens-small"))
        >>> model.recommend(k=1).titles
        ['Shawshank Redemption, The (1994)']
    """

    name = "popularity"
    config_class = PopularityConfig
    config: PopularityConfig

    def _fit(self, data: Dataset, validation: Dataset | None, run: Run) -> None:
        counted = self._window(data.histories)
        counts = seen(counted, data.catalogue, self.config.train_on).sum(axis=0)
        self._shares = np.asarray(counts, dtype=np.float32).ravel() / max(data.n_users, 1)

    def _window(self, histories: Histories) -> Histories:
        share, days = self.config.latest_share, self.config.latest_days
        if (share == 1 and days is None) or len(histories.items) == 0:
            return histories
        if histories.times is None:
            logger.warning("The data have no time, so popularity counts all events instead of the latest ones.")
            return histories
        since = np.quantile(histories.times, 1 - share) if days is None else histories.times.max() - days * DAY
        return histories.where(histories.times >= since)

    def _score(self, histories: Histories, context: Context) -> Floats:
        return np.repeat(self._shares[None], len(histories), axis=0)

    def _state(self) -> tuple[dict[str, Any], Arrays]:
        return {}, {"shares": self._shares}

    def _restore(self, header: dict[str, Any], arrays: Arrays) -> None:
        self._shares = array_of(arrays, "shares", (len(self.catalogue),))
