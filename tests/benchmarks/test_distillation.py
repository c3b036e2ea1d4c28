"""Students keep what their teachers say at a fraction of the cost, as the committed results have it."""

import json

import pytest

from benchmarks import readme
from benchmarks.cold_user_table import SHOTS

FOUND = json.loads((readme.RESULTS / "distillation.json").read_text(encoding="utf-8"))["data"]


@pytest.mark.parametrize("teacher", ["maml", "ensemble"])
@pytest.mark.parametrize("name", FOUND)
def test_students_of_large_teachers_keep_what_these_say_at_a_twentieth_of_the_cost(name, teacher):
    rows = FOUND[name]["rows"]
    [row] = [one for one in rows if (one["teacher"], one["student"]) == (teacher, "k-shot form")]
    assert row["cheaper"]["low"] >= 20
    for k in SHOTS:
        assert row["kept"][str(k)]["high"] >= 0.97, f"k={k} is below by more than chance"
