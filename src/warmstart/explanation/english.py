"""English sentences that say facts."""

from collections.abc import Sequence

from warmstart.explanation.facts import Attribute, Because, Facts, ItemFacts, Met
from warmstart.explanation.lexicon import ATTRIBUTIVE, ROLES, Noun, label_of
from warmstart.explanation.surfaces import can_be_named
from warmstart.explanation.vocabulary import BLANK, PRIOR, SHARED, SPOKEN

MOST_BEFORE_NOUN = 4
"""Labels that can stand before a noun; more of them are listed."""
_VOWEL_LETTERS = frozenset("AEFHILMNORSX")
_NO_VOWEL_SOUND = ("uni", "use", "usu", "eu", "one", "once", "ufo", "ubi")
_SILENT_H = ("hour", "honest", "heir", "honour")
_DID = {"liked": "you liked {}", "disliked": "you disliked {}", "met": "{} {is_} in your history"}


def listed(parts: Sequence[str]) -> str:
    """Return ``A``, ``A and B`` or ``A, B and C``.

    Example:
        >>> from warmstart.explanation.english import listed
        >>> listed(["War", "Drama", "Romance"])
        'War, Drama and Romance'
    """
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}"


def with_article(phrase: str) -> str:
    """Return a phrase with ``a`` or ``an``, by its sound.

    Example:
        >>> from warmstart.explanation.english import with_article
        >>> [with_article(word) for word in ("action film", "IMAX film", "European film", "sci-fi film", "hour")]
        ['an action film', 'an IMAX film', 'a European film', 'a sci-fi film', 'an hour']
    """
    word = phrase.split(maxsplit=1)[0].split("-", maxsplit=1)[0]
    small = word.lower()
    if len(word) > 1 and word.isupper() and not any(mark in "AEIOU" for mark in word[1:-1]) and len(word) < 4:
        vowel = word[0] in _VOWEL_LETTERS
    else:
        vowel = (small[0] in "aeiou" and not small.startswith(_NO_VOWEL_SOUND)) or small.startswith(_SILENT_H)
    return f"{'an' if vowel else 'a'} {phrase}"


def title(item: ItemFacts, _noun: Noun | None = None, *, year: bool = True) -> str:
    """Return a title between quotes, so that nobody takes it for our words."""
    shown = f"{item.title} ({item.year})" if year and item.year is not None else item.title
    return f"\N{LEFT DOUBLE QUOTATION MARK}{shown}\N{RIGHT DOUBLE QUOTATION MARK}"


def item(facts: Facts, variant: int) -> list[str]:
    """Return the sentences of a description of one item."""
    one = facts.items[0]
    rest = [_attribute(part, facts) for part in one.attributes if part.role != "genre"]
    return [*_opening(one, facts, variant), *(sentence for sentence in rest if sentence)]


def _opening(one: ItemFacts, facts: Facts, variant: int) -> list[str]:
    noun = facts.noun
    if one.title is None and one.year is None and not one.labels:
        return [] if any(_attribute(part, facts) for part in one.attributes) else [BLANK["en"][0].format(one=noun.one)]
    in_title = one.year is not None and variant % 3 == 0 and one.title is not None
    subject = f"This {noun.one}" if one.title is None else title(one, year=in_title)
    from_year = "" if one.year is None or in_title else f" from {one.year}"
    before = _before_noun(one)
    if before and variant % 2 == 0:
        return [f"{subject} is {with_article(f'{before} {noun.one}')}{from_year}."]
    labels = [_genres(one)] if one.labels else []
    if one.title is None and not from_year:
        return labels
    if one.title is None:
        return [f"This {noun.one} is{from_year}.", *labels]
    return [f"{subject} is {with_article(noun.one)}{from_year}.", *labels]


def _before_noun(one: ItemFacts) -> str:
    """Return the labels as they stand before a noun; nothing if there are too many or one is not known."""
    known = [label_of(label) for label in one.labels]
    if not known or None in known or len(known) > MOST_BEFORE_NOUN:
        return ""
    names = [label.english[0] for label in known if label is not None]
    return listed([ATTRIBUTIVE.get(name, name) for name in dict.fromkeys(names)])


def _genres(one: ItemFacts) -> str:
    said = ROLES["genre"].said[len(one.labels) > 1]
    name = next(part.name for part in one.attributes if part.role == "genre")
    called = {"category": ("category", "categories"), "categories": ("category", "categories")}.get(name)
    if called:
        said = said.replace("genres" if len(one.labels) > 1 else "genre", called[len(one.labels) > 1])
    return said.format(listed(one.labels))


def _attribute(one: Attribute, facts: Facts) -> str:
    if one.role in ROLES:
        return ROLES[one.role].said[len(one.values) > 1].format(listed(one.values))
    if not can_be_named(one.name, facts, "en"):
        return ""
    return f"{one.name[:1].upper()}{one.name[1:]}: {listed(one.values)}."


def personal(facts: Facts, variant: int) -> list[str]:
    """Return the sentences of a text about a list: what it rests on, what is on it, what both have in common."""
    items = [title(one) for one in facts.items if one.title is not None]
    prior = next((one for one in facts.reasons if one.kind == "prior"), None)
    sentences = [f"This list rests on {PRIOR['en'][0]}."] if prior is not None else []
    sentences += _suggestion(facts, items, variant)
    if facts.shared:
        labels = listed(facts.shared)
        sentences.append(f"{labels} {'are' if len(facts.shared) > 1 else 'is'} found {SHARED['en'][0]}.")
    return sentences


def _suggestion(facts: Facts, items: list[str], variant: int) -> list[str]:
    causes = done([one.met for one in facts.reasons if one.met is not None])
    did = done(facts.events)
    if not items:
        return [f"{_upper(clause)}." for clause in did]
    if causes and variant % 2 == 0:
        return [f"Because {causes[0]}, we suggest {listed(items)}.", *_further(causes[1:])]
    if causes:
        return [f"We suggest {listed(items)} because {causes[0]}.", *_further(causes[1:])]
    return [*(f"{_upper(clause)}." for clause in did), f"We suggest {listed(items)}."]


def _further(causes: list[str]) -> list[str]:
    return [f"That {clause} also speaks for this list." for clause in causes]


def _upper(clause: str) -> str:
    return clause[:1].upper() + clause[1:]


def done(events: Sequence[Met], _noun: Noun | None = None) -> list[str]:
    """Return what somebody did as clauses, one for each kind of deed, each rating by itself."""
    clauses = []
    for deed, form in _DID.items():
        names = [title(one.item) for one in events if one.done == deed and one.item.title is not None]
        if names:
            names = list(dict.fromkeys(names))
            clauses.append(form.format(listed(names), is_="are" if len(names) > 1 else "is"))
    rated = [one for one in events if one.done == "rated" and one.item.title is not None]
    return list(dict.fromkeys([*clauses, *(f"you rated {title(one.item)} {one.value:g}" for one in rated)]))


def explanation(facts: Facts, variant: int) -> list[str]:
    """Return the sentences that word an explanation: the strongest reason, the others for it, those against it."""
    one, strongest = facts.items[0], facts.strongest
    subject = f"This {facts.noun.one}" if one.title is None else title(one)
    sentences = []
    if strongest is not None:
        link = ("mainly because", "chiefly because")[variant % 2] if len(facts.reasons) > 1 else "because"
        sentences.append(f"{subject} is suggested {link} {cause(strongest)}.")
    for_it = [reason for reason in facts.reasons if reason.speaks_for and reason is not strongest]
    against = [reason for reason in facts.reasons if not reason.speaks_for]
    sentences += [f"{_upper(clause)} also {_speak(many)} for it." for clause, many in _subjects(for_it)]
    sentences += [f"{_upper(clause)} {_speak(many)} against it." for clause, many in _subjects(against)]
    return sentences or [f"We suggest {subject}."] * (one.title is not None)


def _speak(many: bool) -> str:
    return "speak" if many else "speaks"


def cause(reason: Because, _noun: Noun | None = None) -> str:
    """Return a reason as it stands behind ``because``."""
    if reason.met is not None:
        return done([reason.met])[0]
    return f"of {_noun_of(reason)}"


def _noun_of(reason: Because) -> str:
    return {"prior": PRIOR["en"][0], "text": SPOKEN["en"][0]}.get(reason.kind, f"your {reason.name}")


def _subjects(reasons: Sequence[Because]) -> list[tuple[str, bool]]:
    """Return reasons as subjects of a sentence, and whether there is more than one."""
    did = done([one.met for one in reasons if one.met is not None])
    others = [_noun_of(one) for one in reasons if one.met is None and one.kind != "attribute"]
    attributes = [one.name for one in reasons if one.kind == "attribute"]
    told = [(f"that {clause}", False) for clause in did] + [(other, False) for other in others]
    return told + ([(f"your {listed(attributes)}", len(attributes) > 1)] if attributes else [])
