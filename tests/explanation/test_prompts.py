"""What a model is asked: made-up facts of the same shape with their texts, then the facts, and nothing more of them."""

import json
import re

import pytest
from hypothesis import given, settings

from tests.explanation.worlds import WORLDS, all_facts
from warmstart.explanation.checker import check
from warmstart.explanation.examples import made_up
from warmstart.explanation.facts import Facts
from warmstart.explanation.prompts import EXAMPLES, MOST_ITEMS, prompt_of
from warmstart.explanation.templates import worded
from warmstart.explanation.writer import LANGUAGES

_FENCED = re.compile(r"^<data>(.*)</data>$", re.MULTILINE)


def _shape(facts: Facts):
    items = [*facts.items, *(one.item for one in facts.events)]
    labels = list(dict.fromkeys(label for one in items for part in one.attributes for label in part.values))
    return (
        [
            (one.title is None, one.year is None, [(part.role, len(part.values)) for part in one.attributes])
            for one in items
        ],
        [(one.done, one.value is None) for one in facts.events],
        [(one.kind, one.speaks_for, one.met is None) for one in facts.reasons],
        len(labels) > 0,
    )


@given(facts=all_facts())
@settings(max_examples=60, deadline=None)
def test_made_up_facts_have_the_shape_of_the_facts_and_none_of_their_titles(facts):
    for turn in range(3):
        found = made_up(facts, turn)
        assert _shape(found) == _shape(facts)
        own = {one.title for one in facts.items if one.title is not None}
        assert own.isdisjoint(one.title for one in found.items)


@given(facts=all_facts())
@settings(max_examples=60, deadline=None)
def test_what_happens_to_one_value_happens_to_it_everywhere(facts):
    found = made_up(facts)
    met = dict(zip(facts.events, found.events, strict=True))
    for before, after in zip(facts.reasons, found.reasons, strict=True):
        assert before.met is None or after.met == met.get(before.met, after.met)


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("world", WORLDS)
def test_every_example_is_borne_out(world, language):
    for turn in range(4):
        for way in (0, 1, 3):
            facts = made_up(WORLDS[world], turn)
            assert check(worded(facts, language, way), facts, language).is_grounded


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("world", WORLDS)
def test_the_facts_stand_last_and_once_and_drafts_differ(world, language):
    prompts = [prompt_of(WORLDS[world], language, draft) for draft in (0, 1)]
    assert len(set(prompts)) == 2
    for prompt in prompts:
        fenced = [json.loads(data) for data in _FENCED.findall(prompt)]
        assert len(fenced) == EXAMPLES + 1
        title = WORLDS[world].items[0].title or ""
        assert title in str(fenced[-1])
        assert title not in str(fenced[:-1])
        assert prompt.count(title) == 1
        assert [set(one) for one in fenced] == [set(fenced[-1])] * (EXAMPLES + 1)


def test_of_a_list_a_model_is_told_little():
    from dataclasses import replace

    long = replace(WORLDS["personal"], items=WORLDS["personal"].items * 5)
    last = json.loads(_FENCED.findall(prompt_of(long))[-1])
    assert last["suggested"].count("\N{LEFT DOUBLE QUOTATION MARK}") == MOST_ITEMS


@given(facts=all_facts())
@settings(max_examples=60, deadline=None)
def test_any_facts_can_be_asked_about(facts):
    for language in LANGUAGES:
        lines = prompt_of(facts, language).split("\n")
        assert lines[-1] == ""
        assert lines[-2].startswith("<data>{")
        assert lines[-2].endswith("}</data>")
