# ruff: noqa: RUF001 - Chinese has marks of its own
"""Which facts of a sentence stand together, and which claims are made of them: clauses, lists, the nearest cue."""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from warmstart.explanation.reading import Token
from warmstart.explanation.surfaces import Referent
from warmstart.explanation.vocabulary import Cue

ANDS = frozenset({"and", "&", "和", "与", "以及", "及"})
COMMAS = frozenset({",", "，", "、"})
BREAKS = frozenset({";", "；", "并", "并且", "而"})


@dataclass(frozen=True, slots=True)
class Group:
    """Facts of one kind that are listed together, with their first place in the sentence."""

    tokens: tuple[Token, ...]
    place: int

    @property
    def kinds(self) -> frozenset[str]:
        """The kinds that every one of them may be."""
        return frozenset.intersection(*(kinds_of(token) for token in self.tokens))


@dataclass(frozen=True, slots=True)
class Clause:
    """A part of a sentence whose cues speak of its own facts."""

    groups: tuple[Group, ...]
    cues: tuple[tuple[int, Cue], ...]

    def nearest(self, place: int, relations: frozenset[str]) -> Cue | None:
        """Return the last cue of some relations before a place, else the first behind it."""
        fitting = [(at, cue) for at, cue in self.cues if cue.relation in relations]
        before = [cue for at, cue in fitting if at < place]
        behind = [cue for at, cue in fitting if at > place]
        return before[-1] if before else behind[0] if behind else None

    def of(self, relation: str) -> list[Cue]:
        """Return its cues of one relation."""
        return [cue for _, cue in self.cues if cue.relation == relation]

    @property
    def sign(self) -> Literal["for", "against"] | None:
        """Whether the clause says what speaks for or against something; the last word counts."""
        signs = self.of("sign")
        return None if not signs else "for" if signs[-1].name == "for" else "against"


def kinds_of(token: Token) -> frozenset[str]:
    """Return what kinds of facts a token may stand for."""
    return frozenset(referent.kind for referent in token.referents)


def clauses_of(tokens: Sequence[Token]) -> list[Clause]:
    """Cut a sentence into clauses, at semicolons, opening words, and commas and conjunctions that list nothing."""
    groups, inside = _lists(tokens)
    cuts = sorted({0, len(tokens), *_cuts(tokens, inside)})
    return [_clause(tokens, groups, start, end) for start, end in itertools.pairwise(cuts)]


def _clause(tokens: Sequence[Token], groups: Sequence[Group], start: int, end: int) -> Clause:
    cues = tuple((at, cue) for at in range(start, end) if (cue := tokens[at].cue) is not None)
    return Clause(tuple(group for group in groups if start <= group.place < end), cues)


def _cuts(tokens: Sequence[Token], inside: frozenset[int]) -> list[int]:
    found: list[int] = []
    for place, token in enumerate(tokens):
        opens = token.cue is not None and token.cue.opens
        if opens:
            before = tokens[place - 1].cue if place else None
            # "mainly because" belongs together
            found.append(place - 1 if before is not None and before.relation == "rank" else place)
        elif place not in inside and token.text.lower() in ANDS | COMMAS | BREAKS:
            found.append(place)
    return found


def _lists(tokens: Sequence[Token]) -> tuple[list[Group], frozenset[int]]:
    """Return the lists of facts, and the places of the commas and conjunctions within them."""
    groups: list[Group] = []
    inside: set[int] = set()
    place = 0
    while place < len(tokens):
        if tokens[place].referents:
            last = _end_of_list(tokens, place)
            members = tuple(token for token in tokens[place : last + 1] if token.referents)
            groups.append(Group(members, place))
            inside |= set(range(place, last + 1))
            place = last
        place += 1
    return groups, frozenset(inside)


def _end_of_list(tokens: Sequence[Token], start: int) -> int:
    """Return the place of a list's last fact: ``A``, ``A and B``, ``A, B and C``, Chinese ``A、B``, labels ``A, B``."""
    last, closed, listed = start, False, start
    place = start + 1
    while True:
        links = _links(tokens, place)
        after = place + len(links)
        if not links or after >= len(tokens) or not kinds_of(tokens[after]) & kinds_of(tokens[start]):
            break
        is_and = bool(ANDS & set(links))
        if closed and not is_and:
            break
        closed = closed or is_and
        last, place = after, after + 1
        if closed or set(links) == {"、"} or "label" in kinds_of(tokens[after]):
            listed = last
    return listed


def _links(tokens: Sequence[Token], place: int) -> list[str]:
    found: list[str] = []
    while place < len(tokens) and tokens[place].text.lower() in ANDS | COMMAS and len(found) < 2:
        found.append(tokens[place].text.lower())
        place += 1
    return found


def title_of(groups: Sequence[Group], place: int) -> Group | None:
    """Return the titles that a label or name at ``place`` belongs to: the last before it, else the first behind."""
    titles = [group for group in groups if "title" in group.kinds]
    before = [group for group in titles if group.place < place]
    behind = [group for group in titles if group.place > place]
    return before[-1] if before else behind[0] if behind else None


def standing_for(token: Token, kind: str) -> list[Referent]:
    """Return what a token may stand for, of one kind."""
    return [referent for referent in token.referents if referent.kind == kind]
