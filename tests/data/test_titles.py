"""Titles are found as people write them, and never guessed."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from warmstart.core.errors import BadInput, UnknownItem
from warmstart.data.catalogue import Catalogue
from warmstart.data.titles import Titles, name_of, year_of

FILMS = [
    "Matrix, The (1999)",
    "Sabrina (1954)",
    "Sabrina (1995)",
    "City of Lost Children, The (Cité des enfants perdus, La) (1995)",
    "Seven (a.k.a. Se7en) (1995)",
    "Amelie (Fabuleux destin d'Amélie Poulain, Le) (2001)",
    "300 (2007)",
    "(500) Days of Summer (2009)",
    "Emma (1996)",
    "Emma (1996)",
    "فيلم قصير",
    "🎬🎬",
    '"Great Performances" Cats (1998)',
]


@pytest.fixture
def titles():
    return Titles(Catalogue([f"m{place}" for place in range(len(FILMS))], FILMS))


@pytest.mark.parametrize(
    ("written", "place"),
    [
        ("Matrix, The (1999)", 0),
        ("The Matrix", 0),
        ("  the MATRIX (1999) ", 0),
        ("matrix", 0),
        ("Sabrina (1995)", 2),
        ("sabrina 1995", None),
        ("La Cité des enfants perdus", 3),
        ("cite des enfants perdus", 3),
        ("se7en", 4),
        ("Seven", 4),
        ("Amelie", 5),
        ("300", 6),
        ("500 days of summer", 7),
        ("فيلم قصير", 10),
        ("🎬🎬", 11),
        ("Great Performances: Cats", 12),
        ("id:m1", 1),
        ("m1", 1),
    ],
)
def test_finds_what_people_write(titles, written, place):
    if place is None:
        with pytest.raises(UnknownItem):
            titles.find(written)
    else:
        assert titles.find(written) == place


@pytest.mark.parametrize("written", ["Sabrina", "Emma (1996)"])
def test_several_fitting_items_are_named_not_guessed(titles, written):
    with pytest.raises(BadInput, match="fits several items") as caught:
        titles.find(written)
    assert "[id:" in str(caught.value)


def test_a_number_that_is_a_title_and_an_id_is_not_guessed():
    titles = Titles(Catalogue([300, 7], ["Heat (1995)", "300 (2007)"]))
    with pytest.raises(BadInput, match="fits several"):
        titles.find("300")
    assert titles.find("id:300") == 0
    assert titles.find("300 (2007)") == 1


@pytest.mark.parametrize(
    ("written", "near"), [("The Matrx", "Matrix, The (1999)"), ("Matrix (2003)", "Matrix, The (1999)")]
)
def test_a_miss_names_the_nearest_titles(titles, written, near):
    with pytest.raises(UnknownItem) as caught:
        titles.find(written)
    assert near in caught.value.nearest


@pytest.mark.parametrize("written", ["", "   ", "(1999)", "x" * 1_000_000, "the", "\x00"])
def test_nonsense_is_an_unknown_item(titles, written):
    with pytest.raises(UnknownItem):
        titles.find(written)


@given(
    st.lists(
        st.text(min_size=1).filter(str.strip), min_size=1, max_size=8, unique_by=lambda text: text.strip().casefold()
    )
)
def test_every_item_is_found_by_its_whole_title(names):
    # ids of which no title is made
    titles = Titles(Catalogue([f"\N{SNOWMAN}{place}" for place in range(len(names))], names))
    for place, name in enumerate(names):
        if not name.strip().startswith("id:"):
            assert titles.find(name) == place


@given(st.text(), st.integers(1000, 2999))
def test_the_year_is_no_part_of_the_name(name, year):
    assert name_of(f"{name} ({year})") == name_of(name) or year_of(name) is not None
    assert year_of(f"{name} ({year})") == year


@pytest.mark.parametrize("written", ["the matrix", "Sabrina", "Nobody Knows This", "", "id:1", "Amelie"])
def test_named_is_find_without_a_word_of_what_is_near(titles, written, monkeypatch):
    try:
        wanted = titles.find(written) if not written.startswith("id:") else None
    except BadInput:
        wanted = None
    monkeypatch.setattr(Titles, "nearest", lambda *_: pytest.fail("what is near takes long to find"))
    assert titles.named(written) == wanted
