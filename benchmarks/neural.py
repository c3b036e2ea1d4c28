"""Networks beside popularity, neighbours and EASE: new users, pre-training, cold items; writes ``results/neural.json``.

Findings go to the files of ``cold_user.py``, so that its table takes the networks up without training them again. Seeds
on which a network has not been measured are left out of its data set's table.
"""

import argparse
import os
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

# before anything starts threads: seconds of CPU are those of one
os.environ |= dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
sys.path.insert(0, str(Path(__file__).parents[1]))

import numpy as np

from benchmarks.cold_user_table import TITLES
from benchmarks.competitors import COMPETITORS, NETWORKS, Competitor
from benchmarks.tables import rounded, run, write
from benchmarks.trials import CURVES, Found, Room, headline, measured, seeing
from warmstart.data.builtin import load_dataset
from warmstart.evaluation.cold_item import ColdItem
from warmstart.evaluation.cost import Stopwatch, adapt_microseconds
from warmstart.evaluation.protocol import Measurer, revealing
from warmstart.recommenders.base import Recommender
from warmstart.recommenders.table import recommender

BESIDE = ("popularity", "item-kNN", "user-kNN", "EASE", "hybrid")
"""Rows of ``cold_user.py`` that stand beside the networks, where they have been measured."""
PRETRAINED = (("two_tower", "contrastive"), ("two_tower", "masked"), ("sasrec", "contrastive"), ("sasrec", "masked"))
COLD: tuple[tuple[str, dict[str, Any]], ...] = (
    ("content", {"words": 1.0}),
    ("two_tower", {"forget_items": 0.5}),
    ("two_tower", {"text": "static", "forget_items": 0.5}),
    ("two_tower", {"text": "none"}),
    ("text_cnn", {}),
    ("r2d2", {}),
    ("cnp", {}),
    ("meta", {}),
)
"""Rows for items nobody has met, learners beside networks; without text they can only guess."""
COLD_MEASURES = ("ndcg@20", "recall@20")


def main(arguments: list[str]) -> int:
    """Measure what was asked for, then write the tables of all that is known."""
    asked = _parser().parse_args(arguments)
    for name in asked.datasets:
        for seed in asked.seeds:
            room = Room(load_dataset(name), seed, asked.trials)
            for competitor in _networks(asked.only):
                measured_network(room, competitor)
            if asked.pretrain:
                _pretrained(room)
            if asked.cold:
                _cold(room)
    if not asked.no_report:
        write("neural", _summary(asked), asked.out)
    return 0


def measured_network(room: Room, competitor: Competitor) -> Found:
    """Return the findings of one network; what an earlier run has tried is not fitted again."""
    found = room.known(competitor.label)
    tried = [one["settings"] for one in found.get("trials", ())]
    for settings in competitor.candidates(room.trials, room.seed):
        if settings not in tried:
            found = _with_trial(found, room, competitor, settings)
            room.keep(competitor.label, found)
    found = found | {"trials_asked": room.trials}
    if "curves" in found:
        room.keep(competitor.label, found)
        _say(room, competitor.label, found)
    return found


def _with_trial(found: Found, room: Room, competitor: Competitor, settings: dict[str, Any]) -> Found:
    """Try one more setting; where it is the best so far on validation users, measure it on the test users."""
    split, watch = room.split("likes"), Stopwatch()
    with watch.running():
        model = competitor.kind(**settings).fit(split.train, validation=split.validation, run=room.run)
    quality = headline(model, split.validate)
    plain = {str(k): round(value, 6) for k, value in quality.items()}
    before = found.get("trials", [])
    trial = {"settings": settings, "quality": plain, "seconds": round(watch.wall, 2)}
    mean = _mean_quality(trial)
    print(f"{room.data.name} {room.seed} {competitor.label} {watch.cpu:.0f} s: validation {mean:.4f}", flush=True)
    found = found | {"label": competitor.label, "note": competitor.note, "trials": [*before, trial]}
    if mean > max(map(_mean_quality, before), default=-1.0):
        found |= {"curves": _curves(room, model, settings), "cost": _cost(model, room, watch)}
    return found


def _mean_quality(trial: Mapping[str, Any]) -> float:
    quality = {int(k): value for k, value in trial["quality"].items()}
    return float(np.mean([quality[k] for k in revealing(quality)]))


def _curves(room: Room, model: Recommender, settings: dict[str, Any]) -> Found:
    """Measure on the test users; for histories of events the likes or all events are read, as validation says."""
    found: Found = {}
    for curve in CURVES:
        split, chosen = room.split(curve), "likes"
        if curve == "events":
            means = {
                events: float(np.mean(list(headline(seeing(model, events), split.validate).values())))
                for events in ("likes", "all")
            }
            chosen = max(means, key=lambda events: means[events])
        single = measured(seeing(model, chosen), split.test)
        told = settings | ({"seeing": chosen} if curve == "events" else {})
        at = {str(panel.k): told for panel in split.test}
        found[curve] = {"settings": told, "settings_at": at, "single": single, "oracle": {}}
    return found


def _cost(model: Recommender, room: Room, fitting: Stopwatch) -> Found:
    panel, scoring = room.split("likes").test[-1], Stopwatch()
    with scoring.running():
        for _ in model.iter_scores(panel.tasks.support):
            pass
    adapting = adapt_microseconds(model, panel.tasks.support, sample=10)
    numbers = {"fit_wall": fitting.wall, "fit_cpu": fitting.cpu, "adapt_us": adapting}
    return numbers | {"users_per_second": len(panel) / scoring.wall}


def _pretrained(room: Room) -> None:
    for name, goal in PRETRAINED:
        measured_network(Room(room.data, room.seed, 1, splits=room.splits), _variant(name, {"pretrain": goal}))


def _variant(name: str, settings: dict[str, Any]) -> Competitor:
    told = ", ".join(f"{key} {value}" for key, value in settings.items())
    return Competitor(f"{name}, {told}", name, {key: (value,) for key, value in settings.items()})


def _cold(room: Room) -> None:
    """Rank items without events for known users; nothing is tuned."""
    split = ColdItem(seed=room.seed, likes="threshold").split(room.data)
    for name, settings in COLD:
        label = _cold_label(name, settings)
        if "cold" in room.known(label):
            continue
        start = time.process_time()
        model = recommender(name, **settings).fit(split.train, run=room.run)
        found: Found = {}
        for panel in split.test:
            values = Measurer(model, COLD_MEASURES)(panel, COLD_MEASURES)
            found |= {measure + panel.label: float(np.nanmean(one.values)) for measure, one in values.items()}
        room.keep(label, {"cold": found})
        print(f"{room.data.name} {room.seed} {label}: {found} ({time.process_time() - start:.0f} s)", flush=True)


def _cold_label(name: str, settings: Mapping[str, Any]) -> str:
    return ", ".join(["cold items", name, *(f"{key} {value}" for key, value in settings.items())])


def _cold_rows(name: str, seeds: list[int]) -> dict[str, Any]:
    data, rows = load_dataset(name), {}
    for place, settings in COLD:
        label = _cold_label(place, settings)
        known = [one["cold"] for seed in seeds if "cold" in (one := Room(data, seed, 0).known(label))]
        if known:
            means = {measure: rounded(float(np.mean([one[measure] for one in known]))) for measure in known[0]}
            rows[label] = {"seeds": len(known)} | means
    return rows


def _summary(asked: argparse.Namespace) -> dict[str, Any]:
    about = (
        "Protocol ColdUser: users split 80/10/10 by seed, nDCG@10 after k likes over all items but the pool of 20. "
        "Each network has one setting, chosen on the mean over k of validation users among as many trials as every "
        "other. Seconds of CPU are those of one fit; microseconds those of one more event to new scores."
    )
    seeds = {name: _complete(name, asked.seeds) for name in asked.datasets}
    data = {name: _rows(name, seeds[name]) for name in asked.datasets}
    cold = {name: _cold_rows(name, asked.seeds) for name in asked.datasets}
    parts = [_part(1.7 + place / 100, name, rows, seeds[name]) for place, (name, rows) in enumerate(data.items())]
    tables = parts + [_cold_part(name, rows) for name, rows in cold.items() if rows]
    return {
        "headline": "ndcg@10",
        "about": about,
        "readme": parts[:1],
        "tables": tables,
        "data": data,
        "cold items": cold,
    }


def _complete(name: str, seeds: list[int]) -> list[int]:
    """Return the seeds on which every network has been measured."""
    data = load_dataset(name)
    return [seed for seed in seeds if all("curves" in Room(data, seed, 0).known(label) for label in NETWORKS)]


def _cold_part(name: str, rows: Mapping[str, Any]) -> dict[str, Any]:
    measures = [measure + among for among in ("", " among all") for measure in ("recall@20", "ndcg@20")]
    seeds = max(row["seeds"] for row in rows.values())
    return {
        "title": f"Items without any event in training, {TITLES.get(name, name)}",
        "text": f"Known users, protocol ColdItem; nothing is tuned. Seeds: {seeds}.",
        "columns": ["model", *measures],
        "rows": [[label.removeprefix("cold items, "), *(row[one] for one in measures)] for label, row in rows.items()],
        "digits": 3,
        "best": "high",
    }


def _part(place: float, name: str, rows: Mapping[str, Any], seeds: list[int]) -> dict[str, Any]:
    seen = [row["mean"] for row in rows.values()]
    shots = list(seen[0]["ndcg@10"]) if seen else []
    table = [
        [
            label,
            *row["mean"]["ndcg@10"].values(),
            row["mean"]["mean k>=1"],
            f"{row['mean']['fit_cpu']:.0f}",
            f"{row['mean']['adapt_us']:,.0f}",
        ]
        for label, row in rows.items()
    ]
    return {
        "place": place,
        "title": f"Networks, {TITLES.get(name, name)}",
        "text": "nDCG@10 after k events, all items ranked, "
        f"{'seed' if len(seeds) == 1 else 'seeds'} {', '.join(map(str, seeds))}; {_budget(rows)}.",
        "columns": ["model", *(f"k={k}" for k in shots), "mean k≥1", "training s", "one event µs"],
        "rows": table,
        "digits": 3,
        "best": "high",
    }


def _budget(rows: Mapping[str, Any]) -> str:
    """Return how the networks' settings were found."""
    tried = {one["trials"] for name in NETWORKS if name in rows for one in rows[name]["seeds"].values()}
    least, most = min(tried, default=1), max(tried, default=1)
    if most == 1:
        return "the networks as they come"
    count = str(most) if least == most else f"{least} to {most}"
    return f"of {count} settings of each network the best for validation users, pre-trained ones as they come"


def _rows(name: str, seeds: list[int]) -> dict[str, Any]:
    room_data = load_dataset(name)
    labels = [*BESIDE, *NETWORKS, *(_variant(one, {"pretrain": goal}).label for one, goal in PRETRAINED)]
    found: dict[str, Any] = {}
    for label in labels:
        known = {seed: Room(room_data, seed, 0).known(label) for seed in seeds}
        rows = {str(seed): _row(one) for seed, one in known.items() if "curves" in one}
        if rows and len(rows) == len(seeds):
            found[label] = {"seeds": rows, "mean": _mean(list(rows.values()))}
    return found


def _row(found: Found) -> dict[str, Any]:
    single = found["curves"]["likes"]["single"]
    curve = {k: rounded(one["means"]["ndcg@10"]) for k, one in single.items()}
    revealed = [value for k, value in curve.items() if k != "0" and value is not None]
    cost = {name: rounded(found["cost"][name], 1) for name in ("fit_cpu", "adapt_us")}
    row = {"ndcg@10": curve, "mean k>=1": rounded(float(np.mean(revealed)))} | cost
    return row | {"settings": found["curves"]["likes"]["settings"], "trials": len(found["trials"])}


def _mean(rows: list[dict[str, Any]]) -> dict[str, Any]:
    curve = {k: rounded(float(np.mean([row["ndcg@10"][k] for row in rows]))) for k in rows[0]["ndcg@10"]}
    rest = {
        name: rounded(float(np.mean([row[name] for row in rows])), 4) for name in ("mean k>=1", "fit_cpu", "adapt_us")
    }
    return {"ndcg@10": curve} | rest


def _networks(only: list[str]) -> list[Competitor]:
    return [one for one in COMPETITORS if one.name in NETWORKS and (not only or one.name in only)]


def _say(room: Room, label: str, found: Found) -> None:
    curve = " ".join(f"{one['means']['ndcg@10']:.4f}" for one in found["curves"]["likes"]["single"].values())
    cost = f"{found['cost']['fit_cpu']:.0f} s CPU, {found['cost']['adapt_us']:.0f} us"
    print(f"{room.data.name} seed {room.seed} {label}: {curve}  ({cost})", flush=True)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--datasets", nargs="+", default=["ml-1m", "ml-100k"])
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2])
    parser.add_argument("--trials", type=int, default=4, help="settings tried for every network")
    parser.add_argument("--only", nargs="+", default=[], help="names of networks")
    parser.add_argument("--pretrain", action="store_true", help="also measure what pre-training gives")
    parser.add_argument("--cold", action="store_true", help="also measure items nobody has met")
    parser.add_argument("--no-report", action="store_true", help="only fill the cache")
    parser.add_argument("--out", type=Path, default=None, help="folder of the results; default benchmarks/results")
    return parser


if __name__ == "__main__":
    run(main)
