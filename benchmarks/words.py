"""What the server's answers in words cost beside a list; writes ``results/words.json``."""

import argparse
import contextlib
import os
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))
# before anything starts threads: everything is measured on one
os.environ |= {"OMP_NUM_THREADS": "1"}

import numpy as np

from benchmarks.tables import rounded, run, write
from warmstart.data.builtin import load_dataset
from warmstart.evaluation.cost import Stopwatch
from warmstart.meta.recommender import MetaRecommender
from warmstart.serving.live import Live
from warmstart.serving.tenant import Tenant

FEW, MANY = (588, 364, 594), 300
"""What two people met: some items, and so many of the catalogue's first."""
SAID = "I like Musical and Animation."
ASKED = "space of the 1980s"


def main(arguments: list[str]) -> int:
    """Measure every answer in turn, again and again, and write the table."""
    asked = _parser().parse_args(arguments)
    model = MetaRecommender(tune=False, values=False).fit(load_dataset("movielens-small"))
    with (
        tempfile.TemporaryDirectory() as room,
        contextlib.closing(Live.open(model, f"sqlite:///{room}/shop.db")) as live,
    ):
        tenant = live.tenant()
        _meet(tenant, [str(item) for item in model.catalogue.item_ids[:MANY]])
        found = _measured(_answers(tenant), asked.times)
    rows = [[name, told["median"], told["low"], told["high"]] for name, told in found.items()]
    part = {
        "place": 4.2,
        "title": "What the server says in words",
        "text": f"CPU ms an answer in the server's own process, movielens-small, {asked.times} rounds: the median, and "
        "the tenth and ninetieth percentiles.",
        "columns": ["answer", "median", "10%", "90%"],
        "rows": rows,
        "digits": 2,
    }
    write("words", {"readme": [part], "rounds": asked.times, "answers": found}, asked.out)
    return 0


def _meet(tenant: Tenant, many: list[str]) -> None:
    tenant.record([{"user_id": "ann", "item_id": item} for item in FEW])
    tenant.record([{"user_id": "big", "item_id": item, "event_id": f"b{item}"} for item in many])
    tenant.describe("bob", {"text": SAID})


def _answers(tenant: Tenant) -> dict[str, Callable[[], Any]]:
    return {
        "a list of ten": lambda: tenant.recommend("ann", n=10),
        "a list, of a kept sentence": lambda: tenant.recommend("bob", n=10),
        "a description": lambda: tenant.description(260),
        "a taste": lambda: tenant.taste("ann"),
        "a search": lambda: tenant.search(ASKED, "ann"),
        "a search of 200 letters": lambda: tenant.search((f"{ASKED} and more " * 10)[:200], "ann"),
        "an explanation": lambda: tenant.explain("ann", 1022),
        "an explanation in words": lambda: tenant.explain("ann", 1022, "en"),
        "a list in words, 3 events": lambda: tenant.recommend("ann", n=10, language="en"),
        "a list in words, 300 events": lambda: tenant.recommend("big", n=10, language="en"),
    }


def _measured(answers: dict[str, Callable[[], Any]], times: int) -> dict[str, dict[str, float | None]]:
    """Return CPU milliseconds of each answer; they take turns, so that a busy machine is busy for all."""
    spent: dict[str, list[float]] = {name: [] for name in answers}
    for turn in range(times + 1):
        for name, answer in answers.items():
            watch = Stopwatch()
            with watch.running():
                answer()
            if turn:  # the first time something is read that then stays
                spent[name].append(1000 * watch.cpu)
    ends = {name: np.percentile(each, (50, 10, 90)).tolist() for name, each in spent.items()}
    return {name: dict(zip(("median", "low", "high"), map(rounded, each), strict=True)) for name, each in ends.items()}


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--times", type=int, default=30, help="rounds")
    parser.add_argument("--out", type=Path, default=None, help="folder of the results; default benchmarks/results")
    return parser


if __name__ == "__main__":
    run(main)
