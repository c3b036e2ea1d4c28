"""New items through the item side of the k-shot prior, with any vectors among what is known of them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Self, cast

import numpy as np

from benchmarks.text_cold import Cold, Doubles
from warmstart.core.histories import Floats, Histories
from warmstart.core.run import Run
from warmstart.data.dataset import Dataset
from warmstart.meta.borrow import lent
from warmstart.meta.item_likeness import ItemParameters
from warmstart.meta.item_side import ItemSide, ItemSideConfig
from warmstart.meta.item_text import MeaningView
from warmstart.meta.learned import Learned
from warmstart.meta.settings import MetaConfig
from warmstart.representation.text import TextSpace, item_texts

COLUMNS = ("title", "genres")
WITHOUT_ITEMS = MetaConfig(item_text=False, values=False)


class Looked:
    """Stands where a ``TextSpace`` stands and looks vectors up that were made before."""

    def __init__(self, texts: Sequence[str], vectors: Floats) -> None:
        self._places = {text: place for place, text in enumerate(texts)}
        self._vectors = vectors

    def encode(self, texts: Sequence[str]) -> Floats:
        """Return the vectors of texts of the catalogue."""
        return np.asarray(self._vectors[[self._places[text] for text in texts]])


@dataclass(frozen=True, slots=True)
class Prior:
    """What was learned from the warm items of one seed, ready for any view of the cold ones.

    Args:
        seed: of the split.
        train: the events on warm items, all items described.
        learned: the prior without an item side.
        bare: the item side without a language model, nothing searched.
        texts: what language models read of the items.
    """

    seed: int
    train: Dataset
    learned: Learned
    bare: ItemSide
    texts: tuple[str, ...]

    @classmethod
    def fit(cls, train: Dataset, seed: int, told: MetaConfig = WITHOUT_ITEMS) -> Self:
        """Learn as ``meta`` does, all but the item side."""
        learned = Learned.fit(train, None, told, Run(seed=seed))
        config = ItemSideConfig(encoders=(), trials=0)
        bare = ItemSide.fit(train.items, train.likes(), train.n_items, kinds=train.item_kinds, config=config)
        if train.items is None:
            raise SystemExit(f"{train.name} tells nothing of its items.")
        return cls(seed, train, learned, bare, tuple(item_texts(train.items, COLUMNS)))

    def side(self, vectors: Sequence[Floats], trials: int) -> ItemSide:
        """Return the item side that compares items by these vectors too.

        Args:
            vectors: float32 [n_items, d], one a view.
            trials: settings tried on known items that are pretended to be new; 0 keeps the first.
        """
        if self.train.items is None:
            return self.bare
        seen = [MeaningView(COLUMNS, cast("TextSpace", Looked(self.texts, one))) for one in vectors]
        views = (*self.bare.views, *seen)
        coded = (*self.bare.coded, *(view.encode(self.train.items[self.bare.anchors]) for view in seen))
        config = self.bare.config.model_copy(update={"trials": trials})
        side = replace(self.bare, config=config, views=views, coded=coded, parameters=ItemParameters.first(views))
        return side.searched(self.train.likes(), self._scores, Run(seed=self.seed)) if trials else side

    def by_user(self, side: ItemSide, cold: Cold) -> Doubles:
        """Return Recall@20 and nDCG@20 of every user, float64 [n, 2]."""
        items = self.train.items
        unmet = np.flatnonzero(np.bincount(self.train.histories.items, minlength=self.train.n_items) == 0)
        prior = self.learned.prior
        if items is not None:
            prior = lent(prior, side.map_for(items[unmet], unmet), unmet)
        scores = prior.scores(self.learned.support(cold.support))
        return cold.measured(scores[:, cold.cold])

    def _scores(self, histories: Histories) -> Floats:
        return self.learned.prior.scores(self.learned.support(histories))


def sides_of(priors: Sequence[Prior], views: Mapping[str, Sequence[Floats]], trials: int) -> dict[str, list[ItemSide]]:
    """Return, for each set of views, an item side a seed."""
    return {label: [prior.side(vectors, trials) for prior in priors] for label, vectors in views.items()}


def judged(
    priors: Sequence[Prior], sides: Mapping[str, Sequence[ItemSide]], worlds: Sequence[Cold]
) -> dict[str, Doubles]:
    """Return, for each set of views, the measures of all users of all seeds."""
    found: dict[str, Doubles] = {}
    for label, own in sides.items():
        parts = [prior.by_user(side, world) for prior, side, world in zip(priors, own, worlds, strict=True)]
        found[label] = np.concatenate(parts)
        means = ", ".join(f"{mean:.4f}" for mean in found[label].mean(axis=0))
        print(f"item side, {label}, {len(worlds[0].cold)} items ranked: {means}", flush=True)
    return found
