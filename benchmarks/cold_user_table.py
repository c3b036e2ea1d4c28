"""The tables of the cold-user benchmark, from what the runs kept: users of all seeds pooled, comparisons paired."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from benchmarks import trials
from benchmarks.competitors import COMPETITORS
from benchmarks.tables import rounded
from benchmarks.trials import CURVES, HEADLINE, Found
from warmstart.evaluation.evaluate import ORACLE
from warmstart.evaluation.statistics import Comparison, Estimate, Measured, compare, estimate

SHOTS = (0, 1, 2, 3, 5, 10, 20)
REVEAL = SHOTS[1:]
OURS = ("meta", "meta + attributes")
TITLES = {"ml-1m": "MovieLens-1M", "ml-100k": "MovieLens-100K", "movielens-small": "MovieLens small"}
MIXED = ", events of any value shown"
MOST_OTHERS = 5
"""Competitors that the README shows where it does not show all; the results file has all."""
Values = dict[int, Measured]


@dataclass(frozen=True)
class Row:
    """One row: every user's headline by k, users of all seeds one after the other."""

    label: str
    values: Values
    oracle: bool = False

    @property
    def ours(self) -> bool:
        """Whether it is a row of our own model."""
        return self.label in OURS

    @property
    def mean(self) -> float:
        """The mean over the k that reveal events."""
        return float(np.mean([self.at(k) for k in REVEAL]))

    def at(self, k: int) -> float:
        """Return the mean at one k."""
        return float(np.nanmean(self.values[k].values))


def summary(datasets: Sequence[str], seeds: Sequence[int]) -> dict[str, Any]:
    """Return the content of the results file, from all findings on these data sets and seeds."""
    parts: list[dict[str, Any]] = []
    found: dict[str, Any] = {}
    for place, name in enumerate(datasets):
        kept = findings(name, seeds)
        if not kept:
            continue
        rows = {curve: rows_of(kept, curve) for curve in CURVES}
        curves = {curve: _curve(rows[curve]) for curve in CURVES}
        models = {label: _about(by_seed) for label, by_seed in kept.items()}
        partial = {label: len(one) for label, one in _kept(name, seeds).items() if len(one) < len(seeds)}
        found[name] = {"seeds": list(seeds), "models": models, "rows left out, seeds they have": partial} | curves
        parts.append(_part(1 + place / 10, name, rows["likes"], curves["likes"]))
        if name == "ml-1m":
            parts.append(_part(1 + place / 10 + 0.05, name, rows["events"], curves["events"], MIXED))
    return {"readme": parts, "headline": HEADLINE, "about": _ABOUT, "data": found}


def findings(name: str, seeds: Sequence[int]) -> dict[str, list[Found]]:
    """Return what is kept of every row that has all seeds, in the order of rows."""
    return {label: found for label, found in _kept(name, seeds).items() if len(found) == len(seeds)}


def _kept(name: str, seeds: Sequence[int]) -> dict[str, list[Found]]:
    labels = [*OURS, *(one.label for one in COMPETITORS)]
    kept: dict[str, list[Found]] = {}
    for file in sorted(trials.CACHE.glob(f"{name}/*/*.json")):
        one = json.loads(file.read_text(encoding="utf-8"))
        if int(file.parent.name) in seeds and "curves" in one:
            kept.setdefault(one["label"], []).append(one)
    return {label: kept[label] for label in labels if label in kept}


def rows_of(kept: Mapping[str, Sequence[Found]], curve: str) -> list[Row]:
    """Return the rows of a curve, after each competitor the one that was tuned at each k."""
    rows = []
    for label, by_seed in kept.items():
        curves = [one["curves"][curve] for one in by_seed]
        rows.append(Row(label, _pooled([one["single"] for one in curves])))
        if any(one.get("oracle") for one in curves):
            best = _pooled([one["single"] | one["oracle"] for one in curves])
            rows.append(Row(label + ORACLE, best, oracle=True))
    return rows


def _pooled(curves: Sequence[Found]) -> Values:
    return {k: Measured(np.concatenate([curve[str(k)]["users"] for curve in curves])) for k in SHOTS}


def _curve(rows: Sequence[Row]) -> dict[str, Any]:
    numbers = []
    for row in rows:
        average = Measured(np.stack([row.values[k].values for k in REVEAL]).mean(axis=0))
        points = estimate([*(row.values[k] for k in SHOTS), average])
        at = {str(k): _numbers(one) for k, one in zip(SHOTS, points, strict=False)}
        numbers.append({"model": row.label, "oracle": row.oracle, "k": at, "mean over k": _numbers(points[-1])})
    return {"rows": numbers, "comparisons": [_against(row, rows) for row in rows if row.ours]}


def _against(ours: Row, rows: Sequence[Row]) -> dict[str, Any]:
    """Compare with the best single competitor in the mean, with the best of all at each k, with popularity at none."""
    others = [row for row in rows if not row.ours]
    if not others:
        return {"model": ours.label}
    single = max((row for row in others if not row.oracle), key=lambda row: row.mean)
    best = {k: max(others, key=lambda row: row.at(k)) for k in REVEAL}
    found = {
        "model": ours.label,
        "best single competitor": single.label,
        "mean over k against it": _ratio(compare(_points(ours, REVEAL), _points(single, REVEAL))),
        "at each k against the best of all": {
            str(k): {"best": row.label} | _ratio(compare(_points(ours, [k]), _points(row, [k])))
            for k, row in best.items()
        },
    }
    popular = [row for row in others if row.label == "popularity"]
    if popular:
        found["no events against popularity"] = _ratio(compare(_points(ours, [0]), _points(popular[0], [0])))
    return found


def _points(row: Row, shots: Sequence[int]) -> list[Measured]:
    return [row.values[k] for k in shots]


def _numbers(one: Estimate) -> dict[str, float | int | None]:
    return {"mean": rounded(one.mean), "low": rounded(one.low), "high": rounded(one.high), "n": one.n}


def _ratio(one: Comparison) -> dict[str, Any]:
    return {"ratio": _numbers(one.ratio), "difference": _numbers(one.difference)}


def _about(by_seed: Sequence[Found]) -> dict[str, Any]:
    """Return settings, trials, cost and the other measures of one row, seed by seed."""
    first = by_seed[0]
    found: dict[str, Any] = {"note": first["note"]} if first.get("note") else {}
    found["seeds"] = [
        {
            "settings": {curve: one["curves"][curve]["settings"] for curve in CURVES},
            "settings at each k": one["curves"]["likes"].get("settings_at"),
            **one.get("tuned before", _tuning(one)),
            "cost": {name: rounded(value, 3) for name, value in one["cost"].items()},
            "measures": {
                k: {name: rounded(value) for name, value in point["means"].items()}
                for k, point in one["curves"]["likes"]["single"].items()
            },
        }
        for one in by_seed
    ]
    return found


def _tuning(one: Found) -> dict[str, Any]:
    trials = one.get("trials", ())
    return {"trials": len(trials), "tuning seconds": round(sum(trial["seconds"] for trial in trials), 1)}


def _part(place: float, name: str, rows: Sequence[Row], curve: Mapping[str, Any], ending: str = "") -> dict[str, Any]:
    shown = [row for row in rows if not row.oracle]
    if (name, ending) != ("ml-1m", ""):
        shown = _shortened(shown)
    table: list[list[Any]] = [[row.label, *(row.at(k) for k in SHOTS), row.mean] for row in shown]
    others = [row for row in rows if not row.ours]
    if others:
        envelope: list[float] = [max(row.at(k) for row in others) for k in SHOTS]
        table.append(["best competitor, tuned at each k", *envelope, float(np.mean(envelope[1:]))])
    n = len(shown[0].values[1].values) if shown else 0
    return {
        "place": place,
        "title": f"New users, {TITLES.get(name, name)}{ending}",
        "text": f"nDCG@10 after k events, all items ranked, {n} test users over the seeds. {_words(curve)}".strip(),
        "columns": ["model", *(f"k={k}" for k in SHOTS), "mean k≥1"],
        "rows": table,
        "digits": 3,
        "best": "high",
    }


def _shortened(rows: Sequence[Row]) -> list[Row]:
    """Return our rows, popularity, and the best of the others, in their order."""
    others = sorted((row for row in rows if not row.ours and row.label != "popularity"), key=lambda row: -row.mean)
    best = [row.label for row in others[:MOST_OTHERS]]
    return [row for row in rows if row.ours or row.label == "popularity" or row.label in best]


def _words(curve: Mapping[str, Any]) -> str:
    told = []
    for one in curve["comparisons"]:
        if "best single competitor" in one:
            ratio = one["mean over k against it"]["ratio"]
            told.append(
                f"`{one['model']}` stands at {ratio['mean']:.3f} [{ratio['low']:.3f}, {ratio['high']:.3f}] times the "
                f"best single competitor ({one['best single competitor']})."
            )
    return " ".join(told)


_ABOUT = (
    "Users split 80/10/10 by seed; a test user's first 20 likes (events) are the pool of which k are shown, the likes "
    "after them are asked for, and all items but the pool are ranked. Each competitor has one setting, chosen on the "
    "mean over k of validation users among as many trials as every other; rows tuned at each k are oracles. For "
    "histories of events, settings that led on likes are chosen among again, each reading the likes or all events. "
    "Intervals are 95% bootstrap intervals over the users of all seeds, comparisons are paired."
)
