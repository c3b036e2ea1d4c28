"""Another catalogue: a prior learned elsewhere beside training on K users alone; writes ``results/transfer.json``."""

import argparse
import hashlib
import json
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks import trials as kept
from benchmarks.rows import Pool
from benchmarks.tables import rounded, run, write
from warmstart.core.run import Run
from warmstart.core.threads import one_thread
from warmstart.data.builtin import load_dataset
from warmstart.evaluation.evaluate import evaluate
from warmstart.evaluation.files import write_whole
from warmstart.evaluation.report import Report
from warmstart.evaluation.transfer import Transfer
from warmstart.meta.recommender import MetaRecommender

NAMES = {"ml-1m": "MovieLens-1M", "ml-100k": "MovieLens-100K", "movielens-small": "movielens-small"}
USERS = (0, 10, 100, 1000)
COMPETITORS = ("popularity", "item_knn", "ease")
ALONE, CARRIED = "meta", "carried over"
RESULTS = kept.ROOT / "benchmarks" / "results" / "transfer.json"
AT = 5
"""The number of events at which the bar stands."""
HEADLINE = "ndcg@10"


@dataclass(frozen=True)
class Journey:
    """From one data set to another.

    Args:
        source: what is learned from.
        target: what is met.
        same_titles: whether a title may stand in both.
    """

    source: str
    target: str
    same_titles: bool = True

    @property
    def label(self) -> str:
        """What the journey is called."""
        apart = "" if self.same_titles else ", no title in both"
        return f"{NAMES[self.source]} to {NAMES[self.target]}{apart}"


JOURNEYS = (
    Journey("ml-1m", "movielens-small"),
    Journey("movielens-small", "ml-1m"),
    Journey("ml-1m", "ml-100k"),
    Journey("ml-1m", "movielens-small", same_titles=False),
)


def main(arguments: list[str]) -> int:
    """Measure what was asked for and write the tables."""
    asked = _parser().parse_args(arguments)
    _code()
    found: dict[str, Any] = {}
    for journey in (JOURNEYS[place] for place in asked.journeys):
        pools = {}
        for users in asked.users:
            with one_thread():
                reports = [_report(journey, users, seed, asked.trials) for seed in asked.seeds]
            pools[users] = (Pool.of([reports]), reports)
        found[journey.label] = {str(users): _of(*pool) for users, pool in pools.items()}
    if not asked.no_report:
        found = _beside(found, asked)
        about = {"readme": [_part(found)], "about": _ABOUT, "seeds": asked.seeds, "trials": asked.trials}
        write("transfer", about | {"journeys": found}, asked.out)
    return 0


def _beside(found: dict[str, Any], asked: argparse.Namespace) -> dict[str, Any]:
    """Return the journeys beside those that the results file has already, of the same seeds and trials."""
    before = json.loads(RESULTS.read_text(encoding="utf-8")) if RESULTS.exists() else {}
    alike = (before.get("seeds"), before.get("trials")) == (asked.seeds, asked.trials)
    known = before["journeys"] | found if alike else found
    return {journey.label: known[journey.label] for journey in JOURNEYS if journey.label in known}


def _report(journey: Journey, users: int, seed: int, trials: int) -> Report:
    """Return all rows after so many users, from the file where they are known."""
    apart = "" if journey.same_titles else "-apart"
    name = f"{journey.source}-{journey.target}{apart}-{users}-{seed}-{trials}-{_code()}"
    file = kept.CACHE / "transfer" / f"{name}.json"
    if file.exists():
        return Report.from_json(file.read_text(encoding="utf-8"))
    start = time.perf_counter()
    protocol = Transfer(source=journey.source, users=users, same_titles=journey.same_titles, seed=seed)
    # nobody met leaves nothing to train on, and popularity stands for any order at random
    rows = {name: name for name in COMPETITORS[: 1 if not users else None]} | (
        {ALONE: MetaRecommender(values=False)} if users else {}
    )
    report = evaluate(rows, load_dataset(journey.target), protocol, trials=trials, oracle=False, run=Run(seed=seed))
    file.parent.mkdir(parents=True, exist_ok=True)
    write_whole(file, report.to_json(values=True).encode())
    curves = {row: [report.mean(row, shots=[k]) for k in protocol.shots] for row in report.models}
    for row, curve in curves.items():
        print(f"{name} {row}: {' '.join(f'{one:.4f}' for one in curve)}", flush=True)
    print(f"{name}: {time.perf_counter() - start:.0f} s", flush=True)
    return report


@lru_cache
def _code() -> str:
    """Return a fingerprint of the code that carries over, as it was when this process began."""
    meta = kept.ROOT / "src" / "warmstart" / "meta"
    files = [
        *sorted((meta / "transfer").glob("*.py")),
        *(meta / name for name in ("prior.py", "kshot.py", "tastes.py")),
    ]
    return hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest()[:12]


def _of(pool: Pool, reports: Sequence[Report]) -> dict[str, Any]:
    carried = next(row for row in pool.rows if row not in (*COMPETITORS, ALONE))
    labels = {row: CARRIED if row == carried else row for row in pool.rows}
    shots = sorted({k for k, measure in pool.rows[carried] if measure == HEADLINE})
    sizes = reports[0].shots
    found: dict[str, Any] = {labels[row]: {str(sizes[at]): _plain(pool, row, at) for at in shots} for row in pool.rows}
    against = [row for row in pool.rows if row != carried]
    versus = {
        labels[row]: {str(sizes[at]): pool.against(carried, row, (at, HEADLINE)) for at in shots} for row in against
    }
    split = reports[0].about["split"]
    return {"rows": found, "carried over against": versus, "split of the first seed": split}


def _plain(pool: Pool, row: str, at: int) -> float | None:
    return rounded(pool.mean(row, (at, HEADLINE)))


def _part(found: dict[str, Any]) -> dict[str, Any]:
    columns = ["from, to", "users met", "popularity", "item-kNN", "EASE", "these users alone", "carried over", "ratio"]
    rows = []
    for label, by_users in found.items():
        for users, one in by_users.items():
            ratio = one["carried over against"].get(ALONE)
            rows.append(
                [
                    label,
                    str(users),
                    *(one["rows"].get(row, {}).get(str(AT)) for row in (*COMPETITORS, ALONE, CARRIED)),
                    None if ratio is None else _ratio(ratio[str(AT)]["ratio"]),
                ]
            )
    text = (
        "A prior learned on one data set meets another, of disjoint ids, through titles and text, after K of its "
        f"users: nDCG@10 of other users after {AT} events, beside the same recommender and others trained on the K "
        "users alone (1000: all there are where there are fewer). The ratio is carried over to these users alone, "
        "paired, with its 95% interval."
    )
    return {"place": 9.2, "title": "Another catalogue", "text": text, "columns": columns, "rows": rows, "digits": 3}


def _ratio(one: dict[str, float]) -> str:
    return f"{one['mean']:.2f} ({one['low']:.2f} to {one['high']:.2f})"


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--journeys", nargs="+", type=int, default=list(range(len(JOURNEYS))), help="their places")
    parser.add_argument("--users", nargs="+", type=int, default=list(USERS))
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2])
    parser.add_argument("--trials", type=int, default=0, help="settings tried for every competitor")
    parser.add_argument("--no-report", action="store_true", help="only fill the cache")
    parser.add_argument("--out", type=Path, default=None, help="folder of the results; default benchmarks/results")
    return parser


_ABOUT = (
    "The new domain's users are split by seed: three tenths (at most 1,000) are tested, the same for every K; fifteen "
    "hundredths (at most 500) are for validation, and the first K of the rest are met. Rows but `carried over` learn "
    "from these K alone; `carried over` is the meta-learned recommender trained on the whole source and adapted by the "
    "K. Competitors have their own settings, for K users leave nobody to tune on. Source and target share no id. `no "
    "title in both`: a title and year that stands in both catalogues is taken out of one of them, by a seeded coin. "
    "With nobody met the other rows are any order at random."
)

if __name__ == "__main__":
    run(main)
