"""What people and feeds write, as plain text on one line: markup, entities, cells that hold lists, limits of length."""

import html
import json
import math
import re
import unicodedata
from collections.abc import Mapping, Sequence
from typing import Any

from warmstart.data.tfidf import words_of

LONGEST = 2_000
"""Characters of an item's text that are kept."""
ROUNDS = 3
"""How often entities are read, for feeds write ``&amp;amp;``."""
DEEPEST = 5
"""Levels of lists within lists whose values are read."""

_GONE = re.compile(r"<!--.*?(?:-->|$)|<(script|style)\b.*?(?:</\1\s*>|$)", re.DOTALL | re.IGNORECASE)
_TAG = re.compile(r"</?[A-Za-z!?][^<>]*>")
_GAPS = re.compile(r"[\s|]+")
_JOINERS = "\u200c\u200d"
"""Not seen, but Persian and the scripts of India write words with them, and emoji are made of several."""


def plain_text(text: str, longest: int = LONGEST, words: int | None = None) -> str:
    """Return text without markup, scripts, entities and unseen characters, on one line, in one form of Unicode.

    Args:
        text: anything; more than some thousand characters beyond the limit are not looked at.
        longest: characters that are kept at most, a word whole or not at all where it has spaces; from 1.
        words: words that are kept at most; None keeps all. In Chinese and Japanese two characters count as one.

    Example:
        >>> from warmstart.representation.plain import plain_text
        >>> plain_text("Tom &amp;amp; Jerry<br/>War|Drama<script>alert('!')</script>, 3 < 5")
        'Tom & Jerry War Drama , 3 < 5'
        >>> plain_text("The Lord of the Rings", longest=12), plain_text("七人の侍", words=1)
        ('The Lord of', '七人')
    """
    # cut first: titles of millions of characters have been seen
    bare = text[: 4 * longest + 4 * LONGEST]
    for _ in range(ROUNDS):
        before, bare = bare, html.unescape(bare)
        if bare == before:
            break
    bare = _TAG.sub(" ", _GONE.sub(" ", bare))
    line = _GAPS.sub(" ", _seen(bare)).strip()
    return _cut(line if words is None else first_words(line, words), longest)


def first_words(text: str, n: int) -> str:
    """Return a text up to the end of its ``n``-th word.

    Example:
        >>> from warmstart.representation.plain import first_words
        >>> first_words("Heat, a film of 1995.", 3), first_words("Heat", 3), first_words("Heat", 0)
        ('Heat, a film', 'Heat', '')
    """
    if n <= 0:
        return ""
    for place, end in enumerate(words_of(text), 1):
        if place == n:
            return text[:end]
    return text


def cell_text(value: Any, _deep: int = 0) -> str:
    """Return what a cell of a table says: lists and records part by part, also those written as JSON.

    Args:
        value: a string, number, date, list or record; True says nothing by itself.

    Example:
        >>> from warmstart.representation.plain import cell_text
        >>> cell_text(1995.0), cell_text(["Drama", None]), cell_text('[{"id": 18, "name": "Drama"}]'), cell_text(None)
        ('1995', 'Drama', 'Drama', '')
    """
    if isinstance(value, str):
        parsed = _json_of(value)
        return value if parsed is None else cell_text(parsed, _deep + 1)
    if value is None or isinstance(value, bool) or _deep > DEEPEST:
        return ""
    if isinstance(value, float):
        return f"{value:.12g}" if math.isfinite(value) else ""
    if isinstance(value, Mapping):
        return " ".join(filter(None, (cell_text(part, _deep + 1) for part in _named(value))))
    if isinstance(value, Sequence) and not isinstance(value, (bytes, bytearray)):
        return " ".join(filter(None, (cell_text(part, _deep + 1) for part in value)))
    return "" if isinstance(value, (bytes, bytearray)) else str(value)


def _named(record: Mapping[Any, Any]) -> list[Any]:
    """Return a record's values but for those that only point elsewhere."""
    return [value for name, value in record.items() if not re.fullmatch(r"(.*_)?(id|url|uri|uuid)", str(name).lower())]


def _json_of(text: str) -> list[Any] | dict[str, Any] | None:
    """Return the list or record that a cell was written from; None for every other text."""
    bare = text.strip()
    if not (bare[:1] + bare[-1:] in ("[]", "{}") and len(bare) <= 20 * LONGEST):
        return None
    try:
        found = json.loads(bare)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, list | dict) else None


def _seen(text: str) -> str:
    kept = []
    for mark in unicodedata.normalize("NFC", text):
        kind = unicodedata.category(mark)
        if mark.isspace():
            kept.append(" ")
        elif kind not in {"Cc", "Cs", "Cn", "Co", "Cf"} or mark in _JOINERS:
            kept.append(mark)
    return "".join(kept)


def _cut(text: str, longest: int) -> str:
    """Cut at a space if one is near, and never between a letter and its marks."""
    if len(text) <= longest:
        return text
    end = longest
    while end > 1 and (
        unicodedata.category(text[end]).startswith("M") or text[end - 1 : end + 1].strip(_JOINERS) == ""
    ):
        end -= 1
    space = text.rfind(" ", 0, end + 1)
    return text[: space if space > longest // 2 else end].rstrip()
