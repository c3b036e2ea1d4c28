"""Labels are read from sentences as they would be foretold from titles."""

import numpy as np
import polars as pl
import pytest

from warmstart.core.errors import BadModelFile, MissingExtra
from warmstart.core.run import Run
from warmstart.representation import labels
from warmstart.representation.labels import LabelReader
from warmstart.representation.language_model import StaticVectors

TITLES = ["night of the vampires", "the ghost ship", "my funny wedding", "a silly bride"] * 5
GENRES = pl.DataFrame({"genres": ["Horror|Thriller", "Horror", "Comedy|Romance", "Comedy"] * 5})


@pytest.fixture(params=["vectors", "words"])
def reader(request, monkeypatch):
    if request.param == "words":

        def missing():
            raise MissingExtra("wordllama", extra="text")

        monkeypatch.setattr(labels, "StaticVectors", missing)
    return LabelReader.fit(GENRES, {}, TITLES)


def test_every_label_is_read_from_its_name(reader):
    found = reader.read(list(reader.names))
    assert found.argmax(axis=1).tolist() == list(range(len(reader.names)))


def test_titles_words_speak_for_the_labels_they_stand_with(reader):
    scary, silly = reader.read(["a ship full of vampires", "the silly wedding"])
    horror, comedy = (reader.names.index(name) for name in ("Horror", "Comedy"))
    assert scary[horror] > scary[comedy]
    assert silly[comedy] > silly[horror]


def test_no_known_word_asks_for_nothing(reader):
    assert np.abs(reader.read([None, "", "the of and", "xqzzvkw", "please show me a film"])).max() == 0


def test_only_items_labels_are_carried(reader):
    assert reader.names == ("Comedy", "Horror", "Romance", "Thriller")
    new = pl.DataFrame({"genres": ["Horror", None, "Unheard", "Romance|Comedy"], "title": ["a", "b", "c", "d"]})
    assert reader.carried(new).toarray().tolist() == [[0, 1, 0, 0], [0, 0, 0, 0], [0, 0, 0, 0], [1, 0, 1, 0]]
    assert reader.carried(new.select("title")).shape == (4, 4)


def test_stored_and_restored_reads_the_same(reader):
    header, arrays = reader.state()
    again = LabelReader.restore(header, arrays)
    texts = ["a ship full of vampires", "comedy", "laughter"]
    np.testing.assert_array_equal(again.read(texts), reader.read(texts))
    with pytest.raises(BadModelFile):
        LabelReader.restore(header, arrays | {"labels.bias": np.zeros(3, dtype=np.float32)})


def test_a_catalogue_without_titles_still_knows_its_labels_names():
    reader = LabelReader.fit(GENRES, {}, [""] * len(TITLES))
    assert reader.names[int(reader.read(["horror"]).argmax())] == "Horror"


def test_of_a_large_catalogue_only_some_titles_are_learned_from(monkeypatch):
    monkeypatch.setattr(labels, "MOST_TITLES", 7)
    reader = LabelReader.fit(GENRES, {}, TITLES)
    assert reader.tfidf.n_texts == 7 + len(reader.names)
    assert reader.names[int(reader.read(["horror"]).argmax())] == "Horror"
    assert reader.carried(GENRES).shape == (len(TITLES), len(reader.names))


def test_of_words_at_random_four_in_five_are_not_heard():
    """The bar is set on such sentences, so of others about as many pass it."""
    reader = LabelReader.fit(GENRES, {}, TITLES)
    words = np.array(StaticVectors().vocabulary())
    others = [" ".join(words[some]) for some in Run(seed=5).rng("others").integers(0, len(words), (1_000, 3))]
    heard = float((reader.read(others) > 0).any(axis=1).mean())
    assert 0.1 < heard < 0.3
    assert (reader.read(["terrifying phantom", "laugh"]) > 0).any(axis=1).all()


def test_columns_of_blanks_have_no_labels():
    found = LabelReader.fit(pl.DataFrame({"genres": [""] * len(TITLES)}), {"genres": "multi"}, TITLES)
    assert found.names == ()
    assert found.read(["a comedy"]).shape == (1, 0)
