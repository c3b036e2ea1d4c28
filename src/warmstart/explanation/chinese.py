# ruff: noqa: RUF001 - Chinese has marks of its own
"""Chinese sentences that say facts."""

from collections.abc import Sequence

from warmstart.explanation.facts import Attribute, Because, Facts, ItemFacts, Met
from warmstart.explanation.lexicon import ROLES, Noun, chinese_forms
from warmstart.explanation.surfaces import can_be_named
from warmstart.explanation.vocabulary import BLANK, PRIOR, SHARED, SPOKEN

MOST_BEFORE_NOUN = 4
"""Labels that can stand before a noun; more of them are listed."""
_DID = {"liked": "您喜欢{}", "disliked": "您不喜欢{}", "met": "您的记录中有{}"}


def listed(parts: Sequence[str]) -> str:
    """Return ``甲``, ``甲和乙`` or ``甲、乙和丙``.

    Example:
        >>> from warmstart.explanation.chinese import listed
        >>> listed(["战争", "剧情", "爱情"])
        '战争、剧情和爱情'
    """
    return parts[0] if len(parts) == 1 else f"{'、'.join(parts[:-1])}和{parts[-1]}"


def title(item: ItemFacts, noun: Noun, *, year: bool = True) -> str:
    """Return a title between the marks of a work, or between quotes where it is none."""
    marks = "《》" if noun.is_work else "\N{LEFT DOUBLE QUOTATION MARK}\N{RIGHT DOUBLE QUOTATION MARK}"
    named = f"{marks[0]}{item.title}{marks[1]}"
    return f"{named}（{item.year}）" if year and item.year is not None else named


def item(facts: Facts, variant: int) -> list[str]:
    """Return the sentences of a description of one item."""
    one, noun = facts.items[0], facts.noun
    rest = [_attribute(part, facts) for part in one.attributes if part.role != "genre"]
    return [*_opening(one, noun, variant, bare=not any(rest)), *(sentence for sentence in rest if sentence)]


def _opening(one: ItemFacts, noun: Noun, variant: int, *, bare: bool) -> list[str]:
    if one.title is None and one.year is None and not one.labels:
        return [BLANK["zh"][0].format(measure=noun.measure, chinese=noun.chinese)] if bare else []
    in_title = one.year is not None and variant % 3 == 0 and one.title is not None
    subject = f"这{noun.measure}{noun.chinese}" if one.title is None else title(one, noun, year=in_title)
    of_year = "" if one.year is None or in_title else f"{one.year}年的"
    labels = list(dict.fromkeys(chinese_forms(label)[0] for label in one.labels))
    if labels and len(labels) <= MOST_BEFORE_NOUN and variant % 2 == 0:
        return [f"{subject}是一{noun.measure}{of_year}{listed(labels)}{noun.chinese}。"]
    genres = [ROLES["genre"].chinese.format(listed(labels))] if labels else []
    if one.title is None and not of_year:
        return genres
    return [f"{subject}是一{noun.measure}{of_year}{noun.chinese}。", *genres]


def _attribute(one: Attribute, facts: Facts) -> str:
    if one.role in ROLES:
        return ROLES[one.role].chinese.format(listed(one.values))
    if not can_be_named(one.name, facts, "zh"):
        return ""
    return f"{one.name}：{listed([chinese_forms(value)[0] for value in one.values])}。"


def personal(facts: Facts, variant: int) -> list[str]:
    """Return the sentences of a text about a list: what it rests on, what is on it, what both have in common."""
    items = [title(one, facts.noun) for one in facts.items if one.title is not None]
    prior = next((one for one in facts.reasons if one.kind == "prior"), None)
    sentences = [f"这份推荐基于{PRIOR['zh'][0]}。"] if prior is not None else []
    sentences += _suggestion(facts, items, variant)
    if facts.shared:
        labels = list(dict.fromkeys(chinese_forms(label)[0] for label in facts.shared))
        sentences.append(f"{listed(labels)}{SHARED['zh'][0]}。")
    return sentences


def _suggestion(facts: Facts, items: list[str], variant: int) -> list[str]:
    causes = done([one.met for one in facts.reasons if one.met is not None], facts.noun)
    did = done(facts.events, facts.noun)
    if not items:
        return [f"{clause}。" for clause in did]
    if causes and variant % 2 == 0:
        return [f"因为{causes[0]}，我们为您推荐{listed(items)}。", *_further(causes[1:])]
    if causes:
        return [f"我们为您推荐{listed(items)}，因为{causes[0]}。", *_further(causes[1:])]
    return [*(f"{clause}。" for clause in did), f"我们为您推荐{listed(items)}。"]


def _further(causes: list[str]) -> list[str]:
    return [f"{clause}也支持这份推荐。" for clause in causes]


def done(events: Sequence[Met], noun: Noun) -> list[str]:
    """Return what somebody did as clauses, one for each kind of deed, each rating by itself."""
    clauses = []
    for deed, form in _DID.items():
        names = [title(one.item, noun) for one in events if one.done == deed and one.item.title is not None]
        if names:
            clauses.append(form.format(listed(list(dict.fromkeys(names)))))
    rated = [one for one in events if one.done == "rated" and one.item.title is not None]
    return list(dict.fromkeys([*clauses, *(f"您给{title(one.item, noun)}打了{one.value:g}分" for one in rated)]))


def explanation(facts: Facts, variant: int) -> list[str]:
    """Return the sentences that word an explanation: the strongest reason, the others for it, those against it."""
    one, strongest = facts.items[0], facts.strongest
    subject = f"这{facts.noun.measure}{facts.noun.chinese}" if one.title is None else title(one, facts.noun)
    sentences = []
    if strongest is not None:
        link = ("主要是因为", "主要因为")[variant % 2] if len(facts.reasons) > 1 else "是因为"
        sentences.append(f"推荐{subject}，{link}{cause(strongest, facts.noun)}。")
    for_it = [reason for reason in facts.reasons if reason.speaks_for and reason is not strongest]
    against = [reason for reason in facts.reasons if not reason.speaks_for]
    sentences += [f"{clause}也支持这一推荐。" for clause in _subjects(for_it, facts.noun)]
    sentences += [f"{clause}不支持这一推荐。" for clause in _subjects(against, facts.noun)]
    return sentences or [f"我们为您推荐{subject}。"] * (one.title is not None)


def cause(reason: Because, noun: Noun) -> str:
    """Return a reason as it stands behind ``因为``."""
    return done([reason.met], noun)[0] if reason.met is not None else _noun_of(reason)


def _noun_of(reason: Because) -> str:
    return {"prior": PRIOR["zh"][0], "text": SPOKEN["zh"][0]}.get(reason.kind, f"您的{reason.name}")


def _subjects(reasons: Sequence[Because], noun: Noun) -> list[str]:
    did = done([one.met for one in reasons if one.met is not None], noun)
    return [*did, *(_noun_of(one) for one in reasons if one.met is None)]
