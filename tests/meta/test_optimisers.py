"""The contract of all meta-optimisers; every one of the name table is held to it."""

import json
import math
from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from warmstart.core.errors import BadConfig, BadInput, MissingExtra
from warmstart.core.run import Run
from warmstart.meta.optimisers.optimiser import OPTIMISERS, Optimiser, optimiser_class
from warmstart.meta.optimisers.problem import Problem
from warmstart.meta.optimisers.space import Choice, Continuous, Doubles, Settings, Space, Whole, as_json, space_of
from warmstart.meta.optimisers.study import Study, optimise
from warmstart.recommenders.als import ALS

N_TASKS = 6
NEEDS_SLOPE = {"adam"}
DRAWS_TASKS = {"cmaes", "reinforce", "adam"}
"""Those that have a setting ``tasks``: so many are drawn for each step."""
SLOW = {"gp": 10, "tpe": 30}
"""Settings that are tried where another number would take too long."""


class Bowl:
    """Two numbers with one best place; tasks differ in where they would like it to be, but not in the mean."""

    space = Space({"x": Continuous(-0.5, 1.0), "rate": Continuous(0.1, 0.5, "log")})
    shifts = np.linspace(-0.3, 0.3, N_TASKS)
    weights: Doubles = np.ones(N_TASKS)

    def __init__(self) -> None:
        self.asked: list[tuple[str, int]] = []

    def evaluate(self, settings: Settings, tasks: Any) -> Doubles:
        self.asked.append((as_json(settings), len(tasks)))
        found: Doubles = -((settings["x"] - 1 - self.shifts[tasks]) ** 2) - (math.log(settings["rate"]) + 1) ** 2
        return found

    def slope(self, vector: Doubles, tasks: Any) -> tuple[float, Doubles]:
        self.asked.append((as_json(vector.tolist()), len(tasks)))
        gaps = vector[0] - 1 - self.shifts[tasks]
        loss = float(np.mean(gaps**2)) + (vector[1] + 1) ** 2
        return loss, np.array([2 * float(np.mean(gaps)), 2 * (vector[1] + 1)])


class Shelf:
    """A choice, a whole number and a real one; one of the choices fails and two settings exclude each other."""

    space = Space(
        {
            "kind": Choice("plain", ("plain", "odd", "best", "broken")),
            "layers": Whole(2, 1, 9),
            "share": Continuous(0.5, scale="linear", low=0.0, high=1.0),
        },
        lambda settings: (settings["kind"], settings["layers"]) != ("odd", 1),
    )
    weights: Doubles = np.ones(N_TASKS)

    def evaluate(self, settings: Settings, tasks: Any) -> Doubles:
        if settings["kind"] == "broken":
            return np.full(len(tasks), np.nan)
        worth = {"plain": 0.0, "odd": 0.2, "best": 1.0}[settings["kind"]]
        found: Doubles = worth - 0.1 * abs(settings["layers"] - 6) - (settings["share"] - 0.3) ** 2 + 0.01 * tasks
        return found


PROBLEMS: dict[str, Callable[[], Problem]] = {"bowl": Bowl, "shelf": Shelf}
CASES = [(name, kind) for name in OPTIMISERS for kind in PROBLEMS if not (name in NEEDS_SLOPE and kind == "shelf")]
contract = pytest.mark.parametrize(("name", "kind"), CASES, ids=lambda value: value)


def budget_of(name: str) -> int:
    return SLOW.get(name, 120) * N_TASKS + 3


def made(name: str) -> Optimiser:
    """Return the optimiser with small steps between its checks."""
    small = {"adam": {"tasks": 3, "check": 4}, "tpe": {"startup": 5}, "gp": {"startup": 4}}
    return optimiser_class(name)(**small.get(name, {}))


@cache
def study_of(name: str, kind: str, seed: int = 0) -> Study:
    return optimise(PROBLEMS[kind](), made(name), budget_of(name), Run(seed=seed))


@contract
def test_the_seed_decides_everything(name, kind):
    again = optimise(PROBLEMS[kind](), made(name), budget_of(name))
    assert again == study_of(name, kind)
    assert again != study_of(name, kind, seed=1)


@contract
@pytest.mark.parametrize("budget", [N_TASKS, 2 * N_TASKS + 1, 7 * N_TASKS - 1])
def test_the_budget_is_never_exceeded(name, kind, budget):
    problem = PROBLEMS[kind]()
    study = optimise(problem, made(name), budget)
    assert study.spent <= budget
    if isinstance(problem, Bowl):
        assert sum(n for _, n in problem.asked) == study.spent
    assert [trial.spent for trial in study.trials] == sorted({trial.spent for trial in study.trials})
    assert budget - study.spent < N_TASKS


@contract
def test_the_best_is_the_best_of_the_trials_and_never_worse_than_the_start(name, kind):
    study, problem = study_of(name, kind), PROBLEMS[kind]()
    whole = [trial for trial in study.trials if trial.whole]
    assert study.best in study.trials
    assert study.best.quality == max(trial.quality for trial in whole) >= whole[0].quality
    assert whole[0].settings == problem.space.start
    told = problem.evaluate(study.best.settings, np.arange(N_TASKS))
    assert study.best.quality == pytest.approx(told.mean())


@contract
def test_the_curve_rises_to_the_best(name, kind):
    study = study_of(name, kind)
    spent, qualities = zip(*study.curve, strict=True)
    assert list(spent) == sorted(spent)
    assert list(qualities) == sorted(qualities)
    assert spent[0] == N_TASKS
    assert qualities[-1] == study.best.quality == study.best_after(study.budget)
    assert math.isnan(study.best_after(N_TASKS - 1))


@contract
def test_settings_are_within_the_space(name, kind):
    space = PROBLEMS[kind]().space
    for trial in study_of(name, kind).trials:
        assert list(trial.settings) == list(space.dimensions)
        for key, one in space.dimensions.items():
            value = trial.settings[key]
            if isinstance(one, Choice):
                assert value in one.options
            else:
                assert one.low <= value <= one.high
                assert isinstance(value, int if isinstance(one, Whole) else float)


@contract
@pytest.mark.parametrize("broken_at", [1, 9])
def test_a_broken_study_ends_as_an_unbroken_one(name, kind, broken_at, tmp_path, monkeypatch):
    problem, file, calls = PROBLEMS[kind](), tmp_path / "deep" / "study.jsonl", [0]
    honest = {method: getattr(problem, method) for method in ("evaluate", "slope") if hasattr(problem, method)}

    def breaking(method):
        def judged(*given):
            calls[0] += 1
            if calls[0] == broken_at:
                raise KeyboardInterrupt
            return honest[method](*given)

        return judged

    for method in honest:
        monkeypatch.setattr(problem, method, breaking(method), raising=False)
    with pytest.raises(KeyboardInterrupt):
        optimise(problem, made(name), budget_of(name), file=file)
    with file.open("a") as lines:
        lines.write('{"settings": {"x"')  # killed in the middle of a write
    study = optimise(problem, made(name), budget_of(name), file=file)
    assert study == study_of(name, kind)
    before = calls[0]
    assert optimise(problem, made(name), budget_of(name), file=file) == study
    assert calls[0] == before, "nothing is judged twice"


@pytest.mark.parametrize("name", OPTIMISERS)
def test_a_study_can_be_given_more_budget(name, tmp_path):
    file = tmp_path / "study.jsonl"
    optimise(Bowl(), made(name), 9 * N_TASKS, file=file)
    study = optimise(Bowl(), made(name), budget_of(name), file=file)
    assert study == study_of(name, "bowl")
    less = optimise(Bowl(), made(name), 9 * N_TASKS, file=file)
    assert less.trials == study.trials[: len(less.trials)]
    assert less.spent <= 9 * N_TASKS


@contract
def test_it_finds_better_than_chance(name, kind):
    if name == "random":
        return
    ours = np.mean([study_of(name, kind, seed).best.quality for seed in (0, 1)])
    budget = budget_of(name)
    chance = np.mean([optimise(PROBLEMS[kind](), "random", budget, Run(seed=seed)).best.quality for seed in range(10)])
    assert ours > chance
    if kind == "shelf":
        assert all(study_of(name, kind, seed).best.settings["kind"] == "best" for seed in (0, 1))


@pytest.mark.parametrize("name", sorted(DRAWS_TASKS))
def test_those_that_draw_tasks_spend_less_on_each_setting_and_still_find_it(name):
    assert {one for one in OPTIMISERS if "tasks" in optimiser_class(one).config_class.model_fields} == DRAWS_TASKS
    study = optimise(Bowl(), optimiser_class(name)(tasks=2, check=3), 40 * N_TASKS)
    drawn = [trial for trial in study.trials if trial.tasks is not None]
    assert drawn
    assert {len(set(trial.tasks or ())) for trial in drawn} == {2}
    assert study.best.tasks is None
    assert study.best.quality > -0.1


@contract
def test_what_is_known_beforehand_is_tried_first(name, kind):
    problem = PROBLEMS[kind]()
    first: Settings = {"x": 0.9} if kind == "bowl" else {"kind": "best"}
    study = optimise(problem, made(name), 4 * N_TASKS, starts=[first])
    assert [trial.settings for trial in study.trials[:2]] == [problem.space.start, problem.space.start | first]
    assert study.best.quality >= study.trials[1].quality


@pytest.mark.parametrize("name", sorted(set(OPTIMISERS) - NEEDS_SLOPE))
def test_where_everything_fails_the_start_is_the_best(name):
    class Dead(Shelf):
        def evaluate(self, settings: Settings, tasks: Any) -> Doubles:
            return np.full(len(tasks), np.nan)

    study = optimise(Dead(), made(name), 15 * N_TASKS)
    assert study.best == study.trials[0]
    assert study.best.quality == -np.inf


@pytest.mark.parametrize("name", sorted(set(OPTIMISERS) - NEEDS_SLOPE))
@pytest.mark.parametrize(
    "space",
    [
        Space({"only": Continuous(0.3, 0.5)}),
        Space({"only": Whole(3, 1, 4, log=True)}),
        Space({"only": Choice("c", ("a", "b"))}),
        Space({"fixed": Choice("a", ("a",)), "far": Continuous(5.0, low=0.0, high=1.0)}),
    ],
    ids=["one number", "one whole number", "a choice that does not hold its start", "a start outside its range"],
)
def test_the_smallest_spaces_are_searched(name, space):
    class Small:
        weights: Doubles = np.ones(1)

        def evaluate(self, settings: Settings, tasks: Any) -> Doubles:
            return np.array([float(len(as_json(settings)))])

    Small.space = space  # type: ignore[attr-defined]
    study = optimise(Small(), made(name), 9)  # type: ignore[arg-type]
    assert study.trials[0].settings == space.start
    assert len(study.trials) > 1


@pytest.mark.parametrize("name", OPTIMISERS)
def test_where_nothing_can_be_chosen_nothing_is_searched(name):
    class Nothing(Bowl):
        space = Space({})

        def evaluate(self, settings: Settings, tasks: Any) -> Doubles:
            return np.zeros(len(tasks))

    if name in NEEDS_SLOPE:
        with pytest.raises(BadConfig, match="gradient"):
            optimise(Nothing(), name, 30)
    else:
        assert len(optimise(Nothing(), name, 30).trials) == 1


@pytest.mark.parametrize("name", OPTIMISERS)
def test_too_little_budget_and_wrong_settings_are_refused(name):
    with pytest.raises(BadConfig, match=f"at least {N_TASKS}"):
        optimise(Bowl(), name, N_TASKS - 1)
    with pytest.raises(BadConfig, match="speed"):
        optimiser_class(name)(speed=3)


@pytest.mark.parametrize(
    ("name", "wrong"),
    [
        ("cmaes", {"population": 1}),
        ("tpe", {"candidates": 0}),
        ("gp", {"startup": -1}),
        ("reinforce", {"draws": 1}),
        ("reinforce", {"rate": 0}),
        ("adam", {"rate": -1}),
        ("adam", {"momentum": 1}),
    ],
)
def test_settings_out_of_range_are_refused(name, wrong):
    with pytest.raises(BadConfig, match=next(iter(wrong))):
        optimiser_class(name)(**wrong)


def test_adam_says_that_it_needs_a_slope():
    with pytest.raises(BadConfig, match="follows a gradient"):
        optimise(Shelf(), "adam", 20 * N_TASKS)


def test_an_unknown_name_is_refused_with_the_nearest():
    with pytest.raises(BadInput, match="cmaes"):
        optimise(Bowl(), "cmeas", 60)


@pytest.mark.parametrize("name", ["tpe", "gp"])
def test_without_its_package_it_names_the_extra(name, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "optuna", None)
    with pytest.raises(MissingExtra, match=r"warmstart\[tune\]"):
        optimise(Bowl(), name, 60)


def test_a_file_of_another_study_is_refused(tmp_path):
    file = tmp_path / "study.jsonl"
    optimise(Bowl(), "random", 60, file=file)
    for other in ({"optimiser": "cmaes"}, {"run": Run(seed=1)}, {"purpose": ("other",)}, {"problem": Shelf()}):
        given: dict[str, Any] = {"problem": Bowl(), "optimiser": "random", "budget": 60, "file": file} | other
        with pytest.raises(BadInput, match="another study"):
            optimise(**given)


@pytest.mark.parametrize("line", ["dear diary", '{"settings": 3}', "[1]"])
def test_a_file_that_holds_something_else_is_refused(line, tmp_path):
    file = tmp_path / "study.jsonl"
    optimise(Bowl(), "random", 3 * N_TASKS, file=file)
    with file.open("a") as lines:
        lines.write(line + "\n")
    with pytest.raises(BadInput, match="line 5"):
        optimise(Bowl(), "random", 60, file=file)


def test_trials_that_this_study_would_not_have_made_are_refused(tmp_path):
    file = tmp_path / "study.jsonl"
    optimise(Bowl(), "random", 3 * N_TASKS, file=file)
    lines = file.read_text().splitlines()
    changed = json.loads(lines[-1])
    changed["settings"]["x"] += 1.0
    file.write_text("\n".join([*lines[:-1], json.dumps(changed)]) + "\n")
    with pytest.raises(BadInput, match="not those of this study"):
        optimise(Bowl(), "random", 60, file=file)


def test_progress_is_told_in_settings_on_all_tasks():
    seen = []

    class Watching:
        def track(self, items, what, total=None):
            for item in items:
                seen.append((what, total))
                yield item

    optimise(Bowl(), "adam", 10 * N_TASKS + 2, Run(progress=Watching()), purpose=("tune", "bowl"))
    assert seen == [("tune bowl", 10)] * 10


numbers = st.floats(0.001, 0.999)


@given(numbers, st.sampled_from(["linear", "log", "logit"]))
@settings(max_examples=60, deadline=None)
def test_a_number_comes_back_from_its_free_scale(value, scale):
    for one in (Continuous(0.5, 0.4, scale), Continuous(0.5, scale=scale, low=0.0005, high=0.9995)):
        assert one.bound(one.free(value)) == pytest.approx(value, rel=1e-9)
        assert one.low <= one.bound(1e9) <= one.high
        assert one.low <= one.bound(-1e9) <= one.high


@given(st.integers(1, 500), st.booleans())
@settings(max_examples=60, deadline=None)
def test_a_whole_number_comes_back_from_its_free_scale(value, log):
    one = Whole(3, 1, 500, log)
    assert one.bound(one.free(value)) == value
    assert one.bound(-1e9) == 1
    assert one.bound(1e9) == 500


@pytest.mark.parametrize(
    "wrong",
    [
        lambda: Continuous(0.0),
        lambda: Continuous(0.0, 0.0),
        lambda: Continuous(0.0, low=1.0, high=0.0),
        lambda: Continuous(1.0, scale="log", low=0.0, high=2.0),
        lambda: Whole(1, 3, 3),
        lambda: Whole(1, 0, 3, log=True),
        lambda: Choice("a", ()),
    ],
)
def test_dimensions_that_make_no_sense_are_refused(wrong):
    with pytest.raises(BadConfig):
        wrong()


def test_the_space_of_a_recommender_is_what_it_marks_as_tunable():
    space = space_of(ALS.config_class, ALS().config.model_dump())
    assert space.start == {name: getattr(ALS().config, name) for name in space.dimensions}
    assert isinstance(space.dimensions["factors"], Choice)
    assert isinstance(space.dimensions["regularisation"], Continuous)
    assert space.dimensions["regularisation"].scale == "log"
