import json
from typing import Annotated

import numpy as np
import pytest

from tests.evaluation.toys import Fixed
from warmstart.core.config import Config, Tunable
from warmstart.core.errors import BadConfig, BadInput
from warmstart.core.run import Run
from warmstart.evaluation.tuning import Trial, Tuning, draw, tune


class KnobConfig(Config):
    """Settings of ``Knob``."""

    level: Annotated[float, Tunable(0.0, 10.0)] = 5.0
    count: Annotated[int, Tunable(1, 100, log=True)] = 7
    mode: Annotated[str, Tunable(choices=("a", "b"))] = "a"
    fixed: float = 1.0


class Knob(Fixed):
    name = "knob"
    config_class = KnobConfig
    config: KnobConfig


class Plain(Fixed):
    name = "plain"


def quality(model):
    """Two points that want opposite things."""
    return {0: 0.0, 1: model.config.level, 5: -model.config.level, 10: -abs(model.config.level - 3)}


def test_the_first_trial_is_the_recommenders_own(data):
    found = tune(Knob(level=4.0, fixed=2.0), data, quality, trials=3)
    assert found.trials[0].settings == {"level": 4.0, "count": 7, "mode": "a", "fixed": 2.0}
    assert {trial.settings["fixed"] for trial in found.trials} == {2.0}


def test_everybody_gets_as_many_trials_and_no_two_are_alike(data):
    found = tune(Knob(), data, quality, trials=8)
    assert len(found.trials) == 8
    assert len({json.dumps(trial.settings) for trial in found.trials}) == 8


def test_draws_are_in_range_and_of_their_type():
    rng = np.random.default_rng(0)
    for _ in range(50):
        one = draw(KnobConfig, rng)
        assert set(one) == {"level", "count", "mode"}
        assert 0 <= one["level"] <= 10
        assert isinstance(one["count"], int)
        assert 1 <= one["count"] <= 100
        assert one["mode"] in ("a", "b")


def test_the_same_seed_tries_the_same(data):
    seeds = (1, 1, 2)
    tried = [[t.settings for t in tune(Knob(), data, quality, 4, Run(seed=seed)).trials] for seed in seeds]
    assert tried[0] == tried[1] != tried[2]


def test_best_is_one_setting_for_all_k_and_the_oracle_one_for_each(data):
    found = tune(Knob(), data, quality, trials=30)
    levels = [trial.settings["level"] for trial in found.trials]
    assert found.best["level"] == min(levels, key=lambda level: abs(level - 3))
    assert found.best_at(1)["level"] == max(levels)
    assert found.best_at(5)["level"] == min(levels)


def test_the_mean_leaves_out_k_0_unless_it_is_all_there_is():
    assert Trial({}, {0: 9.0, 1: 1.0, 2: 3.0}, 0.0).mean == 2.0
    assert Trial({}, {0: 9.0}, 0.0).mean == 9.0
    assert Trial({}, {1: float("nan")}, 0.0).mean == -np.inf
    assert Tuning("x", (Trial({"a": 1}, {1: float("nan")}, 0), Trial({"a": 2}, {1: 0.0}, 0))).best == {"a": 2}


def test_starts_come_before_draws_and_only_for_those_who_have_them(data):
    found = tune(Knob(), data, quality, trials=2, starts=({}, {"mode": "b", "unknown": 1}))
    assert [trial.settings["mode"] for trial in found.trials] == ["a", "b"]
    assert found.trials[1].settings["level"] == 5.0


def test_a_recommender_with_nothing_to_tune_is_tried_once(data):
    assert len(tune(Plain(), data, lambda model: {1: 1.0}, trials=5).trials) == 1


def test_a_broken_search_goes_on_where_it_stood(data, tmp_path):
    file, calls = tmp_path / "deep" / "trials.jsonl", []

    def counting(model):
        calls.append(model.config.level)
        if len(calls) == 4:
            raise KeyboardInterrupt
        return quality(model)

    with pytest.raises(KeyboardInterrupt):
        tune(Knob(), data, counting, trials=6, file=file)
    with file.open("a") as lines:
        lines.write('{"name": "knob", "settings": {"le')  # killed in the middle of a write
    found = tune(Knob(), data, counting, trials=6, file=file)
    assert len(calls) == 4 + 3
    assert [t.settings for t in found.trials] == [t.settings for t in tune(Knob(), data, quality, trials=6).trials]
    assert len(file.read_text().splitlines()) == 6


def test_trials_on_other_data_or_for_another_purpose_are_not_reused(data, tmp_path):
    file = tmp_path / "trials.jsonl"
    for source, purpose in ((data, "a"), (data, "b"), (data.take_users(np.arange(10)), "a"), (data, "a")):
        tune(Knob(), source, quality, trials=2, file=file, purpose=purpose)
    assert len(file.read_text().splitlines()) == 6


def test_a_file_that_holds_something_else_is_refused(data, tmp_path):
    (tmp_path / "notes.txt").write_text("dear diary\n")
    with pytest.raises(BadInput, match="line 1"):
        tune(Knob(), data, quality, trials=1, file=tmp_path / "notes.txt")


def test_no_trials_are_refused(data):
    with pytest.raises(BadConfig, match="at least 1"):
        tune(Knob(), data, quality, trials=0)


OTHERS = ("cmaes", "tpe", "reinforce")


@pytest.mark.parametrize("name", OTHERS)
def test_every_meta_optimiser_has_as_many_trials_and_finds_more_than_its_own(data, name):
    found = tune(Knob(level=8.0), data, quality, 40, meta_optimiser=name)
    assert len(found.trials) == 40
    assert found.optimiser == name
    assert abs(found.best["level"] - 3) < 2
    assert {trial.settings["fixed"] for trial in found.trials} == {1.0}
    assert list(found.curve) == sorted(found.curve)
    assert found.curve[-1] == max(trial.mean for trial in found.trials)


@pytest.mark.parametrize("name", OTHERS)
def test_a_broken_search_of_any_meta_optimiser_goes_on(data, name, tmp_path):
    file, calls = tmp_path / "trials.jsonl", []

    def counting(model):
        calls.append(model.config.level)
        if len(calls) == 8:
            raise KeyboardInterrupt
        return quality(model)

    with pytest.raises(KeyboardInterrupt):
        tune(Knob(), data, counting, 14, file=file, meta_optimiser=name)
    broken = tune(Knob(), data, counting, 14, file=file, meta_optimiser=name)
    whole = tune(Knob(), data, quality, 14, meta_optimiser=name)
    assert [trial.settings for trial in broken.trials] == [trial.settings for trial in whole.trials]
    different = {json.dumps(trial.settings) for trial in whole.trials}
    assert len(calls) == len(different) + 1, "what is in the file is not fitted again"


def test_a_ranking_measure_has_no_slope(data):
    with pytest.raises(BadConfig, match="follows a gradient"):
        tune(Knob(), data, quality, 5, meta_optimiser="adam")


def test_random_search_draws_what_it_always_drew(data):
    """Settings drawn by the seed, all of them at once: what was found by an earlier version is found again."""
    rng = Run(seed=3).rng("tune", "knob")
    expected = [draw(KnobConfig, rng) for _ in range(5)]
    trials = tune(Knob(), data, quality, 6, Run(seed=3)).trials
    assert [{name: trial.settings[name] for name in expected[0]} for trial in trials[1:]] == expected
