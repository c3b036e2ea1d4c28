# ruff: noqa: RUF002 - Chinese has marks of its own
"""Texts made of facts alone, in the language that was asked for; a seed varies them a little."""

import zlib
from collections.abc import Sequence

from warmstart.core.run import Run
from warmstart.explanation import chinese, english
from warmstart.explanation.facts import Facts
from warmstart.explanation.lexicon import Language

_SENTENCES = {
    ("item", "en"): english.item,
    ("personal", "en"): english.personal,
    ("explanation", "en"): english.explanation,
    ("item", "zh"): chinese.item,
    ("personal", "zh"): chinese.personal,
    ("explanation", "zh"): chinese.explanation,
}
VARIANTS = 12
"""Numbers that the seed draws from; each kind of sentence takes as many ways from it as it has."""


def template(facts: Facts, language: Language = "en", seed: int = 0) -> str:
    """Return a text that says the facts and nothing else; the same facts, language and seed give the same text.

    Args:
        facts: what may be said.
        language: ``en`` or ``zh``.
        seed: varies the wording, together with the facts, so that a page of texts is not all alike.

    Example:
        >>> from warmstart.explanation.facts import Facts, item_facts
        >>> from warmstart.explanation.templates import template
        >>> row = {"title": "Patriot, The (2000)", "genres": "War|Drama|Romance"}
        >>> facts = Facts("item", (item_facts(row, {"genres": "multi"}),), what="film")
        >>> template(facts, seed=5)
        '“The Patriot (2000)” is a war, drama and romance film.'
        >>> template(facts, "zh", seed=5)
        '《The Patriot》（2000）是一部战争、剧情和爱情电影。'
    """
    rng = Run(seed=seed).rng("words", zlib.crc32(repr((facts.kind, facts.items)).encode()))
    return worded(facts, language, int(rng.integers(VARIANTS)))


def worded(facts: Facts, language: Language, variant: int) -> str:
    """Return a text in one way of wording.

    Args:
        facts: what may be said.
        language: ``en`` or ``zh``.
        variant: in [0, VARIANTS); with 0 and 3 the year of an item stands beside its title.

    Example:
        >>> from warmstart.explanation.facts import Facts, ItemFacts
        >>> from warmstart.explanation.templates import worded
        >>> worded(Facts("item", (ItemFacts("Heat", 1995),), what="film"), "en", 0)
        '“Heat (1995)” is a film.'
    """
    sentences: Sequence[str] = _SENTENCES[facts.kind, language](facts, variant)
    return ("" if language == "zh" else " ").join(sentences)
