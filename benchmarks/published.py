"""The published protocol for values of new users, twenty random splits; writes ``results/published.json``."""

import argparse
import hashlib
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

import numpy as np
import numpy.typing as npt
from scipy.stats import t as student_t

from benchmarks import trials
from benchmarks.published_blends import Found, Matrix, Pair, blends
from benchmarks.published_rows import als_ridge, genre_ridge, item_mean, ndcg
from benchmarks.tables import rounded, run, write
from warmstart.core.histories import Floats
from warmstart.core.run import Run
from warmstart.core.tasks import Tasks
from warmstart.core.threads import one_thread
from warmstart.data.builtin import load_dataset
from warmstart.data.dataset import Dataset
from warmstart.data.episodes import rating_tasks
from warmstart.data.split import split_users
from warmstart.meta.context import UserContext
from warmstart.meta.learners.melu_served import MeLURecommender
from warmstart.meta.recommender import MetaRecommender
from warmstart.meta.values import ValuePrior

LEAST, MOST, QUERY, SPLITS = 13, 100, 10, 20
KINDS = {"title": "ignore", "year": "numeric", "director": "categorical", "actors": "multi"}
"""What MeLU reads of an item beside its genres, as published."""
MELU = {"few": False, "inner_steps": 3, "inner_rate": 0.1, "epochs": 14, "dimension": 16}
"""Chosen on validation users of split 0."""
CODE = {
    "melu": ("meta/learners/melu.py", "meta/learners/value_tasks.py", "meta/learners/melu_served.py"),
    "meta": (
        "meta/values.py",
        "meta/value_belief.py",
        "meta/value_fit.py",
        "meta/value_factors.py",
        "meta/value_scale.py",
    ),
}


@dataclass(frozen=True)
class Split:
    """One random split of the users of the protocol.

    Args:
        seed: of the split, and of which of a user's events are asked for.
        train: users to learn from.
        others: the same and everybody outside the protocol.
        validation, test: the users that choose and that are measured.
        panels: their tasks, ten events each asked for.
    """

    seed: int
    train: Dataset
    others: Dataset
    validation: Dataset
    test: Dataset
    panels: tuple[Tasks, Tasks]

    @classmethod
    def of(cls, whole: Dataset, seed: int) -> "Split":
        """Split the users with 13 to 100 ratings 80/10/10; order in time does not count."""
        lengths = whole.histories.lengths
        within = np.flatnonzero((lengths >= LEAST) & (lengths <= MOST))
        train, validation, test = (within[part] for part in split_users(len(within), seed))
        asked = np.concatenate([validation, test])
        people = [whole.take_users(rows) for rows in (validation, test)]
        others = whole.take_users(np.setdiff1d(np.arange(whole.n_users), asked))
        tasks = [rating_tasks(one, None, seed, QUERY, LEAST, MOST) for one in people]
        return cls(seed, whole.take_users(train), others, people[0], people[1], (tasks[0], tasks[1]))

    @property
    def truth(self) -> tuple[Matrix, Matrix]:
        """The values of the validation and the test users' ten events, float64 [n, 10] each."""
        first, second = (one.query.values.astype(np.float64).reshape(-1, QUERY) for one in self.panels)
        return first, second

    def both(self, foretell: Callable[[Dataset, Tasks], Floats]) -> tuple[Matrix, Matrix]:
        """Return what is foretold of the validation and the test users' ten events."""
        return tuple(  # type: ignore[return-value]
            _asked(foretell(people, tasks), tasks)
            for people, tasks in zip((self.validation, self.test), self.panels, strict=True)
        )


def _asked(found: npt.NDArray[np.floating], tasks: Tasks) -> Matrix:
    query = tasks.query
    return found[query.rows, query.items].astype(np.float64).reshape(-1, QUERY)


def _melu(split: Split) -> Found:
    columns = [] if split.train.items is None else split.train.items.columns
    kinds = {name: kind for name, kind in KINDS.items() if name in columns}
    model = MeLURecommender(item_kinds=kinds, **MELU)
    model.fit(split.train, validation=split.validation, run=Run(seed=split.seed))
    return {"value": split.both(lambda people, tasks: model.predict_values(tasks.support, _attributes(people, tasks)))}


def _meta(split: Split) -> Found:
    model = MetaRecommender(tune=False).fit(split.train, validation=split.validation, run=Run(seed=split.seed))
    values = model.learned.values
    assert values is not None  # noqa: S101  narrows the type

    def score(people: Dataset, tasks: Tasks) -> Floats:
        found = model.score(tasks.support, users=_attributes(people, tasks))
        spread = found.std(axis=1, keepdims=True)
        return np.asarray((found - found.mean(axis=1, keepdims=True)) / np.where(spread > 0, spread, 1), np.float32)

    return _foretold(split, values, model.learned.attributes) | {"score": split.both(score)}


def _meta_others(split: Split) -> Found:
    """Learn from all other users; of the recommender only what foretells values is fitted."""
    context = UserContext.fit(split.others)
    return _foretold(split, ValuePrior.fit(split.others, split.validation, Run(seed=split.seed), context), context)


def _foretold(split: Split, values: ValuePrior, context: UserContext | None) -> Found:
    def told(people: Dataset, tasks: Tasks) -> Any:
        return None if context is None else context.centred(_attributes(people, tasks))

    return {
        "value": split.both(lambda people, tasks: values.predict(tasks.support, told(people, tasks))),
        "mean": split.both(lambda people, tasks: values.predict(tasks.support, told(people, tasks), point="mean")),
        "like": split.both(lambda people, tasks: values.probability_of_like(tasks.support, told(people, tasks))),
    }


def _attributes(people: Dataset, tasks: Tasks) -> Any:
    return None if people.users is None else people.take_users(tasks.users).users


FITS: dict[str, Callable[[Split], Found]] = {
    "item mean": item_mean,
    "genre ridge": genre_ridge,
    "ALS ridge": als_ridge,
    "meta": _meta,
    "meta, others": _meta_others,
    "melu": _melu,
}
"""What is fitted, once a split; rows read what each of them foretells."""
RANDOM, OURS, BEST = "random", "MetaRecommender", "MetaRecommender, best blend"
LABELS = {
    "item mean": "item mean",
    "genre ridge": "item mean + user bias + genre ridge",
    "ALS ridge": "ALS factors + ridge head",
    "melu": "MeLU",
    "meta": OURS,
    "meta, others": f"{OURS}, all other users",
}
BLENDED = {"meta": BEST, "meta, others": f"{BEST}, all other users"}
PREFIX = {"meta": "tried: ", "meta, others": "tried, all other users: "}


def known(split: Split, name: str, data: str) -> tuple[Found, float]:
    """Return what a fit foretells and its CPU seconds: from the cache, or worked out now."""
    file = trials.CACHE / "published" / data / f"{split.seed}" / f"{name.replace(', ', '-').replace(' ', '-')}.npz"
    code = _code(name)
    if file.is_file():
        kept = dict(np.load(file))
        if str(kept.pop("code")) == code:
            spent = float(kept.pop("seconds"))
            labels = {label.split("|")[0] for label in kept}
            return {label: (kept[f"{label}|0"], kept[f"{label}|1"]) for label in labels}, spent
    start = time.process_time()
    with one_thread():
        found = FITS[name](split)
    spent = time.process_time() - start
    file.parent.mkdir(parents=True, exist_ok=True)
    arrays: dict[str, Any] = {f"{label}|{side}": one for label, pair in found.items() for side, one in enumerate(pair)}
    np.savez_compressed(file, **arrays | {"code": np.array(code), "seconds": np.array(spent)})
    return found, spent


def _code(name: str) -> str:
    """Return a fingerprint of the code and the settings that a fit runs on."""
    kind = name.partition(",")[0]
    files = [trials.ROOT / "src" / "warmstart" / one for one in CODE.get(kind, ())]
    own = [Path(__file__).with_name("published_rows.py")] if kind not in CODE else []
    digest = hashlib.sha256(repr((KINDS, MELU) if kind == "melu" else kind).encode())
    for file in (*files, *own):
        digest.update(file.read_bytes())
    return digest.hexdigest()[:16]


def rows_of(split: Split, data: str, only: Sequence[str]) -> tuple[dict[str, dict[str, float]], dict[str, float]]:
    """Return the measures of every row on the test users of a split, and the CPU seconds of each fit."""
    fits, spent = {}, {}
    for name in only:
        fits[name], spent[name] = known(split, name, data)
    plain = {LABELS[name]: (found["value"], found.get("rank", found["value"])) for name, found in fits.items()}
    for name in ("meta", "meta, others"):
        if name in fits:
            plain[LABELS[name]] = (fits[name]["value"], fits[name]["like"])
            others: Found = {one: fits[one]["value"] for one in ("ALS ridge", "melu") if one in fits}
            tried = blends(fits[name], others, LABELS)
            best = max(tried, key=lambda label: float(ndcg(tried[label][0], split.truth[0]).mean()))
            plain[BLENDED[name]] = (fits[name]["value"], tried[best])
            plain |= {
                # ranks and chances are no values
                f"{PREFIX[name]}{label}": (pair if label == "the mean" else fits[name]["value"], pair)
                for label, pair in tried.items()
            }
    return {label: _measured(split, *pairs) for label, pairs in plain.items()}, spent


def _measured(split: Split, value: Pair, rank: Pair) -> dict[str, float]:
    """Return the measures on test users, and nDCG on validation users."""
    chosen, asked = split.truth
    return {
        "mae": float(np.abs(np.clip(value[1], 1, 5) - asked).mean()),
        "mae of whole stars": float(np.abs(np.clip(np.rint(value[1]), 1, 5) - asked).mean()),
        "ndcg@5": float(ndcg(rank[1], asked).mean()),
        "ndcg@5 of validation": float(ndcg(rank[0], chosen).mean()),
    }


def main(arguments: list[str]) -> int:
    """Measure what is not known yet and write the table."""
    asked = _parser().parse_args(arguments)
    whole = load_dataset(asked.dataset)
    whole = replace(whole, histories=replace(whole.histories, times=None))
    measured: list[dict[str, dict[str, float]]] = []
    seconds: list[dict[str, float]] = []
    for seed in range(asked.splits):
        start = time.perf_counter()
        fits = [name for name in asked.only if name != "melu" or seed < asked.melu_splits]
        rows, spent = rows_of(Split.of(whole, seed), whole.name, fits)
        measured.append(rows)
        seconds.append(spent)
        said = " ".join(f"{name} {one['ndcg@5']:.4f}" for name, one in rows.items() if not name.startswith("tried"))
        print(f"{whole.name} split {seed}: {said}  ({time.perf_counter() - start:.0f} s)", flush=True)
    if not asked.no_report:
        write("published", summary(measured, seconds, whole.name), asked.out)
    return 0


def summary(
    measured: Sequence[dict[str, dict[str, float]]], seconds: Sequence[dict[str, float]], data: str
) -> dict[str, Any]:
    """Return what the results file holds."""
    always = [label for label in measured[0] if all(label in one for one in measured)]
    best = max(always, key=lambda label: _mean(measured, label, "ndcg@5 of validation"))
    labels = [label for label in measured[0] if not label.startswith("tried")]
    rows = {label: _row(measured, label, best) for label in labels}
    rows = {RANDOM: {"mae": None, "mae of whole stars": None, "ndcg@5": {"mean": 0.5, "low": 0.5, "high": 0.5}}} | rows
    for fit, label in LABELS.items():
        if label in rows:
            rows[label]["CPU seconds"] = rounded(float(np.mean([one[fit] for one in seconds if fit in one])), 1)
    return {
        "readme": [_part(rows, data, len(measured))],
        "about": _ABOUT,
        "data": data,
        "splits": len(measured),
        "melu": MELU,
        "best on validation users": best,
        "rows": rows,
        "tried": {label: _row(measured, label, best) for label in measured[0] if label.startswith("tried")},
    }


def _row(measured: Sequence[dict[str, dict[str, float]]], label: str, best: str) -> dict[str, Any]:
    measured = [one for one in measured if label in one]
    found: dict[str, Any] = {name: _interval([one[label][name] for one in measured]) for name in measured[0][label]}
    found["splits"] = len(measured)
    against = [one[label]["ndcg@5"] - one[best]["ndcg@5"] for one in measured]
    return found | {"ndcg@5 less the best row's": _interval(against)}


def _mean(measured: Sequence[dict[str, dict[str, float]]], label: str, name: str) -> float:
    return float(np.mean([one[label][name] for one in measured]))


def _interval(values: Sequence[float]) -> dict[str, float | None]:
    """Return mean and 95% interval over splits."""
    n, mean = len(values), float(np.mean(values))
    half = float(student_t.ppf(0.975, n - 1) * np.std(values, ddof=1) / np.sqrt(n)) if n > 1 else 0.0
    return {"mean": rounded(mean), "low": rounded(mean - half), "high": rounded(mean + half)}


def _part(rows: dict[str, Any], data: str, splits: int) -> dict[str, Any]:
    name = "MovieLens-1M" if data == "ml-1m" else data

    def cell(row: dict[str, Any], measure: str) -> Any:
        found = row.get(measure)
        return found["mean"] if isinstance(found, dict) else found

    def spread(row: dict[str, Any], measure: str) -> str:
        found = row.get(measure)
        return f"{found['low']:.3f} to {found['high']:.3f}" if isinstance(found, dict) else "-"

    table = [
        [
            label if row.get("splits", splits) == splits else f"{label} ({row['splits']} splits)",
            cell(row, "mae"),
            cell(row, "mae of whole stars"),
            cell(row, "ndcg@5"),
            spread(row, "ndcg@5"),
            "-" if "CPU seconds" not in row else f"{row['CPU seconds']:.0f}",
        ]
        for label, row in rows.items()
    ]
    return {
        "place": 3.2,
        "title": f"The published protocol of new users, {name}",
        "text": f"{splits} random splits of users with 13 to 100 ratings; ten random ones asked for, the rest shown. "
        "nDCG@5 ranks a user's own ten, of which the five best rated are relevant: a coin gets .500. "
        "Published there: MeLU .504, MAMO .608, TaNP .615. Rows end in 'all other users' where people outside the "
        "protocol were learned from, too.",
        "columns": ["model", "MAE", "MAE, whole stars", "nDCG@5", "95% over splits", "training s"],
        "rows": table,
        "digits": 3,
    }


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--dataset", default="ml-1m")
    parser.add_argument("--splits", type=int, default=SPLITS, help="number of random splits")
    parser.add_argument("--melu-splits", type=int, default=SPLITS, help="splits on which MeLU, the slowest, is fitted")
    parser.add_argument("--only", nargs="+", default=list(FITS), choices=FITS, help="what is fitted")
    parser.add_argument("--no-report", action="store_true", help="only measure")
    parser.add_argument("--out", type=Path, default=None, help="folder of the results; default benchmarks/results")
    return parser


_ABOUT = (
    "Users with 13 to 100 ratings are split 80/10/10; ten random ratings of a user are asked for, the rest is shown. "
    "The measure is that of the published library: the five best rated of the ten are relevant, ties at the fifth "
    "shared, so that a random order has .5 exactly (.478 is one draw). Baselines choose their settings on validation "
    "users, once for MAE and once for nDCG@5; MetaRecommender foretells medians and is ranked by its chance "
    "of a like; the best blend is chosen on validation users of each split. Intervals are those of a mean over splits, "
    "whose test users overlap. MeLU reads genres, year, director and actors."
)


if __name__ == "__main__":
    run(main)
