"""``tune --meta-optimiser``: the curve in task evaluations, a log that any of them goes on from."""

import json
import tomllib
from typing import get_args

from warmstart.cli.tune import Optimiser
from warmstart.meta.optimisers.optimiser import OPTIMISERS

SHORT = ["tune", "movielens-small", "--recommender", "popularity", "--shots", "1,5"]


def test_json_holds_the_curve_in_task_evaluations(run):
    done = run(*SHORT, "--trials", "4", "--meta-optimiser", "tpe", "--json")
    found = json.loads(done.out)
    assert done.code == 0
    assert found["meta_optimiser"] == "tpe"
    assert [point["trials"] for point in found["curve"]] == [1, 2, 3, 4]
    first, *rest = [point["task_evaluations"] for point in found["curve"]]
    assert rest == [first * n for n in (2, 3, 4)]
    assert found["curve"][-1]["best"] == max(trial["mean"] for trial in found["trials"])


def test_the_log_goes_on_with_another_meta_optimiser(run, tmp_path):
    for name in ("random", "reinforce"):
        done = run(*SHORT, "--trials", "8", "--meta-optimiser", name, "--log", "trials.jsonl", "--out", "best.toml")
        assert done.code == 0
        assert done.out.count("*") == 1
    assert len((tmp_path / "trials.jsonl").read_text().splitlines()) == 6, "it has six settings; none is fitted twice"
    assert set(tomllib.loads((tmp_path / "best.toml").read_text())) == {"popularity"}


def test_adam_says_why_it_cannot(run):
    done = run(*SHORT, "--trials", "2", "--meta-optimiser", "adam")
    assert done.code == 2
    assert "follows a gradient" in done.err
    assert "cmaes" in done.err


def test_every_meta_optimiser_can_be_named():
    assert get_args(Optimiser) == tuple(OPTIMISERS)


def test_a_recommender_with_nothing_to_choose_says_so(run):
    done = run("tune", "movielens-small", "--recommender", "random", "--shots", "1,5", "--trials", "3")
    assert done.code == 0
    assert "nothing else to try" in done.out
