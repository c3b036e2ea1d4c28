"""Likes, values and what comes next, learned alone and together; writes ``results/multitask.json``."""

import argparse
import hashlib
import json
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

import numpy as np

from benchmarks import trials
from benchmarks.cold_user_table import TITLES
from benchmarks.multitask_ideas import IDEAS
from benchmarks.tables import rounded, run, write
from warmstart.core.histories import Floats, Histories
from warmstart.core.run import Run
from warmstart.data.builtin import load_dataset
from warmstart.data.dataset import Dataset
from warmstart.data.split import split_users
from warmstart.evaluation.cold_user import ColdUser
from warmstart.evaluation.cost import Stopwatch
from warmstart.evaluation.files import write_whole
from warmstart.evaluation.foretell import RatingMeasurer
from warmstart.evaluation.panel import Split
from warmstart.evaluation.protocol import Measurer
from warmstart.evaluation.rating import Rating
from warmstart.evaluation.statistics import Measured, compare, estimate
from warmstart.meta.learners.balance import BALANCES
from warmstart.meta.learners.lessons import Lessons
from warmstart.meta.learners.multitask import SHARED, MultiTask, MultiTaskConfig
from warmstart.meta.learners.multitask_served import TogetherRecommender
from warmstart.meta.learners.served import served
from warmstart.meta.learners.task_set import TaskSet
from warmstart.recommenders.base import Recommender
from warmstart.recommenders.popularity import Popularity
from warmstart.recommenders.table import recommender

DATASETS = ("ml-100k", "ml-1m")
SHOTS = (1, 5, 20)
MOST = max(SHOTS)
DEPTH = 20
ALONE = {"like": "likes alone", "rating": "values alone", "next": "next alone"}
SUM, FLOOR = "together, plain sum", "popularity; item mean + user bias"
ROWS: dict[str, dict[str, Any]] = {
    **{label: {"tasks": (task,)} for task, label in ALONE.items()},
    SUM: {"balance": "sum"},
    **{f"together, {balance}": {"balance": balance} for balance in BALANCES if balance != "sum"},
}
DEFAULT = f"together, {MultiTaskConfig().balance}"
HEADLINES = {"like": "ndcg@10", "rating": "mae", "next": "mrr"}
MEASURES = ("ndcg@10", "mae", "mse", f"recall@{DEPTH}", "mrr")
BATCHES = 20
Found = dict[str, Any]


@dataclass
class Room:
    """One data set split by one seed: all tasks are asked of the same test users, or validation users.

    Args:
        name: of the data set.
        seed: of the split and of fitting.
    """

    name: str
    seed: int
    data: Dataset = field(init=False)

    def __post_init__(self) -> None:
        self.data = load_dataset(self.name)

    @cached_property
    def likes(self) -> Split:
        """The protocol of cold users."""
        return ColdUser(seed=self.seed, shots=SHOTS).split(self.data)

    @cached_property
    def ratings(self) -> dict[int, Split]:
        """The protocol of ratings, by number of events revealed; the same users at each."""
        return {k: Rating(seed=self.seed, new=("user",), shots=(k,), least=MOST + 10).split(self.data) for k in SHOTS}

    def file(self, label: str) -> Path:
        """Return where the findings of one row are kept."""
        plain = "".join(letter if letter.isalnum() else "-" for letter in label.lower())
        return trials.CACHE / "multitask" / self.name / str(self.seed) / f"{plain}.json"

    def known(self, label: str) -> Found:
        """Return what was found before; empty where nothing was."""
        file = self.file(label)
        return dict(json.loads(file.read_text(encoding="utf-8"))) if file.exists() else {}

    def asked(self, model: Recommender | None, part: str) -> dict[str, list[float]]:
        """Return every measure of every user, as far as the model can be asked; None stands for the floors."""
        learned = MultiTask(model.config).learned(model.prior) if isinstance(model, TogetherRecommender) else ()
        ranker = Popularity().fit(self.likes.train) if model is None else model
        found: dict[str, Any] = {}
        if model is None or "like" in learned:
            found |= self._likes(ranker, part)
        if model is None or "rating" in learned:
            found |= self._ratings(model, part)
        if self.data.histories.times is not None and (model is None or "next" in learned):
            following = model.predict_next if isinstance(model, TogetherRecommender) else ranker.score
            found |= self._following(following, part)
        return {name: [round(float(one), 6) for one in values] for name, values in found.items()}

    def _likes(self, model: Recommender, part: str) -> dict[str, Any]:
        panels = self.likes.validate if part == "validation" else self.likes.test
        measure = Measurer(model, ("ndcg@10",))
        return {f"ndcg@10 {panel.k}": measure(panel, ("ndcg@10",))["ndcg@10"].values for panel in panels}

    def _ratings(self, model: Recommender | None, part: str) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for k, split in self.ratings.items():
            [panel] = split.validate if part == "validation" else split.test
            measured = RatingMeasurer(model, split, 5)(panel, ("mae", "mse"))
            found |= {f"{name} {k}": one.values for name, one in measured.items()}
        return found

    def _following(self, score: Callable[[Histories], Floats], part: str) -> dict[str, Any]:
        _, validation, test = split_users(self.data.n_users, self.seed)
        histories = self.data.histories[validation if part == "validation" else test]
        found: dict[str, Any] = {}
        some = histories[histories.lengths > MOST]
        place = np.arange(len(some.items)) - np.repeat(some.indptr[:-1], some.lengths)
        for k in SHOTS:
            shown, wanted = some.where(place < k), some.where(place == k).items
            scores = score(shown).astype(np.float64)
            scores[shown.rows, shown.items] = -np.inf
            own = scores[np.arange(len(some)), wanted][:, None]
            rank = 1 + (scores > own).sum(axis=1) + ((scores == own).sum(axis=1) - 1) / 2  # ties in the middle
            found |= {f"mrr {k}": 1 / rank, f"recall@{DEPTH} {k}": rank <= DEPTH}
        return found


def main(arguments: list[str]) -> int:
    """Fit and measure what is not known yet, then write the table of all rows that are whole."""
    asked = _parser().parse_args(arguments)
    for name in asked.datasets:
        for seed in asked.seeds:
            room = Room(name, seed)
            for label in [FLOOR, *(asked.only or ROWS), *(IDEAS if asked.ideas else ())]:
                start = time.perf_counter()
                if label != ALONE["next"] or room.data.histories.times is not None:
                    found = _measured(room, label)
                    part = found["validation" if label in IDEAS else "test"]
                    told = " ".join(f"{one} {_mean(part, one):.4f}" for one in _present(part))
                    print(f"{name} seed {seed} {label}: {told}  ({time.perf_counter() - start:.0f} s)", flush=True)
    if not asked.no_report:
        write("multitask", _summary(asked.datasets, asked.seeds), asked.out)
    return 0


def _measured(room: Room, label: str) -> Found:
    found = room.known(label)
    if found.get("code") == (code := _code_version()):
        return found
    model, fitting = None, Stopwatch()
    if label != FLOOR:
        with fitting.running():
            model = _made(label)
            model.fit(room.likes.train, validation=room.likes.validation, run=Run(seed=room.seed))
    found = {"label": label, "code": code, "fit_cpu": fitting.cpu}
    parts = ("validation",) if label in IDEAS else ("validation", "test")
    found |= {part: room.asked(model, part) for part in parts}
    if label == SUM and isinstance(model, TogetherRecommender):
        found["conflict"] = _conflict(model, room)
    room.file(label).parent.mkdir(parents=True, exist_ok=True)
    write_whole(room.file(label), json.dumps(found).encode())
    return found


def _made(label: str) -> Recommender:
    if label in ROWS:
        return recommender("multitask", **ROWS[label])
    kind, settings = IDEAS[label]
    return served(kind, TogetherRecommender)(**settings)


def _conflict(model: TogetherRecommender, room: Room) -> dict[str, Any]:
    """Return the cosines of the tasks' gradients by what they share, over batches, before and after training."""
    import torch

    learner = model.learner
    assert isinstance(learner, MultiTask)  # noqa: S101  narrows the type
    lessons = Lessons.over(TaskSet.of(room.likes.train))
    found: dict[str, Any] = {}
    priors = {"before": learner.start(lessons, Run(seed=room.seed)), "after": model.prior}
    for when, prior in priors.items():
        rng, cosines = np.random.default_rng(0), []
        for _ in range(BATCHES):
            batch = lessons.draw(rng.choice(lessons.usable, learner.config.batch), rng)
            weights = {name: torch.tensor(one, requires_grad=name in SHARED) for name, one in prior.items()}
            shots = batch.shots.to(torch.from_numpy)
            people = learner.together(weights, shots)
            told = type(batch)(shots, torch.from_numpy(batch.query), torch.from_numpy(batch.seen))
            losses, shared = learner.task_losses(people, told), [weights[one] for one in SHARED if one in weights]
            slopes = [torch.autograd.grad(loss, shared, retain_graph=True) for loss in losses.values()]
            rows = torch.stack([torch.cat([one.flatten() for one in slope]) for slope in slopes])
            rows = rows / rows.norm(dim=1, keepdim=True)
            cosines.append((rows @ rows.T).numpy())
        names, many = list(losses), np.stack(cosines)
        pairs = [(a, b) for a in range(len(names)) for b in range(a)]
        found[when] = {
            f"{names[b]}, {names[a]}": {
                "mean cosine": rounded(many[:, a, b].mean()),
                "share of batches in conflict": rounded((many[:, a, b] < 0).mean()),
            }
            for a, b in pairs
        }
    return found


def _code_version() -> str:
    """Return a fingerprint of the code that the rows run on."""
    folder, digest = trials.ROOT / "src" / "warmstart" / "meta" / "learners", hashlib.sha256()
    for module in ("balance", "lessons", "multitask", "multitask_served", "task_heads"):
        digest.update((folder / f"{module}.py").read_bytes())
    return digest.hexdigest()[:16]


def _present(part: Mapping[str, Any]) -> list[str]:
    return [name for name in MEASURES if f"{name} {SHOTS[0]}" in part]


def _mean(part: Mapping[str, Sequence[float]], name: str) -> float:
    return float(np.mean([np.nanmean(part[f"{name} {k}"]) for k in SHOTS]))


def _summary(datasets: Sequence[str], seeds: Sequence[int]) -> dict[str, Any]:
    kept = {name: _kept(name, seeds) for name in datasets}
    gains = {name: _gains(rows) for name, rows in kept.items()}
    shared = [label for label in ROWS if all(label in one for one in gains.values())]
    chosen = max(shared, key=lambda label: sum(one[label] for one in gains.values()))
    found: dict[str, Any] = {}
    parts = []
    for place, (name, rows) in enumerate(kept.items()):
        found[name] = {
            "seeds": list(seeds),
            "rows": {label: _numbers(by_seed) for label, by_seed in rows.items()},
            "comparisons": _comparisons(rows),
            "gain on validation users": {label: rounded(gain) for label, gain in gains[name].items()},
            "ideas on validation users": _ideas(rows, name, seeds),
            "gradients": [one["conflict"] for one in rows[SUM] if "conflict" in one],
        }
        parts.append(_part(1.64 + place / 100, name, found[name]["rows"], chosen))
    return {"readme": parts[:1], "tables": parts, "about": _ABOUT, "chosen": chosen, "default": DEFAULT, "data": found}


def _kept(name: str, seeds: Sequence[int]) -> dict[str, list[Found]]:
    rooms = [Room(name, seed) for seed in seeds]
    rows = {label: [one for room in rooms if (one := room.known(label))] for label in (FLOOR, *ROWS)}
    return {label: found for label, found in rows.items() if len(found) == len(seeds)}


def _gains(rows: Mapping[str, Sequence[Found]]) -> dict[str, float]:
    """Return how much better than alone each row is on validation users, the mean over tasks and seeds, less 1."""
    found = {}
    for label in rows:
        if not label.startswith("together"):
            continue
        ratios = []
        for task, measure in HEADLINES.items():
            if ALONE[task] not in rows:
                continue
            for ours, alone in zip(rows[label], rows[ALONE[task]], strict=True):
                ratio = _mean(ours["validation"], measure) / _mean(alone["validation"], measure)
                ratios.append(1 / ratio if task == "rating" else ratio)
        found[label] = float(np.mean(ratios)) - 1
    return found


def _points(by_seed: Sequence[Found], name: str) -> list[Measured]:
    """Return a measure at each k, users of all seeds one after the other."""
    return [Measured(np.concatenate([one["test"][f"{name} {k}"] for one in by_seed])) for k in SHOTS]


def _numbers(by_seed: Sequence[Found]) -> dict[str, Any]:
    found: dict[str, Any] = {"training CPU s": rounded(float(np.mean([one["fit_cpu"] for one in by_seed])), 1)}
    for name in _present(by_seed[0]["test"]):
        points = _points(by_seed, name)
        average = Measured(np.stack([one.values for one in points]).mean(axis=0))
        kinds = {**{str(k): one for k, one in zip(SHOTS, points, strict=True)}, "mean": average}
        label = "rmse" if name == "mse" else name
        found[label] = {k: _estimate(Measured(one.values, root=name == "mse")) for k, one in kinds.items()}
    return found


def _estimate(one: Measured) -> dict[str, Any]:
    found = estimate([one])[0]
    return {"mean": rounded(found.mean), "low": rounded(found.low), "high": rounded(found.high), "n": found.n}


def _comparisons(rows: Mapping[str, Sequence[Found]]) -> dict[str, Any]:
    """Compare each row of all tasks with each task alone, and balanced ones with the plain sum; paired."""
    found: dict[str, Any] = {}
    for label in (one for one in rows if one.startswith("together")):
        for task, measure in HEADLINES.items():
            for other in (ALONE[task], SUM):
                if other in rows and other != label and f"{measure} {SHOTS[0]}" in rows[other][0]["test"]:
                    gap = compare(_points(rows[label], measure), _points(rows[other], measure)).difference
                    numbers = {"difference": rounded(gap.mean), "low": rounded(gap.low), "high": rounded(gap.high)}
                    found.setdefault(f"{label} against {other}", {})[measure] = numbers
    return found


def _ideas(rows: Mapping[str, Sequence[Found]], name: str, seeds: Sequence[int]) -> dict[str, Any]:
    """Return the means of what else was tried, beside each task alone, the plain sum and the default."""
    beside = {label: rows[label] for label in (*ALONE.values(), SUM, DEFAULT) if label in rows}
    tried = {label: [one for seed in seeds if (one := Room(name, seed).known(label))] for label in IDEAS}
    kept = beside | {label: one for label, one in tried.items() if len(one) == len(seeds)}
    return {
        label: {
            measure: rounded(float(np.mean([_mean(one["validation"], measure) for one in by_seed])))
            for measure in _present(by_seed[0]["validation"])
        }
        for label, by_seed in kept.items()
    }


def _part(place: float, name: str, rows: Mapping[str, Any], chosen: str) -> dict[str, Any]:
    def cells(label: str, row: Mapping[str, Any]) -> list[Any]:
        def at(measure: str, k: str) -> Any:
            return row.get(measure, {}).get(k, {}).get("mean")

        marked = f"{label} (chosen)" if label == chosen else label
        return [
            marked,
            *(at("ndcg@10", k) for k in ("1", "5", "20", "mean")),
            *(at(measure, "mean") for measure in ("mae", "rmse", f"recall@{DEPTH}", "mrr")),
            "-" if label == FLOOR else f"{row['training CPU s']:.0f}",
        ]

    table = [cells(label, row) for label, row in rows.items()]
    timed = ", what comes next in time" if any(row[-2] is not None for row in table) else " (there are no times)"
    columns = ["nDCG k=1", "k=5", "k=20", "mean", "MAE", "RMSE", f"next R@{DEPTH}", "next MRR", "training s"]
    shown = [place for place in range(len(columns) + 1) if place == 0 or any(row[place] is not None for row in table)]
    return {
        "place": place,
        "title": f"Several tasks at once, {TITLES.get(name, name)}",
        "text": f"New users after 1, 5 and 20 events: nDCG@10 of likes, errors of values{timed}; means over k, "
        "three seeds. Chosen on validation users.",
        "columns": [["model", *columns][place] for place in shown],
        "rows": [[row[place] for place in shown] for row in table],
        "digits": 3,
    }


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--datasets", nargs="+", default=list(DATASETS))
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2])
    parser.add_argument("--only", nargs="+", default=[], choices=ROWS, help="rows to measure")
    parser.add_argument("--ideas", action="store_true", help="measure what else was tried, on validation users")
    parser.add_argument("--no-report", action="store_true", help="only measure")
    parser.add_argument("--out", type=Path, default=None, help="folder of the results; default benchmarks/results")
    return parser


_ABOUT = (
    "Users split 80/10/10 by seed; test users are new. Likes: the protocol of cold users. Values: the last 10 of "
    "users with 30 to 100 ratings, after the first k. Next: the event after the first k of users with more than 20, "
    "all items ranked but those shown. Each row is one learner with its defaults but for what its name says; alone it "
    "is trained for one task. Chosen is the way of balancing that on validation users gains most over each task alone, "
    "in the mean over tasks and data sets. Gradients: cosines between tasks by what they share, over 20 batches, "
    "before and after training with the plain sum."
)

if __name__ == "__main__":
    run(main)
