"""Items become short plain texts, and texts become vectors without a network."""

import logging
import sys

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import warmstart as ws
from warmstart.core.artefact import Arrays
from warmstart.core.errors import BadInput, BadModelFile, MissingExtra
from warmstart.representation import language_model
from warmstart.representation.language_model import DIMENSION, StaticVectors
from warmstart.representation.plain import LONGEST, plain_text
from warmstart.representation.text import TextSpace, item_texts, text_columns

FILMS = pl.DataFrame(
    {
        "item_id": [1, 2, 3],
        "title": ["Heat (1995)", "Alien &amp; <i>Friends</i>", None],
        "genres": ["Action|Crime", "Horror|Sci-Fi", "War"],
        "year": [1995, 1979, 2001],
        "url": ["https://a.example/1", "https://a.example/2", "https://a.example/3"],
        "cast": [["Al Pacino", None], [], None],
    }
)
TEXTS = ["a ship at sea", "a boat on the ocean", "onion soup", "bread and butter", "a dark comedy", "war drama"]


def test_the_title_and_labels_are_read_in_this_order():
    assert text_columns(FILMS) == ["title", "genres", "cast"]
    assert text_columns(FILMS, {"cast": "ignore", "title": "ignore"}) == ["genres"]
    assert text_columns(pl.DataFrame({"item_id": [1], "year": [1995]})) == []


def test_prose_is_not_read_by_default():
    data = ws.load_dataset("movielens-small")
    assert data.items is not None
    prose = [
        f"In a world of {title}, somebody must choose between two things at once." for title in data.items["title"]
    ]
    assert text_columns(data.items.with_columns(plot=pl.Series(prose))) == ["title", "genres"]


def test_texts_are_plain_and_in_the_order_of_columns():
    assert item_texts(FILMS) == ["Heat (1995) Action Crime Al Pacino", "Alien & Friends Horror Sci-Fi", "War"]
    assert item_texts(FILMS, ["genres", "title"])[0] == "Action Crime Heat (1995)"


def test_a_column_that_is_missing_counts_as_empty_unless_all_are():
    assert item_texts(FILMS, ["genres", "plot"]) == ["Action Crime", "Horror Sci-Fi", "War"]
    with pytest.raises(BadInput, match="none of the columns"):
        item_texts(FILMS, ["plot", "name"])
    assert item_texts(pl.DataFrame({"item_id": [1, 2]})) == ["", ""]


@given(st.text(max_size=300))
def test_plain_text_is_one_line_without_outer_spaces(text):
    found = plain_text(text)
    assert found == found.strip()
    assert not set("\n\t|\r") & set(found)
    assert plain_text(f"{text}  <b>") == plain_text(text)


@pytest.mark.parametrize("piece", ["a", "<", "&lt;", "\U0001f600", "<b>", "| "])
def test_ten_million_characters_are_cut(piece):
    assert len(plain_text(piece * (10_000_000 // len(piece)))) <= LONGEST


@given(st.lists(st.one_of(st.none(), st.text(max_size=40)), max_size=6))
@settings(max_examples=30, deadline=None)
def test_vectors_have_length_one_or_zero(texts):
    vectors = StaticVectors().embed(texts)
    assert vectors.shape == (len(texts), DIMENSION)
    assert vectors.dtype == np.float32
    lengths = np.linalg.norm(vectors, axis=1)
    assert np.all((np.abs(lengths - 1) < 1e-5) | (lengths == 0))


@pytest.mark.parametrize("text", [None, "", "  \n "])
def test_nothing_said_is_zero(text):
    assert not StaticVectors().embed([text]).any()
    assert not TextSpace.fit(TEXTS).encode([text]).any()


@pytest.mark.parametrize("encode", [StaticVectors().embed, TextSpace.fit(TEXTS).encode], ids=["embed", "encode"])
def test_batch_equals_single(encode):
    batch = encode(["", *TEXTS * 30, "a much longer sentence about a ship that goes to sea in the dark"])
    for place in (0, 1, 5, len(batch) - 1):
        text = ["", *TEXTS * 30, "a much longer sentence about a ship that goes to sea in the dark"][place]
        np.testing.assert_allclose(encode([text])[0], batch[place], atol=1e-5)


def test_odd_texts_are_read():
    odd = ["\ud800 lone half", "\u202e right to left", "\0 zero", "x" * 10_000_000]
    assert np.isfinite(StaticVectors().embed(odd)).all()


def test_whitening_makes_the_catalogue_round():
    data = ws.load_dataset("movielens-small")
    assert data.items is not None
    texts = item_texts(data.items)[::4]
    raw, white = StaticVectors().embed(texts), TextSpace.fit(texts).encode(texts)
    assert abs(float((white @ white.T).mean())) < 0.01 < float((raw @ raw.T).mean())


def test_a_catalogue_without_a_word_is_no_fault():
    space = TextSpace.fit([None, "", " "])
    np.testing.assert_allclose(space.encode(["soup"]), StaticVectors().embed(["soup"]), atol=1e-6)


def test_a_space_survives_storing():
    space = TextSpace.fit(TEXTS)
    again = TextSpace.of_arrays(space.arrays())
    np.testing.assert_array_equal(again.encode(TEXTS), space.encode(TEXTS))
    broken: Arrays = space.arrays() | {"text.centre": space.centre[:-1]}
    with pytest.raises(BadModelFile):
        TextSpace.of_arrays(broken)


def test_a_missing_package_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "wordllama", None)
    language_model._wordllama.cache_clear()
    with pytest.raises(MissingExtra, match=r'pip install "warmstart\[text\]"'):
        StaticVectors()


def test_loading_leaves_the_programs_logging_alone():
    root = logging.getLogger()
    before = list(root.handlers), root.level
    with language_model._logging_as_it_was():
        logging.basicConfig(level=logging.INFO, force=True)
    assert (list(root.handlers), root.level) == before
