"""Yes or no to a title after ten others and K examples in all; writes ``results/few_shot.json``."""

import argparse
import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks.tables import rounded, run, write
from warmstart.core.run import Run
from warmstart.data.builtin import load_dataset
from warmstart.evaluation.cost import Stopwatch
from warmstart.evaluation.few_shot import FewShotPreference
from warmstart.evaluation.few_shot_report import FewShotReport
from warmstart.meta.preference_facts import TitleReader
from warmstart.meta.preference_table import SCORERS, WITH_KNOWLEDGE, Carried, scorer

SHOTS = (0, 16, 64, 256)
BARS = {"with knowledge": 0.80, "without": 0.76}
PUBLISHED = {16: 0.672, 64: 0.675, 256: 0.720}
BEST = {"with knowledge": "carried blend", "without": "blend"}


def main(arguments: list[str]) -> int:
    """Measure both ways of splitting and write the table."""
    asked = _parser().parse_args(arguments)
    data, other = load_dataset(asked.dataset), load_dataset(asked.knowledge)
    reader, watch = TitleReader.of(load_dataset("movielens-small").items), Stopwatch()
    with watch.running():
        carried = Carried.of(other, Run(seed=0), reader)
    rows = {name: scorer(name, carried) for name in SCORERS}
    costs = dict.fromkeys(WITH_KNOWLEDGE, watch.cpu)
    found = {}
    for by in ("users", "time"):
        protocol = FewShotPreference(shots=SHOTS, seeds=tuple(asked.seeds), by=by)
        parts = {seed: protocol.split(data, seed) for seed in asked.seeds}
        report = protocol.measure(rows, parts, costs=costs)
        print(report.text(), flush=True)
        found[by] = report.document() | {"gains": _gains(report), "bars": _bars(report)}
    about = {"knowledge": asked.knowledge, "knowledge_cpu_s": rounded(watch.cpu, 2), "weights": _weights(carried)}
    write("few_shot", {"readme": [_part(found, asked)], "about": _ABOUT, "carried": about, "data": found}, asked.out)
    return 0


def _gains(report: FewShotReport) -> dict[str, Any]:
    """Return how far the best row of either kind is above the like rate, paired over users."""
    return {kind: {k: _plain(report.difference(row, "like rate", k)) for k in SHOTS} for kind, row in BEST.items()}


def _bars(report: FewShotReport) -> dict[str, Any]:
    """Return whether each bar is reached at each K."""
    return {
        kind: {"bar": BARS[kind], "row": row, "auc": {k: rounded(report.auc(row, k).mean) for k in SHOTS}}
        | {"reached": {k: bool(report.auc(row, k).mean >= BARS[kind]) for k in SHOTS}}
        for kind, row in BEST.items()
    }


def _plain(one: Any) -> dict[str, float | None]:
    return {"mean": rounded(one.mean), "low": rounded(one.low), "high": rounded(one.high)}


def _weights(carried: Carried) -> list[dict[str, Any]]:
    voices = () if carried.blend is None else carried.blend.voices
    return [{"voice": type(one.scorer).__name__, "weight": rounded(one.weight, 3)} for one in voices]


def _part(found: dict[str, Any], asked: argparse.Namespace) -> dict[str, Any]:
    rows: list[list[Any]] = []
    for by in ("users", "time"):
        for row in found[by]["rows"]:
            points = row["k"]
            cost = points[str(SHOTS[-1])]
            areas = [points[str(k)]["auc"] for k in SHOTS]
            rows.append([by, row["row"], *areas, cost["train_cpu_s"], cost["ms_a_prompt"]])
    rows.append(["time", "LLaMA-7B + LoRA, published", None, *(PUBLISHED[k] for k in SHOTS[1:]), None, None])
    text = (
        f"AUC of a like among titles of {asked.dataset}, given ten earlier ones and K training examples in all; split "
        f"by users (seeds {', '.join(map(str, asked.seeds))}) or by time as in the paper. Rows that are carried know "
        f"{asked.knowledge}, the others no events but those of the examples and the prompt. The last is cited, not run."
    )
    columns = ["split", "row", *(f"K={k}" for k in SHOTS), "training CPU s", "CPU ms a prompt"]
    return {"place": 3.7, "title": "Few-shot preference", "text": text, "columns": columns, "rows": rows, "digits": 3}


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--dataset", default="ml-100k")
    parser.add_argument("--knowledge", default="ml-1m", help="a data set of other people")
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2])
    parser.add_argument("--out", type=Path, default=None, help="folder of the results; default benchmarks/results")
    return parser


_ABOUT = (
    "Every event after a user's first ten is a target, the ten before it are the prompt; a like is a value over 3. "
    "Split by users: 80/10/10 by seed. By time: the newest 10,000 targets, eight tenths, a tenth, a tenth; there "
    "users are in several parts, and seeds only change which examples are drawn. Intervals are bootstraps over "
    "users. MovieLens-100K and 1M are samples of different users (who joined in 1997-98 and in 2000). Knowledge is "
    "matched by title, and weighed on a tenth of its own users. Training CPU counts what was carried over; single "
    "answers cost `ms_alone`."
)

if __name__ == "__main__":
    run(main)
