"""People keep coming: ways to bring a model up to date, period after period; writes ``results/continual.json``."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks.tables import rounded, run, write
from warmstart.core.threads import one_thread
from warmstart.data.builtin import load_dataset
from warmstart.data.dataset import Dataset
from warmstart.evaluation.continual import Continual, Course, Strategy
from warmstart.meta.recommender import MetaRecommender
from warmstart.meta.transfer.domains import stacked
from warmstart.recommenders.base import Recommender

DATA = "movielens-small"
WINDOW = 2
"""Periods of the newest window."""
FADING = 0.5
"""What earlier users count as, a share of their number, where they are to be forgotten."""


def main(arguments: list[str]) -> int:
    """Run every strategy with every seed and write the table."""
    asked = _parser().parse_args(arguments)
    data, courses = load_dataset(DATA), []
    for seed in asked.seeds:
        with one_thread():
            courses.append(Continual(seed=seed).measure(STRATEGIES, data))
        print(seed, {one.label: (rounded(one.forward), rounded(one.backward)) for one in courses[-1]}, flush=True)
    found = {label: _of([course[place] for course in courses]) for place, label in enumerate(STRATEGIES)}
    settings = Continual().model_dump(mode="json")
    whole = {"readme": [_part(found)], "about": _ABOUT, "seeds": asked.seeds, "settings": settings, "strategies": found}
    write("continual", whole, asked.out)
    return 0


def _fitted(data: Dataset) -> Recommender:
    # with the first meta-parameters, so that nothing but what is learned from makes a difference
    return MetaRecommender(tune=False, values=False, item_text=False).fit(data)


def _on_all(_: Recommender | None, seen: Sequence[Dataset]) -> Recommender:
    return _fitted(stacked(seen))


def _on_window(_: Recommender | None, seen: Sequence[Dataset]) -> Recommender:
    return _fitted(stacked(seen[-WINDOW:]))


def _on_newest(_: Recommender | None, seen: Sequence[Dataset]) -> Recommender:
    return _fitted(seen[-1])


def _once(last: Recommender | None, seen: Sequence[Dataset]) -> Recommender:
    return last or _fitted(seen[0])


def _updated(last: Recommender | None, seen: Sequence[Dataset]) -> Recommender:
    return _moved(last, seen, 1.0)


def _fading(last: Recommender | None, seen: Sequence[Dataset]) -> Recommender:
    return _moved(last, seen, FADING)


def _moved(last: Recommender | None, seen: Sequence[Dataset], share: float) -> Recommender:
    if not isinstance(last, MetaRecommender):
        return _fitted(seen[0])
    return last.update(seen[-1], earlier=share * sum(one.n_users for one in seen[:-1]))


STRATEGIES: dict[str, Strategy] = {
    "trained once": _once,
    "trained anew on the newest period": _on_newest,
    "trained anew on the newest two": _on_window,
    "trained anew on all": _on_all,
    "updated": _updated,
    "updated, earlier users count half": _fading,
}


def _of(courses: Sequence[Course]) -> dict[str, Any]:
    return {
        "forward": rounded(float(np.mean([one.forward for one in courses]))),
        "present": rounded(float(np.mean([one.present for one in courses]))),
        "backward": rounded(float(np.mean([one.backward for one in courses]))),
        "CPU seconds of the last update": rounded(float(np.mean([one.seconds[-1] for one in courses])), 2),
        "forward of each seed": [rounded(one.forward) for one in courses],
        "backward of each seed": [rounded(one.backward) for one in courses],
        "ahead": np.mean([one.ahead for one in courses], axis=0).round(4).tolist(),
    }


def _part(found: dict[str, Any]) -> dict[str, Any]:
    measures = ("forward", "present", "backward", "CPU seconds of the last update")
    rows = [[label, *(one[name] for name in measures)] for label, one in found.items()]
    text = (
        "The packaged sample's users in order of their first event, in six periods: nDCG@10 (mean over 1, 5 and 20 "
        "events) on the next period's users (forward), on users held out of the period just learned (present), and how "
        "much that has changed by the end for those of earlier periods (backward; below 0 is forgetting)."
    )
    columns = ["way", "forward", "present", "backward", "CPU s"]
    return {"place": 9.3, "title": "People keep coming", "text": text, "columns": columns, "rows": rows, "digits": 3}


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2])
    parser.add_argument("--out", type=Path, default=None, help="folder of the results; default benchmarks/results")
    return parser


_ABOUT = (
    "Users in order of their first event, in six periods of equally many; three tenths of each are never learned from. "
    "Seeds draw who is held out. Forward is measured on all users of the next period before any of them is learned "
    "from; the last update has none. `updated` is MetaRecommender.update with `earlier` the number of users learned "
    "from before, or half of it; it never sees an earlier period's events again. All have the first meta-parameters."
)

if __name__ == "__main__":
    run(main)
