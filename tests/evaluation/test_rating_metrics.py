import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics as sk

from warmstart.evaluation import rating_metrics
from warmstart.evaluation.statistics import estimate

FEW = settings(max_examples=60, deadline=None)


@st.composite
def tables(draw):
    rng = np.random.default_rng(draw(st.integers(0, 2**16)))
    n = draw(st.integers(1, 5))
    rows = np.sort(rng.integers(0, n, draw(st.integers(2, 30))))
    return rng.integers(1, 6, len(rows)).astype(float), rng.normal(3, 1, len(rows)), rows, n


def mean(measured):
    return estimate([measured])[0].mean


@FEW
@given(tables())
def test_value_errors_against_scikit_learn(table):
    truth, predicted, rows, n = table
    found = rating_metrics.value_errors(truth, predicted, rows, n)
    assert mean(found["mae"]) == pytest.approx(sk.mean_absolute_error(truth, predicted))
    assert mean(found["mse"]) == pytest.approx(sk.mean_squared_error(truth, predicted))
    assert mean(found["rmse"]) == pytest.approx(sk.root_mean_squared_error(truth, predicted))


@FEW
@given(tables())
def test_like_errors_against_scikit_learn(table):
    truth, predicted, rows, n = table
    liked, said = truth >= 4, predicted >= 3
    found = rating_metrics.like_errors(liked, said, rows, n)
    assert mean(found["accuracy"]) == pytest.approx(sk.accuracy_score(liked, said))
    for name, golden in (("precision", sk.precision_score), ("recall", sk.recall_score), ("f1", sk.f1_score)):
        expected = golden(liked, said, zero_division=np.nan)
        assert mean(found[name]) == pytest.approx(expected, nan_ok=True), name


@FEW
@given(tables())
def test_cross_entropy_against_scikit_learn(table):
    truth, predicted, rows, n = table
    liked, probability = truth >= 4, 1 / (1 + np.exp(-predicted))
    found = rating_metrics.cross_entropy(liked, probability, rows, n)
    assert mean(found) == pytest.approx(sk.log_loss(liked, probability, labels=[False, True]))


def test_certainty_that_is_wrong_stays_finite():
    found = rating_metrics.cross_entropy(np.array([True]), np.array([0.0]), np.array([0]), 1)
    assert np.isfinite(found.values).all()


@FEW
@given(tables(), st.integers(1, 6))
def test_ndcg_of_own_items_against_scikit_learn(table, k):
    truth, predicted, rows, n = table
    liked = truth >= 4
    found = rating_metrics.own_ndcg(liked, predicted, rows, n, k).values
    for user in range(n):
        mine = rows == user
        if not liked[mine].any():
            assert np.isnan(found[user])
        elif mine.sum() > 1:
            assert found[user] == pytest.approx(sk.ndcg_score([liked[mine].astype(float)], [predicted[mine]], k=k))


def test_random_floor_is_what_random_orders_reach():
    rng = np.random.default_rng(0)
    liked = np.array([True] * 3 + [False] * 7 + [True, False])
    rows, n = np.array([0] * 10 + [1] * 2), 2
    floor = rating_metrics.random_ndcg(liked, rows, n, k=5).values
    drawn = [rating_metrics.own_ndcg(liked, rng.random(12), rows, n, k=5).values for _ in range(4000)]
    np.testing.assert_allclose(floor, np.mean(drawn, axis=0), atol=0.01)
