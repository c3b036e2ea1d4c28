from dataclasses import astuple

import numpy as np
import pytest

from warmstart.core.errors import BadInput
from warmstart.evaluation.statistics import Measured, compare, estimate


@pytest.fixture
def values():
    return np.random.default_rng(3).normal(0.4, 0.2, 400)


def test_the_interval_is_that_of_the_normal_theory(values):
    [row] = estimate([Measured(values)])
    error = values.std(ddof=1) / np.sqrt(len(values))
    assert row.mean == pytest.approx(values.mean())
    assert row.low == pytest.approx(values.mean() - 1.96 * error, abs=0.2 * error)
    assert row.high == pytest.approx(values.mean() + 1.96 * error, abs=0.2 * error)


def test_the_interval_covers_the_truth_about_as_often_as_it_says():
    rng, covered = np.random.default_rng(0), 0
    for _ in range(200):
        [row] = estimate([Measured(rng.exponential(1.0, 80))], draws=400)
        assert row.low is not None
        assert row.high is not None
        covered += row.low <= 1.0 <= row.high
    assert 0.88 <= covered / 200 <= 0.99


def test_a_neighbour_changes_nothing(values):
    alone = estimate([Measured(values)], seed=5)
    beside = estimate([Measured(values[:50]), Measured(values), Measured(values**2)], seed=5)
    assert astuple(alone[0]) == pytest.approx(astuple(beside[1]), abs=1e-12)


def test_users_without_the_measure_are_left_out():
    [row] = estimate([Measured(np.array([1.0, np.nan, 0.0]))])
    assert (row.mean, row.n) == (0.5, 2)


def test_one_user_has_no_interval_and_none_has_no_mean():
    one, none = estimate([Measured(np.array([0.3])), Measured(np.zeros(0))])
    assert (one.mean, one.low, one.high, one.n) == (0.3, None, None, 1)
    assert np.isnan(none.mean)
    assert none.n == 0


def test_weights_pool_and_roots_are_taken_last():
    values, weights = np.array([1.0, 9.0]), np.array([3.0, 1.0])
    pooled, root = estimate([Measured(values, weights), Measured(values, weights, root=True)])
    assert pooled.mean == pytest.approx(3.0)
    assert root.mean == pytest.approx(np.sqrt(3.0))
    assert root.low == pytest.approx(np.sqrt(pooled.low or 0))


def test_pairing_makes_the_interval_of_a_small_steady_gain_narrow(values):
    better = Measured(values + 0.01)
    found = compare([better], [Measured(values)])
    assert found.difference.low == pytest.approx(0.01)
    assert found.difference.high == pytest.approx(0.01)
    assert (found.ratio.low or 0) > 1
    assert "times [" in str(found)


def test_a_curve_is_compared_by_its_mean(values):
    found = compare([Measured(values), Measured(3 * values)], [Measured(values), Measured(values)])
    assert found.ratio.mean == pytest.approx(2.0)


def test_different_users_cannot_be_paired(values):
    with pytest.raises(BadInput, match="same users"):
        compare([Measured(values)], [Measured(values[:-1])])
