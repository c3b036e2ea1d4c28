"""Learners that adapt in one forward pass: the conditional neural process and its attentive kin."""

from typing import Annotated, Any, ClassVar

import numpy as np
from pydantic import Field

from warmstart.core.artefact import Arrays
from warmstart.core.config import Tunable
from warmstart.core.histories import Floats
from warmstart.core.run import Run
from warmstart.meta.learners.either import Array, library_of, softmax, weighted_mean
from warmstart.meta.learners.learner import LearnerConfig, VectorLearner, Vectors, known, squared_losses
from warmstart.meta.learners.shots import Shots
from warmstart.meta.learners.task_set import TaskSet

MASKED = -1e9
STRETCH = 0.5
"""Length of the items' vectors at first."""


class ProcessConfig(LearnerConfig):
    """Settings of learners that adapt in one forward pass."""

    dimension: Annotated[int, Field(ge=1), Tunable(choices=(64, 128, 200))] = 128
    """Length of the items' and people's vectors."""
    epochs: Annotated[int, Field(ge=0), Tunable(choices=(15, 30, 50))] = 16
    """Times at most that all training users are met; 0 leaves the representation as its closed form gives it."""
    patience: Annotated[int, Field(ge=1)] = 6
    """Epochs in a row that may bring nothing on held-out users before training stops."""
    dropout: Annotated[float, Field(ge=0, lt=1), Tunable(choices=(0.0, 0.1, 0.3))] = 0.0
    """Share of a person's vector that each training step hides."""


class Process(VectorLearner):
    """Base of learners whose adapting is one forward pass; numbers of a person's vector are hidden while training."""

    config_class: ClassVar[type[LearnerConfig]] = ProcessConfig

    def losses(self, prior: dict[str, Array], shots: Shots, query: Array, seen: Array) -> Array:
        """Return the outer loss of each task, with dropout on its vector (Srivastava et al., 2014)."""
        from torch.nn.functional import dropout

        told: Any = known(self.vectors(prior, shots), shots)
        found = Vectors(prior["bias"], dropout(told, self.config.dropout), prior["items"])
        return squared_losses(found.scores(), query, seen)


class CNP(Process):
    """Encodes the events to one mean and decodes that to scores: ``v = tanh(sum_s w_s E_s / sqrt(sum w) + x U + c)``.

    Events count alike and in any order, so observing one more is one addition.

    Source: Garnelo et al. (2018), Conditional neural processes; as a denoising autoencoder Wu et al. (2016).
    """

    name: ClassVar[str] = "cnp"

    def beginning(self, vectors: Floats, tasks: TaskSet, run: Run) -> Arrays:
        """Begin with the items' vectors, short enough that the hyperbolic tangent is nearly a line."""
        attributes = np.zeros((tasks.attributes.shape[1], vectors.shape[1]), np.float32)
        nothing = np.zeros(vectors.shape[1], np.float32)
        return {"encodings": STRETCH * vectors, "attributes": attributes, "constant": nothing}

    def vectors(self, prior: dict[str, Array], shots: Shots) -> Array:
        """Add the events up."""
        xp = library_of(shots.weights)
        counts = xp.where(shots.counts > 0, shots.counts, xp.ones_like(shots.counts))
        told = (prior["encodings"][shots.items] * shots.weights[..., None]).sum(-2) / xp.sqrt(counts)[:, None]
        return xp.tanh(told + shots.attributes @ prior["attributes"] + prior["constant"])


class AttentiveConfig(ProcessConfig):
    """Settings of ``attentive``."""

    dimension: Annotated[int, Field(ge=4, multiple_of=4), Tunable(choices=(64, 128, 200))] = 128
    """Length of the items' and people's vectors, a multiple of 4."""


class Attentive(Process):
    """Lets the events attend to each other before they are added up (four heads, one layer).

    Source: Kim et al. (2019), Attentive neural processes; Lee et al. (2019), Set transformer; Vaswani et al. (2017).
    """

    name: ClassVar[str] = "attentive"
    config_class: ClassVar[type[LearnerConfig]] = AttentiveConfig
    heads: ClassVar[int] = 4

    def beginning(self, vectors: Floats, tasks: TaskSet, run: Run) -> Arrays:
        """Begin as a mean of the events: what attention adds is small."""
        rng, d = run.rng(self.name, "beginning"), self.config.dimension
        square = {name: (rng.standard_normal((d, d)) / np.sqrt(d)).astype(np.float32) for name in ("query", "key")}
        return square | {
            "encodings": STRETCH * vectors,
            "value": np.zeros((d, d), np.float32),
            "attributes": np.zeros((tasks.attributes.shape[1], d), np.float32),
            "constant": np.zeros(d, np.float32),
        }

    def vectors(self, prior: dict[str, Array], shots: Shots) -> Array:
        """Mix the events by attention, then add them up."""
        xp = library_of(shots.weights)
        tokens = prior["encodings"][shots.items]  # [n, k, d]
        told = tokens + self._attended(prior, tokens, shots.weights)
        counts = xp.where(shots.counts > 0, shots.counts, xp.ones_like(shots.counts))
        mean = weighted_mean(told, shots.weights) * xp.sqrt(counts)[:, None]
        return xp.tanh(mean + shots.attributes @ prior["attributes"] + prior["constant"])

    def _attended(self, prior: dict[str, Array], tokens: Array, weights: Array) -> Array:
        xp, (n, k, d) = library_of(weights), tokens.shape

        def split(name: str) -> Array:
            return xp.swapaxes((tokens @ prior[name]).reshape(n, k, self.heads, d // self.heads), 1, 2)  # [n, h, k, .]

        logits = split("query") @ xp.swapaxes(split("key"), -1, -2) / float(np.sqrt(d // self.heads))
        hidden = (weights > 0)[:, None, None, :]
        shares = softmax(xp.where(hidden, logits, xp.full_like(logits, MASKED)))
        return xp.swapaxes(shares @ split("value"), 1, 2).reshape(n, k, d)
