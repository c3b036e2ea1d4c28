"""A student says what its teacher would say, at once, and of titles that it never met too."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from warmstart.core.artefact import read_artefact, write_artefact
from warmstart.core.errors import BadInput, BadModelFile, NotFitted
from warmstart.meta.distil_ranker import Distilled, Student, StudentConfig, unlabelled
from warmstart.meta.preference import LikeRate, Prompt
from warmstart.meta.preference_judge import ModelJudge
from warmstart.recommenders.llm_asking import LlmRankingConfig

SEA = ("Sea Ship", "Ocean Boat", "Harbour Sailor", "Pirate Island", "Submarine Captain", "Lighthouse Storm")
HOME = ("Kitchen Soup", "Bread and Butter", "Garden Tea", "Wedding Cake", "Dinner Party", "Apple Pie")
FILMS = (*SEA, *HOME)
TITLES = st.one_of(st.sampled_from((*FILMS, "Nobody Met This (2031)", "")), st.text(max_size=12))
LISTS = st.lists(TITLES, max_size=4).map(tuple)
PROMPTS = st.lists(st.builds(Prompt, st.just("eve"), LISTS, LISTS, TITLES), min_size=1, max_size=5)


class Crowd:
    """A teacher who likes what is like the likes, and some titles for themselves."""

    def fit(self, prompts, validation=()):
        return self

    def score(self, prompts):
        return np.array([self.of(prompt) for prompt in prompts], dtype=np.float32)

    @staticmethod
    def of(prompt):
        kind = SEA if prompt.target in SEA else HOME
        alike = sum(title in kind for title in prompt.liked) - sum(title in kind for title in prompt.disliked)
        return float(1 / (1 + np.exp(-alike - FILMS.index(prompt.target) % 3)))


def people(n, seed):
    rng = np.random.default_rng(seed)
    found = []
    for user in range(n):
        drawn = [FILMS[place] for place in rng.permutation(len(FILMS))[:6]]
        some = int(rng.integers(1, 5))
        found.append(Prompt(f"{seed}-{user}", tuple(drawn[:some]), tuple(drawn[some:5]), drawn[5], True))
    return found


@pytest.fixture(scope="module")
def student():
    return Distilled(Crowd(), unlabelled(people(150, 0), FILMS, 5)).fit([]).student


def test_a_student_says_what_its_teacher_says(student):
    asked = people(200, 1)
    said, taught = student.score(asked), Crowd().score(asked)
    assert np.corrcoef(said, np.log(taught / (1 - taught)))[0, 1] > 0.85


@given(prompts=PROMPTS)
@settings(max_examples=40, deadline=None)
def test_a_batch_says_what_single_prompts_say(student, prompts):
    whole = student.score(prompts)
    assert whole.dtype == np.float32
    assert np.isfinite(whole).all()
    assert np.allclose(whole, [student.score([prompt])[0] for prompt in prompts], atol=1e-4)


@given(prompts=PROMPTS)
@settings(max_examples=20, deadline=None)
def test_labels_users_and_order_are_not_read(student, prompts):
    other = [
        replace(one, user="ida", label=True, liked=one.liked[::-1], disliked=one.disliked[::-1]) for one in prompts
    ]
    assert np.allclose(student.score(prompts), student.score(other), atol=1e-4)


def test_nothing_is_asked_of_nobody(student):
    assert student.score([]).shape == (0,)


def test_labels_are_not_learned_from():
    pairs = unlabelled(people(20, 0), FILMS, 2)
    taught = Crowd().score(pairs)
    turned = [replace(one, label=not one.label) for one in pairs]
    asked = people(9, 1)
    assert np.array_equal(Student.fit(taught, pairs).score(asked), Student.fit(taught, turned).score(asked))


def test_a_stranger_is_read_by_its_words(student):
    likes = Prompt("eve", SEA[:4], HOME[:2], "Ship on the Ocean")
    turned = replace(likes, liked=likes.disliked, disliked=likes.liked)
    assert student.score([likes])[0] > student.score([turned])[0]


def test_what_was_saved_says_the_same(student, tmp_path):
    header, arrays = read_artefact(write_artefact(tmp_path / "student", {}, student.arrays()))
    back, asked = Student.of_arrays(arrays), [*people(20, 2), Prompt("eve", ("New",), (), "Newer")]
    assert header == {}
    assert np.array_equal(back.score(asked), student.score(asked))


@pytest.mark.parametrize("name", ["axes", "keys", "vectors", "usual", "words", "weights"])
def test_what_does_not_fit_is_refused(student, name):
    arrays = student.arrays()
    short = {**arrays, f"student.{name}": arrays[f"student.{name}"][:-1]}
    with pytest.raises(BadModelFile):
        Student.of_arrays(short)
    del arrays[f"student.{name}"]
    with pytest.raises(BadModelFile):
        Student.of_arrays(arrays)


def test_a_title_is_cached_once(student):
    arrays = student.arrays()
    arrays["student.keys"] = np.full_like(arrays["student.keys"], 7)
    with pytest.raises(BadModelFile, match="different"):
        Student.of_arrays(arrays)


@pytest.mark.parametrize("scores", [[], [1.0], [np.nan] * 4, [[1.0] * 4]])
def test_scores_must_fit(scores):
    with pytest.raises(BadInput, match="one finite score"):
        Student.fit(scores, people(4, 0))


def test_a_teacher_who_says_always_the_same_is_learned():
    said = Student.fit([2.5] * 8, people(8, 0), config=StudentConfig(dimension=4)).score(people(5, 1))
    assert np.allclose(said, 2.5, atol=1e-4)


def test_texts_are_read_beside_titles():
    texts = {f"X{place}": film for place, film in enumerate(FILMS)}
    pairs = [Prompt(user, (), (), title) for user in "abcdefgh" for title in texts if title not in ("X0", "X6")]
    student = Student.fit([float(texts[pair.target] in SEA) for pair in pairs], pairs, texts)
    sea, soup = student.score([Prompt("eve", (), (), "X0"), Prompt("eve", (), (), "X6")])
    assert sea > soup


def test_a_row_must_learn_first():
    with pytest.raises(NotFitted):
        Distilled(LikeRate(), people(3, 0)).score(people(1, 1))


@given(more=st.integers(0, 15), seed=st.integers(0, 5))
@settings(max_examples=20, deadline=None)
def test_unlabelled_pairs_hold_no_label_and_nothing_known(more, seed):
    some = people(3, 0)
    pairs = unlabelled(some, FILMS, more, seed)
    assert pairs == unlabelled(some, FILMS, more, seed)
    assert all(pair.label is None for pair in pairs)
    assert len(pairs) == 3 * (1 + min(more, len(FILMS) - 6))
    assert all(pair.target not in (*pair.liked, *pair.disliked) for pair in pairs)


def test_a_model_is_asked_as_a_row():
    class Likes:
        name = "scripted"

        def log_probability(self, prompts, continuations):
            both = zip(prompts, continuations, strict=True)
            return np.array([float(word == "Yes") * text.count("Sea Ship") for text, word in both])

    model: Any = Likes()
    asked = [Prompt("eve", ("Sea Ship",), (), "Heat"), Prompt("eve", ("Sea Ship",), (), "Sea Ship")]
    assert ModelJudge(model).fit([]).score(asked).tolist() == [1.0, 2.0]
    # what each side says by itself is taken off, and nothing is left where they only add up
    assert ModelJudge(model, LlmRankingConfig(calibrated=True)).score(asked).tolist() == [0.0, 0.0]
