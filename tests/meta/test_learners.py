"""Laws of all learners: what answers equals what is trained, all tasks at once equal one after the other."""

import subprocess
import sys
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

import warmstart as ws
from benchmarks.plain_loop import loop_loss, loop_slopes
from tests.recommenders.worlds import world
from warmstart.core.artefact import Arrays
from warmstart.core.errors import BadInput
from warmstart.core.run import Run
from warmstart.core.tasks import Tasks
from warmstart.data.episodes import cold_user_tasks
from warmstart.meta.context import UserContext
from warmstart.meta.learners.gate import ANCHORS, Gate
from warmstart.meta.learners.gradient import ANIL, MAML, FirstOrderMAML, GradientConfig, MetaSGD
from warmstart.meta.learners.learner import Learner, VectorLearner, squared_losses
from warmstart.meta.learners.process import Process
from warmstart.meta.learners.reptile import Reptile
from warmstart.meta.learners.served import LearnerRecommender
from warmstart.meta.learners.shots import Shots
from warmstart.meta.learners.task_set import TaskSet
from warmstart.meta.prior import Support
from warmstart.recommenders.table import RECOMMENDERS, recommender_class

SERVED = {name: found for name in RECOMMENDERS if issubclass(found := recommender_class(name), LearnerRecommender)}
LEARNERS: dict[str, type[VectorLearner]] = {
    name: type(shown) for name, one in SERVED.items() if isinstance(shown := one(dimension=8).learner, VectorLearner)
}
GRADIENT = [name for name, one in LEARNERS.items() if issubclass(one, MAML)]
every = pytest.mark.parametrize("name", sorted(LEARNERS))


def learner(name: str, **settings: Any) -> VectorLearner:
    return LEARNERS[name](LEARNERS[name].config_class.of(dimension=8, **settings))


def tasks() -> TaskSet:
    data = world()
    return TaskSet.of(data, UserContext.fit(data))


def moved(one: VectorLearner, some: TaskSet, size: float = 0.1) -> Arrays:
    """Return a prior away from its start, where nothing is zero by construction."""
    rng = np.random.default_rng(0)
    return {
        name: array + (size * rng.standard_normal(array.shape)).astype(np.float32) * (0.1 if "log_" in name else 1)
        if array.dtype == np.float32
        else array
        for name, array in one.start(some, Run()).items()
    }


def tensors(prior: Arrays, grads: bool = False) -> dict[str, torch.Tensor]:
    return {name: torch.tensor(one, requires_grad=grads and one.dtype == np.float32) for name, one in prior.items()}


def support(rows: list[list[int]], attributes: int = 0) -> Support:
    lengths = np.cumsum([0, *map(len, rows)])
    told = np.full((len(rows), attributes), 0.5, np.float32) if attributes else None
    return Support(
        lengths, np.array([item for row in rows for item in row], np.int32), np.ones(lengths[-1], np.float32), told
    )


@every
def test_it_keeps_the_protocol(name):
    assert isinstance(learner(name), Learner)


@every
def test_what_answers_equals_what_is_trained(name):
    one, some = learner(name), tasks()
    prior, batch = moved(one, some), some.draw(some.usable, np.random.default_rng(1))
    answered = one.adapted(prior, batch.shots).scores()
    trained = one.adapted(tensors(prior), batch.shots.to(torch.from_numpy)).scores()
    np.testing.assert_allclose(answered, trained.numpy(), atol=1e-5, rtol=1e-5)


@every
def test_adapting_leaves_the_prior_as_it_is(name):
    one, some = learner(name), tasks()
    prior = moved(one, some)
    before = {key: array.copy() for key, array in prior.items()}
    one.adapt(prior, support([[1, 2], []], some.attributes.shape[1])).scores()
    for key, array in before.items():
        np.testing.assert_array_equal(prior[key], array)


@every
def test_all_at_once_equals_one_after_the_other(name):
    one, some = learner(name), tasks()
    prior, rows = moved(one, some), [[1, 2, 3], [], [4], [0, 5, 6, 7, 8]]
    batch = one.adapt(prior, support(rows)).scores()
    for row, scores in zip(rows, batch, strict=True):
        np.testing.assert_allclose(one.adapt(prior, support([row])).scores()[0], scores, atol=1e-5)


@every
def test_the_order_of_events_does_not_matter(name):
    one, some = learner(name), tasks()
    prior = moved(one, some)
    turned, straight = (one.adapt(prior, support([row])).scores() for row in ([3, 1, 2], [1, 2, 3]))
    np.testing.assert_allclose(turned, straight, atol=1e-5)


@every
def test_events_without_weight_are_none(name):
    one, some = learner(name), tasks()
    prior = moved(one, some)
    nothing = Shots(np.array([[3, 4]]), np.zeros((1, 2), np.float32), np.zeros((1, one.columns(prior)), np.float32))
    np.testing.assert_allclose(
        one.adapted(prior, nothing).scores(), one.adapt(prior, support([[]])).scores(), atol=1e-6
    )


@pytest.mark.parametrize("name", sorted(LEARNERS))
def test_the_outer_loop_lowers_its_loss(name):
    one, some = learner(name, epochs=15, learning_rate=0.03, batch=16), tasks()

    def loss(prior: Arrays) -> float:
        batch = some.draw(np.tile(some.usable, 20), np.random.default_rng(5))
        return float(squared_losses(one.adapted(prior, batch.shots).scores(), batch.query, batch.seen).mean())

    assert loss(one.fit(some)) < loss(one.start(some, Run())) - 0.01


@every
def test_an_interrupted_fit_ends_as_an_uninterrupted_one(name, tmp_path):
    some, settings = tasks(), {"epochs": 3, "batch": 10}
    straight = learner(name, **settings).fit(some, validate=_falling())

    looks = iter(range(9))

    def cut(prior: Arrays) -> float:
        if next(looks) == 2:
            raise KeyboardInterrupt
        return 1.0

    with pytest.raises(KeyboardInterrupt):
        learner(name, **settings, checkpoints=str(tmp_path)).fit(some, validate=cut)
    again = learner(name, **settings, checkpoints=str(tmp_path)).fit(some, validate=_falling())
    for key, array in straight.items():
        np.testing.assert_allclose(again[key], array, atol=1e-6)


def _falling() -> Any:
    looks = iter(range(100))
    return lambda prior: -float(next(looks))


@pytest.mark.parametrize("kind", [MAML, FirstOrderMAML, ANIL, MetaSGD])
def test_the_outer_gradient_is_that_of_a_plain_loop(kind):
    one, some = kind(GradientConfig(dimension=8, rates="learned")), tasks()
    start, batch = moved(one, some), some.draw(some.usable[:12], np.random.default_rng(2))
    many, single = tensors(start, grads=True), tensors(start, grads=True)
    shots = batch.shots.to(torch.from_numpy)
    loss = one.step(many, shots, torch.from_numpy(batch.query), torch.from_numpy(batch.seen))
    looped = loop_loss(one, single, batch)
    looped.backward()
    assert loss == pytest.approx(float(looped.detach()), abs=1e-4)
    for name, weight in single.items():
        if weight.grad is not None:
            torch.testing.assert_close(many[name].grad, weight.grad, atol=1e-4, rtol=1e-3)


def test_the_first_order_does_not_look_into_the_inner_loss():
    some, gradients = tasks(), []
    batch = some.draw(some.usable[:12], np.random.default_rng(2))
    for kind in (MAML, FirstOrderMAML):
        one = kind(GradientConfig(dimension=8, rates="learned", inner_rate=0.5))
        prior = tensors(moved(one, some), grads=True)
        one.step(prior, batch.shots.to(torch.from_numpy), torch.from_numpy(batch.query), torch.from_numpy(batch.seen))
        assert prior["head"].grad.norm() > 0
        gradients.append(prior["head"].grad)
        assert (prior["keys"].grad is None) == (kind is FirstOrderMAML)
    assert (gradients[0] - gradients[1]).norm() > 1e-3 * gradients[0].norm()


def test_reptile_moves_along_the_mean_slope_of_its_way():
    one, some = Reptile(LEARNERS["reptile"].config_class.of(dimension=8)), tasks()
    start, batch = moved(one, some), some.draw(some.usable[:6], np.random.default_rng(2))
    many = tensors(start, grads=True)
    one.step(many, batch.shots.to(torch.from_numpy), torch.from_numpy(batch.query), torch.from_numpy(batch.seen))
    wanted = loop_slopes(one, tensors(start, grads=True), batch)
    for name, slope in wanted.items():
        torch.testing.assert_close(many[name].grad, slope, atol=1e-5, rtol=1e-3)


def test_paces_follow_the_task_and_fixed_ones_do_not():
    some = tasks()
    for rates, same in (("fixed", True), ("adaptive", False)):
        one = MAML(GradientConfig(dimension=8, rates=rates, inner_steps=1))
        prior = moved(one, some)
        plain = {**prior, "pace.out": np.zeros_like(prior["pace.out"])}
        two = support([[1], [1, 2, 3]])
        assert np.allclose(one.adapt(prior, two).vectors, one.adapt(plain, two).vectors) == same


def test_fixed_rates_stay_as_given():
    one = MAML(GradientConfig(dimension=8, rates="fixed", epochs=3, inner_rate=0.2))
    np.testing.assert_allclose(np.exp(10 * one.fit(tasks())["log_rates"]), 0.2, rtol=1e-5)


def test_dropout_is_for_training_only():
    one, some = learner("cnp", dropout=0.5), tasks()
    assert isinstance(one, Process)
    prior = tensors(moved(one, some))
    batch = some.draw(some.usable, np.random.default_rng(1))
    shots = batch.shots.to(torch.from_numpy)
    twice = [one.losses(prior, shots, torch.from_numpy(batch.query), torch.from_numpy(batch.seen)) for _ in range(2)]
    assert not torch.equal(*twice)
    assert torch.equal(one.adapted(prior, shots).scores(), one.adapted(prior, shots).scores())


class TestTheGate:
    def exams(self, scores: Any) -> tuple[Tasks, np.ndarray]:
        data = ws.load_dataset("movielens-small")
        found = cold_user_tasks(data, np.arange(data.n_users), (5,))[5]
        return found, scores(found, data)

    def test_closes_on_noise(self):
        popularity = TaskSet.of(ws.load_dataset("movielens-small")).shares
        found, scores = self.exams(
            lambda some, data: popularity + np.random.default_rng(0).normal(0, 3, (len(some), data.n_items))
        )
        gate, _ = Gate.learned([(5, scores.astype(np.float32), found)], popularity)
        assert gate.openings == (0.0,) * len(ANCHORS)

    def test_opens_to_one_who_knows(self):
        popularity = TaskSet.of(ws.load_dataset("movielens-small")).shares
        found, scores = self.exams(lambda some, data: popularity + 5 * some.query.matrix(data.n_items).toarray())
        gate, quality = Gate.learned([(5, scores.astype(np.float32), found)], popularity)
        assert min(gate.openings) > 0
        assert quality > 0.9

    def test_is_not_chosen_without_judges(self):
        assert Gate.learned([], np.zeros(3, np.float32)) == (Gate(), 0.0)


def test_nobody_in_particular_gets_what_is_popular():
    data = world()
    for name in sorted(SERVED):
        model = ws.recommender(name, epochs=1, dimension=8).fit(data)
        assert isinstance(model, LearnerRecommender)
        np.testing.assert_array_equal(model.score([[]])[0], model.prior["popularity"])


def test_serving_needs_no_torch(tmp_path):
    for name in ("maml", "r2d2", "attentive"):
        ws.recommender(name, epochs=1, dimension=8).fit(world()).save(tmp_path / name)
    told = (
        "import sys, warmstart as ws\n"
        f"for name in ('maml', 'r2d2', 'attentive'):\n    ws.load({str(tmp_path)!r} + '/' + name).recommend([4], k=3)\n"
        "print('torch' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", told], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


def test_a_checkpoint_of_other_settings_is_refused(tmp_path):
    learner("r2d2", epochs=1, checkpoints=str(tmp_path)).fit(tasks())
    with pytest.raises(BadInput, match="other settings or data"):
        learner("r2d2", epochs=1, weight_decay=0.5, checkpoints=str(tmp_path)).fit(tasks())


def test_a_checkpoint_of_another_seed_or_other_people_is_refused(tmp_path):
    kept = learner("r2d2", epochs=1, checkpoints=str(tmp_path))
    kept.fit(tasks())
    with pytest.raises(BadInput, match="other settings or data"):
        kept.fit(tasks(), run=Run(seed=1))
    some = tasks()
    support = some.episodes.support.copy()
    support.data[0] /= 2
    with pytest.raises(BadInput, match="other settings or data"):
        kept.fit(replace(some, episodes=replace(some.episodes, support=support)))
