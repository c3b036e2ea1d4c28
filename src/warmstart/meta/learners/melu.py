"""MeLU: a network over what describes items and people foretells values; its decision layers adapt to a person.

    z = [mean embedding of each attribute of the item, the same of the person]
    value = w_3' relu(W_2' relu(W_1' z + b_1) + b_2) + b_3
    L_inner = sum_s w_s (value_s - given_s)^2 / (sum_s w_s + shrinkage)

Adapting steps along the gradient of L_inner in W and b alone; the embeddings stay. The outer loop moves all of it along
the squared error on other events of the same person, through the steps. No item has a number of its own, so an item
that nobody met is foretold like any other.

While training, ``torch.func`` takes the inner gradients and ``vmap`` all tasks at once. Answering is the gradient
written out in numpy: what W_1 moved by is a sum over the support, ``W_1 - Z_s' C``, so that an inner step costs a
product of the events with each other and no matrix a person. A test holds the two to each other.
"""

from dataclasses import dataclass
from typing import Annotated, Any, ClassVar

import numpy as np
from pydantic import Field

from warmstart.core.artefact import Arrays
from warmstart.core.config import Tunable
from warmstart.core.histories import Floats, Ints
from warmstart.core.run import Run
from warmstart.meta.evidence import TRAINING_DISLIKE
from warmstart.meta.learners.either import Array, library_of
from warmstart.meta.learners.learner import TrainingConfig
from warmstart.meta.learners.lessons import ValuedShots
from warmstart.meta.learners.outer_loop import Validate, trained
from warmstart.meta.learners.shots import Shots
from warmstart.meta.learners.task_set import Batch, TaskSet
from warmstart.meta.learners.value_tasks import ValueShots, ValueTasks
from warmstart.meta.prior import Support

LAYERS = ("w1", "b1", "w2", "b2", "w3", "b3")
"""The decision layers: what adapting moves."""
REACH = 0.3
"""Standard deviation of the embeddings at first."""
REVEALED = 50
"""Events revealed at most while training: the few people with more are read as well by those, at half the cost."""
WIDE = 40
"""Events from which on the first layer's move is multiplied out once for all items."""


class MeLUConfig(TrainingConfig):
    """Settings of ``melu``."""

    dimension: Annotated[int, Field(ge=1), Tunable(choices=(16, 32, 64))] = 32
    """Length of the embedding of each attribute."""
    hidden: Annotated[int, Field(ge=1), Tunable(choices=(32, 64, 128))] = 64
    """Units of each of the two hidden layers."""
    inner_steps: Annotated[int, Field(ge=0, le=20), Tunable(choices=(1, 3, 5))] = 3
    """Steps of gradient descent that adapt to one person; 0 adapts to nobody."""
    inner_rate: Annotated[float, Field(gt=0), Tunable(0.005, 0.2, log=True)] = 0.05
    """Size of these steps."""
    shrinkage: Annotated[float, Field(ge=0), Tunable(choices=(0.0, 3.0, 10.0))] = 3.0
    """Imagined events without error in the inner loss, so that one event moves less than many; 0 as published."""
    epochs: Annotated[int, Field(ge=0), Tunable(choices=(10, 20, 30))] = 20
    """Times at most that all training users are met."""
    learning_rate: Annotated[float, Field(gt=0), Tunable(1e-3, 1e-2, log=True)] = 5e-3
    """Highest step of the outer loop (Adam)."""
    batch: Annotated[int, Field(ge=1)] = 64
    """Tasks of an outer step."""
    patience: Annotated[int, Field(ge=1)] = 4
    """Epochs in a row that may bring nothing on held-out users before training stops."""
    query: Annotated[int, Field(ge=1)] = 10
    """Events whose values are asked for while training, at most half of a person's."""
    few: bool = True
    """Whether training reveals from one event on, evenly in the logarithm; False reveals all but the query."""
    item_kinds: dict[str, str] = Field(default_factory=dict)
    """Kinds of the items' columns that overrule those of the data set, such as ``{"director": "categorical"}``."""


@dataclass(frozen=True, slots=True)
class Estimators:
    """People as networks of their own: the common one, and what adapting moved.

    Args:
        prior: what was learned.
        items: int64 [n, k], the events.
        people: float32 [n, p], what describes each person, embedded.
        moves: float32 [n, k, h]: the first layer moved by ``- Z_s' moves``.
        layers: the other layers by name, float32 [n, ...].
    """

    prior: Arrays
    items: Ints
    people: Floats
    moves: Floats
    layers: Arrays

    def scores(self) -> Floats:
        """Return the foretold values as shares of the scale, float32 [n, items]: 0 its lowest value, 1 its highest."""
        _, _, low, high, _ = self.prior["facts"]
        return np.asarray((self._values() - low) / max(high - low, 1e-6), dtype=np.float32)

    def values(self) -> Floats:
        """Return the value that each person would give each item, float32 [n, items]."""
        _, _, low, high, _ = self.prior["facts"]
        return np.asarray(np.clip(self._values(), low, high), dtype=np.float32)

    def _values(self) -> Floats:
        mean, spread = self.prior["facts"][:2]
        found = np.zeros((len(self.people), len(self.prior["items"])), np.float32)
        for person, row in enumerate(found):
            row[:] = self._row(person)
        return np.asarray(mean + spread * found, dtype=np.float32)

    def at(self, asked: Ints) -> Floats:
        """Return the values of a few items each, float32 [n, q]; ``asked`` is int64 [n, q]."""
        mean, spread, low, high, _ = self.prior["facts"]
        found = np.stack([self._row(person, some) for person, some in enumerate(asked)])
        return np.asarray(np.clip(mean + spread * found, low, high), dtype=np.float32)

    def _row(self, person: int, some: Ints | None = None) -> Floats:
        """Return the network's output of some (or all) items for one person, in standard deviations."""
        prior, layers, moves = self.prior, self.layers, self.moves[person]
        shown, own = prior["items"][self.items[person]], self.people[person]
        content, first = prior["items"], prior["first"]
        if some is not None:
            content, first = content[some], first[some]
        narrow = len(shown) < WIDE
        moved = (content @ shown.T) @ moves if narrow else content @ (shown.T @ moves)
        row = own @ prior["w1"][content.shape[1] :] + prior["b1"] - (own @ own + 1) * moves.sum(axis=0)
        hidden = np.maximum(first - moved + row, 0)
        hidden = np.maximum(hidden @ layers["w2"][person] + layers["b2"][person], 0)
        found: Floats = hidden @ layers["w3"][person] + layers["b3"][person]
        return found


class MeLU:
    """Foretells values from what describes items and people; a few steps on her values adapt the decision layers.

    Source: Lee, Im, Jang, Cho and Chung (2019), MeLU: Meta-learned user preference estimator for cold-start
    recommendation. Embeddings of 32, two hidden layers of 64; other than there, rates are Adam's in the outer loop,
    values are standardised, and a person of few events moves less (``shrinkage``).

    Args:
        config: settings.

    Example:
        >>> import numpy as np
        >>> import warmstart as ws
        >>> from warmstart.core.histories import Histories
        >>> from warmstart.meta.learners.melu import MeLU, MeLUConfig
        >>> from warmstart.meta.learners.support import ValuedSupport
        >>> from warmstart.meta.learners.task_set import TaskSet
        >>> learner = MeLU(MeLUConfig(epochs=0))
        >>> prior = learner.fit(TaskSet.of(ws.load_dataset("movielens-small")))
        >>> event = ValuedSupport.of(Histories.of([[224]], [[5.0]]), like_from=4.0)
        >>> learner.adapt(prior, event).values().shape
        (1, 9742)
    """

    name: ClassVar[str] = "melu"
    config_class: ClassVar[type[TrainingConfig]] = MeLUConfig
    fixed: ClassVar[tuple[str, ...]] = ("items", "first", "facts")
    """Arrays that the outer loop leaves as they are."""

    def __init__(self, config: TrainingConfig | None = None) -> None:
        self.config: Any = config or self.config_class()

    def fit(self, tasks: TaskSet, *, validate: Validate | None = None, run: Run | None = None) -> Arrays:
        """Introspective phase; see ``Learner``. Items are described only by ``ValueTasks``."""
        run, known = run or Run(), self.tasks(tasks)
        begun = self.start(known, run)
        if not self.config.epochs or not len(known.usable):
            return self.ready(begun, known)
        judged = None if validate is None else lambda prior: validate(self.ready(prior, known))
        return self.ready(trained(self, begun, known, judged, run), known)

    def adapt(self, prior: Arrays, support: Support) -> Estimators:
        """Extrospective phase; see ``Learner``."""
        shots = ValuedShots.of(support, len(prior["people.owners"]), self.config.most_events)
        values = shots.values if isinstance(shots, ValuedShots) else np.ones_like(shots.weights)
        liked = values >= prior["facts"][4]
        # graded evidence of likes says less of a dislike, but its value is as good as any other
        return self.descended(prior, shots, shots.weights / np.where(liked, 1, np.float32(TRAINING_DISLIKE)), values)

    def tasks(self, tasks: TaskSet) -> ValueTasks:
        """Return the tasks with values to ask for."""
        return tasks if isinstance(tasks, ValueTasks) else ValueTasks.over(tasks, **self.drawing)

    @property
    def drawing(self) -> dict[str, Any]:
        """How tasks are drawn."""
        most = min(self.config.most_events, REVEALED)
        return {"query": self.config.query, "most": most, "few": self.config.few}

    def start(self, tasks: ValueTasks, run: Run) -> Arrays:
        """Return the prior before the outer loop: drawn, and with the mean of all values as its answer."""
        rng, d, h = run.rng(self.name, "beginning"), self.config.dimension, self.config.hidden
        found: Arrays = {}
        width = 0
        for name, owners in (("content", tasks.items.owners), ("people", tasks.people)):
            found[f"{name}.embeddings"] = (REACH * rng.standard_normal((len(owners), d))).astype(np.float32)
            found[f"{name}.owners"] = owners
            width += d * _fields(owners)
        for name, shape in (("w1", (width, h)), ("w2", (h, h)), ("w3", (h,))):
            found[name] = (rng.standard_normal(shape) * np.sqrt(2 / max(shape[0], 1))).astype(np.float32)
        found["w3"] *= np.float32(0.1)
        found |= {"b1": np.zeros(h, np.float32), "b2": np.zeros(h, np.float32), "b3": np.zeros((), np.float32)}
        return found | {"facts": _facts(tasks)}

    def ready(self, prior: Arrays, tasks: ValueTasks) -> Arrays:
        """Return the prior with what describes each item embedded, and read by the first layer."""
        return prior | embedded(prior, tasks.items.rows)

    def step(self, prior: dict[str, Array], shots: Shots, query: Array, seen: Array) -> float:
        """Leave the gradient of a batch's mean outer loss in the prior's tensors, and return the loss.

        Args:
            prior: tensors.
            shots: ``ValueShots``, what is revealed.
            query: float32 [n, q], the values asked for.
            seen: bool [n, q], where nothing is asked.
        """
        assert isinstance(shots, ValueShots)  # noqa: S101  narrows the type
        squares = ((self.foretold(prior, shots) - _standard(prior, query)) ** 2 * ~seen).sum(-1)
        loss = (squares / (~seen).sum(-1)).mean()
        loss.backward()
        return float(loss.detach())

    def foretold(self, prior: dict[str, Any], shots: ValueShots) -> Any:
        """Return the adapted networks' output of the items asked for by torch, [n, q], in standard deviations."""
        from torch.func import vmap

        content = shots.described @ blocked(prior["content.embeddings"], prior["content.owners"])
        people = shots.attributes @ blocked(prior["people.embeddings"], prior["people.owners"])
        task = TaskMathematics(prior, self.config.inner_steps, self.config.inner_rate, self.config.shrinkage)
        given = _standard(prior, shots.values)
        return vmap(task.foretold)(content[shots.own], content[shots.asked], people, given, shots.weights)

    def descended(self, prior: Arrays, shots: Shots, weights: Floats, values: Floats) -> Estimators:
        """Return the networks after the inner steps, by the gradient written out.

        Args:
            prior: arrays.
            shots: events of n people.
            weights: float32 [n, k], what each event weighs; 0 where there is none.
            values: float32 [n, k], what it was given.
        """
        n, (_, k) = len(shots), shots.items.shape
        people = shots.attributes @ blocked(prior["people.embeddings"], prior["people.owners"])
        shown, given = prior["items"][shots.items], _standard(prior, values)
        row = people @ prior["w1"][shown.shape[-1] :] + prior["b1"]
        before = prior["first"][shots.items] + row[:, None]  # [n, k, h]
        same = shown @ shown.swapaxes(1, 2) + ((people**2).sum(-1) + 1)[:, None, None]  # [n, k, k]
        layers = {name: np.broadcast_to(prior[name], (n, *prior[name].shape)) for name in LAYERS[2:]}
        moves = np.zeros((n, k, before.shape[-1]), np.float32)
        scale = 2 * weights / (weights.sum(-1) + self.config.shrinkage + 1e-9)[:, None]
        for _ in range(self.config.inner_steps):
            moves, layers = _stepped(moves, layers, before - same @ moves, given, scale, self.config.inner_rate)
        return Estimators(prior, shots.items, people, moves, layers)


def _stepped(
    moves: Floats, layers: Arrays, first: Floats, given: Floats, scale: Floats, rate: float
) -> tuple[Floats, Arrays]:
    """Return the layers after one step of gradient descent."""
    one = np.maximum(first, 0)
    second = one @ layers["w2"] + layers["b2"][:, None]
    two = np.maximum(second, 0)
    found = (two @ layers["w3"][..., None])[..., 0] + layers["b3"][:, None]
    slope = (scale * (found - given)).astype(np.float32)  # [n, k]
    back = slope[..., None] * layers["w3"][:, None] * (second > 0)
    first_back = back @ layers["w2"].swapaxes(1, 2) * (first > 0)
    slopes = {
        "w2": one.swapaxes(1, 2) @ back,
        "b2": back.sum(1),
        "w3": (two * slope[..., None]).sum(1),
        "b3": slope.sum(1),
    }
    rate32 = np.float32(rate)
    return moves + rate32 * first_back, {name: layers[name] - rate32 * slopes[name] for name in slopes}


class TaskMathematics:
    """One task in torch: its network, its inner loss, and the steps along its gradient; made to be vectorised."""

    def __init__(self, prior: dict[str, Any], steps: int, rate: float, shrinkage: float) -> None:
        self.start = {name: prior[name] for name in LAYERS}
        self.steps, self.rate, self.shrinkage = steps, rate, shrinkage

    def foretold(self, shown: Any, asked: Any, person: Any, given: Any, weights: Any) -> Any:
        """Return the output for the items asked for after the inner steps, [q]."""
        from torch.func import grad

        layers = self.start
        for _ in range(self.steps):
            slopes = grad(self.inner_loss)(layers, shown, person, given, weights)
            layers = {name: layers[name] - self.rate * slopes[name] for name in LAYERS}
        return self.output(layers, asked, person)

    def inner_loss(self, layers: Any, shown: Any, person: Any, given: Any, weights: Any) -> Any:
        """Return the squared error on the events."""
        gaps = self.output(layers, shown, person) - given
        return (weights * gaps**2).sum() / (weights.sum() + self.shrinkage + 1e-9)

    def output(self, layers: Any, items: Any, person: Any) -> Any:
        """Return the network's output for some items, [k]."""
        width = items.shape[-1]
        first = items @ layers["w1"][:width] + person @ layers["w1"][width:] + layers["b1"]
        return (first.relu() @ layers["w2"] + layers["b2"]).relu() @ layers["w3"] + layers["b3"]


def blocked(embeddings: Array, owners: Array) -> Array:
    """Return embeddings in the place of their attribute, [columns, attributes * d], 0 elsewhere.

    Example:
        >>> import numpy as np
        >>> from warmstart.meta.learners.melu import blocked
        >>> blocked(np.array([[1.0], [2.0], [3.0]]), np.array([0, 0, 1])).tolist()
        [[1.0, 0.0], [2.0, 0.0], [0.0, 3.0]]
    """
    xp, fields = library_of(embeddings), _fields(owners)
    if not fields:
        return embeddings[:, :0]
    return xp.concatenate([embeddings * (owners == one)[:, None] for one in range(fields)], -1)


def embedded(prior: Arrays, rows: Any) -> Arrays:
    """Return what describes some items as the network reads it.

    Args:
        prior: arrays.
        rows: float32 [items, columns].
    """
    items = np.asarray(rows @ blocked(prior["content.embeddings"], prior["content.owners"]), dtype=np.float32)
    return {"items": items, "first": items @ prior["w1"][: items.shape[1]]}


def squared_error(learner: MeLU, prior: Arrays, batch: Batch) -> tuple[float, int]:
    """Return the sum of squares over all that a batch asks for, and how much that is."""
    shots = batch.shots
    assert isinstance(shots, ValueShots)  # noqa: S101  narrows the type
    found = learner.descended(prior, shots, shots.weights, shots.values).at(shots.asked_items)
    return float(((found - batch.query)[~batch.seen] ** 2).sum()), int((~batch.seen).sum())


def _fields(owners: Array) -> int:
    return int(owners.max()) + 1 if len(owners) else 0


def _facts(tasks: ValueTasks) -> Floats:
    """Return mean, deviation, lowest and highest of the values, and from which one on they are likes."""
    values = tasks.events.values
    if not len(values):
        return np.array([0, 1, 0, 1, 0], np.float32)
    like_from = 1.0
    if tasks.values is not None:
        like_from = float(tasks.values.multiply(tasks.episodes.query).data.min(initial=np.inf))
    return np.array([values.mean(), values.std() or 1.0, values.min(), values.max(), like_from], np.float32)


def _standard(prior: dict[str, Array], values: Array) -> Array:
    return (values - prior["facts"][0]) / prior["facts"][1]
