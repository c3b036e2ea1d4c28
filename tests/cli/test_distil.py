"""``distil``: a small model that answers alike."""

import json

import warmstart as ws


def test_a_model_is_distilled_and_says_how_small_it_is(run, model, tmp_path):
    words = ["distil", "movielens-small", "--teacher", model, "--model", "small", "--each", "50", "--rank", "8"]
    found = json.loads(run(*words, "--json").out)
    assert found["teacher"] == "item_knn"
    assert found["bytes"] == sum(file.stat().st_size for file in (tmp_path / "small").iterdir())
    assert len(ws.load(tmp_path / "small").recommend([1196], k=3)) == 3


def test_a_setting_that_is_none_is_refused(run, model):
    done = run("distil", "movielens-small", "--teacher", model, "--model", "small", "--ranc", "8")
    assert done.code == 2
    assert "nearest: rank" in done.err
