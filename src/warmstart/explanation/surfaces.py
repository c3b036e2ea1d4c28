# ruff: noqa: RUF001 - Chinese has marks of its own
"""How each fact may be written, so that it is found in a text."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Literal

from warmstart.explanation.facts import Attribute, Facts, ItemFacts
from warmstart.explanation.lexicon import ROLES, Language, chinese_forms, english_forms
from warmstart.explanation.untrusted import SMALL, name_of
from warmstart.explanation.vocabulary import CUES, NUMBER_WORDS, PRIOR, SHARED, SPOKEN, Cue, plain_words

Kind = Literal["title", "label", "value", "year", "rating", "prior", "spoken", "user", "shared", "count"]
Owner = tuple[Literal["item", "event"], int]

_WORDS = re.compile(r"[\w'’]+")
_ONLY_IN_QUOTES = re.compile(r"[.!?:;,…]|\b(?:i|me|my)\b", re.IGNORECASE)
_LATIN_NAME = re.compile(r"[a-z]+(?: [a-z]+){0,2}")
_CHINESE_NAME = re.compile("[\u3400-\u9fff]{1,8}")
_PLAIN = str.maketrans({"‘": "'", "’": "'", "‐": "-", "‑": "-", "–": "-", "—": "-"})
_LONGEST_BARE = 6
"""Words of a title that may stand without quotes."""


@dataclass(frozen=True, slots=True)
class Referent:
    """What a piece of a text may stand for: ``owner`` is the item or event that the fact belongs to."""

    kind: Kind
    owner: Owner | None = None
    role: str = ""
    value: str = ""


@dataclass(frozen=True)
class Surfaces:
    """All ways in which the facts may be written.

    Args:
        exact: by text, where case matters.
        folded: by text in small letters, where it does not.
        quoted: titles, by what may stand between quotes, with plain marks; see ``plain_marks``.
        cues: phrases that claim a relation, in small letters.
        plain: words that need no fact.
    """

    exact: dict[str, tuple[Referent, ...]]
    folded: dict[str, tuple[Referent, ...]]
    quoted: dict[str, tuple[Referent, ...]]
    cues: dict[str, Cue]
    plain: frozenset[str]

    @cached_property
    def pattern(self) -> re.Pattern[str]:
        """Finds the longest way of writing a fact that starts somewhere, outside of quotes."""
        ways = [(text, re.escape(text)) for text in self.exact]
        ways += [(text, f"(?i:{re.escape(text)})") for text in self.folded]
        ordered = sorted(ways, key=lambda way: -len(way[0]))
        return re.compile("|".join(f"{_edge(text[0], '<')}{way}{_edge(text[-1])}" for text, way in ordered) or "(?!)")

    @cached_property
    def longest(self) -> int:
        """Characters of the longest word or cue."""
        return max(map(len, (*self.cues, *self.plain)))

    def referents(self, found: str) -> tuple[Referent, ...]:
        """Return what a piece of text that the pattern found may stand for."""
        return self.exact.get(found, ()) + self.folded.get(found.casefold(), ())


def _edge(mark: str, side: str = "") -> str:
    """Return what keeps a word from being found in a longer one; Chinese has no such edges."""
    if not mark.isalnum() or mark >= "\u2e80":
        return ""
    return f"(?{side}![0-9A-Za-z\u00c0-\u1fff])"


def plain_marks(title: str) -> str:
    r"""Return a title with straight apostrophes and short dashes: a printer's marks make no other title.

    Example:
        >>> from warmstart.explanation.surfaces import plain_marks
        >>> plain_marks("Wayne\N{RIGHT SINGLE QUOTATION MARK}s World \N{EN DASH} Again")
        "Wayne's World - Again"
    """
    return title.translate(_PLAIN)


@lru_cache(maxsize=256)
def surfaces_of(facts: Facts, language: Language) -> Surfaces:
    """Return how the facts may be written in a language."""
    plain = plain_words(language, facts.kind, facts.what)
    exact: dict[str, tuple[Referent, ...]] = {}
    folded: dict[str, tuple[Referent, ...]] = {}
    quoted: dict[str, tuple[Referent, ...]] = {}
    for text, referent, way in _ways(facts, language):
        if way == "quoted":
            key = plain_marks(text)
            quoted[key] = (*quoted.get(key, ()), referent)
            if not _may_stand_bare(text, plain):
                continue
        # letters such as the dotted I are not found again once they are folded
        place, key = (folded, text.casefold()) if way == "folded" and text.isascii() else (exact, text)
        place[key] = (*place.get(key, ()), referent)
    return Surfaces(exact, folded, quoted, _cues(facts, language), plain)


def _may_stand_bare(title: str, plain: frozenset[str]) -> bool:
    """Return whether a title is seen to be one without quotes: it could not be a sentence, nor words of one."""
    words = _WORDS.findall(title)
    if not words or len(words) > _LONGEST_BARE or _ONLY_IN_QUOTES.search(title) or name_of(title) is None:
        return False
    if not all(word[0].isupper() or word[0].isdigit() or word in SMALL for word in words):
        return False
    # a title of plain words or a bare number would be found where it is not meant
    return any(word.casefold() not in plain and not word.isdigit() for word in words)


def _ways(facts: Facts, language: Language) -> Iterator[tuple[str, Referent, Literal["exact", "folded", "quoted"]]]:
    for owner, item in _owned(facts):
        for title in _titles(item):
            yield title, Referent("title", owner), "quoted"
        for text in _years(item, language):
            yield text, Referent("year", owner, "year", str(item.year)), "exact"
        for one in item.attributes:
            for text, referent in _values(one, owner, language):
                names = ROLES[one.role].kind == "names" if one.role in ROLES else False
                yield text, referent, "exact" if names else "folded"
        if item.labels and language == "en":
            for word, count in NUMBER_WORDS.items():
                if count == len(item.labels):
                    yield f"{word} genres", Referent("count", owner), "folded"
    yield from ((text, referent, "folded") for text, referent in _of_a_person(facts, language))


def _owned(facts: Facts) -> Iterator[tuple[Owner, ItemFacts]]:
    yield from ((("item", place), item) for place, item in enumerate(facts.items))
    yield from ((("event", place), met.item) for place, met in enumerate(facts.events))


def _titles(item: ItemFacts) -> Iterator[str]:
    if item.title is not None:
        yield item.title
        if item.year is not None:
            yield f"{item.title} ({item.year})"
            yield f"{item.title}（{item.year}）"


def _years(item: ItemFacts, language: Language) -> Iterator[str]:
    if item.year is None:
        return
    decade = item.year // 10 * 10
    if language == "en":
        yield from (str(item.year), f"{decade}s")
    else:
        yield from (str(item.year), f"{decade}年代", f"{item.year // 100 + 1}世纪{decade % 100}年代")


def _values(one: Attribute, owner: Owner, language: Language) -> Iterator[tuple[str, Referent]]:
    forms = english_forms if language == "en" else chinese_forms
    for value in one.values:
        kind: Kind = "label" if one.role == "genre" else "value"
        role = one.role if one.role != "other" else one.name
        for text in forms(value) if one.role in {"genre", "other"} else (value,):
            yield text, Referent(kind, owner, role, value)


def _of_a_person(facts: Facts, language: Language) -> Iterator[tuple[str, Referent]]:
    for met_place, met in enumerate(facts.events):
        if met.done == "rated" and met.value is not None:
            yield f"{met.value:g}", Referent("rating", ("event", met_place), value=f"{met.value:g}")
    for reason in facts.reasons:
        if reason.kind == "attribute":
            for mine in ("your ", "") if language == "en" else ("您的", ""):
                yield f"{mine}{reason.name}", Referent("user", value=reason.name)
        if reason.kind in {"prior", "text"}:
            said = PRIOR if reason.kind == "prior" else SPOKEN
            yield from ((text, Referent("prior" if reason.kind == "prior" else "spoken")) for text in said[language])
    if facts.shared:
        yield from ((text, Referent("shared")) for text in SHARED[language])


def _cues(facts: Facts, language: Language) -> dict[str, Cue]:
    found = {} if facts.kind == "item" else dict(CUES[language])
    if language == "en":
        found |= {"by": Cue("role", "by"), "with": Cue("role", "with")}
    for one in (one for _, item in _owned(facts) for one in item.attributes):
        if one.role in ROLES:
            words = ROLES[one.role].cues if language == "en" else ROLES[one.role].chinese_cues
            found |= dict.fromkeys(words, Cue("role", one.role))
        elif can_be_named(one.name, facts, language):
            found[one.name] = Cue("role", one.name)
    # an artist who is the item is no claim of a role
    plain = plain_words(language, facts.kind, facts.what)
    return {phrase: cue for phrase, cue in found.items() if phrase not in plain}


def can_be_named(name: str, facts: Facts, language: Language) -> bool:
    """Return whether an attribute of no known role can be said by its name: it is in the language, and means no other.

    Example:
        >>> from warmstart.explanation.facts import Facts, ItemFacts
        >>> from warmstart.explanation.surfaces import can_be_named
        >>> facts = Facts("item", (ItemFacts("Heat"),), what="film")
        >>> [can_be_named(name, facts, "en") for name in ("colour", "shoe size", "film", "because", "颜色")]
        [True, True, False, False, False]
    """
    known = name in plain_words(language, facts.kind, facts.what) or name in CUES[language]
    roles = {word for one in ROLES.values() for word in (*one.cues, *one.chinese_cues)}
    written = _LATIN_NAME if language == "en" else _CHINESE_NAME
    return not known and name not in roles and written.fullmatch(name) is not None
