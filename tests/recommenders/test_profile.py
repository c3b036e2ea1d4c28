"""A profile is a value: it keeps events in order of time and never changes."""

import dataclasses
import math
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import warmstart as ws
from tests.recommenders.worlds import world
from warmstart.core.errors import BadInput, NotExplainable, UnknownItem
from warmstart.core.histories import Floats, Histories
from warmstart.core.ranking import KNOWN_FROM
from warmstart.data.catalogue import Catalogue
from warmstart.recommenders.profile import Contribution, Profile
from warmstart.representation.context import Context


class Additive:
    """A scorer whose score of an item is its index and one for every event's value."""

    name = "additive"

    def __init__(self, n_items: int = 5) -> None:
        self.catalogue = Catalogue([f"i{item}" for item in range(n_items)], [f"Item {item}" for item in range(n_items)])
        self.asked = 0

    def scores_of(self, history: Histories, context: Context) -> Floats:
        self.asked += 1
        scores: Floats = (np.arange(len(self.catalogue)) + history.values.sum()).astype(np.float32)
        return scores

    def contributions(self, history: Histories, context: Context, item: int) -> list[Contribution]:
        events = zip(history.items.tolist(), history.values.tolist(), strict=True)
        return [
            Contribution("prior", "prior", float(item)),
            *(Contribution("event", self.catalogue.titles[index], value, index) for index, value in events),
        ]


def profile() -> Profile:
    return Profile(Additive())


def items_of(found: Profile) -> Sequence[int]:
    return found.items


def test_nothing_can_be_set():
    with pytest.raises(dataclasses.FrozenInstanceError):
        profile().items = (1,)  # type: ignore[misc]


def test_a_later_event_on_an_item_takes_the_earlier_ones_place():
    found = profile().observe("i1", 2.0).observe("i2", 3.0).observe("i1", 5.0)
    assert (found.items, found.values) == ((2, 1), (3.0, 5.0))


@given(st.permutations(range(5)))
def test_events_with_times_stand_in_order_of_time(order):
    found = profile()
    for item in order:
        found = found.observe(f"i{item}", 1.0, timestamp=100.0 + item)
    assert items_of(found) == (0, 1, 2, 3, 4)
    assert found.history.times is not None
    assert found.history.times.tolist() == [100.0, 101.0, 102.0, 103.0, 104.0]


def test_an_event_without_time_comes_last():
    found = profile().observe("i1", timestamp=5.0).observe("i2").observe("i3", timestamp=1.0)
    assert found.items == (3, 1, 2)
    assert math.isnan(found.times[-1])
    assert found.history.times is None


@pytest.mark.parametrize("timestamp", [float("nan"), float("inf"), "yesterday"])
def test_a_time_that_is_none_is_refused(timestamp):
    with pytest.raises(BadInput, match="timestamp"):
        profile().observe("i1", 1.0, timestamp=timestamp)


def test_what_the_catalogue_does_not_hold_is_refused():
    for ask in (profile().observe, profile().forget, profile().explain):
        with pytest.raises(UnknownItem):
            ask("i9")


def test_scores_are_computed_once():
    scorer = Additive()
    found = Profile(scorer)
    for _ in range(3):
        found.recommend()
        found.explain("i1")
    assert scorer.asked == 1


def test_evidence_grows_with_events():
    found = Profile(Additive(KNOWN_FROM + 1))
    says = [found.recommend().evidence]
    for item in range(KNOWN_FROM):
        found = found.observe(f"i{item}")
        says.append(found.recommend().evidence)
    assert says == ["prior", *["few-shot"] * (KNOWN_FROM - 1), "known"]


def test_an_explanation_sums_to_the_score_largest_first():
    found = profile().observe("i1", 3.0).observe("i2", -5.0).explain("i4")
    assert found.score == sum(part.amount for part in found) == 2.0
    assert [part.amount for part in found] == [-5.0, 4.0, 3.0]
    assert (found.item_id, found.title) == ("i4", "Item 4")


def test_what_is_no_sum_is_not_explained():
    model = ws.recommender("random").fit(world())
    with pytest.raises(NotExplainable, match="'random'"):
        model.profile().explain(world().item_ids[0])


def test_candidates_are_a_list():
    with pytest.raises(BadInput, match="candidates is a list"):
        profile().recommend(candidates="i1")
