"""Laws of drift: what is noticed and what fades depends on the model and the history alone, and only the past fades."""

import copy
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from warmstart.adaptation import drift
from warmstart.adaptation.drift import CUTS, NEWEST, change_at, faded, signals_of
from warmstart.adaptation.settings import DriftConfig
from warmstart.core.errors import BadConfig
from warmstart.core.histories import Histories
from warmstart.recommenders.table import recommender

EAGER = DriftConfig(caution=-4.0)
laws = settings(max_examples=12, deadline=None)


def likes(items, value=5.0):
    return Histories.of([list(items)], [[value] * len(items)], [[float(t) for t in range(len(items))]])


def weights_of(history):
    return np.ones(len(history.items)) if history.weights is None else history.weights


def of_genre(data, genre, n):
    """The most liked items that carry one genre and no other."""
    liked = np.bincount(data.histories.items[data.liked], minlength=data.n_items)
    only = [place for place, told in enumerate(data.items["genres"].to_list()) if told == genre]
    return sorted(only, key=lambda place: -liked[place])[:n]


items = st.lists(st.integers(0, 2000), min_size=0, max_size=30, unique=True)


@laws
@given(items=items)
def test_the_same_log_gives_the_same_result(model, items):
    one, other = (faded(model, likes(items), EAGER) for _ in range(2))
    assert weights_of(one).tolist() == weights_of(other).tolist()
    assert change_at(model, likes(items), EAGER) == change_at(model, likes(items), EAGER)


@laws
@given(items=items)
def test_a_history_is_touched_exactly_where_a_change_is_noticed(model, items):
    history = likes(items)
    after, place = faded(model, history, EAGER), change_at(model, history, EAGER)
    assert (place is None) == (after is history)
    if place is not None:
        assert len(items) - place in CUTS


@laws
@given(items=items)
def test_weights_lie_in_their_range_and_rise_with_time(model, items):
    weights = weights_of(faded(model, likes(items), EAGER))
    assert ((weights >= EAGER.least_weight - 1e-6) & (weights <= 1)).all()
    assert (np.diff(weights) >= 0).all()
    assert (weights[-min(CUTS) :] == 1).all()


@laws
@given(items=items)
def test_nothing_but_weights_changes(model, items):
    history = likes(items)
    after = faded(model, history, EAGER)
    assert after.items is history.items
    assert after.values is history.values
    assert after.times is history.times
    assert history.weights is None


@laws
@given(items=st.lists(st.integers(0, 2000), min_size=8, max_size=25, unique=True), part=st.floats(0.1, 1))
def test_what_counted_in_part_counts_for_less_still(model, items, part):
    whole = likes(items)
    graded = replace(whole, weights=np.full(len(items), part, dtype=np.float32))
    after = faded(model, graded, EAGER)
    assert (weights_of(after) <= graded.weights + 1e-6).all()
    if after is not graded:
        assert weights_of(after)[-1] == pytest.approx(part)


@laws
@given(items=st.lists(st.integers(0, 2000), min_size=8, max_size=25, unique=True))
def test_more_caution_never_lowers_a_weight(model, items):
    history = likes(items)
    careless, careful = (weights_of(faded(model, history, DriftConfig(caution=by))) for by in (-4.0, -1.0))
    assert (careful >= careless - 1e-6).all()


@pytest.mark.parametrize("n", range(8))
def test_a_handful_of_likes_is_left_alone(model, n):
    history = likes(range(n))
    assert faded(model, history, EAGER) is history
    assert change_at(model, history, EAGER) is None


def test_a_switch_of_taste_is_noticed_and_the_old_taste_fades(model, data):
    horror, romance = of_genre(data, "Horror", 20), of_genre(data, "Romance", 8)
    history = likes([*horror, *romance])
    place, weights = change_at(model, history), weights_of(faded(model, history))
    assert place is not None
    assert abs(place - 20) <= 3
    assert weights[:15].max() < 0.2
    assert weights[-5:].min() == pytest.approx(1, abs=0.1)


def test_one_taste_is_left_alone(model, data):
    history = likes(of_genre(data, "Horror", 25))
    assert faded(model, history) is history


def test_the_list_follows_the_new_taste(model, data):
    horror, romance = of_genre(data, "Horror", 30), of_genre(data, "Comedy|Romance", 40)
    history = likes([*horror[:20], *romance[:6]])
    asked = romance[6:]
    plain, after = (model.score(one)[0] for one in (history, faded(model, history)))
    assert (-after).argsort().argsort()[asked].mean() < (-plain).argsort().argsort()[asked].mean()


def test_dislikes_are_no_evidence_of_a_change_and_fade_with_what_stood_beside_them(model, data):
    horror, romance = of_genre(data, "Horror", 20), of_genre(data, "Romance", 8)
    disliked = of_genre(data, "Western", 1)
    plain, mixed = likes([*horror, *romance]), likes([*horror[:10], *disliked, *horror[10:], *romance])
    mixed.values[10] = 1.0
    without = np.arange(len(mixed.items)) != 10
    weights = weights_of(faded(model, mixed))
    assert weights[without] == pytest.approx(weights_of(faded(model, plain)), rel=0.02)  # disliked items are not ranked
    assert weights[10] == weights[11]
    assert [change_at(model, mixed), change_at(model, plain)] == [24, 23]


def test_a_long_history_is_judged_by_its_newest_likes(model, data):
    horror, romance = of_genre(data, "Horror", 40), of_genre(data, "Romance", 8)
    rest = [place for place in range(data.n_items) if place not in {*horror, *romance}][:960]
    short, long = likes([*horror, *romance][-NEWEST:]), likes([*rest, *horror, *romance])
    found = weights_of(faded(model, long))
    assert found[:960].max() == found[:960].min()
    assert change_at(model, long) is not None
    assert change_at(model, short) is not None


def test_a_recommender_that_reads_no_history_notices_nothing(data):
    model = recommender("popularity").fit(data)
    history = likes(range(25))
    assert faded(model, history, EAGER) is history


def test_who_passes_the_first_look_would_not_have_been_noticed(model, data, monkeypatch):
    liked = data.histories.where(data.liked)
    histories = [likes(liked[user].items[:30].tolist()) for user in range(0, data.n_users, 12)]
    found = [change_at(model, one) for one in histories]
    monkeypatch.setattr(drift, "SUSPICION", -np.inf)
    assert [change_at(model, one) for one in histories] == found


def test_a_model_that_weighs_tastes_is_never_asked_for_all_items(model, data, monkeypatch):
    def refuse(*_):
        raise AssertionError

    history = likes([*of_genre(data, "Horror", 20), *of_genre(data, "Romance", 8)])
    monkeypatch.setattr(model, "scores_of_many", refuse)
    assert faded(model, history) is not history


def test_what_weighs_nothing_is_not_strange(model, data):
    horror, romance = of_genre(data, "Horror", 20), of_genre(data, "Romance", 8)
    history = likes([*horror, *romance])
    found = [signals_of(model, one, np.arange(28)) for one in (history, replace(history, weights=np.zeros(28)))]
    assert found[0].shape == found[1].shape == (3, 10)
    assert np.isnan(found[1]).all()
    assert (found[0][:2, 7] > 0).all()


@pytest.mark.parametrize("name", ["item_knn", "user_knn", "ease"])
def test_it_works_with_any_recommender(data, name):
    model = recommender(name).fit(data)
    horror, romance = of_genre(data, "Horror", 20), of_genre(data, "Romance", 8)
    history = likes([*horror, *romance])
    signals = signals_of(model, history, np.arange(28))
    assert signals.shape == (3, 7)
    assert np.isfinite(signals).all()
    weights = weights_of(faded(model, history, EAGER))
    assert (np.diff(weights) >= 0).all()


def test_a_data_set_without_values_has_only_likes(model):
    free = copy.copy(model)
    free._catalogue = replace(model.catalogue, like_from=None)
    history = likes(range(0, 60, 2), value=1.0)
    found = signals_of(free, history, np.arange(30))
    assert np.isfinite(found).all()
    assert faded(free, history, EAGER) is not history
    assert faded(model, history, EAGER) is history


@pytest.mark.parametrize("wrong", [{"least_likes": 2}, {"steepness": 0}, {"least_weight": 1.0}, {"noticed": 1}])
def test_senseless_settings_are_refused(wrong):
    with pytest.raises(BadConfig):
        DriftConfig.of(**wrong)
