"""A causal language model on this machine: SmolLM2 from its package, or other weights from a folder."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from pydantic import Field

from warmstart.core.config import Config
from warmstart.core.errors import BadInput
from warmstart.core.histories import Floats
from warmstart.representation.causal_network import Network
from warmstart.representation.causal_weights import Vocabulary, load_causal, weights_name
from warmstart.representation.language_model import Generated, readable, unit_rows
from warmstart.representation.sharing import Tokens, groups
from warmstart.representation.stopping import Stopped

if TYPE_CHECKING:
    import torch


OPEN_AT_ONCE = 4
"""Weights that a process holds at most, whoever asked for them."""


class CausalConfig(Config):
    """Which weights, and how vectors and texts are made with them."""

    weights: Path | None = None
    """A .gguf file, or a folder as transformers saves it; none takes the packaged SmolLM2-135M-Instruct."""
    adapter: Path | None = None
    """A folder of LoRA weights as peft saves it, merged in."""
    chat: bool = True
    """Give prompts as what a user says, in the model's own template; False lets it continue the text as it stands."""
    layer: int = -1
    """Whose hidden states are pooled into vectors: -1 the last, normed ones, 0 the embeddings of the tokens."""
    pooling: Literal["mean", "last", "weighted"] = "mean"
    """Vectors from the mean of all tokens, the last token, or a mean in which later tokens weigh more."""
    longest: int = Field(default=512, ge=1)
    """Tokens of a text that vectors are made of."""
    batch: int = Field(default=16, ge=1)
    """Prompts in one pass at most."""
    device: str = "auto"
    """Where it runs, as torch names it; auto takes a GPU where there is one."""
    dtype: Literal["auto", "float32", "bfloat16", "float16"] = "auto"
    """Precision; auto is bfloat16 on a GPU and float32 elsewhere."""


class CausalModel:
    """A causal model through transformers: vectors from its hidden states, text, and the likelihood of given text.

    What prompts have in common at their beginning is computed once, within a call and from one call to the next.
    A text is read after the model's token of beginning, which draws attention to itself and so is not pooled.

    Source: Allal et al. (2025), SmolLM2; the weighted mean from Muennighoff (2022), SGPT.

    Args:
        **settings: fields of ``CausalConfig``.

    Raises:
        MissingExtra: a package, or the one with the weights, is not installed.
        BadConfig: settings are unknown or out of range.
        BadInput: ``weights`` holds no causal model.

    Example:
        >>> from warmstart.representation.causal_model import CausalModel
        >>> (answer,) = CausalModel().generate(["What is the capital of France?"], max_tokens=12)
        >>> "Paris" in answer.text
        True
    """

    config_class = CausalConfig

    def __init__(self, **settings: Any) -> None:
        self.config = CausalConfig.of(**settings)
        device, dtype = _placed(self.config.device, self.config.dtype)
        chosen = self.config
        weights = weights_name(chosen.weights, chosen.adapter)
        self.network, self.vocabulary = _opened(chosen.weights, chosen.adapter, device, dtype, weights)
        how = f"{chosen.pooling} of layer {chosen.layer} of {chosen.longest} tokens, {dtype}"
        self._name = f"{weights} {'chat' if chosen.chat else 'raw'}, {how}"
        if not -1 <= self.config.layer <= self.network.layers:
            raise BadInput(f"The model has layers up to {self.network.layers} (came: {self.config.layer}).")

    def __repr__(self) -> str:
        return f"CausalModel({self.name!r})"

    @property
    def name(self) -> str:
        """The weights, and the settings that shape answers."""
        return self._name

    def embed(self, texts: Sequence[str | None]) -> Floats:
        """Return pooled hidden states; see ``LanguageModel.embed``."""
        cleaned = [readable(text) for text in texts]
        spoken = [place for place, text in enumerate(cleaned) if text]
        begin, longest = self.vocabulary.begin, self.config.longest
        rows = [(begin, *row[:longest]) for row in self.vocabulary.encode([cleaned[place] for place in spoken])]
        vectors = np.zeros((len(cleaned), self.network.dimension), dtype=np.float32)
        if spoken:
            vectors[spoken] = self.network.hidden(rows, self.config.layer, _POOLS[self.config.pooling])
        return unit_rows(vectors)

    def generate(
        self,
        prompts: Sequence[str],
        *,
        max_tokens: int = 128,
        temperature: float = 0.0,
        seed: int = 0,
        stop: Sequence[str] = (),
        deadline: float | None = None,
    ) -> list[Generated]:
        """Return what the model writes; see ``LanguageModel.generate``."""
        drafts = self._drafts(prompts, max_tokens, stop)
        for _ in self._written(drafts, _picker(temperature, seed), _end(deadline)):
            pass
        return [draft.generated() for draft in drafts]

    def stream(
        self,
        prompt: str,
        *,
        max_tokens: int = 128,
        temperature: float = 0.0,
        seed: int = 0,
        stop: Sequence[str] = (),
        deadline: float | None = None,
    ) -> Iterator[str]:
        """Yield what the model writes as it comes; see ``LanguageModel.stream``."""
        drafts = self._drafts([prompt], max_tokens, stop)
        yield from self._written(drafts, _picker(temperature, seed), _end(deadline))
        rest = drafts[0].rest()
        if rest:
            yield rest

    def log_probability(self, prompts: Sequence[str], continuations: Sequence[str]) -> Floats:
        """Return log p(continuations[i] | prompts[i]); see ``LanguageModel.log_probability``.

        With ``chat`` the continuation is the beginning of the model's answer to the prompt. Prompts that begin alike
        cost their beginning once, and continuations of one token, such as yes and no, cost one prompt together.
        """
        asked = self._asked(prompts)
        then = self.vocabulary.encode([readable(text, None, strip=False) for text in continuations])
        rows = [(*one, *more) for one, more in zip(asked, then, strict=True)]
        self._checked(rows, 0)
        found = self.network.log_probabilities(rows, [len(one) for one in asked], self.config.batch)
        return np.array(found, dtype=np.float32)

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        """Return of how many tokens each text is made, without a chat's own."""
        return [len(row) for row in self.vocabulary.encode([readable(text, None, strip=False) for text in texts])]

    def _asked(self, prompts: Sequence[str]) -> list[Tokens]:
        cleaned = [readable(prompt, None, strip=False) for prompt in prompts]
        return self.vocabulary.asked(cleaned, chat=self.config.chat)

    def _checked(self, rows: Sequence[Tokens], more: int) -> None:
        longest = max(map(len, rows), default=0) + more
        if longest > self.network.context:
            raise BadInput(f"{longest} tokens do not fit into the model's {self.network.context}. Shorten the prompt.")

    def _drafts(self, prompts: Sequence[str], max_tokens: int, stop: Sequence[str]) -> list["_Draft"]:
        if max_tokens < 1:
            raise BadInput(f"max_tokens is at least 1 (came: {max_tokens}).")
        rows = self._asked(prompts)
        self._checked(rows, max_tokens)
        return [_Draft(place, row, max_tokens, stop, self.vocabulary) for place, row in enumerate(rows)]

    def _written(self, drafts: Sequence["_Draft"], pick: "_Pick", end: float | None) -> Iterator[str]:
        """Write all drafts, those together that begin alike, and yield what may be given away."""
        left = list(drafts)
        while left:
            # prompts that are the same word for word are written one after another
            once = {draft.prompt: draft for draft in reversed(left)}
            left = [draft for draft in left if once[draft.prompt] is not draft]
            yield from self._written_together(once, pick, end)

    def _written_together(self, once: Mapping[Tokens, "_Draft"], pick: "_Pick", end: float | None) -> Iterator[str]:
        for some, shared in groups({row: len(row) - 1 for row in once}, self.config.batch):
            together = [once[row] for row in some]
            done: set[int] = set()
            choose = _chosen(pick, together)
            for tokens in self.network.written([one.prompt for one in together], shared, choose, done, end):
                for place, token in tokens.items():
                    piece = together[place].take(token)
                    if together[place].ended:
                        done.add(place)
                    if piece:
                        yield piece


_Pick = Callable[["torch.Tensor", Sequence[int]], list[int]]


class _Draft:
    """What is being written to one prompt."""

    def __init__(self, place: int, prompt: Tokens, most: int, stop: Sequence[str], vocabulary: Vocabulary) -> None:
        self.place, self.prompt = place, prompt
        self.tokens: list[int] = []
        self.ended: Literal["stop", "length"] | None = None
        self._most, self._vocabulary = most, vocabulary
        self._stopped = Stopped(stop)

    def take(self, token: int) -> str:
        """Add a token and return what may be given away now."""
        if token in self._vocabulary.special:
            self.ended = "stop"
            return self.rest()
        self.tokens.append(token)
        piece = self._stopped.grown(self._text())
        if self._stopped.ended:
            self.ended = "stop"
        elif len(self.tokens) >= self._most:
            self.ended = "length"
            piece += self.rest()
        return piece

    def rest(self) -> str:
        """Return what was held back, for nothing more comes."""
        return self._stopped.grown(self._text(), last=True)

    def generated(self) -> Generated:
        self.rest()
        return Generated(self._stopped.whole, len(self.prompt), len(self.tokens), self.ended or "deadline")

    def _text(self) -> str:
        return self._vocabulary.decode(self.tokens)


def _picker(temperature: float, seed: int) -> _Pick:
    """Return what chooses tokens; at random, each prompt has a stream of its own, whoever is written beside it."""
    if not 0 <= temperature < float("inf"):
        raise BadInput(f"The temperature is 0 or more (came: {temperature}).")
    streams: dict[int, np.random.Generator] = {}

    def pick(logits: "torch.Tensor", prompts: Sequence[int]) -> list[int]:
        if temperature == 0:
            return [int(token) for token in logits.argmax(dim=-1).tolist()]
        found = []
        for row, prompt in enumerate(prompts):
            rng = streams.setdefault(prompt, np.random.default_rng([seed, prompt]))
            values = logits[row].cpu().numpy().astype(np.float64) / temperature
            # the largest of log-probabilities with Gumbel noise is a draw from them
            found.append(int(np.argmax(values + rng.gumbel(size=len(values)))))
        return found

    return pick


def _chosen(pick: _Pick, together: Sequence[_Draft]) -> _Pick:
    return lambda logits, rows: pick(logits, [together[row].place for row in rows])


def _mean(states: Floats) -> Floats:
    return np.asarray(states[1:].mean(axis=0), dtype=np.float32)


def _last(states: Floats) -> Floats:
    return np.asarray(states[-1], dtype=np.float32)


def _weighted(states: Floats) -> Floats:
    weights = np.arange(1, len(states), dtype=np.float32)
    return np.asarray(weights @ states[1:] / weights.sum(), dtype=np.float32)


_POOLS: dict[str, Callable[[Floats], Floats]] = {"mean": _mean, "last": _last, "weighted": _weighted}


def _end(deadline: float | None) -> float | None:
    return None if deadline is None else monotonic() + deadline


def _placed(device: str, dtype: str) -> tuple[str, str]:
    if device == "auto":
        from warmstart.representation.causal_weights import best_device

        device = best_device()
    usual = "float32" if device.startswith("cpu") else "bfloat16"
    return device, usual if dtype == "auto" else dtype


@lru_cache(maxsize=OPEN_AT_ONCE)
def _opened(
    weights: Path | None, adapter: Path | None, device: str, dtype: str, _content: str
) -> tuple[Network, Vocabulary]:
    """Load weights once a process, unless their content has changed; who changes them takes ``load_causal``'s copy."""
    model, vocabulary = load_causal(weights, adapter, device, dtype)
    return Network(model), vocabulary
