"""Rows of a protocol's table, one recommender at a time, kept in files so that only what changed is measured again."""

import argparse
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks import trials as kept
from benchmarks.tables import rounded
from benchmarks.trials import code_version
from warmstart.core.run import Run
from warmstart.data.dataset import Dataset
from warmstart.evaluation.evaluate import evaluate
from warmstart.evaluation.files import write_whole
from warmstart.evaluation.pool import by_place, joined
from warmstart.evaluation.protocol import Protocol
from warmstart.evaluation.report import Report
from warmstart.evaluation.statistics import Comparison, Estimate, Measured, compare, estimate
from warmstart.recommenders.base import Recommender

Point = tuple[int, str]
"""A number's place in a row: k and measure."""


@dataclass(frozen=True)
class Entry:
    """One row: how the recommender is made, and whether its settings are tuned.

    Args:
        label: what the row is called.
        make: returns an unfitted recommender.
        ours: whether it runs on code of ours that still changes, so that its findings go stale with it.
        tuned: whether settings are tried on validation tasks.
    """

    label: str
    make: Callable[[], Recommender]
    ours: bool = False
    tuned: bool = True


def row_parser(description: str | None) -> argparse.ArgumentParser:
    """Return the flags of a benchmark whose table is made of rows."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--dataset", default="ml-1m")
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2])
    parser.add_argument("--trials", type=int, default=4, help="settings tried for every tuned row")
    parser.add_argument("--only", nargs="+", default=[], help="labels of rows")
    parser.add_argument("--out", type=Path, default=None, help="folder of the results; default benchmarks/results")
    return parser


def report_of(benchmark: str, entry: Entry, data: Dataset, protocol: Protocol, trials: int) -> Report:
    """Return the report with this one row (and the protocol's own), from its file where it is there already."""
    code, trials = code_version() if entry.ours else "", trials if entry.tuned else 0
    variant = "-".join(str(value) for value in (data.name, *protocol.model_dump().values())).replace("/", "-")
    folder = kept.CACHE / benchmark / "".join(letter if letter.isalnum() else "-" for letter in variant)
    plain = "".join(letter if letter.isalnum() else "-" for letter in entry.label.lower())
    file = folder / f"{plain}-{trials}{code}.json"
    if file.exists():
        return Report.from_json(file.read_text(encoding="utf-8"))
    run, log = Run(seed=int(protocol.seed)), folder / "trials.jsonl"
    report = evaluate(
        {entry.label: entry.make()}, data, protocol, trials=trials, oracle=False, file=log if trials else None, run=run
    )
    folder.mkdir(parents=True, exist_ok=True)
    write_whole(file, report.to_json(values=True).encode())
    return report


@dataclass(frozen=True)
class Pool:
    """Rows measured with several seeds: every user's measures of all seeds, one after the other."""

    rows: Mapping[str, Mapping[Point, Measured]]

    @classmethod
    def of(cls, reports: Iterable[Sequence[Report]]) -> "Pool":
        """Pool reports: for each row, one report a seed; sizes of support are matched in order, for seeds differ."""
        rows: dict[str, dict[Point, Measured]] = {}
        for by_seed in reports:
            placed = [by_place(report) for report in by_seed]
            for label in by_seed[0].models:
                rows[label] = {
                    key[1:]: joined([one[key] for one in placed])
                    for key in placed[0]
                    if key[0] == label and all(key in one for one in placed)
                }
        return cls(rows)

    def mean(self, label: str, point: Point) -> float | None:
        """Return a row's mean, or None where it has none."""
        one = self.rows[label].get(point)
        return None if one is None else estimate([one], draws=1)[0].mean

    def numbers(self, label: str) -> dict[str, dict[str, float | int | None]]:
        """Return all means of a row with their intervals, by measure."""
        points = self.rows[label]
        found = estimate(list(points.values()))
        return {measure: plain(one) for (_, measure), one in zip(points, found, strict=True)}

    def against(self, ours: str, other: str, point: Point) -> dict[str, Any]:
        """Return how one row stands to another, paired over users."""
        return ratio(compare([self.rows[ours][point]], [self.rows[other][point]]))


def plain(one: Estimate) -> dict[str, float | int | None]:
    """Return an estimate as results files hold it."""
    return {"mean": rounded(one.mean), "low": rounded(one.low), "high": rounded(one.high), "n": one.n}


def ratio(one: Comparison) -> dict[str, Any]:
    """Return a comparison as results files hold it."""
    return {"ratio": plain(one.ratio), "difference": plain(one.difference)}


def facts_of(by_seed: Sequence[Report], label: str) -> list[dict[str, Any]]:
    """Return settings and cost of a row, seed by seed."""
    found = []
    for report in by_seed:
        cost = report.costs.get(label)
        told = {} if cost is None else {name: rounded(getattr(cost, name), 3) for name in ("fit_wall", "fit_cpu")}
        found.append({"settings": report.settings.get(label), "cost": told})
    return found
