import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from warmstart.core.errors import BadInput
from warmstart.core.histories import Histories
from warmstart.data.episodes import cold_item_split, cold_user_tasks, item_tasks, rating_tasks
from warmstart.data.split import split_items, split_users


def rows_of(histories: Histories) -> list[list[int]]:
    return [histories.items[a:b].tolist() for a, b in zip(histories.indptr, histories.indptr[1:], strict=False)]


@pytest.fixture(params=["timed", "timeless"])
def data(request, small, timeless):
    return small if request.param == "timed" else timeless


@given(st.integers(0, 500), st.integers(0, 9))
def test_split_users_is_a_partition_that_repeats(n, seed):
    parts = split_users(n, seed)
    assert sorted(np.concatenate(parts).tolist()) == list(range(n))
    assert all(np.array_equal(a, b) for a, b in zip(parts, split_users(n, seed), strict=True))
    assert abs(len(parts[0]) - 0.8 * n) <= 1
    assert abs(len(parts[2]) - 0.1 * n) <= 1.5


def test_another_seed_is_another_split():
    assert not np.array_equal(split_users(100, 0)[2], split_users(100, 1)[2])


def test_split_items_keeps_to_the_items_given():
    given_items = np.array([3, 5, 8, 13, 21, 34, 55, 89, 144, 233])
    parts = split_items(given_items, 0, cold=0.4)
    assert [len(part) for part in parts] == [6, 2, 2]
    assert set(np.concatenate(parts).tolist()) == set(given_items.tolist())


@pytest.mark.parametrize("cold", [0.0, 1.0, -0.1])
def test_split_items_refuses_a_share_that_is_none(cold):
    with pytest.raises(BadInput, match="cold must lie between 0 and 1"):
        split_items(10, cold=cold)


@pytest.mark.parametrize("support", ["likes", "events"])
def test_laws_of_cold_user_tasks(data, support):
    users = split_users(data.n_users, 3)[0]
    tasks = cold_user_tasks(data, users, support=support, seed=5)
    assert len(tasks[0]) > 0
    first = tasks[0]
    for k, task in tasks.items():
        assert np.array_equal(task.users, first.users)
        assert rows_of(task.query) == rows_of(first.query)
        assert rows_of(task.hidden) == rows_of(first.hidden)
        assert (task.support.lengths == k).all()
        assert (task.hidden.lengths == 20).all()
        for shown, hidden, query in zip(*map(rows_of, (task.support, task.hidden, task.query)), strict=True):
            assert set(shown) <= set(hidden)
            assert not set(hidden) & set(query)
    for less, more in zip(rows_of(tasks[3].support), rows_of(tasks[5].support), strict=True):
        assert set(less) < set(more)
    assert (first.query.values >= data.like_from).all()
    if support == "likes":
        assert (first.hidden.values >= data.like_from).all()
        assert (first.query.lengths >= 5).all()
    else:
        assert (data.histories.lengths[first.users] >= 45).all()


def test_with_time_the_query_comes_after_the_pool(small):
    tasks = cold_user_tasks(small, np.arange(small.n_users), shots=(20,))[20]
    assert tasks.support.times is not None
    assert tasks.query.times is not None
    last_shown = np.maximum.reduceat(tasks.support.times, tasks.support.indptr[:-1])
    first_asked = np.minimum.reduceat(tasks.query.times, tasks.query.indptr[:-1])
    assert (last_shown <= first_asked).all()


def test_every_user_with_25_likes_takes_part(small):
    likes = small.likes().lengths
    tasks = cold_user_tasks(small, np.arange(small.n_users), shots=(1,))[1]
    assert np.array_equal(tasks.users, np.flatnonzero(likes >= 25))
    assert np.array_equal(tasks.query.lengths, likes[likes >= 25] - 20)


def test_seed_orders_only_what_has_no_time(small, timeless):
    for data, same in ((small, True), (timeless, False)):
        one, other, again = (
            rows_of(cold_user_tasks(data, np.arange(data.n_users), (5,), seed=seed)[5].support) for seed in (1, 2, 1)
        )
        assert one == again
        assert (one == other) is same


def test_tasks_of_a_user_do_not_depend_on_who_else_is_there(timeless):
    whole = cold_user_tasks(timeless, np.arange(timeless.n_users), (5,))[5]
    alone = cold_user_tasks(timeless.take_users(whole.users[:1]), np.array([0]), (5,))[5]
    assert rows_of(alone.support)[0] == rows_of(whole.support)[0]


@pytest.mark.parametrize("shots", [(-1,), (21,)])
def test_shots_outside_the_pool_are_refused(small, shots):
    with pytest.raises(BadInput, match="between 0 and the pool of 20"):
        cold_user_tasks(small, np.arange(5), shots)


def test_cold_items_have_no_event_in_training(small):
    split = cold_item_split(small, seed=2)
    cold = np.concatenate([split.validation, split.test])
    assert not np.isin(split.train.histories.items, cold).any()
    assert split.train.n_items == small.n_items
    assert np.array_equal(np.unique(small.histories.items), np.sort(np.concatenate([split.warm, cold])))


def test_item_tasks_ask_for_cold_likes_of_known_users(small):
    split = cold_item_split(small)
    tasks = item_tasks(small, split, split.test)
    assert np.isin(tasks.query.items, split.test).all()
    assert np.isin(tasks.support.items, split.warm).all()
    assert (tasks.query.lengths > 0).all()
    assert (tasks.support.lengths > 0).all()


def test_rating_tasks_ask_for_the_last_ten(data):
    tasks = rating_tasks(data)
    lengths = data.histories.lengths
    assert np.array_equal(tasks.users, np.flatnonzero((lengths >= 13) & (lengths <= 100)))
    assert (tasks.query.lengths == 10).all()
    assert np.array_equal(tasks.support.lengths, lengths[tasks.users] - 10)
    if data.histories.times is not None:
        first = data.histories[int(tasks.users[0])]
        assert rows_of(tasks.query)[0] == first.items[-10:].tolist()


def test_rating_tasks_keep_to_the_items_given(small):
    split = cold_item_split(small)
    cold = np.concatenate([split.validation, split.test])
    tasks = rating_tasks(small, items=cold)
    assert len(tasks) > 0
    assert np.isin(tasks.query.items, cold).all()
    assert np.isin(tasks.support.items, cold).all()


def test_rating_tasks_refuse_impossible_bounds(small):
    with pytest.raises(BadInput, match="query < least <= most"):
        rating_tasks(small, query=20)
