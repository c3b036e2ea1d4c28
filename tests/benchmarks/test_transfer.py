"""The tables of transfer and of people who keep coming say what was measured, and where it was kept."""

import numpy as np
import pytest

from benchmarks import continual, transfer, trials
from tests.recommenders.worlds import world
from warmstart.evaluation.continual import Continual, Course
from warmstart.meta.recommender import MetaRecommender


def test_a_row_stands_for_a_journey_and_a_number_of_users():
    curves = {"popularity": {"5": 0.2}, "meta": {"5": 0.25}, "carried over": {"5": 0.3}}
    ratio = {"ratio": {"mean": 1.2, "low": 1.1, "high": 1.3}}
    known = {"rows": curves, "carried over against": {"meta": {"5": ratio}}}
    nobody = {"rows": {"popularity": {"5": 0.01}, "carried over": {"5": 0.2}}, "carried over against": {}}
    part = transfer._part({"a to b": {"0": nobody, "10": known}})
    assert part["rows"][0] == ["a to b", "0", 0.01, None, None, None, 0.2, None]
    assert part["rows"][1] == ["a to b", "10", 0.2, None, None, 0.25, 0.3, "1.20 (1.10 to 1.30)"]
    assert all(len(row) == len(part["columns"]) for row in part["rows"])


def test_reports_are_kept_by_the_code_that_carried_over(monkeypatch, tmp_path):
    monkeypatch.setattr(trials, "CACHE", tmp_path)
    assert transfer._code() == transfer._code()
    assert len({journey.label for journey in transfer.JOURNEYS}) == len(transfer.JOURNEYS)


def test_every_way_of_keeping_up_runs():
    data = world(n_users=45)
    parts = [data.take_users(np.arange(start, start + 15)) for start in (0, 15, 30)]
    for label, strategy in continual.STRATEGIES.items():
        last = None
        for place in range(len(parts)):
            last = strategy(last, parts[: place + 1])
        assert isinstance(last, MetaRecommender), label
        assert last.score([[]]).shape == (1, data.n_items)


def test_means_are_taken_over_seeds():
    one, other = (Course("x", np.array([[low, 0.2], [0.1, 0.3]]), np.array([low]), (1.0, 3.0)) for low in (0.2, 0.4))
    found = continual._of([one, other])
    assert found["forward"] == pytest.approx(0.3)
    assert found["backward"] == pytest.approx(-0.2)
    assert found["CPU seconds of the last update"] == 3.0
    assert Continual().periods == 6
    part = continual._part({"x": found})
    assert len(part["rows"][0]) == len(part["columns"])
