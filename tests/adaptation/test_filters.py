"""Laws of filters: they compose in any order, say what there is, and never let go of what must not be shown."""

from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from warmstart.adaptation.filters import MOST_NAMED, Filters, Shelves
from warmstart.core.errors import BadInput, UnknownItem
from warmstart.data.catalogue import Catalogue

N = 8
FILMS = Catalogue(list(range(100, 100 + N)), [f"film {place}" for place in range(N)])
TABLE = pl.DataFrame(
    {
        "item_id": [100, 101, 102, 103, 104, 105, 106, 999],
        "title": ["a", "b", "c", "d", "e", "f", "g", "not in the catalogue"],
        "genres": ["Crime|Drama", "Drama", "War|Drama", "War", "Comedy", None, "Comedy|War", "Opera"],
        "year": [1990, 1990, 1991, 1992, 1990, 1991, 1992, 1950],
        "shelf": ["x", "x", "y", "y", "x", "x", "y", "y"],
    }
)
masks = st.lists(st.booleans(), min_size=N, max_size=N).map(np.array)
indices = st.lists(st.integers(0, N - 1), max_size=N)
steps = st.one_of(
    st.tuples(st.just("within"), masks),
    st.tuples(st.just("in_stock"), masks),
    st.tuples(st.sampled_from(["only", "without", "met"]), indices),
)
laws = settings(max_examples=200, deadline=None)


def applied(some):
    found = Filters(N)
    for name, given_ in some:
        found = getattr(found, name)(given_)
    return found


def left(found):
    mask = found.allowed()
    return list(range(N)) if mask is None else np.flatnonzero(mask).tolist()


def listed(mask):
    return None if mask is None else mask.tolist()


@laws
@given(some=st.lists(steps, max_size=6), data=st.data())
def test_order_does_not_matter(some, data):
    one, other = applied(some), applied(data.draw(st.permutations(some)))
    assert listed(one.allowed()) == listed(other.allowed())
    assert sorted(set(one.seen.tolist() if one.seen is not None else [])) == sorted(
        set(other.seen.tolist() if other.seen is not None else [])
    )
    assert listed(one.relaxed()[0]) == listed(other.relaxed()[0])
    assert one.relaxed()[1] == other.relaxed()[1]


@laws
@given(some=st.lists(steps, max_size=6))
def test_a_step_again_changes_nothing_and_no_step_changes_what_was(some):
    found = applied(some)
    before = listed(found.allowed())
    assert listed(applied(some + some).allowed()) == before
    found.without([0]).only([1]).within(np.zeros(N, dtype=bool))
    assert listed(found.allowed()) == before


@laws
@given(some=st.lists(steps, max_size=6))
def test_what_is_let_go_is_stated_and_never_what_is_blocked_or_sold_out(some):
    found = applied(some)
    mask, let_go = found.relaxed()
    mask = np.ones(N, dtype=bool) if mask is None else mask
    allowed = found.allowed()
    assert (let_go is None) == (allowed is None or bool(allowed.any()))
    assert (let_go == "nothing") == (found.possible is not None and not found.possible.any())
    if found.possible is not None:
        assert not (mask & ~found.possible).any()
    if let_go in (None, "category") and found.allow is not None:
        assert not (mask & ~found.allow).any()


def test_an_empty_catalogue_leaves_nothing():
    assert Filters(0).relaxed()[1] == "nothing"


@pytest.mark.parametrize("mask", [np.ones(3, dtype=bool), np.ones(N), np.ones((N, 1), dtype=bool)])
def test_a_mask_that_does_not_fit_is_refused(mask):
    with pytest.raises(BadInput, match="8 items"):
        Filters(N).within(mask)
    with pytest.raises(BadInput, match="8 items"):
        Filters(N).in_stock(mask)


@pytest.mark.parametrize(
    ("category", "places"),
    [
        ({"genres": "Drama"}, [0, 1, 2]),
        ({"genres": ["Drama", "Comedy"]}, [0, 1, 2, 4, 6]),
        ({"genres": "War", "shelf": "y"}, [2, 3, 6]),
        ({"genres": ("War", "Crime"), "year": 1990}, [0]),
        ({"year": "1992"}, [3, 6]),
        ({}, list(range(N))),
    ],
)
def test_categories_match_any_level_of_a_column_and_all_columns(category, places):
    assert left(Shelves(FILMS, TABLE).filters(category=category)) == places


def test_rows_may_stand_in_any_order_and_lists_count_as_levels():
    turned = TABLE.with_columns(pl.col("genres").str.split("|")).reverse()
    for level in ("Drama", "War", "Comedy", "Crime"):
        asked = {"genres": level}
        one, other = (Shelves(FILMS, table).filters(category=asked).allowed() for table in (TABLE, turned))
        assert listed(one) == listed(other)


def test_all_of_a_request_at_once():
    stock = np.array([True, False] * 4)
    found = Shelves(FILMS, TABLE).filters(
        category={"genres": ["Drama", "War"]},
        allow=["100", 102, 103],
        block=[100, "unheard of"],
        seen=[2],
        available=stock,
    )
    assert left(found) == [2]
    assert found.seen is not None
    assert found.seen.tolist() == [2]


def test_a_request_that_says_nothing_leaves_everything():
    found = Shelves(FILMS).filters()
    assert found.allowed() is None
    assert found.seen is None


def test_what_there_is_not_is_refused_with_what_there_is():
    shelves = Shelves(FILMS, TABLE)
    assert shelves.columns == ["genres", "year", "shelf"]
    assert shelves.levels("genres") == ["Comedy", "Crime", "Drama", "War"]
    with pytest.raises(BadInput, match="no 'Dramma' in 'genres'. There are: Comedy, Crime, Drama, War"):
        shelves.filters(category={"genres": "Dramma"})
    with pytest.raises(BadInput, match="no column 'genre' .* There are: genres, year, shelf"):
        shelves.filters(category={"genre": "Drama"})
    with pytest.raises(BadInput, match="no item table"):
        Shelves(FILMS).filters(category={"genres": "Drama"})


def test_of_many_levels_the_nearest_are_named():
    many = pl.DataFrame({"item_id": list(range(100, 160)), "shelf": [f"shelf {place}" for place in range(30)] * 2})
    catalogue = Catalogue(many["item_id"].to_list(), [""] * 60)
    with pytest.raises(BadInput, match="Of 30 there are: shelf 2") as caught:
        Shelves(catalogue, many).filters(category={"shelf": "shelf 2x"})
    assert str(caught.value).count("shelf ") <= MOST_NAMED + 1


def test_unknown_ids_are_refused_where_they_matter():
    shelves = Shelves(FILMS, TABLE)
    with pytest.raises(UnknownItem):
        shelves.filters(allow=[100, 1])
    assert left(shelves.filters(allow=[100, 1], on_unknown="ignore")) == [0]
    assert shelves.filters(block=[1]).allowed() is None
    wrong: Any
    for wrong in ("100", 100):
        with pytest.raises(BadInput, match="list of item ids"):
            shelves.filters(allow=wrong)
