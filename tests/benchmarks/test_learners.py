"""Every learner is measured, has a page of its family, and is no worse than popularity."""

import json

from benchmarks import learners, readme
from warmstart.recommenders.table import RECOMMENDERS


def test_every_learner_has_a_page_of_its_family():
    shown = {label for labels in readme.FAMILIES.values() for label in labels}
    assert shown == {*learners.LEARNERS, "meta"}
    assert {file.stem for file in (readme.DOCS / "learners").glob("*.md")} == {
        *readme.FAMILIES,
        "your-own",
    }


def test_no_learner_is_worse_than_popularity_but_by_chance():
    found = json.loads((readme.RESULTS / "learners.json").read_text(encoding="utf-8"))["data"]
    for rows in (one["rows"] for one in found.values()):
        for row in rows:
            if row["model"] in learners.LEARNERS:
                assert all(ratio["high"] >= 1 for ratio in row["against popularity"].values()), row["model"]


def test_every_learner_of_the_table_is_measured():
    assert {name for name, _ in learners.LEARNERS.values()} == {
        name for name, place in RECOMMENDERS.items() if ".meta.learners." in place
    }
