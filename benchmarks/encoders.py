"""How many texts a CPU-second each encoder reads, and what the cache saves; writes ``results/encoders.json``."""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))
# before anything starts threads: everything is measured on one
os.environ |= {"OMP_NUM_THREADS": "1", "RAYON_NUM_THREADS": "1", "TOKENIZERS_PARALLELISM": "false"}

import numpy as np

from benchmarks.tables import rounded, run, write
from warmstart.core.errors import BadInput, MissingExtra
from warmstart.data.builtin import load_dataset
from warmstart.representation.language_model import LanguageModel, open_language_model
from warmstart.representation.text import item_texts

ITEMS = 10_000
SOURCES = ("ml-1m", "movielens-small")
COLUMNS = ("title", "genres")
SAMPLES = {"static": ITEMS, "minilm": 1_000, "smollm2": 200}
"""So many of the texts each encoder reads."""
SETTINGS: dict[str, dict[str, Any]] = {
    "static": {},
    "minilm": {},
    "smollm2, last layer": {"layer": -1},
    "smollm2, layer 15": {"layer": 15},
}
FIRST = "a first text, for what is made at first use"
PATIENCE, AGAIN = 5.0, 0.5
"""The bars: wall seconds of the default over all texts, and of a second run from the cache."""


def main(arguments: list[str]) -> int:
    """Measure every encoder and the cache, and write the table; the exit code is 1 when a bar is missed."""
    asked = _parser().parse_args(arguments)
    texts, sources = texts_of(asked.items)
    found: dict[str, Any] = {}
    for label, settings in SETTINGS.items():
        name = label.split(",")[0]
        if name not in asked.only:
            continue
        try:
            found[label] = measured(name, settings, texts[: min(SAMPLES[name], asked.most)])
        except MissingExtra as error:
            print(f"{label} is left out: {error}", file=sys.stderr)
        print(label, found.get(label), flush=True)
    kept = cached(texts)
    print(kept, flush=True)
    bars = {
        "static_under_5_s": kept["first_wall_s"] < PATIENCE,
        "again_under_half_a_second": kept["again_wall_s"] < AGAIN,
    }
    content = {"readme": [_part(found, kept)], "about": _ABOUT, "texts": len(texts), "sources": sources}
    write("encoders", content | {"encoders": found, "cache": kept, "bars": bars}, asked.out)
    return 0 if all(bars.values()) else 1


def texts_of(n: int) -> tuple[list[str], dict[str, int]]:
    """Return titles with genres, each once, and how many came from where; with variation when they are too few."""
    found: dict[str, None] = {}
    sources = {}
    for name in SOURCES:
        try:
            data = load_dataset(name)
        except BadInput as error:
            print(f"{name} is left out: {error}", file=sys.stderr)
            continue
        before = len(found)
        if data.items is not None:
            found |= dict.fromkeys(item_texts(data.items, COLUMNS))
        sources[name] = len(found) - before
    texts = list(found)
    parts = range(2, 2 + max(n - 1, 0) // max(len(texts), 1))
    return [*texts, *(f"{text} part {part}" for part in parts for text in texts)][:n], sources


def measured(name: str, settings: dict[str, Any], texts: Sequence[str]) -> dict[str, Any]:
    """Return what an encoder costs: opening it, a first text, and many."""
    model: LanguageModel = open_language_model(name, **settings)
    model.embed([FIRST])
    reading = _Clock()
    vectors = model.embed(texts)
    wall, cpu = reading.read()
    return {
        "texts": len(texts),
        "dimension": int(vectors.shape[1]),
        "opening_cpu_s": rounded(opening(name, settings), 2),
        "wall_s": rounded(wall, 3),
        "cpu_s": rounded(cpu, 3),
        "texts_a_cpu_second": rounded(len(texts) / cpu, 1),
        "tokens_a_cpu_second": rounded(sum(model.count_tokens(texts)) / cpu, 1),
    }


def opening(name: str, settings: dict[str, Any]) -> float:
    """Return the CPU seconds in which a fresh process has opened a model and read a first text."""
    code = (
        "import time; from warmstart.representation.language_model import open_language_model\n"
        f"open_language_model({name!r}, **{settings!r}).embed([{FIRST!r}]); print(time.process_time())"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return float(done.stdout.split()[-1])


def cached(texts: Sequence[str]) -> dict[str, Any]:
    """Return the wall seconds of the default encoder alone, with a cache that is empty, and from the cache."""
    bare = open_language_model("static")
    clock = _Clock()
    want = bare.embed(texts)
    alone = clock.read()[0]
    with tempfile.TemporaryDirectory() as room:
        times = []
        for _ in range(2):
            clock = _Clock()
            got = open_language_model("static", cache=room).embed(texts)
            times.append(clock.read()[0])
            if not np.allclose(got, want, atol=1e-5):
                raise SystemExit("The cache gave other vectors than the model.")
        size = sum(file.stat().st_size for file in Path(room).iterdir())
    first, again = times
    return {
        "texts": len(texts),
        "alone_wall_s": rounded(alone, 3),
        "first_wall_s": rounded(first, 3),
        "again_wall_s": rounded(again, 3),
        "megabytes": rounded(size / 1e6, 1),
    }


class _Clock:
    """Wall and CPU seconds since it was made."""

    def __init__(self) -> None:
        self._start = time.perf_counter(), time.process_time()

    def read(self) -> tuple[float, float]:
        return time.perf_counter() - self._start[0], time.process_time() - self._start[1]


def _part(found: dict[str, Any], kept: dict[str, Any]) -> dict[str, Any]:
    columns = ["encoder", "vector", "texts a CPU-second", "tokens a CPU-second", "opening, CPU s"]
    fields = ("dimension", "texts_a_cpu_second", "tokens_a_cpu_second", "opening_cpu_s")
    rows = [[label, *(one[field] for field in fields)] for label, one in found.items()]
    text = (
        f"Titles with genres, on one thread. The default embeds {kept['texts']:,} in {kept['first_wall_s']:.1f} s "
        f"and again from the cache in {kept['again_wall_s']:.2f} s."
    )
    return {"place": 3.6, "title": "Encoders", "text": text, "columns": columns, "rows": rows, "digits": 1}


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", nargs="+", default=list(SAMPLES), choices=list(SAMPLES))
    parser.add_argument("--items", type=int, default=ITEMS)
    parser.add_argument("--most", type=int, default=ITEMS, help="texts that any encoder reads at most")
    parser.add_argument("--out", type=Path, default=None, help="folder of the results; default benchmarks/results")
    return parser


_ABOUT = (
    "Texts are titles with genres of MovieLens-1M and MovieLens small, each once. CPU seconds are the process's, "
    "with one thread for linear algebra and for tokenizers. Opening is a fresh process that loads the model "
    "and reads a first text, converted weights being there already. The cache is measured in wall seconds, an empty "
    "folder first and a second run after it."
)

if __name__ == "__main__":
    run(main)
