"""All learners beside the other recommenders after a new user's first events; writes ``results/learners.json``."""

import argparse
import hashlib
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

import numpy as np

from benchmarks import trials
from benchmarks.cold_user_table import REVEAL, SHOTS, TITLES, rows_of
from benchmarks.tables import rounded, run, write
from benchmarks.trials import Found, Room, measured
from warmstart.core.run import Run
from warmstart.data.builtin import load_dataset
from warmstart.evaluation.cost import Stopwatch, adapt_microseconds
from warmstart.evaluation.measure import fitness_of
from warmstart.evaluation.statistics import Measured, compare, estimate
from warmstart.recommenders.table import recommender

LEARNERS: dict[str, tuple[str, dict[str, Any]]] = {
    "r2d2": ("r2d2", {}),
    "prototypes": ("prototypes", {}),
    "maml": ("maml", {}),
    "maml, fixed rates": ("maml", {"rates": "fixed"}),
    "maml, learned rates": ("maml", {"rates": "learned"}),
    "fomaml": ("fomaml", {}),
    "anil": ("anil", {}),
    "meta_sgd": ("meta_sgd", {}),
    "reptile": ("reptile", {}),
    "cnp": ("cnp", {}),
    "attentive": ("attentive", {}),
    "multitask": ("multitask", {}),
    "melu": ("melu", {}),
}
"""Rows that are measured here: label, name and settings."""
OTHERS = ("meta", "popularity", "item-kNN", "user-kNN", "EASE", "hybrid", "content", "ALS")
"""Rows taken from the findings of ``benchmarks/cold_user.py`` on the same splits."""
NEURAL = ("embedding_mlp", "two_tower", "neural_cf", "gru", "lstm", "sasrec", "cross_attention", "text_cnn")
"""Rows taken from the same place, where ``benchmarks/neural.py`` has left them."""
DATASETS = ("ml-1m", "ml-100k")
SHARED = (
    *("either", "gate", "item_rows", "judges", "learner", "outer_loop"),
    *("pace", "served", "shots", "squared", "task_set"),
)
"""Modules that every learner runs on."""


def main(arguments: list[str]) -> int:
    """Fit and measure what is not known yet, then write the table of all that is, here and in the documentation."""
    asked = _parser().parse_args(arguments)
    for name in asked.datasets:
        data = load_dataset(name)
        for seed in asked.seeds:
            room = Room(data, seed, 0)
            for label in asked.only or LEARNERS:
                start = time.perf_counter()
                found = _measured(room, label)
                curve = " ".join(
                    f"{one['means']['ndcg@10']:.4f}" for one in found["curves"]["likes"]["single"].values()
                )
                print(f"{name} seed {seed} {label}: {curve}  ({time.perf_counter() - start:.0f} s)", flush=True)
    if not asked.no_report:
        write("learners", _summary(asked.datasets, asked.seeds), asked.out)
    return 0


def _measured(room: Room, label: str) -> Found:
    found, (name, settings) = room.known(label), LEARNERS[label]
    if found.get("code") == (code := _code_version(name)):
        return found
    split, fitting = room.split("likes"), Stopwatch()
    with fitting.running():
        model = recommender(name, **settings).fit(split.train, validation=split.validation, run=Run(seed=room.seed))
    single = measured(model, split.test)
    shown = split.test[-2].tasks.support  # ten events
    cost = {"fit_cpu": fitting.cpu, "fit_wall": fitting.wall, "adapt_us": adapt_microseconds(model, shown, sample=30)}
    curves = {"likes": {"settings": model.config.model_dump(mode="json"), "single": single}}
    about = {"gate": list(model.gate.openings), "validation": model.quality}  # type: ignore[attr-defined]
    found = {"label": label, "code": code, "curves": curves, "cost": cost, "about": about}
    room.keep(label, found)
    return found


def _code_version(name: str) -> str:
    """Return a fingerprint of the code that a learner runs on: what all share, and its own file."""
    folder, digest = trials.ROOT / "src" / "warmstart" / "meta" / "learners", hashlib.sha256()
    own = type(recommender(name).learner).__module__.rpartition(".")[2]  # type: ignore[attr-defined]
    for module in (*SHARED, own):
        digest.update((folder / f"{module}.py").read_bytes())
    return digest.hexdigest()[:16]


def _summary(datasets: Sequence[str], seeds: Sequence[int]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    parts = []
    for place, name in enumerate(datasets):
        kept = {label: one for label in (*OTHERS, *LEARNERS, *NEURAL) if (one := _kept(name, label, seeds))}
        rows = [row for row in rows_of(kept, "likes") if not row.oracle]
        popular = next(row for row in rows if row.label == "popularity")
        single = max((row for row in rows if row.label in OTHERS[1:]), key=lambda row: row.mean)
        described = [
            {
                "model": row.label,
                "k": {str(k): _numbers(row.values[k]) for k in SHOTS},
                "mean over k": rounded(row.mean),
                "against the best classical row": _ratio(row.values, single.values, REVEAL),
                "against popularity": {str(k): _ratio(row.values, popular.values, (k,)) for k in REVEAL},
                "fitness": {str(k): rounded(_fitness(row.values[k], popular.values[k])) for k in REVEAL},
                "cost": _costs(kept[row.label]),
                "seeds": [one.get("about", {}) for one in kept[row.label]],
            }
            for row in rows
        ]
        found[name] = {"seeds": list(seeds), "best classical row": single.label, "rows": described}
        parts.append(_part(1.5 + place / 10, name, described, len(popular.values[1].values)))
    return {"readme": parts[:1], "tables": parts, "about": _ABOUT, "data": found}


def _kept(name: str, label: str, seeds: Sequence[int]) -> list[Found]:
    rooms = [Room(load_dataset(name), seed, 0) for seed in seeds]
    kept = [one for room in rooms if "curves" in (one := room.known(label))]
    return kept if len(kept) == len(seeds) else []


def _numbers(one: Measured) -> dict[str, float | int | None]:
    found = estimate([one])[0]
    return {"mean": rounded(found.mean), "low": rounded(found.low), "high": rounded(found.high), "n": found.n}


def _ratio(ours: dict[int, Measured], theirs: dict[int, Measured], shots: Sequence[int]) -> dict[str, Any]:
    ratio = compare([ours[k] for k in shots], [theirs[k] for k in shots]).ratio
    return {"ratio": rounded(ratio.mean), "low": rounded(ratio.low), "high": rounded(ratio.high)}


def _fitness(ours: Measured, popular: Measured) -> float:
    """Return the loss (1 - nDCG) of all tasks over that of popularity."""
    return estimate([fitness_of(1 - ours.values, 1 - popular.values)])[0].mean


def _costs(kept: Sequence[Found]) -> dict[str, float | None]:
    return {name: rounded(float(np.mean([one["cost"][name] for one in kept])), 1) for name in ("fit_cpu", "adapt_us")}


def _part(place: float, name: str, rows: Sequence[dict[str, Any]], n: int) -> dict[str, Any]:
    table = [
        [
            row["model"],
            *(row["k"][str(k)]["mean"] for k in SHOTS),
            row["mean over k"],
            f"{row['cost']['fit_cpu']:.0f}",
            f"{row['cost']['adapt_us']:,.0f}",
        ]
        for row in rows
    ]
    return {
        "place": place,
        "title": f"All learners, {TITLES.get(name, name)}",
        "text": f"nDCG@10 after k events, all items ranked, {n} test users over the seeds; learners as they come. "
        "Training in CPU seconds, adapting to one person of ten events and scoring all items in microseconds.",
        "columns": ["model", *(f"k={k}" for k in SHOTS), "mean k≥1", "training s", "adapting µs"],
        "rows": table,
        "digits": 3,
        "best": "high",
    }


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--datasets", nargs="+", default=list(DATASETS))
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2])
    parser.add_argument("--only", nargs="+", default=[], choices=LEARNERS, help="rows to measure")
    parser.add_argument("--no-report", action="store_true", help="only measure")
    parser.add_argument("--out", type=Path, default=None, help="folder of the results; default benchmarks/results")
    return parser


_ABOUT = (
    "The protocol and the splits of cold_user.json. Learners have their default settings, chosen on validation users "
    "of other draws; neural recommenders the best of those that neural.json names, the classical rows of ten. Fitness "
    "is 1 - nDCG of all tasks over that of popularity; below 1 is better than popularity."
)


if __name__ == "__main__":
    run(main)
