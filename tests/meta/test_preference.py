"""Laws of everybody who answers prompts, and what each is for."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from warmstart.core.errors import BadInput
from warmstart.data.builtin import load_dataset
from warmstart.meta import preference_process
from warmstart.meta.preference import LikeRate, Prompt
from warmstart.meta.preference_blend import EDGE, Blend, BlendConfig, Voice, weighed
from warmstart.meta.preference_facts import TitleReader, key_of, spoken
from warmstart.meta.preference_knowledge import Knowledge, judged
from warmstart.meta.preference_process import ProcessConfig, TasteProcess
from warmstart.meta.preference_prompts import prompts_of
from warmstart.meta.preference_rows import CarriedPrior, CarriedRate, ExampleRate, Likeness
from warmstart.meta.preference_table import ALONE, BY_MODEL, SCORERS, WITH_KNOWLEDGE, Carried, scorer
from warmstart.meta.preference_titles import TitleIndex, name_of, names_of, year_of

FILMS = (
    "Alien (1979)",
    "Aliens (1986)",
    "Heat (1995)",
    "Toy Story (1995)",
    "Grease (1978)",
    "Nobody Met This (2031)",
    "",
)
BY_WORDS = [name for name in SCORERS if name not in BY_MODEL]
"""Rows that ask a neural language model are in tests of their own."""
TITLES = st.sampled_from(FILMS[:-1])
PROMPTS = st.lists(
    st.builds(
        Prompt,
        st.sampled_from(("ann", "bob", "eve")),
        st.lists(TITLES, max_size=4, unique=True).map(tuple),
        st.lists(TITLES, max_size=4, unique=True).map(tuple),
        TITLES,
        st.booleans(),
    ),
    min_size=1,
    max_size=5,
)


@pytest.fixture(scope="module")
def data():
    return load_dataset("movielens-small")


@pytest.fixture(scope="module")
def carried(data):
    few = data.take_users(np.arange(120))
    learners, judges = judged(few)
    knowledge = Knowledge.of(learners, factors=4, rounds=3)
    voices = (Voice(CarriedPrior(knowledge), 1.0), Voice(LikeRate(), 0.0))
    return Carried(knowledge, weighed(voices, prompts_of(few, judges, most=5)), TitleReader.of(data.items))


@pytest.fixture(scope="module")
def examples(data):
    return prompts_of(data, np.arange(30), most=2)


@pytest.fixture(scope="module")
def fitted(carried, examples):
    return {name: scorer(name, carried).fit(examples) for name in BY_WORDS}


@pytest.mark.parametrize("name", BY_WORDS)
@given(prompts=PROMPTS)
@settings(max_examples=10, deadline=None)
def test_a_batch_says_what_single_prompts_say(fitted, name, prompts):
    whole = fitted[name].score(prompts)
    assert whole.shape == (len(prompts),)
    assert np.isfinite(whole).all()
    assert np.allclose(whole, [fitted[name].score([prompt])[0] for prompt in prompts], atol=1e-4)


@pytest.mark.parametrize("name", BY_WORDS)
def test_labels_and_users_are_not_read(fitted, examples, name):
    blind = [replace(prompt, label=None, user="somebody") for prompt in examples]
    assert np.array_equal(fitted[name].score(examples), fitted[name].score(blind))


@pytest.mark.parametrize("name", BY_WORDS)
def test_order_within_a_list_does_not_matter(fitted, examples, name):
    assert not fitted[name].reads_order
    turned = [replace(prompt, liked=prompt.liked[::-1], disliked=prompt.disliked[::-1]) for prompt in examples]
    assert np.allclose(fitted[name].score(examples), fitted[name].score(turned), atol=1e-4)


@pytest.mark.parametrize("name", BY_WORDS)
def test_fitting_leaves_the_row_as_it_was(carried, examples, name):
    row = scorer(name, carried)
    before = row.score(examples)
    row.fit(examples)
    assert np.array_equal(row.score(examples), before)
    assert np.array_equal(row.fit([]).score(examples), before)


@pytest.mark.parametrize("name", BY_WORDS)
def test_nothing_known_at_all_is_still_answered(fitted, name):
    assert np.isfinite(
        fitted[name].score([Prompt("x", (), (), "Zzyzx"), Prompt("y", ("Zzyzx",), ("?!",), "!!!")])
    ).all()
    assert fitted[name].score([]).shape == (0,)


@pytest.mark.parametrize("name", ALONE)
def test_rows_without_knowledge_need_none(name):
    assert np.isfinite(scorer(name).score([Prompt("x", ("Alien",), (), "Aliens")])).all()


@pytest.mark.parametrize("name", WITH_KNOWLEDGE)
def test_rows_with_knowledge_say_that_they_need_it(name):
    with pytest.raises(BadInput, match="other people"):
        scorer(name)


def test_an_unknown_row_names_the_nearest():
    with pytest.raises(BadInput, match="Nearest: blend"):
        scorer("blent")


def test_learning_needs_labels():
    with pytest.raises(BadInput, match="prompt 2 of 2"):
        TasteProcess().fit([Prompt("a", (), (), "Up", True), Prompt("b", (), (), "Up")])


@given(prompts=PROMPTS)
@settings(max_examples=30, deadline=None)
def test_swapping_likes_and_dislikes_turns_the_like_rate_round(prompts):
    turned = [replace(prompt, liked=prompt.disliked, disliked=prompt.liked) for prompt in prompts]
    assert np.allclose(LikeRate().score(prompts), 1 - LikeRate().score(turned))


def test_what_a_generous_person_is_asked_is_likelier_liked(fitted):
    films = FILMS[:4]
    for name in ("like rate", "process", "blend", "carried prior", "carried blend"):
        glad, sad = fitted[name].score(
            [Prompt("a", films, (), "Grease (1978)"), Prompt("b", (), films, "Grease (1978)")]
        )
        assert glad > sad, name


def test_a_stranger_has_the_usual_rate_and_is_judged_by_words(carried):
    knowledge = carried.knowledge
    asked = [Prompt("a", ("Alien (1979)",), (), title) for title in ("No Such Film (1950)", "Nothing At All")]
    assert np.allclose(knowledge.target_rates(asked), knowledge.usual)
    assert np.isfinite(knowledge.chances(asked)).all()


def test_spelling_does_not_change_what_is_carried_over(carried):
    one = Prompt("a", ("Matrix, The (1999)", "Seven (a.k.a. Se7en) (1995)"), (), "Usual Suspects, The (1995)")
    other = Prompt("a", ('\\"The Matrix (1999)\\"', "Se7en"), (), "the usual suspects")
    assert np.allclose(*carried.knowledge.chances([one, other]))


def test_the_same_examples_twice_are_no_new_evidence(examples):
    asked = [replace(prompt, user="new") for prompt in examples[:5]]
    once, twice = (TasteProcess().fit(some).score(asked) for some in (examples[:10], [*examples[:10], *examples[:10]]))
    assert np.allclose(once, twice, atol=1e-5)


def test_examples_teach_the_process_which_titles_are_good(examples):
    told = [Prompt(f"u{place}", ("Heat (1995)",), ("Grease (1978)",), "Up (2009)", True) for place in range(20)]
    plain = TasteProcess(ProcessConfig(age=0.0))
    asked = [Prompt("new", (), (), "Heat (1995)"), Prompt("new", (), (), "Grease (1978)")]
    before, after = plain.score(asked), plain.fit(told).score(asked)
    assert before[0] == before[1]
    assert after[0] > after[1]


def test_example_rates_are_drawn_to_the_usual_one():
    row = ExampleRate().fit([Prompt("a", ("Up",), (), "Heat", True), Prompt("b", (), ("Up",), "Alien", True)])
    assert row.usual == 0.75
    assert np.isclose(row.score([Prompt("c", (), (), "Zulu")])[0], 0.75)


def test_a_blend_moves_with_evidence_and_holds_without(examples):
    start = Blend((Voice(LikeRate(), 1.0), Voice(Likeness(), 0.0, chance=False)))
    few, free = start.fit(examples[:4]), replace(start, config=BlendConfig(freedom=10.0)).fit(examples)
    held = [abs(one.weight - two.weight) for one, two in zip(few.voices, start.voices, strict=True)]
    moved = [abs(one.weight - two.weight) for one, two in zip(free.voices, start.voices, strict=True)]
    assert max(held) < 0.05 < max(moved)


def test_certain_answers_stay_within_bounds():
    class Sure:
        def fit(self, prompts, validation=()):
            return self

        def score(self, prompts):
            return np.ones(len(prompts), dtype=np.float32)

    assert np.allclose(Voice(Sure(), 1.0).said([Prompt("a", (), (), "Up")]), np.log((1 - EDGE) / EDGE))


def test_weights_come_from_those_who_are_held_out(data, carried):
    assert carried.blend.voices[0].weight > 0.2
    learners, judges = judged(data)
    assert learners.n_users + len(judges) == data.n_users
    assert not set(data.user_ids[judges].tolist()) & set(learners.user_ids.tolist())
    few = data.take_users(np.arange(10))
    assert judged(few)[0].n_users == 10


def test_knowledge_without_titles_or_dislikes_is_refused(data):
    with pytest.raises(BadInput, match="titles"):
        Knowledge.of(replace(data, items=None))
    with pytest.raises(BadInput, match="one kind"):
        Knowledge.of(data.take_events(data.liked))


def test_rates_are_of_the_data(data, carried):
    known = CarriedRate(carried.knowledge).score([Prompt("a", (), (), title) for title in data.catalogue.titles[:50]])
    assert np.corrcoef(known, carried.knowledge.rates[:50])[0, 1] > 0.99


@pytest.mark.parametrize(
    ("asked", "meant"),
    [
        ("The Matrix (1999)", 0),
        ("matrix", 0),
        ('\\"Matrix, The (1999)\\"', 0),
        ("“The Matrix” (1999)", 0),
        ("Matrix, The [1999]", 0),
        ("Matrix, The (2000)", 0),
        ("Matrix, The (2010)", None),
        ("Star Wars (1977)", 1),
        ("Empire Strikes Back, The (1980)", 2),
        ("Leon: The Professional (1994)", 3),
        ("Professional, The", 3),
        ("City of Lost Children (1995)", 4),
        ("La Cité des enfants perdus", 4),
        ("Alien 3 (1992)", 5),
        ("M*A*S*H (1970)", 6),
        ("Rocky III (1982)", None),
        ("The Hobbit by J. R. R. Tolkien", 8),
        ('"The Hobbit" written by J. R. R. Tolkien', 8),
        ("Stand by Me (1986)", 9),
        ("Wallace &amp; Gromit: A Close Shave (1995)", 10),
        ("Wallace and Gromit A Close Shaves (1995)", 10),
        ("", None),
        ("(1999)", None),
        ("x" * 5000, None),
    ],
)
def test_titles_are_found_however_they_are_written(asked, meant):
    titles = [
        "Matrix, The (1999)",
        "Star Wars: Episode IV - A New Hope (1977)",
        "Star Wars: Episode V - The Empire Strikes Back (1980)",
        "Professional, The (a.k.a. Leon: The Professional) (1994)",
        "City of Lost Children, The (Cité des enfants perdus, La) (1995)",
        "Alien³ (1992)",
        "MASH (1970)",
        "Rocky II (1979)",
        "Hobbit, The (1977)",
        "Stand by Me (1986)",
        "Wallace & Gromit: A Close Shave (1995)",
    ]
    assert TitleIndex(titles, [1.0] * len(titles)).find(asked) == meant


def test_of_several_editions_the_best_known_is_meant():
    index = TitleIndex(["Sabrina (1954)", "Sabrina (1995)"], [5, 9])
    assert [index.find(title) for title in ("Sabrina", "Sabrina (1954)", "Sabrina (1953)")] == [1, 0, 0]


def test_every_title_finds_itself(data):
    titles = list(dict.fromkeys(data.catalogue.titles))[:1500]
    index = TitleIndex(titles, [1.0] * len(titles))
    assert sum(titles[place] != title for title, place in zip(titles, index.places(titles), strict=True)) <= 3


@given(st.text(max_size=80))
@settings(max_examples=200, deadline=None)
def test_any_text_can_be_read_as_a_title(text):
    assert isinstance(name_of(text), str)
    assert all(names_of(text))
    assert isinstance(spoken(text), str)
    assert key_of(text) == key_of(text)
    year = year_of(text)
    assert year is None or 1800 <= year < 2100
    TitleIndex([text], [1.0]).find(text)


def test_many_titles_are_answered_like_few(monkeypatch, examples):
    row = TasteProcess().fit(examples[:20])
    whole = row.score(examples)
    monkeypatch.setattr(preference_process, "MOST_TITLES", 10)
    monkeypatch.setattr(preference_process, "SMALL_BLOCK", 7)
    assert np.allclose(row.score(examples), whole, atol=1e-5)
