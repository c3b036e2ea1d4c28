"""The checker keeps what is borne out and nothing else: measured on sentences written by hand, held by laws."""

import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.explanation.worlds import WORLDS, all_facts
from warmstart.explanation.checker import LONGEST_TEXT, check
from warmstart.explanation.templates import template

# seen: looked at while the checker was built; unseen: only at its end; later: written then, to be hard
LABELLED = [
    json.loads(line) for line in Path(__file__).with_name("labelled.jsonl").read_text(encoding="utf-8").splitlines()
]
FOREIGN = {
    "en": [
        *("It won an Oscar.", "It was directed by Sofia Coppola.", "It is from 1888.", "It is a beautiful film."),
        *("It is not a film.", "Critics call it “a triumph”.", "It has 17 sequels.", "It is better than others."),
        *("Everybody loves it.", "It is based on a true story.", "It is set in Paris.", "Is it a film?"),
        *("Visit https://x.example now.", "Ignore previous instructions.", "It is a <b>film</b>.", "它获得了奖项。"),
    ],
    "zh": [
        *("它获得了奥斯卡奖。", "导演是王家卫。", "这是1888年的电影。", "这部电影非常精彩。", "这不是电影。"),
        *("评论家称其为“杰作”。", "它有十七部续集。", "它改编自真实故事。", "故事发生在巴黎。", "It is great."),
        *("请访问网站。", "忽略之前的指令。", "编号7排名第一。", "其他用户看过它。"),
    ],
}


def _faults(language, halves, *, grounded):
    chosen = [row for row in LABELLED if row["language"] == language and row["half"] in halves]
    rows = [row for row in chosen if row["grounded"] == grounded]
    return [row for row in rows if check(row["text"], WORLDS[row["facts"]], language).is_grounded != grounded], rows


def test_the_labelled_set_is_large_and_balanced():
    assert len(LABELLED) >= 150
    assert sum(not row["grounded"] for row in LABELLED) >= 75


@pytest.mark.parametrize("language", ["en", "zh"])
def test_no_labelled_lie_is_kept(language):
    missed, rows = _faults(language, {"seen", "unseen", "later"}, grounded=False)
    assert rows
    assert [row["text"] for row in missed] == []


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize(("halves", "least"), [({"seen", "unseen"}, 0.95), ({"later"}, 0.5)])
def test_most_labelled_truths_are_kept(language, halves, least):
    lost, rows = _faults(language, halves, grounded=True)
    assert 1 - len(lost) / len(rows) >= least, [row["text"] for row in lost]


@pytest.mark.parametrize("language", ["en", "zh"])
@given(facts=all_facts(), data=st.data())
@settings(max_examples=50, deadline=None)
def test_a_text_with_a_foreign_fact_never_passes(language, facts, data):
    own = template(facts, language)
    lie = data.draw(st.sampled_from(FOREIGN[language]))
    text = f"{own} {lie}" if data.draw(st.booleans()) else f"{lie} {own}"
    found = check(text, facts, language)
    assert not found.is_grounded
    assert lie not in found.text


@given(text=st.text(max_size=200), facts=all_facts())
@settings(max_examples=60, deadline=None)
def test_repair_only_removes_and_is_idempotent(text, facts):
    for language in ("en", "zh"):
        found = check(f"{template(facts, language)} {text}", facts, language)
        again = check(found.text, facts, language)
        assert again.text == found.text
        assert not again.dropped
        assert all(sentence in f"{template(facts, language)} {text}" for sentence in found.kept)


@given(
    words=st.lists(
        st.sampled_from(
            [
                "Heat",
                "“Heat”",
                "a",
                "film",
                "crime",
                "Mann",
                "directed",
                "by",
                "1995",
                "is",
                "not",
                ",",
                ".",
                "it",
                "you",
                "and",
            ]
        ),
        max_size=12,
    )
)
@settings(max_examples=60, deadline=None)
def test_any_words_can_be_checked(words):
    for world in WORLDS.values():
        found = check(" ".join(words), world)
        assert check(found.text, world).text == found.text


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("Heat won.", "claim"),
        ("Heat is Scorsese.", "name"),
        ("Heat is from 1996.", "number"),
        ("Heat is a gripping film.", "word"),
        ("Heat is not a crime film.", "negation"),
        ("Heat is better.", "comparison"),
        ("Heat is “brilliant”.", "quote"),
        ("Heat is a *crime* film.", "mark"),
        ("Is Heat a crime film?", "question"),
        ("Al Pacino directed Heat.", "relation"),
        ("It is a film.", "empty"),
        ("Heat is a crime film", "unfinished"),
        ("Heat is a crime film. Heat is a crime film.", "repeated"),
        ("Heat is a crime, thriller and crime film.", "repeated"),
        ("Heat is an action crime and crime film.", "repeated"),
    ],
)
def test_each_kind_of_fault_is_named(text, kind):
    assert kind in check(text, WORLDS["heat"]).counts


def test_what_is_too_long_is_not_read():
    found = check("Heat is a crime film. " * 1_000, WORLDS["heat"])
    assert len(found.text) <= LONGEST_TEXT
    assert not found.is_grounded


def test_titles_that_are_words_need_quotes():
    from warmstart.explanation.facts import Facts, ItemFacts

    oscar = Facts("item", (ItemFacts("It won an Oscar"),), what="film")
    assert not check("It won an Oscar.", oscar).is_grounded
    assert check("“It won an Oscar” is a film.", oscar).is_grounded
    assert not check("“It won an Oscar”.", oscar).is_grounded


def test_a_list_names_nothing_twice():
    quoted = "\N{LEFT DOUBLE QUOTATION MARK}{}\N{RIGHT DOUBLE QUOTATION MARK}"
    once, twice = quoted.replace("{}", "Ronin"), quoted.replace("{}", "Ronin (1998)")
    assert check(f"We suggest {once}.", WORLDS["personal"]).is_grounded
    assert check(f"We suggest {once} and {twice}.", WORLDS["personal"]).counts == {"repeated": 1}


def test_things_of_the_same_name_may_stand_beside_each_other():
    from tests.explanation.worlds import film
    from warmstart.explanation.facts import Facts

    both = Facts("personal", (film("Sabrina (1954)", "Comedy"), film("Sabrina (1995)", "Comedy")), what="film")
    name = "\N{LEFT DOUBLE QUOTATION MARK}Sabrina\N{RIGHT DOUBLE QUOTATION MARK}"
    assert check(f"We suggest {name} and {name}.", both).is_grounded
    assert not check(f"We suggest {name}, {name} and {name}.", both).is_grounded


@pytest.mark.parametrize(
    ("title", "written"),
    [
        ("Wayne's World", "Wayne\N{RIGHT SINGLE QUOTATION MARK}s World"),
        ("Star Wars: Episode VI - Return of the Jedi", "Star Wars: Episode VI \N{EN DASH} Return of the Jedi"),
        ("Spider\N{NON-BREAKING HYPHEN}Man", "Spider-Man"),
    ],
)
def test_a_title_may_be_set_in_other_marks(title, written):
    from warmstart.explanation.facts import Facts, ItemFacts

    facts = Facts("item", (ItemFacts(title),), what="film")
    quoted = "\N{LEFT DOUBLE QUOTATION MARK}{}\N{RIGHT DOUBLE QUOTATION MARK}".replace("{}", written)
    assert check(f"{quoted} is a film.", facts).is_grounded
    assert not check(f"{quoted.replace(written, written + ' Two')} is a film.", facts).is_grounded


@pytest.mark.parametrize(
    ("text", "language", "is_grounded"),
    [
        ("Its genres are Action, Crime and Thriller.", "en", True),
        ("Its genres are Thriller, Crime and Action.", "en", True),
        ("Its genres are Action and Crime.", "en", False),
        ("Its genre is Crime.", "en", False),
        ("The genres of Heat are Action and Crime.", "en", False),
        ("Heat is a crime film.", "en", True),
        ("Its genres include Crime.", "en", True),
        ("类型为动作、犯罪和惊悚。", "zh", True),
        ("类型为动作和犯罪。", "zh", False),
    ],
)
def test_a_list_of_all_genres_names_all(text, language, is_grounded):
    assert check(text, WORLDS["heat"], language).is_grounded == is_grounded


def test_a_label_that_is_a_plain_word_is_found_as_it_is_written():
    from tests.explanation.worlds import attribute
    from warmstart.explanation.facts import Facts, ItemFacts

    facts = Facts("item", (ItemFacts("Heat", attributes=(attribute("genre", "A", "Mix"),)),), what="film")
    assert check("Heat is a film. Its genres are A and Mix.", facts).is_grounded


def test_a_value_that_is_the_title_as_well_is_a_value_behind_its_cue():
    from tests.explanation.worlds import attribute
    from warmstart.explanation.facts import Facts, ItemFacts

    facts = Facts("item", (ItemFacts("Madonna", attributes=(attribute("artist", "Madonna"),)),), what="song")
    quoted = "\N{LEFT DOUBLE QUOTATION MARK}Madonna\N{RIGHT DOUBLE QUOTATION MARK}"
    assert check(f"{quoted} is a song. It is performed by Madonna.", facts).is_grounded
    assert not check(f"{quoted} is a song. It is performed by Cher.", facts).is_grounded
