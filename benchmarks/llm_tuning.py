"""What tuning teaches a small language model about likes, example by example; writes ``results/llm_tuning.json``.

Everything that is trained goes on from its last checkpoint, and answers are kept, so a run that was broken off loses
little. CPU seconds are those of the run in which the work was done.
"""

import argparse
import json
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from hashlib import blake2b
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))
# before anything starts threads: everything is measured on one
os.environ |= {"OMP_NUM_THREADS": "1", "RAYON_NUM_THREADS": "1", "TOKENIZERS_PARALLELISM": "false"}

import numpy as np

from benchmarks.tables import rounded, run, write
from warmstart.core.histories import Floats, Ints
from warmstart.core.run import Run
from warmstart.data.builtin import load_dataset
from warmstart.data.dataset import Dataset
from warmstart.evaluation.cost import Stopwatch
from warmstart.evaluation.few_shot import FewShotPreference, PromptParts
from warmstart.evaluation.few_shot_report import FewShotReport, Measurement
from warmstart.evaluation.pooled_auc import Answers, auc_draws, interval, pooled_auc
from warmstart.meta.preference import LikeRate, PreferenceScorer, Prompt, labels_of
from warmstart.meta.preference_blend import Voice, weighed
from warmstart.meta.preference_corpus import readings
from warmstart.meta.preference_facts import TitleReader
from warmstart.meta.preference_judge import ModelJudge
from warmstart.meta.preference_knowledge import JUDGED, judged
from warmstart.meta.preference_meta import MetaTuningConfig, meta_tune, tasks_of
from warmstart.meta.preference_prompts import prompts_of
from warmstart.meta.preference_rows import CarriedPrior, Likeness
from warmstart.meta.preference_table import Carried, scorer
from warmstart.meta.preference_tuning import TunedJudge, TuningConfig
from warmstart.representation.causal_model import CausalModel
from warmstart.representation.language_model import open_language_model
from warmstart.representation.lora import LoraNetwork
from warmstart.representation.pretraining import PretrainingConfig, pretrain
from warmstart.representation.training_loop import Curve, LoopConfig

SHOTS = (0, 16, 64, 256)
LEARNERS = 750
"""People of the other data set from whom the start learns, two prompts each, before tasks."""
TASKS = 24
READERS = 150
"""People whose histories are read on, two pieces each."""
JOINT = TuningConfig(balanced=False, loop=LoopConfig(rate=5e-4, every=47, patience=9))
META = MetaTuningConfig(inner_steps=4, inner_rate=1e-4, loop=LoopConfig(rate=1e-4, every=12, patience=9))
TUNING = TuningConfig()
READING = PretrainingConfig(block=192, batch=4, loop=LoopConfig(rate=1e-4, every=30, patience=9, seconds=420))
ONCE = (
    "like rate",
    "static likeness",
    "MiniLM likeness",
    "SmolLM2 asked",
    "SmolLM2 lines",
    "SmolLM2 read on",
    "carried, LoRA",
    "carried blend",
)
"""Rows that are measured as they start, since they learn nothing from examples, or next to nothing."""


@dataclass
class Bench:
    """Data, trained starts and what was measured before, all under one folder.

    Args:
        place: for checkpoints and answers.
        dataset: whose people are asked.
        knowledge: of other people.
        asked: the command's arguments.
    """

    place: Path
    dataset: str
    knowledge: str
    asked: argparse.Namespace

    @cached_property
    def other(self) -> Dataset:
        """The data set of other people."""
        return load_dataset(self.knowledge)

    @cached_property
    def crowd(self) -> Ints:
        """Its people in a seeded order: first those to learn from, last those to check on."""
        return np.random.default_rng(0).permutation(self.other.n_users).astype(np.int64)

    @cached_property
    def network(self) -> LoraNetwork:
        """The network that all judges share."""
        return LoraNetwork()

    @cached_property
    def joint(self) -> TunedJudge:
        """A judge that learned from many other people's prompts, one batch after another."""

        def made(kept: Path) -> TunedJudge:
            told = prompts_of(self.other, self.crowd[:LEARNERS], most=2)
            told = [told[place] for place in np.random.default_rng(1).permutation(len(told)).tolist()]
            held = prompts_of(self.other, self.crowd[-64:], most=1)
            return TunedJudge(self.network, config=JOINT).fit(told, held, Run(seed=0), kept).started()

        return self._kept("joint", made)

    @cached_property
    def meta(self) -> TunedJudge:
        """The same after meta-tuning on tasks of further people."""

        def made(kept: Path) -> TunedJudge:
            users = self.crowd[LEARNERS : LEARNERS + 16 * TASKS]
            held = tasks_of(self.other, self.crowd[-48:], 16, Run(seed=1))
            return meta_tune(self.joint, tasks_of(self.other, users, 16, Run(seed=0)), held, META, Run(seed=0), kept)

        return self._kept("meta", made)

    @cached_property
    def read_on(self) -> Path:
        """Weights that went on reading the catalogue and histories."""
        folder = self.place / "read"
        if not folder.exists():
            watch = Stopwatch()
            texts = readings(self.other, self.crowd[:READERS], Run(seed=0))
            with watch.running():
                found = pretrain(texts, folder, None, READING, Run(seed=0), checkpoints=self.place / "read.kept")
            about = {"cpu_s": rounded(watch.cpu, 1), "tokens": found.tokens, "perplexity": found.perplexities}
            self._note("read", found.curve, about)
        return folder

    @cached_property
    def carried(self) -> Carried:
        """What is known of the other data set by title."""
        return Carried.of(self.other, Run(seed=0), TitleReader.of(load_dataset("movielens-small").items))

    def noted(self, name: str) -> dict[str, Any]:
        """Return the curve and costs of what was trained."""
        found: dict[str, Any] = json.loads((self.place / f"{name}.json").read_text(encoding="utf-8"))
        return found

    def _kept(self, name: str, made: Callable[[Path], TunedJudge]) -> TunedJudge:
        folder = self.place / name
        if not folder.exists():
            watch, kept = Stopwatch(), self.place / f"{name}.kept"
            whole = not kept.exists()
            with watch.running():
                found = made(kept)
            self._note(name, found.curve, {"cpu_s": rounded(watch.cpu, 1) if whole else None})
            found.save(folder)
        return replace(TunedJudge(self.network), start=self.network.read(folder), config=TUNING)

    def _note(self, name: str, curve: Curve | None, about: dict[str, Any]) -> None:
        told = about | {"curve": None if curve is None else curve.document()}
        (self.place / f"{name}.json").write_text(json.dumps(told, indent=1), encoding="utf-8")

    def rows(self) -> dict[str, Callable[[], PreferenceScorer]]:
        """Return what makes each row."""
        return {
            "like rate": LikeRate,
            "blend": lambda: scorer("blend", self.carried),
            "static likeness": Likeness,
            "MiniLM likeness": lambda: Likeness(open_language_model("minilm")),
            "SmolLM2 asked": lambda: ModelJudge(CausalModel()),
            "SmolLM2 lines": lambda: ModelJudge(CausalModel(chat=False), form="lines"),
            "SmolLM2 read on": lambda: ModelJudge(CausalModel(weights=self.read_on, chat=False), form="lines"),
            "SmolLM2 + LoRA": lambda: TunedJudge(self.network, config=TUNING),
            "carried, LoRA": lambda: self.joint,
            "carried, meta-tuned": lambda: self.meta,
            "carried blend": lambda: scorer("carried blend", self.carried),
            "carried blend + meta-tuned": self.blend,
        }

    def blend(self) -> PreferenceScorer:
        """Return the carried blend with the meta-tuned judge as a voice, weighed on people nobody learned from."""
        if self.carried.blend is None:
            raise SystemExit("The blend was not weighed.")
        _, judges = judged(self.other, 0)
        taken = set(self.crowd[: LEARNERS + 16 * TASKS].tolist()) | set(self.crowd[-64:].tolist())
        free = np.array([user for user in judges.tolist() if user not in taken])
        prompts = prompts_of(self.other, free, most=JUDGED, seed=0)
        order = np.random.default_rng(2).permutation(len(prompts))[: self.asked.weighed].tolist()
        # begun as the carried blend was: with the prior's word alone
        voices = tuple(
            replace(voice, scale=1.0, weight=float(isinstance(voice.scorer, CarriedPrior)))
            for voice in self.carried.blend.voices
        )
        judge = Voice(Kept(self, "carried, meta-tuned", 0, ()), 0.0, chance=False)
        return weighed((*voices, judge), [prompts[place] for place in order])


@dataclass(frozen=True)
class Kept:
    """A row whose answers are kept on disk by what it learned from and is asked, with what they cost.

    Args:
        bench: makes the row and has the folder.
        label: of the row.
        k: examples.
        told: the examples, and the prompts to stop on.
    """

    bench: Bench
    label: str
    k: int
    told: tuple[tuple[Prompt, ...], ...]

    def fit(self, prompts: Sequence[Prompt], validation: Sequence[Prompt] = ()) -> "Kept":
        """Return a row that learns when it is asked; a voice of the blend stays as it is."""
        return self

    def score(self, prompts: Sequence[Prompt]) -> Floats:
        """Return the answers."""
        return self.answered(prompts)[0]

    def answered(self, prompts: Sequence[Prompt]) -> tuple[Floats, dict[str, float]]:
        """Return the answers, and CPU seconds of learning and a prompt."""
        read = blake2b(repr((self.told, list(prompts))).encode(), digest_size=12).hexdigest()
        file = self.bench.place / "answers" / f"{self.label} {self.k} {read}.npz"
        if not file.is_file():
            row, fitting, asking = self.bench.rows()[self.label](), Stopwatch(), Stopwatch()
            with fitting.running():
                fitted = row.fit(*self.told) if self.told else row
            with asking.running():
                said = fitted.score(prompts)
            curve = getattr(fitted, "curve", None)
            looks = [] if curve is None or not self.told else curve.document()["looks"]
            file.parent.mkdir(parents=True, exist_ok=True)
            np.savez(file, said=said, cost=[fitting.cpu, asking.cpu / len(prompts)], looks=json.dumps(looks))
        with np.load(file) as found:
            fit, each = found["cost"].tolist()
            return found["said"], {"fit": fit, "each": each}


def main(arguments: list[str]) -> int:
    """Train the starts, measure the rows and write the table."""
    asked = _parser().parse_args(arguments)
    bench = Bench(asked.work, asked.dataset, asked.knowledge, asked)
    bench.place.mkdir(parents=True, exist_ok=True)
    if asked.train:
        getattr(bench, asked.train)
        return 0
    protocol = FewShotPreference(shots=SHOTS, seeds=tuple(asked.seeds), most=asked.most)
    data = load_dataset(asked.dataset)
    parts = {seed: protocol.split(data, seed) for seed in asked.seeds}
    found = tuple(_measured(bench, parts))
    if asked.only:
        return 0
    report = FewShotReport(found, {"data": asked.dataset, "by seed": dict.fromkeys(asked.seeds)})
    print(report.text(), flush=True)
    write("llm_tuning", _document(report, bench, asked), asked.out)
    return 0


def _measured(bench: Bench, parts: dict[int, PromptParts]) -> Iterator[Measurement]:
    names = bench.asked.rows.split("; ") if bench.asked.rows else list(bench.rows())
    for seed, part in parts.items():
        for label in names:
            for k in SHOTS:
                one = _one(bench, part, seed, label, k)
                print(f"seed {seed} {label} K={k}: {one.auc.mean:.4f}, {one.train_cpu:.0f} s", flush=True)
                yield one


def _one(bench: Bench, part: PromptParts, seed: int, label: str, k: int) -> Measurement:
    learned = 0 if label in ONCE else k
    told = (tuple(part.train[:learned]), tuple(part.validation[: min(learned, 48)])) if learned else ()
    said, cost = Kept(bench, label, learned, told).answered(part.test)
    if label == "carried blend + meta-tuned":  # its judge's answers are kept too
        cost["each"] += Kept(bench, "carried, meta-tuned", 0, ()).answered(part.test)[1]["each"]
    answers = Answers.of([prompt.user for prompt in part.test], labels_of(part.test) > 0, said)
    drawn = auc_draws(answers, seed, 1_000)
    one = interval(pooled_auc(answers), drawn, answers.n_users)
    return Measurement(label, seed, k, k, one, drawn, cost["fit"], 1000 * cost["each"], 1000 * cost["each"])


def _document(report: FewShotReport, bench: Bench, asked: argparse.Namespace) -> dict[str, Any]:
    rows = [_row(report, label) for label in report.labels]
    started = {
        name: bench.noted(name) for name in ("joint", "meta", "read") if (bench.place / f"{name}.json").is_file()
    }
    pairs = [("SmolLM2 + LoRA", "SmolLM2 lines"), ("carried, meta-tuned", "SmolLM2 + LoRA")]
    pairs += [("carried, meta-tuned", "carried, LoRA"), ("carried blend + meta-tuned", "carried blend")]
    return {
        "readme": [_part(rows, asked)],
        "about": _ABOUT,
        "settings": {"joint": JOINT.model_dump(), "meta": META.model_dump(), "tuning": TUNING.model_dump()}
        | {"reading": READING.model_dump(), "people": LEARNERS, "tasks": TASKS, "readers": READERS},
        "test prompts": asked.most,
        "seeds": asked.seeds,
        "starts": started,
        "rows": rows,
        "differences": [_difference(report, *pair, k) for pair in pairs for k in SHOTS],
    }


def _row(report: FewShotReport, label: str) -> dict[str, Any]:
    points = {}
    for k in SHOTS:
        one = report.auc(label, k)
        some = [each for each in report.found if each.label == label and each.k == k]
        points[str(k)] = {
            "auc": rounded(one.mean),
            "low": rounded(one.low),
            "high": rounded(one.high),
            "by seed": {str(seed): rounded(value) for seed, value in report.by_seed(label, k).items()},
            "train_cpu_s": rounded(float(np.mean([each.train_cpu for each in some])), 1),
            "ms_a_prompt": rounded(float(np.mean([each.batch_ms for each in some])), 2),
        }
    return {"row": label, "k": points}


def _difference(report: FewShotReport, row: str, other: str, k: int) -> dict[str, Any]:
    one = report.difference(row, other, k)
    ends = {"mean": rounded(one.mean), "low": rounded(one.low), "high": rounded(one.high)}
    return {"row": row, "other": other, "k": k} | ends


def _part(rows: list[dict[str, Any]], asked: argparse.Namespace) -> dict[str, Any]:
    shown = [
        [
            row["row"],
            *(row["k"][str(k)]["auc"] for k in SHOTS),
            f"{row['k'][str(SHOTS[-1])]['train_cpu_s']:.0f}",
            row["k"]["0"]["ms_a_prompt"],
        ]
        for row in rows
    ]
    text = (
        f"AUC of a like among {asked.most} test prompts a seed of {asked.dataset} (seeds "
        f"{', '.join(map(str, asked.seeds))}), after K examples. Carried rows learned from people of {asked.knowledge} "
        f"before. Training CPU is that of K={SHOTS[-1]}."
    )
    columns = ["row", *(f"K={k}" for k in SHOTS), "training CPU s", "CPU ms a prompt"]
    return {
        "place": 3.75,
        "title": "A language model learns likes",
        "text": text,
        "columns": columns,
        "rows": shown,
        "digits": 3,
    }


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--dataset", default="ml-100k")
    parser.add_argument("--knowledge", default="ml-1m", help="a data set of other people")
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1])
    parser.add_argument("--most", type=int, default=300, help="test prompts of a seed")
    parser.add_argument("--weighed", type=int, default=400, help="prompts on which the blend with the judge is weighed")
    parser.add_argument("--rows", default="", help="only these rows, apart by semicolons; for a second process")
    parser.add_argument("--only", action="store_true", help="measure and keep the answers, but write no table")
    parser.add_argument("--train", choices=("joint", "meta", "read_on"), help="only train this start")
    parser.add_argument(
        "--work", type=Path, default=Path("build/benchmarks/llm_tuning"), help="checkpoints and answers"
    )
    parser.add_argument("--out", type=Path, default=None, help="folder of the results; default benchmarks/results")
    return parser


_ABOUT = (
    "One title, yes or no, after ten others, as in few_shot.json but on fewer test prompts, since a language "
    "model takes tenths of a second for each. SmolLM2 asked: a question in chat form. Lines: the model goes on "
    "with a list of titles, each with yes or no. + LoRA: low-rank weights on the highest ten layers learn from "
    "K examples and their histories, forty steps of eight at most, stopped on as many validation prompts (48 at"
    " most). Carried, LoRA: the same after 1,500 prompts of the other data set; meta-tuned: that start after "
    "Reptile over tasks of 32 prompts. Read on: continued pre-training on the catalogue and histories of the "
    "other data set. Rows that learn nothing from examples are measured once. CPU ms a prompt of tuned rows "
    "leave out lower layers that another row computed. A start whose training was broken off and went on has no"
    " CPU seconds."
)

if __name__ == "__main__":
    run(main)
