"""Which vectors tell who will like a new item: encoder, pooling, whitening, length; ``results/text_study.json``.

Everything is chosen on the cold validation items. On the test items stand what was chosen of every encoder and, beside
it, what somebody has who takes the encoder as it comes.
"""

import argparse
import json
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))
# before anything starts threads: one core is enough, and the machine may be shared
os.environ |= {"OMP_NUM_THREADS": "1", "RAYON_NUM_THREADS": "1", "TOKENIZERS_PARALLELISM": "false"}

import numpy as np

from benchmarks.tables import RESULTS, rounded, run, write
from benchmarks.text_cold import Cold, Doubles, Numbers, ratio_of
from benchmarks.text_prior import Prior, judged, sides_of
from benchmarks.text_vectors import FOLDER, LAYERS, SOURCES, Source, vectors_of
from warmstart.core.errors import BadInput
from warmstart.core.histories import Floats
from warmstart.data.builtin import load_dataset
from warmstart.data.dataset import Dataset
from warmstart.data.tfidf import Grams, Tfidf
from warmstart.evaluation.cold_item import ColdItem
from warmstart.meta.item_side import ItemSide
from warmstart.representation.language_model import unit_rows
from warmstart.representation.text import item_texts
from warmstart.representation.whitening import VectorSpace, Whitening

ENCODERS = ("static", "minilm", "smollm2")
WHITENINGS: tuple[Whitening, ...] = ("none", "centred", "top", "whitened", "soft")
DIMENSIONS = (None, 128, 64)
NEIGHBOURS = (None, 100)
"""Whether an item is compared with all liked ones, or only with those among its so many nearest."""
CUTS: tuple[Grams, ...] = ("words", "pairs", "characters")
SHARES = (0.2, 0.35, 0.5, 0.65, 0.8)
"""Of words, beside an encoder."""
COLUMNS = ("title", "genres")
JUDGES = 800
"""Users of a seed by whom settings are chosen."""
SIDE_LAYERS, SIDE_POOLINGS = (20, 25, 30), ("last", "weighted")
"""What of SmolLM2 is tried as a view of the item side; the rest stood behind in likeness alone."""
TRIALS = 24
"""Settings that the item side tries, its default."""
BARE, DEFAULT = "no language model", "static"
KINDS: dict[str, Callable[[str], bool]] = {
    "static": lambda name: name == "static, plain",
    "minilm": lambda name: name.startswith("minilm,"),
    "smollm2": lambda name: name.startswith("smollm2,"),
    "smollm2 of anything": lambda name: name.startswith(("smollm2, plain,", "smollm2, like,")),
}
"""What a view is chosen from, by the names of vectors; the default as it is, and sentences that suit any catalogue."""
VIEWS: dict[str, tuple[tuple[str, ...], int | None]] = {
    BARE: ((), None),
    DEFAULT: (("static",), None),
    "minilm": (("minilm",), None),
    "smollm2": (("smollm2",), None),
    "minilm + smollm2": (("minilm", "smollm2"), None),
    "static + minilm + smollm2": (ENCODERS, None),
    "minilm + smollm2, 128 dimensions": (("minilm", "smollm2"), 128),
    "minilm + smollm2, 64 dimensions": (("minilm", "smollm2"), 64),
    "smollm2 of anything": (("smollm2 of anything",), None),
    "minilm + smollm2 of anything": (("minilm", "smollm2 of anything"), None),
}
"""Sets of views of the item side whose weights are searched for, and the length of their vectors."""


@dataclass(frozen=True, slots=True)
class Setting:
    """One way from texts to likeness.

    Args:
        source: name of vectors, or of a cut of words.
        whitening: of vectors; None for words.
        dimension: to which vectors are shortened.
        neighbours: see ``NEIGHBOURS``.
        words: share of the likeness of words beside that of vectors.
    """

    source: str
    whitening: Whitening | None = None
    dimension: int | None = None
    neighbours: int | None = None
    words: float | None = None

    def __str__(self) -> str:
        parts = (
            self.source,
            self.whitening,
            self.dimension and f"{self.dimension} dimensions",
            self.neighbours and f"{self.neighbours} neighbours",
            self.words and f"words count {self.words}",
        )
        return ", ".join(part for part in parts if part)


class Study:
    """Texts of a catalogue as words and as vectors, and users who judge them.

    Args:
        data: items with title and genres.
        seeds: of the splits.
        folder: where vectors are kept.
    """

    def __init__(self, data: Dataset, seeds: Sequence[int], folder: Path = FOLDER) -> None:
        if data.items is None:
            raise BadInput(f"{data.name} tells nothing of its items. Take a data set that does.")
        self.n_items, self.seeds = data.n_items, tuple(seeds)
        self.splits = [ColdItem(seed=seed, likes="all").split(data) for seed in seeds]
        self.judges = [Cold.of(split.validate[0], data.n_items, JUDGES) for split in self.splits]
        texts = item_texts(data.items, COLUMNS)
        self.words = {f"TF-IDF, {cut}": Tfidf.fit(texts, cut=cut).encode(texts) for cut in CUTS}
        self.vectors = {source: unit_rows(vectors) for source, vectors in vectors_of(data.items, folder)}
        self._last: tuple[object, Floats] = None, np.zeros((0, 0), dtype=np.float32)

    def tests(self, place: int) -> list[Cold]:
        """Return the test users of every seed, who rank the cold items (0) or all items (1)."""
        return [Cold.of(split.test[place], self.n_items) for split in self.splits]

    def priors(self) -> list[Prior]:
        """Learn a prior from the warm items of every seed."""
        return [Prior.fit(split.train, seed) for seed, split in zip(self.seeds, self.splits, strict=True)]

    def mapped(self, setting: Setting) -> Floats:
        """Return an encoder's vectors as a setting makes them."""
        asked = (setting.source, setting.whitening or "none", setting.dimension)
        if self._last[0] != asked:
            vectors = next(found for source, found in self.vectors.items() if str(source) == setting.source)
            self._last = asked, VectorSpace.fit(vectors, setting.whitening or "none", setting.dimension).encode(vectors)
        return self._last[1]

    def by_user(self, setting: Setting, worlds: Sequence[Cold]) -> Doubles:
        """Return Recall@20 and nDCG@20 of every user of all worlds, float64 [n, 2]."""
        words = self.words.get(setting.source, self.words["TF-IDF, words"])
        vectors = None if setting.source in self.words else self.mapped(setting)
        found = []
        for world in worlds:
            share = 1.0 if vectors is None else setting.words or 0.0
            alike = np.zeros((self.n_items, len(world.cold)), dtype=np.float32)
            if share > 0:
                alike += np.float32(share) * (words @ words[world.cold].T).toarray()
            if vectors is not None:
                alike += np.float32(1 - share) * (vectors @ vectors[world.cold].T)
            found.append(world.alike(alike, setting.neighbours))
        return np.concatenate(found)

    def measured(self, settings: Sequence[Setting]) -> dict[Setting, Numbers]:
        """Measure settings on the validation items."""
        return {setting: Numbers.of(self.by_user(setting, self.judges)) for setting in settings}


def main(arguments: list[str]) -> int:
    """Measure likeness alone, then as a view of the item side, and write the table."""
    asked = _parser().parse_args(arguments)
    study = Study(load_dataset(asked.dataset), asked.seeds)
    if asked.views:
        kept = json.loads(((asked.out or RESULTS) / "text_study.json").read_text(encoding="utf-8"))
        alone, within = kept["alone"], kept["item side"]
        first = within["validation, first weights"]
        found = _searched(study, study.priors(), first, asked.views, asked.trials, among_all=not asked.cold_only)
        for part, told in found.items():
            within[part] |= {
                name: within[part].get(name, {}) | one if part == "test" else one for name, one in told.items()
            }
    else:
        alone, within = _alone(study), _within(study, asked.trials)
    content = {"readme": [_part(alone, within)], "about": _ABOUT, "data": asked.dataset, "seeds": asked.seeds}
    write("text_study", content | {"alone": alone, "item side": within}, asked.out)
    return 0


def _alone(study: Study) -> dict[str, Any]:
    """Choose the best way of each encoder, then its length and how much words count beside it, and test these."""
    by_words = study.measured([Setting(name, neighbours=near) for name in study.words for near in NEIGHBOURS])
    grid: dict[Setting, Numbers] = {}
    for source in study.vectors:
        told = study.measured([Setting(str(source), kind, None, near) for kind in WHITENINGS for near in NEIGHBOURS])
        print(f"{source}: {_best(told)}: {max(one.mean for one in told.values()):.4f}", flush=True)
        grid |= told
    chosen = {
        name: _best({one: told for one, told in grid.items() if one.source.startswith(name)}) for name in ENCODERS
    }
    kinds: tuple[Whitening, ...] = ("none", "centred", "soft")
    shorter = study.measured(
        [replace(one, whitening=kind, dimension=n) for one in chosen.values() for kind in kinds for n in DIMENSIONS]
    )
    mixed = study.measured(
        [
            replace(one, words=share, neighbours=near)
            for one in chosen.values()
            for share in SHARES
            for near in NEIGHBOURS
        ]
    )
    rows = {name: _best({one: told for one, told in by_words.items() if one.source == name}) for name in study.words}
    for name, one in chosen.items():
        rows |= {f"{name}, as it comes": _as_it_comes(name), f"{name}, chosen": one}
        rows |= {f"{name}, {n} dimensions": replace(one, dimension=n) for n in DIMENSIONS if n}
        rows[f"{name} and words"] = _best({way: told for way, told in mixed.items() if way.source == one.source})
    return {
        "validation": {str(one): _told(told) for one, told in (by_words | grid | shorter | mixed).items()},
        "chosen": {name: str(one) for name, one in rows.items()},
        "test": _tested(study, rows),
    }


def _tested(study: Study, rows: Mapping[str, Setting]) -> dict[str, Any]:
    worlds = study.tests(0)
    by_user = {name: study.by_user(setting, worlds) for name, setting in rows.items()}
    base = by_user["TF-IDF, words"]
    return {name: _told(Numbers.of(one)) | {"to TF-IDF": ratio_of(one, base)} for name, one in by_user.items()}


def _as_it_comes(encoder: str) -> Setting:
    usual = Source(encoder, layer=LAYERS[-1], pooling="mean") if encoder == "smollm2" else Source(encoder)
    return Setting(str(usual), "none")


def _within(study: Study, trials: int) -> dict[str, Any]:
    """Choose views of the item side at its first weights, search the weights of the best, and test those."""
    priors = study.priors()
    found = {BARE: _validated(study, priors, sides_of(priors, {BARE: []}, 0))[BARE]}
    for source in SOURCES:
        if source.layer is None or (source.layer in SIDE_LAYERS and source.pooling in SIDE_POOLINGS):
            vectors = study.mapped(Setting(str(source), "soft"))
            found |= _validated(study, priors, sides_of(priors, {str(source): [vectors]}, 0))
    first = {name: _told(numbers) for name, numbers in found.items()}
    return {"validation, first weights": first} | _searched(study, priors, first, tuple(VIEWS), trials)


def _searched(
    study: Study,
    priors: Sequence[Prior],
    first: Mapping[str, Any],
    names: Sequence[str],
    trials: int,
    *,
    among_all: bool = True,
) -> dict[str, Any]:
    """Return what some views are worth whose weights are searched for, on validation and test items."""
    chosen = {
        name: max((one for one in first if fits(one)), key=lambda one: sum(first[one].values()))
        for name, fits in KINDS.items()
    }
    views = {
        name: [study.mapped(Setting(chosen[kind], "soft", dimension)) for kind in kinds]
        for name, (kinds, dimension) in VIEWS.items()
        if name in {*names, DEFAULT}
    }
    sides = sides_of(priors, views, trials)
    validated = {name: _told(one) for name, one in _validated(study, priors, sides).items()}
    return {"chosen": chosen, "validation, searched": validated, "test": _side_tested(study, priors, sides, among_all)}


def _validated(study: Study, priors: Sequence[Prior], sides: Mapping[str, Sequence[ItemSide]]) -> dict[str, Numbers]:
    return {name: Numbers.of(one) for name, one in judged(priors, sides, study.judges).items()}


def _side_tested(
    study: Study, priors: Sequence[Prior], sides: Mapping[str, Sequence[ItemSide]], among_all: bool
) -> dict[str, Any]:
    found: dict[str, dict[str, Any]] = {name: {} for name in sides}
    words = study.measured([Setting("TF-IDF, words", neighbours=near) for near in NEIGHBOURS])
    for place, label in enumerate(("", " among all") if among_all else ("",)):
        worlds = study.tests(place)
        by_user = judged(priors, sides, worlds)
        base = study.by_user(_best(words), worlds)
        for name, one in by_user.items():
            ratios = {"to TF-IDF": ratio_of(one, base), f"to {DEFAULT}": ratio_of(one, by_user[DEFAULT])}
            told = _told(Numbers.of(one)) | ratios
            found[name] |= {f"{key}{label}": value for key, value in told.items()}
    return found


def _best(found: Mapping[Setting, Numbers]) -> Setting:
    return max(found, key=lambda one: found[one].mean)


def _told(numbers: Numbers) -> dict[str, Any]:
    return {"recall@20": rounded(numbers.recall), "ndcg@20": rounded(numbers.ndcg)}


def _part(alone: Mapping[str, Any], within: Mapping[str, Any]) -> dict[str, Any]:
    rows = [[f"likeness: {name}", one["recall@20"], one["ndcg@20"]] for name, one in alone["test"].items()]
    rows += [[f"item side: {name}", one["recall@20"], one["ndcg@20"]] for name, one in within["test"].items()]
    return {
        "place": 2.9,
        "title": "Texts of new items",
        "text": (
            "Which vectors tell who will like a MovieLens-1M film nobody has met, chosen on other cold films: by "
            "likeness to what a person met, and as a view of the item side of `meta`. "
            "[How it was chosen](notes/text-study.md)."
        ),
        "columns": ["use", "Recall@20", "nDCG@20"],
        "rows": rows,
        "digits": 3,
        "best": "high",
    }


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--dataset", default="ml-1m")
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2])
    parser.add_argument("--trials", type=int, default=TRIALS, help="settings that the item side tries")
    parser.add_argument(
        "--views", nargs="+", default=[], choices=list(VIEWS), help="only these, added to what is there"
    )
    parser.add_argument("--cold-only", action="store_true", help="of --views: leave out rankings of all items")
    parser.add_argument("--out", type=Path, default=None, help="folder of the results; default benchmarks/results")
    return parser


_ABOUT = (
    "Protocol ColdItem, every event a like: a fifth of the items has no event in training, half of them choose, half "
    "are the test; all users of all seeds are pooled. Choices are made by the mean of Recall@20 and nDCG@20 over 800 "
    "users a seed on validation items. Vectors are read once, SmolLM2's of all layers and poolings in one pass a "
    "sentence. 'As it comes': raw cosine to the mean of what was met. Ratios are of means over the same users, with "
    "95% intervals of a paired bootstrap over users."
)

if __name__ == "__main__":
    run(main)
