"""Networks learn here, in torch: the one file of this folder that needs it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np

from warmstart.core.artefact import Arrays
from warmstart.core.errors import MissingExtra
from warmstart.core.histories import Floats, Ints
from warmstart.core.run import Run
from warmstart.recommenders.neural.arrays import Array
from warmstart.recommenders.neural.episodes import Batch, Episodes, Padded
from warmstart.recommenders.neural.items import Items
from warmstart.recommenders.neural.network import Events, Network
from warmstart.representation.training_loop import Curve, LoopConfig, descend, digest_of, mixed_precision

Loss = Literal["softmax", "bce", "mse"]
TEMPERATURE = 0.2
FAR = -1e9


class Torch:
    """The operations for training, on one device, with dropout."""

    def __init__(self, dropout: float) -> None:
        try:
            import torch
        except ImportError:
            raise MissingExtra("torch", extra="torch") from None
        self.torch, self._dropout = torch, dropout
        self.device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        self.chance = torch.Generator(self.device)

    def relu(self, x: Array) -> Array:
        """Return what is positive."""
        return self.torch.relu(x)

    def tanh(self, x: Array) -> Array:
        """Return the hyperbolic tangent."""
        return self.torch.tanh(x)

    def sigmoid(self, x: Array) -> Array:
        """Return the logistic function."""
        return self.torch.sigmoid(x)

    def softmax(self, x: Array) -> Array:
        """Return shares along the last axis."""
        return self.torch.softmax(x, -1)

    def sqrt(self, x: Array) -> Array:
        """Return the root of each number."""
        return self.torch.sqrt(x)

    def largest(self, x: Array, axis: int) -> Array:
        """Return the largest number along one axis."""
        return self.torch.amax(x, axis)

    def join(self, parts: Sequence[Array], axis: int) -> Array:
        """Put arrays one behind the other along an axis."""
        return self.torch.cat(list(parts), axis)

    def pile(self, parts: Sequence[Array], axis: int) -> Array:
        """Put arrays of one shape beside each other along a new axis."""
        return self.torch.stack(list(parts), axis)

    def constant(self, x: Any) -> Array:
        """Take a numpy array to the device."""
        return self.torch.as_tensor(x).to(self.device)

    def drop(self, x: Array) -> Array:
        """Set some numbers to zero and raise the others, so that the sum stays what it is in the mean."""
        if not self._dropout:
            return x
        kept = self.torch.rand(x.shape, generator=self.chance, device=self.device) >= self._dropout
        return x * kept / (1 - self._dropout)


@dataclass(frozen=True, slots=True)
class Lesson:
    """What is learned, from what, and how.

    Args:
        network: the architecture.
        weights: all weights to begin with, numpy.
        text: [items, p], what is known of the items, or None.
        counts: [items], how often an item is met in training; one that is not met is no candidate.
        free: whether items have a free part.
        forget: share of items that lose it in a step.
        dropout: see ``NeuralConfig``.
        negatives: items a step compares, or None for all.
        loss: see ``EmbeddingMLPConfig``.
        odds: log odds of an item's being liked, in the mean over items: added to scores where each item is judged by
            itself, for one that begins at even odds takes thousands of steps to become rare.
    """

    network: Network
    weights: Arrays
    text: Array | None
    counts: Floats
    free: bool
    forget: float
    dropout: float
    negatives: int | None
    loss: Loss = "softmax"
    odds: float = 0.0


def train(
    lesson: Lesson,
    episodes: Episodes,
    loop: Callable[[int], LoopConfig],
    run: Run,
    validate: Callable[[Arrays], float] | None,
    folder: Path | None = None,
    what: str = "training",
) -> tuple[Arrays, Curve]:
    """Return the weights after training, and how it went; ``validate`` gets weights and returns a loss."""
    pupil = _Pupil(lesson)

    def batches(epoch: int) -> Sequence[Batch]:
        return episodes.of_epoch(run.rng(what, epoch))

    curve = descend(
        pupil.weights,
        pupil.slope,
        batches,
        loop(len(batches(0))),
        run,
        validate=None if validate is None else lambda: validate(pupil.taken()),
        folder=folder,
        identity=digest_of(what, run.seed, repr(lesson.network), episodes.histories.items.tobytes(), lesson.loss),
        what=what,
    )
    return pupil.taken(), curve


class _Pupil:
    """Weights that learn from one batch after the other."""

    def __init__(self, lesson: Lesson) -> None:
        self.lesson, self.library = lesson, Torch(lesson.dropout)
        self.weights = {
            name: self.library.constant(one.copy()).requires_grad_(True) for name, one in lesson.weights.items()
        }
        self._text = None if lesson.text is None else self.library.constant(lesson.text)
        self._met = np.flatnonzero(lesson.counts > 0)

    def taken(self) -> Arrays:
        """Return the weights as they are."""
        return {name: one.detach().cpu().numpy().copy() for name, one in self.weights.items()}

    def slope(self, batch: Batch) -> float:
        """Leave the gradient of a batch in the weights and return its loss."""
        self.library.chance.manual_seed(batch.seed)
        rng = np.random.default_rng(batch.seed)
        with mixed_precision(self.library.device):
            loss = self._loss(batch, rng) if batch.other is None else self._contrast(batch, batch.other, rng)
        loss.backward()
        return float(loss.detach())

    def _loss(self, batch: Batch, rng: np.random.Generator) -> Array:
        """Foretell the targets among the candidates, of which those already shown are no part."""
        asked, chances = self._candidates(rng)
        read = np.unique(batch.shown.items)
        items = self._items(np.union1d(asked, read), rng)
        states, weights, library = self._states(batch.shown, items), self.weights, self.library
        columns = library.constant(np.searchsorted(items.rows, asked))
        candidates = library.drop(items.of.asked[columns])
        logits = self.lesson.network.scores(library, weights, states, candidates) + items.of.prior[columns]
        logits = logits.float().masked_fill(library.constant(_shown(batch.shown, asked)), FAR)
        place = np.minimum(np.searchsorted(asked, batch.items), len(asked) - 1)
        there = asked[place] == batch.items
        worth = library.constant((batch.weights / chances[place])[there].astype(np.float32))
        rows, places = library.constant(batch.rows[there]), library.constant(place[there])
        return self._compared(logits, rows, places, worth, library.constant(chances)) / len(logits)

    def _compared(self, logits: Array, rows: Array, places: Array, worth: Array, chances: Array) -> Array:
        torch = self.library.torch
        if self.lesson.loss == "softmax":
            likely = torch.log_softmax(logits - chances.log(), -1)
            return -(likely[rows, places] * worth).sum()
        wanted = torch.zeros_like(logits)
        wanted[rows, places] = 1.0
        if self.lesson.loss == "bce":
            odds = logits + self.lesson.odds
            each = torch.nn.functional.binary_cross_entropy_with_logits(odds, wanted, reduction="none")
        else:
            each = (torch.sigmoid(logits + self.lesson.odds) - wanted).square()
        return (each / chances).sum() / 100

    def _contrast(self, batch: Batch, other: Padded, rng: np.random.Generator) -> Array:
        """Tell from one half of a history which other half is of the same person (InfoNCE; Xie et al., 2022)."""
        torch, library = self.library.torch, self.library
        read = np.union1d(batch.shown.items, other.items)
        items = self._items(read, rng)
        one, two = (self._states(half, items).reshape(len(half.items), -1) for half in (batch.shown, other))
        alike = _unit(torch, one) @ _unit(torch, two).T
        there = library.constant(other.mask[:, 0] > 0)
        own = library.constant(np.arange(len(one)))
        forth = torch.nn.functional.cross_entropy(alike / TEMPERATURE, own, reduction="none")
        back = torch.nn.functional.cross_entropy(alike.T / TEMPERATURE, own, reduction="none")
        return ((forth + back) * there).sum() / len(one)

    def _states(self, shown: Padded, items: "_Some") -> Array:
        constant, weights = self.library.constant, self.weights
        places, mask = constant(np.searchsorted(items.rows, shown.items)), constant(shown.mask)
        vectors = items.of.events(self.library, weights, places, constant(shown.disliked), mask)
        return self.lesson.network.states(self.library, weights, Events(vectors, mask, constant(shown.last)))

    def _items(self, rows: Ints, rng: np.random.Generator) -> "_Some":
        lesson, constant = self.lesson, self.library.constant
        known = (rng.random(len(rows)) >= lesson.forget) & (lesson.counts[rows] > 0) & lesson.free
        places = constant(rows)
        text = None if self._text is None else lesson.network.told(self.library, self.weights, self._text[places])
        return _Some(rows, Items.of(self.weights, places, text, constant(known.astype(np.float32))))

    def _candidates(self, rng: np.random.Generator) -> tuple[Ints, Floats]:
        """Return the items that are compared, and with which chance each was drawn."""
        counts, wanted = self.lesson.counts[self._met], self.lesson.negatives
        if wanted is None or wanted >= len(self._met):
            return self._met, np.ones(len(self._met), dtype=np.float32)
        chances = _chances(np.sqrt(counts), wanted)
        drawn = rng.random(len(chances)) < chances
        return self._met[drawn], chances[drawn]


def usual_odds(counts: Floats, people: int) -> float:
    """Return the log odds of an item's being liked by somebody, in the mean over items.

    Example:
        >>> import numpy as np
        >>> from warmstart.recommenders.neural.training import usual_odds
        >>> round(usual_odds(np.array([50.0, 50.0]), 100), 3), usual_odds(np.array([1.0, 0.0]), 100) < -4
        (0.0, True)
    """
    against = np.maximum(people - counts, 0) + 0.5
    return float(np.mean(np.log((counts + 0.5) / against))) if len(counts) else 0.0


def _unit(torch: Any, x: Array) -> Array:
    return torch.nn.functional.normalize(x.float(), dim=-1)


@dataclass(frozen=True, slots=True)
class _Some:
    rows: Ints
    of: Items


def _chances(worth: Floats, wanted: int) -> Floats:
    """Return chances in proportion to worth, none above 1, that sum to about so many."""
    chances = np.minimum(wanted * worth / worth.sum(), 1)
    return np.asarray(np.minimum(chances * wanted / chances.sum(), 1), dtype=np.float32)


def _shown(shown: Padded, asked: Ints) -> Any:
    """Return which candidates each state has among its events, bool [n * m, candidates]."""
    n, m = shown.last.shape
    found = np.zeros((n, m, len(asked) + 1), dtype=bool)
    place = np.searchsorted(asked, shown.items)
    place[(place == len(asked)) | (asked[np.minimum(place, len(asked) - 1)] != shown.items)] = len(asked)
    place[shown.mask == 0] = len(asked)
    for state in range(m):
        before = np.where(np.arange(place.shape[1]) <= shown.last[:, state, None], place, len(asked))
        found[np.arange(n)[:, None], state, before] = True
    return found[..., :-1].reshape(n * m, -1)
