"""Laws of foretold values: what evidence may and may not do, and how good they must be on the packaged sample."""

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from warmstart.core.artefact import read_artefact, write_artefact
from warmstart.core.errors import BadConfig, BadInput, BadModelFile
from warmstart.core.histories import Histories
from warmstart.core.run import Run
from warmstart.data.builtin import load_dataset
from warmstart.data.dataset import Dataset
from warmstart.data.episodes import rating_tasks
from warmstart.data.split import split_users
from warmstart.meta.context import UserContext
from warmstart.meta.value_factors import Gaussian, Ratings, Side, posterior
from warmstart.meta.value_fit import rating_episodes, some_of_each
from warmstart.meta.value_scale import ValueScale
from warmstart.meta.values import ValuePrior

N_ITEMS = 24


def world(n_users=120, seed=0):
    """Two tastes: half the users love the first half of the items and hate the second, the others the reverse."""
    rng = np.random.default_rng(seed)
    rows = []
    for user in range(n_users):
        camp = user % 2
        for item in rng.choice(N_ITEMS, size=12, replace=False):
            feeling = (4.6 if (item < N_ITEMS // 2) == (camp == 0) else 1.8) + rng.normal(0, 0.5)
            rows.append((user, int(item), float(np.clip(round(feeling), 1, 5))))
    events = pl.DataFrame(rows, schema=["user_id", "item_id", "value"], orient="row")
    items = pl.DataFrame({"item_id": range(N_ITEMS + 2), "genres": ["war"] * 12 + ["love"] * 12 + ["war", "love"]})
    users = pl.DataFrame(
        {"user_id": range(n_users), "camp": ["left" if user % 2 else "right" for user in range(n_users)]}
    )
    return Dataset.from_frames(events, items=items, users=users, like_from=4)


@pytest.fixture(scope="module")
def data():
    return world()


@pytest.fixture(scope="module")
def prior(data):
    return ValuePrior.fit(data, run=Run(seed=1), factors=3, rounds=8)


@pytest.fixture(scope="module")
def context(data):
    return UserContext.fit(data)


@pytest.fixture(scope="module")
def told(data, context):
    return ValuePrior.fit(data, run=Run(seed=1), context=context, factors=3, rounds=8)


histories = st.lists(
    st.dictionaries(st.integers(0, N_ITEMS - 1), st.sampled_from([1.0, 2.0, 3.0, 4.0, 5.0]), max_size=6),
    min_size=1,
    max_size=4,
).map(lambda rows: Histories.of([list(row) for row in rows], [list(row.values()) for row in rows]))


@given(histories)
@settings(max_examples=30, deadline=None)
def test_a_batch_says_what_each_alone_is_told(prior, rows):
    together = prior.predict(rows, point="mean"), prior.probability_of_like(rows)
    for row in range(len(rows)):
        alone = rows[np.array([row])]
        assert np.allclose(prior.predict(alone, point="mean")[0], together[0][row], atol=1e-4)
        assert np.allclose(prior.probability_of_like(alone)[0], together[1][row], atol=1e-4)


@given(histories, st.randoms(use_true_random=False))
@settings(max_examples=30, deadline=None)
def test_the_order_of_events_does_not_matter(prior, rows, random):
    items, values = [], []
    for row in range(len(rows)):
        one = rows[np.array([row])]
        order = list(range(len(one.items)))
        random.shuffle(order)
        items.append(one.items[order].tolist())
        values.append(one.values[order].tolist())
    shuffled = Histories.of(items, values)
    assert np.allclose(prior.probability_of_like(shuffled), prior.probability_of_like(rows), atol=1e-4)


@given(histories)
@settings(max_examples=20, deadline=None)
def test_values_are_levels_and_chances_are_chances(prior, rows):
    levels = set(np.unique(prior.predict(rows)).tolist())
    mean, chance = prior.predict(rows, point="mean"), prior.probability_of_like(rows)
    assert levels <= {1.0, 2.0, 3.0, 4.0, 5.0}
    assert mean.dtype == chance.dtype == np.float32
    assert mean.shape == (len(rows), N_ITEMS + 2)
    assert (mean >= 1 - 1e-5).all()
    assert (mean <= 5 + 1e-5).all()
    assert (chance >= 0).all()
    assert (chance <= 1).all()
    # a value whose median is a like is a like more often than not
    assert ((prior.predict(rows) >= 4) == (chance >= 0.5)).all()


def test_without_events_or_without_adapting_speaks_the_prior(prior):
    known, nobody = Histories.of([[0, 1, 20]], [[5.0, 5.0, 1.0]]), Histories.of([[]])
    unread = prior.predict(known, adapt=False, point="mean")
    assert np.array_equal(unread, prior.predict(nobody, point="mean"))
    assert not np.allclose(unread, prior.predict(known, point="mean"), atol=0.1)


def test_more_evidence_moves_further_and_makes_surer(prior):
    loved = [Histories.of([list(range(k))], [[5.0] * k]) for k in (1, 3, 8)]
    rising = [prior.predict(row, point="mean")[0, 10] for row in loved]
    spread = [prior.belief(row).users.covariances[0].trace() for row in loved]
    assert rising[0] < rising[1] < rising[2]
    assert spread[0] > spread[1] > spread[2]


def test_the_taste_is_found_from_three_values(prior):
    values = prior.predict(Histories.of([[0, 1, 20], [0, 1, 20]], [[5.0, 5.0, 2.0], [2.0, 1.0, 5.0]]), point="mean")
    assert (values[0, 2:12] > 3.8).all()
    assert (values[1, 2:12] < 2.6).all()
    assert (values[1, 12:20] > 3.8).all()


def test_attributes_speak_before_any_event(told, context):
    nobody = Histories.of([[], [], []])
    attributes = context.centred([{"camp": "right"}, {"camp": "left"}, None])
    right, left, anybody = told.predict(nobody, attributes, point="mean")
    assert right[:12].mean() > anybody[:12].mean() + 0.5 > left[:12].mean() + 1.0
    assert np.array_equal(told.predict(nobody, None, point="mean")[2], anybody)


def test_items_nobody_met_are_foretold_from_their_features(prior):
    right = prior.predict(Histories.of([[0, 1, 2, 20, 21]], [[5.0, 5.0, 5.0, 1.0, 2.0]]), point="mean")[0]
    assert right[24] > right[25] + 1


def test_new_items_join_at_the_end_and_change_nothing_else(prior):
    longer = prior.with_items(pl.DataFrame({"item_id": [100], "genres": ["war"]}))
    history = Histories.of([[0, 20]], [[5.0, 1.0]])
    before, after = prior.predict(history, point="mean")[0], longer.predict(history, point="mean")[0]
    assert len(after) == len(before) + 1
    assert np.allclose(after[:-1], before, atol=1e-5)
    assert abs(after[-1] - after[24]) < 0.3


def test_saved_and_restored_it_says_the_same(told, context, tmp_path):
    header, arrays = told.state()
    write_artefact(tmp_path / "model", header, arrays)
    again = ValuePrior.restore(*read_artefact(tmp_path / "model"))
    history, attributes = Histories.of([[0, 20], []], [[5.0, 1.0], []]), context.centred([None, {"camp": "left"}])
    for ask in (ValuePrior.predict, ValuePrior.probability_of_like):
        assert np.array_equal(ask(again, history, attributes), ask(told, history, attributes))
    frame = pl.DataFrame({"item_id": [100], "genres": ["war"]})
    assert np.array_equal(again.with_items(frame).predict(history), told.with_items(frame).predict(history))


def test_a_state_that_does_not_fit_is_refused(prior):
    header, arrays = prior.state()
    with pytest.raises(BadModelFile, match="values.user_map"):
        ValuePrior.restore(header, arrays | {"values.user_map": np.zeros((2, 2), dtype=np.float32)})


def test_the_seed_decides_everything(data):
    first, again, other = (ValuePrior.fit(data, run=Run(seed=seed), factors=2, rounds=2) for seed in (1, 1, 2))
    history = Histories.of([[0]], [[5.0]])
    assert np.array_equal(first.predict(history, point="mean"), again.predict(history, point="mean"))
    assert not np.array_equal(first.predict(history, point="mean"), other.predict(history, point="mean"))


@pytest.mark.parametrize(
    ("users", "items", "values"),
    [
        ([1], [1], [5.0]),
        ([1, 1, 1], [1, 2, 3], [5.0, 3.0, 1.0]),
        ([1, 2, 3], [1, 1, 1], [5.0, 4.0, 1.0]),
        ([1, 1, 2, 2], [1, 2, 1, 2], [4.0, 4.0, 4.0, 4.0]),
        ([1, 1, 2, 2], [1, 2, 1, 2], [2.0, 2.0, 2.0, 2.0]),
    ],
    ids=["one event", "one user", "one item", "all liked", "none liked"],
)
def test_the_smallest_data_give_finite_answers(users, items, values):
    events = pl.DataFrame({"user_id": users, "item_id": items, "value": values})
    data = Dataset.from_frames(events, like_from=4)
    prior = ValuePrior.fit(data)
    history = Histories.of([[0], []], [[values[0]], []])
    for found in (prior.predict(history), prior.predict(history, point="mean"), prior.probability_of_like(history)):
        assert found.shape == (2, data.n_items)
        assert np.isfinite(found).all()


def test_values_without_likes_and_dislikes_are_refused_by_name():
    data = Dataset.from_frames(pl.DataFrame({"user_id": [1, 2], "item_id": [1, 1]}), name="clicks")
    assert not ValuePrior.suits(data)
    with pytest.raises(BadInput, match="'clicks'"):
        ValuePrior.fit(data)
    with pytest.raises(BadConfig, match="facters"):
        ValuePrior.fit(world(4), facters=3)


def test_values_that_are_measurements_stay_between_the_ends():
    rng = np.random.default_rng(0)
    rows = {"user_id": np.repeat(np.arange(40), 8), "item_id": np.tile(np.arange(8), 40)}
    data = Dataset.from_frames(pl.DataFrame(rows | {"value": rng.uniform(-10, 10, 320)}), like_from=3.0)
    prior = ValuePrior.fit(data, factors=2, rounds=3)
    values = prior.predict(Histories.of([[0, 1], []], [[9.0, 8.5], []]))
    assert not prior.scale.counted
    assert (np.abs(values) <= 10).all()
    assert len(np.unique(values)) > 8


def test_one_value_moves_a_bias_as_bayes_says():
    items = Side(np.zeros((2, 1), dtype=np.float32), np.zeros((2, 1, 1), dtype=np.float32))
    drawn = Gaussian(np.zeros((1, 1), dtype=np.float32), np.full((1, 1), 0.5, dtype=np.float32))
    found = posterior(Ratings.of(Histories.of([[0, 1]], [[5.0, 4.0]]), 2, 3.0), items, drawn, noise=2.0)
    # precision 1 / 0.5 + 2 / 2, pull (2 + 1) / 2
    assert found.vectors[0, 0] == pytest.approx(0.5)
    assert found.covariances[0, 0, 0] == pytest.approx(1 / 3)


def test_uncertain_items_move_a_user_less():
    vectors = np.array([[0.0, 1.0]], dtype=np.float32)
    drawn = Gaussian(np.zeros((1, 2), dtype=np.float32), np.eye(2, dtype=np.float32))
    ratings = Ratings.of(Histories.of([[0]], [[5.0]]), 1, 3.0)
    sure, unsure = (
        posterior(ratings, Side(vectors, spread * np.eye(2, dtype=np.float32)[None]), drawn, 1.0) for spread in (0, 3)
    )
    assert 0 < unsure.vectors[0, 1] < sure.vectors[0, 1]


def test_thresholds_are_found_again():
    rng = np.random.default_rng(0)
    cuts, feelings = np.array([1.2, 2.9, 3.4, 4.6]), rng.normal(3.2, 1.0, 20_000)
    values = 1.0 + np.searchsorted(cuts, feelings + rng.normal(0, 0.6, len(feelings)))
    start = ValueScale.of(values, like_from=4)
    found = start.fitted(feelings, np.full(len(feelings), 0.3), values, like_from=4)
    assert np.allclose(found.cuts, cuts, atol=0.06)
    assert found.stretch == pytest.approx(2.0, abs=0.1)
    chance = found.chance_of_like(feelings, np.full(len(feelings), 0.3))
    for low in np.arange(0.05, 0.95, 0.1):
        near = (chance >= low) & (chance < low + 0.1)
        assert (values[near] >= 4).mean() == pytest.approx(chance[near].mean(), abs=0.04)
    assert (chance >= found.balanced).sum() == (values >= 4).sum()


def test_a_scale_of_nothing_but_likes_or_dislikes_is_sure():
    feelings, sure = np.array([0.0, 3.0]), np.ones(2)
    assert ValueScale.of(np.array([4.0, 5.0]), like_from=4).chance_of_like(feelings, sure).tolist() == [1.0, 1.0]
    assert ValueScale.of(np.array([1.0, 2.0]), like_from=4).chance_of_like(feelings, sure).tolist() == [0.0, 0.0]


def test_tasks_ask_for_what_they_do_not_show():
    histories = world(30).histories
    rng = np.random.default_rng(0)
    support, query, users = rating_episodes(histories, rng)
    assert (query.lengths == 6).all()
    shown = {(row, item) for row, item in zip(support.rows.tolist(), support.items.tolist(), strict=True)}
    asked = {(row, item) for row, item in zip(query.rows.tolist(), query.items.tolist(), strict=True)}
    all_of_them = {(row, item) for row, item in zip(histories.rows.tolist(), histories.items.tolist(), strict=True)}
    assert not shown & asked
    assert shown | asked <= all_of_them
    assert users.tolist() == list(range(30))
    kept = np.concatenate([some_of_each(histories, np.random.default_rng(seed)).lengths for seed in range(20)])
    assert kept.min() == 0
    assert kept.max() == 12


def test_on_the_sample_it_beats_item_mean_and_bias():
    data = load_dataset("movielens-small")
    train, validation, test = split_users(data.n_users)
    learned = data.take_users(train)
    prior = ValuePrior.fit(learned, data.take_users(validation), rounds=6)
    tasks = rating_tasks(data, np.concatenate([validation, test]))
    query, at = tasks.query, (tasks.query.rows, tasks.query.items)
    counts = np.bincount(learned.histories.items, minlength=data.n_items)
    overall = learned.histories.values.mean()
    sums = np.bincount(learned.histories.items, learned.histories.values, data.n_items)
    means = (sums + 5 * overall) / (counts + 5)
    gaps = tasks.support.values - means[tasks.support.items]
    bias = np.bincount(tasks.support.rows, gaps, len(tasks)) / (tasks.support.lengths + 3)
    baseline = np.abs(query.values - np.clip(means[query.items] + bias[query.rows], 0.5, 5)).mean()
    error = np.abs(query.values - prior.predict(tasks.support)[at]).mean()
    pooled = np.abs(query.values - prior.predict(tasks.support, adapt=False)[at]).mean()
    assert error < 0.97 * baseline
    assert error < 0.97 * pooled
    assert 0.55 < error < 0.71
