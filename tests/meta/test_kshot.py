"""The closed form against a system written out by brute force, and its three forms against each other."""

from dataclasses import replace

import numpy as np
import pytest
from scipy import sparse

from tests.meta.worlds import random_episodes
from tests.recommenders.worlds import world
from warmstart.core.histories import Histories
from warmstart.meta.evidence import places_of
from warmstart.meta.kshot import FIRST_EVENTS, LARGEST_FIRST_SHARE, MOST_REVEALED, Episodes, fit_kshot, form_for


def expected_map(episodes: Episodes, k: int, shrinkage: float) -> tuple[np.ndarray, np.ndarray]:
    """Solve DESIGN's system with loops over users, without any of the shortcuts."""
    x, q = episodes.support.toarray().astype(float), episodes.query.toarray().astype(float)
    n = x.shape[1]
    a, c = np.zeros((n + 1, n + 1)), np.zeros((n + 1, n))
    for events, likes in zip(x, q, strict=True):
        p = min(k / max((events > 0).sum(), 1), MOST_REVEALED)
        both = p * p * np.outer(events, events)
        np.fill_diagonal(both, p * events**2)
        a[:n, :n] += both
        a[:n, n] += p * events
        a[n, :n] += p * events
        a[n, n] += 1
        asked = p * (1 - p) * np.outer(events, likes)
        np.fill_diagonal(asked, 0)
        c[:n] += asked
        c[n] += (1 - p) * likes
    a[:n, :n] += shrinkage * k * np.eye(n)
    solved = np.linalg.solve(a, c)
    np.fill_diagonal(solved[:n], 0)
    return solved[n], solved[:n]


@pytest.mark.parametrize("k", [1, 5, 20])
@pytest.mark.parametrize(("form", "rank"), [("dense", 1), ("users", 1), ("low-rank", 61)])
def test_every_form_solves_the_system(form, rank, k):
    episodes = random_episodes(60, 25)
    constant, rows = expected_map(episodes, k, 0.5)
    found = fit_kshot(episodes, k, 0.5, form, rank, seed=0)
    np.testing.assert_allclose(found.constant, constant, atol=2e-4)
    every = sparse.identity(25, format="csr", dtype=np.float32)
    np.testing.assert_allclose(found.events.combine(every), rows, atol=2e-4)


def in_time(episodes: Episodes, early: float) -> Episodes:
    """Return the same users whose events came in a random order."""
    rng, places = np.random.default_rng(7), episodes.support.copy()
    lengths = np.diff(places.indptr)
    places.data = np.concatenate([1 + rng.permutation(n) for n in lengths]).astype(np.float32)
    return replace(episodes, places=places, early=early)


def system_in_time(episodes: Episodes, k: int, shrinkage: float) -> np.ndarray:
    """Solve for the map of certain reveals with a loop over tasks: the first events on the left, later likes asked."""
    assert episodes.places is not None
    x, q, places = (one.toarray().astype(float) for one in (episodes.support, episodes.query, episodes.places))
    n, sizes = x.shape[1], FIRST_EVENTS.get(k, (k,))
    a, c = np.zeros((n + 1, n + 1)), np.zeros((n + 1, n))
    for events, likes, place in zip(x, q, places, strict=True):
        for size in sizes:
            first = (place > 0) & (place <= min(size, LARGEST_FIRST_SHARE * (events > 0).sum()))
            told = np.append(events * first * (k / size) ** 0.5, 1)
            a += np.outer(told, told) / len(sizes)
            c += np.outer(told, likes * ~first) / len(sizes)
    a[:n, :n] += shrinkage * k * np.eye(n)
    a[n, n] += 1e-6 * len(x)
    found = np.linalg.solve(a, c)
    np.fill_diagonal(found[:n], 0)
    return found


@pytest.mark.parametrize("k", [1, 5, 20])
@pytest.mark.parametrize(("form", "rank"), [("dense", 1), ("users", 1), ("low-rank", 61)])
def test_every_form_solves_the_system_in_time(form, rank, k):
    episodes = in_time(random_episodes(30, 40), early=1.0)
    expected = system_in_time(episodes, k, 0.5)
    found = fit_kshot(episodes, k, 0.5, form, rank, seed=0)
    np.testing.assert_allclose(found.constant, expected[-1], atol=2e-4)
    every = sparse.identity(40, format="csr", dtype=np.float32)
    np.testing.assert_allclose(found.events.combine(every), expected[:-1], atol=2e-4)


@pytest.mark.parametrize("early", [0.3, 0.9])
def test_tasks_at_random_and_in_time_count_by_their_shares(early):
    episodes = in_time(random_episodes(30, 12), early)
    both, random, first = (replace(episodes, early=share).reveals(20) for share in (early, 0.0, 1.0))
    sums = [(one.with_constant.T @ one.with_constant).toarray() for one in (both, random, first)]
    np.testing.assert_allclose(sums[0], (1 - early) * sums[1] + early * sums[2], atol=1e-9)
    asked = [(one.with_constant.T @ one.hidden).toarray() for one in (both, random, first)]
    np.testing.assert_allclose(asked[0], (1 - early) * asked[1] + early * asked[2], atol=1e-9)
    np.testing.assert_allclose(both.own, (1 - early) * random.own)
    np.testing.assert_allclose(both.removed, (1 - early) * random.removed)


def test_with_no_event_revealed_all_likes_are_asked_for():
    episodes = in_time(random_episodes(30, 12), early=0.5)
    tasks = episodes.reveals(0)
    assert not tasks.seen.nnz
    asked = sparse.diags(tasks.weight) @ tasks.hidden
    np.testing.assert_allclose(asked.sum(axis=0), episodes.query.sum(axis=0))


def test_without_time_nothing_comes_first():
    episodes = random_episodes(30, 12)
    plain, early = (fit_kshot(replace(episodes, early=share), 5, 0.5, "dense", 1, seed=0) for share in (0.0, 0.9))
    every = sparse.identity(12, format="csr", dtype=np.float32)
    np.testing.assert_array_equal(plain.events.combine(every), early.events.combine(every))


def test_what_comes_first_is_told_from_what_comes_later():
    """Everybody begins with item 0 and comes to item 1, never the other way round."""
    first_then = sparse.csr_matrix(np.repeat([[1, 1, 0, 0, 1]], 20, axis=0).astype(np.float32))
    others = sparse.csr_matrix(np.repeat([[0, 0, 1, 1, 1]], 20, axis=0).astype(np.float32))
    likes = sparse.vstack([first_then, others], format="csr")
    places = likes.copy()
    places.data = np.tile([1, 2, 3], 40).astype(np.float32)
    found = fit_kshot(Episodes(likes, likes, places, early=1.0), 1, 0.5, "dense", 1, seed=0)
    rows = found.events.combine(sparse.identity(5, format="csr", dtype=np.float32))
    assert rows[0, 1] > 0.3
    assert abs(rows[1, 0]) < 1e-6


def test_the_expectation_is_what_sampled_reveals_tend_to():
    episodes = random_episodes(200, 8, seed=3)
    rng = np.random.default_rng(1)
    x, q = episodes.support.toarray(), episodes.query.toarray()
    p = episodes.revealed(2)[:, None]
    seen, hidden = [], []
    for _ in range(600):
        shown = rng.random(x.shape) < p
        seen.append(np.hstack([x * shown, np.ones((len(x), 1))]))
        hidden.append(q * ~shown)
    a = sum(one.T @ one for one in seen) / 600
    c = sum(one.T @ other for one, other in zip(seen, hidden, strict=True)) / 600
    a[:8, :8] += 2 * 2.0 * np.eye(8)
    sampled = np.linalg.solve(a, c)
    np.fill_diagonal(sampled[:8], 0)
    found = fit_kshot(episodes, 2, 2.0, "dense", 1, seed=0)
    every = sparse.identity(8, format="csr", dtype=np.float32)
    np.testing.assert_allclose(found.events.combine(every), sampled[:8], atol=0.02)


def test_a_low_rank_keeps_what_matters():
    episodes = random_episodes(400, 60, seed=2)
    exact = fit_kshot(episodes, 5, 3.0, "dense", 1, seed=0)
    low = fit_kshot(episodes, 5, 3.0, "low-rank", 6, seed=0)
    users = random_episodes(50, 60, seed=9).support
    pairs = zip(exact.events.combine(users), low.events.combine(users), strict=True)
    assert np.mean([np.corrcoef(one, other)[0, 1] for one, other in pairs]) > 0.8


@pytest.mark.parametrize("form", ["dense", "users", "low-rank"])
def test_one_user_is_a_batch_of_one(form):
    events = fit_kshot(random_episodes(40, 30), 5, 0.5, form, 12, seed=0).events
    items, weights = np.array([3, 7, 20]), np.array([1.0, 0.5, 1.0], dtype=np.float32)
    row = sparse.csr_matrix((weights, items, [0, 3]), shape=(1, 30))
    np.testing.assert_allclose(events.combine_one(items, weights), events.combine(row)[0], atol=1e-5)
    entries = [events.entries(items, target) for target in range(30)]
    np.testing.assert_allclose(np.array(entries) @ weights, events.combine_one(items, weights), atol=1e-5)


@pytest.mark.parametrize("form", ["dense", "users", "low-rank"])
def test_an_event_adds_nothing_to_its_own_item(form):
    events = fit_kshot(random_episodes(40, 30), 5, 0.5, form, 12, seed=0).events
    for item in range(30):
        assert abs(float(events.combine_one(np.array([item]), np.ones(1, dtype=np.float32))[item])) < 1e-6


def test_the_form_follows_the_size():
    assert form_for(10, 20_000) == "users"
    assert form_for(20_000, 20_000) == "dense"
    assert form_for(10, 20_001) == "low-rank"


def test_an_item_met_twice_stands_where_it_was_met_first():
    data = world(n_users=2, n_items=5)
    histories = Histories.of([[0, 1, 0, 2], [3, 3]], [[5.0] * 4, [5.0] * 2], [[10, 20, 30, 40], [2, 1]])
    found = places_of(replace(data, histories=histories))
    assert found is not None
    assert found.toarray().tolist() == [[1, 2, 4, 0, 0], [0, 0, 0, 1, 0]]
