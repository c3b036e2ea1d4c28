"""What strangers wrote, made safe to show and to hand to a language model, whatever it was."""

import html
import re
import unicodedata

LONGEST_TITLE = 120
"""Characters of a title that are shown."""
PASSES = 6
"""Rounds of cleaning, for what is taken away may leave something else that must go."""

_ESCAPES = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]{0,200}(?:\x07|\x1b\\)?|.)", re.DOTALL)
_SCRIPTS = re.compile(r"<(script|style)\b.{0,2000}?(?:</\1\s*>|$)", re.IGNORECASE | re.DOTALL)
_TAGS = re.compile(r"</?[A-Za-z!][^<>]{0,400}>")
_LINKS = re.compile(r"!?\[([^\[\]]{0,200})\]\([^()]{0,400}\)")
_ADDRESSES = re.compile(r"\b(?:[a-z][a-z0-9+.-]{1,15}://|www\.|javascript:|data:)\S*|\S+@\S+\.\w+", re.IGNORECASE)
_MARKUP = re.compile(r"[{}<>|\\^`~]|\*{2,}|_{2,}|#{2,}|={2,}|-{3,}")
_DOUBLE = (
    "\N{LEFT DOUBLE QUOTATION MARK}\N{RIGHT DOUBLE QUOTATION MARK}\N{FULLWIDTH QUOTATION MARK}„‟«»「」『』《》〈〉"
)
_QUOTES = re.compile(f'["{_DOUBLE}]')
_SPACES = re.compile(r"\s+")
_UNSEEN = frozenset({"Cc", "Cf", "Co", "Cs", "Cn", "Zl", "Zp"})


def cleaned(text: str | None, longest: int = LONGEST_TITLE) -> str:
    r"""Return text on one line without markup, addresses, unseen characters or double quotes.

    Example:
        >>> from warmstart.representation.untrusted import cleaned
        >>> cleaned("<b>Heat</b>\x1b[31m &amp; \u202eAlien\u200b"), cleaned('The "Best" of [me](http://x.example)')
        ('Heat & Alien', "The 'Best' of me")
        >>> cleaned("{{7*7}} ${HOME} <|system|>")
        '7*7 $ HOME system'
    """
    # cut first: titles of millions of characters have been seen
    left = (text or "")[: 20 * longest]
    for _ in range(PASSES):
        before, left = left, _once(left)
        if left == before:
            break
    return _cut(left, longest)


def _once(text: str) -> str:
    bare = html.unescape(_seen(_ESCAPES.sub("", text)))
    for pattern in (_SCRIPTS, _TAGS):
        bare = pattern.sub(" ", bare)
    bare = _LINKS.sub(r"\1", bare)
    bare = _MARKUP.sub(" ", _ADDRESSES.sub(" ", bare))
    return _SPACES.sub(" ", _QUOTES.sub("'", bare)).strip()


def _seen(text: str) -> str:
    """Return text without what cannot be seen, and without marks heaped on one letter."""
    kept: list[str] = []
    heap = 0
    for mark in unicodedata.normalize("NFC", text):
        kind = unicodedata.category(mark)
        if mark.isspace() and kind not in {"Zl", "Zp"}:
            kept.append(" ")
        elif kind not in _UNSEEN:
            heap = heap + 1 if kind in {"Mn", "Me"} else 0
            if heap <= 2:
                kept.append(mark)
    return "".join(kept)


def _cut(text: str, longest: int) -> str:
    if len(text) <= longest:
        return text
    return text[: longest - 1].rstrip() + "…"
