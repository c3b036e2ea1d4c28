import math

import numpy as np
import pytest

from warmstart.core.errors import BadInput, UnknownItem
from warmstart.data.catalogue import MOST_COMPARED, Catalogue

FILMS = Catalogue([1, 22, 3], ["Heat (1995)", "Alien", "אבא"], like_from=4.0, like_value=4.5, dislike_value=2.0)


@pytest.mark.parametrize("item", [22, "22", np.int64(22)])
def test_ids_match_by_text(item):
    assert FILMS.index(item) == 1


@pytest.mark.parametrize("title", ["alien", "  ALIEN ", "22", "Alien"])
def test_titles_are_found_whatever_their_case(title):
    assert FILMS.index_of_title(title) == 1


def test_a_miss_names_what_comes_near():
    with pytest.raises(UnknownItem, match=r"'heat' is not in the catalogue. Nearest: Heat \(1995\)") as caught:
        FILMS.index("heat")
    assert caught.value.nearest == ("Heat (1995)",)
    assert FILMS.nearest("Alein") == ["Alien"]
    assert FILMS.nearest("  ") == []
    assert FILMS.nearest("x" * 10_000_000) == []


def test_a_miss_in_a_large_catalogue_is_answered_soon():
    many = Catalogue(range(4 * MOST_COMPARED), [f"{chr(97 + i % 26)}{i} film" for i in range(4 * MOST_COMPARED)])
    assert many.nearest("z25 fim")[0] == "z25 film"


def test_history_takes_ids_values_and_times():
    history, ignored = FILMS.history([22, (1, 2), ("3", 5.0)])
    assert (history.items.tolist(), history.values.tolist(), ignored) == ([1, 0, 2], [4.5, 2.0, 5.0], ())
    assert history.times is None
    timed, _ = FILMS.history([(22, 5, 20.0), (1, None, 10.0)])
    assert timed.items.tolist() == [0, 1]


def test_unknown_entries_are_refused_or_named():
    with pytest.raises(UnknownItem):
        FILMS.history([22, "nobody knows"])
    history, ignored = FILMS.history([22, ("nobody knows", 5)], on_unknown="ignore")
    assert (history.items.tolist(), ignored) == ([1], ("nobody knows",))


@pytest.mark.parametrize("value", [math.nan, math.inf, "5", [5]])
def test_values_must_be_finite_numbers(value):
    with pytest.raises(BadInput, match=r"A value must be a finite number, such as 4\.5"):
        FILMS.history([(22, value)])


@pytest.mark.parametrize("entry", [(), (1, 2, 3, 4)])
def test_entries_have_one_to_three_parts(entry):
    with pytest.raises(BadInput, match="A history entry is"):
        FILMS.history([entry])


def test_times_must_be_finite_seconds():
    with pytest.raises(BadInput, match="A time must be seconds since 1970"):
        FILMS.history([(22, 5, "yesterday")])


def test_a_history_is_no_text():
    with pytest.raises(BadInput, match=r"write \['Alien'\]"):
        FILMS.history("Alien")
