"""What a language model's yes or no is worth, and a student of it; writes ``results/llm_ranking.json``."""

import argparse
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

import numpy as np
import numpy.typing as npt

from benchmarks.tables import rounded, run, write
from warmstart.core.histories import Histories
from warmstart.core.ranking import top_k
from warmstart.core.run import Run
from warmstart.core.tasks import Tasks
from warmstart.data.builtin import load_dataset
from warmstart.data.dataset import Dataset
from warmstart.data.episodes import cold_user_tasks
from warmstart.data.split import split_users
from warmstart.evaluation.cost import Stopwatch
from warmstart.evaluation.few_shot import FewShotPreference, PromptParts
from warmstart.evaluation.pooled_auc import Answers, auc_draws, interval, pooled_auc
from warmstart.meta.distil_ranker import Distilled, Student, unlabelled
from warmstart.meta.exam import ndcg_of_each
from warmstart.meta.preference import LikeRate, PreferenceScorer, Prompt, labels_of
from warmstart.meta.preference_facts import TitleReader
from warmstart.meta.preference_judge import ModelJudge
from warmstart.meta.preference_table import Carried, scorer
from warmstart.recommenders.llm_asking import NOTHING, LlmRankingConfig, Taste, log_odds, title_log_odds
from warmstart.recommenders.llm_ranking import LlmRanker, Outcome, chosen_weight, mixed
from warmstart.recommenders.table import recommender
from warmstart.representation.language_model import LanguageModel, open_language_model
from warmstart.representation.text import item_texts

Doubles = npt.NDArray[np.float64]
SEED, SHOT, POOL, FIRST = 0, 5, 20, 20
CHOOSING, ASKED = 80, 400
"""Prompts on which calibration is chosen, and on which everybody is measured."""
HISTORIES, TARGETS = 80, 15
"""What the language model teaches on: histories, and titles at random for each beside its own target."""
PLENTY = 10_000
"""Histories on which the quick teacher teaches, two targets each."""
TIMED, TIMED_STUDENT = 30, 1_000
WEIGHTS = (0.0, 0.05, 0.1, 0.2, 0.3, 0.5, 0.7, 1.0)
DRAWS = 2_000
SHUFFLES = 50
PATIENT = 3_600.0
"""No deadline, for here the quality is measured."""


@dataclass(frozen=True, slots=True)
class Lists:
    """Cold users with the first candidates of the incoming list."""

    tasks: Tasks
    tastes: list[Taste]
    titles: list[list[str]]
    places: list[npt.NDArray[np.int64]]
    scores: npt.NDArray[np.float32]

    def ndcg(self, said: Sequence[Doubles | None], weight: float) -> Doubles:
        """Return each user's nDCG@10 where the first candidates are blended so."""
        found = self.scores.astype(np.float64)
        for row, (one, places) in enumerate(zip(said, self.places, strict=True)):
            if one is not None:
                incoming = self.scores[row, places].astype(np.float64)
                order = np.argsort(-mixed(incoming, one, weight), kind="stable")
                found[row, places[order]] = found[row].max() + 1 + np.arange(len(places))[::-1]
        return ndcg_of_each(found.astype(np.float32), self.tasks)


def main(arguments: list[str]) -> int:
    """Measure teachers and students on prompts, then the model and the students on lists."""
    asked = _parser().parse_args(arguments)
    data = load_dataset(asked.dataset)
    parts = FewShotPreference(seeds=(SEED,)).split(data, SEED)
    if data.items is None:
        raise SystemExit(f"{data.name} says nothing of its items.")
    texts = dict(zip(data.catalogue.titles, item_texts(data.items), strict=True))
    chat = open_language_model("smollm2", cache=asked.cache)
    calibration = _calibrations(chat, parts.validation[:CHOOSING])
    judge = ModelJudge(chat, LlmRankingConfig(calibrated=calibration["chosen"] == "both"))
    reader = TitleReader.of(load_dataset("movielens-small").items)
    blend = scorer("carried blend", Carried.of(load_dataset(asked.knowledge), Run(seed=SEED), reader))
    few = unlabelled(parts.train[:HISTORIES], list(texts), TARGETS, SEED)
    many = unlabelled(parts.train[:PLENTY], list(texts), 1, SEED)
    llm_student = Distilled(judge, few, chance=False, texts=texts).fit([]).student
    blend_student = Distilled(blend, many, texts=texts).fit([]).student
    fresh = ModelJudge(open_language_model("smollm2"), judge.config)
    prompts = {
        "SmolLM2, zero-shot": _pair(judge, llm_student, fresh, parts, len(few)),
        "carried blend": _pair(blend, blend_student, blend, parts, len(many)),
        "like rate": {"teacher": _area(LikeRate().score(parts.test[:ASKED]), parts.test[:ASKED])},
    }
    print(calibration, prompts, flush=True)
    students = {"student of SmolLM2": llm_student, "student of the blend": blend_student}
    lists = _lists_measured(data, chat, open_language_model("smollm2", cache=asked.cache, chat=False), students, asked)
    content = {
        "readme": [part_of(prompts)],
        "about": _ABOUT,
        "calibration": calibration,
        "prompts": prompts,
        "lists": lists,
    }
    write("llm_ranking", content, asked.out)
    return 0


def _calibrations(model: LanguageModel, prompts: Sequence[Prompt]) -> dict[str, Any]:
    """Choose on validation prompts whether to calibrate."""
    tastes, titles = [Taste(one.liked, one.disliked) for one in prompts], [one.target for one in prompts]
    said = log_odds(model, tastes, titles)
    title, taste = title_log_odds(model, titles), log_odds(model, tastes, [NOTHING] * len(prompts))
    ways = {"none": said, "title": said - title, "taste": said - taste, "both": said - title - taste}
    areas = {name: pooled_auc(_answers(one, prompts)) for name, one in ways.items()}
    chosen = "none" if areas["none"] >= areas["both"] else "both"
    return {
        "validation prompts": len(prompts),
        "auc": {name: rounded(area) for name, area in areas.items()},
        "chosen": chosen,
    }


def _pair(
    teacher: PreferenceScorer, student: Student | None, fresh: PreferenceScorer, parts: PromptParts, pairs: int
) -> dict[str, Any]:
    """Return both areas, what of the teacher's the student keeps, and what an answer of either costs."""
    if student is None:
        raise SystemExit("The student has not learned.")
    asked = parts.test[:ASKED]
    taught, learned = teacher.score(asked), student.score(asked)
    first, second = (auc_draws(_answers(one, asked), SEED, DRAWS) for one in (taught, learned))
    kept = pooled_auc(_answers(learned, asked)) / pooled_auc(_answers(taught, asked))
    share = interval(kept, second / first, len({one.user for one in asked}))
    costs = _cost(fresh, asked[:TIMED]), _cost(student, parts.test[:TIMED_STUDENT])
    # a language model would take an hour for them
    whole = None if isinstance(teacher, ModelJudge) else _area(teacher.score(parts.test), parts.test)
    return {
        "pairs learned from": pairs,
        "teacher": _area(taught, asked) | {"cpu ms a prompt": rounded(costs[0], 3)},
        "student": _area(learned, asked) | {"cpu ms a prompt": rounded(costs[1], 4)},
        "teacher, all test prompts": whole,
        "student, all test prompts": _area(student.score(parts.test), parts.test),
        "correlation": rounded(float(np.corrcoef(taught, learned)[0, 1]), 3),
        "share of the teacher's AUC": {"mean": rounded(kept), "low": rounded(share.low), "high": rounded(share.high)},
        "share of its cost": rounded(costs[1] / costs[0], 6),
    }


def _cost(row: PreferenceScorer | Student, prompts: Sequence[Prompt]) -> float:
    row.score(prompts[:1])
    watch = Stopwatch()
    with watch.running():
        row.score(prompts[1:])
    return 1000 * watch.cpu / (len(prompts) - 1)


def _answers(scores: npt.ArrayLike, prompts: Sequence[Prompt]) -> Answers:
    return Answers.of([one.user for one in prompts], labels_of(prompts) > 0, scores)


def _area(scores: npt.ArrayLike, prompts: Sequence[Prompt]) -> dict[str, Any]:
    answers = _answers(scores, prompts)
    found = interval(pooled_auc(answers), auc_draws(answers, SEED, DRAWS), answers.n_users)
    area = {"auc": rounded(found.mean), "low": rounded(found.low), "high": rounded(found.high)}
    return area | {"prompts": len(prompts), "users": answers.n_users}


def _lists_measured(
    data: Dataset, chat: LanguageModel, raw: LanguageModel, students: Mapping[str, Student | None], asked: Any
) -> dict[str, Any]:
    """Return nDCG@10 before and after, each way with its weight chosen on validation users."""
    train, validation, test = split_users(data.n_users, SEED)
    model = recommender("meta", values=False).fit(data.take_users(train), validation=data.take_users(validation))
    groups = [_lists(model, data, users, most) for users, most in ((validation, asked.users), (test, asked.users))]
    few = [_lists(model, data, users, most) for users, most in ((validation, asked.few), (test, 2 * asked.few))]
    how = {"weight": 1.0, "deadline": PATIENT, "first": FIRST}
    found = {}
    for calibrated in (False, True):
        ranker = LlmRanker(chat, way="pointwise", calibrated=calibrated, **how)
        found[f"point-wise, {'calibrated' if calibrated else 'plain'}"] = _blended(ranker, *groups)
        print(found, flush=True)
    for name, student in students.items():
        chosen_on, said = (_by_student(student, one) for one in groups)
        found[name] = _judged(groups[0], groups[1], chosen_on, said)
    for rotations, calibrated in ((1, False), (2, False), (2, True)):
        ranker = LlmRanker(raw, way="listwise", calibrated=calibrated, rotations=rotations, **how)
        name = f"list-wise, {rotations} order{'s' if rotations > 1 else ''}{', calibrated' if calibrated else ''}"
        found[name] = _blended(ranker, *few)
        print(name, found[name], flush=True)
    chance = {"the first 20 in an order at random": rounded(_at_random(groups[1])), "users": len(groups[1].tasks)}
    return {"k": SHOT, "first": FIRST, "rows": found, "by chance": chance, "cost": _list_costs(groups[1])}


def _lists(model: Any, data: Dataset, users: Any, most: int) -> Lists:
    tasks = cold_user_tasks(data, users, (SHOT,), "likes", POOL, SEED)[SHOT]
    few = np.arange(min(most, len(tasks)))
    tasks = Tasks(tasks.support[few], tasks.query[few], tasks.hidden[few], tasks.users[few])
    scores = model.score(tasks.support).astype(np.float32)
    open_to = scores.copy()
    for row in range(len(tasks)):
        open_to[row, tasks.hidden[row].items] = -np.inf
    places = [top_k(row, FIRST) for row in open_to]
    names = data.catalogue.titles
    tastes = [Taste(tuple(names[item] for item in _items(tasks.support, row))) for row in range(len(tasks))]
    return Lists(tasks, tastes, [[names[one] for one in row.tolist()] for row in places], places, scores)


def _items(histories: Histories, row: int) -> list[int]:
    found: list[int] = histories[row].items.tolist()
    return found


def _blended(ranker: LlmRanker, validation: Lists, test: Lists) -> dict[str, Any]:
    said, outcomes = [], []
    for group in (validation, test):
        found = [ranker.rerank(taste, titles) for taste, titles in zip(group.tastes, group.titles, strict=True)]
        said.append([one.said if one.outcome is Outcome.RANKED else None for one in found])
        outcomes += [one.outcome.value for one in found]
    counted = {one: outcomes.count(one) for one in sorted(set(outcomes))}
    return _judged(validation, test, *said) | {"outcomes": counted}


def _by_student(student: Student | None, group: Lists) -> list[Doubles]:
    if student is None:
        raise SystemExit("The student has not learned.")
    return [
        student.score([Prompt("", taste.liked, (), title) for title in titles]).astype(np.float64)
        for taste, titles in zip(group.tastes, group.titles, strict=True)
    ]


def _judged(
    validation: Lists, test: Lists, chosen_on: Sequence[Doubles | None], said: Sequence[Doubles | None]
) -> dict[str, Any]:
    weight = chosen_weight(lambda one: float(validation.ndcg(chosen_on, one).mean()), WEIGHTS)
    before, after, alone = (test.ndcg(said, one) for one in (0.0, weight, 1.0))
    rng = Run(seed=SEED).rng("lists")
    drawn = (after - before)[rng.integers(len(before), size=(DRAWS, len(before)))].mean(axis=1)
    low, high = np.quantile(drawn, [0.025, 0.975])
    return {
        "users": {"validation": len(validation.tasks), "test": len(test.tasks)},
        "weight chosen": weight,
        "validation": {str(one): rounded(validation.ndcg(chosen_on, one).mean()) for one in WEIGHTS},
        "before": rounded(before.mean()),
        "after": rounded(after.mean()),
        "gain": {"mean": rounded((after - before).mean()), "low": rounded(low), "high": rounded(high)},
        "the model's word alone": rounded(alone.mean()),
    }


def _at_random(group: Lists) -> float:
    rng = Run(seed=SEED).rng("order at random")
    orders = [[rng.random(len(places)) for places in group.places] for _ in range(SHUFFLES)]
    return float(np.mean([group.ndcg(order, 1.0).mean() for order in orders]))


def _list_costs(group: Lists) -> dict[str, Any]:
    """Return CPU seconds a list of either way, of models whose answers are not cached, and what a deadline does."""
    found: dict[str, Any] = {}
    chat, raw = open_language_model("smollm2"), open_language_model("smollm2", chat=False)
    for name, model, way in (("point-wise", chat, "pointwise"), ("list-wise, one order", raw, "listwise")):
        ranker = LlmRanker(model, way=way, calibrated=False, rotations=1, weight=1.0, deadline=PATIENT, first=FIRST)
        watch = Stopwatch()
        with watch.running():
            for row in range(3):
                ranker.rerank(group.tastes[row], group.titles[row])
        found[name] = {
            "lists": 3,
            "cpu s a list": rounded(watch.cpu / 3, 2),
            "wall s a list": rounded(watch.wall / 3, 2),
        }
    hurried = LlmRanker(raw, way="listwise", weight=1.0, deadline=0.5).rerank(group.tastes[0], group.titles[0])
    found["with a deadline of 0.5 s"] = {"outcome": hurried.outcome.value, "wall s": rounded(hurried.seconds, 2)}
    return found


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--dataset", default="ml-100k")
    parser.add_argument("--knowledge", default="ml-1m", help="a data set of other people")
    parser.add_argument("--users", type=int, default=40, help="cold users of either kind, point-wise")
    parser.add_argument("--few", type=int, default=6, help="validation users list-wise; twice as many for the test")
    parser.add_argument("--cache", type=Path, default=True, help="folder of the model's answers; default the user's")
    parser.add_argument("--out", type=Path, default=None, help="folder of the results; default benchmarks/results")
    return parser


def part_of(prompts: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """Return the table of the README."""
    rows: list[list[Any]] = []
    for name, one in prompts.items():
        kept = one.get("share of the teacher's AUC")
        rows.append([name, one["teacher"]["auc"], one["teacher"].get("cpu ms a prompt"), None])
        if kept is not None:
            rows.append([f"its student, {100 * kept['mean']:.0f}% of its AUC", *_costs(one)])
    text = (
        "Yes or no of a title after ten of MovieLens-100K, 400 prompts: what a small language model says without "
        "training, what other people's likes say, and small students of both."
    )
    columns = ["who is asked", "AUC", "CPU ms a prompt", "of the teacher's cost"]
    return {"place": 3.75, "title": "Distilled rankers", "text": text, "columns": columns, "rows": rows, "digits": 3}


def _costs(one: Mapping[str, Any]) -> tuple[float, float, str]:
    student = one["student"]
    return student["auc"], student["cpu ms a prompt"], f"1/{1 / one['share of its cost']:,.0f}"


_ABOUT = (
    "Prompts: those of the few-shot preference protocol, split by users (seed 0), K = 0; the first prompts of the test "
    "part, intervals are bootstraps over users. Calibration is chosen on validation prompts; teachers teach on "
    "unlabelled prompts of training users and on titles at random. The cost of a teacher is that of prompts whose "
    "answers were not cached, in a batch; of a student that of a batch. Lists: the first 20 of the k-shot prior for "
    "cold users with 5 likes, re-ordered; the weight of the model's word is chosen on validation users, nDCG@10 on "
    "test users. Point-wise SmolLM2 is asked as in a chat, list-wise it goes on from an example. Users are the first "
    "of each part, for the model is slow."
)

if __name__ == "__main__":
    run(main)
