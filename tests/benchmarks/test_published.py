"""The published protocol: its measure, its baselines, and the whole of it on small data."""

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks import published, trials
from benchmarks.published_rows import ndcg
from warmstart.data.builtin import load_dataset

TEN = st.lists(st.integers(1, 5), min_size=10, max_size=10)


@settings(max_examples=30)
@given(TEN, st.integers(0, 2**31))
def test_a_coin_gets_a_half(values, seed):
    truth = np.tile(np.array(values, dtype=float), (2000, 1))
    assert ndcg(np.random.default_rng(seed).random(truth.shape), truth).mean() == pytest.approx(0.5, abs=0.03)


@settings(max_examples=30)
@given(TEN)
def test_ties_are_shared_as_a_mean_over_all_ways_to_break_them(values):
    truth, rng = np.array([values], dtype=float), np.random.default_rng(0)
    predicted = rng.random((1, 10))
    broken = truth + 1e-6 * rng.random((1500, 10))
    assert ndcg(predicted, truth)[0] == pytest.approx(ndcg(np.tile(predicted, (1500, 1)), broken).mean(), abs=0.04)


@given(st.permutations(range(10)))
def test_knowing_gets_all_and_its_contrary_nothing(values):
    truth = np.array([values], dtype=float)
    assert ndcg(truth, truth)[0] == pytest.approx(1)
    assert ndcg(-truth, truth)[0] == pytest.approx(0)


def test_users_are_apart_and_ten_events_are_asked_for():
    data = load_dataset("movielens-small")
    split = published.Split.of(data, 0)
    people = [set(one.user_ids.tolist()) for one in (split.train, split.validation, split.test)]
    assert not people[0] & people[1]
    assert not (people[0] | people[1]) & people[2]
    assert set(split.others.user_ids.tolist()) > people[0]
    assert not set(split.others.user_ids.tolist()) & (people[1] | people[2])
    for tasks in split.panels:
        assert set(tasks.query.lengths.tolist()) == {10}
        assert tasks.support.lengths.min() >= 3


def test_it_runs_from_data_to_results_and_goes_on_where_it_stood(tmp_path, monkeypatch):
    monkeypatch.setattr(trials, "CACHE", tmp_path / "cache")
    monkeypatch.setattr(published, "MELU", {"epochs": 1, "dimension": 4, "hidden": 8})
    asked = ["--dataset", "movielens-small", "--splits", "2", "--out", str(tmp_path)]
    fits = ["item mean", "genre ridge", "meta, others", "melu"]
    assert published.main([*asked, "--only", *fits]) == 0
    found = json.loads((tmp_path / "published.json").read_text(encoding="utf-8"))
    assert found["rows"]["random"]["ndcg@5"]["mean"] == 0.5
    assert found["rows"]["MetaRecommender, all other users"]["mae"]["mean"] < found["rows"]["item mean"]["mae"]["mean"]
    monkeypatch.setattr(published, "FITS", dict.fromkeys(published.FITS, lambda _: pytest.fail("fitted again")))
    assert published.main([*asked, "--only", *fits]) == 0
    assert json.loads((tmp_path / "published.json").read_text(encoding="utf-8"))["rows"] == found["rows"]
