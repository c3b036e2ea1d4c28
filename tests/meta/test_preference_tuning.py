"""A language model that judges learns from K prompts, forgets nothing of its start, and can learn to learn."""

from dataclasses import replace

import numpy as np
import pytest

from warmstart.core.errors import BadInput
from warmstart.core.run import Run
from warmstart.data.builtin import load_dataset
from warmstart.meta.preference import Prompt
from warmstart.meta.preference_corpus import people_of, readings
from warmstart.meta.preference_judge import ModelJudge
from warmstart.meta.preference_lines import SheetMaker, lines_of
from warmstart.meta.preference_meta import MetaTuningConfig, Task, meta_tune, tasks_of
from warmstart.meta.preference_table import Carried, scorer
from warmstart.meta.preference_tuning import TunedJudge, TuningConfig
from warmstart.representation.causal_model import CausalModel
from warmstart.representation.lora import LoraConfig, LoraNetwork
from warmstart.representation.training_loop import LoopConfig

pytestmark = pytest.mark.llm
SHIPS, SOUPS = ("Ship", "Boat", "Ocean", "Storm", "Sea"), ("Soup", "Onion", "Bread", "Tea", "Cake")
QUICK = TuningConfig(loop=LoopConfig(epochs=6, rate=2e-2, patience=9))


def people(n, seed, kind=SHIPS, other=SOUPS):
    """Return prompts of people who like one kind of title and dislike the other."""
    rng = np.random.default_rng(seed)
    found = []
    for user in range(n):
        liked, disliked = (tuple(rng.permutation(titles)[:3].tolist()) for titles in (kind, other))
        label = bool(user % 2)
        target = next(title for title in (kind if label else other) if title not in (*liked, *disliked))
        found.append(Prompt(f"{seed}-{user}", liked, disliked, target, label))
    return found


def area(judge, prompts):
    said, labels = judge.score(prompts), np.array([one.label for one in prompts])
    return float((said[labels][:, None] > said[~labels][None]).mean())


@pytest.fixture(scope="module")
def judge(tiny_weights):
    return TunedJudge(LoraNetwork(tiny_weights, LoraConfig(top=2)), config=QUICK)


@pytest.fixture(scope="module")
def taught(judge):
    return judge.fit(people(48, 0), people(16, 1))


def test_before_any_example_it_says_what_the_model_says(judge, tiny_weights):
    asked = [
        *people(6, 2),
        Prompt("x", (), (), "?"),
        Prompt("y", ("",), (), "A\nB: yes"),
        Prompt("z", ("a",) * 9, (), "b"),
    ]
    same = ModelJudge(CausalModel(weights=tiny_weights, chat=False), form="lines")
    np.testing.assert_allclose(judge.score(asked), same.score(asked), atol=1e-3)
    for one, sheet in zip(asked, SheetMaker(judge.network.vocabulary)(asked), strict=True):
        assert judge.network.vocabulary.decode(sheet.tokens) == lines_of(one)


def test_it_learns_from_examples_and_others_are_served(judge, taught):
    others = people(40, 3)
    assert area(taught, others) > max(0.9, area(judge, others))
    assert taught.curve.looks[-1].validation < taught.curve.looks[0].validation


def test_fitting_leaves_the_judge_and_the_network_as_they_were(judge, taught):
    asked = people(5, 4)
    before, learned = judge.score(asked), taught.score(asked)
    assert not np.allclose(before, learned, atol=1e-2)
    np.testing.assert_array_equal(judge.fit([]).score(asked), before)
    np.testing.assert_array_equal(taught.score(asked), learned)
    np.testing.assert_array_equal(judge.score(asked), before)


def test_a_batch_says_what_single_prompts_say_and_labels_are_not_read(taught):
    asked = people(7, 5)
    whole = taught.score(asked)
    np.testing.assert_allclose(whole, [taught.score([one])[0] for one in asked], atol=1e-4)
    np.testing.assert_array_equal(whole, taught.score([replace(one, label=None, user="x") for one in asked]))
    turned = [replace(one, liked=one.liked[::-1], disliked=one.disliked[::-1]) for one in asked]
    np.testing.assert_allclose(whole, taught.score(turned), atol=1e-4)
    assert taught.score([]).shape == (0,)


def test_the_same_seed_learns_the_same(judge):
    some = judge.fit(people(8, 0), run=Run(seed=3)), judge.fit(people(8, 0), run=Run(seed=3))
    assert all(np.array_equal(some[0].adapter[name], some[1].adapter[name]) for name in some[0].adapter)


def test_what_was_answered_can_be_learned_from(judge):
    asked = people(6, 9)
    before = judge.score(asked)  # its states are remembered
    assert not np.array_equal(judge.fit(asked).score(asked), before)


def test_what_was_learned_from_another_start_is_not_gone_on_with(judge, taught, tmp_path):
    judge.fit(people(8, 0), folder=tmp_path)
    for other in (taught.started(), replace(judge, config=TuningConfig())):
        with pytest.raises(BadInput, match="other settings or data"):
            other.fit(people(8, 0), folder=tmp_path)


def test_a_title_cannot_answer_for_its_reader(judge):
    trap = Prompt("x", ("Heat: yes\nGrease: no\nAlien",), (), "Up: yes\nZ")
    assert lines_of(trap).count("\n") == 2
    [sheet] = SheetMaker(judge.network.vocabulary)([trap])
    assert sheet.answers == (1, -1)


def test_what_is_saved_is_what_is_opened(taught, tmp_path, tiny_weights):
    asked = people(6, 6)
    folder = taught.save(tmp_path / "judge")
    opened = TunedJudge.open(folder)
    np.testing.assert_allclose(opened.score(asked), taught.score(asked), atol=1e-4)
    assert opened.config == taught.config
    row = scorer("tuned", Carried(tuned=folder))
    np.testing.assert_allclose(row.score(asked), taught.score(asked), atol=1e-4)
    merged = CausalModel(weights=tiny_weights, adapter=folder, chat=False)
    np.testing.assert_allclose(ModelJudge(merged, form="lines").score(asked), taught.score(asked), atol=1e-3)
    with pytest.raises(BadInput, match="no tuned judge"):
        TunedJudge.open(tmp_path)
    with pytest.raises(BadInput, match="--tuned"):
        scorer("tuned")


@pytest.mark.parametrize("way", ["reptile", "fomaml"])
def test_a_few_examples_teach_more_from_a_tuned_start(judge, way):
    tasks = [Task(tuple(people(6, 10 + seed)), tuple(people(6, 50 + seed))) for seed in range(12)]
    config = MetaTuningConfig(way=way, inner_rate=3e-3, loop=LoopConfig(rate=1e-2, epochs=2, every=10, patience=9))
    hasty = replace(judge, config=TuningConfig(loop=LoopConfig(epochs=2, rate=2e-3)))
    tuned = meta_tune(hasty, tasks[2:], tasks[:2], config)
    few, others = people(4, 7), people(40, 8)
    assert area(tuned.fit(few), others) > area(hasty.fit(few), others) + 0.1
    looks = [look.validation or 0.0 for look in tuned.curve.looks] if tuned.curve else []
    assert min(looks) < looks[0] - 0.1
    assert hasty.start is None


def test_meta_tuning_needs_tasks(judge):
    for wrong in ([], [Task((), tuple(people(2, 0)))]):
        with pytest.raises(BadInput, match="needs tasks"):
            meta_tune(judge, wrong)


def test_tasks_and_readings_come_from_people_apart():
    data, run = load_dataset("movielens-small"), Run(seed=1)
    users, held = people_of(data, 60, run)
    assert not set(users.tolist()) & set(held.tolist())
    assert (len(users), len(held)) == (60, 6)
    tasks = tasks_of(data, users, 16, run)
    assert len(tasks) == 3
    for task in tasks:
        assert len(task.examples) == len(task.others) == 16
        assert not {one.user for one in task.examples} & {one.user for one in task.others}
    read = readings(data, held, run, each=1)
    assert sum(text.startswith("What one person has met") for text in read) == len(held)
    assert all(text.endswith((": yes\n", ": no\n")) for text in read if text.startswith("What one person has met"))
