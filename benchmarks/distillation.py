"""Small students of large teachers: what they keep after k events, and cost; writes ``results/distillation.json``."""

import argparse
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

import numpy as np
import numpy.typing as npt

from benchmarks.cold_user_table import REVEAL, SHOTS, TITLES
from benchmarks.tables import rounded, run, write
from benchmarks.trials import Found, Room, measured
from warmstart.core.run import Run
from warmstart.core.threads import one_thread
from warmstart.data.builtin import load_dataset
from warmstart.evaluation.cost import Stopwatch
from warmstart.evaluation.panel import Panel, Split
from warmstart.evaluation.statistics import Measured, compare, estimate
from warmstart.meta.distillation.distil import distil
from warmstart.meta.distillation.ensemble import ensemble
from warmstart.recommenders.base import Recommender
from warmstart.recommenders.table import load, recommender
from warmstart.representation.context import Context

DATASETS = ("ml-1m", "ml-100k")
MEMBERS: dict[str, dict[str, Any]] = {
    "meta": {},
    "maml": {"dimension": 128},
    "attentive": {},
    "two_tower": {"epochs": 10},
    "user_knn": {},
    "ease": {"regularisation": 1000},
}
"""What the ensemble is made of: our best, learners, a network, neighbours and a linear autoencoder."""
TEACHERS = ("maml", "meta", "ensemble")
ROWS: dict[str, dict[str, Any]] = {
    "k-shot form": {},
    "prototypes of 32": {"into": "prototypes", "dimension": 32},
    "k-shot form, whole histories": {"lessons": "histories"},
    "k-shot form, vectors": {"lessons": "vectors", "rank": 64},
    "k-shot form, rank 64": {"rank": 64},
    "k-shot form, half the columns": {"columns": 0.5},
}
"""Students: what is distilled into, and how."""
UNTAUGHT: dict[str, tuple[str, dict[str, Any]]] = {
    "k-shot form, likes alone": ("student", {"lessons": "likes"}),
    "prototypes of 32, likes alone": ("prototypes", {"dimension": 32}),
}
"""The same without a teacher."""
SKIPPED = {
    "prototypes of 32": ("ensemble",),
    "k-shot form, whole histories": ("ensemble",),
    "k-shot form, vectors": ("meta", "ensemble"),
    "k-shot form, rank 64": ("maml", "ensemble"),
    "k-shot form, half the columns": ("maml", "ensemble"),
}
"""Teachers that a student is not measured with: they make no vectors, or it would say little new."""
PEOPLE, TURNS, EVENTS = 60, 7, 10


def main(arguments: list[str]) -> int:
    """Train and measure what is not known yet, then write what is kept and what it costs."""
    asked = _parser().parse_args(arguments)
    for name in () if asked.report else asked.datasets:
        data = load_dataset(name)
        for seed in asked.seeds:
            with one_thread():
                _Bench(Room(data, seed, 0)).fill(asked.only or [*ROWS, *UNTAUGHT])
    if not asked.no_report:
        write("distillation", _summary(asked.datasets, asked.seeds), asked.out)
    return 0


class _Bench:
    """One data set and seed: teachers are trained when the first student asks for them."""

    def __init__(self, room: Room) -> None:
        self.room, self.split = room, room.split("likes")
        self.trained: dict[str, Recommender] = {}

    def fill(self, rows: Sequence[str]) -> None:
        """Measure what is asked for and not known yet."""
        for teacher in TEACHERS:
            wanted = [row for row in ROWS if row in rows and teacher not in SKIPPED.get(row, ())]
            for row in wanted:
                if not self.room.known(_label(teacher, row)):
                    self._student(teacher, row)
        for row, (name, settings) in UNTAUGHT.items():
            if row in rows and not self.room.known(_label(row)):
                self._keep(_label(row), *self._fit(name, settings))

    def _teacher(self, name: str) -> Recommender:
        """Return a trained teacher, from its folder where it is there already."""
        if name not in self.trained:
            folder = self.room.file(_label(name)).with_suffix("")
            if not folder.exists():
                model, cpu = self._ensemble() if name == "ensemble" else self._fit(name, MEMBERS[name])
                self._keep(_label(name), model, cpu)
                model.save(folder)
            self.trained[name] = load(folder)
        return self.trained[name]

    def _ensemble(self) -> tuple[Recommender, float]:
        members, watch = [self._teacher(member) for member in MEMBERS], Stopwatch()
        assert self.split.validation is not None  # noqa: S101  the protocol always has some
        with watch.running():
            found = ensemble(members, self.split.validation, run=self.room.run)
        return found, watch.cpu + sum(self.room.known(_label(member))["cost"]["fit_cpu"] for member in MEMBERS)

    def _fit(self, name: str, settings: dict[str, Any]) -> tuple[Recommender, float]:
        watch = Stopwatch()
        with watch.running():
            model = recommender(name, **settings)
            model.fit(self.split.train, validation=self.split.validation, run=Run(seed=self.room.seed))
        return model, watch.cpu

    def _student(self, teacher: str, row: str) -> None:
        settings, watch, model = dict(ROWS[row]), Stopwatch(), self._teacher(teacher)
        if "columns" in settings:
            settings["columns"] = int(settings["columns"] * self.split.train.n_items)
        with watch.running():
            found = distil(
                model,
                self.split.train,
                validation=self.split.validation,
                run=Run(seed=self.room.seed),
                **settings,
            )
        self._keep(_label(teacher, row), found, watch.cpu, model)

    def _keep(self, label: str, model: Recommender, cpu: float, teacher: Recommender | None = None) -> None:
        single = measured(model, self.split.test)
        timed = adapting(model, self.split)
        cost: Found = {"fit_cpu": cpu, "bytes": size_of(model), "adapt_us": timed.tolist()}
        if teacher is not None:  # in the same minute, for a machine is not the same all day
            cost["teacher_us"] = adapting(teacher, self.split).tolist()
        found = {"label": label, "curves": {"likes": {"single": single}}, "cost": cost, "about": _about(model)}
        self.room.keep(label, found)
        curve = " ".join(f"{one['means']['ndcg@10']:.4f}" for one in single.values())
        print(
            f"{time.strftime('%H:%M:%S')} {self.room.data.name} {self.room.seed} {label}: {curve}  "
            f"{np.median(timed):.0f} us, {cpu:.0f} s",
            flush=True,
        )


def adapting(model: Recommender, split: Split) -> npt.NDArray[np.float64]:
    """Return the CPU microseconds from ten events to scores of all items, of each of some people: the least of turns.

    People come by turns, so that nothing of the one before is left in the caches.
    """
    panel: Panel = next(one for one in split.test if one.k == EVENTS)
    people = [panel.tasks.support[row] for row in range(min(PEOPLE, len(panel)))]
    context, taken = Context(), np.empty((TURNS, len(people)))
    for turn in range(TURNS):
        for place, history in enumerate(people):
            start = time.process_time_ns()
            model.scores_of(history, context)
            taken[turn, place] = (time.process_time_ns() - start) / 1000
    found: npt.NDArray[np.float64] = taken.min(axis=0)
    return found


def size_of(model: Recommender) -> int:
    """Return the bytes of a model's arrays."""
    return sum(array.nbytes for array in model.state()[1].values())


def _about(model: Recommender) -> dict[str, Any]:
    if (chosen := getattr(model, "chosen", None)) is not None:
        return {name: rounded(getattr(chosen, name)) for name in ("exponent", "ridge", "likes_share", "ndcg")}
    return {"weights": model.config.weights} if model.name == "hybrid" else {}  # type: ignore[attr-defined]


def _label(first: str, row: str | None = None) -> str:
    return f"distillation, {first}" + ("" if row is None else f", {row}")


def _summary(datasets: Sequence[str], seeds: Sequence[int]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    parts: list[dict[str, Any]] = []
    for place, name in enumerate(datasets):
        rooms = [Room(load_dataset(name), seed, 0) for seed in seeds]
        rows = [_row(rooms, teacher, row) for teacher in TEACHERS for row in (None, *ROWS)]
        rows += [_row(rooms, teacher, row, untaught=True) for teacher in TEACHERS for row in UNTAUGHT]
        known = [row for row in rows if row is not None]
        found[name] = {"seeds": list(seeds), "rows": known}
        parts += [_kept_part(1.6 + place / 100, name, known), _cost_part(1.6 + place / 100 + 0.005, name, known)]
    return {"readme": parts[1:2], "tables": parts, "about": _ABOUT, "data": found}


def _row(rooms: Sequence[Room], teacher: str, row: str | None, untaught: bool = False) -> dict[str, Any] | None:
    """Return one student beside its teacher (or the teacher alone) over the seeds it has; None where it has none."""
    label = _label(teacher) if row is None else _label(row) if untaught else _label(teacher, row)
    pairs = [(room.known(label), room.known(_label(teacher)), room.seed) for room in rooms]
    pairs = [pair for pair in pairs if all("curves" in one for one in pair[:2])]
    if not pairs:
        return None
    ours, theirs, seeds = (list(one) for one in zip(*pairs, strict=True))
    values, models = _values(ours), _values(theirs)
    cost = [one["cost"] for one in ours]
    adapt = np.concatenate([one["adapt_us"] for one in cost])
    both = zip(cost, theirs, strict=True)
    beside = np.concatenate([one.get("teacher_us", other["cost"]["adapt_us"]) for one, other in both])
    return {
        "teacher": teacher,
        "student": row,
        "k": {str(k): _numbers(values[k]) for k in SHOTS},
        "kept": {str(k): _ratio(values, models, (k,)) for k in SHOTS},
        "kept in the mean over k": _ratio(values, models, REVEAL),
        "adapt_us": _numbers(Measured(adapt), 2),
        "teacher_us": _numbers(Measured(beside), 2),
        "cheaper": _ratio({0: Measured(beside)}, {0: Measured(adapt)}, (0,)),
        "bytes": int(np.mean([one["bytes"] for one in cost])),
        "fit_cpu": rounded(float(np.mean([one["fit_cpu"] for one in cost])), 1),
        "seeds": seeds,
        "chosen": [one["about"] for one in ours],
    }


def _values(found: Sequence[Found]) -> dict[int, Measured]:
    curves = [one["curves"]["likes"]["single"] for one in found]
    return {k: Measured(np.concatenate([curve[str(k)]["users"] for curve in curves])) for k in SHOTS}


def _numbers(one: Measured, digits: int = 4) -> dict[str, float | int | None]:
    found = estimate([one])[0]
    return {"mean": rounded(found.mean, digits), "low": rounded(found.low, digits), "high": rounded(found.high, digits)}


def _ratio(ours: dict[int, Measured], theirs: dict[int, Measured], shots: Sequence[int]) -> dict[str, Any]:
    ratio = compare([ours[k] for k in shots], [theirs[k] for k in shots]).ratio
    return {"ratio": rounded(ratio.mean), "low": rounded(ratio.low), "high": rounded(ratio.high)}


def _kept_part(place: float, name: str, rows: Sequence[dict[str, Any]]) -> dict[str, Any]:
    table = [
        [row["teacher"], row["student"], str(len(row["seeds"])), *(row["kept"][str(k)]["ratio"] for k in SHOTS)]
        for row in rows
        if row["student"] is not None
    ]
    return {
        "place": place,
        "title": f"What students keep, {TITLES.get(name, name)}",
        "text": "nDCG@10 after k events over the teacher's, all items ranked, test users of all its seeds.",
        "columns": ["teacher", "student", "seeds", *(f"k={k}" for k in SHOTS)],
        "rows": table,
        "digits": 3,
    }


def _cost_part(place: float, name: str, rows: Sequence[dict[str, Any]]) -> dict[str, Any]:
    table = [
        [
            row["teacher"],
            row["student"] or "(the teacher)",
            row["kept in the mean over k"]["ratio"],
            f"{row['adapt_us']['mean']:,.0f}",
            "-" if row["student"] is None else f"{row['cheaper']['ratio']:.0f}",
            f"{row['bytes'] / 2**20:.1f}",
            f"{row['fit_cpu']:.0f}",
        ]
        for row in rows
    ]
    return {
        "place": place,
        "title": f"What students cost, {TITLES.get(name, name)}",
        "text": "CPU microseconds from ten events to scores of all items, one thread, teacher and student timed "
        "together; arrays in MB; training in CPU seconds, a student's without its teacher's.",
        "columns": ["teacher", "student", "kept, mean k≥1", "adapting µs", "times cheaper", "MB", "training s"],
        "rows": table,
        "digits": 3,
    }


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--datasets", nargs="+", default=list(DATASETS))
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2])
    parser.add_argument("--only", nargs="+", default=[], choices=[*ROWS, *UNTAUGHT], help="students to measure")
    parser.add_argument("--report", action="store_true", help="only write what was measured so far")
    parser.add_argument("--no-report", action="store_true", help="only measure")
    parser.add_argument("--out", type=Path, default=None, help="folder of the results; default benchmarks/results")
    return parser


_ABOUT = (
    "The protocol and the splits of cold_user.json. Teachers are trained on the training users and have their default "
    "settings (maml: dimension 128); the ensemble's weights, and each student's exponent, ridge and share of likes are "
    "chosen on validation users. Adapting is from ten events in internal form to scores of all items. Intervals are "
    "95% bootstrap intervals over the users of all seeds, paired where two rows are compared; of costs, over people."
)


if __name__ == "__main__":
    run(main)
