"""A sentence moves the list to what it asks for, changes nothing where it asks for nothing, and is explained exactly."""

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import warmstart as ws
from warmstart.core.errors import MissingExtra
from warmstart.core.histories import Histories
from warmstart.data.split import split_users
from warmstart.meta.sentence import FADES_AFTER, GAINS, Sentence, TitleReader, asked_for
from warmstart.representation import labels
from warmstart.representation.text import ASKING

SAMPLE = ws.load_dataset("movielens-small")
REQUESTS = (
    ("an animated film for children", {"Animation", "Children"}),
    ("slow-burn science fiction", {"Sci-Fi"}),
    ("frightening ghost story", {"Horror"}),
    ("cowboys in the old west", {"Western"}),
    ("soldiers in the second world war", {"War"}),
    ("I want to watch a musical", {"Musical"}),
)
SILENT = ("", "the of and", "please recommend me something good to watch tonight", "xqzzvkw brtzt", "?!", "\ud800")


@pytest.fixture(scope="module")
def model():
    return ws.MetaRecommender(tune=False, values=False).fit(SAMPLE)


@pytest.fixture(scope="module")
def sentence(model):
    return model.learned.sentence


def share_of(ranking, genres: set[str]) -> float:
    """Return the share of a list that carries one of some genres."""
    assert SAMPLE.items is not None
    of = dict(zip(SAMPLE.items["item_id"].to_list(), SAMPLE.items["genres"].to_list(), strict=True))
    return float(np.mean([bool(genres & set((of[item] or "").split("|"))) for item in ranking.item_ids]))


@pytest.mark.parametrize(("text", "genres"), REQUESTS, ids=[text for text, _ in REQUESTS])
def test_a_sentence_moves_the_list_to_its_genre(model, text, genres):
    base, said = share_of(model.recommend(k=10), genres), share_of(model.recommend(text=text, k=10), genres)
    assert said >= 0.7
    assert said >= base + 0.3


def test_a_sentence_moves_the_list_of_somebody_with_events_too(model):
    history = [1, 3114, 4886]
    plain = share_of(model.recommend(history, k=10), {"Horror"})
    assert share_of(model.recommend(history, text="a horror film", k=10), {"Horror"}) > plain


@pytest.mark.parametrize("text", SILENT)
def test_a_sentence_that_says_nothing_changes_nothing(model, text):
    np.testing.assert_array_equal(model.profile(text=text).scores, model.profile().scores)


@given(st.lists(st.sampled_from(sorted(ASKING)), max_size=8))
@settings(max_examples=30, deadline=None)
def test_words_that_only_ask_change_nothing(model, words):
    np.testing.assert_array_equal(model.profile(text=" ".join(words)).scores, model.profile().scores)


def test_words_that_only_ask_change_no_other_sentence(model):
    bare, wordy = "ghosts vampires", "Please show me something with ghosts and vampires, I would like to watch it!"
    np.testing.assert_array_equal(model.profile(text=wordy).scores, model.profile(text=bare).scores)


@pytest.mark.parametrize("text", ["toy story", "Toy Story (1995)", "I want to watch Toy Story"])
def test_a_title_finds_its_item(model, text):
    assert model.recommend(text=text, k=1).titles == ["Toy Story (1995)"]


def test_a_label_alone_is_no_title(sentence):
    """Some films are called like a genre; who says the genre means the genre."""
    titles = TitleReader.fit(["War (2007)", "Heat (1995)"])
    assert titles.likeness(["a war film"], frozenset({"war"})).max() == 0
    assert titles.likeness(["war"], frozenset()).round(6).tolist() == [[1.0, 0.0]]
    assert "war" in {name.casefold() for name in sentence.labels.names}


def test_an_unknown_word_makes_a_sentence_less_like_a_title():
    titles = TitleReader.fit(["Heat (1995)", "Alien (1979)"])
    alone, beside = titles.likeness(["heat", "heat wave"], frozenset())
    assert alone[0] == pytest.approx(1)
    assert 0 < beside[0] < 0.8


@pytest.mark.parametrize(
    ("text", "near"),
    [("comedies of the 1980s", [1, 1, 0]), ("from 1985", [1, 0, 0]), ("1895 is not here", [0, 0, 0]), ("5", [0, 0, 0])],
)
def test_years_are_read_from_sentences_and_titles(text, near):
    titles = TitleReader.fit(["A (1985)", "B (1989)", "C"])
    assert (titles.within([text])[0] > 0.5).astype(int).tolist() == near


def test_a_decade_moves_the_list_to_its_years(model):
    def share(ranking) -> float:
        return float(np.mean(["(198" in title for title in ranking.titles]))

    assert share(model.recommend(text="comedies of the 1980s")) > share(model.recommend(text="comedies")) + 0.3


def test_a_sentence_pushes_down_what_it_does_not_ask_for(model):
    added = model.profile(text="a horror film").scores - model.profile().scores
    assert added[SAMPLE.catalogue.index(1)] < 0
    assert added.max() > 0


def test_what_a_sentence_adds_is_explained_exactly(model):
    profile = model.profile(text="an animated film for children").observe(260, 5.0).observe(296, 1.0)
    plain = model.profile().observe(260, 5.0).observe(296, 1.0)
    for item in (1, 364, 296, 593):
        why = profile.explain(item)
        said = sum(part.amount for part in why if part.kind == "text")
        place = SAMPLE.catalogue.index(item)
        assert sum(part.amount for part in why) == pytest.approx(why.score, abs=2e-5)
        assert said == pytest.approx(float(profile.scores[place] - plain.scores[place]), abs=2e-5)


def test_a_sentence_fades_by_half(sentence):
    encoded, scores = sentence.encode(["a horror film"]), sentence.popularity[None]
    now = sentence.rows(encoded, np.array([0]), scores)
    later = sentence.rows(encoded, np.array([FADES_AFTER]), scores)
    np.testing.assert_allclose(later, sentence.rows(encoded / 2, np.array([0]), scores), rtol=1e-5, atol=1e-7)
    assert np.abs(later).sum() < np.abs(now).sum()


def test_many_sentences_are_read_as_one_by_one(model):
    texts = [*(text for text, _ in REQUESTS), None, "", "toy story", "musicals from the 1950s"]
    rows = [[1], [], [260, 296], [50], [], [1, 2, 3], [], [1], [], [593]]
    together = model.score(rows, texts=texts)
    for row, text, scores in zip(rows, texts, together, strict=True):
        np.testing.assert_allclose(model.profile(row, text=text).scores, scores, atol=2e-5)


def test_saved_and_loaded_reads_the_same(model, tmp_path):
    loaded = ws.load(model.save(tmp_path / "model"))
    for text in ("frightening ghost story", "toy story", "comedies of the 1980s"):
        np.testing.assert_array_equal(loaded.profile(text=text).scores, model.profile(text=text).scores)


def test_new_items_are_found_by_label_and_title(model):
    told = {"item_id": [-1, -2], "title": ["Zebra Parade (1984)", None], "genres": ["Animation|Children", None]}
    more = model.with_items(told)
    assert more.recommend(text="zebra parade", k=1).titles == ["Zebra Parade (1984)"]
    lift = more.profile(text="an animated film for children").scores - more.profile().scores
    assert lift[-2] > 0 >= lift[-1]


def test_new_items_without_labels_are_taken(model):
    assert model.with_items({"item_id": [-1], "title": ["Zebra Parade"]}).recommend(text="zebra parade", k=1)


def test_without_the_language_model_words_do(monkeypatch):
    def missing():
        raise MissingExtra("wordllama", extra="text")

    monkeypatch.setattr(labels, "StaticVectors", missing)
    popularity = SAMPLE.likes().matrix(SAMPLE.n_items).astype(bool).sum(axis=0)
    shares = np.asarray(popularity.ravel() / SAMPLE.n_users, dtype=np.float32).ravel()
    found = Sentence.fit(SAMPLE, shares)
    assert found is not None
    assert found.labels is not None
    tilt = found.encode(["a horror film", "an animated film for children", "xqzzvkw"])
    carried = dict(zip(found.labels.names, found.carried.toarray().T > 0, strict=True))
    assert tilt[0][carried["Horror"]].mean() > 0.5 > tilt[0][~carried["Horror"]].mean()
    assert tilt[1][carried["Children"]].mean() > 0.5 > tilt[1][~carried["Children"]].mean()
    assert np.abs(tilt[2]).max() == 0


@pytest.mark.parametrize(
    "items",
    [
        {"item_id": [1, 2, 3], "title": ["Heat", "Alien", "Big"]},
        {"item_id": [1, 2, 3], "genre": ["War", "War", "Peace"]},
        {"item_id": [1, 2, 3], "title": [None, "", "Big"], "genre": [None, "War", "War"]},
    ],
    ids=["titles only", "labels only", "gaps"],
)
def test_catalogues_that_say_little_are_read(items):
    events = {"user_id": [1, 1, 2, 2, 3, 3], "item_id": [1, 2, 1, 2, 2, 3]}
    data = ws.Dataset.from_frames(events, items=pl.DataFrame(items))
    model = ws.MetaRecommender().fit(data)
    scores = model.score([[], []], texts=["war", "alien"])
    assert np.isfinite(scores).all()
    assert not np.array_equal(scores[0], scores[1])


def test_strengths_become_shares_of_what_is_asked_for():
    found = asked_for(np.array([[9.0, 9.0, -1.0], [3.0, -1.0, -1.0], [-0.1, 0.0, -5.0]], dtype=np.float32))
    assert found[0, 0] == found[0, 1] == pytest.approx(0.5, abs=0.01)
    assert 0.5 < found[1, 0] < found[0].sum() <= 1
    assert found[2].tolist() == [0, 0, 0]


def test_the_gain_is_chosen_where_it_helps_and_left_out_where_it_harms(sentence):
    users = split_users(SAMPLE.n_users)[0]
    judges = SAMPLE.take_users(users)
    chosen = sentence.tuned(judges, 20, 0)
    assert chosen.gain in GAINS[1:]
    rng = np.random.default_rng(0)
    # items' labels that have nothing to do with what anybody likes
    shuffled = sentence.carried[rng.permutation(SAMPLE.n_items)]
    astray = Sentence(sentence.titles, sentence.labels, shuffled, sentence.popularity)
    judged = astray.tuned(judges, 20, 0)
    assert judged.gain < chosen.gain


def test_too_few_judges_leave_the_gain_alone(sentence):
    few = SAMPLE.take_users(np.array([0, 1]))
    lonely = ws.Dataset("few", few.catalogue, few.user_ids, Histories.of([[0], [1]]), few.items)
    assert sentence.tuned(lonely, 20, 0).gain == sentence.gain


def test_the_title_of_an_item_that_nobody_met_finds_it_first(model):
    titles = ["Zanzibar Lighthouse", "Quartz Umbrella", "Pelican Orchestra", "Marmalade Glacier", "Copper Nightingale"]
    ids = list(range(990_001, 990_006))
    frame = {"item_id": ids, "title": [f"{title} (2027)" for title in titles], "genres": ["Horror|Western"] * 5}
    more = model.with_items(frame)
    for item, title in zip(ids, titles, strict=True):
        assert more.recommend(text=title, k=1).item_ids == [item]
