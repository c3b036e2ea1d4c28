"""New users: our model beside everybody else's after each of the first events; writes ``results/cold_user.json``."""

import argparse
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks.cold_user_table import summary
from benchmarks.competitors import Competitor, available
from benchmarks.tables import run, write
from benchmarks.trials import Room, measured_competitor, measured_ours
from warmstart.data.builtin import load_dataset

DATASETS = {"ml-1m": 10, "ml-100k": 10, "movielens-small": 10}
"""Data sets and how many settings are tried for every competitor on each."""
SLOW = {("movielens-small", "RecTools EASE")}
"""It inverts a general matrix over 9,742 items, two minutes a trial; its equation is that of our own row EASE."""
OURS = "meta"


def main(arguments: list[str]) -> int:
    """Tune, fit and measure what was asked for, then write the tables of all that is known."""
    asked = _parser().parse_args(arguments)
    for name in asked.datasets:
        data = load_dataset(name)
        for seed in asked.seeds:
            room = Room(data, seed, asked.trials or DATASETS.get(name, 10), asked.again)
            _fill(room, _chosen(room, asked), asked)
    if not asked.no_report:
        write("cold_user", summary(asked.datasets, asked.seeds), asked.out)
    return 0


def _fill(room: Room, competitors: list[Competitor], asked: argparse.Namespace) -> None:
    for competitor in competitors:
        start = time.perf_counter()
        found = measured_competitor(room, competitor)
        _say(room, competitor.label, found["curves"]["likes"]["single"], start)
    if OURS in asked.only or not asked.only:
        for label, attributes in ((OURS, False), (f"{OURS} + attributes", True)):
            if not attributes or room.data.users is not None:
                start = time.perf_counter()
                found = measured_ours(room, label, OURS, attributes)
                _say(room, label, found["curves"]["likes"]["single"], start)


def _say(room: Room, label: str, single: dict[str, dict[str, dict[str, float]]], start: float) -> None:
    curve = " ".join(f"{one['means']['ndcg@10']:.4f}" for one in single.values())
    print(f"{room.data.name} seed {room.seed} {label}: {curve}  ({time.perf_counter() - start:.0f} s)", flush=True)


def _chosen(room: Room, asked: argparse.Namespace) -> list[Competitor]:
    left_out = {label for name, label in SLOW if name == room.data.name}
    if room.data.histories.times is None:
        left_out.add("popularity, recent")
    wanted = [one for one in available() if not asked.only or one.label in asked.only or one.name in asked.only]
    return [one for one in wanted if one.label not in left_out]


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--datasets", nargs="+", default=list(DATASETS))
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2])
    parser.add_argument("--trials", type=int, default=0, help="settings tried for every competitor; 0: by data set")
    again = "measure with the settings that the committed results chose, instead of tuning anew"
    parser.add_argument("--again", action="store_true", help=again)
    parser.add_argument("--only", nargs="+", default=[], help="labels or names; meta for our own rows")
    parser.add_argument("--no-report", action="store_true", help="only fill the cache")
    parser.add_argument("--out", type=Path, default=None, help="folder of the results; default benchmarks/results")
    return parser


if __name__ == "__main__":
    run(main)
