"""A language model that is taught to judge: low-rank weights learned from K prompts, from scratch or a tuned start."""

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

import numpy as np
from pydantic import Field

from warmstart.core.config import Config
from warmstart.core.errors import BadInput
from warmstart.core.histories import Floats
from warmstart.core.run import Run
from warmstart.meta.preference import Prompt, labels_of
from warmstart.meta.preference_lines import Sheet, SheetMaker
from warmstart.representation.lora import Adapter, LoraConfig, LoraNetwork, config_of, told_apart
from warmstart.representation.training_loop import Curve, LoopConfig, descend, digest_of, shuffled_batches

if TYPE_CHECKING:
    import torch

PORTION = 32
"""Prompts that are answered together."""
CHECKED = 48
"""Prompts at most on which training is stopped."""
BASE = "base.json"
"""The file beside an adapter that names the weights under it."""


class TuningConfig(Config):
    """How a judge learns from examples."""

    asides: float = Field(default=0.3, ge=0)
    """Weight of an answer about a title of the history beside one about the target."""
    balanced: bool = True
    """Let likes and dislikes count the same in all, whichever are more."""
    batch: int = Field(default=8, ge=1)
    """Prompts of one step."""
    loop: LoopConfig = LoopConfig(steps=40, rate=3e-4, every=10)
    """How long and how fast."""


@dataclass(frozen=True)
class TunedJudge:
    """A causal model that goes on with a list of titles, each with yes or no, and can learn from such lists.

    Without examples it answers as the weights do that it starts from: those of the package, or tuned ones. It learns
    from every title of an example, as the model is asked behind each of them in one pass.

    Source: Bao et al. (2023), TALLRec; Hu et al. (2022), LoRA.

    Args:
        network: with low-rank weights; it is shared, and each judge puts its own in.
        start: what it starts from; None starts from weights that change nothing.
        config: how it learns.
        adapter: what it has learned.
        curve: how it did.
    """

    network: LoraNetwork
    start: Adapter | None = None
    config: TuningConfig = TuningConfig()
    adapter: Adapter | None = None
    curve: Curve | None = None
    reads_order: ClassVar[bool] = False

    def fit(
        self,
        prompts: Sequence[Prompt],
        validation: Sequence[Prompt] = (),
        run: Run | None = None,
        folder: Path | None = None,
    ) -> "TunedJudge":
        """Return a judge that has learned from examples, beginning with what this one starts from.

        Args:
            prompts: labelled; none leaves the start.
            validation: labelled prompts of other people: the weights are taken that serve them best, even the first.
            run: seed of the order of examples, and progress.
            folder: where checkpoints go.
        """
        context = run or Run()
        if not len(prompts):
            return replace(self, adapter=None, curve=None)
        labels_of(prompts)
        sheets = SheetMaker(self.network.vocabulary)
        asked, checked = sheets(prompts), sheets(validation[:CHECKED])
        loss = Surprise(self.network, sheets.words, self.config.asides, _balance(asked, even=self.config.balanced))
        with self.network.using(self.start):
            curve = descend(
                self.network.trainable,
                loss.slope,
                lambda epoch: shuffled_batches(asked, self.config.batch, context.rng("tuning", epoch)),
                self.config.loop,
                context,
                validate=(lambda: loss.mean(checked)) if checked else None,
                folder=folder,
                identity=digest_of(self.network.name, told_apart(self.start), self.config, asked, checked),
                what="tuning",
            )
            return replace(self, adapter=self.network.taken(), curve=curve)

    def score(self, prompts: Sequence[Prompt]) -> Floats:
        """Return the log-odds of yes, float32 [n]."""
        import torch

        sheets = SheetMaker(self.network.vocabulary)
        found = np.zeros(len(prompts), dtype=np.float32)
        with self.network.using(self._used), torch.inference_mode():
            for start in range(0, len(prompts), PORTION):
                some = sheets(prompts[start : start + PORTION])
                said = self.network.preferences(
                    [one.tokens for one in some], [one.places[-1:] for one in some], sheets.words
                )
                found[start : start + PORTION] = [float(one[0]) for one in said]
        return found

    @property
    def _used(self) -> Adapter | None:
        return self.start if self.adapter is None else self.adapter

    def started(self) -> "TunedJudge":
        """Return a judge that starts from what this one has learned."""
        return replace(self, start=self._used, adapter=None, curve=None)

    def save(self, folder: Path) -> Path:
        """Write what it has learned, for ``TunedJudge.open`` and for ``open_language_model(..., adapter=folder)``."""
        self.network.save(folder, self._used)
        base = None if self.network.base is None else str(self.network.base)
        told = {"weights": base, "tuning": self.config.model_dump(mode="json")}
        (folder / BASE).write_text(json.dumps(told, indent=2) + "\n", encoding="utf-8")
        return folder

    @classmethod
    def open(
        cls, folder: Path, network: "Callable[[Path | None, LoraConfig], LoraNetwork]" = LoraNetwork
    ) -> "TunedJudge":
        """Return a judge that starts from what ``save`` wrote.

        Args:
            folder: where it lies.
            network: makes the network of weights and settings.

        Raises:
            BadInput: the folder holds nothing of that kind.
        """
        try:
            told = json.loads((folder / BASE).read_text(encoding="utf-8"))
            weights = None if told["weights"] is None else Path(told["weights"])
            tuning = TuningConfig.of(**told["tuning"])
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise BadInput(f"{folder} holds no tuned judge: {error}. Give a folder that tuning wrote.") from None
        made = network(weights, config_of(folder))
        return cls(made, made.read(folder), tuning)


@dataclass(frozen=True)
class Surprise:
    """The mean weighted log-loss of answers, and its gradient.

    Args:
        network: that is asked.
        words: the tokens of yes and no.
        asides: weight of answers about the history.
        balance: weights of no and yes.
    """

    network: LoraNetwork
    words: tuple[int, int]
    asides: float
    balance: tuple[float, float] = (1.0, 1.0)

    def slope(self, sheets: Sequence[Sheet]) -> float:
        """Leave the gradient in the network and return the loss."""
        loss = self.loss(sheets)
        loss.backward()
        return float(loss.item())

    def loss(self, sheets: Sequence[Sheet]) -> "torch.Tensor":
        """Return the loss of some sheets together."""
        import torch

        said = torch.cat(
            self.network.preferences([one.tokens for one in sheets], [one.places for one in sheets], self.words)
        )
        answers = torch.tensor([answer for one in sheets for answer in one.answers], device=said.device)
        weights = torch.tensor([weight for one in sheets for weight in self._weights(one)], device=said.device)
        lost = torch.nn.functional.binary_cross_entropy_with_logits(
            said, answers.clamp(min=0).float(), reduction="none"
        )
        return (weights * lost).sum() / weights.sum()

    def mean(self, sheets: Sequence[Sheet]) -> float:
        """Return the mean loss without a gradient, every answer with its weight, none of them balanced."""
        import torch

        bare = replace(self, balance=(1.0, 1.0))
        with torch.no_grad():
            some = [sheets[start : start + PORTION] for start in range(0, len(sheets), PORTION)]
            return float(sum(bare.loss(one).item() * len(one) for one in some) / len(sheets))

    def _weights(self, sheet: Sheet) -> Iterator[float]:
        last = len(sheet.answers) - 1
        for place, answer in enumerate(sheet.answers):
            weight = 1.0 if place == last else self.asides
            yield 0.0 if answer < 0 else weight * self.balance[answer]


def _balance(sheets: Sequence[Sheet], *, even: bool) -> tuple[float, float]:
    likes, n = sum(one.answers[-1] for one in sheets), len(sheets)
    if not even or not 0 < likes < n:
        return 1.0, 1.0
    return n / (2 * (n - likes)), n / (2 * likes)
