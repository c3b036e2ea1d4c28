"""The page on learners says what the committed results say, and the plain loop agrees with what it is compared to."""

import json

from benchmarks import learners
from warmstart.recommenders.table import RECOMMENDERS


def test_the_page_says_what_was_measured():
    text = learners.PAGE.read_text(encoding="utf-8")
    assert learners.page(text) == text, "run: python benchmarks/learners.py --docs"


def test_no_learner_is_worse_than_popularity_but_by_chance():
    found = json.loads((learners.RESULTS / "learners.json").read_text(encoding="utf-8"))["data"]
    for rows in (one["rows"] for one in found.values()):
        for row in rows:
            if row["model"] in learners.LEARNERS:
                assert all(ratio["high"] >= 1 for ratio in row["against popularity"].values()), row["model"]


def test_every_learner_of_the_table_is_measured():
    assert {name for name, _ in learners.LEARNERS.values()} == {
        name for name, place in RECOMMENDERS.items() if ".meta.learners." in place
    }
