"""Low-rank weights on the highest layers of a causal model, and what lies below them computed once a text."""

import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from pydantic import Field

from warmstart.core.config import Config
from warmstart.core.errors import BadInput
from warmstart.representation.causal_weights import best_device, load_causal, refuse_to_replace, weights_name, with_lora
from warmstart.representation.cut_network import CutNetwork
from warmstart.representation.local_weights import quiet
from warmstart.representation.training_loop import digest_of

Adapter = Mapping[str, npt.NDArray[np.float32]]
ABOUT, WEIGHTS = "adapter_config.json", "adapter_model.safetensors"


class LoraConfig(Config):
    """Which weights are added to a causal model."""

    rank: int = Field(default=8, ge=1)
    """Rank of what is added to a matrix."""
    alpha: float = Field(default=16.0, gt=0)
    """What is added counts alpha divided by the rank."""
    top: int | None = Field(default=10, ge=1)
    """How many of the highest layers are adapted; None takes all. What lies below is computed once a text."""
    targets: tuple[str, ...] = ("down_proj", "gate_proj", "k_proj", "o_proj", "q_proj", "up_proj", "v_proj")
    """Matrices of a layer to which something is added, as the model names them, in the order of the alphabet."""


class LoraNetwork(CutNetwork):
    """A causal network with low-rank weights that can be put in, trained and taken out; the rest stays as it is.

    Source: Hu et al. (2022), LoRA: Low-Rank Adaptation of Large Language Models.

    Args:
        weights: a folder or .gguf file of a causal model; None takes the packaged SmolLM2.
        config: what is added.
        seed: of the random halves of the added weights; the other halves are zero, so at first nothing changes.
        device: where it runs; None takes a GPU where there is one.

    Raises:
        MissingExtra: a package is absent.
        BadInput: there are no weights, or the model has no such matrices.
    """

    def __init__(
        self,
        weights: Path | None = None,
        config: LoraConfig | None = None,
        seed: int = 0,
        device: str | None = None,
    ) -> None:
        self.config, self.base = config or LoraConfig(), None if weights is None else weights.resolve()
        model, vocabulary = load_causal(weights, None, device or best_device(), "float32")
        model.requires_grad_(requires_grad=False)
        super().__init__(model, vocabulary, self.config.top)
        # it is put into the layers where they stand, so both parts see it
        self._peft = with_lora(model, self._settings(), seed)
        self.lock = threading.RLock()
        self._start = self.taken()

    @property
    def name(self) -> str:
        """What the weights are and how they are added to; what was learned on one network fits those of its name."""
        return f"{weights_name(self.base, None)} {self.config.model_dump_json()}"

    def _settings(self) -> dict[str, Any]:
        return {
            "r": self.config.rank,
            "lora_alpha": self.config.alpha,
            "target_modules": list(self.config.targets),
            "layers_to_transform": list(range(self.layers - self.top, self.layers)),
        }

    def taken(self) -> Adapter:
        """Return a copy of the added weights."""
        return {name: one.detach().cpu().numpy().astype(np.float32) for name, one in self.trainable.items()}

    def put(self, adapter: Adapter | None) -> None:
        """Set the added weights; None sets those of the beginning, with which nothing is changed.

        Raises:
            BadInput: they are of another model or other settings.
        """
        import torch

        chosen, mine = self._start if adapter is None else adapter, self.trainable
        fits = chosen.keys() == mine.keys() and all(chosen[name].shape == tuple(mine[name].shape) for name in mine)
        if not fits:
            raise BadInput("These low-rank weights are of another model, or of another rank or number of layers.")
        with torch.no_grad():
            for name, one in mine.items():
                one.copy_(torch.from_numpy(np.array(chosen[name])))

    @contextmanager
    def using(self, adapter: Adapter | None) -> Iterator[None]:
        """Put weights in for a while in which nobody else uses the network."""
        with self.lock:
            before = self.taken()
            self.put(adapter)
            try:
                yield
            finally:
                self.put(before)

    def save(self, folder: Path, adapter: Adapter | None = None) -> Path:
        """Write the added weights as peft does, for ``open_language_model("smollm2", adapter=folder)``.

        Raises:
            BadInput: something other than such weights is there.
        """
        refuse_to_replace(folder, WEIGHTS)
        with self.using(self.taken() if adapter is None else adapter), quiet():
            self._peft.save_pretrained(folder, safe_serialization=True)
        return folder

    def read(self, folder: Path) -> Adapter:
        """Return added weights that ``save`` wrote; the network stays as it is.

        Raises:
            BadInput: there are none, or they do not fit.
        """
        adapter = read_adapter(folder)
        with self.using(adapter):
            return self.taken()


def told_apart(adapter: Adapter | None) -> str:
    """Return what tells added weights apart; nothing for those of the beginning."""
    return "" if adapter is None else digest_of([(name, one.tobytes()) for name, one in sorted(adapter.items())])


def read_adapter(folder: Path) -> Adapter:
    """Return the weights of an adapter's folder by their names in the network."""
    from safetensors import SafetensorError
    from safetensors.numpy import load_file

    try:
        found = load_file(folder / WEIGHTS)
    except (OSError, SafetensorError) as error:
        raise BadInput(f"{folder} holds no low-rank weights: {error}. Give a folder that tuning wrote.") from None
    return {_named(name): np.asarray(values, dtype=np.float32) for name, values in found.items()}


def config_of(folder: Path) -> LoraConfig:
    """Return with which settings an adapter was made.

    Raises:
        BadInput: the folder does not tell.
    """
    try:
        told = json.loads((folder / ABOUT).read_text(encoding="utf-8"))
        layers = told["layers_to_transform"]
        top = None if layers is None else len(layers)
        return LoraConfig.of(
            rank=told["r"], alpha=told["lora_alpha"], top=top, targets=tuple(sorted(told["target_modules"]))
        )
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise BadInput(f"{folder} holds no {ABOUT} that tells of low-rank weights: {error}.") from None


def _named(name: str) -> str:
    """Return what a weight is called in the network; on disk peft wraps it and leaves the adapter's name out."""
    before, dot, after = name.removeprefix("base_model.model.").rpartition(".")
    return f"{before}.default{dot}{after}"
