"""A search finds what fits, and puts first what suits the person."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import warmstart as ws
from warmstart.core.errors import BadInput, NotExplainable

SAMPLE = ws.load_dataset("movielens-small")
TITLES = SAMPLE.catalogue.titles


@pytest.fixture(scope="module")
def model():
    return ws.MetaRecommender(tune=False, values=False).fit(SAMPLE)


def carried(model, ids, label):
    sentence = model.learned.sentence
    rows = [model.catalogue.index(item) for item in ids]
    return sentence.carried[rows][:, sentence.labels.names.index(label)].toarray().ravel()


@settings(max_examples=40, deadline=None)
@given(st.integers(0, len(TITLES) - 1), st.lists(st.integers(0, 2_000), max_size=5, unique=True))
def test_whoever_writes_a_whole_title_finds_it_first(model, item, met):
    history = [SAMPLE.item_ids[place] for place in met]
    found = model.profile(history=history).search(TITLES[item], k=5)
    namesakes = {title for title in TITLES if title[:-6].strip() == TITLES[item][:-6].strip()}
    fits = model.relevance_of(TITLES[item])
    if fits.max() > 0:
        assert found.titles[0] in namesakes | {TITLES[place] for place in np.flatnonzero(fits >= fits[item]).tolist()}
    assert (fits[[model.catalogue.index(one) for one in found.item_ids]] > 0).all()
    assert list(found.scores) == sorted(found.scores, reverse=True)


def test_what_it_is_finds_it(model):
    found = model.profile().search("westerns of the 1960s", k=10)
    assert carried(model, found.item_ids, "Western").mean() > 0.8
    assert np.mean([title[-5:-2] == "196" for title in found.titles]) > 0.5


def test_two_people_find_the_same_things_in_another_order(model):
    horror = model.profile(history=[1387, 1258, 1219, 2160])
    children = model.profile(history=[1, 364, 588, 595])
    mine, theirs = (one.search("love", k=30).item_ids for one in (horror, children))
    assert mine != theirs
    everything = [set(one.search("love", k=10_000).item_ids) for one in (horror, children)]
    assert everything[0] == everything[1]


def test_nothing_fits_is_nothing_found(model):
    for text in ("", "xqzzvkw brtzt", "the of and"):
        assert len(model.profile().search(text)) == 0
    with pytest.raises(BadInput):
        model.profile().search("heat", k=0)
    with pytest.raises(NotExplainable, match="meta"):
        ws.recommender("popularity").fit(SAMPLE).profile().search("heat")
