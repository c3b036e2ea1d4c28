"""Vectors of a catalogue's texts from every encoder, layer and pooling; read once and kept on disk."""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path

import numpy as np
import polars as pl

from warmstart.core.histories import Floats
from warmstart.explanation.facts import said_title
from warmstart.representation.causal_weights import load_causal, weights_name
from warmstart.representation.language_model import open_language_model, readable
from warmstart.representation.text import item_texts
from warmstart.representation.text_cache import TextCache

FOLDER = Path(__file__).parents[1] / "build" / "benchmarks" / "text_study"
LAYERS = (5, 10, 15, 20, 25, 30)
"""Layers of SmolLM2 whose hidden states are kept; of the 30th those after the norm, as the door's layer -1 has them."""
POOLINGS = ("mean", "last", "weighted")
PORTION = 64
"""Texts that are read between two visits to the disk."""
AT_ONCE = 512
"""Tokens in one pass, padding counted."""
LONGEST = 128


@dataclass(frozen=True, slots=True)
class Source:
    """Where vectors come from: which encoder, and how it is asked.

    Args:
        encoder: name of a language model.
        template: what the encoder reads of an item; see ``TEMPLATES``.
        layer: of a causal model; None for others.
        pooling: of a causal model; None for others.
    """

    encoder: str
    template: str = "plain"
    layer: int | None = None
    pooling: str | None = None

    def __str__(self) -> str:
        where = "" if self.layer is None else f", layer {self.layer}, {self.pooling}"
        return f"{self.encoder}, {self.template}{where}"


def _said(title: str) -> str:
    name, year = said_title(title)
    return f'"{name}" ({year})' if year else f'"{name}"'


def _fans(title: str, genres: str | None, _text: str) -> str:
    return f"The film {_said(title)} ({', '.join((genres or '').split('|'))}) is liked by people who also like"


TEMPLATES: dict[str, Callable[[str, str | None, str], str]] = {
    "plain": lambda _title, _genres, text: text,
    "said": lambda title, genres, _text: f"{_said(title)} {', '.join((genres or '').split('|'))}",
    "is": lambda title, _genres, _text: f"The film {_said(title)} is",
    "fans": _fans,
    "like": lambda _title, _genres, text: f"People who like {text} also like",
}
"""What an encoder reads: the canonical text, title and genres as they are said, or a sentence that wants to go on."""
SOURCES = (
    *(Source(encoder, template) for encoder in ("static", "minilm") for template in ("plain", "said")),
    *(
        Source("smollm2", template, layer, pooling)
        for template in ("plain", "is", "fans", "like")
        for layer in LAYERS
        for pooling in POOLINGS
    ),
)
"""All that are compared."""


def vectors_of(items: pl.DataFrame, folder: Path = FOLDER) -> Iterator[tuple[Source, Floats]]:
    """Yield every source's vectors of the items, float32 [n, d], as the encoder gives them."""
    plain = item_texts(items, ("title", "genres"))
    rows = list(zip(items["title"].to_list(), items["genres"].to_list(), plain, strict=True))
    read = {name: [make(*row) for row in rows] for name, make in TEMPLATES.items()}
    for source in SOURCES:
        if source.encoder != "smollm2":
            yield source, open_language_model(source.encoder, cache=folder).embed(read[source.template])
    for template in dict.fromkeys(source.template for source in SOURCES if source.layer is not None):
        states = hidden_states(read[template], folder)
        for source in SOURCES:
            if source.template == template and source.layer is not None and source.pooling is not None:
                yield source, states[:, LAYERS.index(source.layer), POOLINGS.index(source.pooling)]


def hidden_states(texts: Sequence[str], folder: Path = FOLDER) -> Floats:
    """Return SmolLM2's hidden states of many layers, pooled in many ways, from one pass over each text.

    Args:
        texts: each is read after the model's token of beginning, which is not pooled.
        folder: of the cache.

    Returns:
        float32 [len(texts), layers, poolings, d]; kept on disk in half precision.
    """
    cache, name = TextCache(folder), f"{weights_name(None, None)} layers {LAYERS} {POOLINGS} {LONGEST}"
    keys = [blake2b(f"{name}\n{text}".encode(), digest_size=20).digest() for text in texts]
    found = cache.get(keys)
    left = {key: text for key, text in zip(keys, texts, strict=True) if key not in found}
    if left:
        read = _reader()
        order = sorted(left, key=lambda key: len(left[key]))
        start = time.perf_counter()
        for place in range(0, len(order), PORTION):
            some = order[place : place + PORTION]
            states = read([left[key] for key in some])
            fresh = {key: row.astype(np.float16).tobytes() for key, row in zip(some, states, strict=True)}
            cache.put(fresh, name)
            found |= fresh
            print(
                f"SmolLM2: {place + len(some)} of {len(order)} texts, {time.perf_counter() - start:.0f} s", flush=True
            )
    whole = np.frombuffer(b"".join(found[key] for key in keys), dtype=np.float16)
    return whole.reshape(len(keys), len(LAYERS), len(POOLINGS), -1).astype(np.float32)


def _reader() -> Callable[[Sequence[str]], list[Floats]]:
    """Return what reads texts: float32 [layers, poolings, d] each."""
    import torch

    model, vocabulary = load_causal(None, None, "cpu", "float32")
    decoder = model.get_decoder()

    def read(texts: Sequence[str]) -> list[Floats]:
        rows = [(vocabulary.begin, *row[:LONGEST]) for row in vocabulary.encode([readable(text) for text in texts])]
        found: dict[int, Floats] = {}
        for some in _batches(rows):
            longest = max(len(rows[place]) for place in some)
            padded = torch.tensor([[*rows[place], *[0] * (longest - len(rows[place]))] for place in some])
            with torch.inference_mode():
                states = decoder(input_ids=padded, use_cache=False, output_hidden_states=True).hidden_states
            kept = torch.stack([states[layer] for layer in LAYERS]).numpy()  # [layers, batch, tokens, d]
            for row, place in enumerate(some):
                found[place] = _pooled(kept[:, row, 1 : len(rows[place])])
        return [found[place] for place in range(len(rows))]

    return read


def _batches(rows: Sequence[tuple[int, ...]]) -> Iterator[list[int]]:
    some: list[int] = []
    for place in sorted(range(len(rows)), key=lambda place: len(rows[place])):
        if some and (len(some) + 1) * len(rows[place]) > AT_ONCE:
            yield some
            some = []
        some.append(place)
    if some:
        yield some


def _pooled(states: Floats) -> Floats:
    """Return mean, last and weighted mean of the tokens, float32 [layers, 3, d], of [layers, tokens, d]."""
    weights = np.arange(1, states.shape[1] + 1, dtype=np.float32)
    weighted = np.einsum("t,ltd->ld", weights / weights.sum(), states)
    return np.stack([states.mean(axis=1), states[:, -1], weighted], axis=1).astype(np.float32)
