"""The problems that the product brings: the blend of the prior, and the settings of a learner."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.evaluation.test_tuning import Knob
from tests.evaluation.toys import make_data
from warmstart.core.errors import BadConfig, BadInput
from warmstart.core.run import Run
from warmstart.data.episodes import Support, cold_user_tasks
from warmstart.meta.exam import ndcg_of_each
from warmstart.meta.optimisers.blend import NAMES, BlendProblem
from warmstart.meta.optimisers.blend_slope import slope_of
from warmstart.meta.optimisers.learner import LearnerProblem
from warmstart.meta.optimisers.optimiser import OPTIMISERS
from warmstart.meta.optimisers.problem import Differentiable, Problem, mean_quality
from warmstart.meta.optimisers.space import Choice
from warmstart.meta.optimisers.study import optimise
from warmstart.meta.parameters import MetaParameters
from warmstart.recommenders.popularity import Popularity
from warmstart.recommenders.table import recommender
from warmstart.recommenders.user_knn import UserKNN

DATA = make_data()
TRAIN, JUDGES = np.arange(50), np.arange(50, 80)
SHOTS: dict[Support, tuple[int, ...]] = {"likes": (1, 4), "events": (3,)}


@pytest.fixture(scope="module")
def blend():
    return BlendProblem.of(DATA.take_users(TRAIN), DATA.take_users(JUDGES), shrinkages=(0.3, 30.0), pool=5, shots=SHOTS)


@pytest.fixture(scope="module")
def learner():
    return LearnerProblem(UserKNN(), DATA.take_users(TRAIN), cold_user_tasks(DATA, JUDGES, (0, 1, 5), pool=5))


def test_both_are_problems_and_the_blend_has_a_slope(blend, learner):
    assert isinstance(blend, Differentiable)
    assert isinstance(learner, Problem)
    assert not isinstance(learner, Differentiable)


def test_the_blend_seeks_what_the_prior_can_be_told(blend):
    assert tuple(blend.space.dimensions) == (*NAMES, "dislike_weight", "shrinkage")
    assert blend.space.start == {name: getattr(MetaParameters(), name) for name in (*NAMES, "dislike_weight")} | {
        "shrinkage": 0.3
    }
    assert isinstance(blend.space.dimensions["shrinkage"], Choice)
    likes = BlendProblem.of(
        make_data(rated=False).take_users(TRAIN), make_data(rated=False).take_users(JUDGES), pool=5, shots=SHOTS
    )
    assert tuple(likes.space.dimensions) == NAMES


def test_every_number_of_events_counts_alike(blend):
    whole = np.arange(len(blend.weights))
    for settings_ in (blend.space.start, blend.space.start | {"shrinkage": 30.0, "gain_few": 2.0}):
        found = mean_quality(blend.evaluate(settings_, whole), blend.weights)
        exams = [one.by_shrinkage[settings_["shrinkage"]] for one in blend.sittings]
        parameters = blend.parameters(settings_)
        assert found == pytest.approx(np.mean([exam.ndcg(parameters) for exam in exams]))
    assert len(blend.sittings) == 3


@given(st.data())
@settings(max_examples=25, deadline=None)
def test_some_tasks_are_judged_as_all_are(blend, learner, data):
    for problem in (blend, learner):
        n = len(problem.weights)
        some = np.array(data.draw(st.lists(st.integers(0, n - 1), min_size=1, max_size=12)))
        whole = problem.evaluate(problem.space.start, np.arange(n))
        np.testing.assert_allclose(problem.evaluate(problem.space.start, some), whole[some], atol=1e-12)


@given(st.integers(0, 1_000))
@settings(max_examples=15, deadline=None)
def test_the_slope_is_that_of_the_loss(blend, seed):
    rng = np.random.default_rng(seed)
    tasks = rng.permutation(len(blend.weights))[:40]
    vector = blend.space.vector(blend.space.start) + rng.normal(0, 0.3, len(blend.space.continuous))
    _, slope = blend.slope(vector, tasks)
    direction = rng.normal(size=len(vector))
    ahead, behind = (blend.slope(vector + step * direction, tasks)[0] for step in (1e-3, -1e-3))
    assert (ahead - behind) / 2e-3 == pytest.approx(slope @ direction, rel=0.03, abs=2e-4)


def test_the_smooth_loss_is_near_the_quality_it_stands_for(blend):
    whole = np.arange(len(blend.weights))
    loss, _ = blend.slope(blend.space.vector(blend.space.start), whole)
    assert -loss == pytest.approx(mean_quality(blend.evaluate(blend.space.start, whole), blend.weights), abs=0.08)


def test_a_like_that_may_not_be_ranked_has_no_say(blend):
    exam = blend.sittings[0].by_shrinkage[0.3]
    assert not (exam.asked & exam.hidden).any()
    weights = np.full(len(exam), 1 / len(exam))
    loss, slopes = slope_of(exam, MetaParameters(), weights)
    assert -1 < loss < 0
    assert slopes["dislike_weight"] == 0.0


@pytest.mark.parametrize("name", ["cmaes", "reinforce", "adam"])
def test_the_blend_becomes_better(blend, name):
    study = optimise(blend, name, 25 * len(blend.weights), Run(seed=1))
    assert study.best.quality > study.trials[0].quality
    if name == "adam":
        assert {trial.settings["shrinkage"] for trial in study.trials} == {0.3}


def test_nobody_to_judge_is_refused():
    with pytest.raises(BadInput, match="30 judges"):
        BlendProblem.of(DATA.take_users(TRAIN), DATA.take_users(JUDGES), pool=45, shots={"likes": (1,)})
    with pytest.raises(BadConfig, match="shrinkages"):
        BlendProblem.of(DATA.take_users(TRAIN), DATA.take_users(JUDGES), shrinkages=())
    with pytest.raises(BadInput, match="no tasks"):
        LearnerProblem(UserKNN(), DATA, {})


def test_a_learner_is_judged_as_one_that_is_fitted_by_hand(learner):
    changed = learner.space.start | {"amplify": 1.0}
    model = UserKNN(amplify=1.0).fit(DATA.take_users(TRAIN))
    by_hand = [ndcg_of_each(model.score(tasks.support), tasks) for tasks in learner.tasks.values()]
    assert np.array_equal(learner.evaluate(changed, np.arange(len(learner.weights))), np.concatenate(by_hand))
    assert learner.weights.sum() == pytest.approx(3)


def test_nobody_is_asked_twice_about_the_same_setting(learner, monkeypatch):
    fits = []
    fit = UserKNN.fit

    def counted(self, *given, **named):
        fits.append(self.config)
        return fit(self, *given, **named)

    monkeypatch.setattr(UserKNN, "fit", counted)
    one = learner.space.start | {"amplify": 1.5}
    for tasks in ([0, 1], [1, 0], [2], [0, 2]):
        learner.evaluate(one, np.array(tasks))
    assert len(fits) == 2


def test_settings_that_exclude_each_other_fail_and_are_not_fitted():
    class Picky(Knob):
        def __init__(self, **given):
            super().__init__(**given)
            if self.config.mode == "b":
                raise BadConfig("not with b")

    tasks = cold_user_tasks(DATA, JUDGES, (1,), pool=5)
    problem = LearnerProblem(Picky(), DATA.take_users(TRAIN), tasks)
    assert not problem.space.allows(problem.space.start | {"mode": "b"})
    assert (problem.evaluate(problem.space.start | {"mode": "b"}, np.array([0])) == -np.inf).all()
    study = optimise(problem, "random", 6 * len(problem.weights))
    assert {trial.settings["mode"] for trial in study.trials} == {"a"}


@pytest.mark.parametrize("name", sorted(set(OPTIMISERS) - {"adam", "gp"}))
def test_a_learner_can_be_sought_by_all_that_need_no_slope(name):
    tasks = cold_user_tasks(DATA, JUDGES, (1,), pool=5)
    problem = LearnerProblem(Popularity(), DATA.take_users(TRAIN), tasks)
    study = optimise(problem, name, 5 * len(problem.weights))
    assert study.best.quality >= study.trials[0].quality
    with pytest.raises(BadConfig, match="gradient"):
        optimise(problem, "adam", 5 * len(problem.weights))


def test_architecture_rates_and_steps_of_a_learner_are_what_is_sought():
    tasks = cold_user_tasks(DATA, JUDGES, (1, 5), pool=5)
    space = LearnerProblem(recommender("anil"), DATA.take_users(TRAIN), tasks).space
    assert {"dimension", "inner_steps"} <= set(space.choices)
    assert {"inner_rate", "learning_rate"} <= set(space.continuous)
