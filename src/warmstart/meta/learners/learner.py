"""The protocol of all learners, without side effects: ``fit(tasks) -> prior``, ``adapt(prior, support) -> adapted``.

Learning to learn has two phases. The *introspective* phase (``fit``) looks for what many tasks have in common: a
representation of the items and a way to adapt. The *extrospective* phase (``adapt``) specialises it to one task from
its few events. What the second is worth stands in every report: the fitness of a task (``evaluation.measure``).
"""

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Protocol, TypeVar, runtime_checkable

import numpy as np
from pydantic import Field

from warmstart.core.artefact import Arrays
from warmstart.core.config import Config, Tunable
from warmstart.core.histories import Floats
from warmstart.core.run import Run
from warmstart.meta.factors import randomised_svd
from warmstart.meta.learners.either import Array, affine, library_of
from warmstart.meta.learners.outer_loop import Validate, trained
from warmstart.meta.learners.shots import Shots
from warmstart.meta.learners.squared import squared_error
from warmstart.meta.learners.task_set import TaskSet
from warmstart.meta.prior import Support
from warmstart.recommenders.neural.settings import Text

P = TypeVar("P")
ROUNDS = 3
"""Times that every training user is drawn to solve for the items."""
RIDGE = 30.0
"""Users' worth of shrinkage of that solve."""
SCALARS = 10.0
"""Exponents are stored a tenth as large as they act: the step that suits a weight would leave them where they are."""


@runtime_checkable
class Adapted(Protocol):
    """People as a learner sees them after their events."""

    def scores(self) -> Floats:
        """Return scores of all items, float32 [n, items]."""
        ...


@runtime_checkable
class AdaptedValues(Adapted, Protocol):
    """People of whom a learner foretells values too."""

    def values(self) -> Floats:
        """Return the value that each person would give each item, float32 [n, items]."""
        ...


@runtime_checkable
class Learner(Protocol[P]):
    """What learns from tasks how to learn from few events; priors are values and never change."""

    def fit(self, tasks: TaskSet, *, validate: Callable[[P], float] | None = None, run: Run | None = None) -> P:
        """Introspective phase: find what many tasks have in common.

        Args:
            tasks: training users.
            validate: returns a loss, lower is better, of a prior on users who were not trained on.
            run: seed and progress.
        """
        ...

    def adapt(self, prior: P, support: Support) -> Adapted:
        """Extrospective phase: specialise the prior to each person of a batch; the prior stays as it is."""
        ...


class TrainingConfig(Config):
    """Settings that all learners share which learn by the one plain loop."""

    dimension: Annotated[int, Field(ge=1), Tunable(choices=(32, 64, 128))] = 64
    """Length of the items' and people's vectors."""
    epochs: Annotated[int, Field(ge=0), Tunable(choices=(4, 8, 16))] = 8
    """Times at most that all training users are met; 0 leaves the representation as its closed form gives it."""
    learning_rate: Annotated[float, Field(gt=0), Tunable(3e-4, 3e-3, log=True)] = 1e-3
    """Highest step of the outer loop (Adam)."""
    weight_decay: Annotated[float, Field(ge=0), Tunable(1e-3, 0.3, log=True)] = 0.01
    """Share of a weight, times the rate, that each outer step takes off it."""
    batch: Annotated[int, Field(ge=1)] = 256
    """Tasks of an outer step."""
    patience: Annotated[int, Field(ge=1)] = 3
    """Epochs in a row that may bring nothing on held-out users before training stops."""
    most_events: Annotated[int, Field(ge=1)] = 100
    """Latest events of a person that are read."""
    checkpoints: str | None = None
    """A folder where checkpoints are kept, and from where an interrupted training goes on."""


class LearnerConfig(TrainingConfig):
    """Settings that all learners with vectors share."""

    text: Text = "words"
    """What is read of an item's title and labels, so that an item nobody has met has a place: nothing, its words, or
    static language-model vectors (extra ``text``)."""


@dataclass(frozen=True, slots=True)
class Vectors:
    """People as vectors beside the items': ``scores = bias + vectors items'``, in shares of people who like an item.

    Args:
        bias: float32 [items], what is said to anybody.
        vectors: float32 [n, d].
        items: float32 [items, d].
    """

    bias: Array
    vectors: Array
    items: Array

    def scores(self) -> Array:
        """Return scores of all items, [n, items]."""
        return affine(self.vectors, self.items, self.bias)


class VectorLearner(ABC):
    """Base of learners that make a vector of a person; a subclass writes ``vectors`` once, for numpy and torch.

    The prior is a mapping of arrays. Beside the learner's own it holds ``items``, which read a person's vector (and how
    much is known of her, and her attributes) as chances of a like. They are solved for in closed form before the outer
    loop, and move with all others in it. The outer loss is the squared error over all items: a cross-entropy lowered
    itself by the many rare items and ranked the first ten worse.

    Args:
        config: settings.
    """

    name: ClassVar[str]
    config_class: ClassVar[type[LearnerConfig]] = LearnerConfig
    item_arrays: ClassVar[tuple[str, ...]] = ("keys", "encodings", "items", "bias")
    """Arrays with one row an item; those of items that nobody met are foretold from text."""

    def __init__(self, config: LearnerConfig | None = None) -> None:
        self.config: Any = config or self.config_class()

    @property
    def fixed(self) -> tuple[str, ...]:
        """Arrays that the outer loop leaves as they are."""
        return ()

    @abstractmethod
    def beginning(self, vectors: Floats, tasks: TaskSet, run: Run) -> Arrays:
        """Return the learner's own arrays, by name, before the outer loop.

        Args:
            vectors: float32 [items, d], the items' vectors in closed form, of mean squared length 1.
            tasks: training users.
            run: seed.
        """

    @abstractmethod
    def vectors(self, prior: dict[str, Array], shots: Shots) -> Array:
        """Return people's vectors, [n, d]; differentiable where the arrays are tensors, and free of side effects."""

    def start(self, tasks: TaskSet, run: Run) -> Arrays:
        """Return the prior before the outer loop, all of it in closed form or drawn."""
        vectors = item_vectors(tasks, self.config.dimension, run.seed)
        prior = self.beginning(vectors, tasks, run) | {"bias": tasks.shares}
        return prior | {"items": self.solved(prior, tasks, run)}

    def solved(self, prior: Arrays, tasks: TaskSet, run: Run) -> Floats:
        """Return the ``items`` that read people's vectors best, float32 [items, d + 2 + attributes]: a ridge solve."""
        rng, size = run.rng(self.name, "solve"), self.config.batch
        nobody = tasks.draw(np.zeros(0, np.int64), rng).shots
        width = known(self.vectors(prior, nobody), nobody).shape[1]
        gram, target = np.zeros((width, width)), np.zeros((width, tasks.n_items))
        for _ in range(ROUNDS):
            users = rng.permutation(tasks.usable)
            for part in np.array_split(users, max(1, round(len(users) / size))):
                batch = tasks.draw(part, rng)
                told = known(self.vectors(prior, batch.shots), batch.shots).astype(np.float64)
                left = np.where(batch.seen, 0, batch.query - prior["bias"])
                gram, target = gram + told.T @ told, target + told.T @ left
        found = np.linalg.solve(gram + ROUNDS * RIDGE * np.eye(width), target)
        return np.ascontiguousarray(found.T, dtype=np.float32)

    def adapted(self, prior: dict[str, Array], shots: Shots) -> Vectors:
        """Return people as the items read them."""
        return Vectors(prior["bias"], known(self.vectors(prior, shots), shots), prior["items"])

    def losses(self, prior: dict[str, Array], shots: Shots, query: Array, seen: Array) -> Array:
        """Return the outer loss of each task, [n]."""
        return squared_losses(self.adapted(prior, shots).scores(), query, seen)

    def step(self, prior: dict[str, Array], shots: Shots, query: Array, seen: Array) -> float:
        """Leave the gradient of a batch's mean outer loss in the prior's tensors, and return the loss."""
        loss = self.losses(prior, shots, query, seen).mean()
        loss.backward()
        return float(loss.detach())

    def fit(self, tasks: TaskSet, *, validate: Validate | None = None, run: Run | None = None) -> Arrays:
        """Introspective phase; see ``Learner``."""
        begun = self.start(tasks, run or Run())
        if not self.config.epochs or not len(tasks.usable):
            return begun
        return trained(self, begun, tasks, validate, run or Run())

    def adapt(self, prior: Arrays, support: Support) -> Vectors:
        """Extrospective phase; see ``Learner``."""
        return self.adapted(prior, Shots.of(support, self.columns(prior), self.config.most_events))

    def columns(self, prior: Arrays) -> int:
        """Return how many attributes of a person are read."""
        return int(prior["items"].shape[1]) - 2 - int(self.config.dimension)


def item_vectors(tasks: TaskSet, dimension: int, seed: int) -> Floats:
    """Return the representation that the outer loop starts from, float32 [items, d] of mean squared length 1.

    Users and items are divided by the roots of their numbers of events, so that neither the keen nor the popular rule
    it (Sarwar et al., 2000: singular vectors; the scaling is that of spectral co-clustering, Dhillon, 2001).

    Example:
        >>> import warmstart as ws
        >>> from warmstart.meta.learners.learner import item_vectors
        >>> from warmstart.meta.learners.task_set import TaskSet
        >>> vectors = item_vectors(TaskSet.of(ws.load_dataset("movielens-small")), dimension=8, seed=0)
        >>> vectors.shape, round(float((vectors**2).sum(axis=1).mean()), 3)
        ((9742, 8), 1.0)
    """
    from scipy import sparse

    likes = tasks.episodes.query.astype(np.float64)
    users, items = (np.maximum(np.asarray(likes.sum(axis=axis)).ravel(), 1) ** -0.5 for axis in (1, 0))
    _, strengths, directions = randomised_svd(sparse.diags(users) @ likes @ sparse.diags(items), dimension, seed)
    found = np.zeros((tasks.n_items, dimension))
    found[:, : len(strengths)] = directions.T * np.sqrt(strengths)
    size = float(np.sqrt((found**2).sum(axis=1).mean()))
    return (found / (size or 1.0)).astype(np.float32)


def known(vectors: Array, shots: Shots) -> Array:
    """Return people's vectors, how much is known of them and their attributes side by side, [n, d + 2 + columns].

    Example:
        >>> import numpy as np
        >>> from warmstart.meta.learners.learner import known
        >>> from warmstart.meta.learners.shots import Shots
        >>> shots = Shots(np.zeros((2, 1), int), np.array([[1.0], [0.0]]), np.zeros((2, 0)))
        >>> known(np.zeros((2, 1)), shots).round(2).tolist()
        [[0.0, 0.69, 1.0], [0.0, 0.0, 0.0]]
    """
    xp = library_of(vectors)
    counts = shots.counts[:, None]
    some = xp.where(counts > 0, xp.ones_like(counts), xp.zeros_like(counts))
    return xp.concatenate([vectors, xp.log1p(counts), some, shots.attributes], -1)


def squared_losses(scores: Array, query: Array, seen: Array) -> Array:
    """Return the squared error of each task over the items that it has not seen, [n].

    Example:
        >>> import numpy as np
        >>> from warmstart.meta.learners.learner import squared_losses
        >>> query, seen = np.array([[1.0, 0, 0]]), np.array([[False, False, True]])
        >>> squared_losses(np.array([[0.5, 0.5, 9.0]]), query, seen).tolist()
        [0.5]
    """
    if not isinstance(scores, np.ndarray):
        return squared_error(scores, query, seen)
    return np.where(seen, np.zeros_like(scores), (scores - query) ** 2).sum(-1)
