"""Laws of glimpses: a few items, drawn once a model, tell what all of them would, and exactly so where all are drawn."""

import gc
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from warmstart.adaptation import glimpse
from warmstart.adaptation.glimpse import SAMPLE, Parts, Sample, drawn, seen
from warmstart.core.histories import Histories
from warmstart.data.dataset import Dataset
from warmstart.meta import kshot
from warmstart.meta.maps import DenseMap
from warmstart.meta.recommender import MetaRecommender
from warmstart.recommenders.table import recommender
from warmstart.representation.context import Context

SPANS = [(0, 0), (0, 9), (9, 12), (0, 25), (4, 5), (0, 30)]
laws = settings(max_examples=30, deadline=None)


def likes(items, weights=None):
    history = Histories.of([list(items)], [[5.0] * len(items)], [[float(t) for t in range(len(items))]])
    return history if weights is None else replace(history, weights=np.asarray(weights, dtype=np.float32))


def small(n_users, n_items, rng):
    cells = [(u, i) for u in range(n_users) for i in rng.choice(n_items, 12, replace=False).tolist()]
    users, items = zip(*cells, strict=True)
    values = rng.choice([2.0, 4.0, 5.0], len(cells))
    return Dataset.from_frames({"user_id": users, "item_id": items, "value": values}, like_from=4)


@pytest.fixture(scope="module", params=["users", "dense", "low-rank"])
def fitted(request):
    """A model in each form that a prior has."""
    with pytest.MonkeyPatch.context() as patch:
        if request.param == "low-rank":
            patch.setattr(kshot, "LARGEST_EXACT", 10)
        users = 300 if request.param == "dense" else 40
        found = recommender("meta", tune=False, values=False).fit(small(users, 60, np.random.default_rng(0)))
    assert isinstance(found, MetaRecommender)
    events = found.learned.prior.few.prior.events
    assert isinstance(events, DenseMap) == (request.param == "dense")
    assert isinstance(events, DenseMap) or isinstance(events.right, np.ndarray) == (request.param == "low-rank")
    return found


def whole(model, rows):
    return model.scores_of_many(rows, Context())


def sampled(model, history, most):
    parts, sample = Parts.of(SPANS), Sample.of(model.learned.prior, most)
    rows = parts.rows(history, np.arange(len(history.items)))
    return (
        sample,
        rows,
        sample.scores(model.learned.support(rows), parts.likes, history.items),
    )


@laws
@given(
    popularity=arrays.arrays(np.float32, st.integers(1, 200), elements=st.floats(0, 1, width=32)),
    most=st.integers(1, 60),
)
def test_so_many_items_are_drawn_each_once_and_the_sure_ones_stand_for_themselves(popularity, most):
    items, stands_for = drawn(popularity, most)
    assert abs(len(items) - min(most, len(popularity))) <= 1
    assert (np.diff(items) > 0).all()
    assert (stands_for >= 1 - 1e-6).all()
    again = drawn(popularity, most)
    assert again[0].tolist() == items.tolist()


def test_the_drawn_stand_for_all(model):
    popularity = model.learned.prior.popularity
    items, stands_for = drawn(popularity)
    assert len(items) == SAMPLE
    assert stands_for.sum() == pytest.approx(len(popularity), rel=0.05)
    assert stands_for @ popularity[items] == pytest.approx(popularity.sum(), rel=0.01)
    assert stands_for[np.argsort(-popularity[items])[:5]].tolist() == [1.0] * 5


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("most", [20, 60])
def test_a_sample_scores_its_items_and_the_likes_as_the_model_does(fitted, most, weighted):
    rng = np.random.default_rng(1)
    history = likes(rng.permutation(60)[:30], rng.random(30) if weighted else None)
    sample, rows, (scores, met) = sampled(fitted, history, most)
    expected, others = whole(fitted, rows), ~sample.marked(history.items)
    assert scores[:, others] == pytest.approx(expected[:, sample.columns[others]], abs=2e-5)
    assert met == pytest.approx(expected[:, history.items], abs=2e-5)


def test_items_that_came_later_are_glimpsed_too(model):
    more = model.with_items({"item_id": [-1, -2], "title": ["A (1990)", "B (1991)"], "genres": ["Horror", "Romance"]})
    history = likes([9742, *range(0, 56, 2), 9743])
    sample, rows, (scores, met) = sampled(more, history, SAMPLE)
    expected, others = whole(more, rows), ~sample.marked(history.items)
    assert scores[:, others] == pytest.approx(expected[:, sample.columns[others]], abs=2e-5)
    assert met == pytest.approx(expected[:, history.items], abs=2e-5)


def test_what_is_in_the_history_stands_for_nothing(model, data):
    popular = np.argsort(-np.bincount(data.histories.items, minlength=data.n_items))[:30]
    plain = recommender("popularity").fit(data)
    for one in (model, plain):
        found = seen(one, likes(popular), np.arange(5, 30), Parts.of([(0, 0), (0, 25)]))
        marked = (
            np.isin(glimpse._SAMPLES[model].columns, popular) if one is model else np.isin(np.arange(9742), popular)
        )
        assert ((found.stands_for == 0) == marked).all()
        assert found.met.shape == (2, 25)


def test_a_sample_is_drawn_once_a_model_and_anew_after_fitting():
    one, other = (small(40, 60, np.random.default_rng(seed)) for seed in (0, 1))
    model = recommender("meta", tune=False, values=False).fit(one)
    history, parts = likes(range(12)), Parts.of([(0, 0), (0, 12)])
    first = [seen(model, history, np.arange(12), parts).scores for _ in range(2)]
    kept = glimpse._SAMPLES[model]
    assert (first[0] == first[1]).all()
    model.fit(other)
    assert (seen(model, history, np.arange(12), parts).scores != first[0]).any()
    assert glimpse._SAMPLES[model] is not kept
    before = len(glimpse._SAMPLES)
    del model
    gc.collect()
    assert len(glimpse._SAMPLES) < before


def test_a_model_of_which_nobody_liked_anything_has_no_tastes_and_is_glimpsed():
    told = {"user_id": [1, 1, 2, 2, 3], "item_id": [1, 2, 2, 3, 1], "value": [1.0, 2.0, 1.0, 1.0, 2.0]}
    model = recommender("meta", tune=False, values=False).fit(Dataset.from_frames(told, like_from=4))
    history = likes([0, 1, 2])
    found = seen(model, history, np.arange(3), Parts.of([(0, 0), (0, 3)]))
    assert np.isfinite(found.scores).all()
    assert np.isfinite(found.met).all()
