"""Several tasks at once: what a person likes, what she would give, and what comes next, read off one representation."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Annotated, Any, ClassVar, Literal, get_args

import numpy as np
from pydantic import Field

from warmstart.core.artefact import Arrays
from warmstart.core.config import Tunable
from warmstart.core.errors import BadInput
from warmstart.core.histories import Floats
from warmstart.core.run import Run
from warmstart.meta.learners.balance import Balance, balanced_step
from warmstart.meta.learners.either import Array, library_of, logsumexp
from warmstart.meta.learners.learner import VectorLearner, item_vectors, known, squared_losses
from warmstart.meta.learners.lessons import Lesson, Lessons, ValuedShots, gaps_of
from warmstart.meta.learners.outer_loop import Validate
from warmstart.meta.learners.process import MASKED, STRETCH, ProcessConfig
from warmstart.meta.learners.shots import Shots
from warmstart.meta.learners.task_heads import SAMPLE, next_head, rating_facts, rating_head, value_vectors
from warmstart.meta.learners.task_set import Batch, TaskSet
from warmstart.meta.prior import Support

Task = Literal["like", "rating", "next"]
TASKS: tuple[Task, ...] = get_args(Task)
SHARED = ("encodings", "strengths", "attributes", "constant")
HEADS: dict[Task, tuple[str, ...]] = {
    "like": ("bias", "items"),
    "rating": ("rating.items",),
    "next": ("next.bias", "next.items"),
}


class MultiTaskConfig(ProcessConfig):
    """Settings of ``multitask``."""

    batch: Annotated[int, Field(ge=1)] = 128
    """Tasks of an outer step."""
    tasks: tuple[Task, ...] = Field(default=("like", "rating", "next"), min_length=1)
    """What is learned together; what the data cannot give (values, times) is left out."""
    balance: Annotated[Balance, Tunable(choices=("upgrad", "pcgrad", "sum"))] = "upgrad"
    """How the gradients of the tasks become one; only ``sum`` does without the extra ``multitask``."""
    rank_by: Literal["likes", "next"] = "likes"
    """What recommendations are ranked by: the chance of a like, or of coming next."""


@dataclass(frozen=True, slots=True)
class Together:
    """People as one representation, and what its heads read off it.

    Args:
        prior: what was learned.
        told: [n, d + 2 + attributes], people's vectors and what is known of them.
        leaning: [n], how far above the items' usual values each person's are, in standard deviations.
    """

    prior: dict[str, Array]
    told: Array
    leaning: Array

    def scores(self) -> Array:
        """Return the chance, as a share of people, that each item is liked, [n, items]."""
        return self.prior["bias"] + self.told @ self.prior["items"].T

    def values(self) -> Array:
        """Return the value that each person would give each item, [n, items]; raises ``BadInput`` without values."""
        if "rating.items" not in self.prior:
            raise BadInput("This model was trained without the task rating. Train it on data with values.")
        mean, spread, _, low, high = self.prior["rating.facts"]
        xp = library_of(self.told)
        return xp.clip(mean + spread * self.gaps(), low, high)

    def gaps(self) -> Array:
        """Return the same as standard deviations from the mean of all."""
        xp, own = library_of(self.told), self.leaning[:, None]
        read = xp.concatenate([self.told, own, xp.ones_like(own)], -1)
        return self.prior["rating.level"] + read @ self.prior["rating.items"].T

    def following(self) -> Array:
        """Return how likely each item is to come next, as logits, [n, items]; raises ``BadInput`` without times."""
        if "next.items" not in self.prior:
            raise BadInput("This model was trained without the task next. Train it on data with times.")
        return self.prior["next.bias"] + self.told @ self.prior["next.items"].T


class MultiTask(VectorLearner):
    """Learns likes, values and what comes next together: one representation of a person, one head a task.

    ``v = tanh((sum_s w_s E_s + r_s F_s) / sqrt(sum w) + x U + c)``, with ``w`` the evidence and ``r`` by how many
    standard deviations an event's value lies above the item's. Likes are learned by squared error over all items,
    values by squared error, what comes next by cross-entropy over all items. The gradients of ``E F U c`` are balanced.

    Source: Caruana (1997), Multitask learning; Quinton and Rey (2024), Jacobian descent for multi-objective
    optimization; Garnelo et al. (2018) for the representation.
    """

    name: ClassVar[str] = "multitask"
    config_class: ClassVar[type[MultiTaskConfig]] = MultiTaskConfig
    item_arrays: ClassVar[tuple[str, ...]] = (
        *("encodings", "strengths", "items", "bias"),
        *("rating.level", "rating.items", "next.bias", "next.items"),
    )

    @property
    def fixed(self) -> tuple[str, ...]:
        """What was counted, and the heads of tasks that are not learned."""
        heads = (name for task, names in HEADS.items() if task not in self.config.tasks for name in names)
        return ("rating.level", "rating.facts", "scales", *heads)

    def beginning(self, vectors: Floats, tasks: TaskSet, run: Run) -> Arrays:
        """Begin with the items' vectors; with values, a quarter of a person's numbers read how far these lie off."""
        d = vectors.shape[1]
        found: Arrays = {
            "encodings": STRETCH * vectors,
            "attributes": np.zeros((tasks.attributes.shape[1], d), np.float32),
            "constant": np.zeros(d, np.float32),
        }
        if tasks.values is None:
            return found
        facts, level = rating_facts(tasks)
        strengths, signed = np.zeros_like(vectors), d // 4
        found["encodings"][:, d - signed :] = 0
        strengths[:, d - signed :] = STRETCH * value_vectors(tasks, facts, level, signed, run.seed)
        return found | {"strengths": strengths, "rating.facts": facts, "rating.level": level}

    def vectors(self, prior: dict[str, Array], shots: Shots) -> Array:
        """Add the events up, and by how much they were given more than others give."""
        xp = library_of(shots.weights)
        counts = xp.where(shots.counts > 0, shots.counts, xp.ones_like(shots.counts))
        told = (prior["encodings"][shots.items] * shots.weights[..., None]).sum(-2)
        if isinstance(shots, ValuedShots) and "strengths" in prior:
            gaps, _ = gaps_of(prior, shots)
            told = told + (prior["strengths"][shots.items] * gaps[..., None]).sum(-2)
        return xp.tanh(told / xp.sqrt(counts)[:, None] + shots.attributes @ prior["attributes"] + prior["constant"])

    def start(self, tasks: TaskSet, run: Run) -> Arrays:
        """Return the prior before the outer loop, the heads in closed form."""
        lessons = Lessons.over(tasks)
        vectors = item_vectors(tasks, self.config.dimension, run.seed)
        prior = self.beginning(vectors, lessons, run) | {"bias": tasks.shares}
        prior |= {"items": self.solved(prior, lessons, run)}
        if not len(tasks.usable):
            return prior
        rng = run.rng(self.name, "heads")
        if lessons.values is not None and "rating" in self.config.tasks:
            prior |= rating_head(self.together, prior, lessons, rng, self.config.batch)
        if lessons.places is not None and "next" in self.config.tasks:
            prior |= next_head(self.together, prior, vectors, lessons, rng, self.config.batch)
        return prior | {"scales": self._scales(prior, lessons, rng)}

    def learned(self, prior: dict[str, Array]) -> tuple[Task, ...]:
        """Return the tasks that the settings ask for and the data can give."""
        return tuple(task for task in self.config.tasks if all(name in prior for name in HEADS[task]))

    def together(self, prior: dict[str, Array], shots: Shots) -> Together:
        """Return people as the heads read them."""
        return self.read(prior, shots, self.vectors(prior, shots))

    def read(self, prior: dict[str, Array], shots: Shots, vectors: Array) -> Together:
        """Return people of whom the vectors are known as the heads read them."""
        leaning = shots.counts * 0
        if isinstance(shots, ValuedShots) and "rating.facts" in prior:
            gaps, weight = gaps_of(prior, shots)
            leaning = gaps.sum(-1) / (weight.sum(-1) + prior["rating.facts"][2])
        return Together(prior, known(vectors, shots), leaning)

    def adapted(self, prior: dict[str, Array], shots: Shots) -> Any:
        """Return people as the heads read them; ``Vectors`` with more to say."""
        return self.together(prior, shots)

    def adapt(self, prior: Arrays, support: Support) -> Any:
        """Extrospective phase; see ``Learner``."""
        return self.together(prior, ValuedShots.of(support, self.columns(prior), self.config.most_events))

    def task_losses(self, people: Together, batch: Batch) -> dict[Task, Array]:
        """Return the loss of each task that is learned, a number each, in shares of what it is without learning."""
        scales = people.prior["scales"]
        found = {task: _LOSSES[task](people, batch) for task in self.learned(people.prior)}
        return {task: loss / scales[TASKS.index(task)] for task, loss in found.items() if loss is not None}

    def losses(self, prior: dict[str, Array], shots: Shots, query: Array, seen: Array) -> Array:
        """Return the loss of likes of each person, [n]."""
        return squared_losses(self.together(prior, shots).scores(), query, seen)

    def step(self, prior: dict[str, Array], shots: Shots, query: Array, seen: Array) -> float:
        """Leave balanced gradients of a batch in what is shared and each task's own in its head."""
        from torch.nn.functional import dropout

        features = dropout(self.vectors(prior, shots), self.config.dropout)
        people = self.read(prior, shots, features)
        losses = self.task_losses(people, Batch(shots, query, seen))
        shared = [prior[name] for name in SHARED if name in prior]
        heads = [[prior[name] for name in HEADS[task]] for task in losses]
        balanced_step(list(losses.values()), features, shared, heads, self.config.balance)
        return float(sum(float(loss.detach()) for loss in losses.values()) / len(losses))

    def fit(self, tasks: TaskSet, *, validate: Validate | None = None, run: Run | None = None) -> Arrays:
        """Introspective phase; see ``Learner``."""
        return VectorLearner.fit(self, Lessons.over(tasks), validate=validate, run=run)

    def _scales(self, prior: Arrays, lessons: Lessons, rng: np.random.Generator) -> Floats:
        """Return the loss of each task for somebody of whom nothing is known, float32 [tasks]."""
        batch = lessons.draw(rng.permutation(lessons.usable)[:SAMPLE], rng)
        nothing = {name: prior[name] * 0 for name in ("items", "rating.items", "next.items") if name in prior}
        people = replace(self.together(prior, batch.shots), prior=prior | nothing)
        scales = [_LOSSES[task](people, batch) for task in TASKS]
        return np.array([1.0 if one is None or not one > 0 else one for one in scales], np.float32)


def _like_loss(people: Together, batch: Batch) -> Array:
    return squared_losses(people.scores(), batch.query, batch.seen).mean()


def _rating_loss(people: Together, batch: Batch) -> Array | None:
    shots = batch.shots
    if not isinstance(shots, Lesson) or not len(shots.given) or "rating.items" not in people.prior:
        return None
    facts = people.prior["rating.facts"]
    wanted = (shots.given - facts[0]) / facts[1]
    return ((people.gaps()[shots.rows, shots.columns] - wanted) ** 2).mean()


def _next_loss(people: Together, batch: Batch) -> Array | None:
    shots = batch.shots
    if not isinstance(shots, Lesson) or "next.items" not in people.prior or not bool((shots.follows > 0).any()):
        return None
    xp, logits = library_of(people.told), people.following()
    logits = xp.where(batch.seen, xp.full_like(logits, MASKED), logits)
    rows = xp.arange(len(shots), device=logits.device)[:, None]
    chances = logits[rows, shots.following] - logsumexp(logits)[:, None]
    return -(chances * shots.follows).sum() / shots.follows.sum()


_LOSSES: dict[Task, Callable[[Together, Batch], Array | None]] = {
    "like": _like_loss,
    "rating": _rating_loss,
    "next": _next_loss,
}
