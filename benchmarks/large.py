"""What an answer over a large catalogue costs, all items scored or through the index; writes ``results/large.json``."""

import argparse
import json
import math
import os
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

import numpy as np
import numpy.typing as npt

from benchmarks.growth import TASTES, THREAD_LIMITS, world
from benchmarks.tables import rounded, run, write
from warmstart.core.histories import Floats, Histories
from warmstart.core.ranking import top_k
from warmstart.meta.maps import factored
from warmstart.meta.prior import Anchor, Prior
from warmstart.meta.recommender import MetaRecommender
from warmstart.representation.context import Context

MODELS = Path(__file__).parents[1] / "build" / "large"
USERS, PEOPLE, MOST_EVENTS, DEPTH = 100_000, 1_000, 20, 10
LENDERS, LENT = 5, 0.5
CASES = {"100000": "100,000", "1000000": "1,000,000", "1000000-filled": "1,000,000, all filled"}
BARS = {"exact, CPU ms at 100,000": 6.0, "recall@10": 0.95, "p99 ms": 25.0, "resident MB": 512.0, "load s": 5.0}


def main(arguments: list[str]) -> int:
    """Train what is not there yet, measure every case in a fresh process on one thread, and write the table."""
    asked = _parser().parse_args(arguments)
    if asked.task:
        print(json.dumps(_TASKS[asked.task](asked.case)))
        return 0
    found = {}
    for case in asked.cases:
        if not (MODELS / case).exists():
            _in_fresh_process("train", case)
        found[case] = _in_fresh_process("load", case) | _in_fresh_process("answer", case)
        print(case, found[case], flush=True)
    write("large", _content(found), asked.out)
    return 0


def train(case: str) -> dict[str, float]:
    """Train and keep a model; a filled one is the other with its unmet items filled."""
    number, _, kind = case.partition("-")
    if not kind:
        start = time.perf_counter()
        MetaRecommender().fit(world(USERS, int(number))).save(MODELS / case)
        return {"training, wall s": time.perf_counter() - start}
    if not (MODELS / number).exists():
        train(number)
    model = MetaRecommender.load(MODELS / number)
    learned = replace(model.learned, prior=filled(model.learned.prior))
    MetaRecommender.of_learned(model.config, model.catalogue, learned).save(MODELS / case)
    return {}


def filled(prior: Prior, seed: int = 0) -> Prior:
    """Return the prior in which items that nobody met have half of what a few met ones of their taste have, mixed.

    That is what a model does whose items are described in words: unmet items borrow. So none is empty, and many of the
    best are ones that nobody met.
    """
    rng = np.random.default_rng(seed)
    met = prior.popularity > 0
    unmet = np.flatnonzero(~met)
    lenders = np.empty((LENDERS, len(unmet)), dtype=np.int64)
    for taste in range(TASTES):
        theirs, rows = np.flatnonzero(met & (np.arange(len(met)) % TASTES == taste)), unmet % TASTES == taste
        ranks = np.exp(rng.random((LENDERS, rows.sum())) * math.log(len(theirs))).astype(np.int64) - 1
        lenders[:, rows] = theirs[ranks]
    shares = (LENT * rng.dirichlet(np.ones(LENDERS), len(unmet)).T).astype(np.float32)

    def mixed(columns: Floats) -> Floats:
        whole = columns.copy()
        for row in whole.reshape(-1, len(met)):
            row[unmet] = sum(share * row[lender] for share, lender in zip(shares, lenders, strict=True))
        return whole

    def lent(anchor: Anchor) -> Anchor:
        events: Any = anchor.prior.events
        left = np.ascontiguousarray(mixed(np.ascontiguousarray(events.left.T)).T)
        kshot = replace(anchor.prior, constant=mixed(anchor.prior.constant), events=factored(left, mixed(events.right)))
        return replace(anchor, prior=kshot)

    tastes = None if prior.tastes is None else replace(prior.tastes, outputs=mixed(prior.tastes.outputs))
    few, many = lent(prior.few), lent(prior.many)
    return replace(prior, popularity=mixed(prior.popularity), few=few, many=many, tastes=tastes)


def people(n_items: int, seed: int = 1) -> list[Histories]:
    """Return new people of the world that was trained on, with 1 to ``MOST_EVENTS`` events."""
    rng = np.random.default_rng(seed)
    drawn = []
    for _ in range(PEOPLE):
        taste, wanted = int(rng.integers(TASTES)), int(rng.integers(1, MOST_EVENTS + 1))
        anywhere = _ranks(rng, n_items)
        own = np.minimum(_ranks(rng, math.ceil(n_items / TASTES)) * TASTES + taste, n_items - 1)
        events = np.where(rng.random(len(own)) < 0.5, own, anywhere)
        firsts = np.sort(np.unique(events, return_index=True)[1])[:wanted]
        drawn.append(Histories.of([events[firsts].tolist()]))
    return drawn


def load(case: str) -> dict[str, float]:
    """Return what a process that serves the model needs until its first answer, and memory then."""
    from warmstart.recommenders.table import load as load_model

    # what a server imports anyway is no part of the model's memory, but of the process's
    packages, start = _resident(), time.perf_counter()
    model = load_model(MODELS / case)
    loaded = time.perf_counter() - start
    memory = _resident()
    model.recommend([model.catalogue.item_ids[0]])
    first = time.perf_counter() - start
    return {
        "load s": loaded,
        "first answer s": first,
        "packages MB": packages,
        "loaded MB": memory,
        "peak MB": _status("VmHWM"),
    }


def answer(case: str) -> dict[str, float]:
    """Return what an answer costs and how many of the ten best the index finds."""
    from warmstart.meta.index import index_of, top_items

    model = MetaRecommender.load(MODELS / case)
    asked, nothing = people(len(model.catalogue)), Context()
    ids = model.catalogue.item_ids
    histories = [[ids[item] for item in one.items] for one in asked]
    for history in histories[:20]:
        model.recommend(history)
    found = _timed("exact", [partial(model.recommend, history, k=DEPTH) for history in histories])
    found["exact, resident MB"] = _resident()
    start, before = time.process_time(), _status("RssAnon")
    index = index_of(model)
    found |= {"build, CPU s": time.process_time() - start, "index MB": _status("RssAnon") - before}
    asks = [partial(top_items, model, one, nothing, DEPTH, one.items, 0) for one in asked]
    for ask in asks[:20]:
        ask()
    found |= _timed("indexed", asks)
    found["indexed, resident MB"] = _resident()
    best = [_exact(model, one) for one in asked]
    returned = [ask()[0] for ask in asks]
    recalls = [np.isin(mine, theirs).mean() for mine, theirs in zip(best, returned, strict=True)]
    of_head = [np.isin(mine, index.head).mean() for mine in best]
    return found | {"recall@10": _mean(recalls), "worst recall@10": min(recalls), "recall of the head": _mean(of_head)}


def _exact(model: MetaRecommender, one: Histories) -> npt.NDArray[np.int64]:
    scores = model.scores_of(one, Context())
    scores[one.items] = -np.inf
    return top_k(scores, DEPTH)


def _ranks(rng: np.random.Generator, n: int) -> npt.NDArray[np.int64]:
    """Draw more ranks below ``n`` than are needed, with probability falling as one over the rank."""
    return np.minimum(np.exp(rng.random(3 * MOST_EVENTS) * math.log(n + 1)).astype(np.int64) - 1, n - 1)


def _timed(name: str, calls: Sequence[Callable[[], Any]]) -> dict[str, float]:
    """Return mean, median and 99th percentile of each call's milliseconds, CPU and wall."""
    taken = []
    for call in calls:
        start = time.process_time(), time.perf_counter()
        call()
        taken.append((time.process_time() - start[0], time.perf_counter() - start[1]))
    found: dict[str, float] = {}
    for kind, times in zip(("CPU", "wall"), 1000 * np.array(taken).T, strict=True):
        found |= {f"{name}, {kind} ms": _mean(times)}
        found |= {f"{name}, {kind} ms, p{part}": float(np.percentile(times, part)) for part in (50, 99)}
    return found


def _mean(numbers: Any) -> float:
    return float(np.mean(numbers))


def _resident() -> float:
    return _status("VmRSS")


def _status(what: str) -> float:
    """Return one of the memory figures that Linux keeps of this process, in MB."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(float(line.split()[1]) / 1024 for line in lines if line.startswith(f"{what}:"))


_TASKS: dict[str, Callable[[str], dict[str, float]]] = {"train": train, "load": load, "answer": answer}


def _in_fresh_process(task: str, case: str) -> dict[str, float]:
    limited = os.environ | dict.fromkeys(THREAD_LIMITS, "1")
    command = [sys.executable, __file__, "--task", task, "--case", case]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True, env=limited)
    numbers = json.loads(done.stdout.splitlines()[-1])
    return {name: float(rounded(value) or 0) for name, value in numbers.items()}


def _content(found: dict[str, dict[str, float]]) -> dict[str, Any]:
    rows: list[list[Any]] = []
    for case, of in found.items():
        exact = [of["exact, CPU ms"], of["exact, CPU ms, p99"], None, of["load s"], of["exact, resident MB"]]
        indexed = [
            of["indexed, CPU ms"],
            of["indexed, CPU ms, p99"],
            of["recall@10"],
            None,
            of["indexed, resident MB"],
        ]
        rows += [[CASES[case], "all scored", *exact], [CASES[case], "index", *indexed]]
    text = (
        f"Ten items for new people with 1 to {MOST_EVENTS} events, after training on {USERS:,} synthetic users, one "
        "thread; resident is the process with its packages. In `all filled` every item that nobody met borrows from "
        "some that were, as described items do; otherwise most of a million were never met and are passed over."
    )
    columns = ["items", "how", "CPU ms", "CPU ms, p99", "recall@10", "load s", "resident MB"]
    part = {"place": 6.5, "title": "Large catalogues", "text": text, "columns": columns, "rows": rows, "digits": 3}
    return {"readme": [part], "users": USERS, "people": PEOPLE, "cases": found, "bars": BARS}


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cases", nargs="+", choices=CASES, default=list(CASES))
    parser.add_argument("--task", choices=_TASKS, default=None, help="do one thing here and print it as JSON")
    parser.add_argument("--case", choices=CASES, default=None, help="of --task")
    parser.add_argument("--out", type=Path, default=None, help="folder of the results; default benchmarks/results")
    return parser


if __name__ == "__main__":
    run(main)
