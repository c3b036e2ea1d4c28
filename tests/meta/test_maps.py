"""A map over some columns is a slice of the whole one, and what was never met takes no part in it."""

import numpy as np
import pytest
from scipy import sparse

from tests.meta.worlds import random_episodes
from warmstart.meta.factors import randomised_svd
from warmstart.meta.kshot import Episodes, Form, fit_kshot
from warmstart.meta.maps import DenseMap, FactoredMap, event_map_of

KINDS: dict[Form, type[DenseMap | FactoredMap]] = {"dense": DenseMap, "users": FactoredMap, "low-rank": FactoredMap}


@pytest.mark.parametrize("columns", [[], [4], [0, 7, 3, 29], range(30)])
@pytest.mark.parametrize(("form", "kind"), KINDS.items())
def test_some_columns_are_a_slice_of_all(form, kind, columns):
    events = fit_kshot(random_episodes(40, 30), 5, 0.5, form, 12, seed=0).events
    assert isinstance(events, kind)
    support = random_episodes(20, 30, seed=4).support
    chosen = np.array(columns, dtype=np.int64)
    found = events.combine(support, chosen)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, events.combine(support)[:, chosen], atol=1e-6)


@pytest.mark.parametrize("form", KINDS)
def test_items_that_nobody_met_change_nothing(form):
    episodes = random_episodes(60, 25)
    places = np.flatnonzero(np.arange(60) % 7 < 3)[:25]
    spread = sparse.csr_matrix((np.ones(25, dtype=np.float32), (np.arange(25), places)), shape=(25, 60))
    among = Episodes((episodes.support @ spread).tocsr(), (episodes.query @ spread).tocsr())
    few = fit_kshot(episodes, 5, 0.5, form, 12, seed=0)
    many = fit_kshot(among, 5, 0.5, form, 12, seed=0)
    scores = many.events.combine(among.support) + many.constant
    np.testing.assert_allclose(scores[:, places], few.events.combine(episodes.support) + few.constant, atol=1e-5)
    assert not np.delete(scores, places, axis=1).any()
    again = event_map_of(many.events.arrays("many"), "many", 60)
    np.testing.assert_array_equal(again.combine(among.support), many.events.combine(among.support))


@pytest.mark.parametrize("form", KINDS)
def test_without_any_event_the_map_is_zero(form):
    nothing = sparse.csr_matrix((4, 6), dtype=np.float32)
    found = fit_kshot(Episodes(nothing, nothing), 5, 0.5, form, 3, seed=0)
    assert found.constant.tolist() == [0] * 6
    assert not found.events.combine(sparse.identity(6, format="csr", dtype=np.float32)).any()


@pytest.mark.parametrize("shape", [(80, 30), (30, 80), (5, 200), (40, 3)])
def test_the_leading_directions_are_those_of_the_whole_decomposition(shape):
    rng = np.random.default_rng(1)
    values = 0.5 ** np.arange(min(shape))
    ends = [np.linalg.qr(rng.standard_normal((n, len(values))))[0] for n in shape]
    matrix = (ends[0] * values) @ ends[1].T
    u, s, vt = randomised_svd(matrix, 4)
    kept = min(4, len(values))
    assert u.shape == (shape[0], kept)
    assert vt.shape == (kept, shape[1])
    np.testing.assert_allclose(s, values[:kept], rtol=1e-6)
    np.testing.assert_allclose((u * s) @ vt, (ends[0][:, :kept] * values[:kept]) @ ends[1][:, :kept].T, atol=1e-6)
    np.testing.assert_allclose(vt @ vt.T, np.eye(kept), atol=1e-9)
