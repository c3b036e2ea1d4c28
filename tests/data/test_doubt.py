"""Laws of the defence against fake users: it accuses nobody without reason, and finds an obvious attack."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from warmstart.core.histories import Histories
from warmstart.data.builtin import load_dataset
from warmstart.data.catalogue import Catalogue
from warmstart.data.dataset import Dataset
from warmstart.data.doubt import DoubtConfig, _groups_of_alike, coherence, suspects

ITEMS, TASTES, PEOPLE, TARGET = 200, 4, 400, 199
MANY = 25


def people(rng, count=PEOPLE):
    """Return the likes of people who mostly stay with one of a few tastes."""
    rows = []
    for _ in range(count):
        mine = np.arange(ITEMS - 1) % TASTES == rng.integers(TASTES)
        chance = np.where(mine, 1.0, 0.1) / np.arange(1, ITEMS)
        rows.append(rng.choice(ITEMS - 1, int(rng.integers(8, 25)), replace=False, p=chance / chance.sum()).tolist())
    return rows


def fakes(rng, count=MANY, size=15):
    """Return people who like the target and whatever else comes."""
    return [[*rng.choice(ITEMS - 1, size, replace=False).tolist(), TARGET] for _ in range(count)]


def shop(rows):
    names = [f"i{place}" for place in range(ITEMS)]
    catalogue = Catalogue(names, names, None, 1.0, 0.0)
    return Dataset("shop", catalogue, np.array([f"u{place}" for place in range(len(rows))]), Histories.of(rows))


@pytest.fixture(scope="module")
def attacked():
    rng = np.random.default_rng(5)
    return people(rng) + fakes(rng)


def test_without_attack_nobody_of_the_sample_is_left_out():
    assert len(suspects(load_dataset("movielens-small"))) == 0


@pytest.mark.parametrize("seed", range(3))
def test_without_attack_hardly_anybody_of_a_made_up_shop_is_left_out(seed):
    assert len(suspects(shop(people(np.random.default_rng(seed))))) <= 0.01 * PEOPLE


def test_short_histories_without_attack_are_left_in():
    rng = np.random.default_rng(2)
    assert len(suspects(shop([row[:3] for row in people(rng)]))) <= 0.01 * PEOPLE


def test_an_obvious_attack_is_found_and_hardly_anybody_else(attacked):
    found = suspects(shop(attacked))
    assert (found >= PEOPLE).sum() >= 0.9 * MANY
    assert (found < PEOPLE).sum() <= 0.01 * PEOPLE


@pytest.mark.parametrize("size", [12, 40])
def test_fakes_of_one_unusual_length_do_not_pass_for_what_is_usual_there(size):
    rng = np.random.default_rng(4)
    found = suspects(shop(people(rng) + fakes(rng, size=size)))
    assert (found >= PEOPLE).sum() >= 0.8 * MANY


def test_the_order_of_users_makes_no_difference(attacked):
    order = np.random.default_rng(1).permutation(len(attacked))
    moved = suspects(shop([attacked[place] for place in order]))
    assert set(order[moved].tolist()) == set(suspects(shop(attacked)).tolist())


def test_the_order_and_repeats_of_likes_make_no_difference(attacked):
    turned = [[*row[::-1], row[0]] for row in attacked]
    assert np.array_equal(suspects(shop(turned)), suspects(shop(attacked)))


def test_a_large_catalogue_is_read_alike(attacked, monkeypatch):
    dense = coherence(Histories.of(attacked), ITEMS)
    monkeypatch.setattr("warmstart.data.doubt.DENSE", 0)
    assert np.allclose(coherence(Histories.of(attacked), ITEMS), dense, atol=1e-6)


def test_one_account_alone_is_no_group(attacked):
    rows = attacked[: PEOPLE + 1]
    assert PEOPLE not in suspects(shop(rows)).tolist()


def test_likes_by_chance_hang_together_less_than_a_taste_does(attacked):
    values = coherence(Histories.of(attacked), ITEMS)
    assert np.median(values[PEOPLE:]) < 0.2 * np.median(values[:PEOPLE])


@given(st.lists(st.lists(st.integers(0, 9), max_size=6), max_size=12))
@settings(max_examples=50, deadline=None)
def test_whatever_comes_rows_come_back_once_and_in_order(rows):
    names = [f"i{place}" for place in range(10)]
    data = Dataset("any", Catalogue(names, names, None, 1.0, 0.0), np.arange(len(rows)), Histories.of(rows))
    found = suspects(data, DoubtConfig(least=2, luck=0.5, excess=1.1))
    assert np.array_equal(found, np.unique(found))
    assert all(len(set(rows[row])) > 1 for row in found)


@given(st.lists(st.integers(0, 30), min_size=1, max_size=900))
@settings(max_examples=30, deadline=None)
def test_users_with_as_many_likes_are_compared_with_each_other(lengths):
    group = _groups_of_alike(np.array(lengths))
    assert len({(length, place) for length, place in zip(lengths, group, strict=True)}) == len(set(lengths))
    assert set(group.tolist()) == set(range(group.max() + 1))
