"""Settings that all networks share: what they read, how large they are, how they are trained."""

from typing import Annotated, Literal

from pydantic import Field

from warmstart.core.config import Tunable
from warmstart.recommenders.reading import ReadsEvents
from warmstart.representation.training_loop import LoopConfig

Pretraining = Literal["none", "contrastive", "masked"]
Text = Literal["none", "words", "static"]
LOOKS = 20
"""How often at most validation is looked at in a whole training, which costs as much as some steps."""


class NeuralConfig(ReadsEvents):
    """Settings of every network."""

    factors: Annotated[int, Field(ge=1), Tunable(choices=(64, 128, 200))] = 128
    """Length of an item's vectors."""

    longest: Annotated[int, Field(ge=1)] = 50
    """Events of a history that are read: the last ones."""

    dropout: Annotated[float, Field(ge=0, lt=1), Tunable(0.0, 0.6)] = 0.3
    """Share of a layer's numbers that are set to zero in each step of training."""

    text: Text = "words"
    """What is read of an item's title and labels, so that an item nobody has met has a vector: nothing, its words, or
    static language-model vectors (extra ``text``)."""

    forget_items: Annotated[float, Field(ge=0, lt=1)] = 0.1
    """Share of items that in each step of training have only what their text says, as an item has that nobody met."""

    pretrain: Pretraining = "none"
    """What is learned first from all events, liked or not: nothing, that two halves of a history belong together
    (contrastive), or which events are missing from it (masked)."""

    negatives: Annotated[int | None, Field(ge=1)] = None
    """Items that a step compares, drawn by the root of their frequency; None compares all."""

    states: Annotated[int, Field(ge=1)] = 4
    """Lengths of a history from which a step foretells the rest, where the network reads one event after the other."""

    batch: Annotated[int, Field(ge=1)] = 64
    """People of one step."""

    epochs: Annotated[int, Field(ge=1)] = 20
    """Times at most that all people are gone through; validation may end it before."""

    rate: Annotated[float, Field(gt=0), Tunable(3e-4, 1e-2, log=True)] = 1e-3
    """The highest step of Adam."""

    decay: Annotated[float, Field(ge=0), Tunable(1e-3, 1.0, log=True)] = 0.01
    """Weight decay of Adam."""

    patience: Annotated[int, Field(ge=1)] = 10
    """Looks at validation in a row that may bring nothing before training stops."""

    checkpoints: Annotated[str | None, Field(exclude=True)] = None
    """A folder for checkpoints, from which an interrupted training goes on; not kept with the model."""

    log: Annotated[str | None, Field(exclude=True)] = None
    """A folder for TensorBoard (extra ``tensorboard``); not kept with the model."""

    profile: Annotated[str | None, Field(exclude=True)] = None
    """A folder for a trace of the first steps by torch's profiler; not kept with the model."""

    def loop(self, batches: int) -> LoopConfig:
        """Return the settings of the training loop for so many batches an epoch."""
        return LoopConfig(
            epochs=self.epochs,
            rate=self.rate,
            decay=self.decay,
            patience=self.patience,
            every=max(batches, batches * self.epochs // LOOKS),
            clip=5.0,
            log=self.log,
            profile=self.profile,
        )
