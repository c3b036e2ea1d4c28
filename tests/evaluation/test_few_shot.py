"""Prompts on disk and by rule, the area over users, and the table that comes of them."""

import gzip
import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import roc_auc_score

from warmstart.core.errors import BadInput, BadTable
from warmstart.data.builtin import load_dataset
from warmstart.data.split import split_users
from warmstart.evaluation.few_shot import FewShotPreference, PromptParts, shuffled
from warmstart.evaluation.few_shot_files import read_prompts, users_of, write_prompts
from warmstart.evaluation.pooled_auc import Answers, auc_draws, auc_over_users, pooled_auc
from warmstart.meta.preference import LikeRate, Prompt
from warmstart.meta.preference_prompts import prompts_of

TEXT = st.text(min_size=1, max_size=20).map(str.strip).filter(bool)
LISTS = st.lists(TEXT, max_size=3).map(tuple)
ANY_PROMPT = st.builds(Prompt, TEXT, LISTS, LISTS, TEXT, st.booleans())


class Told:
    """Says what it is told, and notes what it was shown."""

    def __init__(self, seen, answer=None):
        self.seen = seen
        self.answer = answer

    def fit(self, prompts, validation=()):
        self.seen.append((tuple(prompts), tuple(validation)))
        return self

    def score(self, prompts):
        return LikeRate().score(prompts) if self.answer is None else np.asarray(self.answer(prompts))


def some_prompts(n, users=4):
    return [
        Prompt(f"u{place % users}", ("Up",) * (place % 3), ("Heat",), f"T{place}", place % 2 == 0) for place in range(n)
    ]


def parts_of(n=40):
    prompts = some_prompts(n)
    return PromptParts("toy", prompts[:20], prompts[20:24], prompts[24:])


def write(path, *lines):
    path.write_text("\n".join(line if isinstance(line, str) else json.dumps(line) for line in lines), encoding="utf-8")
    return path


GOOD = {"user": 1, "liked": ["Heat (1995)"], "disliked": [], "target": "Casino (1995)", "label": 1}


@given(st.lists(ANY_PROMPT, min_size=1, max_size=4))
@settings(max_examples=50, deadline=None)
def test_what_is_written_is_read(tmp_path_factory, prompts):
    file = tmp_path_factory.mktemp("prompts") / "some.jsonl"
    assert read_prompts(write_prompts(prompts, file)) == prompts


def test_titles_may_hold_anything(tmp_path):
    title = 'A "quoted"\\ title\u2028with \t odd ends, by Someone (1999)'
    file = write(tmp_path / "a.jsonl", GOOD | {"target": title, "liked": [title, 1984]})
    [found] = read_prompts(file)
    assert found.target == title
    assert found.liked == (title, "1984")


def test_forms_of_a_file(tmp_path):
    lines = "\n".join(["", json.dumps(GOOD), "", json.dumps(GOOD | {"label": "No.", "user": None})]) + "\n"
    (tmp_path / "a.jsonl.gz").write_bytes(gzip.compress(lines.encode("utf-8-sig")))
    (tmp_path / "b.json").write_text(json.dumps([GOOD, GOOD | {"label": False, "liked": None}]), encoding="utf-8")
    first, second = read_prompts(tmp_path / "a.jsonl.gz")
    assert (first.user, first.label, second.user, second.label) == ("1", True, "line 4", False)
    assert read_prompts(tmp_path / "b.json")[1].liked == ()


def test_all_faults_are_listed_with_file_and_line(tmp_path):
    file = write(
        tmp_path / "bad.jsonl",
        GOOD,
        "{not json",
        GOOD | {"label": 2, "liked": "Heat"},
        [1],
        GOOD | {"target": None, "disliked": [{"a": 1}], "user": []},
        {"user": 1},
        "[" * 5000,
    )
    with pytest.raises(BadTable) as caught:
        read_prompts(file)
    found = {(fault.where, fault.row, fault.column) for fault in caught.value.faults}
    assert {row for _, row, _ in found} == {2, 3, 4, 5, 6, 7}
    assert {where for where, _, _ in found} == {"bad.jsonl"}
    assert {("bad.jsonl", 3, "label"), ("bad.jsonl", 3, "liked"), ("bad.jsonl", 5, "disliked")} <= found
    assert {column for _, row, column in found if row == 6} == {"liked", "disliked", "target", "label"}


@pytest.mark.parametrize("content", ["", "\n\n", "[]"])
def test_an_empty_file_is_refused(tmp_path, content):
    (tmp_path / "a.jsonl").write_text(content)
    with pytest.raises(BadInput):
        read_prompts(tmp_path / "a.jsonl")


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(BadInput, match="absent.jsonl"):
        read_prompts(tmp_path / "absent.jsonl")


def test_the_rule():
    data = load_dataset("movielens-small")
    prompts = prompts_of(data, np.array([3]))
    events = data.histories[3]
    titles = [data.catalogue.titles[item] for item in events.items]
    assert len(prompts) == len(events.items) - 10
    assert [prompt.target for prompt in prompts] == titles[10:]
    last = prompts[-1]
    assert last.liked == tuple(
        title for title, value in list(zip(titles, events.values, strict=True))[-11:-1] if value >= 4
    )
    assert len(last.liked) + len(last.disliked) == 10
    assert len(prompts_of(data, np.array([3]), most=5)) == 5
    assert prompts_of(data, np.array([3]), history=10**6) == []


def test_users_are_split_and_examples_are_nested():
    data = load_dataset("movielens-small").take_users(np.arange(60))
    parts = FewShotPreference(seeds=(1,)).split(data, 1)
    groups = [set(users_of(group)) for group in (parts.train, parts.validation, parts.test)]
    assert not groups[0] & groups[1]
    assert not groups[0] & groups[2]
    assert groups[2] <= {str(data.user_ids[user]) for user in split_users(data.n_users, 1)[2]}
    assert parts.train[:3] != FewShotPreference().split(data, 0).train[:3]
    assert shuffled(parts.train, 5)[:16] == shuffled(parts.train, 5)[:64][:16]


def test_rows_are_shown_k_examples_and_as_many_to_choose_on():
    seen: list[Any] = []
    parts = parts_of()
    report = FewShotPreference(shots=(0, 2, 16, 64), seeds=(0,), draws=20).measure({"told": Told(seen)}, {0: parts})
    assert [(len(shown), len(chosen)) for shown, chosen in seen] == [(0, 0), (2, 2), (16, 4), (20, 4)]
    assert [one.shown for one in report.found] == [0, 2, 16, 20]
    assert not {prompt.target for shown, chosen in seen for prompt in (*shown, *chosen)} & {
        one.target for one in parts.test
    }


def test_a_row_that_gives_no_number_is_named():
    row = Told([], lambda prompts: np.full(len(prompts), np.nan))
    with pytest.raises(BadInput, match="'bad'"):
        FewShotPreference(shots=(0,)).measure({"bad": row}, {0: parts_of()})


def test_zero_examples_leave_the_training_files_shut(tmp_path):
    file = write_prompts(some_prompts(8), tmp_path / "test.jsonl")
    absent = tmp_path / "absent.jsonl"
    parts = FewShotPreference(shots=(0,)).ready(absent, absent, file, 0)
    assert (len(parts.train), len(parts.validation), len(parts.test)) == (0, 0, 8)
    with pytest.raises(BadInput, match="absent"):
        FewShotPreference(shots=(0, 1)).ready(absent, None, file, 0)


def test_prompts_that_are_all_liked_cannot_be_measured(tmp_path):
    file = write_prompts([Prompt("a", (), (), "Up", True)] * 3, tmp_path / "test.jsonl")
    with pytest.raises(BadInput, match="one answer"):
        FewShotPreference(shots=(0,)).ready(None, None, file, 0)


@given(
    st.lists(st.tuples(st.sampled_from("abc"), st.booleans(), st.integers(0, 4)), min_size=2, max_size=30).filter(
        lambda rows: len({row[1] for row in rows}) == 2
    )
)
@settings(max_examples=60, deadline=None)
def test_the_area_is_that_of_the_reference(rows):
    users, labels, scores = (list(column) for column in zip(*rows, strict=True))
    found = pooled_auc(Answers.of(users, labels, scores))
    assert np.isclose(found, roc_auc_score(labels, scores))
    assert np.isclose(found, 1 - pooled_auc(Answers.of(users, [not label for label in labels], scores)))


def test_the_interval_is_over_users():
    rng = np.random.default_rng(0)
    users, labels = [f"u{place % 8}" for place in range(400)], rng.random(400) < 0.5
    scores = labels + rng.normal(0, 2, 400)
    copies = Answers.of(users * 5, np.tile(labels, 5), np.tile(scores, 5))
    once, more = auc_over_users(Answers.of(users, labels, scores)), auc_over_users(copies)
    assert once.low is not None
    assert once.high is not None
    assert more.low is not None
    assert more.high is not None
    assert once.low < once.mean < once.high
    assert np.isclose(once.high - once.low, more.high - more.low)
    assert once.n == 8


def test_draws_of_the_same_users_are_paired():
    users, labels, scores = ["a", "b", "c", "d"] * 5, [True, False] * 10, np.arange(20.0)
    one, other = Answers.of(users, labels, scores), Answers.of(users, labels, 2 * scores)
    assert np.array_equal(auc_draws(one, 3, 50), auc_draws(other, 3, 50), equal_nan=True)


def test_one_user_has_no_interval():
    assert auc_over_users(Answers.of(["a"] * 4, [True, False] * 2, [1, 0, 1, 0])).low is None


def test_the_report_holds_every_number():
    rows: dict[str, Any] = {
        "like rate": LikeRate(),
        "right": Told([], lambda prompts: [float(one.label) for one in prompts]),
    }
    report = FewShotPreference(shots=(0, 4), draws=50).measure(
        rows, {seed: parts_of() for seed in (0, 1)}, costs={"right": 2.0}
    )
    assert report.labels == ["like rate", "right"]
    assert report.auc("right", 4).mean == 1.0
    gap = report.difference("right", "like rate", 4)
    assert gap.low is not None
    assert gap.low > 0
    told = json.loads(json.dumps(report.document()))
    point = told["rows"][1]["k"]["4"]
    assert point["auc"] == 1.0
    assert point["train_cpu_s"] >= 2.0
    assert set(point["by seed"]) == {"0", "1"}
    assert told["about"]["by seed"]["0"]["test"] == {"prompts": 16, "users": 4}
    assert "K=4" in report.text()
    assert "right" in report.text()
