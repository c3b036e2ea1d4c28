"""Text from anywhere becomes plain: markup, entities, cells of every type, any script, limits."""

import unicodedata
from datetime import date

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from warmstart.core.errors import BadInput
from warmstart.representation.plain import LONGEST, cell_text, first_words, plain_text
from warmstart.representation.text import item_texts

PIECES = st.sampled_from(
    ["<b>", "</b>", "&amp;", "&lt;", "<!--", "-->", "<script>", "</script>", "七人", "é", "e\u0301", "\u200d", " ", "a"]
)
PERSIAN = "می\u200cخواهم"  # noqa: RUF001 -- what is tested
MIXED = st.one_of(st.text(max_size=200), st.lists(PIECES, max_size=30).map("".join))


@pytest.mark.parametrize(
    ("raw", "wanted"),
    [
        ("Tom &amp; Jerry", "Tom & Jerry"),
        ("Tom &amp;amp;amp; Jerry", "Tom & Jerry"),
        ("caf&eacute; &#20013;&#x56fd;", "café 中国"),
        ("&lt;p&gt;Heat&lt;/p&gt;", "Heat"),
        ("<p class='x' data-y='" + "z" * 900 + "'>Heat</p>", "Heat"),
        ("a<!-- hidden > words -->b", "a b"),
        ("a<style>p {color: red}</style>b<SCRIPT src='x'>alert(1 < 2)</SCRIPT>c", "a b c"),
        ("before<script>never closed", "before"),
        ("3 < 5 and 6 > 4, I <3 you", "3 < 5 and 6 > 4, I <3 you"),
        ("a\r\n\tb\u00a0c|d\u2028e", "a b c d e"),
        ("Al\u200bien\ufeff \u202egnp.exe\u202c\x00", "Alien gnp.exe"),
        (PERSIAN, PERSIAN),
        ("Ame\u0301lie", "Amélie"),
        ("عَرَبِيّ हिन्दी 한국어 ไทย", "عَرَبِيّ हिन्दी 한국어 ไทย"),
        ("👨\u200d👩\u200d👧 family", "👨\u200d👩\u200d👧 family"),
    ],
)
def test_what_feeds_write_is_read(raw, wanted):
    assert plain_text(raw) == unicodedata.normalize("NFC", wanted)


@given(MIXED)
def test_plain_text_is_one_line_in_one_form(text):
    found = plain_text(text)
    assert found == found.strip()
    assert not set("\n\t|\r\x00\u200b") & set(found)
    assert found == unicodedata.normalize("NFC", found)


@given(MIXED, st.integers(1, 40))
def test_limits_hold_and_what_is_kept_is_a_beginning(text, longest):
    whole, cut = plain_text(text), plain_text(text, longest)
    assert len(cut) <= longest
    assert whole.startswith(cut)


@given(MIXED, st.integers(0, 8))
def test_words_are_counted_as_they_are_read(text, n):
    line = plain_text(text)
    cut = first_words(line, n)
    assert line.startswith(cut)
    assert first_words(cut, n) == cut
    assert len(cut) <= len(first_words(line, n + 1))


def test_a_cut_takes_whole_words_and_whole_letters():
    assert plain_text("The Lord of the Rings", 17) == "The Lord of the"
    assert plain_text("Heat " + "x" * 100, 50) == "Heat " + "x" * 45
    assert plain_text("q\u0323\u0323\u0323\u0323 next", 3) == "q"
    assert plain_text("七人の侍の物語", 4) == "七人の侍"


@pytest.mark.parametrize("piece", ["<", "<a ", "<!--", "<script>", "&amp;", "&", "[", '{"a":', "e\u0301", "| "])
def test_ten_million_characters_are_read_at_once(piece):
    text = piece * (10_000_000 // len(piece))
    assert len(plain_text(text)) <= LONGEST
    assert len(item_texts(pl.DataFrame({"title": [text]}), ["title"])[0]) <= LONGEST


@pytest.mark.parametrize(
    ("value", "wanted"),
    [
        (None, ""),
        (True, ""),
        (1995, "1995"),
        (1995.0, "1995"),
        (7.25, "7.25"),
        (float("nan"), ""),
        (float("inf"), ""),
        (b"\x00\x01", ""),
        (date(1995, 12, 15), "1995-12-15"),
        (["Drama", None, ["War", 2]], "Drama War 2"),
        ({"id": 18, "name": "Drama", "imdb_id": "tt1", "poster_url": "x"}, "Drama"),
        ('[{"id": 18, "name": "Drama"}, {"id": 36, "name": "War"}]', "Drama War"),
        ('["Drama", "War"]', "Drama War"),
        ("[REC] (2007)", "[REC] (2007)"),
        ("[Drama", "[Drama"),
        ("{}", ""),
        ("[" * 5_000 + "]" * 5_000, "[" * 5_000 + "]" * 5_000),
    ],
)
def test_cells_of_every_type(value, wanted):
    assert cell_text(value) == wanted


@given(st.recursive(st.none() | st.floats() | st.text(max_size=5), lambda inner: st.lists(inner, max_size=3)))
def test_any_cell_becomes_a_string(value):
    assert isinstance(cell_text(value), str)


def test_columns_of_any_type_make_one_text():
    frame = pl.DataFrame(
        {
            "title": ["Heat", None],
            "year": [1995.0, None],
            "seen": [date(1996, 1, 2), None],
            "cast": [["Al Pacino"], []],
            "maker": [{"id": 3, "name": "Mann"}, None],
            "kind": pl.Series(["Crime", None], dtype=pl.Categorical),
            "good": [True, None],
        }
    )
    assert item_texts(frame, frame.columns) == ["Heat 1995 1996-01-02 Al Pacino Mann Crime", ""]


def test_a_limit_of_words_leaves_room_for_the_columns_behind():
    frame = pl.DataFrame({"plot": ["word " * 5_000], "genres": ["Crime|Drama"], "title": ["七人の侍"]})
    assert "Crime" not in item_texts(frame, ["plot", "genres"])[0]
    assert item_texts(frame, ["plot", "genres", "title"], words=2) == ["word word Crime Drama 七人の侍"]
    assert item_texts(frame, ["plot"], longest=9) == ["word word"]
    for limit in ({"longest": 0}, {"words": 0}):
        with pytest.raises(BadInput, match="at least 1"):
            item_texts(frame, ["plot"], **limit)
