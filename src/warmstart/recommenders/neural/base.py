"""What all networks share: fitting, item vectors, answering without torch, saving, new items."""

from abc import abstractmethod
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
import numpy.typing as npt

from warmstart.core.artefact import Arrays, array_of
from warmstart.core.histories import Floats, Histories
from warmstart.core.run import Run
from warmstart.core.tasks import Tasks
from warmstart.data.dataset import Dataset
from warmstart.recommenders.base import Recommender
from warmstart.recommenders.neural.arrays import NUMPY, Array
from warmstart.recommenders.neural.episodes import Episodes, Padded, liked
from warmstart.recommenders.neural.items import Items, item_shapes, started_items, text_shapes
from warmstart.recommenders.neural.network import Events, Network, started
from warmstart.recommenders.neural.settings import NeuralConfig
from warmstart.recommenders.neural.text import ItemText, Reader, described
from warmstart.recommenders.neural.training import Lesson, Loss, train, usual_odds
from warmstart.recommenders.neural.validation import held_out, loss_of, panels_of
from warmstart.recommenders.new_items import read_new_items
from warmstart.recommenders.reading import learned, popularity_of, with_popularity
from warmstart.representation.context import Context
from warmstart.representation.training_loop import Curve

Known = npt.NDArray[np.bool_]
CELLS = 1 << 22
"""Numbers held at a time while scoring: 16 MB of float32."""


class NeuralRecommender(Recommender):
    """Base of all networks; a subclass gives its network.

    A person is what the network makes of the vectors of her events. An item's vector is a free part and a linear map
    of its text, so an item nobody has met has one too. Somebody without events gets what is popular.
    """

    config_class: ClassVar[type[NeuralConfig]] = NeuralConfig
    config: NeuralConfig
    free: ClassVar[bool] = True
    """Whether an item has a free part beside what its text says."""
    curve: Curve | None = None
    """How training went; None for a model that was loaded, or for data that leave nothing to learn."""

    @abstractmethod
    def network(self) -> Network:
        """Return the architecture that the settings describe."""

    def loss(self) -> Loss:
        """Return how scores are compared with what people liked."""
        return "softmax"

    def reader(self, data: Dataset, texts: list[str], columns: list[str], run: Run) -> Reader | None:
        """Return what reads the texts of items."""
        if self.config.text == "none":
            return None
        return ItemText.fit(texts, columns, self.config.text, run.rng("item texts"))

    def _fit(self, data: Dataset, validation: Dataset | None, run: Run) -> None:
        self._catalogue = data.catalogue  # scores are asked for while it learns
        columns, texts = described(data)
        self._reader = self.reader(data, texts, columns, run)
        told = None if self._reader is None else self._reader.encode(texts)
        known, panels = held_out(data, run.seed) if validation is None else (data, panels_of(validation, run.seed))
        self._popularity = popularity_of(learned(data, self.config.train_on))
        self._network = self.network()
        counts = np.asarray(learned(known, "likes").sum(axis=0), dtype=np.float32).ravel()
        weights = self._taught(known, counts, told, panels, run)
        self._bind(weights, told, (counts > 0) & self.free)

    def _taught(self, data: Dataset, counts: Floats, told: Array | None, panels: list[Tasks], run: Run) -> Arrays:
        """Return the weights after pre-training and training."""
        rng = run.rng("weights")
        weights = started_items(self._item_shapes(len(counts)), counts, told, rng)
        weights |= started(self._network.shapes(), rng)
        for goal in ("contrastive", "masked", "none"):
            if goal in (self.config.pretrain, "none"):
                weights = self._after(goal, weights, data, counts, told, panels, run)
        return weights

    def _after(
        self,
        goal: str,
        weights: Arrays,
        data: Dataset,
        counts: Floats,
        told: Array | None,
        panels: list[Tasks],
        run: Run,
    ) -> Arrays:
        config, last = self.config, goal == "none"
        episodes = Episodes(
            data.histories,
            data.catalogue,
            config.longest,
            config.states if self._network.ordered else 1,
            config.batch,
            likes_only=last and config.train_on == "likes",
            every_event=not last,
            halves=goal == "contrastive",
        )
        self._learned = bool(episodes.of_epoch(np.random.default_rng(0)))
        if not self._learned:
            return weights

        def validate(fresh: Arrays) -> float:
            self._bind(fresh, told, (counts > 0) & self.free)
            return loss_of(panels, lambda support: self._score(support, Context()))

        lesson = Lesson(
            self._network,
            weights,
            told,
            counts,
            self.free,
            config.forget_items,
            config.dropout,
            config.negatives,
            self.loss() if last else "softmax",
            usual_odds(counts, data.n_users),
        )
        folder = None if config.checkpoints is None else Path(config.checkpoints) / (self.name if last else goal)
        watched = validate if panels and last else None
        weights, curve = train(lesson, episodes, config.loop, run, watched, folder, self.name if last else goal)
        self.curve = curve
        return weights

    def _item_shapes(self, n_items: int) -> dict[str, tuple[int, ...]]:
        return item_shapes(n_items, self.config.factors, 0 if self._reader is None else self._reader.dimension)

    def _bind(self, weights: Arrays, told: Array | None, known: Known) -> None:
        """Take weights for answering: the vectors of all items are put together once."""
        vectors = None if told is None else self._network.told(NUMPY, weights, told)
        free = known.astype(np.float32)
        self._items = Items.of(weights, np.arange(len(free)), vectors, free)
        self._weights = {name: one for name, one in weights.items() if not name.startswith("item.")}

    def with_items(self, frame: Any) -> Self:
        """Return a new model whose catalogue ends in the items of ``frame``; see ``TakesNewItems``."""
        catalogue, rows = read_new_items(self.catalogue, frame)
        fresh = self._new_items(rows, list(catalogue.titles[len(self.catalogue) :]))
        header, arrays = self._state()
        longer = {
            "popularity": np.concatenate([self._popularity, np.zeros(len(fresh.prior), dtype=np.float32)]),
            "read": np.vstack([self._items.read, fresh.read]),
            "asked": np.vstack([self._items.asked, fresh.asked]),
            "prior": np.concatenate([self._items.prior, fresh.prior]),
        }
        return self.of_state(self.config.model_dump(), catalogue, header, arrays | longer)

    def _new_items(self, rows: Any, titles: list[str]) -> Items:
        """Return the vectors of new items; one without text stands last and says nothing."""
        if self._reader is None:
            nothing = np.zeros((len(titles), self.config.factors), dtype=np.float32)
            return Items(nothing, nothing, np.full(len(titles), self._items.prior.min(), dtype=np.float32))
        told = self._network.told(NUMPY, self._weights, self._reader.new(rows, titles))
        return Items.told(self._weights, told)

    def _score(self, histories: Histories, context: Context) -> Floats:
        if self.config.events == "likes":
            histories = histories.where(liked(histories.values, self.catalogue))
        scores = np.zeros((len(histories), len(self.catalogue)), dtype=np.float32)
        speaking = np.flatnonzero(histories.lengths > 0) if self._learned else np.zeros(0, dtype=np.int64)
        for some in self._blocks(speaking):
            scores[some] = self._forward(histories[some])
        return with_popularity(scores, self._popularity)

    def _blocks(self, rows: Any) -> Iterator[Any]:
        each = (
            len(self.catalogue) * self._network.width(self.config.longest) + self.config.longest * self.config.factors
        )
        size = max(1, CELLS // each)
        for start in range(0, len(rows), size):
            yield rows[start : start + size]

    def _forward(self, histories: Histories) -> Floats:
        """Score all items for people who have events."""
        shown = Padded.of(histories, self.catalogue, self.config.longest)
        vectors = self._items.events(NUMPY, self._weights, shown.items, shown.disliked, shown.mask)
        states = self._network.states(NUMPY, self._weights, Events(vectors, shown.mask, shown.last))
        found = self._network.scores(NUMPY, self._weights, states, self._items.asked)
        return np.asarray(found + self._items.prior, dtype=np.float32)

    def _state(self) -> tuple[dict[str, Any], Arrays]:
        header, arrays = (None, {}) if self._reader is None else self._reader.state()
        items = {"read": self._items.read, "asked": self._items.asked, "prior": self._items.prior}
        own = {"popularity": self._popularity} | items | {f"w.{name}": one for name, one in self._weights.items()}
        return {"learned": self._learned, "text": header}, own | arrays

    def _restore(self, header: dict[str, Any], arrays: Arrays) -> None:
        n_items, d = len(self.catalogue), self.config.factors
        self._learned = bool(header["learned"])
        self._reader = None if header["text"] is None else self.reader_of(header["text"], arrays)
        self._network = self.network()
        self._popularity = array_of(arrays, "popularity", (n_items,))
        read, asked = array_of(arrays, "read", (n_items, d)), array_of(arrays, "asked", (n_items, d))
        self._items = Items(read, asked, array_of(arrays, "prior", (n_items,)))
        shapes = self._network.shapes() | {"event.bent": (d,)}
        if self._reader is not None:
            shapes |= text_shapes(d, self._reader.dimension)
        self._weights = {name: array_of(arrays, f"w.{name}", shape) for name, shape in shapes.items()}

    def reader_of(self, header: dict[str, Any], arrays: Arrays) -> Reader:
        """Take back what reads the texts of items."""
        return ItemText.of_state(header, arrays)
