"""Continued pre-training: a causal model reads a catalogue and histories, and foretells such texts better."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import Field

from warmstart.core.config import Config
from warmstart.core.errors import BadInput
from warmstart.core.run import Run
from warmstart.representation.causal_weights import (
    Vocabulary,
    best_device,
    load_causal,
    refuse_to_replace,
    save_causal,
    weights_name,
)
from warmstart.representation.cut_network import CutNetwork
from warmstart.representation.sharing import Tokens
from warmstart.representation.training_loop import Curve, LoopConfig, descend, digest_of, shuffled_batches

FOLDS = 20
"""One block in so many is held out."""


class PretrainingConfig(Config):
    """How a model goes on reading."""

    block: int = Field(default=256, ge=2)
    """Tokens of a piece; short texts share one."""
    batch: int = Field(default=4, ge=1)
    """Pieces of a step."""
    top: int | None = Field(default=10, ge=1)
    """How many of the highest layers are trained; None takes all. What lies below is computed without a gradient."""
    loop: LoopConfig = LoopConfig(rate=1e-4, every=50, patience=3)
    """How long and how fast."""


@dataclass(frozen=True, slots=True)
class Pretrained:
    """What came of it.

    Args:
        folder: the weights, for ``open_language_model("smollm2", weights=folder)``.
        curve: losses in nats a token.
        tokens: that were to be read.
    """

    folder: Path
    curve: Curve
    tokens: int

    @property
    def perplexities(self) -> tuple[float, float]:
        """Of the held-out pieces, before and at the best look."""
        losses = [look.validation for look in self.curve.looks if look.validation is not None]
        return math.exp(losses[0]), math.exp(min(losses))


def pretrain(
    texts: Sequence[str],
    folder: Path,
    weights: Path | None = None,
    config: PretrainingConfig | None = None,
    run: Run | None = None,
    *,
    checkpoints: Path | None = None,
    device: str | None = None,
) -> Pretrained:
    """Train a causal model to foretell the next token of texts, and write its weights.

    A twentieth of the pieces is held out; the weights are taken that foretell it best, and these may be the first.

    Source: Gururangan et al. (2020), Don't Stop Pretraining.

    Args:
        texts: what is read, such as descriptions of items and histories as lines.
        folder: for the weights.
        weights: what is started from; None takes the packaged SmolLM2.
        config: settings.
        run: seed of the order, and progress.
        checkpoints: where an interrupted training goes on; None keeps none.
        device: where it runs; None takes a GPU where there is one, in mixed precision.

    Raises:
        BadInput: there is too little text, or no weights.
    """
    chosen, context = config or PretrainingConfig(), run or Run()
    refuse_to_replace(folder)
    model, vocabulary = load_causal(weights, None, device or best_device(), "float32")
    network = CutNetwork(model, vocabulary, chosen.top, remember=0)
    _open_upper(model, network)
    read, held = _parted(blocks(texts, vocabulary, chosen.block, context))
    curve = descend(
        network.trainable,
        lambda rows: _slope(network, rows),
        lambda epoch: shuffled_batches(read, chosen.batch, context.rng("pre-training", epoch)),
        chosen.loop,
        context,
        validate=lambda: _mean(network, held, chosen.batch),
        folder=checkpoints,
        identity=digest_of(weights_name(weights, None), chosen, read, held),
        what="pre-training",
    )
    save_causal(model, vocabulary, folder)
    return Pretrained(folder, curve, sum(map(len, read)))


def blocks(texts: Sequence[str], vocabulary: Vocabulary, size: int, run: Run) -> list[Tokens]:
    """Return texts in a seeded order, one behind the other, cut into pieces of like size; each begins as texts do.

    Args:
        texts: empty ones are left out.
        vocabulary: of the model.
        size: tokens of a piece; the last one may be shorter.
        run: seed of the order.
    """
    order = run.rng("texts").permutation(len(texts)).tolist()
    spoken = [texts[place] for place in order if texts[place].strip()]
    stream = [token for row in vocabulary.encode(spoken) for token in (vocabulary.begin, *row)]
    cut = [tuple(stream[start : start + size]) for start in range(0, len(stream), size)]
    return [one for one in cut if len(one) > 1]


def _open_upper(model: Any, network: CutNetwork) -> None:
    """Let gradients into the layers above the cut only: the table of words is shared with what lies below."""
    model.requires_grad_(requires_grad=False)
    for layer in model.get_decoder().layers[network.layers - network.top :]:
        layer.requires_grad_(requires_grad=True)


def _parted(pieces: Sequence[Tokens]) -> tuple[list[Tokens], list[Tokens]]:
    if len(pieces) < FOLDS:
        raise BadInput(
            f"There are {len(pieces)} pieces of text; at least {FOLDS} are needed. Give more, or a smaller `block`."
        )
    return [one for place, one in enumerate(pieces) if place % FOLDS], list(pieces[::FOLDS])


def _slope(network: CutNetwork, rows: Sequence[Tokens]) -> float:
    loss = network.surprise(rows)
    loss.backward()
    return float(loss.item())


def _mean(network: CutNetwork, rows: Sequence[Tokens], size: int) -> float:
    import torch

    with torch.no_grad():
        parts = [rows[start : start + size] for start in range(0, len(rows), size)]
        counts = [sum(len(row) - 1 for row in part) for part in parts]
        lost = [network.surprise(part).item() for part in parts]
    return float(sum(one * count for one, count in zip(lost, counts, strict=True)) / sum(counts))
