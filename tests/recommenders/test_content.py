"""``content`` with every way of cutting words and every encoder: the laws hold whatever reads the texts."""

import sys

import numpy as np
import pytest

import warmstart as ws
from tests.recommenders.worlds import ids_of, world
from warmstart.core.errors import BadConfig, BadModelFile, MissingExtra
from warmstart.data.tfidf import Tfidf
from warmstart.recommenders.content import Content
from warmstart.representation import text, text_cache
from warmstart.representation.text import READINGS, TextSpace

CUTS = ("words", "pairs", "characters")
SLOW = ("minilm", "smollm2")
encoders = pytest.mark.parametrize(
    "encoder", [pytest.param(name, marks=pytest.mark.llm if name in SLOW else ()) for name in READINGS]
)


@pytest.fixture
def own_cache(monkeypatch, tmp_path):
    monkeypatch.setattr(text_cache, "cache_folder", lambda: tmp_path)
    text._opened.cache_clear()
    yield tmp_path
    text._opened.cache_clear()


def laws(model, folder):
    """Hold that a batch equals single people, that a saved model answers alike, and that new items are read."""
    histories = [[ids_of("int", 15)[item]] for item in (0, 4, 8)]
    scores = model.score(histories)
    for history, row in zip(histories, scores, strict=True):
        np.testing.assert_allclose(model.score([history])[0], row, atol=1e-5)
    again = ws.load(model.save(folder / "model"))
    assert isinstance(again, Content)
    np.testing.assert_array_equal(again.score(histories), scores)
    new = {"item_id": [999], "title": ["Comedy number 3"], "genres": ["Comedy|Romance"]}
    longer, too = model.with_items(new).score(histories), again.with_items(new).score(histories)
    np.testing.assert_allclose(longer, too, atol=1e-6)
    np.testing.assert_allclose(longer[:, -1], longer[:, 3], atol=1e-2)
    assert longer[0, -1] > longer[1, -1]


@pytest.mark.parametrize("cut", CUTS)
def test_every_cut_obeys_the_laws(cut, tmp_path):
    laws(ws.recommender("content", words=1.0, cut=cut).fit(world()), tmp_path)


@encoders
@pytest.mark.parametrize("dimension", [None, 4])
def test_every_encoder_obeys_the_laws(encoder, dimension, tmp_path, own_cache):
    settings = {"words": 0.5, "encoder": encoder, "whitening": "centred", "dimension": dimension}
    laws(ws.recommender("content", **settings).fit(world()), tmp_path)


def test_pieces_of_words_find_what_is_misspelt():
    data = ws.load_dataset("movielens-small")
    for cut, found in (("words", False), ("characters", True)):
        model = ws.recommender("content", words=1.0, cut=cut).fit(data)
        assert ("Terminator, The (1984)" in model.recommend(text="the terminater", k=5).titles) == found


def test_a_projection_is_as_long_as_was_asked(tmp_path):
    model = ws.recommender("content", dimension=3).fit(world())
    assert isinstance(model, Content)
    assert model.state()[1]["vectors"].shape == (15, 3)


def test_models_from_before_there_were_encoders_still_load():
    header, arrays = ws.recommender("content").fit(world()).state()
    del header["tfidf"]["cut"]
    model = ws.recommender("content").fit(world())
    old = Content.of_state({"words": 0.7}, model.catalogue, header, arrays)
    np.testing.assert_array_equal(old.score([[4]]), model.score([[4]]))


def test_unknown_settings_are_refused():
    for settings in ({"encoder": "oracle"}, {"cut": "syllables"}, {"whitening": "bleached"}, {"dimension": 0}):
        with pytest.raises(BadConfig):
            ws.recommender("content", **settings)


def test_an_encoder_that_is_not_installed_is_named(monkeypatch, own_cache):
    monkeypatch.setitem(sys.modules, "sentence_transformers", None)
    sentence_encoder = pytest.importorskip("warmstart.representation.sentence_encoder")
    sentence_encoder._opened.cache_clear()
    with pytest.raises(MissingExtra):
        ws.recommender("content", encoder="minilm").fit(world())


def test_an_encoder_of_a_later_version_is_refused():
    space = TextSpace.fit(["a ship", "soup"])
    with pytest.raises(BadModelFile, match="'oracle'"):
        TextSpace.of_arrays(space.arrays(), "oracle")


def test_a_vocabulary_tells_how_it_was_cut():
    assert Tfidf.from_header(Tfidf.fit(["heat"], cut="characters").to_header()).cut == "characters"
