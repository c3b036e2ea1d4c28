"""Laws of the fold: however events arrive, a person comes out the same."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from warmstart.adaptation.feedback import KINDS, Feedback, Kind
from warmstart.adaptation.fold import Folded, fold
from warmstart.core.events import Event
from warmstart.data.catalogue import Catalogue

FILMS = Catalogue(list("abcdef"), list("ABCDEF"), like_from=4.0, like_value=5.0, dislike_value=2.0)
SHOP = Catalogue(list("abcdef"), list("ABCDEF"))
events = st.builds(
    Event,
    event_id=st.uuids().map(str),
    item_id=st.sampled_from([*"abcdef", "unheard of"]),
    type=st.sampled_from([*KINDS, "unnamed"]),
    timestamp=st.integers(0, 40).map(float),
    value=st.sampled_from([None, 1.0, 5.0]),
)
logs = st.lists(events, max_size=25, unique_by=lambda event: event.event_id)
feedbacks = st.sampled_from(
    [Feedback(), Feedback(half_life_days=1e-4), Feedback(most_events=5), Feedback(kinds={"unnamed": Kind(weight=0.2)})]
)
laws = settings(max_examples=150, deadline=None)


def said(found: Folded) -> dict[int, tuple[float, float]]:
    history = found.history
    weights = np.ones(len(history.items)) if history.weights is None else history.weights
    pairs = zip(history.values.tolist(), weights.tolist(), strict=True)
    return dict(zip(history.items.tolist(), pairs, strict=True))


def same(one: Folded, other: Folded) -> None:
    assert one.history.items.tolist() == other.history.items.tolist()
    assert said(one) == said(other)
    assert one.seen.tolist() == other.seen.tolist()


@laws
@given(log=logs, feedback=feedbacks, data=st.data())
def test_the_order_of_arrival_does_not_matter(log, feedback, data):
    mixed = data.draw(st.permutations(log))
    same(fold(log, FILMS, feedback), fold(mixed, FILMS, feedback))


@laws
@given(log=logs, feedback=feedbacks)
def test_a_repeated_event_has_one_effect(log, feedback):
    same(fold(log, FILMS, feedback), fold(log + log, FILMS, feedback))


@laws
@given(log=logs, feedback=feedbacks)
def test_an_item_counts_once_in_order_of_time(log, feedback):
    history = fold(log, FILMS, feedback).history
    assert len(set(history.items.tolist())) == len(history.items)
    assert history.times is not None
    assert history.times.tolist() == sorted(history.times.tolist())
    if history.weights is not None:
        assert ((history.weights > 0) & (history.weights <= 1)).all()


@laws
@given(log=logs, extra=events)
def test_an_event_that_is_taken_back_leaves_nothing(log, extra):
    everything = [*log, extra]
    without = [event for event in everything if event is not extra]
    same(fold(without, FILMS, Feedback()), fold(log, FILMS, Feedback()))


@pytest.mark.parametrize(
    ("story", "value", "weight"),
    [
        (["like"], 5.0, 1.0),
        (["view"], 5.0, 0.3),
        (["view", "like"], 5.0, 1.0),
        (["like", "view"], 5.0, 1.0),
        (["like", "dislike"], 2.0, 1.0),
        (["like", "dismiss"], 2.0, 0.5),
        (["dislike", "view"], 2.0, 1.0),
        (["dislike", "click"], 2.0, 1.0),
        (["dismiss", "click"], 5.0, 0.4),
        (["dislike", "purchase"], 5.0, 1.0),
    ],
)
def test_what_several_events_on_an_item_come_to(story, value, weight):
    log = [Event(str(time), "a", kind, float(time)) for time, kind in enumerate(story)]
    assert said(fold(log, FILMS, Feedback()))[0] == pytest.approx((value, weight))


def test_a_rating_says_what_its_value_says():
    log = [Event("1", "a", "rating", 0.0, 1.5), Event("2", "b", "rating", 1.0)]
    assert {item: value for item, (value, _) in said(fold(log, FILMS, Feedback())).items()} == {0: 1.5, 1: 5.0}


def test_impressions_and_unnamed_types_are_no_evidence():
    log = [Event("1", "a", "impression", 0.0), Event("2", "b", "unnamed", 1.0)]
    found = fold(log, FILMS, Feedback())
    assert len(found) == 0
    assert found.seen.tolist() == [1]


def test_where_every_event_is_a_like_a_dislike_is_only_seen():
    found = fold([Event("1", "a", "dislike", 0.0), Event("2", "b", "like", 1.0)], SHOP, Feedback())
    assert found.history.items.tolist() == [1]
    assert found.seen.tolist() == [0, 1]


def test_age_halves_and_in_the_end_forgets():
    day = 86_400.0
    log = [Event("1", "a", "like", 0.0), Event("2", "b", "like", 9 * day), Event("3", "c", "like", 10 * day)]
    found = said(fold(log, FILMS, Feedback(half_life_days=1.0)))
    assert {item: weight for item, (_, weight) in found.items()} == pytest.approx({1: 0.5, 2: 1.0})


def test_only_the_newest_events_are_folded():
    log = [Event(str(time), "abcdef"[time], "like", float(time)) for time in range(6)]
    assert fold(log, FILMS, Feedback(most_events=2)).history.items.tolist() == [4, 5]


def test_an_item_that_joins_later_is_folded_then():
    log = [Event("1", "new", "like", 0.0)]
    assert len(fold(log, FILMS, Feedback())) == 0
    assert len(fold(log, replace(FILMS, item_ids=["new"], titles=["New"]), Feedback())) == 1
