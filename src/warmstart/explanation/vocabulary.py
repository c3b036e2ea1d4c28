# ruff: noqa: RUF001 - Chinese has marks of its own
"""The words that a text may use beside its facts: words that hold a sentence together, and words that claim a relation.

A word that is neither here nor in the facts is a claim that nothing supports. The lists leave out on purpose what can
turn a fact round or add to it: negation, comparison, number, certainty, time and praise.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Literal

from warmstart.explanation.lexicon import NOUNS, Language

Sign = Literal["for", "against"]


@dataclass(frozen=True, slots=True)
class Cue:
    """A word or phrase that claims something of a fact nearby.

    Args:
        relation: ``role`` (of an attribute), ``event``, ``suggested``, ``sign`` or ``rank``.
        name: the role, what was done, or the sign.
        opens: whether a clause begins with it.
    """

    relation: Literal["role", "event", "suggested", "sign", "rank"]
    name: str = ""
    opens: bool = False


_HOLDING = """a an the this that these those it its they their is are was were be been being has have of in on from
    for at to into under within between among both also and as which who whose where here there 's"""
_NEUTRAL = """belong belongs belonging combine combines combining mix mixes mixing blend blends blending bring brings
    together carry carries fall falls listed labelled labeled tagged described classified categorised categorized filed
    grouped marked came out released appeared published feature features featuring offer offers contain contains
    include includes including included join joins joining present presents
    genre genres category categories kind kinds type types element elements mix mixture combination catalogue
    catalog label labels"""
_TO_A_PERSON = """you your yours we our us list lists suggestion suggestions recommendation recommendations what
    found"""
_BY_KIND = {"item": "", "personal": _TO_A_PERSON, "explanation": _TO_A_PERSON}

_CHINESE = """的 了 是 为 有 在 于 中 和 与 及 以及 也 还 同时 并 以 由 它 这 该 这是 它是 其 属于 归入 归类为 列为 归为
    结合 结合了
    融合 融合了 包含 包含了 包括 带有 兼具 类型 题材 元素 类别 风格类型 条目 作品 目录 年 上映 上映于 发行 推出
    问世 出版于 一种 共 全书 集 于一体 于一体的 既是 又是 也是 而且 一起 以及 又"""
_CHINESE_TO_A_PERSON = (
    """您 你 我们 您的 你的 为您 为你 给您 这份 这一 这份推荐 这一推荐 该推荐 这份列表 列表 出现在 以下 打了 分"""
)

_NEGATING = """no not never none nobody nothing neither nor without hardly barely rarely seldom lacks lack lacking
    cannot n't isn't aren't wasn't weren't doesn't didn't don't won't can't fails except but"""
NEGATIONS = frozenset(_NEGATING.split())
_COMPARING = """more most less least than better best worse worst unlike rather instead only first last greatest top
    similar same similarly compared superior larger longer older newer"""
COMPARISONS = frozenset(_COMPARING.split())
_CLAIMING = """award awards award-winning oscar oscars prize prizes winner winning won acclaimed masterpiece classic
    cult famous popular iconic legendary best-selling bestseller bestselling blockbuster hit celebrated must-see true
    story based sequel prequel remake adaptation adapted original record beloved favourite favorite critically
    groundbreaking guaranteed perfect love loved hated hate sure surely definitely always everyone everybody
    free buy click"""
CLAIMS = frozenset(_CLAIMING.split())
NUMBER_WORDS = {
    word: count
    for count, word in enumerate(
        ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve"]
    )
}
YEAR_BEFORE = frozenset({"from", "the", "a", "an", "this", "("})
"""Words that may stand before a year."""
CAME_OUT = frozenset({"released", "published", "published by", "out", "appeared"})
"""Words that may stand before ``in`` and a year: of other deeds the year is not known."""
_FINITE = """is are was were has have belongs combines mixes blends brings falls came"""
VERBS = frozenset(_FINITE.split())
ARE = frozenset({"is", "are", "为", "是"})
LABELLING = frozenset({"genre", "genres", "category", "categories", "label", "labels", "类型", "题材", "类别"})
"""With these before it and one of ``ARE``, a list of labels is said to be whole."""
PRESENT = frozenset({"it", "its", "this"})
"""Words that point at the item."""

CUES: dict[Language, dict[str, Cue]] = {
    "en": {
        **dict.fromkeys(("you liked", "you enjoyed", "you like", "you also liked"), Cue("event", "liked")),
        **dict.fromkeys(("you disliked", "you did not like", "you didn't like"), Cue("event", "disliked")),
        **dict.fromkeys(("you rated", "you gave"), Cue("event", "rated")),
        **dict.fromkeys(("your history",), Cue("event", "met")),
        **dict.fromkeys(("you suggest", "you suggested", "you recommend", "you recommended"), Cue("event", "said")),
        **dict.fromkeys(
            (
                *(
                    "we suggest",
                    "we recommend",
                    "we also suggest",
                    "we also recommend",
                    "here is",
                    "here are",
                    "we picked",
                    "we chose",
                ),
                *("is suggested", "are suggested", "is recommended", "are recommended", "suggested for you"),
                *("you might like", "you may like", "you might enjoy", "you may enjoy", "you could like"),
                *("on your list", "on this list", "on the list", "this list"),
            ),
            Cue("suggested"),
        ),
        **dict.fromkeys(("because", "because of", "since", "thanks to"), Cue("sign", "for", opens=True)),
        **dict.fromkeys(("speaks for", "speak for", "rests on", "rest on"), Cue("sign", "for")),
        **dict.fromkeys(("although", "though", "despite"), Cue("sign", "against", opens=True)),
        **dict.fromkeys(("speaks against", "speak against"), Cue("sign", "against")),
        **dict.fromkeys(("mainly", "chiefly", "above all"), Cue("rank")),
    },
    "zh": {
        **dict.fromkeys(
            ("您喜欢", "你喜欢", "您喜欢过", "你喜欢过", "您也喜欢", "您喜爱", "你喜爱"), Cue("event", "liked")
        ),
        **dict.fromkeys(("您不喜欢", "你不喜欢"), Cue("event", "disliked")),
        **dict.fromkeys(("您给", "你给", "您评价"), Cue("event", "rated")),
        **dict.fromkeys(("您的记录中有", "您的历史记录", "你的历史记录", "您的记录"), Cue("event", "met")),
        **dict.fromkeys(("您推荐", "你推荐"), Cue("event", "said")),
        **dict.fromkeys(
            ("推荐", "为您推荐", "为你推荐", "给您推荐", "您可能喜欢", "你可能喜欢", "您可能会喜欢"), Cue("suggested")
        ),
        **dict.fromkeys(("因为", "由于", "根据", "基于", "是因为"), Cue("sign", "for", opens=True)),
        **dict.fromkeys(("支持",), Cue("sign", "for")),
        **dict.fromkeys(("尽管", "虽然"), Cue("sign", "against", opens=True)),
        **dict.fromkeys(("不支持",), Cue("sign", "against")),
        **dict.fromkeys(("主要", "主要是"), Cue("rank")),
    },
}
"""Phrases that claim what somebody did, what is suggested, and what speaks for it."""

PRIOR = {"en": ("what people in general like",), "zh": ("大众的喜好",)}
SPOKEN = {"en": ("what you wrote", "your sentence"), "zh": ("您写的话", "您的话")}
SHARED = {
    "en": ("both in this list and in what you liked",),
    "zh": ("既出现在这份推荐中，也出现在您喜欢的作品中",),
}
BLANK = {
    "en": ("This {one} is in the catalogue.",),
    "zh": ("这{measure}{chinese}在目录中。",),
}
"""All that can be said of an item of which nothing is known."""


@cache
def plain_words(language: Language, kind: str, what: str) -> frozenset[str]:
    """Return the words that need no fact, in small letters, for one kind of text about one kind of item."""
    noun = NOUNS.get(what, NOUNS["title"])
    if language == "en":
        of_kind = _BY_KIND[kind].split() + (["film's"] if what == "film" else [])
        # of one item nothing is said of many: "films from 1995 are thrillers"
        many = [] if kind == "item" else [noun.many, *noun.others[1:]]
        return frozenset([*_HOLDING.split(), *_NEUTRAL.split(), *of_kind, noun.one, *noun.others[:1], *many])
    nouns = [noun.chinese, *noun.chinese_others]
    measured = [f"{first}{noun.measure}" for first in ("一", "这", "该")]
    of_kind = _CHINESE_TO_A_PERSON.split() if kind != "item" else []
    return frozenset([*_CHINESE.split(), *nouns, *measured, noun.measure, *of_kind])


def fault_of(word: str) -> str:
    """Return what kind of fault an English word is that is not plain: the report says more than ``word`` then.

    Example:
        >>> from warmstart.explanation.vocabulary import fault_of
        >>> [fault_of(word) for word in ("not", "Oscar", "than", "Scorsese", "beautiful")]
        ['negation', 'claim', 'comparison', 'name', 'word']
    """
    small = word.lower()
    kinds: Mapping[str, frozenset[str]] = {"negation": NEGATIONS, "claim": CLAIMS, "comparison": COMPARISONS}
    for kind, words in kinds.items():
        if small in words:
            return kind
    if small in NUMBER_WORDS:
        return "number"
    return "name" if word[:1].isupper() else "word"
