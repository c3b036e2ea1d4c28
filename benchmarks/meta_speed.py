"""How fast learners meta-train and adapt: all tasks at once beside a plain loop; writes ``results/meta_speed.json``."""

import argparse
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

import numpy as np
import torch

from benchmarks.plain_loop import loop_loss, loop_slopes
from benchmarks.tables import rounded, run, write
from warmstart.data.builtin import load_dataset
from warmstart.data.dataset import Dataset
from warmstart.meta.learners.gradient import MAML
from warmstart.meta.learners.learner import VectorLearner
from warmstart.meta.learners.reptile import Reptile
from warmstart.meta.learners.served import LearnerRecommender
from warmstart.meta.learners.task_set import Batch, TaskSet
from warmstart.meta.prior import Support
from warmstart.recommenders.table import RECOMMENDERS, recommender, recommender_class

TASKS = 256
"""Tasks of one outer step."""
PEOPLE = 10_000
SHOTS = 10
TIMES = 5
BAR, PEOPLE_BAR, CLOSED_BAR = 20, 1000, 100


def main(arguments: list[str]) -> int:
    """Measure every learner of the name table, then write the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--dataset", default="ml-1m")
    parser.add_argument("--out", type=Path, default=None, help="folder of the results; default benchmarks/results")
    asked = parser.parse_args(arguments)
    torch.set_num_threads(1)
    data = load_dataset(asked.dataset)
    served = [name for name in RECOMMENDERS if issubclass(recommender_class(name), LearnerRecommender)]
    # MeLU reads values and what describes items, and no likes: its steps are not of the same task
    rows = [_row(name, data) for name in served if isinstance(_learner(name), VectorLearner)]
    write("meta_speed", {"readme": [_part(rows)], "dataset": asked.dataset, "rows": rows}, asked.out)
    return 0


def _learner(name: str) -> object:
    served: Any = recommender(name)
    return served.learner


def _row(name: str, data: Dataset) -> dict[str, Any]:
    # a plain loop knows no rates that look at the task, so both run without; the start costs what the end does
    fixed = {"rates": "learned"} if "rates" in recommender_class(name).config_class.model_fields else {}
    fixed = {} if name == "reptile" else fixed
    served: Any = recommender(name, epochs=0, **fixed)
    learner, tasks = served.learner, TaskSet.of(data)
    prior = learner.fit(tasks)
    batch = tasks.draw(tasks.usable[:TASKS], np.random.default_rng(0))
    row: dict[str, Any] = {"learner": name} | _training(learner, prior, batch) | _adapting(learner, prior, data)
    print({key: value for key, value in row.items() if not isinstance(value, list)}, flush=True)
    return row


def _training(learner: VectorLearner, prior: dict[str, Any], batch: Batch) -> dict[str, Any]:
    free = _free(learner, prior)
    parts = (batch.shots.to(torch.from_numpy), torch.from_numpy(batch.query), torch.from_numpy(batch.seen))
    learner.step(free, *parts)
    slopes = {name: one.grad.clone() for name, one in free.items() if one.grad is not None}
    together = [_seconds(lambda: learner.step(_free(learner, prior), *parts)) for _ in range(TIMES)]
    found: dict[str, Any] = {"outer steps a CPU second": rounded(1 / float(np.median(together)), 2)}
    if not isinstance(learner, MAML):
        return found
    looped, kept = [], {}
    for _ in range(2):
        single = _free(learner, prior)
        looped.append(_seconds(lambda single=single: kept.update(_looped(learner, single, batch))))  # type: ignore[misc]
    apart = max(float((slopes[name] - one).abs().max()) for name, one in kept.items() if name in slopes)
    ratios = sorted(loop / one for loop in looped for one in together)
    return found | {
        "times a plain loop": rounded(float(np.median(ratios)), 1),
        "lowest, highest": [rounded(ratios[0], 1), rounded(ratios[-1], 1)],
        "largest difference of a gradient": float(f"{apart:.1e}"),
    }


def _looped(learner: MAML, prior: dict[str, Any], batch: Batch) -> dict[str, Any]:
    if isinstance(learner, Reptile):
        return loop_slopes(learner, prior, batch)
    loop_loss(learner, prior, batch).backward()
    return {name: one.grad for name, one in prior.items() if one.grad is not None}


def _adapting(learner: VectorLearner, prior: dict[str, Any], data: Dataset) -> dict[str, Any]:
    rng = np.random.default_rng(1)
    likes = np.bincount(data.histories.items, minlength=data.n_items)
    items = rng.choice(data.n_items, size=(PEOPLE, SHOTS), p=likes / likes.sum()).astype(np.int32)
    many = _support(items)
    batch = _seconds(lambda: learner.adapt(prior, many))
    singles = [_support(row[None]) for row in items[:200]]
    learner.adapt(prior, singles[0]).scores()
    adapted = [_seconds(lambda one=one: learner.adapt(prior, one)) for one in singles]  # type: ignore[misc]
    scored = [_seconds(lambda one=one: learner.adapt(prior, one).scores()) for one in singles]  # type: ignore[misc]
    return {
        "10,000 people in one batch, CPU s": rounded(batch, 2),
        "one person, CPU us": rounded(float(np.median(adapted)) * 1e6, 0),
        "one person and all scores, CPU us": rounded(float(np.median(scored)) * 1e6, 0),
    }


def _support(items: Any) -> Support:
    n, k = items.shape
    return Support(np.arange(n + 1) * k, items.ravel(), np.ones(n * k, np.float32))


def _free(learner: VectorLearner, prior: dict[str, Any]) -> dict[str, Any]:
    return {
        name: torch.tensor(one, requires_grad=one.dtype == np.float32 and name not in learner.fixed)
        for name, one in prior.items()
    }


def _seconds(work: Callable[[], Any]) -> float:
    start = time.process_time()
    work()
    return time.process_time() - start


def _part(rows: list[dict[str, Any]]) -> dict[str, Any]:
    columns = [
        "outer steps a CPU second",
        "times a plain loop",
        "one person, CPU us",
        "10,000 people in one batch, CPU s",
    ]
    return {
        "place": 9.4,
        "title": "Speed of learners, MovieLens-1M",
        "text": f"One thread. An outer step has {TASKS} tasks of 1 to 20 events, three inner steps and a loss over all "
        f"3,706 items; the plain loop takes the tasks one after the other with the same result. Adapting reads "
        f"{SHOTS} events.",
        "columns": ["learner", "outer steps a second", "times a plain loop", "one person, µs", "10,000 people, s"],
        "rows": [[row["learner"], *(row.get(column) for column in columns)] for row in rows],
        "digits": 1,
    }


if __name__ == "__main__":
    run(main)
