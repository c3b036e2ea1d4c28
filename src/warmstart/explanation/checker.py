# ruff: noqa: RUF001 - Chinese has marks of its own
"""Grounding: which sentences of a text say nothing but the facts; the others are dropped and counted.

A sentence is kept if every piece of it is a fact, a word of a closed list, or a word that claims a relation which the
facts bear out: that Mann directed, that Heat was liked, that it speaks for the item. All else, however harmless, is
ungrounded: a list of what is forbidden would let through whatever is not on it.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from warmstart.explanation.facts import Because, Facts
from warmstart.explanation.grouping import Clause, Group, clauses_of, kinds_of, standing_for, title_of
from warmstart.explanation.lexicon import MAKERS, Language
from warmstart.explanation.reading import Sentence, Token, sentences_of
from warmstart.explanation.surfaces import surfaces_of
from warmstart.explanation.vocabulary import ARE, BLANK, CAME_OUT, LABELLING, PRESENT, VERBS, YEAR_BEFORE, plain_words
from warmstart.representation.untrusted import cleaned

LONGEST_TEXT = 2_000
"""Characters of a text that are read; what comes behind them is dropped unread."""


@dataclass(frozen=True, slots=True)
class Fault:
    """Why a sentence is not kept.

    Args:
        kind: ``name``, ``number``, ``word``, ``claim``, ``negation``, ``comparison``, ``quote``, ``mark``,
            ``question``, ``relation`` (facts put together as they are not), ``empty``, ``repeated`` (a sentence, or a
            fact within a list) or ``unfinished``.
        what: the piece of text that no fact supports.
    """

    kind: str
    what: str


@dataclass(frozen=True, slots=True)
class Dropped:
    """A sentence that was taken out, and why."""

    sentence: str
    faults: tuple[Fault, ...]


@dataclass(frozen=True, slots=True)
class Checked:
    """What is left of a text, and what was dropped; ``is_grounded`` if nothing was and something is left."""

    text: str
    kept: tuple[str, ...]
    dropped: tuple[Dropped, ...]

    @property
    def is_grounded(self) -> bool:
        """Whether the text can be shown as it came."""
        return bool(self.kept) and not self.dropped

    @property
    def counts(self) -> dict[str, int]:
        """How many dropped sentences had each kind of fault; one may have several."""
        found = Counter(kind for one in self.dropped for kind in {fault.kind for fault in one.faults})
        return dict(sorted(found.items()))


def check(text: str, facts: Facts, language: Language = "en") -> Checked:
    """Check a text against facts and take out every sentence that is not borne out; repair only removes.

    Args:
        text: what was written, by whomever.
        facts: all that may be said.
        language: ``en`` or ``zh``.

    Example:
        >>> from warmstart.explanation.checker import check
        >>> from warmstart.explanation.facts import Facts, item_facts
        >>> heat = item_facts({"title": "Heat (1995)", "genres": "Crime|Thriller"}, {"genres": "multi"})
        >>> facts = Facts("item", (heat,), what="film")
        >>> found = check("Heat is a crime thriller. It won an Oscar. It is from 1996.", facts)
        >>> found.text, found.counts
        ('Heat is a crime thriller.', {'claim': 1, 'number': 1})
    """
    surfaces = surfaces_of(facts, language)
    kept: list[str] = []
    dropped: list[Dropped] = []
    for sentence in sentences_of(text[:LONGEST_TEXT], surfaces, language):
        faults = tuple(_faults(sentence, facts, language))
        if not faults and sentence.text in kept:
            faults = (Fault("repeated", sentence.text),)
        if faults:
            dropped.append(Dropped(sentence.text, faults))
        else:
            kept.append(sentence.text)
    if len(text) > LONGEST_TEXT:
        dropped.append(Dropped("", (Fault("unfinished", "the text is too long"),)))
    return Checked(("" if language == "zh" else " ").join(kept), tuple(kept), tuple(dropped))


def _faults(sentence: Sentence, facts: Facts, language: Language) -> Iterator[Fault]:
    if _is_blank(sentence, facts, language):
        return
    loose = [Fault(token.fault, cleaned(token.text)) for token in sentence.tokens if token.fault is not None]
    yield from loose
    if not sentence.is_ended:
        yield Fault("unfinished", sentence.text[-20:])
    spoken = [
        token for token in sentence.tokens if kinds_of(token) & {"shared"} or not (token.referents or token.is_mark)
    ]
    if not loose and (not spoken or not any(token.referents for token in sentence.tokens)):
        yield Fault("empty", sentence.text)
    if not loose:
        yield from _wrong_relations(sentence.tokens, facts, language)


def _is_blank(sentence: Sentence, facts: Facts, language: Language) -> bool:
    noun = facts.noun
    said = (form.format(one=noun.one, measure=noun.measure, chinese=noun.chinese) for form in BLANK[language])
    return facts.kind == "item" and sentence.text in set(said)


def _wrong_relations(tokens: Sequence[Token], facts: Facts, language: Language) -> Iterator[Fault]:
    if facts.kind == "item" and language == "en" and not _is_about_it(tokens):
        yield Fault("relation", "it is not said of what")
    clauses = clauses_of(tokens)
    groups = [group for clause in clauses for group in clause.groups]
    yield from _said_twice(groups, facts)
    judge = _Judge(facts, tokens, groups, language)
    for clause in clauses:
        yield from judge.faults(clause)


def _said_twice(groups: Sequence[Group], facts: Facts) -> Iterator[Fault]:
    """Yield titles and labels that a list holds more often than there are things called so."""
    lists = [list(group.tokens) for group in groups]
    if facts.kind == "item":  # "a drama and a drama film" is one list as well
        lists.append([token for group in groups for token in group.tokens if "label" in kinds_of(token)])
    for listed in lists:
        times = Counter(token.referents for token in listed if kinds_of(token) & {"title", "label"})
        for referents, count in times.items():
            if count > len({one.value or one.owner for one in referents}):
                yield Fault("repeated", next(token.text for token in listed if token.referents == referents))
                return


def _is_about_it(tokens: Sequence[Token]) -> bool:
    """Return whether an English sentence is about the item, and not about all crime films or the like."""
    words = [token.text.lower() for token in tokens]
    if set(words) & PRESENT or any("title" in kinds_of(token) for token in tokens):
        return True
    roles = any(token.cue is not None for token in tokens)
    several = any(_is_plural(token) for token in tokens)
    pointed = words[0] == "the"
    return not several and (roles or pointed or not set(words) & VERBS)


def _is_plural(token: Token) -> bool:
    """Return whether a label is written in a plural that is not its own name."""
    names = {one.value.casefold() for one in standing_for(token, "label")}
    return bool(names) and token.text.casefold() not in names and token.text.lower().endswith("s")


@dataclass(frozen=True, slots=True)
class _Judge:
    """Tells whether the facts of a sentence stand in the relations that it claims."""

    facts: Facts
    tokens: Sequence[Token]
    groups: Sequence[Group]
    language: Language

    def faults(self, clause: Clause) -> Iterator[Fault]:
        """Yield what a clause claims and the facts do not bear out."""
        bound: set[str] = set()
        reasons: list[Because] = []
        for group in clause.groups:
            named = self._named(clause, group, bound, reasons)
            if not named:
                yield Fault("relation", ", ".join(token.text for token in group.tokens))
        # "with action" claims nothing of a person
        claimed = {cue.name for _, cue in clause.cues if cue.relation in {"role", "event"}} - {"with"}
        yield from (Fault("relation", name) for name in sorted(claimed - bound))
        if clause.sign is not None and not reasons:
            yield Fault("relation", f"speaks {clause.sign}")
        if clause.of("rank") and [one for one in reasons if one.speaks_for] != [self.facts.strongest]:
            yield Fault("relation", "the strongest reason")

    def _named(self, clause: Clause, group: Group, bound: set[str], reasons: list[Because]) -> bool:
        """Return whether a group's facts are used as they are, and note the cues and reasons that it settles."""
        # a name that is a title as well is first what a cue asks for: a film B of the colour B
        if group.kinds >= {"title", "value"} and self._values(clause, group, bound):
            return True
        if "title" in group.kinds and self._titles(clause, group, bound, reasons):
            return True
        ways = {
            "value": self._values,
            "label": self._labels,
            "year": self._years,
            "rating": self._ratings,
            "count": self._labels,
        }
        if any(kind in group.kinds and way(clause, group, bound) for kind, way in ways.items()):
            return True
        if group.kinds & {"prior", "spoken", "user"}:
            return self._reasons(clause, group, reasons)
        # an article is none the less one where a label is called A
        plain = plain_words(self.language, self.facts.kind, self.facts.what)
        return "shared" in group.kinds or all(token.text.casefold() in plain for token in group.tokens)

    def _titles(self, clause: Clause, group: Group, bound: set[str], reasons: list[Because]) -> bool:
        if self.facts.kind == "item":
            return not self._follows(group, {"is", "was", "are", "were", "as"})
        cue = clause.nearest(group.place, frozenset({"event", "suggested"}))
        if cue is not None and cue.relation == "suggested":
            return all(self._is_listed(token) for token in group.tokens)
        done = None if cue is None else cue.name
        if clause.sign is not None:
            found = [self._reason(token, done, clause.sign) for token in group.tokens]
            reasons += [one for one in found if one is not None]
            ok = None not in found
        elif done is None:
            ok = all(self._is_listed(token) for token in group.tokens) or self._is_described(group)
        else:
            ok = all(self._did(token, done) for token in group.tokens)
        if ok and done is not None:
            bound.add(done)
        return ok

    def _is_listed(self, token: Token) -> bool:
        return any(one.owner is not None and one.owner[0] == "item" for one in standing_for(token, "title"))

    def _is_described(self, group: Group) -> bool:
        """Return whether a label, name or year of the sentence is said of these titles."""
        about = (one for one in self.groups if one.kinds & {"label", "value", "year"})
        return any(title_of(self.groups, one.place) is group for one in about)

    def _did(self, token: Token, done: str) -> bool:
        places = [one.owner[1] for one in standing_for(token, "title") if one.owner and one.owner[0] == "event"]
        return any(self.facts.events[place].done == done for place in places)

    def _reason(self, token: Token, done: str | None, sign: str) -> Because | None:
        places = [one.owner[1] for one in standing_for(token, "title") if one.owner and one.owner[0] == "event"]
        mets = [self.facts.events[place] for place in places]
        for reason in self.facts.reasons:
            fits = reason.met in mets and reason.speaks_for == (sign == "for")
            if fits and reason.met is not None and done in {None, reason.met.done}:
                return reason
        return None

    def _labels(self, clause: Clause, group: Group, bound: set[str]) -> bool:
        owners = title_of(self.groups, group.place)
        if self.facts.kind == "item":
            return not self._says_all(group) or self._names_all(group)
        if owners is None:
            told = any("shared" in one.kinds for one in self.groups)
            return told and all(
                any(one.value in self.facts.shared for one in standing_for(token, "label")) for token in group.tokens
            )
        return all(self._owned(token, owners, "label") or self._owned(token, owners, "count") for token in group.tokens)

    def _says_all(self, group: Group) -> bool:
        """Return whether ``its genres are`` stands before labels: then there are no others."""
        before = [token.text.lower() for token in self.tokens[: group.place]]
        return before[-1:] != [] and before[-1] in ARE and bool(LABELLING & set(before))

    def _names_all(self, group: Group) -> bool:
        named = {one.value for token in group.tokens for one in token.referents}
        return named >= set(self.facts.items[0].labels) or "count" in group.kinds

    def _owned(self, token: Token, titles: Group, kind: str) -> bool:
        """Return whether each of the titles has the fact."""
        mine = {one.owner for one in standing_for(token, kind)}
        return all({one.owner for one in standing_for(title, "title")} & mine for title in titles.tokens)

    def _values(self, clause: Clause, group: Group, bound: set[str]) -> bool:
        cue = clause.nearest(group.place, frozenset({"role"}))
        if (
            cue is None
            or not all(self._bears(token, cue.name) for token in group.tokens)
            or self._follows(group, {"as"})
        ):
            return False
        bound.add(cue.name)
        if self.facts.kind == "item":
            return True
        owners = title_of(self.groups, group.place)
        return owners is not None and all(self._owned(token, owners, "value") for token in group.tokens)

    def _bears(self, token: Token, cue: str) -> bool:
        roles = {"by": MAKERS, "with": frozenset({"actor"})}.get(cue, frozenset({cue}))
        return any(one.role in roles for one in standing_for(token, "value"))

    def _follows(self, group: Group, words: set[str]) -> bool:
        return group.place > 0 and self.tokens[group.place - 1].text.lower() in words

    def _years(self, clause: Clause, group: Group, bound: set[str]) -> bool:
        if len(group.tokens) > 1 or not self._year_fits(group.place):
            return False
        if self.facts.kind == "item":
            return True
        owners = title_of(self.groups, group.place)
        return owners is not None and self._owned(group.tokens[0], owners, "year")

    def _year_fits(self, place: int) -> bool:
        """Return whether a year stands where it says when something came out, and nothing else."""
        words = [token.text.lower() for token in self.tokens]
        before, behind = words[max(place - 2, 0) : place], words[place + 1 : place + 3]
        if self.language == "zh":
            of_it = behind[:1] == ["年"] and (self.facts.kind == "item" or behind[1:] == ["的"])
            return before[-1:] in (["（"], ["("]) or of_it or words[place].endswith("年代")
        if words[place].endswith("s"):
            return before[-1:] == ["the"]
        last = [word for word, token in zip(words[:place], self.tokens, strict=False) if token.cue or word in CAME_OUT]
        came_out = before[-1:] == ["in"] and bool(last) and last[-1] in CAME_OUT
        return (bool(before) and before[-1] in YEAR_BEFORE) or (came_out and self.facts.kind == "item")

    def _ratings(self, clause: Clause, group: Group, bound: set[str]) -> bool:
        titles = title_of(self.groups, group.place)
        cue = clause.nearest(group.place, frozenset({"event"}))
        if titles is None or cue is None or cue.name != "rated" or len(titles.tokens) > 1:
            return False
        return self._owned(group.tokens[0], titles, "rating")

    def _reasons(self, clause: Clause, group: Group, reasons: list[Because]) -> bool:
        if clause.sign is None:
            return False
        kinds = {"prior": "prior", "spoken": "text", "user": "attribute"}
        for token in group.tokens:
            fitting = [
                reason
                for reason in self.facts.reasons
                for one in token.referents
                if reason.kind == kinds.get(one.kind) and reason.name == one.value
            ]
            signed = [reason for reason in fitting if reason.speaks_for == (clause.sign == "for")]
            if not signed:
                return False
            reasons.append(signed[0])
        return True
