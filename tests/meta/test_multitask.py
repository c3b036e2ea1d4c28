"""Several tasks at once: balanced gradients are against no task, what the data cannot give is left out."""

import subprocess
import sys
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import warmstart as ws
from tests.recommenders.worlds import bare, world
from warmstart.core.errors import BadInput, MissingExtra
from warmstart.core.histories import Histories
from warmstart.core.run import Run
from warmstart.data.dataset import Dataset
from warmstart.meta.learners import balance
from warmstart.meta.learners.balance import BALANCES, aggregator, balanced_step, onto_dual_cone
from warmstart.meta.learners.lessons import Lesson, Lessons, gaps_of
from warmstart.meta.learners.multitask import HEADS, SHARED, TASKS, MultiTask, MultiTaskConfig
from warmstart.meta.learners.multitask_served import MultiTaskRecommender, TogetherRecommender
from warmstart.meta.learners.task_set import Batch, TaskSet

SMALL: dict[str, Any] = {"dimension": 8, "epochs": 2, "batch": 16}
FEW = st.integers(0, 2**31 - 1)


def jacobian(seed: int, tasks: int = 3, width: int = 4) -> torch.Tensor:
    """Rows of very different lengths, for tasks are seldom on one scale."""
    rng = np.random.default_rng(seed)
    rows = rng.standard_normal((tasks, width)) * np.exp(rng.normal(0, 2, (tasks, 1)))
    return torch.tensor(rows, dtype=torch.float64)


def fitted(data: Dataset, **changed: Any) -> TogetherRecommender:
    model = MultiTaskRecommender(**SMALL | changed).fit(data)
    assert isinstance(model, TogetherRecommender)
    return model


def untimed(data: Dataset) -> Dataset:
    histories = data.histories
    rows = [history.items.tolist() for history in (histories[user] for user in range(len(histories)))]
    values = [histories[user].values.tolist() for user in range(len(histories))]
    return bare(rows, data.n_items, values)


def likes_only(data: Dataset) -> Dataset:
    return bare([data.histories[user].items.tolist() for user in range(data.n_users)], data.n_items)


def batch_of(one: MultiTask, tasks: TaskSet) -> tuple[dict[str, torch.Tensor], Batch]:
    rng = np.random.default_rng(0)
    prior = one.start(tasks, Run())
    weights = {
        name: torch.tensor(array + (0.1 * rng.standard_normal(array.shape) if name not in one.fixed else 0)).float()
        for name, array in prior.items()
    }
    for name, weight in weights.items():
        weight.requires_grad_(name not in one.fixed)
    drawn = Lessons.over(tasks).draw(tasks.usable, np.random.default_rng(1))
    query, seen = torch.from_numpy(drawn.query), torch.from_numpy(drawn.seen)
    return weights, Batch(drawn.shots.to(torch.from_numpy), query, seen)


class TestBalance:
    @given(FEW)
    @settings(max_examples=100, deadline=None)
    @pytest.mark.parametrize("name", ["upgrad", "dualproj", "mgda"])
    def test_no_task_is_made_worse(self, name, seed):
        rows = jacobian(seed)
        direction, lengths = aggregator(name)(rows), rows.norm(dim=1)
        # Frank and Wolfe's steps of mgda end within a thousandth of the longest gradient's square
        scale, slack = (lengths.max() ** 2, 1e-3) if name == "mgda" else (lengths * (direction.norm() + 1e-9), 1e-5)
        assert (rows @ direction / scale).min() > -slack

    def test_a_plain_sum_makes_some_worse(self):
        worse = [bool((rows @ aggregator("sum")(rows) < 0).any()) for rows in map(jacobian, range(100))]
        assert np.mean(worse) > 0.3

    @pytest.mark.parametrize("name", BALANCES)
    def test_tasks_that_agree_are_followed(self, name):
        direction = aggregator(name)(torch.tensor([[1.0, 0.2], [0.9, 0.3], [1.1, 0.1]]))
        assert direction[0] > 0
        assert direction[1] > 0

    @given(FEW)
    @settings(max_examples=50, deadline=None)
    def test_the_projection_is_the_nearest_point_of_the_cone(self, seed):
        rows = jacobian(seed)
        rows /= rows.norm(dim=1).max()
        u = torch.tensor([1.0, 0.0, 0.5], dtype=torch.float64)
        v = onto_dual_cone(u, rows @ rows.T)
        along = rows @ (rows.T @ v)
        assert (v >= u - 1e-12).all()
        assert (along > -1e-9).all()
        assert abs(float((v - u) @ along)) < 1e-9  # only rows that bind are added

    @pytest.mark.parametrize("name", ["upgrad", "pcgrad"])
    @pytest.mark.parametrize("dropout", [0.0, 0.3])
    def test_a_step_balances_what_is_shared_and_nothing_else(self, name, dropout):
        one = MultiTask(MultiTaskConfig(**SMALL, balance=name, dropout=dropout))
        weights, asked = batch_of(one, TaskSet.of(world()))
        shared = [weights[key] for key in SHARED]
        torch.manual_seed(3)
        people = one.read(weights, asked.shots, torch.nn.functional.dropout(one.vectors(weights, asked.shots), dropout))
        losses = one.task_losses(people, asked)
        slopes = [torch.autograd.grad(loss, shared, retain_graph=True) for loss in losses.values()]
        rows = torch.stack([torch.cat([part.flatten() for part in slope]) for slope in slopes])
        heads = {
            key: torch.autograd.grad(losses[task], weights[key], retain_graph=True)[0]
            for task in losses
            for key in HEADS[task]
        }
        torch.manual_seed(3)
        one.step(weights, asked.shots, asked.query, asked.seen)
        found = torch.cat([weights[key].grad.flatten() for key in SHARED])
        torch.manual_seed(3)
        if name == "upgrad":
            torch.testing.assert_close(found, aggregator(name)(rows), atol=1e-6, rtol=1e-3)
            assert (rows @ found > -1e-6).all()
        for key, slope in heads.items():
            torch.testing.assert_close(weights[key].grad, slope, atol=1e-6, rtol=1e-4)

    def test_one_task_needs_no_balance(self, monkeypatch):
        monkeypatch.setattr(balance, "_torchjd", lambda: pytest.fail("asked for"))
        weight = torch.ones(2, requires_grad=True)
        balanced_step([(weight**2).sum()], weight, [weight], [[]], "upgrad")
        assert weight.grad.tolist() == [2.0, 2.0]

    def test_without_torchjd_the_extra_is_named(self, monkeypatch):
        monkeypatch.setitem(sys.modules, "torchjd.aggregation", None)
        with pytest.raises(MissingExtra, match=r"warmstart\[multitask\]"):
            aggregator("upgrad")


class TestLessons:
    def test_they_reveal_what_others_are_shown(self):
        tasks = TaskSet.of(world())
        plain = tasks.draw(tasks.usable, np.random.default_rng(4))
        told = Lessons.over(tasks).draw(tasks.usable, np.random.default_rng(4))
        for name in ("items", "weights", "attributes"):
            np.testing.assert_array_equal(getattr(plain.shots, name), getattr(told.shots, name))
        np.testing.assert_array_equal(plain.query, told.query)
        np.testing.assert_array_equal(plain.seen, told.seen)

    def test_they_ask_for_what_was_given_and_for_what_came_next(self):
        data = world()
        tasks = TaskSet.of(data)
        shots = Lessons.over(tasks).draw(tasks.usable, np.random.default_rng(4)).shots
        assert isinstance(shots, Lesson)
        for row, user in enumerate(tasks.usable):
            history = data.histories[int(user)]
            k = int((shots.weights[row] > 0).sum())
            assert shots.items[row, :k].tolist() == history.items[:k].tolist()
            assert shots.values[row, :k].tolist() == history.values[:k].tolist()
            following = shots.following[row][shots.follows[row] > 0]
            assert following.tolist() == history.items[k : k + 5].tolist()
            asked = dict(zip(shots.columns[shots.rows == row], shots.given[shots.rows == row], strict=True))
            assert asked == dict(zip(history.items[k:], history.values[k:], strict=True))

    def test_gaps_are_none_where_no_event_is(self):
        one, tasks = MultiTask(MultiTaskConfig(**SMALL)), TaskSet.of(world())
        shots = Lessons.over(tasks).draw(tasks.usable, np.random.default_rng(4)).shots
        assert isinstance(shots, Lesson)
        gaps, weight = gaps_of(one.start(tasks, Run()), shots)
        assert not gaps[shots.weights == 0].any()
        assert set(np.unique(weight)) == {0.0, 1.0}


@pytest.mark.parametrize(
    ("kind", "wanted"),
    [(world, TASKS), (lambda: untimed(world()), ("like", "rating")), (lambda: likes_only(world()), ("like",))],
)
def test_what_the_data_cannot_give_is_left_out(kind, wanted):
    data = kind()
    model = fitted(data)
    histories = Histories.of([[1, 2], []])
    assert MultiTask(model.config).learned(model.prior) == wanted
    assert model.score(histories).shape == (2, data.n_items)
    for task, ask in {"rating": model.predict_values, "next": model.predict_next}.items():
        if task in wanted:
            assert np.isfinite(ask(histories)).all()
        else:
            with pytest.raises(BadInput, match="trained without"):
                ask(histories)


def test_tasks_can_be_left_out_on_purpose():
    model = fitted(world(), tasks=("like", "next"))
    with pytest.raises(BadInput, match="without the task rating"):
        model.predict_values(Histories.of([[1]]))


def test_it_ranks_by_what_is_asked():
    likes = fitted(world())
    following = fitted(world(), rank_by="next")
    histories = Histories.of([[1, 2], [5]])
    np.testing.assert_array_equal(following.score(histories), following.predict_next(histories))
    np.testing.assert_allclose(likes.predict_next(histories), following.score(histories), atol=1e-5)
    assert not np.allclose(likes.score(histories), following.score(histories))


def test_ranking_by_what_comes_next_needs_time():
    with pytest.raises(BadInput, match="needs times"):
        fitted(untimed(world()), rank_by="next")


def test_values_follow_the_person():
    model = fitted(world(n_users=200), epochs=4)
    glad, sad = model.predict_values(Histories.of([[0, 3, 6], [0, 3, 6]], [[5, 5, 5], [1, 1, 1]]))
    assert glad.mean() > sad.mean()
    assert min(glad.min(), sad.min()) >= 1
    assert max(glad.max(), sad.max()) <= 5


def test_all_heads_answer_without_torch(tmp_path):
    fitted(world()).save(tmp_path / "model")
    told = (
        "import sys, warmstart as ws\nfrom warmstart.core.histories import Histories\n"
        f"model = ws.load({str(tmp_path / 'model')!r})\none = Histories.of([[1, 2]])\n"
        "model.score(one), model.predict_values(one), model.predict_next(one)\n"
        "print('torch' in sys.modules or 'torchjd' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", told], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


def test_a_saved_model_foretells_the_same(tmp_path):
    model = fitted(world())
    again = ws.load(model.save(tmp_path / "model"))
    histories = Histories.of([[1, 2], []], [[5.0, 1.0], []])
    assert isinstance(again, TogetherRecommender)
    np.testing.assert_array_equal(model.predict_values(histories), again.predict_values(histories))
    np.testing.assert_array_equal(model.predict_next(histories), again.predict_next(histories))
