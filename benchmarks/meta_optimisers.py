"""Six meta-optimisers at equal task evaluations, on the prior's blend and on a mixed space; writes ``results/``."""

import argparse
import json
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

import numpy as np

from benchmarks.tables import RESULTS, rounded, run, write
from warmstart.core.run import Run
from warmstart.core.threads import one_thread
from warmstart.data.builtin import load_dataset
from warmstart.data.dataset import Dataset
from warmstart.data.episodes import cold_user_tasks
from warmstart.data.split import split_users
from warmstart.meta.optimisers.blend import BlendProblem
from warmstart.meta.optimisers.learner import LearnerProblem
from warmstart.meta.optimisers.optimiser import OPTIMISERS
from warmstart.meta.optimisers.problem import Differentiable, Problem, mean_quality
from warmstart.meta.optimisers.space import Settings
from warmstart.meta.optimisers.study import Study, optimise
from warmstart.recommenders.table import recommender

POINTS = 20
"""Places on a curve, evenly over the budget."""
BAR = 0.98
"""Share of the best quality found by any of them, which each is to reach."""
SHOTS = (1, 3, 8, 20)
ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "meta-optimisers.md"


@dataclass(frozen=True)
class Case:
    """One problem: its name, how it is made for judges, and how many settings the budget is worth.

    Args:
        label: what it is called.
        data: name of the data set.
        make: the problem from the data, the rows to learn from, the rows that judge, and the seed.
        settings: tried on all tasks by who judges every setting on all.
    """

    label: str
    data: str
    make: Callable[[Dataset, Any, Any, int], Problem]
    settings: int


def blend(data: Dataset, train: Any, judges: Any, seed: int) -> Problem:
    """Return the blend of the prior learned from ``train``, judged by ``judges``."""
    return BlendProblem.of(data.take_users(train), data.take_users(judges), run=Run(seed=seed))


def user_knn(data: Dataset, train: Any, judges: Any, seed: int) -> Problem:
    """Return all settings of user-kNN: three choices and three real numbers."""
    tasks = cold_user_tasks(data, judges, SHOTS, "likes", 20, seed)
    return LearnerProblem(recommender("user_knn"), data.take_users(train), tasks, run=Run(seed=seed))


CASES: Mapping[str, Case] = {
    "blend, ml-1m": Case("blend, MovieLens-1M", "ml-1m", blend, 200),
    "blend, movielens-small": Case("blend, MovieLens small", "movielens-small", blend, 200),
    "user-kNN, movielens-small": Case("user-kNN, MovieLens small", "movielens-small", user_knn, 100),
}


def main(arguments: list[str]) -> int:
    """Run every optimiser on every problem that was asked for, and write the tables."""
    asked = parser_of(str(__doc__)).parse_args(arguments)
    if asked.docs:
        PAGE.write_text(filled(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
        return 0
    with one_thread():
        found = {name: measured(CASES[name], asked) for name in asked.cases}
    parts = {"readme": [_part(found)], "about": _ABOUT, "seeds": asked.seeds, "bar": BAR, "problems": found}
    write("meta_optimisers", parts, asked.out)
    return 0


def measured(case: Case, asked: argparse.Namespace) -> dict[str, Any]:
    """Return what every optimiser found on one problem, and how it stands to the best of any."""
    data = load_dataset(case.data)
    runs: dict[str, list[dict[str, Any]]] = {}
    facts: dict[str, list[float]] = {"start": [], "start, test": [], "tasks": []}
    for seed in asked.seeds:
        train, validation, test = split_users(data.n_users, seed)
        problem, held_out = (case.make(data, train, judges, seed) for judges in (validation, test))
        start = problem.space.start
        facts["tasks"].append(len(problem.weights))
        facts["start"].append(_quality(problem, start))
        facts["start, test"].append(_quality(held_out, start))
        budget = (asked.settings or case.settings) * len(problem.weights)
        for name in OPTIMISERS:
            if name == "adam" and not isinstance(problem, Differentiable):
                continue
            # a recommender that was fitted for one optimiser is fitted again for the next
            fresh = case.make(data, train, validation, seed) if isinstance(problem, LearnerProblem) else problem
            runs.setdefault(name, []).append(_of_study(fresh, held_out, name, budget, seed))
            one = runs[name][-1]
            print(case.label, "seed", seed, name, {key: one[key] for key in ("validation", "test", "cpu")}, flush=True)
    return {
        "label": case.label,
        "settings": asked.settings or case.settings,
        "tasks": facts["tasks"],
        "start": {"validation": _mean(facts["start"]), "test": _mean(facts["start, test"])},
        "optimisers": {name: _together(name, runs, facts["start"]) for name in runs},
    }


def _of_study(problem: Problem, held_out: Problem, name: str, budget: int, seed: int) -> dict[str, Any]:
    begin = time.process_time()
    study = optimise(problem, name, budget, Run(seed=seed))
    cpu = time.process_time() - begin
    return {
        "validation": rounded(study.best.quality),
        "test": rounded(_quality(held_out, study.best.settings)),
        "cpu": rounded(cpu, 1),
        "trials": len(study.trials),
        "spent": study.spent,
        "curve": _curve(study),
        "best": {key: rounded(value) if isinstance(value, float) else value for key, value in _best(study).items()},
    }


def _best(study: Study) -> Settings:
    return study.best.settings


def _curve(study: Study) -> list[float | None]:
    """Return the best quality after each twentieth of the budget; None before the first."""
    places = [study.budget * point // POINTS for point in range(1, POINTS + 1)]
    found = [study.best_after(place) for place in places]
    return [rounded(value) if np.isfinite(value) else None for value in found]


def _quality(problem: Problem, settings: Settings) -> float:
    return mean_quality(problem.evaluate(settings, np.arange(len(problem.weights))), problem.weights)


def _together(name: str, runs: Mapping[str, Sequence[Mapping[str, Any]]], starts: Sequence[float]) -> dict[str, Any]:
    mine = runs[name]
    best = [max(one[place]["validation"] for one in runs.values()) for place in range(len(mine))]
    shares = [one["validation"] / top for one, top in zip(mine, best, strict=True)]
    gains = [(one["validation"] - low) / (top - low) for one, top, low in zip(mine, best, starts, strict=True)]
    curves = [one["curve"] for one in mine]
    return {
        "validation": _mean([one["validation"] for one in mine]),
        "share of the best": _mean(shares),
        "least share": rounded(min(shares)),
        "share of the gain": _mean(gains),
        "test": _mean([one["test"] for one in mine]),
        "cpu": _mean([one["cpu"] for one in mine], 1),
        "trials": _mean([one["trials"] for one in mine], 1),
        "reaches the bar": min(shares) >= BAR,
        "curve": [_mean([one[place] for one in curves]) for place in range(POINTS)],
        "seeds": list(mine),
    }


def _mean(values: Sequence[float | None], digits: int = 4) -> float | None:
    known = [value for value in values if value is not None]
    return rounded(float(np.mean(known)), digits) if len(known) == len(values) else None


def _part(found: Mapping[str, Any]) -> dict[str, Any]:
    columns = ["meta-optimiser"]
    for one in found.values():
        columns += [f"{one['label']}: validation", "test", "CPU s"]
    rows: list[list[Any]] = [["the start", *(cell for one in found.values() for cell in _of_start(one))]]
    rows += [[name, *(cell for one in found.values() for cell in _cells(one, name))] for name in OPTIMISERS]
    text = (
        "nDCG@10 of the best settings that each found within the same number of task evaluations (one setting judged "
        "by one person after one number of events), on the people it was chosen by and, once, on others; mean of "
        f"{len(next(iter(found.values()))['tasks'])} seeds. Most of a blend's quality is in the prior, so all stand "
        "close together. Gradients need a smooth loss, which user-kNN has not."
    )
    return {"place": 9.0, "title": "Meta-optimisers", "text": text, "columns": columns, "rows": rows, "digits": 4}


def _of_start(one: Mapping[str, Any]) -> list[Any]:
    return [one["start"]["validation"], one["start"]["test"], None]


def _cells(one: Mapping[str, Any], name: str) -> list[Any]:
    found = one["optimisers"].get(name)
    return [None] * 3 if found is None else [found["validation"], found["test"], f"{found['cpu']:.1f}"]


def filled(page: str, folder: Path = RESULTS) -> str:
    """Return the docs page with all tables between their markers, from the committed results."""
    found = json.loads((folder / "meta_optimisers.json").read_text(encoding="utf-8"))["problems"]
    tables = {"all": shares_table(found)} | {name: doc_table(found, name) for name in OPTIMISERS}
    for name, table in tables.items():
        begin, end = f"<!-- {name}: begin -->", f"<!-- {name}: end -->"
        before, _, rest = page.partition(begin)
        _, _, after = rest.partition(end)
        page = f"{before}{begin}\n\n{table}\n\n{end}{after}"
    return page


def shares_table(found: Mapping[str, Any]) -> str:
    """Return the least share of the best over the seeds, and the CPU seconds, one row an optimiser."""
    heads = [f"{one['label']}: least share of the best | CPU s" for one in found.values()]
    lines = [f"| | {' | '.join(heads)} |", "|---" * (2 * len(heads) + 1) + "|"]
    for name in OPTIMISERS:
        rows = [one["optimisers"].get(name) for one in found.values()]
        cells = ["cannot | -" if row is None else f"{row['least share']:.1%} | {row['cpu']:.1f}" for row in rows]
        lines.append(f"| `{name}` | {' | '.join(cells)} |")
    return "\n".join(lines)


def doc_table(found: Mapping[str, Any], name: str) -> str:
    """Return the rows of one optimiser, one a problem."""
    heads = ("problem", "start", "5%", "25%", "50%", "all of the budget", "share of the best", "of the gain", "CPU s")
    lines = ["| " + " | ".join((*heads[:-1], "test (the start)", heads[-1])) + " |", "|---" * (len(heads) + 1) + "|"]
    for one in found.values():
        mine = one["optimisers"].get(name)
        if mine is None:
            lines.append(f"| {one['label']} | {one['start']['validation']:.4f} | cannot |" + " |" * (len(heads) - 2))
            continue
        curve = [mine["curve"][point * POINTS // 100 - 1] for point in (5, 25, 50, 100)]
        shares = f"{mine['share of the best']:.1%} | {mine['share of the gain']:.0%}"
        shares += f" | {mine['test']:.4f} ({one['start']['test']:.4f})"
        shown = " | ".join("-" if value is None else f"{value:.4f}" for value in curve)
        lines.append(f"| {one['label']} | {one['start']['validation']:.4f} | {shown} | {shares} | {mine['cpu']:.1f} |")
    return "\n".join(lines)


def parser_of(about: str) -> argparse.ArgumentParser:
    """Return what reads problems, seeds and where results go."""
    parser = argparse.ArgumentParser(description=about)
    parser.add_argument("--cases", nargs="+", default=list(CASES), choices=list(CASES))
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2])
    parser.add_argument("--settings", type=int, default=0, help="what the budget is worth; 0: by problem")
    parser.add_argument("--docs", action="store_true", help="only write the committed results into the docs page")
    parser.add_argument("--out", type=Path, default=None, help="folder of the results; default benchmarks/results")
    return parser


_ABOUT = (
    "Users split 80/10/10 by seed. A study's tasks are validation users after 1, 3, 8 and 20 likes (the blend also "
    "after 3 and 12 events of any value); it knows nothing else. `validation` is nDCG@10 there, every number of events "
    "counting alike; `test` that of the best settings on test users, asked once at the end. `share of the best` is by "
    "what any optimiser found with the same seed, `share of the gain` the same less the start. A curve has the best "
    "so far after each twentieth of the budget, judged on all tasks; what an optimiser judges on some tasks only, or "
    "by the smooth loss, is paid for and does not count as found. One thread; CPU seconds include the judging."
)

if __name__ == "__main__":
    run(main)
