"""What training and answering cost here, each in a fresh process; writes ``results/cost.json``."""

import argparse
import json
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

import numpy as np

from benchmarks.tables import rounded, run, write

TASKS = ("train", "answer", "import")
BARS = {
    "training, wall s": 60.0,
    "training, peak MB": 2048.0,
    "one event observed, CPU µs": 50.0,
    "one user adapted and ranked, CPU µs": 300.0,
    "import, CPU s": 0.3,
    "users scored per s": 10_000.0,
}
ROUNDS = 7


def main(arguments: list[str]) -> int:
    """Measure all in fresh processes and write the table; ``--task`` is one of those processes."""
    asked = _parser().parse_args(arguments)
    if asked.task:
        print(json.dumps(_TASKS[asked.task](asked.model, asked.dataset)))
        return 0
    found: dict[str, float] = {}
    for task in TASKS:
        found |= _in_fresh_process(task, asked)
        print(task, {name: rounded(value, 2) for name, value in found.items()}, flush=True)
    write("cost", _content(found, asked), asked.out)
    return 0


def train(name: str, dataset: str) -> dict[str, float]:
    """Return what fitting costs; the peak is that of the process, data and packages included."""
    from warmstart.data.builtin import load_dataset
    from warmstart.evaluation.cost import Stopwatch
    from warmstart.recommenders.table import recommender

    data, watch = load_dataset(dataset), Stopwatch()
    with watch.running():
        recommender(name).fit(data)
    return {"training, wall s": watch.wall, "training, CPU s": watch.cpu, "training, peak MB": watch.peak_mb}


def answer(name: str, dataset: str) -> dict[str, float]:
    """Return what answering costs, after training on four users of five; the others are asked for."""
    from warmstart.data.builtin import load_dataset
    from warmstart.evaluation.cold_user import ColdUser
    from warmstart.recommenders.table import recommender

    split = ColdUser(shots=(10,)).split(load_dataset(dataset))
    model = recommender(name).fit(split.train, validation=split.validation)
    support = split.test[0].tasks.support
    ids = model.catalogue.item_ids
    histories = [[(ids[i], float(v)) for i, v in zip(one.items, one.values, strict=True)] for one in _rows(support)]
    profiles = [model.profile(history[:-1]) for history in histories]
    for profile, history in zip(profiles, histories, strict=True):
        profile.observe(*history[-1]).recommend(k=10)

    def observe() -> None:
        for profile, history in zip(profiles, histories, strict=True):
            profile.observe(*history[-1])

    def adapt() -> None:
        for history in histories:
            model.recommend(history, k=10)

    many = support[np.resize(np.arange(len(support)), 10_000)]

    def score() -> None:
        for _ in model.iter_scores(many):
            pass

    n = len(histories)
    score()
    walls = [_wall(score) for _ in range(3)]
    return {
        "one event observed, CPU µs": _cpu(observe) / n * 1e6,
        "one user adapted and ranked, CPU µs": _cpu(adapt) / n * 1e6,
        "users scored per s": len(many) / min(walls),
        "items ranked": float(len(ids)),
    }


def importing(_name: str, _dataset: str) -> dict[str, float]:
    """Return the CPU seconds of ``import warmstart`` in a process that did nothing else, without Python's own start."""
    program = "import time; start = time.process_time(); import warmstart; print(time.process_time() - start)"
    taken = [subprocess.run([sys.executable, "-c", program], capture_output=True, check=True) for _ in range(ROUNDS)]
    return {"import, CPU s": min(float(one.stdout) for one in taken)}


_TASKS: dict[str, Callable[[str, str], dict[str, float]]] = {"train": train, "answer": answer, "import": importing}


def _rows(support: Any) -> list[Any]:
    return [support[row] for row in range(len(support))]


def _cpu(work: Callable[[], None]) -> float:
    """Return the CPU seconds of the fastest of several rounds."""
    taken = []
    for _ in range(ROUNDS):
        start = time.process_time()
        work()
        taken.append(time.process_time() - start)
    return min(taken)


def _wall(work: Callable[[], None]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def _in_fresh_process(task: str, asked: argparse.Namespace) -> dict[str, float]:
    command = [sys.executable, __file__, "--task", task, "--model", asked.model, "--dataset", asked.dataset]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    return dict(json.loads(done.stdout.splitlines()[-1]))


def _content(found: dict[str, float], asked: argparse.Namespace) -> dict[str, Any]:
    rows: list[list[Any]] = [[name, f"{found[name]:,.4g}", f"{bar:,.4g}"] for name, bar in BARS.items()]
    items = int(found["items ranked"])
    part = {
        "place": 4,
        "title": f"Cost, `{asked.model}` on {'MovieLens-1M' if asked.dataset == 'ml-1m' else asked.dataset}",
        "text": f"On two cores, {items:,} items; the bar for users scored is a floor, the others are ceilings.",
        "columns": ["what", "measured", "bar"],
        "rows": rows,
    }
    numbers = {name: rounded(value, 3) for name, value in found.items()}
    return {"readme": [part], "model": asked.model, "data": asked.dataset, "measured": numbers, "bars": BARS}


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--task", choices=TASKS, default=None, help="measure one thing here and print it as JSON")
    parser.add_argument("--model", default="meta", help="name of a recommender")
    parser.add_argument("--dataset", default="ml-1m")
    parser.add_argument("--out", type=Path, default=None, help="folder of the results; default benchmarks/results")
    return parser


if __name__ == "__main__":
    run(main)
