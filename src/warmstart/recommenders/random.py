"""The floor of every comparison: a random order."""

from typing import Any

import numpy as np
import numpy.typing as npt

from warmstart.core.artefact import Arrays
from warmstart.core.config import Config
from warmstart.core.histories import Floats, Histories
from warmstart.core.run import Run
from warmstart.data.dataset import Dataset
from warmstart.recommenders.base import Recommender
from warmstart.representation.context import Context

Words = npt.NDArray[np.uint64]


class RandomConfig(Config):
    """Settings of ``random``."""

    seed: int = 0
    """Another seed gives other scores."""


class Random(Recommender):
    """Scores drawn evenly from 0 to 1 by a hash of seed, history and item, so the same question has the same answer.

    Example:
        >>> import warmstart as ws
        >>> model = ws.recommender("random", seed=1).fit(ws.load_dataset("movielens-small"))
        >>> model.recommend([1]).item_ids == model.recommend([1]).item_ids
        True
    """

    name = "random"
    config_class = RandomConfig
    config: RandomConfig

    def _fit(self, data: Dataset, validation: Dataset | None, run: Run) -> None:
        """Learn nothing."""

    def _score(self, histories: Histories, context: Context) -> Floats:
        seed = _mixed(np.array([self.config.seed % 2**64], dtype=np.uint64))
        events = _mixed(histories.items.astype(np.uint64) + seed)
        sums = np.concatenate([np.zeros(1, dtype=np.uint64), np.cumsum(events, dtype=np.uint64)])
        users = sums[histories.indptr[1:]] - sums[histories.indptr[:-1]]  # the order of events does not matter
        items = _mixed(np.arange(len(self.catalogue), dtype=np.uint64) ^ seed)
        bits = _mixed(users[:, None] ^ items)  # [n, n_items]
        return (bits >> np.uint64(40)).astype(np.float32) / np.float32(2**24)

    def _state(self) -> tuple[dict[str, Any], Arrays]:
        return {}, {}

    def _restore(self, header: dict[str, Any], arrays: Arrays) -> None:
        """Take back nothing."""


def _mixed(words: Words) -> Words:
    """Scramble 64-bit words (splitmix64; Steele, Lea and Flood, 2014)."""
    words = words + np.uint64(0x9E3779B97F4A7C15)
    words = (words ^ (words >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    words = (words ^ (words >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return words ^ (words >> np.uint64(31))
