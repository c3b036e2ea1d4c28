"""What people paste about themselves comes to what they would have said one by one."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import warmstart as ws
from warmstart.data.catalogue import Catalogue
from warmstart.data.titles import Titles
from warmstart.recommenders.pasted import looks_pasted, read_pasted

FILMS = Titles(
    Catalogue(
        [1, 2, 3, 4],
        ["Heat (1995)", "Good, the Bad and the Ugly, The (1966)", "2001: A Space Odyssey (1968)", "Sabrina (1954)"],
        like_from=4.0,
        like_value=5.0,
        dislike_value=2.0,
    )
)
SAMPLE = ws.load_dataset("movielens-small")


@pytest.fixture(scope="module")
def model():
    return ws.MetaRecommender(tune=False, values=False).fit(SAMPLE)


@pytest.mark.parametrize(
    ("text", "history"),
    [
        ("Heat\nThe Good, the Bad and the Ugly", [(1, 5.0), (2, 5.0)]),
        ("1. Heat (1995)\n2) 2001: A Space Odyssey", [(1, 5.0), (3, 5.0)]),
        ("* Heat (1995) 4.5\n• Sabrina (1954): 1", [(1, 4.5), (4, 1.0)]),
        ("Heat (1995) - 4/5\nSabrina | 3 stars", [(1, 4.0), (4, 3.0)]),
        ("liked: Heat; The Good, the Bad and the Ugly\nHated: Sabrina", [(1, 5.0), (2, 5.0), (4, 2.0)]),
        ("loved: Heat, Sabrina", [(1, 5.0), (4, 5.0)]),
        ("Dislikes: Good, the Bad and the Ugly, The (1966)", [(2, 2.0)]),
        ("Heat\r\nSabrina\r\n", [(1, 5.0), (4, 5.0)]),
    ],
)
def test_titles_in_lines_are_events(text, history):
    assert looks_pasted(text)
    told = read_pasted(text, FILMS)
    assert told.history == history
    assert told.text is None


def test_what_is_no_title_stays_a_sentence():
    told = read_pasted("Heat\nsomething slow and dark\nliked: Nobody Knows This; Sabrina", FILMS)
    assert told.history == [(1, 5.0), (4, 5.0)]
    assert told.text == "something slow and dark Nobody Knows This"


def test_a_form_is_read_as_attributes():
    told = read_pasted("Age: 25\noccupation = student\nlikes: Heat\nshoe size: 42", FILMS, ("age", "occupation"))
    assert told.user == {"age": "25", "occupation": "student"}
    assert told.history == [(1, 5.0)]
    assert told.text == "shoe size: 42"


@pytest.mark.parametrize(
    "text", ["an animated film for children", "Heat", "2001: A Space Odyssey", " Heat \n", "", "a: b"]
)
def test_one_line_is_a_sentence(text):
    assert not looks_pasted(text)


@settings(max_examples=60, deadline=None)
@given(st.text(max_size=300))
def test_any_text_is_read(text):
    told = read_pasted(text, FILMS, ("age",))
    assert {item for item, _ in told.history} <= {1, 2, 3, 4}


def test_a_pasted_history_is_the_history(model):
    titles = ["Toy Story (1995)", "Heat (1995)", "Casino (1995)"]
    ids = [SAMPLE.item_ids[SAMPLE.catalogue.titles.index(title)] for title in titles]
    pasted = model.profile(text="\n".join(titles))
    told = model.profile(history=ids)
    assert pasted.recommend(k=20).item_ids == told.recommend(k=20).item_ids
    both = model.profile(history=[ids[2]], text=f"{titles[0]}\n{titles[1]}\nsomething funny")
    apart = model.profile(history=ids, text="something funny")
    assert both.recommend(k=20).item_ids == apart.recommend(k=20).item_ids
    assert pasted.recommend(k=3).evidence == "few-shot"


def test_a_pasted_form_is_the_person():
    data = ws.Dataset.from_frames(
        {"user_id": [1, 1, 2, 2, 3, 3], "item_id": [1, 2, 1, 3, 2, 3]},
        items={"item_id": [1, 2, 3], "title": ["Heat", "Alien", "Up"]},
        users={"user_id": [1, 2, 3], "town": ["Rome", "Oslo", "Rome"], "age": [20, 30, 40]},
    )
    model = ws.MetaRecommender(tune=False).fit(data)
    assert set(model.attribute_names) == {"town", "age"}
    pasted = model.profile(text="town: Oslo\nage: 30\nliked: Up")
    told = model.profile(history=[3], user={"town": "Oslo", "age": 30})
    assert pasted.scores.tolist() == pytest.approx(told.scores.tolist())
    mine = model.profile(text="town: Oslo\nage: 30\n", user={"town": "Rome"})
    assert mine.scores.tolist() == pytest.approx(model.profile(user={"town": "Rome", "age": 30}).scores.tolist())
