"""Distillation: a student's form, its lessons, the sums it is solved from, and what it keeps of its teacher."""

import subprocess
import sys
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import warmstart as ws
from tests.recommenders.worlds import bare, world
from warmstart.core.errors import BadConfig, BadInput
from warmstart.core.histories import Histories
from warmstart.core.run import Run
from warmstart.data.dataset import Dataset
from warmstart.meta.distillation.ensemble import blended, ensemble
from warmstart.meta.distillation.form import Form
from warmstart.meta.distillation.lessons import adapted_lessons, hidden_likes, whole_lessons
from warmstart.meta.distillation.student import Student
from warmstart.meta.distillation.sums import Sums
from warmstart.meta.distillation.taught import TaughtTasks, distil_learner
from warmstart.meta.distillation.teacher import Space, graded, scores_of
from warmstart.meta.learners.task_set import TaskSet
from warmstart.meta.maps import DenseMap, factored
from warmstart.meta.prior import Support
from warmstart.recommenders.base import Recommender
from warmstart.recommenders.hybrid import standardised
from warmstart.representation.context import Context

N = 9


def a_form(kind: str) -> Form:
    rng = np.random.default_rng(0)
    constants = rng.standard_normal((4, N)).astype(np.float32)
    rows = rng.standard_normal((N, N)).astype(np.float32)
    np.fill_diagonal(rows, 0)
    if kind == "factored":
        left, right = (rng.standard_normal(shape).astype(np.float32) for shape in ((N, 3), (3, N)))
        return Form((0, 1, 3, 6), constants, 0.4, factored(left, right))
    columns = np.array([1, 4, 8]) if kind == "narrow" else None
    return Form((0, 1, 3, 6), constants, 0.4, DenseMap(rows if columns is None else rows[:, columns]), columns)


every_form = pytest.mark.parametrize("kind", ["dense", "factored", "narrow"])
supports = st.lists(st.tuples(st.integers(0, N - 1), st.sampled_from([0.25, 0.6, 1.0])), max_size=N)


@every_form
@settings(max_examples=30, deadline=None)
@given(events=supports.map(lambda some: list(dict(some).items())))
def test_one_person_is_scored_as_in_a_batch_and_by_a_sum_of_contributions(kind, events):
    form = a_form(kind)
    items = np.array([item for item, _ in events], dtype=np.int32)
    weights = np.array([weight for _, weight in events], dtype=np.float32)
    whole = np.array([weights.sum()], dtype=np.float64)
    support = Support(np.array([0, len(items)]), items, weights, None, whole)
    one = form.one(items.tolist(), weights, support.count_of_one)
    np.testing.assert_allclose(one, form.scores(support)[0], atol=1e-5)
    for target in range(N):
        start, parts = form.contributions(items, weights, support.count_of_one, target)
        assert start + parts.sum() == pytest.approx(one[target], abs=1e-5)


@every_form
def test_without_weights_all_events_weigh_one(kind):
    form, items = a_form(kind), [2, 4, 5]
    np.testing.assert_allclose(form.one(items, None, 3), form.one(items, np.ones(3, np.float32), 3), atol=1e-5)


@every_form
def test_scores_are_nobody_elses_to_change(kind):
    form = a_form(kind)
    form.one([], None, 0)[:] = 7
    assert not (form.one([], None, 0) == 7).any()


@every_form
def test_a_form_comes_back_as_it_was(kind):
    form = a_form(kind)
    again = Form.restore(*form.state(), N)
    np.testing.assert_array_equal(again.one([1, 2], None, 2), form.one([1, 2], None, 2))


def test_what_events_do_not_speak_for_keeps_its_constant():
    form = a_form("narrow")
    assert form.columns is not None
    others = np.setdiff1d(np.arange(N), form.columns)
    np.testing.assert_array_equal(form.one([0, 3], None, 2)[others], form.constant(2)[others])
    assert form.contributions(np.array([0]), np.ones(1, np.float32), 1, int(others[0]))[1].tolist() == [0]


def test_columns_outside_the_catalogue_are_refused():
    header, arrays = a_form("narrow").state()
    with pytest.raises(ValueError, match="outside"):
        Form.restore(header, arrays | {"columns": np.array([1, 4, N])}, N)


def test_constants_beyond_the_last_are_the_last():
    form = a_form("dense")
    np.testing.assert_array_equal(form.constant(40), form.constant(6))


def test_sums_give_what_a_ridge_regression_over_all_lessons_gives():
    rng, exponent, ridge = np.random.default_rng(1), 0.5, 0.7
    sums, features, answers, ones = Sums(5, 3, (exponent,)), [], [], []
    for k in (1, 4):
        for _ in range(2):
            told, said = rng.standard_normal((8, 5)), rng.standard_normal((8, 3))
            sums.add(k, told.astype(np.float32), said.astype(np.float32))
            features.append(told * k**-exponent)
            answers.append(said)
            ones.append(np.tile([k == 1, k == 4], (8, 1)).astype(float))
    sums.close()
    design = np.hstack([np.vstack(features), np.vstack(ones)])
    system = design.T @ design + np.diag([ridge] * 5 + [0, 0])
    wanted = np.linalg.solve(system, design.T @ np.vstack(answers))
    found = sums.solved(exponent, ridge)
    np.testing.assert_allclose(found, wanted[:5], atol=1e-4)
    np.testing.assert_allclose(sums.constant(4, found, exponent), wanted[6], atol=1e-4)


def test_with_great_shrinkage_what_was_known_before_stays():
    rng = np.random.default_rng(2)
    sums, before = Sums(4, 2, (0.0,)), rng.standard_normal((4, 2)).astype(np.float32)
    sums.add(1, rng.standard_normal((9, 4)).astype(np.float32), rng.standard_normal((9, 2)).astype(np.float32))
    sums.close()
    np.testing.assert_allclose(sums.solved(0.0, 1e7, before), before, atol=1e-4)


def test_lessons_of_one_number_come_together():
    sums, one = Sums(1, 1, (0.0,)), np.ones((1, 1), np.float32)
    sums.add(1, one, one)
    sums.add(2, one, one)
    with pytest.raises(ValueError, match="together"):
        sums.add(1, one, one)


def test_lessons_show_k_events_of_a_person_the_earliest_first():
    data = world(n_users=30)
    first = next(iter(adapted_lessons(data, 10, Run())))
    assert first.k == 1
    for lesson in adapted_lessons(data, 60, Run()):
        assert lesson.shown.lengths.tolist() == [lesson.k] * len(lesson.users)
        for row, user in enumerate(lesson.users):
            assert set(lesson.shown[row].items) <= set(data.histories[user].items)
    likes = data.likes()
    for row, user in enumerate(first.users):
        assert first.shown[row].items[0] == likes[user].items[0]


def test_what_is_shown_is_never_asked_for():
    data = world()
    for lesson in adapted_lessons(data, 20, Run()):
        asked = hidden_likes(data, lesson)
        assert (asked[lesson.shown.rows, lesson.shown.items] <= 1e-6).all()


def test_whole_lessons_are_whole():
    data = world()
    assert sum(len(lesson.shown.items) for lesson in whole_lessons(data)) == len(data.histories.items)


def a_student(teacher: Recommender, data: Dataset, **changed: Any) -> Student:
    found = ws.distil(teacher, data, **changed)
    assert isinstance(found, Student)
    return found


def agreement(one: np.ndarray, other: np.ndarray, shown: Histories | None = None) -> float:
    """Return the correlation of two recommenders' scores, person by person, over what they have not been shown."""
    left = np.ones(one.shape, dtype=bool)
    if shown is not None:
        left[shown.rows, shown.items] = False
    return float(np.mean([np.corrcoef(a[free], b[free])[0, 1] for a, b, free in zip(one, other, left, strict=True)]))


@pytest.fixture(scope="module")
def data():
    return world(n_users=150)


@pytest.fixture(scope="module")
def teacher(data):
    return ws.recommender("item_knn", neighbours=6).fit(data)


@pytest.mark.parametrize("changed", [{}, {"rank": 12}, {"ridge": 3.0, "exponent": 0.5, "likes_share": 0.0}])
def test_a_student_agrees_with_its_teacher_and_better_than_what_everybody_likes(data, teacher, changed):
    student = ws.distil(teacher, data, each=400, **changed)
    popular = ws.recommender("popularity").fit(data)
    for k in (1, 3):
        able = np.flatnonzero(data.likes().lengths >= k)[:40]
        items = [data.likes()[user].items[:k].tolist() for user in able]
        shown = Histories.of(items, [[5.0] * k] * len(items))
        said = teacher.score(shown)
        found = agreement(student.score(shown), said, shown)
        assert found > 0.75
        assert found > agreement(popular.score(shown), said, shown) + 0.1


def test_a_stranger_is_told_what_the_teacher_tells(data, teacher):
    student = ws.distil(teacher, data, each=100)
    np.testing.assert_allclose(student.score([[]])[0], scores_of(teacher)(Histories.of([[]]))[0], atol=1e-5)


def test_whole_histories_and_likes_alone_teach_too(data, teacher):
    for lessons in ("histories", "likes"):
        student = a_student(teacher, data, lessons=lessons, each=100)
        assert np.isfinite(student.score(data.histories[:5])).all()
        assert student.config.lessons == lessons


def test_fitting_trains_the_teacher_first(data):
    fitted = ws.recommender("student", teacher="item_knn", each=50).fit(data)
    taught = ws.distil(ws.recommender("item_knn").fit(data), data, each=50)
    np.testing.assert_allclose(fitted.score(data.histories), taught.score(data.histories), atol=1e-5)


def test_columns_are_those_that_the_teacher_lists(data, teacher):
    narrow = a_student(teacher, data, each=100, columns=6)
    assert narrow.form.columns is not None
    assert len(narrow.form.columns) == 6
    assert narrow.form.events.arrays("events")["events.rows"].shape == (data.n_items, 6)


@pytest.fixture(scope="module")
def learner(data):
    return ws.recommender("r2d2", epochs=0, dimension=5).fit(data)


def test_all_of_a_teachers_vectors_give_its_scores(data, learner):
    space = Space.of(learner, data.histories, dimension=99)
    some = data.histories[:20]
    np.testing.assert_allclose(space.start + space.speak(some) @ space.right, learner.score(some), atol=1e-4)


def test_vectors_are_matched_in_fewer_numbers(data, learner):
    student = a_student(learner, data, lessons="vectors", rank=3, each=100)
    assert student.form.events.arrays("events")["events.left"].shape == (data.n_items, 3)
    assert agreement(student.score(data.histories[:30]), learner.score(data.histories[:30])) > 0.8


def test_a_teacher_without_vectors_has_none_to_match(data, teacher):
    with pytest.raises(BadInput, match="makes no vectors"):
        ws.distil(teacher, data, lessons="vectors", each=10)


def test_other_items_are_refused(data):
    foreign = ws.recommender("popularity").fit(world("str"))
    with pytest.raises(BadInput, match="different items"):
        ws.distil(foreign, data)


def test_nobody_is_her_own_teacher():
    for wrong in ({"teacher": "student"}, {"rank": 3, "columns": 3}):
        with pytest.raises(BadConfig):
            ws.recommender("student", **wrong)


def test_a_student_may_teach(data, teacher):
    first = a_student(teacher, data, each=200)
    second = ws.distil(first, data, each=200, exponent=first.form.exponent, ridge=0.1, likes_share=0.0)
    assert agreement(second.score(data.histories[:30]), first.score(data.histories[:30])) > 0.95


def test_small_learners_are_taught_by_scores(data, teacher):
    plain = TaskSet.of(data)
    tasks = TaughtTasks(
        plain.episodes, plain.attributes, plain.places, speak=scores_of(teacher), catalogue=data.catalogue
    )
    batch = tasks.draw(plain.usable[:6], np.random.default_rng(0))
    assert (batch.query[batch.seen] == 0).all()
    assert len(np.unique(batch.query)) > 2, "a teacher has more to say than yes and no"
    shares = plain.shares
    assert batch.query[~batch.seen].mean() == pytest.approx(float(shares.mean()), abs=2 * float(shares.std()))


def test_a_taught_learner_is_one_of_its_name(data, teacher, tmp_path):
    taught = distil_learner("prototypes", teacher, data, dimension=4, epochs=1)
    again = ws.load(taught.save(tmp_path / "model"))
    assert again.name == "prototypes"
    np.testing.assert_allclose(again.score(data.histories[:4]), taught.score(data.histories[:4]), atol=1e-5)


@pytest.mark.parametrize("into", ["popularity", "student "])
def test_what_cannot_be_distilled_into_is_refused(data, teacher, into):
    with pytest.raises(BadInput):
        ws.distil(teacher, data, into=into)


def test_an_ensemble_says_what_its_members_say(data):
    members = [ws.recommender(name).fit(data) for name in ("item_knn", "ease")]
    both = blended(members, {"item_knn": 1.0, "ease": 0.5})
    parts = [standardised(one.score(data.histories)) for one in members]
    np.testing.assert_allclose(both.score(data.histories), parts[0] + 0.5 * parts[1], atol=1e-4)
    rng = np.random.default_rng(0)
    chosen = ensemble(members, bare([rng.permutation(15)[:12].tolist() for _ in range(20)], 15))
    assert set(chosen.config.weights) == {"item_knn", "ease"}
    assert max(chosen.config.weights.values()) == pytest.approx(1.0)


def test_an_ensemble_of_two_alike_is_refused(data, teacher):
    with pytest.raises(BadInput, match="different names"):
        ensemble([teacher, teacher], data)
    with pytest.raises(BadInput, match="likes enough"):
        ensemble([teacher], data.take_users(np.arange(0)))


def test_answering_needs_no_torch(data, teacher, tmp_path):
    path = ws.distil(teacher, data, each=50).save(tmp_path / "model")
    asks = f"import sys, warmstart as ws; ws.load({str(path)!r}).recommend(k=2); sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", asks], check=False).returncode == 0


def test_events_that_are_no_likes_weigh_less():
    one = graded(Histories.of([[0, 1]], [[5.0, 1.0]]), 4.0)
    assert one.weights.tolist() == pytest.approx([1.0, 0.6])


def test_one_quick_path_equals_the_other(data, teacher):
    student = ws.distil(teacher, data, each=50)
    for history in ([(data.item_ids[0], 5.0)], [(data.item_ids[0], 5.0), (data.item_ids[1], 1.0)]):
        one = student._read([history], "raise")
        np.testing.assert_allclose(student.scores_of(one, Context()), student.score([history, history])[1], atol=1e-5)
