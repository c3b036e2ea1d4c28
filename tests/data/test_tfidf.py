import json
import unicodedata

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.feature_extraction.text import TfidfVectorizer

from warmstart.data.tfidf import LONGEST_TEXT, Tfidf, grams, tokens, words_of

TEXTS = [
    "The Heat of the Night",
    "Heat",
    "Alien: the film, the director's cut",
    "",
    "Amélie à Paris 2001",
    "heat alien",
]


@pytest.mark.parametrize("sublinear", [True, False])
@pytest.mark.parametrize("min_texts", [1, 2])
def test_equals_scikit_learn(sublinear, min_texts):
    ours = Tfidf.fit(TEXTS, sublinear=sublinear, min_texts=min_texts)
    theirs = TfidfVectorizer(
        tokenizer=tokens, token_pattern=None, lowercase=False, sublinear_tf=sublinear, min_df=min_texts
    )
    expected = theirs.fit_transform(TEXTS)
    assert list(ours.words) == theirs.get_feature_names_out().tolist()
    assert np.allclose(ours.encode(TEXTS).toarray(), expected.toarray(), atol=1e-6)


WORDS_AND_PAIRS = {"ngram_range": (1, 2), "token_pattern": r"\w+"}


@pytest.mark.parametrize(
    ("cut", "how"),
    [("pairs", WORDS_AND_PAIRS), ("characters", {"ngram_range": (3, 5), "analyzer": "char_wb"})],
)
def test_n_grams_equal_those_of_scikit_learn(cut, how):
    texts = ["the heat of a night", "heat", "", "amélie à paris 2001", "a i"]
    theirs = TfidfVectorizer(sublinear_tf=True, **how)
    expected = theirs.fit_transform(texts)
    ours = Tfidf.fit(texts, cut=cut)
    assert list(ours.words) == theirs.get_feature_names_out().tolist()
    assert np.allclose(ours.encode(texts).toarray(), expected.toarray(), atol=1e-6)


def test_pieces_of_scripts_without_spaces():
    assert grams("七人の", "characters") == ["七", "人", "の", "七人", "人の", "七人の"]
    assert grams(None, "characters") == []


@given(st.text(max_size=60))
def test_words_end_where_words_are(text):
    ends = list(words_of(text))
    assert ends == sorted(set(ends))
    assert all(0 < end <= len(text) for end in ends)


@given(st.lists(st.text(max_size=40), min_size=1, max_size=10), st.sampled_from(["words", "pairs", "characters"]))
def test_rows_have_length_one_or_zero_and_headers_keep_everything(texts, cut):
    tfidf = Tfidf.fit(texts, cut=cut)
    found = tfidf.encode(texts)
    lengths = np.linalg.norm(found.toarray(), axis=1).tolist()
    assert all(abs(length - 1) < 1e-5 or length == 0 for length in lengths)
    again = Tfidf.from_header(json.loads(json.dumps(tfidf.to_header())))
    assert (again.encode(texts) != found).nnz == 0


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Straße STRASSE", ["strasse", "strasse"]),
        ("東京", ["東京"]),
        ("東京物語2", ["東京", "京物", "物語", "2"]),
        ("البحث عن فيلم", ["البحث", "عن", "فيلم"]),
        ("हिन्दी फ़िल्म", ["हिन्दी", "फ़िल्म"]),
        ("한국 영화", ["한국", "영화"]),
        ("🎬 !", []),
        ("snake_case", ["snake", "case"]),
    ],
)
def test_words_of_many_scripts(text, words):
    assert tokens(text) == [unicodedata.normalize("NFKC", word) for word in words]


def test_the_most_frequent_words_stay():
    tfidf = Tfidf.fit(["a b", "a b", "a c"], max_words=2)
    assert tfidf.words == ("a", "b")
    assert Tfidf.fit(["a b", "a b", "a c"], max_share=0.7).words == ("b", "c")


def test_ten_million_characters_cost_little():
    tfidf = Tfidf.fit(["word " * 2_000_000, "other"])
    assert tfidf.words == ("other", "word")
    assert len(tokens("x" * 10_000_000)[0]) == LONGEST_TEXT


def test_nothing_to_learn_from():
    assert Tfidf.fit([]).encode(["x", None]).shape == (2, 0)
