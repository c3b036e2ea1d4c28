"""The pages on learners say what the committed results say, and the plain loop agrees with what it is compared to."""

import json

from benchmarks import learner_pages, learners
from warmstart.recommenders.table import RECOMMENDERS


def test_the_pages_say_what_was_measured():
    assert not learner_pages.stale(), "run: python benchmarks/learners.py --docs"


def test_every_learner_has_a_page_of_its_family():
    shown = {label for labels in learner_pages.FAMILIES.values() for label in labels}
    assert shown == {*learners.LEARNERS, "meta"}
    assert {file.stem for file in (learner_pages.DOCS / "learners").glob("*.md")} == {
        *learner_pages.FAMILIES,
        "your-own",
    }


def test_no_learner_is_worse_than_popularity_but_by_chance():
    found = json.loads((learner_pages.RESULTS / "learners.json").read_text(encoding="utf-8"))["data"]
    for rows in (one["rows"] for one in found.values()):
        for row in rows:
            if row["model"] in learners.LEARNERS:
                assert all(ratio["high"] >= 1 for ratio in row["against popularity"].values()), row["model"]


def test_every_learner_of_the_table_is_measured():
    assert {name for name, _ in learners.LEARNERS.values()} == {
        name for name, place in RECOMMENDERS.items() if ".meta.learners." in place
    }
