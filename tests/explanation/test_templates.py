# ruff: noqa: RUF001 - Chinese has marks of its own
"""Templates say facts, all of which the checker bears out, whatever is missing."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.explanation.worlds import WORLDS, all_facts
from warmstart.explanation.checker import check
from warmstart.explanation.facts import Facts, ItemFacts
from warmstart.explanation.templates import VARIANTS, template

LANGUAGES = ("en", "zh")


@pytest.mark.parametrize("language", LANGUAGES)
@given(facts=all_facts(), seed=st.integers(0, 50))
@settings(max_examples=100, deadline=None)
def test_a_template_always_passes_the_checker(language, facts, seed):
    text = template(facts, language, seed)
    found = check(text, facts, language)
    assert not found.dropped, (text, found.dropped)
    assert found.text == text


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("world", WORLDS)
def test_every_variant_of_every_kind_passes(world, language):
    texts = {template(WORLDS[world], language, seed) for seed in range(4 * VARIANTS)}
    assert len(texts) >= 2 or world == "scale"
    for text in texts:
        assert check(text, WORLDS[world], language).is_grounded, text


@pytest.mark.parametrize("language", LANGUAGES)
@given(facts=all_facts("item"))
@settings(max_examples=30, deadline=None)
def test_an_item_always_has_a_text_and_the_same_one(language, facts):
    text = template(facts, language)
    assert text
    assert text == template(facts, language)


def test_an_item_of_which_nothing_is_known():
    nothing = Facts("item", (ItemFacts(None),), what="film")
    assert template(nothing) == "This film is in the catalogue."
    assert template(nothing, "zh") == "这部电影在目录中。"


def _variants(world, language):
    return {template(WORLDS[world], language, seed) for seed in range(60)}


def test_grammar_in_english():
    assert "“The Matrix” is an action, science-fiction and thriller film from 1999." in _variants("matrix", "en")
    assert "“The Matrix (1999)” is a film. Its genres are Action, Sci-Fi and Thriller." in _variants("matrix", "en")
    assert any(
        text.startswith("Because you liked “Heat (1995)” and “Alien (1979)”, we suggest")
        for text in _variants("personal", "en")
    )
    why = next(iter(_variants("why", "en")))
    assert "because you liked “Heat (1995)”." in why
    assert "That you disliked “Titanic (1997)” speaks against it." in why
    assert "Your age also speaks for it." in why


def test_grammar_in_chinese():
    assert "《The Matrix》是一部1999年的动作、科幻和惊悚电影。" in _variants("matrix", "zh")
    assert any(
        text.startswith("因为您喜欢《Heat》（1995）和《Alien》（1979），我们为您推荐")
        for text in _variants("personal", "zh")
    )
    why = next(iter(_variants("why", "zh")))
    assert "因为您喜欢《Heat》（1995）。" in why
    assert "您不喜欢《Titanic》（1997）不支持这一推荐。" in why
