"""Meta-tuning: low-rank weights from which a few examples of a new crowd teach a language model more."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import Any, Literal

import numpy as np
from pydantic import Field

from warmstart.core.config import Config
from warmstart.core.errors import BadInput
from warmstart.core.histories import Ints
from warmstart.core.run import Run
from warmstart.data.dataset import Dataset
from warmstart.meta.preference import Prompt
from warmstart.meta.preference_lines import Sheet, SheetMaker
from warmstart.meta.preference_prompts import prompts_of
from warmstart.meta.preference_tuning import Surprise, TunedJudge
from warmstart.representation.lora import LoraNetwork, told_apart
from warmstart.representation.training_loop import LoopConfig, descend, digest_of

SMALL = 1e-8


class MetaTuningConfig(Config):
    """How a start is sought from which few examples teach much."""

    way: Literal["reptile", "fomaml"] = "reptile"
    """Reptile moves towards what a task's examples lead to; first-order MAML takes the gradient of its other
    prompts after that."""
    inner_steps: int = Field(default=3, ge=1)
    """Steps on a task, each on another part of it."""
    inner_rate: float = Field(default=5e-4, gt=0)
    """Size of such a step, by which the gradient's sign and scale are taken as Adam does without momentum."""
    asides: float = Field(default=0.3, ge=0)
    """Weight of an answer about a title of the history beside one about the target."""
    loop: LoopConfig = LoopConfig(rate=5e-4, every=20, patience=3)
    """How long and how fast the start moves; a step is a task."""


@dataclass(frozen=True, slots=True)
class Task:
    """Examples of one crowd, and prompts of other people of that crowd.

    Args:
        examples: what is learned from.
        others: what is then to be answered.
    """

    examples: tuple[Prompt, ...]
    others: tuple[Prompt, ...]


def meta_tune(
    judge: TunedJudge,
    tasks: Sequence[Task],
    validation: Sequence[Task] = (),
    config: MetaTuningConfig | None = None,
    run: Run | None = None,
    folder: Path | None = None,
) -> TunedJudge:
    """Return a judge that starts from where a task's examples teach it most.

    Source: Nichol et al. (2018), On First-Order Meta-Learning Algorithms; Finn et al. (2017), MAML.

    Args:
        judge: whose start is improved.
        tasks: of crowds that are not asked later.
        validation: further tasks; the start is taken after which their other prompts surprise least, once the
            examples were learned.
        config: settings.
        run: seed of the order of tasks, and progress.
        folder: where checkpoints go.

    Raises:
        BadInput: there is no task, or one without examples or other prompts.
    """
    chosen, context = config or MetaTuningConfig(), run or Run()
    if not tasks or not all(one.examples and one.others for one in (*tasks, *validation)):
        raise BadInput(
            "Meta-tuning needs tasks, each with examples and with other prompts. Give more people, or fewer shots."
        )
    sheets = SheetMaker(judge.network.vocabulary)
    told = [_Told(sheets(one.examples), sheets(one.others)) for one in tasks]
    checked = [_Told(sheets(one.examples), sheets(one.others)) for one in validation]
    start = judge.started().start
    learner = _Learner(judge.network, Surprise(judge.network, sheets.words, chosen.asides), chosen)
    with judge.network.using(start):
        curve = descend(
            judge.network.trainable,
            learner.reptile if chosen.way == "reptile" else learner.fomaml,
            lambda epoch: [told[place] for place in context.rng("tasks", epoch).permutation(len(told)).tolist()],
            chosen.loop,
            context,
            validate=(lambda: float(np.mean([learner.left(one) for one in checked]))) if checked else None,
            folder=folder,
            identity=digest_of(judge.network.name, told_apart(start), chosen, told, checked),
            what="meta-tuning",
        )
        return replace(judge, start=judge.network.taken(), adapter=None, curve=curve)


def tasks_of(data: Dataset, users: Ints, shots: int, run: Run, each: int = 2) -> list[Task]:
    """Return tasks of a data set's people, a few prompts of each: half of a task's people give the examples.

    Args:
        data: with titles and dislikes.
        users: rows of the data set.
        shots: examples of a task, and as many other prompts.
        run: seed of who goes into which task.
        each: prompts of a person at most.
    """
    order = users[run.rng("meta tasks").permutation(len(users))]
    found, people = [], max(1, -(-shots // each))
    for start in range(0, len(order) - 2 * people + 1, 2 * people):
        first, second = order[start : start + people], order[start + people : start + 2 * people]
        sides = [tuple(prompts_of(data, side, most=each, seed=run.seed)[:shots]) for side in (first, second)]
        if all(sides):
            found.append(Task(*sides))
    return found


@dataclass(frozen=True, slots=True)
class _Told:
    examples: list[Sheet]
    others: list[Sheet]


@dataclass(frozen=True)
class _Learner:
    """Learns tasks from the weights that are in the network, and puts these back."""

    network: LoraNetwork
    loss: Surprise
    config: MetaTuningConfig

    def reptile(self, task: _Told) -> float:
        """Leave the way back from what all prompts of a task lead to as the gradient."""
        before = self._copied()
        parts = _parts([*task.examples, *task.others], self.config.inner_steps)
        lost = self._learned(parts)
        self._back(before, slopes={name: before[name] - one.detach() for name, one in self._weights.items()})
        return lost

    def fomaml(self, task: _Told) -> float:
        """Leave the gradient of a task's other prompts, after its examples were learned."""
        before = self._copied()
        self._learned(_parts(task.examples, self.config.inner_steps))
        self._forget()
        lost = self.loss.slope(task.others)
        self._back(before, slopes={name: one.grad for name, one in self._weights.items()})
        return lost

    def left(self, task: _Told) -> float:
        """Return the loss of a task's other prompts after its examples were learned; the weights stay."""
        before = self._copied()
        self._learned(_parts(task.examples, self.config.inner_steps))
        lost = self.loss.mean(task.others)
        self._back(before, slopes={})
        return lost

    @property
    def _weights(self) -> dict[str, Any]:
        return dict(self.network.trainable)

    def _copied(self) -> dict[str, Any]:
        return {name: one.detach().clone() for name, one in self._weights.items()}

    def _learned(self, parts: Sequence[Sequence[Sheet]]) -> float:
        """Take a step on each part and return the mean loss before the steps."""
        import torch

        seen: dict[str, Any] = {}
        lost = []
        for part in parts:
            self._forget()
            lost.append(self.loss.slope(part))
            with torch.no_grad():
                for name, one in self._weights.items():
                    # Adam without momentum, as in the paper: what a step is like does not hang on the task before
                    square = one.grad.square()
                    seen[name] = square if name not in seen else 0.9 * seen[name] + 0.1 * square
                    one.sub_(self.config.inner_rate * one.grad / (seen[name].sqrt() + SMALL))
        return float(np.mean(lost))

    def _forget(self) -> None:
        for one in self._weights.values():
            one.grad = None

    def _back(self, before: dict[str, Any], slopes: dict[str, Any]) -> None:
        import torch

        with torch.no_grad():
            for name, one in self._weights.items():
                one.copy_(before[name])
                one.grad = slopes.get(name)


def _parts(sheets: Sequence[Sheet], n: int) -> list[Sequence[Sheet]]:
    """Return sheets in n parts of like size, none of them empty."""
    bounds = np.linspace(0, len(sheets), min(n, len(sheets)) + 1).astype(int).tolist()
    return [sheets[start:end] for start, end in pairwise(bounds)]
