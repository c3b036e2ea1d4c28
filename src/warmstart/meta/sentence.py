"""A sentence as evidence: items that read like it, weighed by how many people like them."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from warmstart.core.artefact import Arrays
from warmstart.core.errors import MissingExtra
from warmstart.core.histories import Floats, Histories
from warmstart.core.tasks import Tasks
from warmstart.data.catalogue import Catalogue
from warmstart.data.dataset import Dataset
from warmstart.data.episodes import cold_user_tasks
from warmstart.meta.exam import ndcg_of
from warmstart.recommenders.content import Content
from warmstart.representation.text import item_texts, text_columns

GAINS = (0.0, 0.3, 1.0, 3.0, 10.0)
FADES_AFTER = 5.0
"""Events after which a sentence counts half: what somebody does outweighs what she once said."""
FLOOR = 0.01
"""Share of users added to an item's popularity, so that an item nobody met can be found by a sentence too."""
LIKES_TOLD = 3
"""Likes whose labels make up the sentences that the gain is chosen by."""


@dataclass(frozen=True, slots=True)
class Sentence:
    """Adds ``gain * likeness * popularity`` to every score, less and less as events come in.

    Args:
        content: reads sentences and items.
        popularity: float32 [items], share of users who like each.
        gain: factor, chosen on held-out users.
    """

    content: Content
    popularity: Floats
    gain: float = 1.0

    @classmethod
    def fit(cls, data: Dataset, popularity: Floats) -> "Sentence | None":
        """Read the items; None when nothing describes them."""
        if data.items is None or not text_columns(data.items, data.item_kinds):
            return None
        try:
            return cls(Content().fit(data), popularity)
        except MissingExtra:
            # without language-model vectors words alone must do
            return cls(Content(words=1.0).fit(data), popularity)

    def encode(self, texts: Sequence[str | None]) -> Floats:
        """Return likeness times popularity, float32 [n, items]; zero for None and for a text without a known word."""
        read, silent = self.content.encode(None, texts), Histories.of([[]] * len(texts))
        spoken = np.zeros(len(texts)) if read.text is None else np.abs(read.text).sum(axis=1)
        alike = self.content.scores_of_many(silent, read)
        found: Floats = alike * (self.popularity + np.float32(FLOOR)) * (spoken > 0)[:, None]
        return found

    def rows(self, encoded: Floats, counts: npt.NDArray[np.integer]) -> Floats:
        """Return what sentences add to users with so many events, float32 [n, items]."""
        fade = (self.gain * FADES_AFTER / (FADES_AFTER + counts)).astype(np.float32)
        return encoded * fade[:, None]

    def with_items(self, frame: Any, popularity: Floats) -> "Sentence":
        """Return the same with further items."""
        return replace(self, content=self.content.with_items(frame), popularity=popularity)

    def tuned(self, judges: Dataset, pool: int, seed: int) -> "Sentence":
        """Choose the gain on users who say nothing but the labels of a few things they will like."""
        tasks = cold_user_tasks(judges, np.arange(judges.n_users), (0,), "likes", pool, seed)[0]
        if not len(tasks):
            return self
        encoded, strangers = self.encode(_told(judges, tasks)), np.zeros(len(tasks), dtype=np.int64)
        tried = [replace(self, gain=gain) for gain in GAINS]
        found = [ndcg_of(self.popularity + one.rows(encoded, strangers), tasks) for one in tried]
        return tried[int(np.argmax(found))]

    def state(self) -> tuple[dict[str, Any], Arrays]:
        """Return what is to be stored with a model; the arrays' names begin with ``sentence.``."""
        header, arrays = self.content.state()
        about = {"gain": self.gain, "config": self.content.config.model_dump(mode="json"), "content": header}
        return about, {f"sentence.{name}": array for name, array in arrays.items()}

    @classmethod
    def restore(cls, header: dict[str, Any], arrays: Arrays, catalogue: Catalogue, popularity: Floats) -> "Sentence":
        """Take back what ``state`` returned."""
        own = {name.removeprefix("sentence."): part for name, part in arrays.items() if name.startswith("sentence.")}
        content = Content.of_state(header["config"], catalogue, header["content"], own)
        return cls(content, popularity, header["gain"])


def _told(judges: Dataset, tasks: Tasks) -> list[str | None]:
    """Let each user say the labels of a few of the things that are asked for, without their titles."""
    if judges.items is None:
        return [None] * len(tasks)
    columns = [name for name in text_columns(judges.items, judges.item_kinds) if name != "title"]
    labels = item_texts(judges.items, columns or ["title"])
    asked = [tasks.query.items[start : start + LIKES_TOLD] for start in tasks.query.indptr[:-1].tolist()]
    return [" ".join(labels[item] for item in some.tolist()) for some in asked]
