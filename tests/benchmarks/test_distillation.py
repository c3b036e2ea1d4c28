"""The page on distillation says what the committed results say, and students cost a fraction of their teachers."""

import json

import pytest

from benchmarks import distillation
from benchmarks.cold_user_table import SHOTS

FOUND = json.loads((distillation.RESULTS / "distillation.json").read_text(encoding="utf-8"))["data"]


def test_the_page_says_what_was_measured():
    text = distillation.PAGE.read_text(encoding="utf-8")
    assert distillation.page(text) == text, "run: python benchmarks/distillation.py --docs"


@pytest.mark.parametrize("teacher", ["maml", "ensemble"])
@pytest.mark.parametrize("name", FOUND)
def test_students_of_large_teachers_keep_what_these_say_at_a_twentieth_of_the_cost(name, teacher):
    rows = FOUND[name]["rows"]
    [row] = [one for one in rows if (one["teacher"], one["student"]) == (teacher, "k-shot form")]
    assert row["cheaper"]["low"] >= 20
    for k in SHOTS:
        assert row["kept"][str(k)]["high"] >= 0.97, f"k={k} is below by more than chance"
