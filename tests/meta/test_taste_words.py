"""What stands out of somebody's likes, in words that are read as they are meant."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import warmstart as ws
from warmstart.core.errors import NotExplainable
from warmstart.meta.taste_words import taste_in_words

SAMPLE = ws.load_dataset("movielens-small")


@pytest.fixture(scope="module")
def model():
    return ws.MetaRecommender(tune=False, values=False).fit(SAMPLE)


def carrying(model, label, n):
    """Return the items most liked that carry a label."""
    sentence = model.learned.sentence
    column = sentence.labels.names.index(label)
    found = np.flatnonzero(sentence.carried[:, column].toarray().ravel())
    return found[np.argsort(-sentence.popularity[found])][:n]


@pytest.mark.parametrize("label", ["Western", "Horror", "Animation", "Sci-Fi", "War"])
def test_what_all_likes_carry_is_told_and_asks_for_it_when_given_back(model, label):
    told = taste_in_words(model.learned.sentence, carrying(model, label, 8))
    assert label in told
    names = model.learned.sentence.labels.names
    strength = model.learned.sentence.labels.read([told])[0]
    assert strength[names.index(label)] > 0
    first = [model.catalogue.index(item) for item in model.recommend(text=told, k=10).item_ids]
    share = model.learned.sentence.carried[first][:, names.index(label)].mean()
    usual = model.learned.sentence.usual()[names.index(label)]
    assert share > 2 * usual


@settings(max_examples=25, deadline=None)
@given(st.lists(st.integers(0, 3_000), min_size=1, max_size=30, unique=True), st.randoms())
def test_neither_the_order_of_likes_nor_a_common_weight_matters(model, items, chance):
    mixed = list(items)
    chance.shuffle(mixed)
    said = taste_in_words(model.learned.sentence, np.array(items))
    assert taste_in_words(model.learned.sentence, np.array(mixed)) == said
    weights = np.full(len(items), 1.0, dtype=np.float32)
    assert taste_in_words(model.learned.sentence, np.array(items), weights) == said
    titles = {model.catalogue.titles[item] for item in items}
    assert not any(title in said for title in titles)


def test_nothing_liked_is_nothing_said(model):
    assert model.profile().taste() == ""
    assert model.profile(history=[(588, 1.0), (364, 0.5)]).taste() == ""


def test_a_dislike_is_not_told_as_a_like(model):
    films = [(item, 5.0) for item in (588, 364, 594, 595)]
    horror = [(SAMPLE.item_ids[item], 0.5) for item in carrying(model, "Horror", 6).tolist()]
    assert model.profile(history=[*films, *horror]).taste() == model.profile(history=films).taste()


def test_who_knows_no_words_says_so():
    few = ws.recommender("popularity").fit(SAMPLE)
    with pytest.raises(NotExplainable, match="meta"):
        few.profile(history=[1]).taste()
    bare = ws.MetaRecommender(tune=False, values=False, item_text=False).fit(SAMPLE)
    with pytest.raises(NotExplainable, match="titles"):
        bare.profile(history=[1]).taste()
