# ruff: noqa: RUF001 - Chinese has marks of its own
"""A text cut into sentences of facts, cues, plain words and whatever is none of these."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from warmstart.explanation.lexicon import Language
from warmstart.explanation.surfaces import Referent, Surfaces, plain_marks
from warmstart.explanation.vocabulary import Cue, fault_of

ENDS = frozenset(".!?。！？\n")
MARKS = frozenset(".,;:!()-–—&/'’，。、；：！（）·")
"""Marks that say nothing."""
QUOTES = {
    "\N{LEFT DOUBLE QUOTATION MARK}": "\N{RIGHT DOUBLE QUOTATION MARK}",
    '"': '"',
    "《": "》",
    "「": "」",
}
LONGEST_PHRASE = 5
"""Words of an English cue."""

_WORD = re.compile(r"(?:[^\W\d_]+(?:['’-][^\W\d_]+)*)|['’]s\b")
_NUMBER = re.compile(r"\d+(?:[.,]\d+)*[^\W_]*")
_YEAR_BEHIND = re.compile(r"（(\d{4})）")
_CHINESE = re.compile(r"[\u3007\u3400-\u9fff\uf900-\ufaff]+")
_FIRST_LETTERS = re.compile(r"[^\W\d_\u3400-\u9fff\uf900-\ufaff]+")


@dataclass(frozen=True, slots=True)
class Token:
    """A piece of a text: facts have ``referents``, claims of a relation a ``cue``, what has no support a ``fault``."""

    text: str
    start: int
    end: int
    referents: tuple[Referent, ...] = ()
    cue: Cue | None = None
    fault: str | None = None

    @property
    def is_mark(self) -> bool:
        """Whether it is a mark between words."""
        return not self.referents and self.cue is None and not any(map(str.isalnum, self.text))


@dataclass(frozen=True, slots=True)
class Sentence:
    """A sentence with its end mark; ``is_ended`` is False for one that was cut off."""

    text: str
    tokens: tuple[Token, ...]
    is_ended: bool


def sentences_of(text: str, surfaces: Surfaces, language: Language) -> list[Sentence]:
    """Cut a text into sentences; a mark within a fact, such as the point of a title, ends none."""
    found: list[Sentence] = []
    kept: list[Token] = []
    for token in _tokens(text, surfaces, language):
        ends = token.is_mark and token.text in ENDS
        if token.text != "\n":
            kept.append(token)
        if ends and kept:
            found.append(_sentence(text, kept, surfaces, is_ended=token.text != "\n"))
            kept = []
    return [*found, _sentence(text, kept, surfaces, is_ended=False)] if kept else found


def _sentence(text: str, tokens: Sequence[Token], surfaces: Surfaces, *, is_ended: bool) -> Sentence:
    return Sentence(text[tokens[0].start : tokens[-1].end], _joined(tokens, surfaces.cues), is_ended)


def _tokens(text: str, surfaces: Surfaces, language: Language) -> Iterator[Token]:
    place = 0
    while place < len(text):
        if text[place].isspace() and text[place] != "\n":
            place += 1
            continue
        for token in _next(text, place, surfaces, language):
            yield token
            place = token.end


def _next(text: str, place: int, surfaces: Surfaces, language: Language) -> list[Token]:
    if text[place] in QUOTES:
        return [_quoted(text, place, surfaces)]
    found = surfaces.pattern.match(text, place)
    if found and found.end() > place:
        return [Token(found.group(), place, found.end(), surfaces.referents(found.group()))]
    number = _NUMBER.match(text, place)
    if number:
        return [Token(number.group(), place, number.end(), fault="number")]
    if language == "zh":
        return _chinese(text, place, surfaces)
    word = _WORD.match(text, place)
    return [_word(word.group(), place, surfaces)] if word else [_mark(text, place)]


def _quoted(text: str, place: int, surfaces: Surfaces) -> Token:
    """Return what stands between quotes: a title, or words that nobody said."""
    end = text.find(QUOTES[text[place]], place + 1)
    if end < 0:
        return Token(text[place], place, place + 1, fault="quote")
    inner = plain_marks(text[place + 1 : end].strip())
    # in America a comma stands within the quotes
    referents = surfaces.quoted.get(inner, ()) or surfaces.quoted.get(inner.rstrip(".,"), ())
    year = _YEAR_BEHIND.match(text, end + 1)
    if year and f"{inner} ({year.group(1)})" in surfaces.quoted:
        # in Chinese the year stands behind the marks of a title, and belongs to it
        referents, end = surfaces.quoted[f"{inner} ({year.group(1)})"], year.end() - 1
    return Token(text[place : end + 1], place, end + 1, referents, fault=None if referents else "quote")


def _word(word: str, place: int, surfaces: Surfaces) -> Token:
    known = word.lower().replace("’", "'") in surfaces.plain
    return Token(word, place, place + len(word), fault=None if known else fault_of(word))


def _mark(text: str, place: int) -> Token:
    mark = text[place]
    fault = None if mark in MARKS or mark == "\n" else "question" if mark in "?？" else "mark"
    return Token(mark, place, place + 1, fault=fault)


def _chinese(text: str, place: int, surfaces: Surfaces) -> list[Token]:
    """Cut Chinese into the fewest words that are known; a stretch that cannot be cut so has no support."""
    letters = _FIRST_LETTERS.match(text, place)
    if letters:
        return [Token(letters.group(), place, letters.end(), fault="name")]
    run = _CHINESE.match(text, place)
    if run is None:
        return [_mark(text, place)]
    # a fact ends the run, and the next round finds it
    end = next((at for at in range(place + 1, run.end()) if surfaces.pattern.match(text, at)), run.end())
    words = _fewest(text[place:end], surfaces)
    if words is None:
        return [Token(text[place:end], place, end, fault="word")]
    tokens, at = [], place
    for word in words:
        tokens.append(Token(word, at, at + len(word), cue=surfaces.cues.get(word)))
        at += len(word)
    return tokens


def _fewest(run: str, surfaces: Surfaces) -> list[str] | None:
    longest = surfaces.longest
    best: list[list[str] | None] = [[]] + [None] * len(run)
    for end in range(1, len(run) + 1):
        for start in range(max(0, end - longest), end):
            before, word = best[start], run[start:end]
            if before is None or (word not in surfaces.cues and word not in surfaces.plain):
                continue
            now = best[end]
            if now is None or len(before) + 1 < len(now):
                best[end] = [*before, word]
    return best[-1]


def _joined(tokens: Sequence[Token], cues: dict[str, Cue]) -> tuple[Token, ...]:
    """Join the words of English cues, so that ``you liked`` is one token that claims something."""
    found: list[Token] = []
    place = 0
    while place < len(tokens):
        cue, width = _cue_at(tokens, place, cues)
        some = tokens[place : place + width]
        if cue is None:
            found.append(some[0])
        else:
            words = " ".join(token.text for token in some)
            found.append(Token(words, some[0].start, some[-1].end, cue=cue))
        place += width
    return tuple(found)


def _cue_at(tokens: Sequence[Token], place: int, cues: dict[str, Cue]) -> tuple[Cue | None, int]:
    for width in range(min(LONGEST_PHRASE, len(tokens) - place), 0, -1):
        some = tokens[place : place + width]
        if any(token.referents or token.is_mark for token in some):
            continue
        cue = cues.get(" ".join(token.text.lower().replace("’", "'") for token in some))
        if cue is not None:
            return cue, width
    return None, 1
