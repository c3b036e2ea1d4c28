"""The arithmetic of a causal language model: hidden states, next tokens, and beginnings that are computed once."""

import copy
import threading
from collections import OrderedDict
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from time import monotonic
from typing import TYPE_CHECKING, Any

import numpy as np

from warmstart.core.histories import Floats
from warmstart.representation.sharing import BUDGET, Tokens, covering, groups, in_common

if TYPE_CHECKING:
    import torch

Pick = Callable[["torch.Tensor", Sequence[int]], Sequence[int]]
PIECE = 256
"""Tokens of all rows between two looks at the clock while prompts are read."""
WEIGHED_AT_ONCE = 256
"""Positions whose whole vocabulary is held at the same time."""
KEPT, KEPT_TOKENS = 8, 4_096
"""Beginnings that are kept for later calls, and how many tokens these may have together."""


class Network:
    """A causal network with a memory of beginnings: what many prompts have in common is computed once.

    Rows are tuples of tokens of which none is empty. What pads a row stands behind it, where no earlier token looks.
    Safe to use from several threads.

    Args:
        model: a causal model of transformers, in evaluation mode.
        remember: keep beginnings from one call to the next.
    """

    def __init__(self, model: Any, *, remember: bool = True) -> None:
        self.model = model
        self._decoder = model.get_decoder()
        self._head = model.get_output_embeddings()
        self._device = model.device
        self._kept = KEPT if remember else 0
        self._beginnings: OrderedDict[Tokens, list[Any]] = OrderedDict()
        self._lock = threading.Lock()

    @property
    def dimension(self) -> int:
        """Length of a hidden state."""
        return int(self.model.config.hidden_size)

    @property
    def layers(self) -> int:
        """Layers above the embeddings of the tokens."""
        return int(self.model.config.num_hidden_layers)

    @property
    def context(self) -> int:
        """Tokens that the network can look back on."""
        return int(self.model.config.max_position_embeddings)

    def hidden(self, rows: Sequence[Tokens], layer: int, pool: Callable[[Floats], Floats]) -> Floats:
        """Return one vector a row, float32 [len(rows), dimension].

        Args:
            rows: tokens.
            layer: whose states; -1 is the last, normed one, 0 the embeddings of the tokens.
            pool: makes one vector of a row's states, float32 [tokens, dimension].
        """
        import torch

        vectors = np.zeros((len(rows), self.dimension), dtype=np.float32)
        decoder = self._decoder if layer == -1 else lower_layers(self._decoder, layer)
        for some in of_like_length(rows):
            inputs = self._padded([rows[place] for place in some])
            with torch.inference_mode():
                states = decoder(input_ids=inputs, use_cache=False).last_hidden_state
            plain = states.float().cpu().numpy()
            for row, place in enumerate(some):
                vectors[place] = pool(plain[row, : len(rows[place])])
        return vectors

    def log_probabilities(self, rows: Sequence[Tokens], starts: Sequence[int], most: int) -> list[float]:
        """Return the log-probability of each row from its start on, given what stands before.

        Args:
            rows: prompt and continuation.
            starts: length of each prompt; from 1.
            most: rows in one pass.
        """
        import torch

        found = [0.0] * len(rows)
        jobs = _jobs(rows, starts)
        limits = {one: min(starts[place] for place in places) - 1 for one, places in jobs.items()}
        for some, shared in groups(limits, most):
            with torch.inference_mode():
                states, _ = self._read(self._begun(some, shared), [one[shared:] for one in some])
                of = [(place, row, starts[place] - 1) for row, one in enumerate(some) for place in jobs[one]]
                asked = [(place, row, at) for place, row, start in of for at in range(start, len(rows[place]) - 1)]
                for place, value in self._weighed(states, asked, shared, rows):
                    found[place] += value
        return found

    def written(
        self, prompts: Sequence[Tokens], shared: int, pick: Pick, done: Collection[int], end: float | None
    ) -> Iterator[dict[int, int]]:
        """Yield the next token of each row, by its place, until all rows are done or time is up.

        Args:
            prompts: rows that go through the network together.
            shared: how many first tokens they have in common.
            pick: chooses tokens from logits, float [rows, vocabulary], of the rows at some places.
            done: places of the rows that need no more; grows between two steps.
            end: on the monotonic clock.
        """
        import torch

        places = list(range(len(prompts)))
        with torch.inference_mode():
            read = self._prompted(prompts, shared, end)
            if read is None:
                return
            logits, cache, mask = read
            lengths = torch.tensor([len(one) for one in prompts], device=self._device)
        while True:
            tokens = list(pick(logits, places))
            yield dict(zip(places, tokens, strict=True))
            left = [row for row, place in enumerate(places) if place not in done]
            if not left or _late(end):
                return
            with torch.inference_mode():
                if len(left) < len(places):
                    mask, lengths = mask[left], lengths[left]
                    _select(cache, left)
                mask = torch.cat([mask, mask.new_ones((len(left), 1))], dim=1)
                inputs = torch.tensor([[tokens[row]] for row in left], device=self._device)
                found = self._decoder(
                    input_ids=inputs,
                    attention_mask=mask,
                    position_ids=lengths[:, None],
                    past_key_values=cache,
                    use_cache=True,
                )
                logits = self._head(found.last_hidden_state[:, -1]).float()
                lengths = lengths + 1
            places = [places[row] for row in left]

    def _prompted(self, prompts: Sequence[Tokens], shared: int, end: float | None) -> tuple[Any, Any, Any] | None:
        """Read prompts piece by piece; None when time was up before their end."""
        import torch

        rests = [one[shared:] for one in prompts]
        longest, n = max(map(len, rests)), len(prompts)
        step = max(PIECE // n, 1)
        cache = self._begun(prompts, shared, end)
        last = [None] * n
        for start in range(0, longest, step):
            if cache is None or _late(end):
                return None
            states, cache = self._read(cache, [rest[start : start + step] for rest in rests])
            for row, rest in enumerate(rests):
                if start < len(rest) <= start + step:
                    last[row] = states[row, len(rest) - 1 - start]
        mask = torch.zeros((n, shared + longest), dtype=torch.long, device=self._device)
        for row, one in enumerate(prompts):
            mask[row, : len(one)] = 1
        return self._head(torch.stack(last)).float(), cache, mask

    def _read(self, cache: Any, rests: Sequence[Tokens]) -> tuple[Any, Any]:
        found = self._decoder(input_ids=self._padded(rests), past_key_values=cache, use_cache=cache is not None)
        return found.last_hidden_state, cache

    def _weighed(
        self, states: Any, asked: Sequence[tuple[int, int, int]], shared: int, rows: Sequence[Tokens]
    ) -> Iterator[tuple[int, float]]:
        """Yield the log-probabilities of single tokens, and of which pair each is a part."""
        for start in range(0, len(asked), WEIGHED_AT_ONCE):
            part = asked[start : start + WEIGHED_AT_ONCE]
            logits = self._head(states[[row for _, row, _ in part], [at - shared for _, _, at in part]]).float()
            chosen = logits.new_tensor([rows[place][at + 1] for place, _, at in part]).long()
            values = logits.log_softmax(dim=-1).gather(1, chosen[:, None])[:, 0]
            yield from zip([place for place, _, _ in part], values.tolist(), strict=True)

    def _begun(self, some: Sequence[Tokens], shared: int, end: float | None = None) -> Any:
        """Return a cache that holds the rows' common beginning once for each of them; None when time is up."""
        from transformers import DynamicCache

        past = self._beginning(some[0][:shared], end) if shared else []
        if past is None:
            return None
        cache = DynamicCache(config=self.model.config)
        for layer, (keys, values) in enumerate(past):
            shape = (len(some), *keys.shape[1:])
            cache.update(keys.expand(shape), values.expand(shape), layer)
        return cache

    def _beginning(self, tokens: Tokens, end: float | None) -> list[Any] | None:
        """Return keys and values of a beginning, as far as possible from one that was read before."""
        from transformers import DynamicCache

        with self._lock:
            known = max(self._beginnings, key=lambda one: in_common(one, tokens), default=())
            past, common = self._beginnings.get(known, []), in_common(known, tokens)
            if common:
                self._beginnings.move_to_end(known)
        cache = DynamicCache(config=self.model.config)
        for layer, (keys, values) in enumerate(past if common else []):
            cache.update(keys[:, :, :common], values[:, :, :common], layer)
        for start in range(common, len(tokens), PIECE):
            if _late(end):
                return None
            self._read(cache, [tokens[start : start + PIECE]])
        fresh = [(layer.keys, layer.values) for layer in cache.layers]
        with self._lock:
            self._beginnings[tokens] = fresh
            self._forget()
        return fresh

    def _forget(self) -> None:
        while self._beginnings and (len(self._beginnings) > self._kept or self._held() > KEPT_TOKENS):
            self._beginnings.popitem(last=False)

    def _held(self) -> int:
        return sum(map(len, self._beginnings))

    def _padded(self, rows: Sequence[Tokens]) -> "torch.Tensor":
        import torch

        longest = max(map(len, rows))
        return torch.tensor([[*row, *[0] * (longest - len(row))] for row in rows], device=self._device)


def lower_layers(decoder: Any, layer: int) -> Any:
    """Return the lower layers of a decoder, which share its weights: what lies above a layer need not be computed."""
    from torch import nn

    lower = copy.copy(decoder)
    lower._modules = dict(decoder._modules)  # noqa: SLF001 -- a shallow copy would change the decoder itself
    lower.layers = decoder.layers[:layer]
    lower.norm = nn.Identity()
    return lower


def upper_layers(decoder: Any, layer: int) -> Any:
    """Return the layers of a decoder above the first ``layer``, which share its weights and read ``inputs_embeds``."""
    upper = copy.copy(decoder)
    upper._modules = dict(decoder._modules)  # noqa: SLF001 -- a shallow copy would change the decoder itself
    upper.layers = decoder.layers[layer:]
    return upper


def _jobs(rows: Sequence[Tokens], starts: Sequence[int]) -> Mapping[Tokens, list[int]]:
    """Return what goes through the network, and which rows are weighed by it."""
    # the last token is never an input, so continuations of one token share their prompt's pass
    inputs = {place: row[:-1] for place, row in enumerate(rows) if len(row) > starts[place]}
    by = covering(inputs.values())
    jobs: dict[Tokens, list[int]] = {}
    for place, one in inputs.items():
        jobs.setdefault(by[one], []).append(place)
    return jobs


def of_like_length(rows: Sequence[Tokens]) -> Iterator[list[int]]:
    """Yield places of rows that fit into one pass, the shortest first."""
    some: list[int] = []
    for place in sorted(range(len(rows)), key=lambda place: len(rows[place])):
        if some and (len(some) + 1) * len(rows[place]) > BUDGET:
            yield some
            some = []
        some.append(place)
    if some:
        yield some


def _select(cache: Any, rows: Sequence[int]) -> None:
    for layer in cache.layers:
        layer.keys, layer.values = layer.keys[list(rows)], layer.values[list(rows)]


def _late(end: float | None) -> bool:
    return end is not None and monotonic() >= end
