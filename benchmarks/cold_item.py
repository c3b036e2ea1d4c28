"""New items for known users: rows that read words, ours, and those that cannot; writes ``results/cold_item.json``."""

import argparse
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks.content_rows import COLUMNS, NewItemsContent, WordsAndPopularity, WordsRidge
from benchmarks.rows import Entry, Pool, facts_of, report_of, row_parser
from benchmarks.tables import run, write
from warmstart.data.builtin import load_dataset
from warmstart.data.dataset import Dataset
from warmstart.evaluation.cold_item import AMONG_ALL, ColdItem
from warmstart.evaluation.report import Report
from warmstart.recommenders.table import recommender

OURS = "meta"
PEOPLE = ("director", "actors")
MORE = (*PEOPLE, "plot")
WITH_PEOPLE, WITH_MORE = ", people", ", people and plot"
HEADLINES = ("recall@20", "ndcg@20", "recall@20" + AMONG_ALL, "ndcg@20" + AMONG_ALL)
CONTENT = ("content", "TF-IDF + popularity from words", "ridge over words")
TITLES = {"all": "every rating as a like", "threshold": "likes only"}


def entries(data: Dataset) -> list[Entry]:
    """Return the rows; those with people and plot are there where the items' table knows them."""
    known = () if data.items is None else tuple(data.items.columns)
    columns = tuple(name for name in COLUMNS if name in known)
    with_people = columns + tuple(name for name in PEOPLE if name in known)
    rows = [Entry(OURS, lambda: recommender("meta"), ours=True, tuned=False)]
    if set(MORE) <= set(known):
        rows.append(Entry(OURS + WITH_MORE, lambda: recommender("meta", also=MORE), ours=True, tuned=False))
    rows += [
        Entry("random", lambda: recommender("random"), tuned=False),
        Entry("popularity", lambda: recommender("popularity"), tuned=False),
        *_content(columns, ""),
    ]
    rows += _content(with_people, WITH_PEOPLE) if set(PEOPLE) <= set(known) else []
    return [*rows, Entry("item-kNN", lambda: recommender("item_knn"), tuned=False)]


def _content(columns: tuple[str, ...], suffix: str) -> list[Entry]:
    makers = (
        lambda: NewItemsContent(words=1.0, columns=columns),
        lambda: WordsAndPopularity(columns=columns),
        lambda: WordsRidge(columns=columns),
    )
    return [Entry(label + suffix, make) for label, make in zip(CONTENT, makers, strict=True)]


def main(arguments: list[str]) -> int:
    """Measure what was asked for and write the tables."""
    asked = _parser().parse_args(arguments)
    data, found, parts = load_dataset(asked.dataset), {}, []
    for place, likes in enumerate(asked.likes):
        reports = {}
        for entry in entries(data):
            if not asked.only or entry.label in asked.only:
                reports[entry.label] = [_measured(entry, data, likes, seed, asked) for seed in asked.seeds]
        found[likes] = _summary(reports)
        parts.append(_part(2 + place / 10, data.name, likes, found[likes], reports))
    content = {"readme": parts, "about": _ABOUT, "data": data.name, "seeds": asked.seeds, "trials": asked.trials}
    write("cold_item", content | {"likes": found}, asked.out)
    return 0


def _measured(entry: Entry, data: Dataset, likes: Any, seed: int, asked: argparse.Namespace) -> Report:
    start = time.perf_counter()
    report = report_of("cold_item", entry, data, ColdItem(seed=seed, likes=likes), asked.trials)
    numbers = " ".join(f"{report.mean(entry.label, name, [0]):.4f}" for name in HEADLINES)
    print(
        f"{data.name} {likes} seed {seed} {entry.label}: {numbers}  ({time.perf_counter() - start:.0f} s)", flush=True
    )
    return report


def _summary(reports: dict[str, list[Report]]) -> dict[str, Any]:
    pool = Pool.of(reports.values())
    found: dict[str, Any] = {
        "rows": {label: pool.numbers(label) for label in reports},
        "models": {label: facts_of(by_seed, label) for label, by_seed in reports.items()},
    }
    content = [label for label in CONTENT if label in reports]
    every = content + [label + WITH_PEOPLE for label in CONTENT if label + WITH_PEOPLE in reports]
    found["comparisons"] = {
        ours: {name: _against(pool, ours, rivals, name) for name in HEADLINES}
        for ours, rivals in ((OURS, content), (OURS + WITH_MORE, every))
        if ours in reports and rivals
    }
    return found


def _against(pool: Pool, ours: str, content: Sequence[str], name: str) -> dict[str, Any]:
    """Compare a row of ours with the content row that is best at this measure."""
    best = max(content, key=lambda label: pool.mean(label, (0, name)) or 0.0)
    return {"best content row": best} | pool.against(ours, best, (0, name))


def _part(
    place: float, data: str, likes: str, found: dict[str, Any], reports: dict[str, list[Report]]
) -> dict[str, Any]:
    rows = [[label, *(found["rows"][label][name]["mean"] for name in HEADLINES)] for label in reports]
    seeds = len(next(iter(reports.values()))) if reports else 0
    return {
        "place": place,
        "title": f"New items, {'MovieLens-1M' if data == 'ml-1m' else data}, {TITLES[likes]}",
        "text": f"A fifth of the items without any event in training, {seeds} seeds. {_words(found)}".strip(),
        "columns": ["model", "Recall@20", "nDCG@20", "Recall@20 among all items", "nDCG@20 among all items"],
        "rows": rows,
        "digits": 3,
        "best": "high",
    }


def _words(found: dict[str, Any]) -> str:
    return " ".join(
        f"`{ours}` stands at {' and '.join(told)} the best content row that reads {which}."
        for ours, which in ((OURS, "title and genres"), (OURS + WITH_MORE, "these or people too"))
        if (told := _ratios(found["comparisons"].get(ours, {})))
    )


def _ratios(comparisons: dict[str, Any]) -> list[str]:
    return [
        f"{one['ratio']['mean']:.2f} [{one['ratio']['low']:.2f}, {one['ratio']['high']:.2f}] times in {name}"
        for name, one in comparisons.items()
        if one["ratio"]["low"] is not None and name in HEADLINES[:2]
    ]


def _parser() -> argparse.ArgumentParser:
    parser = row_parser(__doc__)
    parser.add_argument("--likes", nargs="+", choices=list(TITLES), default=list(TITLES))
    return parser


_ABOUT = (
    "A fifth of the items has no event in training; half of them choose settings, half are the test. Known users' cold "
    "items are ranked among all cold items, and among all items, without what a user is known to have met. Rows that "
    "know items by their events only, such as item-kNN, EASE and ALS, cannot tell cold ones apart. Users of all seeds "
    "are pooled, comparisons are paired."
)

if __name__ == "__main__":
    run(main)
