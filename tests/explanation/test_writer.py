"""A model writes, the checker has the last word, a template speaks where nothing is left."""

import time

import pytest

from tests.explanation.worlds import WORLDS, Scripted
from warmstart.core.errors import BadInput, Unsupported, WarmstartError
from warmstart.explanation.prompts import prompt_of
from warmstart.explanation.templates import template
from warmstart.explanation.writer import describe, describe_all
from warmstart.representation.language_model import Generated

HEAT = WORLDS["heat"]
GOOD = "“Heat (1995)” is a crime thriller. It was directed by Michael Mann."


def test_a_good_text_is_shown_as_it_came():
    found = describe(HEAT, Scripted(lambda _: GOOD))
    assert (found.text, found.origin, found.kept, found.dropped) == (GOOD, "model", 2, 0)


def test_a_text_is_repaired_by_dropping_and_counted():
    found = describe(HEAT, Scripted(lambda _: f"{GOOD} It won three Oscars. You will love it."))
    assert (found.text, found.origin, found.kept, found.dropped) == (GOOD, "repaired", 2, 2)
    assert dict(found.faults)["claim"] == 2


@pytest.mark.parametrize(
    "said", ["", "It won an Oscar.", "Sure! Here is the text:", "It is a film.", "It is a crime film."]
)
def test_a_template_speaks_where_nothing_that_names_the_item_is_left(said):
    found = describe(HEAT, Scripted(lambda _: said))
    assert (found.text, found.origin, found.why) == (template(HEAT), "template", "check")


def test_a_template_speaks_without_a_model():
    assert describe(HEAT).origin == "template"
    assert describe(HEAT).why == ""


@pytest.mark.parametrize("error", [OSError("gone"), RuntimeError("out of memory"), WarmstartError("refused")])
def test_a_model_that_fails_costs_no_answer(error, caplog):
    class Broken:
        def generate(self, prompts, **how):
            raise error

    with caplog.at_level("WARNING", logger="warmstart"):
        assert describe(HEAT, Broken()).why == "error"


def test_a_model_that_never_writes_is_a_mistake():
    class Mute:
        def generate(self, prompts, **how):
            raise Unsupported("The language model 'static' cannot write.")

    with pytest.raises(Unsupported):
        describe(HEAT, Mute())


def test_a_late_answer_is_not_shown():
    class Slow:
        def generate(self, prompts, **how):
            time.sleep(0.05)
            return [Generated(GOOD, 1, 1, "stop")]

    assert describe(HEAT, Slow(), deadline=0.01).why == "deadline"


def test_what_a_deadline_cut_off_is_used_as_far_as_it_goes():
    cut = Scripted(lambda _: "“Heat (1995)” is a crime film. It was dire", ended="deadline")
    assert describe(HEAT, cut).text == "“Heat (1995)” is a crime film."
    assert describe(HEAT, Scripted(lambda _: "“Heat (19", ended="deadline")).why == "deadline"


def test_the_deadline_and_the_seed_reach_the_model():
    class Curious(Scripted):
        def generate(self, prompts, **how):
            assert (how["deadline"], how["seed"]) == (3.0, 7)
            return super().generate(prompts)

    assert describe(HEAT, Curious(lambda _: GOOD), deadline=3.0, seed=7).origin == "model"


def test_a_model_that_answers_too_little_is_not_believed():
    class Short:
        def generate(self, prompts, **how):
            return []

    assert [one.why for one in describe_all([HEAT, HEAT], Short())] == ["error", "error"]


def test_mistakes_are_named():
    with pytest.raises(BadInput, match="en or zh"):
        describe(HEAT, language="fr")  # type: ignore[arg-type]
    with pytest.raises(BadInput, match="above 0"):
        describe(HEAT, deadline=0)


@pytest.mark.parametrize("world", WORLDS)
@pytest.mark.parametrize("language", ["en", "zh"])
def test_a_prompt_fences_its_data_on_one_line(world, language):
    last = prompt_of(WORLDS[world], language).splitlines()[-1]
    assert last.startswith("<data>{")
    assert last.endswith("}</data>")
    assert last.count("<") == 2


def test_one_text_for_each_in_their_order():
    found = describe_all([WORLDS["heat"], WORLDS["matrix"]], language="zh")
    assert ["Heat" in found[0].text, "Matrix" in found[1].text] == [True, True]


class _Drafting:
    """Says one thing after another, whatever it is asked."""

    def __init__(self, *rounds):
        self.rounds, self.asked = list(rounds), []

    def generate(self, prompts, **how):
        self.asked.append(len(prompts))
        said = self.rounds[len(self.asked) - 1]
        if isinstance(said, Exception):
            raise said
        return [Generated(one, 1, 1, "stop") for one in said]


LIE = "It won an Oscar."


def test_a_text_that_fails_is_asked_for_again_and_only_that():
    model = _Drafting([GOOD, LIE], [GOOD])
    found = describe_all([HEAT, HEAT], model)
    assert [(one.origin, one.tries) for one in found] == [("model", 1), ("model", 2)]
    assert model.asked == [2, 1]


def test_the_draft_of_which_more_is_left_is_shown():
    short = "\N{LEFT DOUBLE QUOTATION MARK}Heat\N{RIGHT DOUBLE QUOTATION MARK} is a crime film."
    for rounds in (
        ([f"{short} {LIE}"], [f"{GOOD} {LIE}"]),
        ([f"{GOOD} {LIE}"], [f"{short} {LIE}"]),
        ([GOOD + LIE], [LIE]),
    ):
        found = describe(HEAT, _Drafting(*rounds))
        assert (found.text, found.origin, found.kept, found.tries) == (GOOD, "repaired", 2, 2)


def test_a_model_is_asked_twice_and_no_more():
    model = _Drafting(*[[LIE]] * 9)
    found = describe(HEAT, model)
    assert (found.why, found.tries) == ("check", 2)
    assert model.asked == [1, 1]


def test_a_second_draft_that_fails_leaves_the_first():
    found = describe(HEAT, _Drafting([f"{GOOD} {LIE}"], OSError("gone")))
    assert (found.text, found.origin) == (GOOD, "repaired")
    lost = describe(HEAT, _Drafting([LIE], OSError("gone")))
    assert (lost.text, lost.why) == (template(HEAT), "check")


def test_a_draft_that_would_not_be_finished_is_not_begun():
    class Slow(_Drafting):
        def generate(self, prompts, **how):
            time.sleep(0.06)
            return super().generate(prompts)

    model = Slow([f"{GOOD} {LIE}"], [GOOD])
    assert describe(HEAT, model, deadline=0.1).origin == "repaired"
    assert model.asked == [1]
